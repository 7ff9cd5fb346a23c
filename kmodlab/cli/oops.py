"""`kmodlab oops`: decode the crashes in a kernel log, down to the line of C if the module is given."""

from __future__ import annotations

import io
import json
import os
import re
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager
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
from kmodlab.i18n import _

MAX_SOURCE_BYTES = 4 * MIB
_MAX_LINE = 1 << 16  # bytes
_SHOWN_CALLS = 20
_SLOW = 8 * MIB  # bytes; reading more takes so long that progress is shown
_SAMPLE = 1 << 16  # characters that are examined for binary data
_ENOUGH = 256  # characters; a shorter log is not examined for binary data
_IDLE_S = 10.0
_NOT_TEXT = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f\ufffd]")


@click.command(
    help=_("""Decode the crashes, warnings and call traces in LOG, a kernel log from anywhere (- reads standard input).

With --ko, places inside the module are shown as lines of its source, which is looked for beside the file.
Ends with status 0 whether or not there is a crash in the log.
""")
)
@click.argument("log", type=click.Path(exists=True, allow_dash=True))
@click.option("--ko", type=click.Path(exists=True, dir_okay=False, path_type=Path), help=_("The module that crashed."))
@click.option("--json", "as_json", is_flag=True, help=_("Print the reports as JSON."))
def oops(log: str, ko: Path | None, as_json: bool) -> int:
    """Decode the crashes in a kernel log; returns the exit status."""
    try:
        module = _Module(ko)
        with _opened(log) as file:
            reports = find_reports(_read_lines(file, _size(log)))
    except OSError as exc:
        raise UsageError(_("A file could not be read: {error}.").format(error=exc.strerror)) from exc
    if as_json:
        click.echo(json.dumps([_as_data(report, module) for report in reports], indent=1))
    elif not reports:
        say(_("There is no crash in this log."))
    for number, report in enumerate(() if as_json else reports):
        if number:
            say("")
        _show(report, module)
    if len(reports) == MAX_REPORTS:
        sentence = _("These are the first {number} reports; the log may hold more.")
        ERR.print(sentence.format(number=MAX_REPORTS), style="yellow")
    return 0


