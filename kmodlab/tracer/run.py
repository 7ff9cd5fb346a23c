"""Load and unload a module in a guest, and collect what the kernel logs in each step.

Whatever a module does to its guest is data: a command that fails, a crash in the log, a guest that ends. Any other
failure (QEMU died) is retried once in a fresh guest, and then raised.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from kmodlab.crash.errnos import ErrnoNote, Evidence, explain_error
from kmodlab.crash.reader import find_reports
from kmodlab.crash.records import LogRecord, format_log, read_log
from kmodlab.crash.report import Kind, Report
from kmodlab.crash.source_location import SourceLine
from kmodlab.errors import GuestEnd, GuestError, GuestLostError, UsageError
from kmodlab.guest.agent.client import OUTPUT_LIMIT, Result
from kmodlab.guest.session import COMMAND_S, Session, is_modules_doing
from kmodlab.i18n import N_, _
from kmodlab.kbuild.result import Build, Outcome
from kmodlab.tracer.evidence import gather_evidence
from kmodlab.tracer.idle_drivers import IdleDriver, find_idle_drivers
from kmodlab.tracer.remarks import find_remarks
from kmodlab.tracer.unreferenced import LoadedCode, find_unreferenced, is_scan

GUEST_FOLDER = "/root"  # the guest's folder for modules
# The kernel keeps a message without a final newline until another message is logged: this one, through /dev/kmsg.
END_LINE = b"-\n"
# How far the agent's builtin `jump` advances the guest's clock, so that timers expire. It is less than
# hung_task_timeout_secs (init.sh), because the kernel reports tasks that wait longer.
JUMP_MS = 10_000
STOP_FIRST = N_("What can still run a module's code must be stopped, and have ended, before the module is unloaded.")
RELEASE_FIRST = N_("The kernel does not clean up after a module: what the module acquires, its own code must release.")


@dataclass(frozen=True)
class Step:
    """One command in the guest: its output, what the kernel logged during it, and whether the guest survived.

    If the guest did not survive, `result` is None and `end` is set. `earlier` are records that were logged between the
    previous command and this one. `evidence` is for a command that failed, and None otherwise. `open_lines` are records
    whose message has no final newline, if requested. `cause` is a sentence with the module's call that caused a
    failure, empty if unknown; `cause_line` is the call's line. `idle_drivers` are the module's drivers without a
    device, if requested. `notes` are sentences about the module that the command loaded.
    """

    argv: tuple[str, ...]
    result: Result | None
    records: tuple[LogRecord, ...]
    reports: tuple[Report, ...] = ()
    end: GuestEnd | None = None
    earlier: tuple[LogRecord, ...] = ()
    evidence: Evidence | None = None
    open_lines: tuple[LogRecord, ...] = ()
    cause: str = ""
    idle_drivers: tuple[IdleDriver, ...] = ()
    notes: tuple[str, ...] = ()
    cause_line: SourceLine | None = None

    @property
    def outcome(self) -> Outcome:
        """Passed if the command ended with status 0 and the kernel reported no crash."""
        passed = self.result is not None and self.result.ok and not self.crashes
        return Outcome.PASSED if passed else Outcome.FAILED

    @property
    def crashes(self) -> tuple[Report, ...]:
        """The reports of crashes, without those of refused modules and mere call traces."""
        return tuple(report for report in self.reports if report.is_crash)

    @property
    def was_stuck(self) -> bool:
        """Whether the first report only shows where the guest hung: it follows the host's NMI (guest/machine.py)."""
        return self.end is not None and bool(self.crashes) and self.crashes[0].kind is Kind.NMI

    @property
    def log(self) -> str:
        """The kernel's log of the step, as dmesg prints it; the console's last lines if the guest ended."""
        return format_log(self.records) or (self.end.console if self.end else "")

    @property
    def errno(self) -> ErrnoNote | None:
        """The errno of the command's error message; None if it printed none."""
        if self.result is None or self.result.status == 0:
            return None
        note = explain_error(self.argv[0], self.result.text, self.evidence)
        return replace(note, meaning=self.cause) if note and self.cause else note

    @property
    def is_taken_name(self) -> bool:
        """Whether the command failed because a name is taken, which the kernel reports as a warning with a trace."""
        note = self.errno
        return note is not None and note.in_init and all(crash.kind is Kind.DUPLICATE_NAME for crash in self.crashes)

    @property
    def missing_modules(self) -> tuple[str, ...]:
        """The kernel's own modules whose symbols the command's module needs, and that are not loaded."""
        return tuple(dict.fromkeys(self.evidence.providers.values())) if self.evidence else ()

    @property
    def command(self) -> str:
        """The command line as in a shell, with quotes."""
        return shlex.join(self.argv)

    def remarks(self, modules: Mapping[str, bytes]) -> tuple[str, ...]:
        """Remarks on the step, in sentences (`tracer.remarks`). `modules` are the known .ko files by name."""
        return (*find_remarks(self.argv, self.records, self.open_lines, modules), *self.notes)

    @property
    def reason(self) -> str:
        """What went wrong, in a sentence; empty if nothing did."""
        command = self.command
        if self.result and self.result.timed_out and self.cause:
            return _("`{command}` did not end in time: {cause}").format(command=command, cause=self.cause)
        if self.crashes and not self.is_taken_name and not self.was_stuck:
            return self.crashes[0].words
        if self.end:
            return self.end.sentence
        assert self.result is not None
        if self.result.timed_out:
            return _("`{command}` did not end in time.").format(command=command)
        if self.errno:
            return _("`{command}` failed with {errno}").format(command=command, errno=self.errno.sentence)
        if self.result.ok:
            return ""
        return _("`{command}` ended with status {status}.").format(command=command, status=self.result.status)


