"""What `kmodlab bench --grade` measures: a class's submissions per minute, how long an exercise's checks take, and
the memory of guests in flight.

Beside it, the same checks of the same work as one would make them otherwise: for each check, plain make, and a guest
booted from power-on. The candidates take turns, so that a machine that slows down slows all of them.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.resources import files
from itertools import count
from pathlib import Path

import psutil
from rich.progress import track
from rich.table import Table

from kmodlab.checks.evaluate import evaluate
from kmodlab.checks.result import Status
from kmodlab.checks.runner import CheckRunner
from kmodlab.cli.console import ERR
from kmodlab.course.exercise import MASTER, Exercise, find_masters, read_master
from kmodlab.errors import SetupError, UsageError
from kmodlab.files import MIB
from kmodlab.grading.pool import Ending, LocalPool, Order
from kmodlab.grading.task import Task, digest_of, pack_exercise
from kmodlab.grading.worker import find_setting
from kmodlab.guest.lab import Lab
from kmodlab.guest.machine import Machine
from kmodlab.guest.qemu import MEMORY_MIB
from kmodlab.guest.session import Session
from kmodlab.kbuild.build import build
from kmodlab.kbuild.sources import Sources
from kmodlab.process import Deadline, check_run
from kmodlab.submission.learner_sources import LearnerSources
from kmodlab.tracer.run import load

_MASTER = Path(__file__).parents[2] / "exercises" / "01-hello" / MASTER
_EACH = 5  # submissions of each process and run
_GUESTS = 5
_BOOT_S = 300.0

Figures = dict[str, list[float]]


def measure_grading(lab: Lab, runs: int) -> Figures:
    """Submissions per minute of each candidate in each run; seconds for each exercise; MiB of each further guest."""
    if not _MASTER.is_file():
        raise UsageError("The exercise to measure with is not here.", hint="Run it in a checkout of kmodlab.")
    exercise = read_master(_MASTER)
    rates: Figures = {"one": [], "two": [], "cold": []}
    numbers = count()
    cold = ColdBench(lab)
    with cold:
        for _ in track(range(runs), description="Grading", console=ERR, transient=True):
            rates["one"].append(_grade(lab, exercise, 1, numbers))
            rates["two"].append(_grade(lab, exercise, 2, numbers))
            rates["cold"].append(_grade_cold(exercise, cold))
    return {**rates, "checks_s": list(_check_seconds(lab)), "guest_mib": [_further_guest_mib(lab)]}


def grading_as_dict(figures: Figures) -> dict[str, object]:
    """The medians, the runs, and the ratios, as JSON has them."""
    medians = {name: round(statistics.median(values), 3) for name, values in figures.items()}
    ratios = {title: round(ratio, 2) for title, ratio in _ratios(figures)}
    return {**medians, "runs": {name: [round(value, 3) for value in values] for name, values in figures.items()}} | {
        "ratios": ratios
    }


def grading_table(figures: Figures) -> Table:
    """The same for people."""
    what = {
        "one": "submissions a minute with --jobs 1",
        "two": "submissions a minute with --jobs 2",
        "cold": "the same checks: for each, plain make and a guest booted from power-on",
        "checks_s": "seconds for all checks of an exercise whose work is built: the solution of each exercise",
        "guest_mib": "MiB (PSS) of each further guest in flight",
    }
    made = Table(box=None, header_style="bold")
    for title in ("figure", "median", "runs", "what"):
        made.add_column(title, justify="right" if title == "median" else "left")
    for name, values in figures.items():
        made.add_row(name, f"{statistics.median(values):.2f}", " ".join(f"{v:.2f}" for v in values), what[name])
    for title, ratio in _ratios(figures):
        made.add_row("", f"{ratio:.2f}×", "", title)
    return made


def _ratios(figures: Figures) -> Iterator[tuple[str, float]]:
    one, two, cold = (statistics.median(figures[name]) for name in ("one", "two", "cold"))
    yield "grade / make and boot for each check", one / cold
    yield "two processes / one", two / one


# ---- ours ----------------------------------------------------------------------------------------------------------


def _grade(lab: Lab, exercise: Exercise, jobs: int, numbers: Iterator[int]) -> float:
    """Submissions a minute of a pool whose workers are ready."""
    master = _MASTER.read_text(encoding="utf-8")
    setting = find_setting(lab)
    pool = LocalPool(setting, jobs=jobs, deadline_s=600)
    orders = []
    for _ in range(_EACH * jobs):
        answers = _answers(exercise, next(numbers))
        digest = digest_of(exercise, master, answers, setting)
        orders.append(Order(Task(digest, pack_exercise(exercise), answers, setting), frozenset()))
    pool.launch()
    begun = ended = time.perf_counter()
    events = []
    for event in pool.run(orders):
        events.append(event)
        ended = time.perf_counter()
    seconds = ended - begun
    if any(one.check and one.check.result.status is not Status.PASSED for one in events):
        raise SetupError("A check of the solution did not pass.")
    if sum(one.ending is Ending.DONE for one in events) != len(orders):
        raise SetupError("Not all submissions were graded.")
    return len(orders) * 60 / seconds


def _answers(exercise: Exercise, number: int) -> dict[str, str]:
    """The solution, different from all others."""
    return {name: f"{cell.source}\n/* {number} */\n" for name, cell in exercise.answers.items()}


def _check_seconds(lab: Lab) -> Iterator[float]:
    """How long a learner whose work is built waits for all checks, exercise by exercise."""
    masters = find_masters(_MASTER.parents[1])
    with CheckRunner(lab, warm=True) as bench:
        for path in track(masters, description="Checking", console=ERR, transient=True):
            exercise = read_master(path)
            work = exercise.solution
            for unit in work.units:
                bench.build(work, unit)
            bench.prepare()
            begun = time.perf_counter()
            for check in exercise.checks.values():
                if evaluate(check, work, bench).status is not Status.PASSED:
                    raise SetupError(f"A check of the solution of {exercise.name} did not pass.")
            yield time.perf_counter() - begun


# ---- as one would otherwise ----------------------------------------------------------------------------------------


class ColdSession(Session):
    """A session whose guests boot from power-on."""

    async def _start(self) -> Machine:
        deadline = Deadline.after(_BOOT_S)
        ram = os.memfd_create("kmodlab-ram", os.MFD_CLOEXEC)
        try:
            os.ftruncate(ram, MEMORY_MIB * MIB)
            os.fchmod(ram, 0o666)  # QEMU opens it anew, as a user of its own
            hardware, kernel, initramfs = self.lab.hardware, self.lab.tree.vmlinuz, self.lab.initramfs
            machine = await Machine.launch(hardware, ram=ram, kernel=kernel, initramfs=initramfs, deadline=deadline)
        finally:
            os.close(ram)
        await machine.greet(deadline)
        return machine


class ColdBench(CheckRunner):
    """A bench that keeps nothing from one check to the next: `begin` makes the modules and boots a guest."""

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab)
        self._cold = ColdSession(lab)
        self._stack.enter_context(self._cold)

    def close(self) -> None:
        """End the guests."""
        self._cold.close()
        super().close()

    def begin(self, work: LearnerSources) -> None:
        """A check begins. What make makes is not looked at: the results of our own build are, made beforehand."""
        for unit in work.units:
            _make(self.lab, work.sources(unit, {}))
        self._cold.start()

    def take(self) -> Session:
        """The guest that was booted."""
        return self._cold

    def give_back(self) -> None:
        """End it."""
        self._cold.reset()


def _grade_cold(exercise: Exercise, bench: ColdBench) -> float:
    work = exercise.solution
    for unit in work.units:
        bench.build(work, unit)
    begun = time.perf_counter()
    for check in exercise.checks.values():
        bench.begin(work)
        if evaluate(check, work, bench).status is not Status.PASSED:
            raise SetupError("A check of the solution did not pass.")
        bench.give_back()
    return 60 / (time.perf_counter() - begun)


def _make(lab: Lab, sources: Sources) -> None:
    with tempfile.TemporaryDirectory(prefix="kmodlab-bench-") as folder:
        for name, content in sources.files.items():
            Path(folder, name).write_bytes(content)
        check_run(["make", "-C", lab.tree.headers, f"M={folder}", "modules"], timeout_s=120)


# ---- memory --------------------------------------------------------------------------------------------------------


def _further_guest_mib(lab: Lab) -> float:
    """How much more memory guests take, each with a module loaded, when there is one more."""
    ko = build(lab.tree, Sources.of("hello", {"hello.c": (files("kmodlab.data") / "hello.c").read_text()})).ko
    assert ko is not None
    with ExitStack() as stack, _with_module(lab, ko):
        before = _children_mib()
        for _ in range(_GUESTS):
            stack.enter_context(_with_module(lab, ko))
        return (_children_mib() - before) / _GUESTS


@contextmanager
def _with_module(lab: Lab, ko: bytes) -> Iterator[None]:
    with Session(lab) as session:
        load(session, "hello", ko)
        yield


def _children_mib() -> float:
    """The proportional share of memory (PSS, as in /proc/PID/smaps_rollup) of all our children, in MiB."""
    children = psutil.Process().children(recursive=True)
    return float(sum(child.memory_full_info().pss for child in children)) / MIB
