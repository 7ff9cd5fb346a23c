"""Hostile submissions of all kinds, given to the real `kmodlab grade` in one run, with right ones between them.

None earns anything, none is blamed on us, nothing of the host is read or changed, nothing is left running or lying
about, whatever is written about them is harmless, and the right ones have full marks all the same.
"""

from __future__ import annotations

import ast
import base64
import contextlib
import csv
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import psutil
import pytest
from _pytest.mark import ParameterSet
from attacks import ATTACKS, EXERCISES, FULL, Attack, as_notebook, master, right_answers
from hostile_files import PLANTED
from process_helpers import descendants, is_alive

from kmodlab.course.exercise import read_master
from kmodlab.guest.lab import Lab
from kmodlab.text import align_columns, escape_control_chars

pytestmark = pytest.mark.xdist_group("grade")  # The run uses both processors already.

ROOT = Path(__file__).parents[2]
DEADLINE_S = 300.0
MARGIN_S = 30.0  # to end a worker, on a crowded machine
WAIT_S = 900.0
EVERY = 40  # submissions, there is a learner whose work is right
SHADOWED = "a module that shadows a library"  # the grader is started in that learner's folder
KINDS = ("build", "guest", "notebook", "archive")
# Each has the grader busy for six to forty seconds, where another attack of its kind has it for one.
SLOW = (
    "a loop with interrupts on in init",
    "a loop in a timer",
    "printk floods",
    "macro bombs",
    "print floods, in the build",
)


def one_of_each_kind() -> list[Attack]:
    """Of the attacks on one exercise that are told for the same thing, the first that is not slow."""
    chosen: dict[tuple[str, ...], Attack] = {}
    for attack in sorted(ATTACKS, key=lambda attack: attack.name != SHADOWED):
        if attack.name not in SLOW:
            chosen.setdefault((attack.kind, attack.exercise, attack.says, attack.state), attack)
    return [attack for attack in ATTACKS if attack in chosen.values()]


CLASSES = {"one of each kind": one_of_each_kind(), "all": list(ATTACKS)}


# ---- what they are after -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Bait:
    """Secrets by where they are, files that nobody may touch, a port, a number and a name to be found by."""

    secrets: Mapping[str, str]
    canaries: tuple[Path, ...]
    listener: socket.socket
    nap: str
    left: str

    def aimed(self, text: str, masters: Path) -> str:
        """A hostile text, with what its words stand for."""
        meant = {
            "canary": str(self.canaries[0]),
            "folder": str(self.canaries[0].parent),
            "masters": str(masters),
            "port": str(self.listener.getsockname()[1]),
            "nap": self.nap,
            "left": self.left,
            "secret": SECRET,
        }
        return re.sub(f"@({'|'.join(meant)})@", lambda found: meant[found[1]], text)

    @property
    def was_connected(self) -> bool:
        """Whether anybody reached the port."""
        with contextlib.suppress(BlockingIOError):
            self.listener.accept()[0].close()
            return True
        return False


SECRET = "canary"


@contextlib.contextmanager
def bait(folder: Path) -> Iterator[Bait]:
    """Canaries in the user's home, and beside the submissions; gone afterwards."""
    hidden = {name: SECRET + secrets.token_hex(12) for name in ("file", "environment", "solution", "hidden")}
    home = Path.home() / f"canary-{secrets.token_hex(4)}"
    canaries = (home / "secret.h", folder / "secret.h")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        nap, left = str(10**8 + secrets.randbelow(10**9)), f"left-{secrets.token_hex(8)}"
        try:
            for path in canaries:
                path.parent.mkdir(exist_ok=True)
                path.write_text(f"{hidden['file']}\n")
            yield Bait(hidden, canaries, listener, nap, left)
        finally:
            shutil.rmtree(home)


def forms(secret: str) -> list[bytes]:
    """A secret's bytes as they are, in base 64 (wherever it begins) and in hexadecimal digits."""
    raw = secret.encode()
    encoded = [base64.b64encode(bytes(before) + raw)[4:-4] for before in range(3)]
    return [raw, *encoded, raw.hex().encode()]


def state_of(*places: Path) -> dict[str, tuple[int, int, int]]:
    """Size and times of all that is in some folders."""
    found = [path for place in places for path in (place, *place.rglob("*"))]
    stats = [(str(path), path.lstat()) for path in found]
    return {name: (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns) for name, stat in stats}


