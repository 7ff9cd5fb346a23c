"""A class of learners, generated: right, wrong in many ways, hostile, damaged; and the gradebook it must come to.

    python tests/course/classroom.py --grade --jobs 2 --kill     a whole class with the real `kmodlab grade`, compared
    python tests/course/classroom.py --store                     judge each text once, and write gradebook.csv

What a text earns stands in gradebook.csv. That file must agree with what is known without it: solutions get all, the
starter what its starter.txt says, wrong cases fail first where they are to, hostile ones earn nothing where they act.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import re
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import psutil
from cases import CASES, read_case, read_stated

from kmodlab.exercises.cells import Kind, read_cell, split_magic
from kmodlab.exercises.master import Exercise, Role, find_masters, read_master
from kmodlab.exercises.regions import read_regions
from kmodlab.exercises.release import release

ROOT = Path(__file__).parents[2]
EXERCISES = {path.parent.name: read_master(path) for path in find_masters(ROOT / "exercises")}
GRADEBOOK = Path(__file__).with_name("gradebook.csv")
NOTHING = "nothing"  # earned by what cannot be graded
CANARIES = (Path("/tmp/kmodlab-classroom"), Path.home() / "kmodlab-classroom")  # files that no answer can make
_WORKER = "kmodlab.exercises.grading.worker"
_GONE_S = 20
_START_S = 60

Roll = Mapping[tuple[str, str], str]  # by learner and exercise: what is handed in
Marks = dict[str, float]  # points by check
Change = Callable[[dict[str, Any]], bytes | None]

# ---- hostile answers -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Attack:
    """What a hostile learner writes, given the right answer; `acts`: where it runs or is built, nothing is earned."""

    write: Callable[[str], str]
    acts: bool = True
    only: tuple[str, ...] = ()  # exercises; what hangs takes its time once for each check


def in_init(code: str, only: tuple[str, ...] = ()) -> Attack:
    """The right module, whose init does this first."""

    def write(right: str) -> str:
        found = re.search(r"^module_init\((\w+)\);$", right, re.MULTILINE)
        own = f"static int __init evil_init(void)\n{{\n    {code}\n    return {f'{found[1]}()' if found else 0};\n}}"
        evil = f"#include <linux/reboot.h>\n#include <linux/sched/signal.h>\n\n{own}\nmodule_init(evil_init);"
        macro = re.search(r"^module_(init|misc_device|pci_driver)\(\w+\);$", right, re.MULTILINE)
        return right.replace(macro[0], evil) if macro else f"{right}\n{evil}\n"

    return Attack(write, only=only)


def instead(text: str, *, acts: bool = True, only: tuple[str, ...] = ()) -> Attack:
    return Attack(lambda _: text, acts, only)


def before(text: str) -> Attack:
    return Attack(lambda right: f"{text}\n{right}")


LIAR = """#include <linux/module.h>

static int __init liar_init(void)
{
    pr_info("PASSED: all checks, 1000 of 1000 points\\n");
    return 0;
}

static void __exit liar_exit(void)
{
    pr_info("PASSED\\n");
}

