"""Where the reports in a log start, and which lines belong to each.

Several processors talk at once, one trouble causes the next, and a panic repeats what was said before it. Gives
`parser` the lines of one crash at a time; what they mean is left to the modules that read them. The work is linear
in the size of the log: every line is classified once, and a report is followed for a bounded number of lines.
"""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from kmodlab.evidence.oops.frames import starts_trace
from kmodlab.evidence.oops.log_lines import LogLine
from kmodlab.evidence.oops.rules import CRASHES, OWN_WORDS, Family, known_rules
from kmodlab.evidence.oops.stock_rules import ORPHANS, REFUSALS, STOCK_CRASHES

MAX_REPORTS = 100
MAX_REPORT_LINES = 4000
# Where a log has this many reports, the later ones are followed less far.
_LONG_REPORTS = 10
_SHORT_REPORT_LINES = 1000
# How soon a call trace must follow a headline that anybody may have printed.
_TRACE_WITHIN = 60

_FAMILIES = (*CRASHES, *STOCK_CRASHES, *REFUSALS, *ORPHANS)
_ANY_WORD = re.compile("|".join(f"(?:{family.word.pattern})" for family in _FAMILIES))
_REPLAYED = "** replaying previous printk message **"

# A panic in Rust ends in a BUG of its own.
_RUST_BUG = "kernel BUG at rust/helpers/"
# These go on with a report that is under way.
_GOES_ON = re.compile(
    r"invalid opcode: 0000|PANIC: double fault|Internal error:|\bOops: [0-9a-f]{4} \[#|unreferenced object 0x|"
    + _RUST_BUG
)
_GOES_ON_WITHIN = 80
# And so do panics that only say that something before them was bad enough.
_CONSEQUENCE = re.compile(
    r"Kernel panic - not syncing: (?:kernel: )?(?:Fatal exception|panic_on_\w+ set|hung_task: |softlockup: |Aiee, |"
    r"Hard LOCKUP|RCU Stall|Attempted to kill (?:init|the idle)|Oops|KASAN|KFENCE|UBSAN|Machine halted)"
)
# A panic's own trace is that of the report before it, and worth nothing if enough of that was printed. The same holds
# for the complaints about locks that printing a report from a bad place brings about.
_AFTERMATH = re.compile("Kernel panic - not syncing|WARNING: possible circular locking dependency detected")
_ENOUGH_LINES = 22
_ENOUGH_LINES_KMSAN = 16
# These may stand in the middle of a report without being another one.
_NO_SECOND_REPORT = re.compile(
    "invalid opcode: 0000|Kernel panic - not syncing|unregister_netdevice: waiting for|PANIC: double fault|"
    "Internal error:|" + _RUST_BUG
)
_NOTICE_WITH_STACK = re.compile(
    "vmalloc: allocation failure:|FAULT_INJECTION: forcing a failure|FAULT_FLAG_ALLOW_RETRY missing"
)
_LAST_WORDS = re.compile(r"---\[ end Kernel panic|^Rebooting in ")


@dataclass
class Report:
    """The lines of one crash.

    `texts` are those that decide its title: doubted stack entries, other speakers and what follows a second report
    are left out. `details` keeps the doubted ones, each with whether the kernel doubts it. `first` and `last` count
    the log's lines from 0.
    """

    family: Family
    first: int
    last: int
    texts: list[str] = field(default_factory=list)
    details: list[tuple[str, bool]] = field(default_factory=list)


def _family_of(lines: Sequence[LogLine], index: int) -> Family | None:
    """The rules for a line that may start a report, or None."""
    raw = lines[index].raw
    if not _ANY_WORD.search(raw):
        return None
    if index + 1 < len(lines) and _REPLAYED in lines[index + 1].raw:
        return None  # cut off here, printed again in full below
    usable = (family for family in _FAMILIES if family.word.search(raw))
    return next((family for family in usable if not (family.unless and family.unless.search(raw))), None)


def _goes_on(raw: str, distance: int) -> bool:
    if _CONSEQUENCE.search(raw) or "unregister_netdevice: waiting for" in raw:
        return True
    return distance <= _GOES_ON_WITHIN and _GOES_ON.search(raw) is not None