# ---- the run -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Run:
    """What the run was given, and what came of it. `state` is that of the places that it was not to change."""

    bait: Bait
    attacks: Sequence[Attack]
    learners: Mapping[str, str]  # who made which attack
    rights: tuple[tuple[str, str], ...]  # learner, exercise
    out: Path
    status: int
    said: str
    seconds: float
    results: Mapping[tuple[str, str], Mapping[str, Any]]
    state: tuple[Mapping[str, tuple[int, int, int]], Mapping[str, tuple[int, int, int]]]
    scratch: list[Path]
    processes: list[psutil.Process]

    def result(self, attack: Attack) -> Mapping[str, Any]:
        """What came of an attack."""
        return self.results[self.learners[attack.name], attack.exercise]

    def words(self, attack: Attack) -> str:
        """All that is said of an attack."""
        result, learner = self.result(attack), self.learners[attack.name]
        left_out = (self.out / "left-out.txt").read_text().splitlines()
        about = [line for line in left_out if line.startswith(f"given/{learner}")]
        reasons = [result["reason"], *(check["reason"] for check in result["checks"])]
        return "\n".join(filter(None, [*reasons, *result["remarks"], *about]))


class Watcher(threading.Thread):
    """Notes all processes that a process ever has below it."""

    def __init__(self, process: psutil.Process) -> None:
        super().__init__(daemon=True)
        self.seen: set[psutil.Process] = set()
        self._process, self._ended = process, threading.Event()

    def run(self) -> None:
        while not self._ended.wait(0.5):
            with contextlib.suppress(OSError):  # of processes that end just now
                self.seen.update(descendants(self._process))

    def end(self) -> None:
        self._ended.set()
        self.join()


def hand_in_all(folder: Path, bait: Bait, attacks: Sequence[Attack]) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Write exercises and submissions; returns who made which attack, and whose work on what is right."""
    masters, given = folder / "exercises", folder / "given"
    hidden = {"SOLUTION SECRET": bait.secrets["solution"], "HIDDEN SECRET": bait.secrets["hidden"]}
    exercises = {}
    for name in EXERCISES:
        (masters / name).mkdir(parents=True)
        (masters / name / "master.ipynb").write_text(master(name, hidden))
        exercises[name] = read_master(masters / name / "master.ipynb")
    given.mkdir()
    learners: dict[str, str] = {}
    rights: list[tuple[str, str]] = []

    def aimed(text: str) -> str:
        return bait.aimed(text, masters)

    for number, attack in enumerate(attacks):
        learner, beside = attack.hand_in(exercises[attack.exercise], given, f"a{number:03}", aimed)
        learners[attack.name] = learner
        rights += [(other, attack.exercise) for other in beside]
    for learner in [*(f"a{number:03}-right" for number in range(EVERY, len(attacks), EVERY)), "zz-right"]:
        for name, exercise in exercises.items():
            path = given / learner / f"{name.partition('-')[2]}.ipynb"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(as_notebook(exercise, right_answers(name, learner)))
            rights.append((learner, name))
    return learners, rights


def environment(bait: Bait, scratch: Path, mark: str) -> dict[str, str]:
    """The grader's: with secrets, and with what would change a build."""
    hostile = {"MAKEFLAGS": "-n", "KCFLAGS": "-DTEMPO=120", "LD_PRELOAD": "/nonexistent.so"}
    secret = {"COURSE_TOKEN": bait.secrets["environment"], "COURSE_RUN": mark}
    return {**os.environ, **hostile, **secret, "TMPDIR": str(scratch)}


def read_results(out: Path) -> dict[tuple[str, str], dict[str, Any]]:
    results = [json.loads(path.read_text()) for path in out.glob("results/*/*.json")]
    return {(result["learner"], result["exercise"]): result for result in results}


@pytest.fixture(params=["one of each kind", pytest.param("all", marks=pytest.mark.long)])
def run(request: pytest.FixtureRequest, runs: Callable[[str], Run]) -> Run:
    """What came of a class."""
    return runs(request.param)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, lab: Lab, tables: dict[str, str]) -> Iterator[Callable[[str], Run]]:
    """Each class by its name, graded when it is first asked for."""
    with contextlib.ExitStack() as stack:

        @cache
        def graded(name: str) -> Run:
            run = stack.enter_context(grade_class(CLASSES[name], tmp_path_factory, lab))
            tables[f"hostile submissions, {name}"] = format_table(run)
            return run

        yield graded