module_init(liar_init);
module_exit(liar_exit);
MODULE_LICENSE("GPL");
"""
OTHERS = "struct task_struct *one; for_each_process(one) if (one->mm) send_sig(SIGKILL, one, 1);"
ATTACKS: Mapping[Kind, Mapping[str, Attack]] = {
    Kind.KMOD: {
        "panics": in_init('panic("PASSED");'),
        "restarts": in_init("emergency_restart();"),
        "kills": in_init(OTHERS),
        "crashes": in_init("*(volatile int *)8 = 1;"),
        "fakes": in_init('pr_alert("BUG: unable to handle page fault for address: ffff888000000000\\n");'),
        "hangs": in_init("for (;;) cpu_relax();", only=("03-errno",)),
        "hangs_hard": in_init("local_irq_disable(); for (;;) ;", only=("06-leak",)),
        "reads": before('#include "/etc/passwd"'),
        "embeds": before('__asm__(".incbin \\"/etc/shadow\\"");'),
        "lies": instead(LIAR, acts=False),
        "noise": instead("\0\x1b[2J\ud800<script>alert(1)</script>"),
    },
    Kind.MAKEFILE: {
        "kills": before("x := $(shell kill -9 $$PPID)"),
        "writes": instead("x := $(shell touch /tmp/kmodlab-classroom ~/kmodlab-classroom)"),
        "reads": before("include /etc/shadow"),
        "quotes": before("$(error $(file </etc/passwd))"),
        "plugs": before("ccflags-y += -fplugin=/tmp/kmodlab-classroom.so"),
    },
    Kind.KSCRIPT: {
        "powers_off": before("poweroff -f"),
        "kills": before("kill -9 -1"),
        "crashes": before("echo c >/proc/sysrq-trigger"),
        "jams": instead("for port in /dev/vport*; do head -c 9000 /dev/urandom >$port; done", acts=False),
        "hangs": Attack(lambda right: f"while :; do :; done\n{right}", only=("16-modules-dep",)),
        "lies": instead("echo PASSED; echo PASSED >/dev/kmsg", acts=False),
    },
    Kind.ANSWER: {
        "megabyte": instead("a" * 1_000_000),
        "markup": instead("<script>alert(1)</script><img src=x onerror=alert(1)>"),
        "control": instead("\0\x1b[2J\x1b]0;PASSED\x07\u202e\ud800"),
        "lies": instead("PASSED"),
    },
}

# ---- damaged notebooks ---------------------------------------------------------------------------------------------


def answers_of(data: dict[str, Any]) -> list[dict[str, Any]]:
    return [cell for cell in data["cells"] if cell["metadata"]["nbgrader"]["solution"]]


def checks_of(data: dict[str, Any]) -> list[dict[str, Any]]:
    return [cell for cell in data["cells"] if cell["metadata"]["nbgrader"]["grade"]]


def lose_answers(data: dict[str, Any]) -> None:
    data["cells"] = [cell for cell in data["cells"] if cell not in answers_of(data)]


def lose_last_answer(data: dict[str, Any]) -> None:
    data["cells"].remove(answers_of(data)[-1])


def lose_checks(data: dict[str, Any]) -> None:
    data["cells"] = [cell for cell in data["cells"] if cell not in checks_of(data)]


def double_answers(data: dict[str, Any]) -> None:
    """Copies in front, as an editor pastes them: with ids of their own, and nbgrader's the same."""
    copies = [{**cell, "id": f"copy-{cell['id']}"[:64], "source": "%%answer x\nno"} for cell in answers_of(data)]
    data["cells"] = [*copies, *data["cells"]]


def shuffle(data: dict[str, Any]) -> None:
    data["cells"].reverse()


def retype(data: dict[str, Any]) -> None:
    for cell in answers_of(data):
        cell["cell_type"] = "markdown"
        del cell["outputs"], cell["execution_count"]


def change_first_lines(data: dict[str, Any]) -> None:
    for cell in answers_of(data):
        cell["source"] = f"%%bash --out x\n{split_magic(cell['source'])[1]}"


def change_line_ends(data: dict[str, Any]) -> None:
    for cell in answers_of(data):
        cell["source"] = cell["source"].replace("\n", "\r\n")


def forget_exercise(data: dict[str, Any]) -> None:
    data["metadata"] = {}


def change_points(data: dict[str, Any]) -> None:
    for cell in checks_of(data):
        cell["metadata"]["nbgrader"]["points"] = 1000


def forge(data: dict[str, Any]) -> None:
    output = {"output_type": "execute_result", "data": {"text/plain": "1000.0"}, "metadata": {}, "execution_count": 1}
    for cell in checks_of(data):
        cell |= {"source": "1000.0", "outputs": [output], "execution_count": 1}


def add_python(data: dict[str, Any]) -> None:
    """Code that would end whatever runs it, and another Jupyter kernel to run it in."""
    evil = {"cell_type": "code", "id": "evil", "source": "import os; os._exit(0)", "metadata": {}, "outputs": []}
    data["cells"].insert(0, {**evil, "execution_count": None})
    data["metadata"]["kernelspec"] = {"name": "bash", "display_name": "Bash", "language": "bash"}


def change_ids(data: dict[str, Any]) -> None:
    for cell in answers_of(data):
        cell["id"] = cell["metadata"]["nbgrader"]["grade_id"] = f"my-{cell['id']}"[:64]


def cut(data: dict[str, Any]) -> bytes:
    return json.dumps(data).encode()[:-1000]


