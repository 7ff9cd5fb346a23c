"""What one check looks at: the work, its builds, and a guest in which one thing happens after the other.

Every command goes through `act`, which notices whatever a module may do to its guest: a crash, a hang, an end, even
one that comes between two commands. Such a thing is the learner's as soon as anything of the learner's ran there;
before that it is ours.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from kmodlab.checks.random_values import RandomValues
from kmodlab.checks.result import Failure, Line
from kmodlab.checks.runner import CheckRunner
from kmodlab.crash.guilty import find_guilty_line
from kmodlab.crash.reader import find_crashes
from kmodlab.crash.records import LogRecord, format_log, parse_kmsg
from kmodlab.crash.report import Report
from kmodlab.crash.source_location import SourceLine
from kmodlab.elf.modprobe import parse_proc_modules
from kmodlab.errors import EndKind, GuestEnd, GuestError, GuestLostError, UsageError
from kmodlab.guest.agent.client import Result
from kmodlab.guest.machine import Machine
from kmodlab.guest.session import Session, is_modules_doing
from kmodlab.kbuild.diagnostics import Diagnostic
from kmodlab.kbuild.result import Build
from kmodlab.kbuild.sources import Sources, kmod_name
from kmodlab.submission.learner_sources import LearnerSources
from kmodlab.tracer.fault_injection import RunPool as Runs
from kmodlab.tracer.observe import Subject
from kmodlab.tracer.run import GUEST_FOLDER, Step, take_step

STEP_S = 12.0  # for one command; the kernel itself reports what hangs for 15
CHECK_S = 60.0  # for all that happens in one check
_LIMIT = 1 << 18  # bytes of a command's output

_ENDS = {
    EndKind.PANIC: "The guest's kernel panicked",
    EndKind.POWER_OFF: "The guest was powered off",
    EndKind.REBOOT: "The guest was rebooted",
    EndKind.HANG: "The guest hangs: it does not answer any more",
    EndKind.AGENT_KILLED: "The guest was cut off: its agent was killed or disturbed",
}


Watched = Callable[[Session, Callable[[list[str], Callable[[], None]], None]], None]


class CheckContext:
    """One check under way. `step` is what was done last, `records` what the kernel logged since it began."""

    def __init__(self, work: LearnerSources, runner: CheckRunner, patience: float = 1.0) -> None:
        self.work, self.runner, self.patience = work, runner, patience
        self.drawn = RandomValues()
        self.step: Step | None = None
        self.records: list[LogRecord] = []
        self.label = ""
        self.is_learners = False  # whether anything of the learner's ran in the guest
        self.is_broken = False  # whether the guest crashed or ended by it
        self.last_words = ""  # of a guest that ended, or of one that was watched by itself
        self._session: Session | None = None
        self._machine: Machine | None = None
        self._ends = time.monotonic() + CHECK_S * patience
        self._used: dict[str, bytes] = {}  # modules that were put into the guest, for crashes in them
        self._later: list[LogRecord] = []  # logged after a command had ended, and not yet searched for a crash

    def close(self) -> None:
        """Throw the guest away."""
        if self._session is not None:
            self._session = None
            self.runner.give_back()

    @property
    def left_s(self) -> float:
        """Seconds that the check may still take."""
        return self._ends - time.monotonic()

    # ---- builds ----

    def build(self, name: str) -> Build | Failure:
        """The build that makes the module `name`, or why there is none."""
        unit = name if name in self.work.units else self._unit_that_makes(name)
        if unit is None:
            return Failure(f"There is no module `{name}` yet.", hint=f"Run the cell that begins with `%%kmod {name}`.")
        try:
            made = self.runner.build(self.work, unit)
        except UsageError as error:
            return Failure(str(error), hint=error.hint)
        if not made.passed:
            return self._not_built(unit, made)
        if name not in made.modules:
            names = ", ".join(f"`{other}.ko`" for other in made.modules)
            return Failure(f"The build makes {names}, but no `{name}.ko`.", hint="Look at `obj-m` in the Makefile.")
        return made

    def _unit_that_makes(self, name: str) -> str | None:
        """The unit that has the module among its products; else the only one with a Makefile, if there is just one."""
        for unit in self.work.units:
            try:
                if name in self.runner.build(self.work, unit).modules:
                    return unit
            except UsageError:
                continue
        return next(iter(self.work.makefiles), None) if len(self.work.makefiles) == 1 else None

    def _not_built(self, unit: str, made: Build) -> Failure:
        error = next(iter(made.errors), None)
        line = self.line_of(unit, error) if error else None
        return Failure(made.sentence, line, error.hint if error else "")

    def line_of(self, unit: str, found: Diagnostic) -> Line | None:
        """The line that a complaint is about."""
        return self.line(found.file, found.line, [unit]) if found.line else None

    def module(self, name: str) -> bytes | Failure:
        """The .ko of that name."""
        made = self.build(name)
        return made if isinstance(made, Failure) else made.modules[name]

    def whole(self, name: str) -> Build | Failure:
        """The same as if it were the module's own, with the modules of the builds whose symbols it uses before it."""
        made = self.build(name)
        if isinstance(made, Failure):
            return made
        modules: dict[str, bytes] = {}
        for other in self.work.needs(made.name):
            modules |= self.runner.build(self.work, other).modules
        return replace(made, name=name, modules={**modules, **made.modules})

    def sources(self, name: str) -> Sources:
        """The sources of a module that was built."""
        unit = name if name in self.work.units else self._unit_that_makes(name)
        assert unit is not None
        symvers = dict.fromkeys(self.work.needs(unit), b"")
        return self.work.sources(unit, symvers)

    def line(self, file: str, number: int, units: Iterable[str] | None = None) -> Line | None:
        """A line of the learner's, with its text; None where there is no such line."""
        for unit in self.work.units if units is None else units:
            try:
                content = self.sources(unit).files.get(file)
            except UsageError:
                continue
            lines = content.decode("utf-8", "replace").split("\n") if content else []
            if 0 < number <= len(lines):
                return Line(file, number, lines[number - 1].strip()[:200])
        return None

    def source_line(self, found: SourceLine | None) -> Line | None:
        """The same for a line that debugging information told."""
        return self.line(found.file, found.line) if found else None

    # ---- the guest ----

    @property
    def session(self) -> Session:
        """The session with this check's guest; GuestLostError where that has ended."""
        if self._session is None:
            self._session = self.runner.take()
            self._machine = self._session.with_machine(_itself)
            self._session.kmsg()  # what was logged before is not the learner's
        self._check_same()
        return self._session

    def watch(self, work: Watched, label: str, timeout_s: float) -> Failure | None:
        """The same for what is triggered from outside: `work` is told how to trigger it and then wait for its end."""
        misses: list[Failure | None] = []

        def run(argv: list[str], trigger: Callable[[], None]) -> None:
            misses.append(self.act(argv, label, timeout_s=timeout_s, trigger=trigger))

        try:
            work(self.session, run)
        except UsageError as error:
            return Failure(str(error))
        return next((miss for miss in misses if miss), None)

    def runs(self) -> Runs:
        """Where the tracer watches whole runs, each in a guest of its own."""
        return self.runner.runs(is_taken=self._session is not None)

    def subject(self, name: str, parameters: tuple[str, ...]) -> Subject | Failure:
        """What the tracer is to watch: a module with its parameters, and what it needs."""
        made = self.whole(name)
        return made if isinstance(made, Failure) else self.runner.subject(made, self.sources(name).files, parameters)

    def _check_same(self) -> None:
        """The session replaces a guest that has ended, without a word; a check must not go on in the new one."""
        if self._machine is not None and self._machine.end is not None:
            raise GuestLostError(self._machine.end)

    def put(self, name: str, ko: bytes) -> None:
        """Put a module into the guest, as /root/NAME.ko."""
        if self._used.get(name) != ko:
            self.session.put(f"{GUEST_FOLDER}/{name}.ko", ko)
            self._used[name] = ko

    def act(
        self,
        argv: Sequence[str],
        label: str,
        *,
        timeout_s: float = STEP_S,
        trigger: Callable[[], None] | None = None,
        in_agent: bool = False,
    ) -> Failure | None:
        """Run a command that is, or meets, the learner's. Returns a Failure if it broke or ended the guest.

        What the command itself says is left in `step`. `label` is the command in a learner's words. With `in_agent` the
        agent does it by itself: it starts no program, and no script can have put another in its place.
        """
        if self.left_s <= 0:
            return Failure("The check took too long.", by_time=True)
        session = self.session
        self.label, self.is_learners, self.last_words = label, True, ""
        timeout_s = min(timeout_s * self.patience, self.left_s)
        self.step = take_step(session, argv, timeout_s=timeout_s, limit=_LIMIT, trigger=trigger, in_agent=in_agent)
        self.records = list(self.step.records)
        miss = self._broken_by(self.step)
        if miss is None:
            self._push_log()
            miss = self._crash_later()
        self.is_broken = self.is_broken or miss is not None
        return miss

    @property
    def log(self) -> str:
        """What the kernel said to what was done last, as dmesg prints it; the last words of a guest that ended."""
        return self.last_words or format_log(self.logged())

    def _push_log(self) -> None:
        """A line that was logged without its newline is to be read only when another one follows: this is one."""
        self.session.put("/dev/kmsg", b"-\n")
        self._read_on()

    def _read_on(self) -> None:
        records = parse_kmsg(self.session.kmsg())
        self.records += records
        self._later += records
        self._check_same()

    def _crash_later(self) -> Failure | None:
        """What crashed while nothing of ours ran, as far as the log was read."""
        later, self._later = tuple(self._later), []
        crashes = _crashes_in(later)
        if not crashes:
            return None
        self.records = sorted({*later, *self.records}, key=lambda record: record.sequence)  # it is to be shown
        return self._crashed(crashes[0])

    def _broken_by(self, step: Step) -> Failure | None:
        self._later += step.earlier
        miss = self._crash_later()
        if miss:
            return miss
        if step.crashes:
            return self._crashed(step.crashes[0])
        if step.end:
            self.last_words = step.end.console
            return Failure(f"{_words_of(step.end)}, in `{self.label}`.", by_time=step.end.kind is EndKind.HANG)
        assert step.result is not None
        if step.result.timed_out:
            return Failure(f"`{self.label}` did not come to its end in time.", by_time=True)
        return Failure(f"`{self.label}` printed without end.") if step.result.output_truncated else None

    def _crashed(self, report: Report) -> Failure:
        guilty = find_guilty_line(report, self._used)
        return Failure(report.words, self.source_line(guilty.line) if guilty else None)

    def lost(self, error: GuestError) -> Failure | None:
        """What a guest's end outside of a command means; None where it is ours."""
        if not self.is_learners:
            return None
        self.is_broken = True
        if not isinstance(error, GuestLostError):
            return Failure("The guest cannot be used any more after what was done in it.")
        if not is_modules_doing(error.end):
            return None
        self.last_words = error.end.console
        crashes = find_crashes(error.end.console)
        if crashes:
            return self._crashed(crashes[0])
        return Failure(f"{_words_of(error.end)}, after `{self.label}`.", by_time=error.end.kind is EndKind.HANG)

    def finish(self) -> Failure | None:
        """A last look at the guest: what was set going may have crashed it meanwhile."""
        if self._session is None or not self.is_learners or self.is_broken:
            return None
        self._read_on()
        miss = self._crash_later()
        self.is_broken = miss is not None
        return miss

    # ---- what can be seen in it ----

    @property
    def result(self) -> Result:
        """What the last command gave."""
        assert self.step is not None
        assert self.step.result is not None
        return self.step.result

    def logged(self) -> list[LogRecord]:
        """What the kernel itself logged since the last command began; what programs write into its log is left out."""
        return [record for record in self.records if record.is_kernels]

    def wait_for_log(self, is_enough: Callable[[], bool], within_s: float) -> None:
        """Read on in the log until there is enough of it."""
        ends = time.monotonic() + min(within_s * self.patience, max(self.left_s, 0))
        while not is_enough() and time.monotonic() < ends:
            time.sleep(0.05)
            self._push_log()

    def look(self, argv: Sequence[str], *, in_agent: bool = False) -> str:
        """What a quick command of ours prints; empty when it fails."""
        result = self.session.run(list(argv), timeout_s=STEP_S, limit=_LIMIT, in_agent=in_agent)
        self._check_same()
        return result.stdout.decode("utf-8", "replace") if result.ok else ""

    def loaded(self) -> set[str]:
        """The names of the loaded modules, read by our agent rather than by a program that could be another."""
        modules = parse_proc_modules(self.session.get("/proc/modules"))
        self._check_same()
        return set(modules)

    def is_loaded(self, name: str) -> bool:
        """Whether a module is loaded."""
        return kmod_name(name) in self.loaded()


def _crashes_in(records: tuple[LogRecord, ...]) -> tuple[Report, ...]:
    return find_crashes(format_log(records)) if records else ()


def _words_of(end: GuestEnd) -> str:
    return _ENDS.get(end.kind, "The guest ended")


async def _itself(machine: Machine) -> Machine:
    return machine