@contextlib.contextmanager
def grade_class(attacks: Sequence[Attack], tmp_path_factory: pytest.TempPathFactory, lab: Lab) -> Iterator[Run]:
    """The attacks of a class, graded in one go."""
    folder, out, scratch = (tmp_path_factory.mktemp(name) for name in ("attacks", "out", "scratch"))
    with bait(folder / "host") as bait_:
        learners, rights = hand_in_all(folder, bait_, attacks)
        untouched = (folder, bait_.canaries[0].parent, lab.disk.parent, lab.folder / "snapshots")
        before = state_of(*untouched)
        argv: list[str | Path] = [Path(sys.executable).with_name("kmodlab"), "grade", "--out", out, "--jobs", "2"]
        argv += ["--deadline", str(DEADLINE_S), "--format", "json,csv,html,junit"]
        argv += ["--exercises", folder / "exercises", folder / "given"]
        begun, mark = time.monotonic(), secrets.token_hex(12)
        with subprocess.Popen(
            argv,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=folder / "given" / learners[SHADOWED],
            env=environment(bait_, scratch, mark),
        ) as grader:
            watcher = Watcher(psutil.Process(grader.pid))
            watcher.start()
            try:
                said = grader.communicate(timeout=WAIT_S)[0].decode()
            finally:
                grader.kill()
                watcher.end()
        seconds = time.monotonic() - begun
        yield Run(
            bait_,
            attacks,
            learners,
            tuple(rights),
            out,
            grader.returncode,
            said,
            seconds,
            read_results(out),
            (before, state_of(*untouched)),
            list(scratch.rglob("*")),
            still_there(watcher.seen, [mark, bait_.nap]),
        )


def still_there(seen: set[psutil.Process], marks: list[str]) -> list[psutil.Process]:
    """Processes that do not end soon, of those that were seen and those that carry a mark of this run."""
    until = time.monotonic() + 20
    while any(map(is_alive, seen)) and time.monotonic() < until:
        time.sleep(0.1)
    marked = {process for process in psutil.process_iter() if any(mark in traces_of(process) for mark in marks)}
    return [process for process in seen | marked if is_alive(process)]


# A process that ends just now can bring any OSError.
def traces_of(process: psutil.Process) -> str:
    """Command line and environment; empty where they cannot be read."""
    with contextlib.suppress(psutil.Error, OSError):
        return " ".join([*process.cmdline(), *process.environ().values()])
    return ""


def format_table(run: Run) -> str:
    """A line for each attack, and the sums below it."""
    rows = [("attack", "class", "verdict", "s", "what is said of it")]
    for attack in run.attacks:
        result = run.results.get((run.learners[attack.name], attack.exercise))
        if result is None:
            rows.append((attack.name[:60], attack.kind, "MISSING", "", ""))
            continue
        points = "-" if result["points"] is None else f"{result['points']:g}"
        verdict = "rejected" if result["state"] == "rejected" else f"{points} of {result['max_points']:g}"
        words = escape_control_chars(run.words(attack).partition("\n")[0])
        rows.append((attack.name[:60], attack.kind, verdict, f"{result['seconds']:.1f}", words[:80]))
    return "\n".join([*align_columns(rows), sums_of(run)])


def sums_of(run: Run) -> str:
    """The run in one line."""
    passed = sum(bool(run.results.get((run.learners[one.name], one.exercise), {}).get("points")) for one in run.attacks)
    right = sum(run.results.get(key, {}).get("points") == FULL for key in run.rights)
    return (
        f"attacks {len(run.attacks)}, passed {passed}, canaries read {len(leaks(run))}, changed {len(changes(run))}, "
        f"processes left {len(run.processes)}, right submissions right {right}/{len(run.rights)}, {run.seconds:.0f} s"
    )


# ---- what may be seen ----------------------------------------------------------------------------------------------


def files_in(out: Path, *patterns: str) -> Iterator[tuple[str, bytes]]:
    """Names and contents of files."""
    for pattern in patterns:
        for path in sorted(out.rglob(pattern)):
            if path.is_file():
                yield str(path.relative_to(out)), path.read_bytes()


def leaks(run: Run) -> list[str]:
    """Where a secret is that is not to be there; those of hidden checks are not to be where learners look."""
    everywhere = [(name, secret) for name, secret in run.bait.secrets.items() if name != "hidden"]
    shown = [*files_in(run.out, "*"), ("what was printed", run.said.encode())]
    found = [f"{name}: {kind}" for name, data in shown for kind, secret in everywhere if holds(data, secret)]
    for_learners = files_in(run.out, "feedback/*", "junit.xml")
    return found + [f"{name}: hidden" for name, data in for_learners if holds(data, run.bait.secrets["hidden"])]


def holds(data: bytes, secret: str) -> bool:
    return any(form in data for form in forms(secret))


