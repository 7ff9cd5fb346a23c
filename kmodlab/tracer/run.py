"""A module's way through a guest: loaded, looked at, unloaded; with what the kernel said to each step.

Whatever a module does to its guest is data here: a command's failure, a crash in the log, a guest that ended. What
is not its doing (QEMU died) is tried once more in a fresh guest, and then raised.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from kmodlab.crash.errnos import ErrnoNote, explain_error
from kmodlab.crash.reader import find_reports
from kmodlab.crash.records import LogRecord, format_log, parse_kmsg
from kmodlab.crash.report import Report
from kmodlab.errors import GuestEnd, GuestError, GuestLostError
from kmodlab.guest.agent.client import OUTPUT_LIMIT, Result
from kmodlab.guest.session import COMMAND_S, Session, is_modules_doing
from kmodlab.kbuild.result import Build, Outcome

PLACE = "/root"  # where modules are put in the guest


@dataclass(frozen=True)
class Step:
    """One command in the guest: what it printed, what the kernel logged meanwhile, and how the guest fared.

    `result` is None, and `end` is set, when the guest did not survive it. `earlier` are records that were logged
    between the command before and this one, so not because of it.
    """

    argv: tuple[str, ...]
    result: Result | None
    records: tuple[LogRecord, ...]
    reports: tuple[Report, ...] = ()
    end: GuestEnd | None = None
    earlier: tuple[LogRecord, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """Passed when the command ended with status 0 and the kernel did not complain."""
        fine = self.result is not None and self.result.ok and not self.crashes
        return Outcome.PASSED if fine else Outcome.FAILED

    @property
    def crashes(self) -> tuple[Report, ...]:
        """What the kernel complains of: neither a mere call trace, nor a module that was refused."""
        return tuple(report for report in self.reports if report.is_crash)

    @property
    def log(self) -> str:
        """What the kernel said, as dmesg prints it; the console's last words when the guest is gone."""
        return format_log(self.records) or (self.end.console if self.end else "")

    @property
    def errno(self) -> ErrnoNote | None:
        """The errno behind the command's error message, if it has one."""
        return explain_error(self.argv[0], self.result.text) if self.result and self.result.status else None

    @property
    def reason(self) -> str:
        """One sentence that says what went wrong; empty when nothing did."""
        if self.crashes:
            return self.crashes[0].words
        if self.end:
            return self.end.sentence
        assert self.result is not None
        if self.result.timed_out:
            return f"`{' '.join(self.argv)}` did not end in time."
        if self.errno:
            return f"`{' '.join(self.argv)}` failed with {self.errno.sentence}"
        return "" if self.result.ok else f"`{' '.join(self.argv)}` ended with status {self.result.status}."


def take_step(
    session: Session,
    argv: Sequence[str],
    *,
    timeout_s: float = COMMAND_S,
    limit: int = OUTPUT_LIMIT,
    on_output: Callable[[bytes, bytes], None] | None = None,
    trigger: Callable[[], None] | None = None,
    in_agent: bool = False,
) -> Step:
    """Run one command in the session's guest and collect what the kernel logged while it ran.

    `limit`, `on_output` and `in_agent` are those of `Session.run`. `trigger` is called just before the
    command runs: what it sets off counts as the command's doing.

    Raises:
        GuestLostError: The guest ended, and not because of the command.
    """
    words = tuple(argv)
    earlier: tuple[LogRecord, ...] = ()
    try:
        earlier = parse_kmsg(session.kmsg())
        session.console()  # should the guest be lost, its last lines are to be this command's
        if trigger:
            trigger()
        result = session.run(
            list(words), timeout_s=timeout_s, directory=PLACE, limit=limit, on_output=on_output, in_agent=in_agent
        )
        records = parse_kmsg(session.kmsg())
    except GuestLostError as lost:
        if not is_modules_doing(lost.end):
            raise
        return Step(words, None, (), find_reports(lost.end.console), lost.end, earlier)
    return Step(words, result, records, find_reports(format_log(records)), None, earlier)


def load_argv(name: str, parameters: Iterable[str] = ()) -> list[str]:
    """The command that loads a module that was put into the guest."""
    return ["insmod", f"{name}.ko", *parameters]


def load(
    session: Session, name: str, ko: bytes, parameters: Iterable[str] = (), *, timeout_s: float = COMMAND_S
) -> Step:
    """Put a module into the guest and load it."""
    session.put(f"{PLACE}/{name}.ko", ko)
    return take_step(session, load_argv(name, parameters), timeout_s=timeout_s)


def unload(session: Session, name: str, *, timeout_s: float = COMMAND_S) -> Step:
    """Unload a module."""
    return take_step(session, ["rmmod", name.replace("-", "_")], timeout_s=timeout_s)


@dataclass(frozen=True)
class ModuleRun:
    """A build, and what became of its modules in a pristine guest: loaded in order, unloaded in reverse."""

    build: Build
    release: str
    steps: tuple[Step, ...]

    @property
    def outcome(self) -> Outcome:
        """Passed when it built and every step passed."""
        fine = self.build.passed and all(step.outcome is Outcome.PASSED for step in self.steps)
        return Outcome.PASSED if fine else Outcome.FAILED

    @property
    def reason(self) -> str:
        """One sentence that says what went wrong first; empty when nothing did."""
        if not self.build.passed:
            return self.build.sentence
        return next((step.reason for step in self.steps if step.reason), "")


def run_build(
    session: Session, build: Build, parameters: Iterable[str] = (), *, timeout_s: float = COMMAND_S
) -> ModuleRun:
    """Load the build's modules into the session's guest, and unload them again, as far as they go.

    The guest should be pristine: the caller resets the session before, or has just made it.
    """
    parameters = tuple(parameters)
    try:
        return _try_once(session, build, parameters, timeout_s)
    except GuestError:
        session.reset()  # not the module's doing: once more, in a fresh guest
        return _try_once(session, build, parameters, timeout_s)


def _try_once(session: Session, build: Build, parameters: tuple[str, ...], timeout_s: float) -> ModuleRun:
    steps: list[Step] = []
    names = list(build.modules) if build.passed else []
    for name in names:
        _add(steps, load(session, name, build.modules[name], parameters, timeout_s=timeout_s), session)
        if steps[-1].outcome is Outcome.FAILED:
            names = []  # the others need it, or the guest is gone
            break
    for name in reversed(names):
        if steps[-1].end is None:
            _add(steps, unload(session, name, timeout_s=timeout_s), session)
    return ModuleRun(build, session.lab.tree.release, tuple(steps))


def _add(steps: list[Step], step: Step, session: Session) -> None:
    """Add a step, with a look at what it set going: what came between two steps is the former's doing."""
    if steps:
        steps[-1] = _with_later(steps[-1], step.earlier)
    steps.append(step if step.end else _looked_at_again(session, step))


def _with_later(step: Step, later: tuple[LogRecord, ...]) -> Step:
    """The step, with what was logged after it, by a timer for instance."""
    if not later:
        return step
    records = (*step.records, *later)
    return replace(step, records=records, reports=find_reports(format_log(records)))


def _looked_at_again(session: Session, step: Step) -> Step:
    """The step, with what is in the log by now, or with the end of a guest that has ended since."""
    try:
        if session.end is not None:
            raise GuestLostError(session.end)
        return _with_later(step, parse_kmsg(session.kmsg()))
    except GuestLostError as lost:
        if not is_modules_doing(lost.end):
            raise
        return replace(step, result=None, reports=find_reports(lost.end.console), end=lost.end)