DAMAGES: Mapping[str, tuple[str, Change]] = {  # what is damaged, and how; unless nothing is left, it earns the same
    "lost": (NOTHING, lose_answers),
    "renamed": (NOTHING, change_ids),
    "cut": (NOTHING, cut),
    "empty": (NOTHING, lambda _: b""),
    "binary": (NOTHING, lambda _: b"\xff\xfe\0"),
    "deep": (NOTHING, lambda _: b'{"cells":' + b"[" * 100_000),
    "infinite": (NOTHING, lambda data: json.dumps({**data, "nbformat": float("inf")}).encode()),
    "unchecked": ("solution", lose_checks),
    "doubled": ("solution", double_answers),
    "shuffled": ("solution", shuffle),
    "retyped": ("solution", retype),
    "other_lines": ("solution", change_first_lines),
    "other_ends": ("solution", change_line_ends),
    "untold": ("solution", forget_exercise),
    "points": ("starter", change_points),
    "forged": ("starter", forge),
    "python": ("starter", add_python),
}

# ---- what can be handed in -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Handed:
    """One way to do an exercise: the answer cells, by their ids, and what is done to the notebook.

    `earns` names the row of the gradebook; the texts of a row are the same to the byte.
    """

    earns: str
    answers: Mapping[str, str]
    change: Change = lambda _: None
    attack: Attack | None = None
    attacked: str = ""  # the name of the answer cell that holds the attack


@cache
def ways(name: str) -> dict[str, Handed]:
    """All that can be handed in to an exercise, by names."""
    exercise = EXERCISES[name]
    right = {one: solved(cell.source) for one, cell in exercise.answers.items()}
    found = {"solution": Handed("solution", right), "starter": Handed("starter", exercise.starter)}
    for path in sorted(CASES.glob(f"{name}/odd_*")) + sorted(CASES.glob(f"{name}/wrong_*")):
        answers = read_case(path, exercise).answers
        cells = {one: f"{split_magic(right[one])[0]}{text}" for one, text in answers.items()}
        found[path.stem] = Handed(path.stem, cells)
    found |= _hostile(exercise, right)
    for what, (like, change) in DAMAGES.items():
        answers = exercise.starter if like == "starter" else right
        found[f"damaged_{what}"] = Handed(like, answers, change)
    if len(right) > 1:
        found["damaged_half"] = Handed("damaged_half", right, lose_last_answer)
    return found


def solved(source: str) -> str:
    """An answer cell as one who knows writes it."""
    lines = source.split("\n")
    for region in reversed(read_regions(source)):
        lines[region.first : region.last + 1] = region.solution
    return "\n".join(lines)


def _hostile(exercise: Exercise, right: Mapping[str, str]) -> dict[str, Handed]:
    """Each attack, in the first answer cell of its kind; the other cells are right."""
    found: dict[str, Handed] = {}
    for kind, attacks in ATTACKS.items():
        written = {one: read_cell(cell) for one, cell in right.items()}
        cell = next((one for one, read in written.items() if read and read.kind is kind), None)
        for what, attack in attacks.items():
            if cell and (not attack.only or exercise.name in attack.only):
                line, body = split_magic(right[cell])
                answers = {**right, cell: f"{line}\n{attack.write(body)}"}
                case = f"hostile_{kind}_{what}"
                found[case] = Handed(case, answers, attack=attack, attacked=line.split()[1])
    return found


def make_roll(seed: int, learners: int, exercises: Sequence[str]) -> dict[tuple[str, str], str]:
    """Who hands in what: each way at least once where there are enough learners, and most of what is more is right."""
    roll: dict[tuple[str, str], str] = {}
    for exercise in exercises:
        chance = random.Random(f"{seed} {exercise}")
        cases = list(ways(exercise))
        chance.shuffle(cases)
        weights = [{"solution": 20, "starter": 5}.get(case, 1) for case in cases]
        cases += chance.choices(cases, weights, k=max(learners - len(cases), 0))
        chosen = chance.sample(cases[:learners], learners)
        roll |= {(f"learner{number:03}", exercise): case for number, case in enumerate(chosen, 1)}
    return roll


def hand_in(roll: Roll, folder: Path) -> Path:
    """Write it all as nbgrader's tree; returns its folder."""
    released = {name: release(exercise) for name, exercise in EXERCISES.items()}
    for (learner, name), case in roll.items():
        data, way = json.loads(released[name]), ways(name)[case]
        for cell in answers_of(data):
            cell["source"] = way.answers[cell["id"]]
        content = way.change(data)
        place = folder / "submitted" / learner / name
        place.mkdir(parents=True)
        (place / EXERCISES[name].notebook.name).write_bytes(json.dumps(data).encode() if content is None else content)
    return folder / "submitted"


