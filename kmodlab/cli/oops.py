"""`kmodlab oops`: decode the crashes in any kernel log, down to the line of C where the module is at hand."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import click
from rich.progress import BarColumn, DownloadColumn, Progress

from kmodlab.cli.console import ERR, say
from kmodlab.crash.guilty import GuiltyLine, find_doubt, find_guilty, find_guilty_line
from kmodlab.crash.reader import MAX_REPORTS, find_reports
from kmodlab.crash.report import Frame, Report
from kmodlab.crash.source_location import ModuleSource, SourceLine
from kmodlab.errors import UsageError
from kmodlab.excerpt import FIRST_WORD, make_excerpt
from kmodlab.files import MIB

MAX_SOURCE_BYTES = 4 * MIB
_MAX_LINE = 1 << 16  # bytes
_SHOWN_CALLS = 20
_SLOW = 8 * MIB  # bytes from which on reading takes more than a moment
_SAMPLE = 1 << 16  # characters in which binary data shows itself
_ENOUGH = 256
_NOT_TEXT = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f\ufffd]")


@click.command()
@click.argument("log", type=click.File("rb"))
@click.option("--ko", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="The module that crashed.")
@click.option("--json", "as_json", is_flag=True, help="Print the reports as JSON.")
def oops(log: BinaryIO, ko: Path | None, as_json: bool) -> int:
    """Decode the crashes, warnings and call traces in LOG, a kernel log from anywhere (- reads standard input).

    With --ko, places inside the module are shown as lines of its source, which is looked for beside the file.
    Ends with status 0 whether or not there is a crash in the log.
    """
    try:
        module = _Module(ko)
        reports = find_reports(_read_lines(log))
    except OSError as exc:
        raise UsageError(f"A file could not be read: {exc.strerror}.") from exc
    if as_json:
        click.echo(json.dumps([_as_data(report, module) for report in reports], indent=1))
    elif not reports:
        say("There is no crash in this log.")
    for number, report in enumerate(() if as_json else reports):
        if number:
            say("")
        _show(report, module)
    if len(reports) == MAX_REPORTS:
        ERR.print(f"These are the first {MAX_REPORTS} reports; the log may hold more.", style="yellow")
    return 0


def _read_lines(log: BinaryIO) -> Iterator[str]:
    """The log, line by line; UsageError where it is no text."""
    with _progress(log) as progress:
        task = progress.add_task("Reading …", total=_size(log) or None)
        read, sample = 0, ""
        while line := log.readline(_MAX_LINE):
            read += len(line)
            text = line.decode("utf-8", "replace")
            if len(sample) < _SAMPLE:
                sample += text
                _check_text(sample)
            progress.update(task, completed=read)
            yield text.rstrip("\n").strip("\r")
    if not read:
        raise UsageError("The log is empty.", hint="A log of the running kernel: `dmesg > LOG`.")


def _check_text(sample: str) -> None:
    strange = len(_NOT_TEXT.findall(sample))
    if len(sample) > _ENOUGH and 10 * strange > len(sample):
        raise UsageError("The log is not a text: it is binary data.", hint="A journal as text: `journalctl -k > LOG`.")


def _progress(log: BinaryIO) -> Progress:
    shown = _size(log) > _SLOW and ERR.is_terminal
    return Progress("{task.description}", BarColumn(), DownloadColumn(), console=ERR, transient=True, disable=not shown)


def _size(log: BinaryIO) -> int:
    """The log's size in bytes; 0 where that cannot be known before."""
    try:
        return Path(log.name).stat().st_size if isinstance(log.name, str) else 0
    except (OSError, AttributeError):
        return 0


class _Module:
    """The module that was given, if any, and the sources beside it."""

    def __init__(self, ko: Path | None) -> None:
        self.source = ModuleSource.read(ko) if ko else None
        self._folder = ko.resolve().parent if ko else None
        if self.source and self.source.module is None:
            raise UsageError(f"{ko} is not a kernel module, or it is damaged.")

    def lines(self, frame: Frame) -> tuple[SourceLine, ...]:
        """The lines of a frame, innermost first; empty for a frame that is not in the module."""
        return self.source.lines(frame) if self.source and frame.module == self.source.name else ()

    def guilty(self, report: Report) -> GuiltyLine | None:
        """The line that a report is about."""
        return find_guilty_line(report, {self.source.name or "": self.source}) if self.source else None

    def complaint(self, report: Report) -> str:
        """Why the module tells no line, in a sentence; empty where none was given, or it does."""
        return self.source.complaint(report, has_line=self.guilty(report) is not None) if self.source else ""

    def text(self, line: SourceLine) -> str:
        """The line's file, empty if missing; only files beside the module are opened, since the path is its claim."""
        if self._folder is None or not line.own:
            return ""
        path = (self._folder / line.file).resolve()
        if not path.is_relative_to(self._folder) or not path.is_file() or path.stat().st_size > MAX_SOURCE_BYTES:
            return ""
        return path.read_text("utf-8", "replace")