class _EndsWhenIdle(io.RawIOBase):
    """A file that ends when it delivers nothing for a while, like a pipe that nobody writes to."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not select.select([self._descriptor], [], [], _IDLE_S)[0]:
            return 0
        data = os.read(self._descriptor, len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            os.close(self._descriptor)
        super().close()


@contextmanager
def _opened(log: str) -> Iterator[BinaryIO]:
    """A context with the opened log. Standard input, from a keyboard or a pipe, may be slow.

    Raises:
        OSError: It cannot be opened.
    """
    if log == "-":
        yield sys.stdin.buffer if sys.stdin else io.BytesIO()
        return
    with io.BufferedReader(_EndsWhenIdle(os.open(log, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC))) as file:
        yield file


def _read_lines(log: BinaryIO, size: int) -> Iterator[str]:
    """The log, line by line; `size` in bytes is 0 if it is not known before reading.

    Raises:
        UsageError: It is empty, or not a text.
    """
    with _progress(size) as progress:
        task = progress.add_task(_("Reading …"), total=size or None)
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
        raise UsageError(_("The log is empty."), hint=_("A log of the running kernel: `dmesg > LOG`."))


def _check_text(sample: str) -> None:
    strange = len(_NOT_TEXT.findall(sample))
    if len(sample) > _ENOUGH and 10 * strange > len(sample):
        sentence = _("The log is not a text: it is binary data.")
        raise UsageError(sentence, hint=_("A journal as text: `journalctl -k > LOG`."))


def _progress(size: int) -> Progress:
    shown = size > _SLOW and ERR.is_terminal
    return Progress("{task.description}", BarColumn(), DownloadColumn(), console=ERR, transient=True, disable=not shown)


def _size(log: str) -> int:
    try:
        return Path(log).stat().st_size
    except OSError:
        return 0


class _Module:
    """The module of the option --ko, if any, and the sources beside it."""

    def __init__(self, ko: Path | None) -> None:
        self.source = ModuleSource.read(ko) if ko else None
        self._folder = ko.resolve().parent if ko else None
        if self.source and self.source.module is None:
            raise UsageError(_("{file} is not a kernel module, or it is damaged.").format(file=ko))

    def lines(self, frame: Frame) -> tuple[SourceLine, ...]:
        """The lines of a frame, innermost first; empty for a frame that is not in the module."""
        return self.source.lines(frame) if self.source and frame.module == self.source.name else ()

    def guilty(self, report: Report) -> GuiltyLine | None:
        """The line that a report is about."""
        return find_guilty_line(report, {self.source.name or "": self.source}) if self.source else None

    def complaint(self, report: Report) -> str:
        """Why no line is known although the module was given, in a sentence; otherwise empty."""
        return self.source.complaint(report, has_line=self.guilty(report) is not None) if self.source else ""

    def text(self, line: SourceLine) -> str:
        """The text of the line's file, empty if missing; other files are not opened, since the path is the module's."""
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
        "related": [
            {"words": other.words, "file": other.line.file, "line": other.line.line}
            for other in (guilty.related if guilty else ())
        ],
        "cause": report.cause,
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
    say(f"  {_heading(report)}")
    if report.cause:
        say(f"  -> {report.explanation}", "cyan")
    guilty = module.guilty(report)
    if doubt := _doubt(report, guilty):
        say("  " + _("in doubt: {doubt}").format(doubt=doubt), "yellow")
    if complaint := module.complaint(report):
        say(f"  {complaint}", "yellow")
    if guilty:
        _show_line(guilty, report, module)
    if report.place:
        say("  " + _("at {place}").format(place=report.place))
    calls = [frame for frame in report.trace if frame.reliable]
    if calls:
        say("  " + _("calls, innermost first:"))
    for frame in calls[:_SHOWN_CALLS]:
        say(f"    {frame}{_call_place(frame, module.lines(frame))}")
    if len(calls) > _SHOWN_CALLS:
        say("    " + _("… and {number} more").format(number=len(calls) - _SHOWN_CALLS))
    for letter, meaning in report.taint.items():
        say("  " + _("tainted {letter}: {meaning}").format(letter=letter, meaning=meaning))


def _heading(report: Report) -> str:
    frame, kind = find_guilty(report), f"{report.severity}: {report.kind}"
    if frame:
        function = f"{frame.function} [{frame.module}]" if frame.module else frame.function
        parts = [_("{kind} in {function}").format(kind=kind, function=function)]
    else:
        parts = [kind]
    if report.process:
        parts += [_("process {process}").format(process=report.process)]
    if report.cpu is not None:
        parts[-1] = _("{what} on CPU {cpu}").format(what=parts[-1], cpu=report.cpu)
    parts += [_("lines {first} to {last} of the log").format(first=report.first_line, last=report.last_line)]
    return ", ".join(parts)


def _show_line(guilty: GuiltyLine, report: Report, module: _Module) -> None:
    line = guilty.line
    chains = (module.lines(frame) for frame in report.frames)
    chain = next((chain for chain in chains if line in chain), (line,))
    callers = chain[chain.index(line) + 1 :]
    words = [
        _("in {function}").format(function=line.function),
        *(
            _("inlined into {function} at line {line}").format(function=caller.function, line=caller.line)
            for caller in callers
        ),
    ]
    say(f"  {line.file}:{line.line}: {guilty.note or ', '.join(words)}", "bold")
    for row in make_excerpt(module.text(line), line.line, FIRST_WORD):
        say(str(row), "" if row.number else "bold red")
    for other in guilty.related:
        say(f"  {other.line.file}:{other.line.line}: {other.words}", "bold")
        for row in make_excerpt(module.text(other.line), other.line.line):
            say(str(row))


def _call_place(frame: Frame, chain: tuple[SourceLine, ...]) -> str:
    own = next((line for line in chain if line.own), None)
    location = f"{own.file}:{own.line}" if own else frame.location
    return f"  {location}" if location else ""