def take_step(
    session: Session,
    argv: Sequence[str],
    *,
    timeout_s: float = COMMAND_S,
    limit: int = OUTPUT_LIMIT,
    on_output: Callable[[bytes, bytes], None] | None = None,
    trigger: Callable[[], None] | None = None,
    in_agent: bool = False,
    end_lines: bool = False,
) -> Step:
    """Run one command in the session's guest and collect what the kernel logs while it runs.

    `limit`, `on_output` and `in_agent` are passed to `Session.run`. `trigger` is called just before the command runs;
    the messages that it causes belong to the step. With `end_lines`, a message without a final newline is included too;
    for that, a line is written into the guest's log.

    Raises:
        GuestLostError: The guest ended, but not because of the command.
    """
    words = tuple(argv)
    earlier: tuple[LogRecord, ...] = ()
    try:
        earlier = read_log(session.kmsg())
        session.console()  # drop older output, so that the last lines of a guest that ends are this command's
        if trigger:
            trigger()
        result = session.run(
            list(words),
            timeout_s=timeout_s,
            directory=GUEST_FOLDER,
            limit=limit,
            on_output=on_output,
            in_agent=in_agent,
        )
        records = read_log(session.kmsg())
        before, after = _end_last_line(session) if end_lines else ((), ())
        open_lines = before[-1:]  # the line of each earlier message is ended, by itself or by the next message
        records += before + after
        evidence = gather_evidence(session, words, result, records, GUEST_FOLDER)
        idle = () if in_agent else find_idle_drivers(session, words, result)
    except GuestLostError as lost:
        if not is_modules_doing(lost.end):
            raise
        return Step(words, None, (), find_reports(lost.end.console), lost.end, earlier)
    reports = find_reports(format_log(records))
    return Step(words, result, records, reports, None, earlier, evidence, open_lines, idle_drivers=idle)


def _end_last_line(session: Session) -> tuple[tuple[LogRecord, ...], tuple[LogRecord, ...]]:
    """Write a line that ends an open one; returns the records before and after it."""
    session.put("/dev/kmsg", END_LINE)
    records = read_log(session.kmsg())
    mark = next((number for number, record in enumerate(records) if not record.is_kernels), len(records))
    return records[:mark], tuple(record for record in records[mark:] if record.is_kernels)


