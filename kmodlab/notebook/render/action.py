"""What a command in the guest did: its output, what an errno means, the kernel's log, crashes, the guest's fate."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from kmodlab.crash.errnos import explain_error
from kmodlab.crash.records import LogRecord
from kmodlab.crash.report import Report
from kmodlab.guest.agent.client import Result
from kmodlab.notebook.guilty_line import find_cell_line
from kmodlab.notebook.render.crash import FRESH_GUEST, CrashCard
from kmodlab.notebook.render.log import EARLIER, Log
from kmodlab.notebook.render.parts import Command, Details, Level, Message, Output, Part
from kmodlab.notebook.state import Action, BuiltModule

LOST_BEFORE = "The guest ended by itself since the last command. This one is fresh: nothing of yours is loaded in it."
_CONSOLE_LINES = 40


def action_parts(
    action: Action, tool: str, made: Mapping[str, BuiltModule], *, with_command: bool = False, with_output: bool = True
) -> list[Part]:
    """All that is to be said about an action, the real tool's words first, then ours.

    `tool` is the program whose errors are explained, empty for a script; `made` are the modules of this notebook, for
    crashes in them.
    """
    parts: list[Part] = []
    if action.lost_before:
        parts.append(Message(LOST_BEFORE, Level.BAD))
    parts.append(Log(_quiet(action.earlier, action.reports), EARLIER))
    if with_command:
        parts.append(Command(shlex.join(action.step.argv)))
    result = action.step.result
    if result is not None:
        parts += [Output(result.text)] if with_output else []
        parts += _verdict(result, tool)
    parts.append(Log(_quiet(action.step.records, action.reports)))
    parts += [CrashCard(report, find_cell_line(report, made)) for report in action.reports]
    return parts + _fate(action)


def _verdict(result: Result, tool: str) -> list[Part]:
    if result.timed_out:
        return [Message("It did not end in time, and was killed.", Level.BAD)]
    if result.output_truncated:
        return [Message("It printed more than can be shown, and was killed.", Level.BAD)]
    if result.status == 0:
        return []
    note = explain_error(tool, result.text)
    if note and tool:
        return [Message(note.sentence, Level.BAD)]
    how = f"was killed by signal {-result.status}" if result.status < 0 else f"ended with status {result.status}"
    ended = Message(f"{f'`{tool}`' if tool else 'The script'} {how}.", Level.BAD)
    return [ended, Message(note.sentence)] if note else [ended]


def _quiet(records: tuple[LogRecord, ...], reports: tuple[Report, ...]) -> list[LogRecord]:
    """The records without the reports, which are shown apart."""
    reported = _reported(reports)
    return [record for record in records if not reported.issuperset(line.rstrip() for line in record.line.split("\n"))]


def _last_lines(console: str, reports: tuple[Report, ...]) -> list[str]:
    """The end of what a console printed, without the reports."""
    reported = _reported(reports)
    lines = (line.rstrip() for line in console.replace("\r", "").split("\n"))
    return [line for line in lines if line and line not in reported][-_CONSOLE_LINES:]


def _reported(reports: tuple[Report, ...]) -> set[str]:
    return {line.rstrip() for report in reports for line in report.raw.split("\n")}


def _fate(action: Action) -> list[Part]:
    """What became of the guest, where it did not survive."""
    if not action.is_last:
        return []
    parts: list[Part] = []
    if action.step.end:
        parts.append(Message(action.step.end.sentence, Level.BAD))
        lines = _last_lines(action.step.end.console, action.reports)
        if lines:
            parts.append(Details(Message("the console's last lines"), [Output("\n".join(lines))], is_open=True))
    return [*parts, Message(FRESH_GUEST)]
