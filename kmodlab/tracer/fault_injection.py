"""All faults of a module: a run without any, which shows the calls in init, then a run for each that can fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from kmodlab.crash.source_location import SourceLine
from kmodlab.elf.contents import MalformedError
from kmodlab.elf.module import parse_module
from kmodlab.errors import GuestError, UsageError
from kmodlab.guest.lab import Lab
from kmodlab.guest.session import Session
from kmodlab.kbuild.result import Build
from kmodlab.kbuild.sources import kmod_name
from kmodlab.tracer.call_log import Call, calls_made
from kmodlab.tracer.call_sites import Code
from kmodlab.tracer.cycles import cycles_done, level_after_cycles
from kmodlab.tracer.kernel_api import Function, Functions, known_functions
from kmodlab.tracer.observe import Observation, RunTask, Subject, observe
from kmodlab.tracer.plan import Fault
from kmodlab.tracer.tracer_module import get_tracer
from kmodlab.tracer.verdict import Finding, Verdict, find_verdict

CYCLES = 100
TIMEOUT_S = 10.0
_NTH = 4  # of a call that is made often, the first ones and the last are made to fail


@dataclass(frozen=True)
class SiteResult:
    """One call in init: what became of the run in which it failed; `finding` is None where it was not made to fail.

    `function` is the name in the source, `symbol` the one that is imported.
    """

    function: str
    symbol: str
    line: SourceLine | None
    nth: int
    injected: str
    verdict: Verdict
    reason: str
    finding: Finding | None = None


@dataclass(frozen=True)
class Faults:
    """The whole matrix. `cycles` is how often it was loaded and unloaded in a row, and `level` whether nothing had come
    together by then; None where that was not tried.
    """

    module: str
    release: str
    plain: Finding
    sites: tuple[SiteResult, ...]
    cycles: int | None
    level: bool | None

    @property
    def passed(self) -> bool:
        """Whether every run was clean; a call that cannot be made to fail counts for nothing."""
        bad = [site for site in self.sites if site.verdict not in (Verdict.CLEAN, Verdict.NOT_INJECTED)]
        return not bad and self.plain.verdict is Verdict.CLEAN and self.level is not False


Progress = Callable[[str, int, int], None]


def _no_progress(_what: str, _done: int, _total: int) -> None:
    pass


@dataclass(frozen=True)
class FaultOptions:
    """How it is done: a script to run while the module is loaded, its parameters, loads in a row, patience."""

    parameters: tuple[str, ...] = ()
    script: str = ""
    cycles: int = CYCLES
    timeout_s: float = TIMEOUT_S


def find_faults(
    lab: Lab,
    build: Build,
    sources: Mapping[str, bytes],
    options: FaultOptions | None = None,
    progress: Progress = _no_progress,
) -> Faults:
    """Run a module that was built without a fault, then once for each call in init that can fail."""
    options = options or FaultOptions()
    with RunPool(lab) as pool:
        return try_faults(pool, make_subject(build, sources, options.parameters), options, progress)


def try_faults(pool: RunPool, subject: Subject, options: FaultOptions, progress: Progress = _no_progress) -> Faults:
    """The same on a pool that is there already."""
    return _Matrix(pool, subject, options, progress).run()


def make_subject(build: Build, sources: Mapping[str, bytes], parameters: Sequence[str] = ()) -> Subject:
    """The module under test of a build; the others that were built go before it, as far as they come before it."""
    names = list(build.modules)
    if not names:
        raise UsageError("The build made no module.", hint="Fix what the compiler says first.")
    name = build.name if build.name in names else names[-1]
    needed = tuple(build.modules[other] for other in names[: names.index(name)])
    own = {kmod_name(other) for other in names}
    depends = tuple(other for other in _depends(build.modules[name]) if kmod_name(other) not in own)
    return Subject(Code(build.modules[name], sources), name, needed, depends, tuple(parameters))


def _depends(ko: bytes) -> tuple[str, ...]:
    """The modules that one needs; none of a damaged file, since insmod will say so."""
    try:
        return parse_module(ko).modinfo.depends
    except MalformedError:
        return ()


class RunPool:
    """Runs one task after the other, each in a fresh guest; with two, the next comes up meanwhile. A context manager.

    The `sessions` may be another's, who uses them when this one does not; the first is always the next to be used.
    """

    def __init__(self, lab: Lab, sessions: list[Session] | None = None, *, guests: int = 2) -> None:
        self.lab = lab
        self.functions = known_functions()
        self._stack = ExitStack()
        self._sessions = sessions or [self._stack.enter_context(Session(lab)) for _ in range(guests)]
        self._tracer = get_tracer(lab)
        self._sessions[0].prepare()

    def __enter__(self) -> RunPool:
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    def observe(self, subject: Subject, task: RunTask, *, another: bool = False) -> Observation:
        """One run. `another` says that a further one follows. What is not the module's doing is tried once more."""
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
        self._progress("without a fault", 0, 1)
        plain = self._judge(self._pool.observe(self._subject, self._plain_task(), another=True))
        planned = list(self._planned(plain.observation))
        sites = []
        for number, call in enumerate(planned):
            self._progress(f"{call.name} fails", number + 1, len(planned) + 1)
            more = number + 1 < len(planned)
            sites.append(self._site(call, plain, more) if can_inject(call) else _not_injected(call))
        return Faults(
            module=self._subject.code.name or kmod_name(self._subject.name),
            release=self._pool.lab.tree.release,
            plain=plain,
            sites=tuple(sites),
            cycles=cycles_done(plain.observation),
            level=level_after_cycles(plain.observation),
        )

    def _plain_task(self) -> RunTask:
        options = self._options
        return RunTask(settle=True, script=options.script, cycles=options.cycles, timeout_s=options.timeout_s)

    def _judge(self, observation: Observation, usual: int | None = None) -> Finding:
        return find_verdict(self._subject, self._functions, observation, usual)

    def _planned(self, observation: Observation) -> Iterator[Call]:
        """The calls of init that are to fail, in the order in which they were made, and those not in the table."""
        calls = [call for call in calls_made(self._subject.code, self._functions, observation.records) if call.in_init]
        last = {call.record.site: call.record.nth for call in calls}
        for call in calls:
            known = self._functions.find(call.site.symbol)
            is_last = call.record.nth == last[call.record.site]
            if _is_planned(known, call.record.nth, is_last=is_last):
                yield call

    def _site(self, call: Call, plain: Finding, another: bool) -> SiteResult:
        task = RunTask(
            fault=Fault(call.record.site or 0, call.record.nth, call.function), timeout_s=self._options.timeout_s
        )
        observation = self._pool.observe(self._subject, task, another=another)
        finding = self._judge(observation, plain.init_returned)
        verdict, reason = finding.verdict, finding.sentence
        made = calls_made(self._subject.code, self._functions, observation.records)
        if observation.step("load") and not any(one.injected for one in made):
            verdict, reason = Verdict.NOT_INJECTED, "the call was not reached this time"
        return SiteResult(
            call.name, call.symbol, call.line, call.record.nth, call.function.failure.text, verdict, reason, finding
        )


