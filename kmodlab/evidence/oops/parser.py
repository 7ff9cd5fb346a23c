"""The way in: every crash in the text of a kernel log, as `Oops` values.

Puts together what the other modules of this folder read out of a report's lines. Tolerates damage and says so in the
value; never raises, whatever the text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from kmodlab.evidence.oops import frames
from kmodlab.evidence.oops.culprit import title_name
from kmodlab.evidence.oops.doubts import HUNG_UP, find_doubt
from kmodlab.evidence.oops.log_lines import LogLine, read_lines
from kmodlab.evidence.oops.registers import parse_registers
from kmodlab.evidence.oops.reports import Report, find_reports
from kmodlab.evidence.oops.stock_rules import REFUSALS
from kmodlab.evidence.oops.taint import parse_taint
from kmodlab.evidence.oops.titles import Heading, find_heading
from kmodlab.evidence.oops.types import Frame, Kind, Oops

_HANGS = (Kind.SOFT_LOCKUP, Kind.HARD_LOCKUP, Kind.RCU_STALL)
_HUNG_TASK = re.compile(r"INFO: task (.*?):(\d+) (?:blocked|can't die)")
_CPU = re.compile(
    r"CPU: (\d+) (?:UID: \d+ )?PID: (\d+) Comm: (.{1,64}?) +(?:Not tainted|Tainted: [A-Z ]{1,60}?) +(\S+)"
)
_CPU_CUT_OFF = re.compile(r"CPU: (\d+) (?:UID: \d+ )?PID: (\d+) Comm: (\S+)()")
# `(OE+)`: on its way in, `(OE-)`: on its way out.
_ON_ITS_WAY = re.compile(r"^Modules linked in:.*? (\w+)\([A-Z]*[+-]\)")
_REFUSED = re.compile(r"(?:^|: )([A-Za-z0-9_\-]+): (?:Unknown|disagrees|no symbol|version magic|exports)")


def _heading(report: Report, lines: Sequence[LogLine]) -> Heading | None:
    heading = find_heading(report.family, report.texts)
    # The prefix that was taken off may have been the start of the sentence, where two lines ran into each other.
    return heading or find_heading(report.family, [line.raw for line in lines[report.first : report.last + 1]])


@dataclass(frozen=True)
class _Trap:
    """Where the processor was: a frame, or only an address; the line of the report that says so, from 0."""

    line: int = 0
    frame: Frame | None = None
    text: str | None = None


def _trap(texts: Sequence[str], kind: Kind) -> _Trap:
    for number, text in enumerate(texts):
        if text.startswith("NMI backtrace for cpu") and kind not in _HANGS:
            break  # the other processors did nothing wrong
        frame = frames.parse_program_counter(text)
        if frame:
            return _Trap(number, frame, str(Frame(frame.function, frame.offset, frame.size)))
        address = frames.parse_bare_address(text)
        if address:
            return _Trap(number, None, address)
    return _Trap()


def _culprit(function: str | None, candidates: Sequence[Frame]) -> Frame | None:
    """The first frame of the function that the title names."""
    named = (frame for frame in candidates if title_name(frame.function) == function)
    return next(named, None) if function else None


def _module(culprit: Frame | None, candidates: Sequence[Frame], texts: Sequence[str]) -> str | None:
    """The module of the culprit, else of the innermost frame that is in one, else that being loaded or unloaded."""
    if culprit and culprit.module:
        return culprit.module
    inside = next((frame.module for frame in candidates if frame.module and frame.reliable), None)
    named = _REFUSED.search(texts[0]) or next((found for found in map(_ON_ITS_WAY.search, texts) if found), None)
    return inside or (named.group(1) if named else None)


@dataclass(frozen=True)
class _Who:
    """Which task was running where."""

    cpu: int | None = None
    pid: int | None = None
    process: str | None = None
    kernel: str | None = None


def _who(texts: Sequence[str]) -> _Who:
    hung = _HUNG_TASK.search(texts[0])
    if hung:
        return _Who(pid=int(hung.group(2)), process=hung.group(1))
    for pattern in (_CPU, _CPU_CUT_OFF):
        found = next((match for match in map(pattern.search, texts) if match), None)
        if found:
            return _Who(int(found.group(1)), int(found.group(2)), found.group(3), found.group(4) or None)
    return _Who()


def _decode(report: Report, lines: Sequence[LogLine], log_end: int, *, hung_up: bool) -> Oops | None:
    heading = _heading(report, lines)
    if heading is None:
        return None
    texts = [text for text, _ in report.details]
    trap = _trap(texts, heading.kind)
    # A stall's report shows the stacks of those who wait for the culprit first.
    start = trap.line if heading.kind in _HANGS else 0
    trace = frames.parse_trace(report.details, start) if report.family not in REFUSALS else ()
    candidates = ([trap.frame] if trap.frame else []) + list(trace)
    culprit = _culprit(heading.function, candidates)
    who = _who(texts)
    ends_log = report.last >= log_end
    reason = find_doubt(heading, report.texts, report.details, ends_log=ends_log, hung_up=hung_up)
    return Oops(
        title=heading.title,
        kind=heading.kind,
        function=heading.function,
        offset=culprit.offset if culprit else None,
        size=culprit.size if culprit else None,
        module=_module(culprit, candidates, texts),
        rip=trap.text,
        rip_frame=trap.frame,
        trace=trace,
        registers=parse_registers(texts),
        taint=parse_taint(texts),
        process=who.process,
        pid=who.pid,
        cpu=who.cpu,
        kernel=who.kernel,
        corrupted=reason is not None,
        reason=reason,
        raw="\n".join(line.raw for line in lines[report.first : report.last + 1]),
        first_line=report.first + 1,
        last_line=report.last + 1,
    )


def parse_oopses(text: str) -> tuple[Oops, ...]:
    """Every crash that the log `text` reports, in the order in which they start; empty where there is none."""
    lines = read_lines(text)
    log_end = max((index for index, line in enumerate(lines) if line.text.strip()), default=0)
    hung_up = HUNG_UP in text
    decoded = (_decode(report, lines, log_end, hung_up=hung_up) for report in find_reports(lines))
    return tuple(oops for oops in decoded if oops)
