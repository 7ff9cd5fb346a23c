"""Fault injection: a run without a fault, which shows the calls in init, then a run for each call that can fail.

In the guest, `fail_call` in module/calls.c makes the call fail.
"""

from __future__ import annotations

import errno
import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

from kmodlab.crash.source_location import SourceLine
from kmodlab.elf.contents import MalformedError
from kmodlab.elf.module import parse_module
from kmodlab.errors import GuestError, UsageError
from kmodlab.guest.lab import Lab
from kmodlab.guest.session import Session
from kmodlab.i18n import N_, _, ngettext
from kmodlab.kbuild.result import Build
from kmodlab.kbuild.sources import kmod_name
from kmodlab.tracer.call_log import Call, calls_made
from kmodlab.tracer.call_sites import Code
from kmodlab.tracer.kernel_api import Function, Functions, known_functions
from kmodlab.tracer.leaks import left_after_cycles, level_after_cycles
from kmodlab.tracer.observe import Observation, RunTask, Subject, observe
from kmodlab.tracer.plan import Fault
from kmodlab.tracer.tracer_module import get_tracer
from kmodlab.tracer.troubles import Trouble, Verdict
from kmodlab.tracer.verdict import Finding, find_verdict, verdict_of

CYCLES = 100
TIMEOUT_S = 10.0
# Headings of the table of results, which has a row for each call.
COLUMNS = (N_("line"), N_("call"), N_("fails with"), N_("init returned"), N_("verdict"))
_RARE_ERRNOS = (errno.EUSERS, errno.ENOSR, errno.ENOLINK, errno.EREMCHG, errno.ENOTUNIQ)
_NTH = 4  # the calls of a site before this number, and its last call, are made to fail


@dataclass(frozen=True)
class SiteResult:
    """One call in init, and the run in which it failed; `finding` is None if it could not be made to fail.

    `function` is the name in the source, `symbol` the name that is imported.
    """

    function: str
    symbol: str
    line: SourceLine | None
    nth: int
    injected: str
    verdict: Verdict
    reason: str
    finding: Finding | None = None

    @property
    def call(self) -> str:
        """The call in words: its name, and its number if the site makes several calls."""
        call = f"{self.function}()"
        return call if self.nth == 1 else _("{call}, call {number}").format(call=call, number=self.nth)

    @property
    def troubles(self) -> tuple[Trouble, ...]:
        """The problems when it failed; empty if it could not be made to fail."""
        return self.finding.troubles if self.finding and self.verdict is not Verdict.NOT_INJECTED else ()


@dataclass(frozen=True)
class Faults:
    """The results of all runs.

    `cycles` is how often the module was loaded and unloaded in a row; `level` is True if the guest's resources were the
    same afterwards. Both are None if this was not tried. `left` says what these loads left behind.
    """

    module: str
    release: str
    plain: Finding
    sites: tuple[SiteResult, ...]
    cycles: int | None
    level: bool | None
    left: str = ""

    @property
    def passed(self) -> bool:
        """Whether every run was clean; calls that cannot be made to fail do not count."""
        bad = [site for site in self.sites if site.verdict not in (Verdict.CLEAN, Verdict.NOT_INJECTED)]
        is_clean = self.plain.verdict is Verdict.CLEAN and not self.exit_troubles
        return not bad and is_clean and self.level is not False

    @property
    def plain_troubles(self) -> tuple[Trouble, ...]:
        """The problems without a fault, apart from those in exit."""
        return tuple(trouble for trouble in self.plain.troubles if not trouble.in_exit)

    @property
    def exit_troubles(self) -> tuple[Trouble, ...]:
        """The problems in exit, from all runs, each once: they do not depend on the fault in init."""
        findings = [site.finding for site in self.sites if site.finding]
        troubles = [*self.plain.troubles, *(trouble for finding in findings for trouble in finding.later)]
        first: dict[object, Trouble] = {}
        for trouble in troubles:
            if trouble.in_exit:
                first.setdefault(trouble.key, trouble)
        return tuple(first.values())

    @property
    def plain_verdict(self) -> Verdict:
        """The verdict on the run without a fault, apart from exit."""
        return verdict_of(self.plain_troubles)

    @property
    def plain_text(self) -> str:
        """A line about the run without a fault, apart from exit."""
        verdict, init, cycles = self.plain_verdict.label, self.plain.init_text, self.cycles_text
        if self.exit_troubles and self.plain_verdict is Verdict.CLEAN:
            verdict = _("clean up to exit")
        if not cycles:
            return _("without a fault: {verdict}, {init}").format(verdict=verdict, init=init)
        return _("without a fault: {verdict}, {init}; {cycles}").format(verdict=verdict, init=init, cycles=cycles)

    @property
    def exit_text(self) -> str:
        """A line with the verdict on exit; empty if exit has no problem."""
        if not self.exit_troubles:
            return ""
        return _("exit: {verdict}").format(verdict=self.exit_troubles[0].verdict.label)

    @property
    def cycles_text(self) -> str:
        """What many loads in a row left behind, as text; empty if this was not tried."""
        number = self.cycles or 0
        if self.level is None:
            return ""
        if self.level:
            text = ngettext(
                "loaded and unloaded {number} time in a row, nothing is left behind",
                "loaded and unloaded {number} times in a row, nothing is left behind",
                number,
            )
        else:
            text = ngettext(
                "loaded and unloaded {number} time in a row, something is left behind",
                "loaded and unloaded {number} times in a row, something is left behind",
                number,
            )
        text = text.format(number=number)
        # The leaks of a single load are reported anyway.
        return f"{text}: {self.left}" if self.left and not self.level and not self.plain.leaks else text