def watch_once(
    lab: Lab, subject: Subject, fail: tuple[str, int] | None = None, *, timeout_s: float = TIMEOUT_S
) -> Observation:
    """One run, for its timeline. `fail` names a call in init that is to fail, and which of that name, from 1."""
    with RunPool(lab) as pool:
        plain = pool.observe(subject, RunTask(timeout_s=timeout_s), another=fail is not None)
        if fail is None:
            return plain
        call = _find_call(subject, pool.functions, plain, *fail)
        fault = Fault(call.record.site or 0, call.record.nth, call.function)
        return pool.observe(subject, RunTask(fault=fault, timeout_s=timeout_s))


def _find_call(subject: Subject, functions: Functions, plain: Observation, name: str, count: int) -> Call:
    made = [call for call in calls_made(subject.code, functions, plain.records) if call.in_init and can_inject(call)]
    named = [call for call in made if name in (call.name, call.symbol)]
    if 1 <= count <= len(named):
        return named[count - 1]
    known = ", ".join(dict.fromkeys(call.name for call in made)) or "none"
    raise UsageError(
        f"init makes no call {name} that can be made to fail{f' {count} times' if named else ''}.",
        hint=f"Those that can: {known}.",
    )


def _is_planned(known: Function | None, nth: int, *, is_last: bool) -> bool:
    """Whether the nth call of a site gets a line in the matrix."""
    if known is None:
        return nth == 1
    return known.can_fail and (nth < _NTH or is_last)


def can_inject(call: Call) -> bool:
    """Whether there is a value with which this call says that it failed."""
    return call.function.can_fail and not call.never_fails


def _not_injected(call: Call) -> SiteResult:
    known: Function = call.function
    reason = "asked never to fail (__GFP_NOFAIL)" if known.can_fail else "how it fails is not known"
    return SiteResult(call.name, call.symbol, call.line, call.record.nth, "", Verdict.NOT_INJECTED, reason)
