"""`kmodlab oops`: decode the crashes in any kernel log, down to the line of C where the module is at hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import click

from kmodlab.cli.console import say
from kmodlab.errors import UsageError
from kmodlab.evidence.oops.parser import parse_oopses
from kmodlab.evidence.oops.types import Frame, Oops
from kmodlab.evidence.source_lines import ModuleSource, SourceLine

MAX_LOG_BYTES = 64 * 2**20
MAX_SOURCE_BYTES = 4 * 2**20
_SHOWN_CALLS = 20


@click.command()
@click.argument("log", type=click.File("rb"))
@click.option("--ko", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="The module that crashed.")
@click.option("--json", "as_json", is_flag=True, help="Print the reports as JSON.")
def oops(log: BinaryIO, ko: Path | None, as_json: bool) -> int:
    """Decode the crashes in LOG, a kernel log from anywhere (- reads standard input).

    With --ko, places inside the module are shown as lines of its source, which is looked for beside the file.
    Ends with status 0 whether or not there is a crash in the log.
    """
    try:
        reports = parse_oopses(log.read(MAX_LOG_BYTES).decode("utf-8", "replace"))
        lines = _Lines(ko)
    except OSError as exc:
        raise UsageError(f"A file could not be read: {exc.strerror}.") from exc
    if as_json:
        click.echo(json.dumps([_as_data(report, lines) for report in reports], indent=1))
    elif not reports:
        say("There is no crash in this log.")
    else:
        for number, report in enumerate(reports):
            if number:
                say("")
            _show(report, lines)
    return 0


class _Lines:
    """Source lines of frames in the module that was given, if any."""

    def __init__(self, ko: Path | None) -> None:
        self._source = ModuleSource.read(ko) if ko else None
        self._folder = ko.resolve().parent if ko else None

    def of(self, frame: Frame) -> tuple[SourceLine, ...]:
        """The lines of a frame, innermost first; empty for a frame that is not in the module."""
        source = self._source
        # A module's name may be missing in a damaged file; then every module's frame is tried.
        if source is None or frame.module is None or source.name not in (None, frame.module):
            return ()
        return source.lines(frame)

    def text(self, line: SourceLine) -> str | None:
        """The line as it stands in its file; only files beside the module are opened, since the path is its claim."""
        if self._folder is None or not line.own:
            return None
        path = (self._folder / line.file).resolve()
        if not path.is_relative_to(self._folder) or not path.is_file() or path.stat().st_size > MAX_SOURCE_BYTES:
            return None
        source = path.read_text("utf-8", "replace").split("\n")
        return source[line.line - 1] if 0 < line.line <= len(source) else None


@dataclass(frozen=True)
class _Place:
    """Where in the module's source a crash happened: all lines of the frame, and the one to show."""

    lines: tuple[SourceLine, ...]

    @property
    def line(self) -> SourceLine:
        """The innermost line of the module's own; what the kernel's headers do is the caller's choice."""
        return next((line for line in self.lines if line.own), self.lines[0])


def _frames(report: Oops) -> Iterator[Frame]:
    if report.rip_frame:
        yield report.rip_frame
    yield from (frame for frame in report.trace if frame.reliable)


def _place(report: Oops, lines: _Lines) -> _Place | None:
    """The innermost place in the module, or None."""
    resolved = (lines.of(frame) for frame in _frames(report))
    found = next((chain for chain in resolved if chain), None)
    return _Place(found) if found else None


def _as_data(report: Oops, lines: _Lines) -> dict[str, Any]:
    place = _place(report, lines)
    return {
        "title": report.title,
        "kind": str(report.kind),
        "function": report.function,
        "rip": report.rip,
        "module": report.module,
        "file": place.line.file if place else None,
        "line": place.line.line if place else None,
        "trace": [_frame_data(frame, lines) for frame in report.trace],
        "corrupted": report.corrupted,
        "reason": report.reason,
        "offset": report.offset,
        "size": report.size,
        "process": report.process,
        "pid": report.pid,
        "cpu": report.cpu,
        "kernel": report.kernel,
        "taint": {taint.letter: taint.meaning for taint in report.taint},
        "registers": report.registers,
        "first_line": report.first_line,
        "last_line": report.last_line,
    }


def _frame_data(frame: Frame, lines: _Lines) -> dict[str, Any]:
    chain = lines.of(frame)
    return {
        "function": frame.function,
        "offset": frame.offset,
        "size": frame.size,
        "module": frame.module,
        "reliable": frame.reliable,
        "lines": [{"function": line.function, "file": line.file, "line": line.line} for line in chain],
    }


def _show(report: Oops, lines: _Lines) -> None:
    say(report.title, "bold red")
    say(f"  {report.kind}{_where(report)}, lines {report.first_line} to {report.last_line} of the log")
    if report.reason:
        say(f"  doubtful: {report.reason}", "yellow")
    place = _place(report, lines)
    if place:
        _show_place(place, lines)
    if report.rip:
        say(f"  at {report.rip}")
    calls = [frame for frame in report.trace if frame.reliable]
    if calls:
        say("  calls, innermost first:")
    for frame in calls[:_SHOWN_CALLS]:
        say(f"    {frame}{_call_place(lines.of(frame))}")
    if len(calls) > _SHOWN_CALLS:
        say(f"    … and {len(calls) - _SHOWN_CALLS} more")
    for taint in report.taint:
        say(f"  tainted {taint.letter}: {taint.meaning}")


def _where(report: Oops) -> str:
    parts = [f" in {report.function}"] if report.function else []
    parts += [f" [{report.module}]"] if report.module else []
    parts += [f", process {report.process}"] if report.process else []
    parts += [f" on CPU {report.cpu}"] if report.cpu is not None else []
    return "".join(parts)


def _show_place(place: _Place, lines: _Lines) -> None:
    line = place.line
    callers = place.lines[place.lines.index(line) + 1 :]
    inlined = "".join(f", inlined into {caller.function} at line {caller.line}" for caller in callers)
    say(f"  {line.file}:{line.line}: in {line.function}{inlined}", "bold")
    text = lines.text(line)
    if text is None:
        return
    margin = f"  {line.line:>6} | "
    say(margin + text.expandtabs(8))
    # The compiler counts a tab as one column.
    before = text[: line.column - 1] if line.column else text[: len(text) - len(text.lstrip())]
    say(" " * (len(margin) - 2) + "| " + " " * len(before.expandtabs(8)) + "^", "bold red")


def _call_place(chain: tuple[SourceLine, ...]) -> str:
    own = next((line for line in chain if line.own), None)
    return f"  {own.file}:{own.line}" if own else ""
