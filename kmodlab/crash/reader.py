"""Reads a kernel's log, line by line, and finds the reports of crashes, warnings and call traces in it.

A report has a headline (`headlines`), then in any order lines about the process, registers, and call traces. The log is
read as a stream, so only one report is in memory. Damaged lines are skipped, and the report's `doubt` says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

import kmodlab.crash.processor_state as processor_state
from kmodlab.crash.frames import find_symbol, parse_frames, parse_place
from kmodlab.crash.headlines import CONSEQUENCE, WORTH_A_LOOK, Headline, find_headline
from kmodlab.crash.log_lines import LogLine, clean_line
from kmodlab.crash.meanings import explain_report
from kmodlab.crash.report import Frame, Kind, Report, ReportSeverity, Stack
from kmodlab.i18n import N_, _

MAX_REPORTS = 200
_MAX_RAW = 2000  # lines of one report that are kept
_MAX_FRAMES = 500
_GAP = 12  # other lines that may be between the lines of a report
_PREAMBLE = 40  # lines that may be between a headline and the first trace
_LONG_PREAMBLE = 600  # in reports that describe locks, memory or stalls before the trace
_LOCKUPS = {Kind.HARD_LOCKUP, Kind.WORKQUEUE_LOCKUP}
_LONG = {Kind.LOCKDEP, Kind.SLAB_CORRUPTION, Kind.RCU_STALL, Kind.KCSAN, *_LOCKUPS}
# Reports that are complete without a trace.
_SHORT = {Kind.BAD_PAGE, Kind.PANIC, Kind.HUNG_TASK, *_LOCKUPS}

_CUT_HERE = re.compile(r"-{4,}\[ cut here \]-{4,}")  # include/asm-generic/bug.h
_TRACE = re.compile(r"\s*(?:[Cc]all [Tt]race|Backtrace|Trace|Stack trace):?(?:$|\s)")
_END = re.compile(r"---\[ end (?:trace|Kernel panic)")  # kernel/panic.c: print_oops_end_marker, panic
_TASK = re.compile(r"task:\S.*\bstate:")
# Above a further trace: "Allocated by task 84:", "backtrace:", "NMI backtrace for cpu 1"; mm/slub.c, print_track.
_TITLE = re.compile(r".*:$|.*backtrace for cpu|(?:Allocated|Freed) in ")
# " #0: ffff888003d6a0a8 (lock_b){+.+.}-{3:3}, at: box_second+0x13/0x40 [box]": kernel/locking/lockdep.c, print_lock
_HELD_LOCK = re.compile(r"#\d+: .*\(.+\)\{.*, at: ")
_UNFINISHED = re.compile(r"(?:\bat|\baddress|address:|\bfor|- not|\bin)$")
_MODULE_ALONE = re.compile(r"\[[\w-]+\]$")

MISSING_HEADLINE = N_("the beginning of the report is missing")
MISSING_TRACE = N_("the report ends before its call trace")
INTERLEAVED = N_("other lines stand between those of the call trace")
WRAPPED = N_("lines of the report are wrapped")


def find_reports(log: str | Iterable[str], limit: int = MAX_REPORTS) -> tuple[Report, ...]:
    """The first `limit` reports in a log, in order; `log` is its text or its lines.

    A report that is in the log twice, with the same time, is returned once.
    """
    reports: dict[tuple[object, ...], Report] = {}
    for report in _Reader().read(log.split("\n") if isinstance(log, str) else log):
        when = report.first_line if report.time_s is None else report.time_s
        reports.setdefault((when, report.sentence, report.pid, *map(str, report.frames[:4])), report)
        if len(reports) == limit:
            break
    return tuple(reports.values())


def find_crashes(log: str | Iterable[str]) -> tuple[Report, ...]:
    """The reports in a log that are crashes or warnings, without mere traces and refused modules."""
    return tuple(report for report in find_reports(log) if report.is_crash)


@dataclass
class _Draft:
    """A report that is being read."""

    first: LogLine
    sentence: str = ""
    headline: Headline | None = None
    kind: Kind = Kind.TRACE
    messages: list[str] = field(default_factory=list)  # below "cut here", before the headline
    place: Frame | None = None
    stacks: list[tuple[str, list[Frame]]] = field(default_factory=list)  # each with its title
    main: list[Frame] | None = None  # the first stack after "Call Trace:"
    registers: dict[str, str] = field(default_factory=dict)
    address: int | None = None
    facts: dict[str, object] = field(default_factory=dict)
    raw: list[str] = field(default_factory=list)
    kept: int = 0  # number of lines in `raw` up to the report's last line so far
    last: int = 0  # number of that line in the log
    doubts: list[str] = field(default_factory=list)
    gap: int = 0  # other lines since the report's last line
    title: str = ""  # the title of the next stack
    in_stack: bool = False  # whether the next frame continues the last stack
    of_program: bool = False  # whether the next registers are a program's
    is_listing: bool = False  # whether it lists all tasks, on request (kernel/sched/core.c, show_state_filter)
    ended: bool = False
    panicked: bool = False

    @property
    def has_body(self) -> bool:
        """Whether there is more than a headline."""
        return bool(self.place or self.registers or any(frames for _title, frames in self.stacks))

    @property
    def max_gap(self) -> int:
        """The number of other lines that may follow before the report is closed."""
        if self.main is not None or (self.headline is None and self.has_body):
            return _GAP
        return _LONG_PREAMBLE if self.kind in _LONG else _PREAMBLE

    def is_over_at(self, text: str) -> bool:
        """Whether a line begins a trace of another report, because this one has ended, or the trace has no title."""
        if self.panicked or not _begins_trace(text):
            return False
        return self.ended or (self.main is not None and not self.title and processor_state.introduces_trace(text))

    def learn(self, text: str) -> None:
        """Take process, processor and kernel from a line, unless an earlier line had them."""
        self.facts = self.facts if self.panicked else {**processor_state.parse_facts(text), **self.facts}

    def name(self, headline: Headline, text: str) -> None:
        """Set the headline below "cut here". If there is a message above it, that becomes the report's sentence."""
        self.headline, self.kind, self.sentence = headline, headline.kind, text.strip()
        messages = [message for message in self.messages if message]
        if messages and headline.kind in (Kind.WARNING, Kind.BUG):
            self.sentence = messages[0]
            self.kind = next((row for message in messages if (row := find_headline(message))), headline).kind
            self.stacks += [(message, [frame]) for message in messages if (frame := find_symbol(message))]

    def add(self, text: str) -> bool:
        """Take a line; returns whether it belongs to the report."""
        if _END.search(text):
            self.ended = True
        elif not text.strip():
            self.in_stack = False
            return not self.ended
        elif processor_state.introduces_trace(text):
            self.learn(text)
            self.in_stack = False
        elif _TRACE.match(text):
            self._add_trace(text)
        elif self.headline is None and not self.has_body and not self.sentence:
            self.messages.append(text.strip())
            return len(self.messages) <= _PREAMBLE
        elif not self._add_body(text):
            return self._add_words(text.strip())
        return True

    def _add_trace(self, text: str) -> None:
        # The place above another processor's backtrace is the first frame of that backtrace.
        frames = self.stacks[-1][1] if self.in_stack and self.stacks else []
        if not (len(frames) == 1 and frames[0].exact):
            frames = []
            self.stacks.append((self.title, frames))
        self.main = frames if self.main is None and not self.panicked else self.main
        self.title, self.in_stack = "", True
        self._add_frames(parse_frames(text.partition(":")[2]))

    def _add_frames(self, frames: Iterable[Frame]) -> None:
        if not self.in_stack or not self.stacks:
            self.stacks.append((self.title, []))
            self.title = ""
        self.stacks[-1][1].extend(frames if len(self.stacks[-1][1]) < _MAX_FRAMES else ())
        self.in_stack = True

    def _add_body(self, text: str) -> bool:
        """Take places, frames and registers."""
        is_place, place = parse_place(text)
        if text.startswith("CR2: ") and self.address is None and not self.ended:
            self.address = processor_state.parse_address(text)
        if is_place:
            self._add_place(text, place)
        elif self.ended and not self.panicked:
            return bool(processor_state.parse_registers(text))
        elif frames := list(parse_frames(text)):
            if self.in_stack and self.gap and self.main and self.stacks[-1][1] is self.main:
                self.doubts.append(INTERLEAVED)
            self.in_stack = self.in_stack and not (self.gap and self.stacks[-1][1] is not self.main)
            self._add_frames(frames)
        else:
            registers = processor_state.parse_registers(text)
            if self.main is None and not self.of_program:
                self.registers = {**registers, **self.registers}
            return bool(registers)
        return True

    def _add_place(self, text: str, place: Frame | None) -> None:
        """Take the place where the processor was, or in a trace the place where it was interrupted."""
        if self.ended or self.panicked:
            return
        self.of_program = place is None and "RIP: 0010" not in text
        if self.main is None and not any(frame.exact for _title, frames in self.stacks for frame in frames):
            self.registers = {**processor_state.parse_registers(text), **self.registers}
            # A breakpoint's address is that of the next instruction (arch/x86/kernel/traps.c, exc_int3).
            place = replace(place, exact=False) if place and "int3: " in self.sentence else place
            self.place = self.place or place
        elif place is not None and str(place) != str(self.place):
            self._add_frames([place])

    def _add_words(self, words: str) -> bool:
        """Take any other line."""
        if self.headline and not self.ended:
            self.learn(words)
            if _TITLE.match(words):
                self.title, self.in_stack = words, False
                return True
            if _HELD_LOCK.match(words) and (taken := find_symbol(words)):
                self.stacks.append((words, [replace(taken, exact=False)]))
                self.in_stack = False
                return True
        return processor_state.belongs_to_reports(words)

    def finish(self) -> Report | None:
        """The report; None if the lines are not a report."""
        stacks = [Stack(title, tuple(frames)) for title, frames in self.stacks if frames]
        trace = tuple(self.main or (stacks[0].frames if stacks else ()))
        report = Report(
            kind=self.kind,
            sentence=self.sentence or "Call Trace:",
            place=self.place,
            trace=trace,
            stacks=tuple(stack for stack in stacks if stack.frames != trace),
            registers=self.registers,
            address=self.address,
            panicked=self.panicked,
            time_s=self.first.time_s,
            first_line=self.first.number,
            last_line=self.last,
            raw="\n".join(self.raw[: self.kept]),
            **self.facts,  # type: ignore[arg-type]
        )
        if not self._is_report(report):
            return None
        if report.kind is Kind.PAGE_FAULT and report.address is not None and report.address < 4096:
            report = replace(report, kind=Kind.NULL_DEREFERENCE)  # some architectures have one sentence for both kinds
        if not report.frames and self.kind not in _SHORT and report.severity is not ReportSeverity.REFUSED:
            self.doubts.append(MISSING_TRACE)
        doubt = "; ".join(_(doubt) for doubt in dict.fromkeys(self.doubts))
        return replace(report, doubt=doubt, cause=explain_report(report))

    def _is_report(self, report: Report) -> bool:
        if self.headline is not None or self.is_listing:
            return not self.is_listing and (self.has_body or not (self.headline and self.headline.needs_trace))
        if MISSING_HEADLINE in self.doubts:
            return bool(report.trace or self.ended)
        # A trace without a headline is a report if a reliable frame is in a module; without reliable frames, if any is.
        certain = [frame for frame in report.trace if frame.reliable] or report.trace
        return self.kind is Kind.TRACE and any(frame.module for frame in certain)


