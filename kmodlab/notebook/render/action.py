"""Renders a command in the guest: its output, the meaning of its errno, the kernel's log, crashes, the guest's end."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

from kmodlab.crash.errnos import explain_error
from kmodlab.crash.records import LogRecord, console_lines
from kmodlab.crash.report import Report, group_repeated, repeated_sentence
from kmodlab.guest.agent.client import Result
from kmodlab.i18n import _
from kmodlab.notebook.render.crash import CrashCard, find_cell_line
from kmodlab.notebook.render.log import Log
from kmodlab.notebook.render.parts import Command, Details, Excerpt, Level, Message, Output, Part
from kmodlab.notebook.state import Action, BuiltModule
from kmodlab.tracer.run import Step

_CONSOLE_LINES = 40


def action_parts(
    action: Action,
    tool: str,
    modules: Mapping[str, BuiltModule],
    *,
    with_command: bool = False,
    with_output: bool = True,
) -> list[Part]:
    """The parts that show an action: first the tool's own output, then our explanation.

    `tool` is the program whose errors are explained, empty for a script. `modules` are the modules that this notebook
    built, by the name in lsmod; crashes in them are traced back to their sources.
    """
    parts: list[Part] = []
    if action.lost_before:
        sentence = _(
            "The guest ended by itself since the last command. This one is fresh: nothing of yours is loaded in it."
        )
        parts.append(Message(sentence, Level.BAD))
    parts.append(Log(_without_reports(action.earlier, action.reports), _("The kernel's log, since the last command:")))
    if with_command:
        parts.append(Command(shlex.join(action.step.argv)))
    result = action.step.result
    if result is not None:
        parts += [Output(result.text)] if with_output else []
        parts += _explain_end(result, tool, action.step)
        parts += _show_wait(action.step, modules) if result.timed_out else []
    parts.append(Log(_without_reports(action.step.records, action.reports), _("The kernel's log:")))
    kos = {name: ko for name, module in modules.items() if (ko := module.ko(name)) is not None}
    parts += [Message(remark) for remark in action.step.remarks(kos)]
    for report, later in group_repeated(action.reports):
        parts.append(CrashCard(report, find_cell_line(report, modules)))
        parts += [Message(repeated_sentence(later))] if later else []
    return parts + _guest_end(action)


def _explain_end(result: Result, tool: str, step: Step) -> list[Part]:
    if result.timed_out:
        return [Message(_("It did not end in time, and was killed."), Level.BAD)]
    if result.output_truncated:
        return [Message(_("It printed more than can be shown, and was killed."), Level.BAD)]
    if result.status == 0:
        return []
    note = step.errno if tool == step.argv[0] else explain_error(tool, result.text, step.evidence)
    if note and tool:
        return [Message(note.sentence, Level.BAD)]
    ended = Message(_status(result.status, tool), Level.BAD)
    return [ended, Message(note.sentence)] if note else [ended]


def _show_wait(step: Step, modules: Mapping[str, BuiltModule]) -> list[Part]:
    """The parts that show where a command waited that did not end in time; empty if unknown."""
    parts: list[Part] = [Message(step.cause)] if step.cause else []
    line = step.cause_line
    sources = (module.sources.files.get(line.file) for module in modules.values()) if line else ()
    source = next((source for source in sources if source is not None), None)
    if line and source is not None:
        parts.append(Excerpt(source.decode("utf-8", "replace"), line.line, context=1))
    return parts


def _status(status: int, tool: str) -> str:
    if tool and status < 0:
        template = _("`{tool}` was killed by signal {number}.")
    elif tool:
        template = _("`{tool}` ended with status {number}.")
    elif status < 0:
        template = _("The script was killed by signal {number}.")
    else:
        template = _("The script ended with status {number}.")
    return template.format(tool=tool, number=abs(status))


def _without_reports(records: Sequence[LogRecord], reports: Sequence[Report]) -> list[LogRecord]:
    """The records without those of reports, which are shown separately."""
    reported = _report_lines(reports)
    return [record for record in records if not reported.issuperset(line.rstrip() for line in record.line.split("\n"))]


def _last_lines(console: str, reports: Sequence[Report]) -> list[str]:
    """The last lines of a console's output, without the reports."""
    reported = _report_lines(reports)
    return [line for line in console_lines(console) if line not in reported][-_CONSOLE_LINES:]


def _report_lines(reports: Sequence[Report]) -> set[str]:
    return {line.rstrip() for report in reports for line in report.raw.split("\n")}


def _guest_end(action: Action) -> list[Part]:
    """The parts that show how the guest ended; empty if it runs."""
    if not action.is_last:
        return []
    parts: list[Part] = []
    if action.step.end:
        parts.append(Message(action.step.end.sentence, Level.BAD))
        lines = _last_lines(action.step.end.console, action.reports)
        if lines:
            parts.append(Details(Message(_("the console's last lines")), [Output("\n".join(lines))], is_open=True))
    fresh = _("This guest ends, with all that is loaded in it. The next cell gets a fresh one.")
    return [*parts, Message(fresh)]
