"""The verdict on one run of a module: what init returned, what it left behind, whether it crashed or hung, and where.

It only reads what was observed before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from kmodlab.crash.errnos import Evidence, explain_error, missing_symbols
from kmodlab.crash.report import Kind, Report
from kmodlab.crash.source_location import SourceLine
from kmodlab.elf.contents import MalformedError
from kmodlab.elf.module import parse_module
from kmodlab.errors import EndKind
from kmodlab.i18n import N_, _, ngettext
from kmodlab.kbuild.sources import kmod_name
from kmodlab.tracer.call_log import calls_made, site_line
from kmodlab.tracer.crash_lines import CrashLines
from kmodlab.tracer.kernel_api import Functions, return_text
from kmodlab.tracer.leaks import Leak, callback_words, find_leaks
from kmodlab.tracer.observe import CrashInStep, Observation, Subject
from kmodlab.tracer.releases import double_releases
from kmodlab.tracer.resources import ResourceList, parse_resources, resource_title
from kmodlab.tracer.return_check import WrongReturn, check_return
from kmodlab.tracer.wire_format import Phase, RecordKind

_HANGS = {Kind.SOFT_LOCKUP, Kind.HARD_LOCKUP, Kind.RCU_STALL, Kind.HUNG_TASK}
_LOAD = {"load"}
_GONE = "gone"  # a crash after exit has returned or init has failed is the consequence of something else
_STEPS = {"load", "loaded", "settle", "script", "scripted", "unload"}


class Verdict(StrEnum):
    """What became of a run."""

    CLEAN = N_("clean")
    LEAKS = N_("leaks")
    CRASHES = N_("crashes")
    WRONG_RETURN = N_("wrong-return")
    HANGS = N_("hangs")
    NOT_INJECTED = N_("not-injected")
    REFUSED = N_("refused")  # it could not be loaded at all, so its init never ran
    UNSEEN = N_("unseen")  # no problem was seen, but not everything could be

    @property
    def label(self) -> str:
        """The verdict in the reader's language."""
        return _(self.value)


@dataclass(frozen=True)
class Trouble:
    """A problem: the verdict that it means, a sentence about it, its line, and the step in which it happened."""

    verdict: Verdict
    sentence: str
    line: SourceLine | None = None
    step: str = ""
    report: Report | None = None


@dataclass(frozen=True)
class Finding:
    """The result of one run. `init_returned` is None if init did not return.

    `reloads` says whether a load without a fault works as usual afterwards, None if it was not tried. `exit_ran` says
    whether exit ran although init failed. `troubles` are all problems; the verdict is that of the first one.
    """

    verdict: Verdict
    init_returned: int | None
    leaks: tuple[Leak, ...]
    troubles: tuple[Trouble, ...]
    exit_ran: bool
    reloads: bool | None
    observation: Observation

    @property
    def init_text(self) -> str:
        """What init returned, in words."""
        if self.init_returned is None:
            return _("init never returned")
        return _("init returned {value}").format(value=return_text(self.init_returned))

    @property
    def doubt(self) -> str:
        """Why not everything could be seen; empty if it could."""
        return self.observation.doubt

    @property
    def sentence(self) -> str:
        """The first problem, in a sentence; empty if there is none."""
        return self.troubles[0].sentence if self.troubles else ""

    @property
    def line(self) -> SourceLine | None:
        """The line of the first problem that has one."""
        return next((trouble.line for trouble in self.troubles if trouble.line), None)


def find_verdict(subject: Subject, functions: Functions, observation: Observation, usual: int | None = None) -> Finding:
    """The verdict on a run. `usual` is what init returns without a fault, None if this is the run without a fault."""
    return _Judge(subject, functions, observation, usual).finding()


