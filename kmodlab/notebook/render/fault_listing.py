"""Renders the source beside the table of injected faults: a line with a problem has a mark that says when it occurs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from kmodlab.crash.source_location import SourceLine
from kmodlab.i18n import _
from kmodlab.notebook.render.parts import escape
from kmodlab.tracer.fault_injection import Faults, SiteResult
from kmodlab.tracer.troubles import Verdict

_SYMBOLS = {Verdict.CLEAN: "✓", Verdict.NOT_INJECTED: "–"}
_BAD = (Verdict.HANGS, Verdict.CRASHES, Verdict.LEAKS, Verdict.WRONG_RETURN, Verdict.REFUSED, Verdict.UNSEEN)
_WORST = (*_BAD, Verdict.NOT_INJECTED, Verdict.CLEAN)
_TAB = 8
_AROUND = 2  # lines that are shown above and below a line with a mark
_GAP = "   …"


@dataclass(frozen=True)
class _Mark:
    """The verdict of a run on a line.

    `call` is the call on another line that has to fail for it. `elsewhere` is the line with the problem itself.
    """

    verdict: Verdict
    call: str = ""
    elsewhere: SourceLine | None = None


@dataclass(frozen=True)
class FaultListing:
    """A module's sources, by file; `cell` is the name of the file with the cell's text."""

    faults: Faults
    sources: Mapping[str, str]
    cell: str

    @property
    def html(self) -> str:
        """The files that have marks; the cell if none has."""
        marks: dict[tuple[str, int], list[_Mark]] = {}
        for line, mark in _marks(self.faults):
            if line is not None and line.file in self.sources:
                marks.setdefault((line.file, line.line), []).append(mark)
        files = sorted({file for file, _line in marks} or {self.cell}, key=lambda file: (file != self.cell, file))
        label = escape(_("source"))
        rows = "\n\n".join(self._rows(file, marks, with_name=files != [self.cell]) for file in files)
        listing = f'<pre tabindex="0" role="region" aria-label="{label}">{rows}</pre>'
        if any(mark.verdict in _BAD for of_line in marks.values() for mark in of_line):
            return listing
        return f"<details><summary>{label}</summary>{listing}</details>"  # closed, because it shows no problem

    def place(self, line: SourceLine) -> str:
        """The name of a line: its number, with its file if that is not the cell's."""
        return str(line.line) if line.file == self.cell else f"{line.file}:{line.line}"

    def _rows(self, file: str, marks: Mapping[tuple[str, int], list[_Mark]], *, with_name: bool) -> str:
        rows = [f"<b>{escape(file)}</b>"] if with_name else []
        shown = _near([number for name, number in marks if name == file])
        for number, line in enumerate(self.sources[file].rstrip("\n").split("\n"), 1):
            if number == 1 and not line and file == self.cell:
                continue  # the line of the magic
            if shown and number not in shown:
                rows += [_GAP] if rows[-1:] != [_GAP] else []
                continue
            text = f"{number:>4}  {escape(line.expandtabs(_TAB))}"
            rows.append(_with_mark(text, file, marks[file, number]) if (file, number) in marks else text)
        return "\n".join(rows)


def _near(lines: Sequence[int]) -> set[int]:
    """The numbers of the lines that are shown: those with marks, and the lines around them."""
    return {near for line in lines for near in range(line - _AROUND, line + _AROUND + 1)}


def _with_mark(text: str, file: str, marks: Sequence[_Mark]) -> str:
    verdict = min((mark.verdict for mark in marks), key=_WORST.index)
    when = _when(file, [mark for mark in marks if mark.verdict is verdict])
    words = f"{badge(verdict)} {escape(when)}".rstrip()
    text = f'{text}  <span class="{css_class(verdict)}">← {words}</span>'
    return f'<span class="km-hit">{text}</span>' if verdict in _BAD else text


def _when(file: str, marks: Sequence[_Mark]) -> str:
    """The condition of a line's verdict, or the line that it is about; empty if obvious."""
    if any(not mark.call and not mark.elsewhere for mark in marks):
        return ""
    calls = list(dict.fromkeys(mark.call for mark in marks if mark.call))
    line = next((mark.elsewhere for mark in marks if mark.elsewhere), None)
    if len(calls) > 1:
        return _("when {call} or another call fails").format(call=calls[0])
    if calls:
        return _("when {call} fails").format(call=calls[0])
    if line is None:
        return ""
    if line.file == file:
        return _("(see line {number})").format(number=line.line)
    return _("(see {place})").format(place=f"{line.file}:{line.line}")


def _marks(faults: Faults) -> Iterator[tuple[SourceLine | None, _Mark]]:
    for trouble in (*faults.plain_troubles, *faults.exit_troubles):
        yield trouble.line, _Mark(trouble.verdict)
    for site in faults.sites:
        yield from _site_marks(site)


def _site_marks(site: SiteResult) -> Iterator[tuple[SourceLine | None, _Mark]]:
    others = [trouble for trouble in site.troubles if trouble.line and _place(trouble.line) != _place(site.line)]
    for trouble in others:
        yield trouble.line, _Mark(trouble.verdict, call=site.call)
    first = next(iter(site.troubles), None)
    elsewhere = first.line if first in others and first is not None else None
    yield site.line, _Mark(site.verdict, elsewhere=elsewhere)


def _place(line: SourceLine | None) -> tuple[str, int] | None:
    return (line.file, line.line) if line else None


def badge(verdict: Verdict) -> str:
    """A verdict with its symbol, as HTML."""
    return f"{_SYMBOLS.get(verdict, '✗')} {escape(verdict.label)}"


def css_class(verdict: Verdict) -> str:
    """The class of a verdict's badge."""
    return f"km-v-{verdict}" if verdict in _SYMBOLS else "km-v-bad"
