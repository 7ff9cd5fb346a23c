"""Finds the problems in a run: crashes, hangs, wrong uses of memory, double releases; each with its line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from kmodlab.crash.report import Kind, Report
from kmodlab.crash.source_location import SourceLine
from kmodlab.errors import EndKind
from kmodlab.i18n import N_, _, ngettext
from kmodlab.tracer.call_log import Call, site_line
from kmodlab.tracer.call_sites import Code
from kmodlab.tracer.crash_lines import CrashLines
from kmodlab.tracer.leaks import callback_words
from kmodlab.tracer.observe import Observation
from kmodlab.tracer.releases import double_releases
from kmodlab.tracer.resources import resource_title
from kmodlab.tracer.step_log import CrashInStep
from kmodlab.tracer.trace_records import Record
from kmodlab.tracer.wire_format import Phase, RecordKind

GONE = "gone"  # a crash after exit has returned or init has failed is the consequence of something else
_HANGS = {Kind.SOFT_LOCKUP, Kind.HARD_LOCKUP, Kind.RCU_STALL, Kind.HUNG_TASK}
_STEPS = {"load", "loaded", "settle", "script", "scripted", "unload"}
_LATER_STEPS = {"reload", "reloaded", "settle-again", "reunloaded", "end", "cycle", "cycled"}


class Verdict(StrEnum):
    """The result of a run."""

    CLEAN = N_("clean")
    LEAKS = N_("leaks")
    CRASHES = N_("crashes")
    WRONG_RETURN = N_("wrong-return")
    HANGS = N_("hangs")
    NOT_INJECTED = N_("not-injected")
    REFUSED = N_("refused")  # the module could not be loaded, so its init never ran
    UNSEEN = N_("unseen")  # no problem was seen, but some calls could not be observed

    @property
    def label(self) -> str:
        """The verdict in the reader's language."""
        return _(self.value)


@dataclass(frozen=True)
class Trouble:
    """A problem: the verdict that it means, a sentence about it, its line, and the step in which it happened.

    `in_exit` says whether exit was running then, `is_later` whether the module had been loaded for the second time.
    """

    verdict: Verdict
    sentence: str
    line: SourceLine | None = None
    step: str = ""
    report: Report | None = None
    in_exit: bool = False
    is_later: bool = False

    @property
    def key(self) -> tuple[object, ...]:
        """A key that is equal for two reports of the same problem."""
        return (self.verdict, self.line.file, self.line.line) if self.line else (self.verdict, self.sentence)


def find_broken(
    code: Code, observation: Observation, calls: tuple[Call, ...], *, is_sure: bool = True
) -> tuple[Trouble, ...]:
    """The problems in a run. `calls` are those of the first load; `is_sure` is False if some calls were not seen.

    A problem that is reported again on the same line follows from the first report, and is left out.
    """
    first: dict[object, Trouble] = {}
    for trouble in _Broken(code, observation, calls).find(is_sure=is_sure):
        first.setdefault(trouble.key, trouble)
    return tuple(first.values())