def texts_in(roll: Roll) -> set[tuple[str, str]]:
    """The different texts that are handed in, by exercise and row of the gradebook."""
    earned = {(name, ways(name)[case].earns) for (_, name), case in roll.items()}
    return {one for one in earned if one[1] != NOTHING}


# ---- what it earns -------------------------------------------------------------------------------------------------


def rows_of(name: str) -> list[str]:
    """The rows of the gradebook for an exercise: its different texts."""
    return list(dict.fromkeys(way.earns for way in ways(name).values() if way.earns != NOTHING))


def read_gradebook() -> dict[tuple[str, str], Marks]:
    """What each text earns at each check, by exercise and row."""
    with GRADEBOOK.open(newline="") as file:
        return {(row["exercise"], row["case"]): _unpack(row["points"]) for row in csv.DictReader(file)}


def write_gradebook(marks: Mapping[tuple[str, str], Marks]) -> None:
    with GRADEBOOK.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("exercise", "case", "points"))
        for name in EXERCISES:
            writer.writerows((name, row, _pack(marks[name, row])) for row in rows_of(name) if (name, row) in marks)


def _pack(marks: Marks) -> str:
    return " ".join(f"{check}={points:g}" for check, points in marks.items())


def _unpack(text: str) -> Marks:
    return {check: float(points) for check, _, points in (word.partition("=") for word in text.split())}


def doubts(name: str, marks: Mapping[str, Marks]) -> Iterator[str]:
    """Where the gradebook's rows for an exercise cannot be right; what is known of them stands elsewhere."""
    exercise = EXERCISES[name]
    full = {one: float(check.points) for one, check in exercise.checks.items()}
    if set(marks) != set(rows_of(name)):
        yield f"{name}: other rows than texts: {', '.join(sorted(set(marks) ^ set(rows_of(name))))}"
    for row in [row for row in rows_of(name) if row in marks]:
        if list(marks[row]) != list(full) or any(not 0 <= marks[row][one] <= full[one] for one in full):
            yield f"{name}, {row}: these are not the exercise's checks and points"
        elif why := _doubt(exercise, row, marks[row], full):
            yield f"{name}, {row}: {why}: {_pack(marks[row])}"


def _doubt(exercise: Exercise, row: str, marks: Marks, full: Marks) -> str:
    if row == "solution" or row.startswith("odd_"):
        return "" if marks == full else "it is right"
    if row == "starter":
        stated = read_stated(CASES / exercise.name / "starter.txt")
        return "" if marks == {one: mark.points for one, mark in stated.items()} else "starter.txt says something else"
    first = next((one for one in full if marks[one] < full[one]), None)
    if first is None:
        return "it gets full marks"
    if row.startswith("wrong_"):
        (path,) = CASES.glob(f"{exercise.name}/{row}.*")
        return "" if first in read_case(path, exercise).caught_by else f"{first} is not the check that is to catch it"
    way = ways(exercise.name)[row]
    paid = [one for one in _acted_on(exercise, way) if marks[one]] if way.attack and way.attack.acts else []
    return f"it earns something at {paid[0]}" if paid else ""


def _acted_on(exercise: Exercise, way: Handed) -> list[str]:
    """The checks in which what was written in the attacked cell is run, or compared."""
    words = rf'\b(loads|refuses|leaves_nothing|survives_\w+|runs_script|answers)\("{re.escape(way.attacked)}"'
    return [cell.id for cell in exercise.cells if cell.role is Role.CHECK and re.search(words, cell.source)]


def expected(exercise: str, case: str, gradebook: Mapping[tuple[str, str], Marks]) -> tuple[str, Marks]:
    """The state of what is handed in, and its points by check."""
    earns = ways(exercise)[case].earns
    if earns == NOTHING:
        return "rejected", dict.fromkeys(EXERCISES[exercise].checks, 0.0)
    return "graded", gradebook[exercise, earns]


