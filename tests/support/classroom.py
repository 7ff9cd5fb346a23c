"""Grades a whole class with the real `kmodlab grade`, which is killed several times, and compares the gradebook.

    python tests/support/classroom.py --grade --jobs 2 --kill     a whole class, compared with gradebook.csv
    python tests/support/classroom.py --store                     judge each text once, and write gradebook.csv
    python tests/support/classroom.py --store --new               judge only the texts that have no row there

`learners` generates the submissions, `expected_grades` says what they must earn.
"""

from __future__ import annotations

import argparse
import re
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from expected_grades import GRADEBOOK, checks_in, differences, doubts, read_gradebook, rows_of, write_gradebook
from learners import CANARIES, EXERCISES, ROOT, Roll, hand_in, make_roll, texts_in

_WORKER = "kmodlab.grading.worker"
_GONE_S = 60
_START_S = 300


@dataclass
class Grading:
    """Runs of `kmodlab grade` into one folder. `said` is the end of its output, `seen` are all its descendants.

    The progress of a run is the number of different texts that have results.
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
        """Grade to the end, with `kills` SIGKILLs before, and once of a worker; returns the exit status."""
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
                # A pause, so that the grader is not always killed just after it has written a result.
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
        self.texts.clear()  # a new run reports all texts again
        given = () if resume else (str(self.given), "--exercises", str(ROOT / "exercises"))
        argv = [sys.executable, "-m", "kmodlab", "grade", "--out", str(self.out), "--format", "json,csv"]
        argv += [*self.options, *resume, *given]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as grader:
            try:
                yield grader
            finally:
                grader.kill()

    def _follow(self, grader: subprocess.Popen[str], until: int) -> None:
        """Read the grader's output until `until` texts have results, or it has ended."""
        assert grader.stdout
        for line in map(str.rstrip, grader.stdout):
            self._look(grader)
            match = re.match(r"\d+/\d+ (\S+), (\S+): ", line)
            if not match:
                self.said.append(line)
                continue
            self.tell(line)
            self.texts |= texts_in({(match[1], match[2]): self.roll[match[1], match[2]]})
            if len(self.texts) >= until:
                return

    def _look(self, grader: subprocess.Popen[str]) -> None:
        self.seen.update(psutil.Process(grader.pid).children(recursive=True))


def kill_local_worker(grader: int) -> None:
    """SIGKILL one of the grader's worker processes; waits until it has started one."""
    ends = time.monotonic() + _START_S
    while not (workers := [child for child in psutil.Process(grader).children() if _is_of_grading(child)]):
        assert time.monotonic() < ends, "there is no worker"
        time.sleep(0.1)
    workers[0].kill()


def wait_until_gone(processes: set[psutil.Process]) -> None:
    """Assert that all processes end soon; zombies count as ended."""
    ends = time.monotonic() + _GONE_S
    while alive := [process for process in processes if _is_alive(process)]:
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
    parser.add_argument("--new", action="store_true", help="with --store, only the texts without a row")
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
    """Judge each text once, and store its points in gradebook.csv, unless they contradict other sources."""
    known = read_gradebook() if GRADEBOOK.exists() else {}
    kept = {key: earned for key, earned in known.items() if asked.new or key[0] not in asked.exercise}
    roll = {(row, name): row for name in asked.exercise for row in rows_of(name) if (name, row) not in kept}
    grading = Grading(roll, hand_in(roll, folder), out, ("--jobs", str(asked.jobs)), print)
    status = grading.run()
    print(*grading.said, sep="\n")
    marks = kept | {(name, row): earned for (row, name), earned in checks_in(out).items()}
    wrong = [
        doubt for name in asked.exercise for doubt in doubts(name, {row: marks[name, row] for row in rows_of(name)})
    ]
    print(*wrong, sep="\n")
    if status or wrong:
        return 1
    write_gradebook(marks)
    return 0


def grade(asked: argparse.Namespace, folder: Path, out: Path) -> int:
    """Grade a class according to the options, compare the gradebook, and print the figures."""
    roll = make_roll(asked.seed, asked.learners, asked.exercise)
    given, begun = hand_in(roll, folder), time.monotonic()
    with ExitStack() as stack:
        local = ("--jobs", str(asked.jobs)), kill_local_worker
        options, kill_worker = stack.enter_context(dask_cluster()) if asked.dask else local
        grading = Grading(roll, given, out, options, _Clock(begun).tell)
        status = grading.run(5, kill_worker) if asked.kill else grading.run()
    seconds = time.monotonic() - begun
    print(*grading.said, sep="\n")
    problems = list(differences(roll, read_gradebook(), out))
    problems += [f"{path} was made" for path in CANARIES if path.exists()]
    print(*problems, sep="\n")
    with sqlite3.connect(out / "journal.sqlite") as journal:
        (checks,) = journal.execute("SELECT count(*) FROM checks").fetchone()
    texts = len(texts_in(roll))
    print(f"{len(roll)} submissions, {texts} different texts, {checks} checks; killed {grading.kills} times;")
    print(f"{seconds:.0f} s, {len(roll) * 60 / seconds:.1f} submissions a minute, ", end="")
    print(f"{texts * 60 / seconds:.1f} texts a minute; exit status {status}, {len(problems)} differences.")
    return 1 if problems or status else 0


@dataclass
class _Clock:
    """Prints progress with the elapsed time."""

    begun: float

    def tell(self, line: str) -> None:
        print(f"{time.monotonic() - self.begun:6.0f} s  {line}", flush=True)


@contextmanager
def dask_cluster() -> Iterator[tuple[tuple[str, str], Callable[[int], None]]]:
    """A cluster of two workers: the grader's options for it, and a function that kills one of the workers."""
    import dask
    from distributed import LocalCluster

    size: dict[str, Any] = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with (
        tempfile.TemporaryDirectory(prefix="kmodlab-dask-") as folder,
        dask.config.set({"temporary-directory": folder}),
        LocalCluster(**size) as cluster,
    ):

        def kill_worker(_grader: int) -> None:
            psutil.Process(next(iter(cluster.workers.values())).pid).kill()

        yield ("--scheduler", cluster.scheduler_address), kill_worker
        left = {child for child in psutil.Process().children(recursive=True) if _is_of_grading(child)}
    wait_until_gone(left)


def _is_of_grading(process: psutil.Process) -> bool:
    try:
        return _WORKER in process.cmdline() or process.name().startswith(("qemu", "bwrap"))
    except psutil.NoSuchProcess:
        return False


if __name__ == "__main__":
    sys.exit(main())