class _Judge:
    def __init__(self, subject: Subject, functions: Functions, observation: Observation, usual: int | None) -> None:
        self._code = subject.code
        self._after = tuple(map(kmod_name, subject.depends))
        self._functions = functions
        self._observation = observation
        self._records = observation.records.first_load
        self._returned = observation.records.init_returned
        self._calls = calls_made(self._code, functions, self._records)
        self._lines = CrashLines(self._code, self._records, self._calls)
        self._usual = self._returned if usual is None else usual

    def finding(self) -> Finding:
        leaks = self._leaks()
        troubles = tuple(self._troubles(leaks)) or tuple(self._unseen())
        return Finding(
            verdict=troubles[0].verdict if troubles else Verdict.CLEAN,
            init_returned=self._returned,
            leaks=leaks,
            troubles=troubles,
            exit_ran=self._exit_ran(),
            reloads=self._reloads(),
            observation=self._observation,
        )

    # ---- what is known ----

    def _leaks(self) -> tuple[Leak, ...]:
        before, after = self._resources("before"), self._resources("after")
        if before is None or (after is None and self._records.first(RecordKind.GOING) is None):
            return ()
        return find_leaks(self._code, self._functions, self._records, before, after)

    def _resources(self, when: str) -> ResourceList | None:
        step = self._observation.step("resources", when)
        return parse_resources(step.text) if step else None

    def _exit_ran(self) -> bool:
        returned = self._returned
        return returned is not None and returned < 0 and self._records.first(RecordKind.EXIT) is not None

    def _reloads(self) -> bool | None:
        """Whether the next load, which has no fault, worked as usual."""
        if self._observation.step("reloaded") is None:
            return None if self._observation.step("reload") is None else False
        if self._second_return() != self._usual:
            return False
        unloaded = self._observation.step("reunloaded")
        return self._usual != 0 or (unloaded is not None and unloaded.status == 0) or self._code.exit_place is None

    def _second_return(self) -> int | None:
        """What init returned in the second load."""
        returns = self._observation.records.of(RecordKind.RETURN)
        if len(returns) > 1:
            return returns[1].init_returned
        reloaded = self._observation.step("reloaded")
        return 0 if not returns and reloaded and reloaded.status == 0 else None

    # ---- problems, the worst first, then in order ----

    def _troubles(self, leaks: tuple[Leak, ...]) -> Iterator[Trouble]:
        yield from self._refused()
        broken = list(self._broken())
        yield from (trouble for trouble in broken if trouble.step in _LOAD)
        wrong = self._wrong_return()
        if wrong and wrong.is_success:
            yield Trouble(Verdict.WRONG_RETURN, wrong.sentence, wrong.line)
        yield from (trouble for trouble in broken if trouble.step not in _LOAD and trouble.step != _GONE)
        for leak in leaks:
            yield Trouble(Verdict.LEAKS, _("left behind: {leak}").format(leak=leak.sentence), leak.line)
        if wrong and not wrong.is_success:
            yield Trouble(Verdict.WRONG_RETURN, wrong.sentence, wrong.line)
        yield from (trouble for trouble in broken if trouble.step == _GONE)
        if not leaks and not broken and self._reloads() is False:
            yield Trouble(Verdict.LEAKS, _("the module cannot be loaded again afterwards"), step="reload")

    def _unseen(self) -> Iterator[Trouble]:
        """Why a run without problems is not known to be clean."""
        if self._observation.step("end") is None:
            sentence = _("the run broke off in the step `{step}`").format(step=self._observation.last_step)
            yield Trouble(Verdict.UNSEEN, sentence)
        if self._observation.doubt:
            yield Trouble(Verdict.UNSEEN, self._observation.doubt)

    def _refused(self) -> Iterator[Trouble]:
        """Why the module was not loaded, if its init was not even called."""
        if self._observation.step("refused"):
            yield Trouble(Verdict.REFUSED, _("a module that it needs cannot be loaded"), step="refused")
        load, loaded = self._observation.step("load"), self._observation.step("loaded")
        if load and loaded and self._returned is None and not self._records.first(RecordKind.INIT):
            words = self._why_refused(load.text)
            yield Trouble(Verdict.REFUSED, _("it cannot be loaded: {words}").format(words=words), step="refused")

    def _why_refused(self, text: str) -> str:
        """What insmod's words mean here, without a full stop."""
        messages = self._observation.messages_in("load")
        missing = [module for module in _needed(self._code.ko) if kmod_name(module) not in self._after]
        # If it needs several modules, it is not known which of them has a symbol.
        providers = dict.fromkeys(missing_symbols(messages), missing[0]) if len(missing) == 1 else {}
        note = explain_error("insmod", text, Evidence(messages, providers=providers))
        return note.meaning.rstrip(".") if note else " ".join(text.split()) or _("insmod says nothing")

    def _wrong_return(self) -> WrongReturn | None:
        return None if self._returned is None else check_return(self._returned, self._calls, self._code)

    def _broken(self) -> Iterator[Trouble]:
        """Crashes and hangs, in any step."""
        yield from self._atomic_sleeps()
        yield from self._bad_frees()
        yield from self._frees_of_active()
        crashes = list(self._crashes())
        crash_lines = {trouble.line for trouble in crashes}
        yield from (trouble for trouble in self._double_releases() if trouble.line not in crash_lines)
        yield from crashes
        yield from self._bad_writes()
        yield from self._ends()

    def _crashes(self) -> Iterator[Trouble]:
        for crash in self._observation.crashes:
            report = crash.report
            verdict = Verdict.HANGS if report.kind in _HANGS else Verdict.CRASHES
            step = _GONE if self._is_gone_at(crash) else crash.step
            sentence, line = self._lines.crash_sentence(report), self._lines.crash_line(report)
            yield Trouble(verdict, sentence, line, step, report)

    def _is_gone_at(self, crash: CrashInStep) -> bool:
        """Whether exit had returned, or init had failed, when it crashed."""
        going, time_s = self._records.first(RecordKind.GOING), crash.report.time_s
        return crash.step not in _STEPS or (going is not None and time_s is not None and time_s > going.time_s)

    def _ends(self) -> Iterator[Trouble]:
        end, last = self._observation.end, self._observation.last_step
        step = last if last in _STEPS and self._records.first(RecordKind.GOING) is None else _GONE
        if end is not None and end.kind is EndKind.HANG:
            sentence = _("the guest hangs: {reason}").format(reason=_never_ends(last))
            yield Trouble(Verdict.HANGS, sentence, self._lines.hang_line(self._observation.counters), step)
        elif end is not None and not self._observation.crashes:
            yield Trouble(Verdict.CRASHES, end.sentence.rstrip("."), self._lines.unreturned_line(), step)
        elif self._observation.timed_out:
            yield Trouble(Verdict.HANGS, _never_ends(last), self._lines.waiting_line(), step)

    def _atomic_sleeps(self) -> Iterator[Trouble]:
        call = next((call for call in self._calls if call.slept_in_atomic), None)
        if call:
            sentence = _("{function} may sleep, but is called in atomic context").format(function=call.name)
            yield Trouble(Verdict.CRASHES, sentence, call.line, _step_of(call.record.phase))

    def _bad_frees(self) -> Iterator[Trouble]:
        for record in self._records.of(RecordKind.DOUBLE_FREE, RecordKind.INVALID_FREE):
            if record.kind is RecordKind.DOUBLE_FREE:
                freed = site_line(self._code, record.arguments[1])
                sentence = _with_line(
                    freed,
                    N_("a double free of memory that line {line} has already freed"),
                    N_("a double free of memory"),
                )
            else:
                allocated = site_line(self._code, record.arguments[2])
                sentence = _with_line(
                    allocated,
                    N_("what is freed is not the beginning of the memory that line {line} allocated"),
                    N_("what is freed is not the beginning of the memory"),
                )
            yield Trouble(Verdict.CRASHES, sentence, site_line(self._code, record.site), _step_of(record.phase))

    def _double_releases(self) -> Iterator[Trouble]:
        for release in double_releases(self._calls):
            sentence = _with_line(
                release.first.line,
                N_("{resource} is released twice; line {line} has already released it"),
                N_("{resource} is released twice"),
                resource=resource_title(release.kind),
            )
            yield Trouble(Verdict.CRASHES, sentence, release.second.line, _step_of(release.second.record.phase))

    def _bad_writes(self) -> Iterator[Trouble]:
        """Writes that did not crash when they were made."""
        for record in self._records.of(RecordKind.OVERRUN, RecordKind.WRITE_AFTER_FREE):
            line = site_line(self._code, record.site)
            if record.kind is RecordKind.OVERRUN:
                sentence = _overrun_sentence(record.arguments[1], line)
            else:
                sentence = _with_line(
                    line,
                    N_("use after free: a write to the memory that line {line} freed"),
                    N_("use after free: a write to freed memory"),
                )
            yield Trouble(Verdict.CRASHES, sentence, line, _step_of(record.phase))

    def _frees_of_active(self) -> Iterator[Trouble]:
        for record in self._records.of(RecordKind.FREED_ACTIVE):
            sentence = _("use after free: memory is freed while {callback} in it is pending")
            sentence = sentence.format(callback=callback_words(record))
            yield Trouble(Verdict.CRASHES, sentence, site_line(self._code, record.site), _step_of(record.phase))


def _needed(ko: bytes) -> tuple[str, ...]:
    try:
        return parse_module(ko).modinfo.depends
    except MalformedError:
        return ()


def _with_line(line: SourceLine | None, with_line: str, without: str, **values: object) -> str:
    """One of two messages, as the line is known or not."""
    return _(with_line).format(line=line.line, **values) if line else _(without).format(**values)


def _overrun_sentence(size: int, line: SourceLine | None) -> str:
    if line is None:
        return ngettext(
            "a write beyond the end of the {size} byte",
            "a write beyond the end of the {size} bytes",
            size,
        ).format(size=size)
    return ngettext(
        "a write beyond the end of the {size} byte that line {line} allocated",
        "a write beyond the end of the {size} bytes that line {line} allocated",
        size,
    ).format(size=size, line=line.line)


def _step_of(phase: Phase) -> str:
    return {Phase.INIT: "load", Phase.EXIT: "unload", Phase.GONE: "unload"}.get(phase, "settle")


def _never_ends(step: str) -> str:
    if step == "load":
        return _("init never ends")
    return _("exit never ends") if step == "unload" else _("the step `{step}` never ends").format(step=step)