Progress = Callable[[str, int, int], None]


def _no_progress(_what: str, _done: int, _total: int) -> None:
    pass


@dataclass(frozen=True)
class FaultOptions:
    """Parameters for insmod, a script to run while the module is loaded, loads in a row, seconds for each run.

    `after` are the kernel's own modules that are loaded before, with modprobe. With `rare_errnos`, calls fail with
    unusual errnos, so that a constant in init's return statement cannot be right by accident.
    """

    parameters: tuple[str, ...] = ()
    script: str = ""
    cycles: int = CYCLES
    timeout_s: float = TIMEOUT_S
    after: tuple[str, ...] = ()
    rare_errnos: bool = False


def find_faults(
    lab: Lab,
    build: Build,
    sources: Mapping[str, bytes],
    options: FaultOptions | None = None,
    progress: Progress = _no_progress,
) -> Faults:
    """Run a module without a fault, then once for each call in init that can fail.

    Raises: DamagedLabError if one of the runs shows a mistake and the lab is damaged.
    """
    options = options or FaultOptions()
    with RunPool(lab) as pool:
        faults = try_faults(pool, make_subject(build, sources, options.parameters, options.after), options, progress)
    if not faults.passed:
        lab.verify()
    return faults


def try_faults(pool: RunPool, subject: Subject, options: FaultOptions, progress: Progress = _no_progress) -> Faults:
    """Run a module as `find_faults` does, in the guests of a pool."""
    return _Matrix(pool, subject, options, progress).run()


def make_subject(
    build: Build, sources: Mapping[str, bytes], parameters: Sequence[str] = (), after: Sequence[str] = ()
) -> Subject:
    """The module of a build that is to be tested.

    Before it, the kernel's own modules in `after` are loaded, and the modules that come before it in the build.

    Raises: UsageError if a name in `after` or a parameter cannot be used.
    """
    name = _tested_name(build)
    names = list(build.modules)
    needed = tuple(build.modules[other] for other in names[: names.index(name)])
    return Subject(Code(build.modules[name], sources), name, needed, tuple(after), tuple(parameters))


def _tested_name(build: Build) -> str:
    if not build.modules:
        raise UsageError(_("The build made no module."), hint=_("Fix what the compiler reports first."))
    return build.name if build.name in build.modules else list(build.modules)[-1]


def kernel_modules_of(build: Build) -> tuple[str, ...]:
    """The kernel's own modules that the module under test needs; empty for a damaged file, which insmod will report.

    Raises: UsageError if the build made no module.
    """
    own = {kmod_name(other) for other in build.modules}
    try:
        depends = parse_module(build.modules[_tested_name(build)]).modinfo.depends
    except MalformedError:
        return ()
    return tuple(other for other in depends if kmod_name(other) not in own)


class RunPool:
    """Runs one task after the other, each in a fresh guest, while a second guest is prepared. A context manager.

    Callers may use the `sessions` between runs. The first session is always the next to be used.
    """

    def __init__(self, lab: Lab, sessions: list[Session] | None = None, *, guests: int = 2) -> None:
        self.lab = lab
        self.functions = known_functions()
        self._stack = ExitStack()
        self._sessions = sessions or [self._stack.enter_context(Session(lab)) for _guest in range(guests)]
        self._tracer = get_tracer(lab)
        self._sessions[0].prepare()

    def __enter__(self) -> RunPool:
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    def observe(self, subject: Subject, task: RunTask, *, another: bool = False) -> Observation:
        """Run a module once; retry a failure that the module did not cause.

        `another` says that a further run follows, for which a guest is prepared. Raises: GuestError, SetupError.
        """
        if another:
            self._sessions[-1].prepare()
        try:
            return self._once(subject, task)
        except GuestError:
            self._sessions[0].reset()
            return self._once(subject, task)
        finally:
            self._sessions[0].reset()
            self._sessions.reverse()

    def _once(self, subject: Subject, task: RunTask) -> Observation:
        return self._sessions[0].with_machine(
            lambda machine: observe(machine, self._tracer, subject, self.functions, task)
        )