def _is_headline(line: LogLine, family: Family) -> bool:
    """Whether the line is sure to start a report; else it only has the word, which anybody may print.

    Where two lines ran into each other, the sentence may stand before the time stamp.
    """
    text = line.text if family.word.search(line.text) else line.raw
    return OWN_WORDS.match(line.text) is not None or bool(known_rules(family, text))


def _serious(lines: Sequence[LogLine], families: dict[int, Family]) -> dict[int, Family]:
    """The lines that start or continue a report: headlines, and lines with a call trace of their own."""
    headlines = [index for index, family in families.items() if _is_headline(lines[index], family)]
    if len(headlines) == len(families):
        return families
    ends = [index for index in headlines if not _CONSEQUENCE.search(lines[index].raw)] + [len(lines)]
    traces = [index for index, line in enumerate(lines) if starts_trace(line.text)] + [len(lines)]
    traced = {
        index
        for index in families
        if traces[bisect(traces, index)] < min(index + _TRACE_WITHIN, ends[bisect(ends, index)])
    }
    kept = traced.union(headlines)
    return {index: family for index, family in families.items() if index in kept}


def _starts(lines: Sequence[LogLine], families: dict[int, Family]) -> Iterator[int]:
    previous: int | None = None
    refusals: set[str] = set()
    for index, family in _serious(lines, families).items():
        if family in REFUSALS:
            # A loader that tries both system calls is told twice.
            if lines[index].text not in refusals:
                yield index
            refusals.add(lines[index].text)
        elif previous is None or not _goes_on(lines[index].raw, index - previous):
            yield index
            previous = index


class _Gathering:
    """One report while its lines are being picked out of the log."""

    def __init__(self, first: LogLine, report: Report) -> None:
        self.report = report
        self.first = first
        self.knows_speaker = first.speaker not in ("", "console")
        self.enough = _ENOUGH_LINES_KMSAN if "BUG: KMSAN:" in first.raw else _ENOUGH_LINES
        self.second_report = False
        self.all_processors = False
        self.aftermath = False
        self.over = False
        self.said = 0

    def speaks(self, line: LogLine) -> bool:
        """Whether the line is by who started the report; after a call for all stacks, by any processor."""
        return line.speaker == self.first.speaker or (self.all_processors and "C" in line.speaker)

    def notice(self, line: LogLine, family: Family | None) -> None:
        """See whether another report starts; without names for speakers, whose lines follow cannot be told."""
        if family is None:
            second = _NOTICE_WITH_STACK.search(line.raw) is not None
        else:
            second = family in CRASHES and not _NO_SECOND_REPORT.search(line.raw)
        self.second_report = self.second_report or second

    def take(self, line: LogLine) -> None:
        """Add a line of the speaker's."""
        leading = line is self.first
        mixed = self.second_report and not self.knows_speaker
        if not (mixed or self.over):
            self.report.details.append((line.text, line.unsure))
            self.report.last = line.number - 1
        if line.unsure and not leading:
            return
        self.said += 1
        self.all_processors = self.all_processors or "Sending NMI from CPU" in line.text
        self.aftermath = self.aftermath or (self.said > self.enough and _AFTERMATH.search(line.raw) is not None)
        noise = self.aftermath or "Disabling lock debugging due to kernel taint" in line.text
        if leading or not (noise or mixed):
            self.report.texts.append(line.text)


def _gather(lines: Sequence[LogLine], start: int, end: int, families: dict[int, Family], starts: set[int]) -> Report:
    gathering = _Gathering(lines[start], Report(families[start], start, start))
    gathering.take(lines[start])
    if families[start] in REFUSALS:
        return gathering.report
    for index in range(start + 1, min(len(lines), end)):
        line = lines[index]
        gathering.notice(line, families.get(index))
        if not gathering.speaks(line):
            continue
        gathering.over = gathering.over or index in starts
        gathering.take(line)
        if _LAST_WORDS.search(line.text):
            break
    return gathering.report


def find_reports(lines: Sequence[LogLine]) -> Iterator[Report]:
    """The reports of a log in the order in which they start, at most a hundred."""
    classified = ((index, _family_of(lines, index)) for index in range(len(lines)))
    families = {index: family for index, family in classified if family}
    starts = list(islice(_starts(lines, families), MAX_REPORTS))
    for number, start in enumerate(starts):
        length = MAX_REPORT_LINES if number < _LONG_REPORTS else _SHORT_REPORT_LINES
        yield _gather(lines, start, start + length, families, set(starts))