# ---- for programs --------------------------------------------------------------------------------------------------


def _as_data(report: Report, module: _Module) -> dict[str, Any]:
    guilty, frame = module.guilty(report), find_guilty(report)
    return {
        "title": report.sentence,
        "kind": str(report.kind),
        "severity": str(report.severity),
        "function": frame.function if frame else None,
        "offset": frame.offset if frame else None,
        "size": frame.size if frame else None,
        "module": frame.module if frame else None,
        "rip": str(report.place) if report.place else None,
        "file": guilty.line.file if guilty else None,
        "line": guilty.line.line if guilty else None,
        "note": guilty.note if guilty else "",
        "trace": [_frame_data(call, module) for call in report.trace],
        "stacks": [
            {"title": stack.title, "trace": [_frame_data(call, module) for call in stack.frames]}
            for stack in report.stacks
        ],
        "corrupted": bool(_doubt(report, guilty)),
        "reason": _doubt(report, guilty),
        "complaint": module.complaint(report),
        "address": report.address,
        "process": report.process,
        "pid": report.pid,
        "cpu": report.cpu,
        "kernel": report.kernel,
        "taint": dict(report.taint),
        "registers": dict(report.registers),
        "first_line": report.first_line,
        "last_line": report.last_line,
    }


def _doubt(report: Report, guilty: GuiltyLine | None) -> str:
    doubts = [find_doubt(report), guilty.doubt if guilty else ""]
    return "; ".join(dict.fromkeys(doubt for doubt in doubts if doubt))


def _frame_data(frame: Frame, module: _Module) -> dict[str, Any]:
    return {
        "function": frame.function,
        "offset": frame.offset,
        "size": frame.size,
        "module": frame.module,
        "reliable": frame.reliable,
        "place": frame.location or None,
        "lines": [{"function": line.function, "file": line.file, "line": line.line} for line in module.lines(frame)],
    }


# ---- for people ----------------------------------------------------------------------------------------------------


def _show(report: Report, module: _Module) -> None:
    say(report.sentence, "bold red" if report.is_crash else "bold")
    where = f"lines {report.first_line} to {report.last_line} of the log"
    say(f"  {report.severity}: {report.kind}{_where(report)}, {where}")
    guilty = module.guilty(report)
    if doubt := _doubt(report, guilty):
        say(f"  in doubt: {doubt}", "yellow")
    if complaint := module.complaint(report):
        say(f"  {complaint}", "yellow")
    if guilty:
        _show_line(guilty, report, module)
    if report.place:
        say(f"  at {report.place}")
    calls = [frame for frame in report.trace if frame.reliable]
    if calls:
        say("  calls, innermost first:")
    for frame in calls[:_SHOWN_CALLS]:
        say(f"    {frame}{_call_place(frame, module.lines(frame))}")
    if len(calls) > _SHOWN_CALLS:
        say(f"    … and {len(calls) - _SHOWN_CALLS} more")
    for letter, meaning in report.taint.items():
        say(f"  tainted {letter}: {meaning}")


def _where(report: Report) -> str:
    frame = find_guilty(report)
    parts = [f" in {frame.function}"] if frame else []
    parts += [f" [{frame.module}]"] if frame and frame.module else []
    parts += [f", process {report.process}"] if report.process else []
    parts += [f" on CPU {report.cpu}"] if report.cpu is not None else []
    return "".join(parts)


def _show_line(guilty: GuiltyLine, report: Report, module: _Module) -> None:
    line = guilty.line
    chains = (module.lines(frame) for frame in report.frames)
    chain = next((chain for chain in chains if line in chain), (line,))
    callers = chain[chain.index(line) + 1 :]
    inlined = "".join(f", inlined into {caller.function} at line {caller.line}" for caller in callers)
    say(f"  {line.file}:{line.line}: {guilty.note or f'in {line.function}{inlined}'}", "bold")
    for row in make_excerpt(module.text(line), line.line, FIRST_WORD):
        say(str(row), "" if row.number else "bold red")


def _call_place(frame: Frame, chain: tuple[SourceLine, ...]) -> str:
    own = next((line for line in chain if line.own), None)
    place = f"{own.file}:{own.line}" if own else frame.location
    return f"  {place}" if place else ""