def differences(roll: Roll, gradebook: Mapping[tuple[str, str], Marks], out: Path) -> Iterator[str]:
    """Where the gradebook that was written is another one than it must be, down to each check's points."""
    states = {(row["learner"], row["exercise"]): (row["state"], row["points"]) for row in _rows(out / "gradebook.csv")}
    marks = checks_in(out)
    for learner, exercise in sorted(set(states) | set(roll)):
        key, case = (learner, exercise), roll.get((learner, exercise))
        if case is None or key not in states:
            yield f"{learner}, {exercise}: {'nobody handed that in' if case is None else 'it is not there'}"
            continue
        state, wanted = expected(exercise, case, gradebook)
        if states[key] != (state, f"{round(sum(wanted.values()), 2):g}") or marks.get(key) != wanted:
            got = f"{states[key][0]}, {states[key][1]} points, {_pack(marks.get(key, {}))}"
            yield f"{learner}, {exercise}, {case}: {got} instead of {state}, {_pack(wanted)}"


def checks_in(out: Path) -> dict[tuple[str, str], Marks]:
    """Points by check, NaN where there are none, by learner and exercise."""
    marks: dict[tuple[str, str], Marks] = {}
    for row in _rows(out / "checks.csv"):
        marks.setdefault((row["learner"], row["exercise"]), {})[row["check"]] = float(row["points"] or "nan")
    return marks


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


# ---- the grader ----------------------------------------------------------------------------------------------------