def load_argv(name: str, parameters: Iterable[str] = ()) -> list[str]:
    """The command that loads a module in the guest's folder."""
    return ["insmod", f"{name}.ko", *map(quote_parameter, parameters)]


def quote_parameter(parameter: str) -> str:
    """A parameter in the kernel's syntax: a value with spaces is in double quotes (lib/cmdline.c, next_arg).

    Raises:
        UsageError: The kernel's syntax cannot express this value.
    """
    name, _equals, value = parameter.partition("=")
    quoted = f'{name}="{value}"'
    if _is_one_argument(parameter) or not _is_one_argument(quoted):
        quoted = parameter
    if not _is_one_argument(quoted):
        sentence = _("The kernel cannot take this value, because of the quotation marks in it: {parameter}")
        raise UsageError(sentence.format(parameter=parameter))
    return quoted


def _is_one_argument(text: str) -> bool:
    in_quotes = False
    for character in text:
        if character.isspace() and not in_quotes:
            return False
        in_quotes ^= character == '"'
    return not in_quotes


def load(
    session: Session, name: str, ko: bytes, parameters: Iterable[str] = (), *, timeout_s: float = COMMAND_S
) -> Step:
    """Copy a module into the guest and load it. Raises: GuestError, and what `take_step` raises."""
    session.put(f"{GUEST_FOLDER}/{name}.ko", ko)
    return take_step(session, load_argv(name, parameters), timeout_s=timeout_s, end_lines=True)


def unload(session: Session, name: str, *, timeout_s: float = COMMAND_S) -> Step:
    """Unload a module. Raises: GuestLostError, as `take_step` does."""
    return take_step(session, ["rmmod", name.replace("-", "_")], timeout_s=timeout_s, end_lines=True)


@dataclass(frozen=True)
class Leftover:
    """What a module left behind: `what` in words, and the line of the call that acquired or started it.

    `entry` is its entry in the guest's list of resources, or empty. `is_running`: it can still run the module's code.
    """

    module: str
    what: str
    entry: str = ""
    line: SourceLine | None = None
    is_running: bool = False

    @property
    def sentence(self) -> str:
        """A sentence: what the module left behind."""
        return _("`{module}` left behind: {what}.").format(module=self.module, what=self.what)

    @property
    def advice(self) -> str:
        """What such a module must do, in a sentence."""
        return _(STOP_FIRST if self.is_running else RELEASE_FIRST)


