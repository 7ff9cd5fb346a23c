"""Reads the kernel's log of a run under the tracer, in which a line marks each step, and removes the tracer from it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from kmodlab.crash.log_lines import clean_line
from kmodlab.crash.reader import find_crashes
from kmodlab.crash.records import LogRecord
from kmodlab.crash.report import Report
from kmodlab.tracer.tracer_module import NAME

MARK = "kmodlab: "
_FRAME = re.compile(rf"(?:\? )?[\w.]+\+0x[0-9a-f]+/0x[0-9a-f]+ \[{NAME}\b[^\]]*\]")
_LISTED = re.compile(rf" {NAME}\([A-Z+-]*\)")  # the tracer in a report's list of modules
_PLACE = re.compile(r"RIP: [0-9a-f]{4}:")


@dataclass(frozen=True)
class CrashInStep:
    """A crash in the log, and the step in which it happened."""

    step: str
    report: Report


def step_of(mark: str) -> str:
    """The name of the step that a mark begins; empty for a mark without a name, which a module may log itself."""
    return (mark.split() or [""])[0]


def crashes_by_step(log: str) -> Iterator[CrashInStep]:
    """The crashes in a log, each with the step in which it happened."""
    step, lines = "", list[str]()
    for line in log.splitlines():
        mark = line.partition(MARK)[2] if MARK in line else ""
        if mark:
            yield from _crashes_in(step, lines)
            step, lines = step_of(mark), []
        else:
            lines.append(line)
    yield from _crashes_in(step, lines)


def _crashes_in(step: str, lines: list[str]) -> Iterator[CrashInStep]:
    if step:  # records before the first step belong to the guest's boot
        yield from (CrashInStep(step, report) for report in find_crashes(lines))


# ---- without the tracer --------------------------------------------------------------------------------------------


def hide_tracer(log: str) -> str:
    """A log without the tracer's frames, and without its name in lists of modules."""
    return "\n".join(line for line in map(_hide_in_line, log.split("\n")) if line is not None) if NAME in log else log


def hide_in_records(records: Iterable[LogRecord]) -> tuple[LogRecord, ...]:
    """The records of a log without the tracer's frames, and without its name in lists of modules."""
    texts = ((record, hide_tracer(record.text)) for record in records)
    return tuple(replace(record, text=text) for record, text in texts if text or not record.text)


def _hide_in_line(line: str) -> str | None:
    """The line; None if it is about the tracer alone."""
    if NAME not in line:
        return line
    shown = _LISTED.sub("", _FRAME.sub("", line)).rstrip()
    rest = clean_line(0, shown).text.strip()
    is_empty = not rest or _PLACE.fullmatch(rest) or rest.startswith(f"{NAME}: ")
    return None if is_empty else shown
