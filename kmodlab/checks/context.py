"""The context of one check: the learner's work, its builds, and a guest in which commands run one after the other.

Every command runs through `act`, which notices whatever a module does to its guest: a crash, a hang, or its end, even
between two commands. That counts as the learner's fault if the learner's code has run in the guest, else as ours.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from kmodlab.checks.check_result import Failure
from kmodlab.checks.learner_builds import LearnerBuilds
from kmodlab.checks.random_values import RandomValues
from kmodlab.checks.runner import CheckRunner
from kmodlab.crash.guilty import find_guilty_line
from kmodlab.crash.reader import find_crashes
from kmodlab.crash.records import LogRecord, format_log, read_log
from kmodlab.crash.report import Kind, Report
from kmodlab.elf.modprobe import parse_proc_modules
from kmodlab.errors import EndKind, GuestEnd, GuestError, GuestLostError, UsageError
from kmodlab.guest.agent.client import Result
from kmodlab.guest.machine import Machine
from kmodlab.guest.session import Session, is_modules_doing
from kmodlab.i18n import N_, _
from kmodlab.kbuild.sources import kmod_name
from kmodlab.submission.learner_sources import LearnerSources
from kmodlab.tracer.call_sites import Code
from kmodlab.tracer.failed_call import explain_wait
from kmodlab.tracer.fault_injection import RunPool
from kmodlab.tracer.leftovers import may_call, may_run_later
from kmodlab.tracer.observe import Subject
from kmodlab.tracer.run import END_LINE, GUEST_FOLDER, JUMP_MS, Step, take_step
from kmodlab.tracer.unreferenced import LoadedCode, find_unreferenced

STEP_S = 12.0  # time limit of one command; the kernel itself reports a task that sleeps for 15 s
CHECK_S = 60.0  # time limit of one check
_OUTPUT_KIB = 256  # of a command's output that are read

_ENDS = {
    EndKind.PANIC: N_("The guest's kernel panicked."),
    EndKind.POWER_OFF: N_("The guest was powered off."),
    EndKind.REBOOT: N_("The guest was rebooted."),
    EndKind.HANG: N_("The guest hangs: it no longer answers."),
    EndKind.AGENT_KILLED: N_("The guest was cut off: its agent was killed or disturbed."),
}

# Runs a command in the guest; the function is called when the command has started.
RunWithTrigger = Callable[[list[str], Callable[[], None]], None]


class CheckContext:
    """One check in progress. `step` is the last command, `records` are the log's records since it began."""

    def __init__(self, work: LearnerSources, runner: CheckRunner, patience: float = 1.0) -> None:
        self.work, self.runner, self.patience = work, runner, patience
        self.builds = LearnerBuilds(work, runner)
        self.random_values = RandomValues()
        self.step: Step | None = None
        self.records: list[LogRecord] = []
        self.label = ""  # the last command, as learners know it; empty before the first command
        self.final_log = ""  # the log of a guest that ended, or that the tracer used; empty otherwise
        self.is_broken = False  # whether learners' code crashed or ended the guest
        self.used_guest = False
        self.is_late = False  # whether all expectations have been met, so that only later failures are possible
        self.unloaded: list[tuple[str, tuple[str, ...]]] = []  # modules, with the parameters that they had
        self._loaded: dict[str, tuple[str, tuple[str, ...]]] = {}  # name in lsmod -> loaded module, its parameters
        self._learner_code_ran = False
        self._session: Session | None = None
        self._machine: Machine | None = None
        self._deadline = time.monotonic() + CHECK_S * patience
        self._put_modules: dict[str, bytes] = {}  # name -> .ko in the guest, to find the lines of crashes
        self._code = LoadedCode()  # the modules' addresses, if the kernel has kmemleak
        self._unsearched: list[LogRecord] = []  # records after a command's end, not yet searched for crashes

    def close(self) -> None:
        """End the guest."""
        if self._session is not None:
            self._session = None
            self.runner.give_back()

    @property
    def left_s(self) -> float:
        """Seconds that are left of the check's time limit."""
        return self._deadline - time.monotonic()

    # ---- the guest -------------------------------------------------------------------------------------------------

    @property
    def session(self) -> Session:
        """The session with this check's guest.

        Raises:
            GuestLostError: The guest has ended.
        """
        if self._session is None:
            self.used_guest = True
            self._session = self.runner.take()
            self._machine = self._session.with_machine(_get_machine)
            self._session.kmsg()  # the learner's code has logged nothing yet
        self._require_same_guest()
        return self._session

    def _require_same_guest(self) -> None:
        """Raise GuestLostError if the session has replaced the guest: a check must not continue in a new one."""
        if self._machine is not None and self._machine.end is not None:
            raise GuestLostError(self._machine.end)

    def put(self, name: str, ko: bytes) -> None:
        """Put a module into the guest, as /root/NAME.ko."""
        if self._put_modules.get(name) != ko:
            self.session.put(f"{GUEST_FOLDER}/{name}.ko", ko)
            self._put_modules[name] = ko

    def act(
        self,
        argv: Sequence[str],
        label: str,
        *,
        timeout_s: float = STEP_S,
        trigger: Callable[[], None] | None = None,
        in_agent: bool = False,
    ) -> Failure | None:
        """Run a command that executes learners' code. Returns a Failure if it crashed or ended the guest.

        The command's result is in `step`. `label` is the command as learners know it. With `in_agent` the agent itself
        does the work, and starts no program, which a script could have replaced. `trigger` is called when the command
        has started.

        Raises: GuestLostError if the guest ended before learners' code ran in it.
        """
        if self.left_s <= 0:
            return Failure(_("The check took too long."), by_time=True)
        session = self.session
        self.label, self._learner_code_ran, self.final_log = label, True, ""
        timeout_s = min(timeout_s * self.patience, self.left_s)
        limit = _OUTPUT_KIB * 1024
        self.step = take_step(session, argv, timeout_s=timeout_s, limit=limit, trigger=trigger, in_agent=in_agent)
        self.records = list(self.step.records)
        self._note_loads(self.step)
        failure = self._examine_step(self.step)
        if failure is None:
            self._end_last_line()
            failure = self._search_new_records()
        self.is_broken = self.is_broken or failure is not None
        return failure

    def _note_loads(self, step: Step) -> None:
        if len(step.argv) < 2 or step.result is None or not step.result.ok:
            return
        tool, word, *parameters = step.argv
        name = word.removesuffix(".ko")
        if tool == "insmod":
            self._loaded[kmod_name(name)] = name, tuple(parameters)
            if self.runner.lab.finds_leaks and name in self._put_modules:
                self._code.note(self.session, self._put_modules[name])
        elif tool == "rmmod" and name in self._loaded:
            self.unloaded.append(self._loaded.pop(name))

    def watch(self, action: Callable[[Session, RunWithTrigger], None], label: str, timeout_s: float) -> Failure | None:
        """Run a command while an action outside of the guest takes place, such as plugging in a device.

        `action` gets the session and a function that runs the command.
        """
        failures: list[Failure | None] = []

        def run(argv: list[str], trigger: Callable[[], None]) -> None:
            failures.append(self.act(argv, label, timeout_s=timeout_s, trigger=trigger))

        try:
            action(self.session, run)
        except UsageError as error:
            return Failure(str(error))
        return next((failure for failure in failures if failure), None)

    def _examine_step(self, step: Step) -> Failure | None:
        self._unsearched += step.earlier
        failure = self._search_new_records()
        if failure:
            return failure
        when = _("It happened during `{command}`.")
        if step.crashes:
            return self._describe_crash(step.crashes[0], step.end, when)
        if step.end:
            self.final_log = step.end.console
            return self._describe_end(step.end, when)
        assert step.result is not None
        if step.result.timed_out:
            return self._describe_wait(step)
        if step.result.output_truncated:
            message = _("`{command}` printed too much: more than {number} KiB.")
            return Failure(message.format(command=self.label, number=_OUTPUT_KIB))
        return None

    def _describe_crash(self, report: Report, end: GuestEnd | None = None, when: str = "") -> Failure:
        guilty = find_guilty_line(report, self._put_modules)
        line = self.builds.line_at(guilty.line) if guilty else None
        if end and report.kind is Kind.NMI:  # sent by the host, to find out where the guest hangs
            return replace(self._describe_end(end, when), line=line)
        return Failure(report.words, line)

    def _describe_wait(self, step: Step) -> Failure:
        step = explain_wait(step, map(Code, self._put_modules.values()))
        reason = _("`{command}` did not end in time.").format(command=self.label)
        if step.cause:
            reason = _("`{command}` did not end in time: {cause}").format(command=self.label, cause=step.cause)
        return Failure(reason, self.builds.line_at(step.cause_line), by_time=True)

    def _describe_end(self, end: GuestEnd, when: str) -> Failure:
        sentence = _(_ENDS.get(end.kind, N_("The guest ended.")))
        return Failure(f"{sentence} {when.format(command=self.label)}", by_time=end.kind is EndKind.HANG)

    def explain_loss(self, error: GuestError) -> Failure | None:
        """The failure if the learner's code ended the guest between two commands; None if it was our own failure."""
        if not self._learner_code_ran:
            return None
        self.is_broken = True
        if not isinstance(error, GuestLostError):
            return Failure(_("The guest no longer works after `{command}`.").format(command=self.label))
        if not is_modules_doing(error.end):
            return None
        self.final_log = error.end.console
        crashes, when = find_crashes(error.end.console), _("It happened after `{command}`.")
        if crashes:
            return self._describe_crash(crashes[0], error.end, when)
        return self._describe_end(error.end, when)

    def finish(self) -> Failure | None:
        """Search the log a last time: the guest may have crashed after the last command.

        If a module may have started a timer, work or a thread, the guest's clock is advanced first.

        Raises: GuestLostError if the guest has ended.
        """
        if self._session is None or not self._learner_code_ran or self.is_broken:
            return None
        if any(may_call(Code(ko), may_run_later) for ko in self._put_modules.values()):
            self.session.run(["jump", str(JUMP_MS)], timeout_s=STEP_S * self.patience, in_agent=True)
        self._read_log()
        failure = self._search_new_records() or self._search_memory()
        self.is_broken = failure is not None
        return failure

    def _search_memory(self) -> Failure | None:
        """A failure for the first object that unloaded modules have leaked, if the kernel has kmemleak."""
        if not self._code.modules or self._loaded:
            return None
        leaks = find_unreferenced(self.session, self._code)
        self._require_same_guest()
        return self._describe_crash(leaks[0]) if leaks else None

    # ---- the log ---------------------------------------------------------------------------------------------------

    @property
    def log(self) -> str:
        """The kernel's log since the last command began, as dmesg prints it; if the guest ended, its last lines."""
        return self.final_log or format_log(self.logged())

    def logged(self) -> list[LogRecord]:
        """The kernel's own records since the last command began, without records written by programs."""
        return [record for record in self.records if record.is_kernels]

    def wait_for_log(self, is_complete: Callable[[], bool], within_s: float) -> None:
        """Read the log until `is_complete()`, or for `within_s` seconds. Raises: GuestLostError."""
        deadline = time.monotonic() + min(within_s * self.patience, max(self.left_s, 0))
        while not is_complete() and time.monotonic() < deadline:
            time.sleep(0.05)
            self._end_last_line()

    def _end_last_line(self) -> None:
        # The kernel keeps a message without a newline until another message is logged.
        self.session.put("/dev/kmsg", END_LINE)
        self._read_log()

    def _read_log(self) -> None:
        records = list(read_log(self.session.kmsg()))
        self.records += records
        self._unsearched += records
        self._require_same_guest()

    def _search_new_records(self) -> Failure | None:
        """A failure for the first crash in the records since the last command ended."""
        records, self._unsearched = self._unsearched, []
        crashes = find_crashes(format_log(records)) if records else ()
        if not crashes:
            return None
        self.records = sorted({*records, *self.records}, key=lambda record: record.sequence)  # learners see this log
        return self._describe_crash(crashes[0])

    # ---- what is in the guest --------------------------------------------------------------------------------------

    @property
    def result(self) -> Result:
        """The result of the last command."""
        assert self.step is not None
        assert self.step.result is not None
        return self.step.result

    def look(self, argv: Sequence[str], *, in_agent: bool = False) -> str:
        """The output of a quick command of our own; empty if it fails. Raises: GuestLostError."""
        result = self.session.run(list(argv), timeout_s=STEP_S, limit=_OUTPUT_KIB * 1024, in_agent=in_agent)
        self._require_same_guest()
        return result.stdout.decode("utf-8", "replace") if result.ok else ""

    def loaded(self) -> set[str]:
        """The names of the loaded modules, read by our agent, because a script may have replaced programs.

        Raises: GuestLostError.
        """
        modules = parse_proc_modules(self.session.get("/proc/modules"))
        self._require_same_guest()
        return set(modules)

    def is_loaded(self, name: str) -> bool:
        """Whether a module is loaded."""
        return kmod_name(name) in self.loaded()

    @property
    def modules(self) -> Mapping[str, bytes]:
        """The .ko files that were put into the guest, by name without .ko."""
        return self._put_modules

    # ---- the tracer ------------------------------------------------------------------------------------------------

    def run_pool(self) -> RunPool:
        """Guests in which the tracer observes whole runs of a module."""
        self.used_guest = True
        return self.runner.run_pool(is_taken=self._session is not None)

    def subject(self, name: str, parameters: tuple[str, ...]) -> Subject | Failure:
        """A module for the tracer, with its parameters and the modules that it needs; a Failure if it is not built."""
        build = self.builds.get_with_needed(name)
        if isinstance(build, Failure):
            return build
        return self.runner.subject(build, self.builds.sources(name).files, parameters)


async def _get_machine(machine: Machine) -> Machine:
    return machine