def changes(run: Run) -> list[str]:
    """What was changed, made or removed outside of the folder of results."""
    before, after = run.state
    changed = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    folders = ("/tmp", "/var/tmp", "/dev/shm", "/run", str(run.out.parent))
    return changed + [str(path) for folder in folders for path in Path(folder).glob(f"{run.bait.left}*")]


# Control characters but tab and line ends; those that change the direction of text.
OBEYED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


class Reader(HTMLParser):
    """Every tag with its attributes, as a browser reads them."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


# ---- tests ---------------------------------------------------------------------------------------------------------


def each_in_its_class() -> list[ParameterSet]:
    """Each class with each of its attacks. The class of all is `long`."""
    quick = [pytest.param("one of each kind", attack, id=ascii(attack.name)[1:-1]) for attack in one_of_each_kind()]
    every = [
        pytest.param("all", attack, id=f"all, {ascii(attack.name)[1:-1]}", marks=pytest.mark.long) for attack in ATTACKS
    ]
    return quick + every


@pytest.mark.parametrize(("run", "attack"), each_in_its_class(), indirect=["run"])
def test_an_attack_earns_nothing_and_is_told_for_what_it_is(run: Run, attack: Attack) -> None:
    result = run.result(attack)
    assert (result["points"], result["max_points"], result["state"]) == (0, FULL, attack.state), run.words(attack)
    assert re.search(attack.says, run.words(attack)), run.words(attack)
    assert result["seconds"] < DEADLINE_S + MARGIN_S
    assert result["sandboxed"]


def test_right_submissions_have_full_marks_whatever_came_before_them(run: Run) -> None:
    assert {run.results[key]["points"] for key in run.rights} == {FULL}, sums_of(run)
    assert run.results[run.rights[-1]]["learner"] == max(learner for learner, _ in run.rights)


def test_every_submission_has_a_result_and_none_is_blamed_on_us(run: Run) -> None:
    attacked = {(run.learners[attack.name], attack.exercise) for attack in run.attacks}
    assert set(run.results) == attacked | set(run.rights)
    assert len(attacked) == len(run.attacks)
    assert run.status == 0, run.said


def test_no_secret_is_anywhere_in_the_results(run: Run) -> None:
    assert leaks(run) == []


def test_nothing_outside_of_the_results_is_changed(run: Run) -> None:
    assert changes(run) == []
    assert run.scratch == []
    assert {path.read_text().strip() for path in run.bait.canaries} == {run.bait.secrets["file"]}


def test_nobody_reached_the_network(run: Run) -> None:
    assert not run.bait.was_connected


def test_no_process_is_left(run: Run) -> None:
    assert run.processes == []


def test_pages_hold_nothing_that_a_browser_runs_or_fetches(run: Run) -> None:
    for name, content in files_in(run.out, "*.html"):
        reader = Reader()
        reader.feed(content.decode())
        assert b"<script" not in content.lower(), name
        for tag, attributes in reader.tags:
            assert tag not in ("script", "img", "iframe", "object", "embed", "link", "form", "base"), name
            assert not [one for one in attributes if one.startswith("on") or one in ("src", "srcset", "action")], name
            assert (attributes.get("href") or "#").startswith("#"), name


def test_no_cell_is_a_formula(run: Run) -> None:
    for name, content in files_in(run.out, "*.csv"):
        for row in csv.reader(content.decode().splitlines(keepends=True)):
            assert not [cell for cell in row if re.match(r"\s*[=+\-@|\uff1d\uff0b\uff0d\uff20]", cell)], name


def test_nothing_is_written_that_a_terminal_obeys_or_that_learners_stored(run: Run) -> None:
    texts = [*files_in(run.out, "*.html", "*.csv", "*.txt", "*.xml", "*.json"), ("", run.said.encode())]
    for name, content in texts:
        assert not OBEYED.search(content.decode()), name
        assert PLANTED not in content.decode(), name


def test_each_kind_has_its_attacks_or_a_test_of_its_own() -> None:
    for attacks in CLASSES.values():
        assert {attack.kind for attack in attacks} == set(KINDS)
        assert {attack.exercise for attack in attacks} == set(EXERCISES)
    assert set(SLOW) <= {attack.name for attack in ATTACKS}
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS)
    for file, _, name in {attack.also.partition("::") for attack in ATTACKS if attack.also}:
        defined = [
            node.name for node in ast.walk(ast.parse((ROOT / file).read_text())) if isinstance(node, ast.FunctionDef)
        ]
        assert name in defined, file