class _Matrix:
    def __init__(self, pool: RunPool, subject: Subject, options: FaultOptions, progress: Progress) -> None:
        self._pool, self._subject = pool, subject
        self._options, self._progress = options, progress
        self._functions = pool.functions

    def run(self) -> Faults:
        self._progress(_("without a fault"), 0, 1)
        plain = self._judge(self._pool.observe(self._subject, self._plain_task(), another=True))
        planned = list(self._planned(plain.observation))
        sites = []
        for number, call in enumerate(planned):
            self._progress(_("{function} fails").format(function=call.name), number + 1, len(planned) + 1)
            more = number + 1 < len(planned)
            sites.append(self._site(call, plain, more) if can_inject(call) else _not_injected(call))
        return Faults(
            module=self._subject.code.name or kmod_name(self._subject.name),
            release=self._pool.lab.tree.release,
            plain=plain,
            sites=tuple(sites),
            cycles=plain.observation.cycles_done,
            level=level_after_cycles(plain.observation),
            left=left_after_cycles(self._subject.code, self._functions, plain.observation),
        )

    def _plain_task(self) -> RunTask:
        options = self._options
        return RunTask(settle=True, script=options.script, cycles=options.cycles, timeout_s=options.timeout_s)

    def _judge(self, observation: Observation, plain: Finding | None = None) -> Finding:
        return find_verdict(self._subject, self._functions, observation, plain)

    def _planned(self, observation: Observation) -> Iterator[Call]:
        """The calls in init that are to fail, and calls of functions that are not in the table, in order."""
        calls = [call for call in calls_made(self._subject.code, self._functions, observation.records) if call.in_init]
        last = {(call.record.site, call.symbol): call for call in calls}
        seen = Counter[tuple[int | None, str]]()
        for call in calls:
            # A site may call several functions through a pointer.
            target = call.record.site, call.symbol
            seen[target] += 1
            nth = seen[target] if call.site.pointer else call.record.nth
            if _is_planned(self._functions.find(call.site.symbol), nth, is_last=call is last[target]):
                yield call

    def _site(self, call: Call, plain: Finding, another: bool) -> SiteResult:
        function = _with_rare_errno(call.function) if self._options.rare_errnos else call.function
        task = RunTask(
            fault=Fault(call.record.site or 0, call.record.nth, function),
            timeout_s=self._options.timeout_s,
            # A second load shows what a failed init left behind, unless a run without a fault cannot load twice either.
            reload=plain.is_whole and plain.reloads is not False,
        )
        observation = self._pool.observe(self._subject, task, another=another)
        finding = self._judge(observation, plain)
        verdict, reason = finding.verdict, finding.sentence
        calls = calls_made(self._subject.code, self._functions, observation.records)
        if observation.step("load") and not any(call.injected for call in calls):
            verdict, reason = Verdict.NOT_INJECTED, _("the call was not reached this time")
        return SiteResult(
            call.name, call.symbol, call.line, call.record.nth, function.failure.text, verdict, reason, finding
        )


def _with_rare_errno(function: Function) -> Function:
    """The function with a random rare errno as its failure; unchanged if it returns no errno."""
    known = {function.failure.number, *function.expect}
    if not function.failure.number:
        return function
    number = secrets.choice([number for number in _RARE_ERRNOS if number not in known])
    return replace(function, failure=replace(function.failure, number=number))


def watch_once(
    lab: Lab, subject: Subject, fail: tuple[str, int] | None = None, *, timeout_s: float = TIMEOUT_S
) -> Observation:
    """Run a module once. `fail` is the call in init that is to fail: a name, and the number of the call of that name.

    Numbers count from 1. Raises: UsageError if init makes no such call; and what `RunPool.observe` raises.
    """
    with RunPool(lab) as pool:
        plain = pool.observe(subject, RunTask(timeout_s=timeout_s), another=fail is not None)
        if fail is None:
            return plain
        call = _find_call(subject, pool.functions, plain, *fail)
        fault = Fault(call.record.site or 0, call.record.nth, call.function)
        return pool.observe(subject, RunTask(fault=fault, timeout_s=timeout_s))


def _find_call(subject: Subject, functions: Functions, plain: Observation, name: str, count: int) -> Call:
    calls = [call for call in calls_made(subject.code, functions, plain.records) if call.in_init and can_inject(call)]
    named = [call for call in calls if name in (call.name, call.symbol)]
    if 1 <= count <= len(named):
        return named[count - 1]
    if named:
        sentence = ngettext(
            "init makes no call {name} that can be made to fail {count} time.",
            "init makes no call {name} that can be made to fail {count} times.",
            count,
        ).format(name=name, count=count)
    else:
        sentence = _("init makes no call {name} that can be made to fail.").format(name=name)
    known = ", ".join(dict.fromkeys(call.name for call in calls)) or _("none")
    raise UsageError(sentence, hint=_("Those that can: {names}.").format(names=known))


def _is_planned(known: Function | None, nth: int, *, is_last: bool) -> bool:
    """Whether the nth call of a site gets a row in the results."""
    if known is None:
        return nth == 1
    return known.can_fail and (nth < _NTH or is_last)


def can_inject(call: Call) -> bool:
    """Whether the call can be made to fail."""
    return call.function.can_fail and not call.never_fails


def _not_injected(call: Call) -> SiteResult:
    known: Function = call.function
    reason = _("asked never to fail (__GFP_NOFAIL)") if known.can_fail else _("its error value is unknown")
    return SiteResult(call.name, call.symbol, call.line, call.record.nth, "", Verdict.NOT_INJECTED, reason)