class _Broken:
    def __init__(self, code: Code, observation: Observation, calls: tuple[Call, ...]) -> None:
        self._code, self._observation, self._calls = code, observation, calls
        self._records = observation.records.first_load
        self._lines = CrashLines(code, self._records, calls)
        self._later_lines = CrashLines(code, observation.records.later_loads, ())

    def find(self, *, is_sure: bool) -> Iterator[Trouble]:
        yield from self._atomic_sleeps()
        yield from self._bad_frees()
        yield from self._frees_of_active()
        crashes = list(self._crashes())
        crash_lines = {trouble.line for trouble in crashes}
        if is_sure:  # otherwise an unseen call may have acquired the resource again
            yield from (trouble for trouble in self._double_releases() if trouble.line not in crash_lines)
        yield from crashes
        yield from self._bad_writes()
        yield from self._ends()

    # ---- crashes and hangs ----

    def _crashes(self) -> Iterator[Trouble]:
        for crash in self._observation.crashes:
            report, is_later = crash.report, self._is_later(crash.step)
            if report.kind is Kind.NMI:  # sent by the host, to find out where the guest hangs
                continue
            lines = self._later_lines if is_later else self._lines
            yield Trouble(
                Verdict.HANGS if report.kind in _HANGS else Verdict.CRASHES,
                lines.crash_sentence(report),
                lines.crash_line(report),
                GONE if self._is_gone_at(crash) else crash.step,
                report,
                in_exit=self._is_in_exit(report),
                is_later=is_later,
            )

    def _is_gone_at(self, crash: CrashInStep) -> bool:
        """Whether exit had returned, or init had failed, when the crash happened."""
        going, time_s = self._records.first(RecordKind.GOING), crash.report.time_s
        return crash.step not in _STEPS or (going is not None and time_s is not None and time_s > going.time_s)

    def _is_later(self, step: str) -> bool:
        """Whether the module was loaded for the second time before this step ended."""
        return step in _LATER_STEPS and self._observation.step("reload") is not None

    def _is_in_exit(self, report: Report) -> bool:
        record = self._observation.records.exit_running(report.time_s)
        return record is not None and report.pid in (record.pid, None)

    def _ends(self) -> Iterator[Trouble]:
        end, last = self._observation.end, self._observation.last_step
        in_exit, is_later = self._observation.records.exit_running() is not None, self._is_later(last)
        lines = self._later_lines if is_later else self._lines
        if end is not None and end.kind is EndKind.HANG:
            verdict, line = Verdict.HANGS, self._hang_line(lines)
            sentence = _("the guest hangs: {reason}").format(reason=_never_ends(last, in_exit=in_exit))
        elif end is not None and not self._observation.crashes:
            verdict, sentence, line = Verdict.CRASHES, end.sentence.rstrip("."), lines.unreturned_line()
        elif self._observation.timed_out:
            verdict, sentence, line = Verdict.HANGS, _never_ends(last, in_exit=in_exit), lines.waiting_line()
        else:
            return
        step = last if last in _STEPS and self._records.first(RecordKind.GOING) is None else GONE
        yield Trouble(verdict, sentence, line, step, in_exit=in_exit, is_later=is_later)

    def _hang_line(self, lines: CrashLines) -> SourceLine | None:
        """The line that a hanging processor runs, from the kernel's report if there is one, else from samples."""
        reports = [crash.report for crash in self._observation.crashes if crash.report.kind is Kind.NMI]
        line = lines.crash_line(reports[-1]) if reports else None
        return line or lines.hang_line(self._observation.counters)

    # ---- what the tracer noticed ----

    def _atomic_sleeps(self) -> Iterator[Trouble]:
        call = next((call for call in self._calls if call.slept_in_atomic), None)
        if call:
            sentence = _("{function} may sleep, but is called in atomic context").format(function=call.name)
            yield _trouble(sentence, call.line, call.record)

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
            yield _trouble(sentence, site_line(self._code, record.site), record)

    def _frees_of_active(self) -> Iterator[Trouble]:
        first = self._records.of(RecordKind.FREED_ACTIVE)
        # Before the first unload, callbacks had time to run. The second unload follows at once, so they may be pending.
        later = self._observation.records.later_loads.of(RecordKind.FREED_ACTIVE)
        for record in (*first, *later):
            sentence = _("use after free: memory is freed while {callback} in it is pending")
            sentence = sentence.format(callback=callback_words(record))
            trouble = _trouble(sentence, site_line(self._code, record.site), record)
            yield replace(trouble, is_later=record not in first)

    def _double_releases(self) -> Iterator[Trouble]:
        for release in double_releases(self._calls):
            sentence = _with_line(
                release.first.line,
                N_("{resource} is released twice; line {line} has already released it"),
                N_("{resource} is released twice"),
                resource=resource_title(release.kind),
            )
            yield _trouble(sentence, release.second.line, release.second.record)

    def _bad_writes(self) -> Iterator[Trouble]:
        """Wrong writes that did not crash at once, and were found later."""
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
            yield _trouble(sentence, line, record)


def _trouble(sentence: str, line: SourceLine | None, record: Record) -> Trouble:
    """A wrong use of memory or of a function, at the time of a record."""
    phase = record.phase
    step = {Phase.INIT: "load", Phase.EXIT: "unload", Phase.GONE: "unload"}.get(phase, "settle")
    return Trouble(Verdict.CRASHES, sentence, line, step, in_exit=phase is Phase.EXIT)


def _with_line(line: SourceLine | None, with_line: str, without: str, **values: Any) -> str:
    """The message `with_line` if the line is known, otherwise `without`."""
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


def _never_ends(step: str, *, in_exit: bool) -> str:
    if in_exit or step == "unload":
        return _("exit never ends")
    return _("init never ends") if step in ("load", "reload") else _("the step `{step}` never ends").format(step=step)