class _Reader:
    """Reads line by line; at most one report is open."""

    def __init__(self) -> None:
        self._draft: _Draft | None = None

    def read(self, lines: Iterable[str]) -> Iterator[Report]:
        """The reports, each as soon as it is complete."""
        held: tuple[str, LogLine] | None = None  # a line that may continue on the next one
        for number, raw in enumerate(lines, 1):
            if held is None and self._draft is None and not WORTH_A_LOOK.search(raw):
                continue
            line = clean_line(number, raw)
            whole = _join(held[1], line) if held else None
            if held and whole:
                yield from self._take(f"{held[0]}\n{raw}", whole)
                if self._draft:
                    self._draft.doubts.append(WRAPPED)
                held = None
            else:
                yield from self._take(*held) if held else ()
                held = (raw.rstrip("\r"), line)
        yield from self._take(*held) if held else ()
        yield from self._close()

    def _take(self, raw: str, line: LogLine) -> Iterator[Report]:
        """Take a line; yields the reports that it completes."""
        text = line.text
        if self._draft and self._draft.is_over_at(text):
            yield from self._close()
        is_cut, headline = _CUT_HERE.search(text) is not None, find_headline(text)
        if is_cut or headline:
            yield from self._open(headline, line)
        elif self._draft is None and (_TASK.match(text) or _begins_trace(text)):
            self._draft = _Draft(line, "Call Trace:", is_listing=_TASK.match(text) is not None)
        elif self._draft is None and parse_place(text)[1]:
            self._draft = _Draft(line, text.strip(), doubts=[MISSING_HEADLINE])
        draft = self._draft
        if draft is None:
            return
        draft.raw += [raw] if len(draft.raw) < _MAX_RAW else []
        if is_cut or headline or draft.add(text):
            draft.gap, draft.last, draft.kept = 0, line.number, len(draft.raw)
        else:
            draft.gap += 1
        if draft.gap > draft.max_gap or (draft.gap and draft.ended) or draft.kind.severity is ReportSeverity.REFUSED:
            yield from self._close()

    def _open(self, headline: Headline | None, line: LogLine) -> Iterator[Report]:
        """Take a headline or "cut here": a new report, or more about the one that has just begun."""
        draft, text = self._draft, line.text
        if draft and headline and draft.headline is None and not draft.has_body:
            draft.name(headline, text)
        elif draft and headline and draft.headline and CONSEQUENCE.match(text.strip()):
            draft.panicked = True
        elif draft and headline and headline.continues and draft.main is None and not draft.ended:
            pass  # the same event in other words
        elif not (draft and not draft.has_body and (headline is None or headline.needs_trace)):
            yield from self._close()
            draft = _Draft(line)
            if headline:
                draft.headline, draft.kind, draft.sentence = headline, headline.kind, text.strip()
        self._draft = draft
        draft.learn(text)
        draft.address = processor_state.parse_address(text) if draft.address is None else draft.address
        if draft.place is None and draft.kind not in (Kind.PANIC, Kind.STACK_CORRUPTION):
            draft.place = find_symbol(text)

    def _close(self) -> Iterator[Report]:
        draft, self._draft = self._draft, None
        if draft and (report := draft.finish()):
            yield report


def _begins_trace(text: str) -> bool:
    return processor_state.introduces_trace(text) or _TRACE.match(text) is not None


def _join(first: LogLine, second: LogLine) -> LogLine | None:
    """The two lines joined, if a mail reader has wrapped one line; None if they are two lines."""
    end = second.text.strip()
    if not end or (second.stamped and first.stamped) or len(first.text) < 30:
        return None
    broken_frame = _MODULE_ALONE.match(end) and any(parse_frames(first.text))
    broken_headline = _UNFINISHED.search(first.text) and find_headline(first.text)
    return replace(first, text=f"{first.text} {end}") if broken_frame or broken_headline else None
