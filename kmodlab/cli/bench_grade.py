"""`kmodlab bench --grade`: measures submissions per minute, seconds for an exercise's checks, memory of guests.

For comparison, the same checks run on the same work without kmodlab's shortcuts: for each check, plain make, and a
guest that boots from power-on. The candidates take turns, so that a machine that slows down slows all of them.
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

from kmodlab.checks.check_result import Status
from kmodlab.checks.evaluate import evaluate
from kmodlab.checks.runner import CheckRunner
from kmodlab.cli.console import ERR
from kmodlab.course.exercise import MASTER, Exercise, find_masters, read_master
from kmodlab.errors import SetupError, UsageError
from kmodlab.files import MIB
from kmodlab.grading.models import Ending, Task
from kmodlab.grading.pool import LocalPool
from kmodlab.grading.task import digest_of, pack_exercise
from kmodlab.grading.worker import find_setting
from kmodlab.guest.lab import Lab
from kmodlab.guest.machine import Machine
from kmodlab.guest.qemu import MEMORY_MIB
from kmodlab.guest.session import Session
from kmodlab.i18n import N_, _
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
        hint = _("Run it in a checkout of kmodlab.")
        raise UsageError(_("The exercise to measure with is missing."), hint=hint)
    exercise = read_master(_MASTER)
    rates: Figures = {"one": [], "two": [], "cold": []}
    numbers = count()
    cold = ColdRunner(lab)
    with cold:
        for _run in track(range(runs), description=_("Grading"), console=ERR, transient=True):
            rates["one"].append(_grade(lab, exercise, 1, numbers))
            rates["two"].append(_grade(lab, exercise, 2, numbers))
            rates["cold"].append(_grade_cold(exercise, cold))
    return {**rates, "checks_s": list(_check_seconds(lab)), "guest_mib": [_further_guest_mib(lab)]}


def grading_as_dict(figures: Figures) -> dict[str, object]:
    """The medians, the runs, and the ratios, as JSON data."""
    medians = {name: round(statistics.median(values), 3) for name, values in figures.items()}
    ratios = {title: round(ratio, 2) for title, ratio in _ratios(figures).items()}
    return {**medians, "runs": {name: [round(value, 3) for value in values] for name, values in figures.items()}} | {
        "ratios": ratios
    }


def grading_table(figures: Figures) -> Table:
    """The medians, the runs, and the ratios, as a table to read."""
    meanings = {
        "one": _("submissions a minute with --jobs 1"),
        "two": _("submissions a minute with --jobs 2"),
        "cold": _("the same checks: for each, plain make and a guest booted from power-on"),
        "checks_s": _("seconds for all checks of an exercise whose work is built: the solution of each exercise"),
        "guest_mib": _("MiB (PSS) of each further guest that is running"),
    }
    table = Table(box=None, header_style="bold")
    table.add_column(_("figure"))
    table.add_column(_("median"), justify="right")
    table.add_column(_("runs"))
    table.add_column(_("what"))
    for name, values in figures.items():
        runs = " ".join(f"{value:.2f}" for value in values)
        table.add_row(name, f"{statistics.median(values):.2f}", runs, meanings[name])
    for title, ratio in _ratios(figures).items():
        table.add_row("", f"{ratio:.2f}×", "", _(title))
    return table


def _ratios(figures: Figures) -> dict[str, float]:
    """Ratios of medians; their titles are keys of the JSON, and translated in the table."""
    one, two, cold = (statistics.median(figures[name]) for name in ("one", "two", "cold"))
    return {N_("grade / make and boot for each check"): one / cold, N_("two processes / one"): two / one}


# ---- kmodlab -------------------------------------------------------------------------------------------------------


def _grade(lab: Lab, exercise: Exercise, jobs: int, numbers: Iterator[int]) -> float:
    """Submissions a minute in a pool whose workers are ready."""
    master = _MASTER.read_text(encoding="utf-8")
    setting = find_setting(lab)
    pool = LocalPool(setting, jobs=jobs, deadline_s=600)
    tasks = []
    for _task in range(_EACH * jobs):
        answers = _answers(exercise, next(numbers))
        digest = digest_of(exercise, master, answers, setting)
        tasks.append(Task(digest, pack_exercise(exercise), answers, setting))
    pool.launch()
    begun = ended = time.perf_counter()
    events = []
    for event in pool.run(tasks):
        events.append(event)
        ended = time.perf_counter()
    seconds = ended - begun
    if any(event.check and event.check.status is not Status.PASSED for event in events):
        raise SetupError(_("A check of the solution did not pass."))
    if sum(event.ending is Ending.DONE for event in events) != len(tasks):
        raise SetupError(_("Not all submissions were graded."))
    return len(tasks) * 60 / seconds


def _answers(exercise: Exercise, number: int) -> dict[str, str]:
    """The solution, different from all others."""
    return {name: f"{cell.source}\n/* {number} */\n" for name, cell in exercise.answers.items()}


def _check_seconds(lab: Lab) -> Iterator[float]:
    """Seconds for all checks of each exercise, after its work is built."""
    masters = find_masters(_MASTER.parents[1])
    with CheckRunner(lab, warm=True) as runner:
        for path in track(masters, description=_("Checking"), console=ERR, transient=True):
            exercise = read_master(path)
            work = exercise.solution
            for unit in work.units:
                runner.build(work, unit)
            runner.prepare()
            begun = time.perf_counter()
            for check in exercise.checks.values():
                if evaluate(check, work, runner).status is not Status.PASSED:
                    sentence = _("A check of the solution of {exercise} did not pass.")
                    raise SetupError(sentence.format(exercise=exercise.name))
            yield time.perf_counter() - begun


# ---- without its shortcuts -----------------------------------------------------------------------------------------


class ColdSession(Session):
    """A session whose guests boot from power-on."""

    async def _start(self) -> Machine:
        deadline = Deadline.after(_BOOT_S)
        ram = os.memfd_create("kmodlab-ram", os.MFD_CLOEXEC)
        try:
            os.ftruncate(ram, MEMORY_MIB * MIB)
            os.fchmod(ram, 0o666)  # QEMU opens it again, as another user
            hardware, kernel, initramfs = self.lab.hardware, self.lab.tree.vmlinuz, self.lab.initramfs
            machine = await Machine.launch(hardware, ram=ram, kernel=kernel, initramfs=initramfs, deadline=deadline)
        finally:
            os.close(ram)
        await machine.greet(deadline)
        return machine


class ColdRunner(CheckRunner):
    """A runner that keeps nothing between checks: `begin` builds the modules and boots a guest."""

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab)
        self._cold = ColdSession(lab)
        self._stack.enter_context(self._cold)

    def close(self) -> None:
        """End the guests."""
        self._cold.close()
        super().close()

    def begin(self, work: LearnerSources) -> None:
        """Begin a check: build and boot, only to take the time. The check uses the build that was made before."""
        for unit in work.units:
            _make(self.lab, work.sources(unit, {}))
        self._cold.start()

    def take(self) -> Session:
        """The guest that was booted."""
        return self._cold

    def give_back(self) -> None:
        """End the guest."""
        self._cold.reset()


def _grade_cold(exercise: Exercise, runner: ColdRunner) -> float:
    work = exercise.solution
    for unit in work.units:
        runner.build(work, unit)
    begun = time.perf_counter()
    for check in exercise.checks.values():
        runner.begin(work)
        if evaluate(check, work, runner).status is not Status.PASSED:
            raise SetupError(_("A check of the solution did not pass."))
        runner.give_back()
    return 60 / (time.perf_counter() - begun)


def _make(lab: Lab, sources: Sources) -> None:
    with tempfile.TemporaryDirectory(prefix="kmodlab-bench-") as folder:
        for name, content in sources.files.items():
            Path(folder, name).write_bytes(content)
        check_run(["make", "-C", lab.tree.headers, f"M={folder}", "modules"], timeout_s=120)


# ---- memory --------------------------------------------------------------------------------------------------------


def _further_guest_mib(lab: Lab) -> float:
    """How much memory one more guest takes, with a module loaded."""
    ko = build(lab.tree, Sources.of("hello", {"hello.c": (files("kmodlab.data") / "hello.c").read_text()})).ko
    assert ko is not None
    with ExitStack() as stack, _with_module(lab, ko):
        before = _children_mib()
        for _guest in range(_GUESTS):
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