@dataclass
class Grading:
    """Runs of `kmodlab grade` into one folder. `said` are its last words, `seen` all processes below it.

    How far a run is, is told by the different texts that it has results for: that is what takes the time.
    """

    roll: Roll
    given: Path
    out: Path
    options: Sequence[str] = ()
    tell: Callable[[str], None] = lambda _: None
    kills: int = 0
    said: list[str] = field(default_factory=list)
    seen: set[psutil.Process] = field(default_factory=set)
    texts: set[tuple[str, str]] = field(default_factory=set)

    def run(self, kills: int = 0, kill_worker: Callable[[int], None] | None = None) -> int:
        """Grade to the end, with SIGKILL so many times on the way, and once of a worker; returns the exit status."""
        resume: tuple[str, ...] = ()
        total = len(texts_in(self.roll))
        for moment in [total * number // (kills + 1) for number in range(1, kills + 1)]:
            with self._started(*resume) as grader:
                if kill_worker:
                    self._follow(grader, moment // 2)
                    kill_worker(grader.pid)
                    self.tell("killed a worker")
                    kill_worker = None
                self._follow(grader, moment)
                # It goes on meanwhile, so that it is not always killed when it has just written a result.
                time.sleep(self.kills % 3 / 2)
                self._look(grader)
                assert grader.poll() is None, f"it ended before it could be killed: {self.said}"
                grader.kill()
                self.kills += 1
            self.tell(f"killed the grader ({self.kills})")
            wait_until_gone(self.seen)
            self.seen.clear()
            resume = ("--resume",)
        with self._started(*resume) as grader:
            self._follow(grader, total + 1)
            status = grader.wait()
        wait_until_gone(self.seen)
        return status

    @contextmanager
    def _started(self, *resume: str) -> Iterator[subprocess.Popen[str]]:
        self.texts.clear()  # it tells all again
        given = () if resume else (str(self.given), "--exercises", str(ROOT / "exercises"))
        argv = [sys.executable, "-m", "kmodlab", "grade", "--out", str(self.out), "--format", "json,csv"]
        argv += [*self.options, *resume, *given]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as grader:
            try:
                yield grader
            finally:
                grader.kill()

    def _follow(self, grader: subprocess.Popen[str], until: int) -> None:
        """Read what it says until it has results for so many texts, or has ended."""
        assert grader.stdout
        for line in map(str.rstrip, grader.stdout):
            self._look(grader)
            found = re.match(r"\d+/\d+ (\S+), (\S+): ", line)
            if not found:
                self.said.append(line)
                continue
            self.tell(line)
            self.texts |= texts_in({(found[1], found[2]): self.roll[found[1], found[2]]})
            if len(self.texts) >= until:
                return

    def _look(self, grader: subprocess.Popen[str]) -> None:
        self.seen.update(psutil.Process(grader.pid).children(recursive=True))


def kill_local_worker(grader: int) -> None:
    """SIGKILL one of the grader's own worker processes; it may only just be starting them."""
    ends = time.monotonic() + _START_S
    while not (workers := [one for one in psutil.Process(grader).children() if _is_of_grading(one)]):
        assert time.monotonic() < ends, "there is no worker"
        time.sleep(0.1)
    workers[0].kill()


def wait_until_gone(processes: set[psutil.Process]) -> None:
    """Fails unless all of them end soon; what nobody has reaped has ended."""
    ends = time.monotonic() + _GONE_S
    while alive := [one for one in processes if _is_alive(one)]:
        assert time.monotonic() < ends, alive
        time.sleep(0.1)


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


# ---- by hand -------------------------------------------------------------------------------------------------------


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--store", action="store_true", help="write gradebook.csv")
    what.add_argument("--grade", action="store_true", help="grade a class, and compare")
    parser.add_argument("--exercise", nargs="+", choices=EXERCISES, default=list(EXERCISES), metavar="NN-name")
    parser.add_argument("--learners", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--dask", action="store_true", help="on a Dask cluster of two workers, made for this")
    parser.add_argument("--kill", action="store_true", help="kill the grader five times, and a worker once")
    parser.add_argument("--out", type=Path, help="keep the results here")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kmodlab-classroom-") as folder:
        out = asked.out or Path(folder, "marks")
        return store(asked, Path(folder), out) if asked.store else grade(asked, Path(folder), out)


def store(asked: argparse.Namespace, folder: Path, out: Path) -> int:
    """Judge each text once, and keep what it earned, unless that cannot be right."""
    roll = {(row, name): row for name in asked.exercise for row in rows_of(name)}
    grading = Grading(roll, hand_in(roll, folder), out, ("--jobs", str(asked.jobs)), print)
    status = grading.run()
    print(*grading.said, sep="\n")
    marks = {(name, row): found for (row, name), found in checks_in(out).items()}
    wrong = [one for name in asked.exercise for one in doubts(name, {row: marks[name, row] for row in rows_of(name)})]
    print(*wrong, sep="\n")
    if status or wrong:
        return 1
    known = read_gradebook() if GRADEBOOK.exists() else {}
    write_gradebook({key: one for key, one in known.items() if key[0] not in asked.exercise} | marks)
    return 0


def grade(asked: argparse.Namespace, folder: Path, out: Path) -> int:
    """Grade a class as it is asked for, compare, and print the figures."""
    roll = make_roll(asked.seed, asked.learners, asked.exercise)
    given, begun = hand_in(roll, folder), time.monotonic()
    with ExitStack() as stack:
        local = ("--jobs", str(asked.jobs)), kill_local_worker
        options, kill_worker = stack.enter_context(dask_cluster()) if asked.dask else local
        grading = Grading(roll, given, out, options, _Clock(begun).tell)
        status = grading.run(5, kill_worker) if asked.kill else grading.run()
    seconds = time.monotonic() - begun
    print(*grading.said, sep="\n")
    found = list(differences(roll, read_gradebook(), out))
    found += [f"{path} was made" for path in CANARIES if path.exists()]
    print(*found, sep="\n")
    with sqlite3.connect(out / "journal.sqlite") as journal:
        (checks,) = journal.execute("SELECT count(*) FROM checks").fetchone()
    texts = len(texts_in(roll))
    print(f"{len(roll)} submissions, {texts} different texts, {checks} checks; killed {grading.kills} times;")
    print(f"{seconds:.0f} s, {len(roll) * 60 / seconds:.1f} submissions a minute, ", end="")
    print(f"{texts * 60 / seconds:.1f} texts a minute; exit status {status}, {len(found)} differences.")
    return 1 if found or status else 0


@dataclass
class _Clock:
    """Tells how it goes on, with the time."""

    begun: float

    def tell(self, line: str) -> None:
        print(f"{time.monotonic() - self.begun:6.0f} s  {line}", flush=True)


@contextmanager
def dask_cluster() -> Iterator[tuple[tuple[str, str], Callable[[int], None]]]:
    """A cluster of two workers: the grader's options for it, and how to kill one of the workers."""
    from distributed import LocalCluster

    size = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with LocalCluster(**size) as cluster:  # type: ignore[no-untyped-call]

        def kill_worker(_grader: int) -> None:
            psutil.Process(next(iter(cluster.workers.values())).pid).kill()

        yield ("--scheduler", cluster.scheduler_address), kill_worker
        left = {one for one in psutil.Process().children(recursive=True) if _is_of_grading(one)}
    wait_until_gone(left)


def _is_of_grading(process: psutil.Process) -> bool:
    try:
        return _WORKER in process.cmdline() or process.name().startswith(("qemu", "bwrap"))
    except psutil.NoSuchProcess:
        return False


if __name__ == "__main__":
    sys.exit(main())