@dataclass(frozen=True)
class ModuleRun:
    """A build, and the steps that loaded its modules in order and unloaded them in reverse order.

    `leftovers` is what the modules left behind, except for memory; what can still run a module's code comes first.
    """

    build: Build
    release: str
    steps: tuple[Step, ...]
    leftovers: tuple[Leftover, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """Passed if the build and every step passed, and nothing was left behind."""
        passed = self.build.passed and all(step.outcome is Outcome.PASSED for step in self.steps)
        return Outcome.PASSED if passed and not self.leftovers else Outcome.FAILED

    @property
    def reason(self) -> str:
        """What went wrong first, in a sentence; empty if nothing did."""
        if not self.build.passed:
            return self.build.sentence
        failed = next((step for step in self.steps if step.reason), None)
        for left in self.leftovers[:1]:
            if failed is None or (failed.argv[0] == "rmmod" and left.is_running):
                return left.sentence  # a crash during or after the unload only follows from what still runs
        return failed.reason if failed else ""


def check_kernel_modules(names: Iterable[str]) -> tuple[str, ...]:
    """Check names of modules for modprobe, and return them. Raises: UsageError, if a name cannot be a module's."""
    names = tuple(names)
    wrong = next((name for name in names if not re.fullmatch(r"\w[\w-]{0,54}", name)), None)
    if wrong is not None:
        raise UsageError(_("{name!r} is not the name of a module, such as mii.").format(name=wrong))
    return names


def run_build(
    session: Session,
    build: Build,
    parameters: Iterable[str] = (),
    *,
    after: Iterable[str] = (),
    timeout_s: float = COMMAND_S,
) -> ModuleRun:
    """Load the build's modules in the session's guest and unload them again, until one fails to load.

    The kernel's own modules in `after` are loaded before, with modprobe, and stay loaded.

    The guest must be fresh: the caller resets the session first, or has just made it.

    Raises: GuestError; DamagedLabError if a run fails and the lab is damaged.
    """
    parameters, after = tuple(parameters), check_kernel_modules(after)
    try:
        module_run = _try_once(session, build, parameters, after, timeout_s)
    except GuestError:
        session.reset()  # not caused by the module: retry in a fresh guest
        module_run = _try_once(session, build, parameters, after, timeout_s)
    if build.passed and module_run.outcome is Outcome.FAILED:
        session.lab.verify()
    return module_run


def _try_once(
    session: Session, build: Build, parameters: tuple[str, ...], after: tuple[str, ...], timeout_s: float
) -> ModuleRun:
    steps: list[Step] = []
    names = list(build.modules) if build.passed else []
    code = LoadedCode()
    for other in after if names else ():
        _add(steps, take_step(session, ["modprobe", other], timeout_s=timeout_s), session)
        if steps[-1].outcome is Outcome.FAILED:
            return ModuleRun(build, session.lab.tree.release, tuple(steps))
    for name in names:
        _add(steps, load(session, name, build.modules[name], parameters, timeout_s=timeout_s), session)
        if steps[-1].outcome is Outcome.FAILED:
            names = []  # the other modules may need this one, or the guest has ended
            break
        if session.lab.finds_leaks:
            code.note(session, build.modules[name])
    for name in reversed(names):
        if steps[-1].end is None:
            _add(steps, unload(session, name, timeout_s=timeout_s), session)
    if code.modules:
        steps = [_with_places(step, code) for step in steps]
        if all(step.outcome is Outcome.PASSED for step in steps):
            steps[-1] = with_leaks(session, steps[-1], code)
    return ModuleRun(build, session.lab.tree.release, tuple(steps))


def _with_places(step: Step, code: LoadedCode) -> Step:
    """The step, with symbols instead of bare addresses in its reports."""
    if step.end or not step.crashes:
        return step
    return replace(step, reports=find_reports(code.name_addresses(format_log(step.records))))


def with_leaks(session: Session, step: Step, code: LoadedCode) -> Step:
    """A step that unloaded modules, with reports of the memory that they leaked (kmemleak), or with the guest's end."""
    try:
        leaks = find_unreferenced(session, code)
        records = (record for record in read_log(session.kmsg()) if not is_scan(record))
        step = _with_later(step, tuple(records))
    except GuestLostError as lost:
        if not is_modules_doing(lost.end):
            raise
        return replace(step, result=None, reports=find_reports(lost.end.console), end=lost.end)
    return replace(step, reports=(*step.reports, *leaks))


def _add(steps: list[Step], step: Step, session: Session) -> None:
    """Add a step. Records that are logged between two steps belong to the first of them."""
    if steps:
        steps[-1] = _with_later(steps[-1], step.earlier)
    steps.append(step if step.end else _with_current_log(session, step))


def _with_later(step: Step, later: tuple[LogRecord, ...]) -> Step:
    """The step, with the records that were logged after it, for example by a timer."""
    if not later:
        return step
    records = (*step.records, *later)
    return replace(step, records=records, reports=find_reports(format_log(records)))


def _with_current_log(session: Session, step: Step) -> Step:
    """The step, with the records logged up to now, or with the guest's end if it has ended."""
    try:
        if session.end is not None:
            raise GuestLostError(session.end)
        return _with_later(step, read_log(session.kmsg()))
    except GuestLostError as lost:
        if not is_modules_doing(lost.end):
            raise
        return replace(step, result=None, reports=find_reports(lost.end.console), end=lost.end)
