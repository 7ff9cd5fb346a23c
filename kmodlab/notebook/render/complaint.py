"""A complaint of the compiler, the linker or modpost on the cell's own line, with a hint that moves the learner on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kmodlab.kbuild.diagnostics import Diagnostic, Severity
from kmodlab.notebook.render.excerpt import Excerpt
from kmodlab.notebook.render.harmless import escape
from kmodlab.notebook.render.parts import Message, Part, join_texts
from kmodlab.text import escape_control_chars


@dataclass(frozen=True)
class Complaint:
    """One diagnostic. `sources` are the learner's files by name, `cell` the name of the one that is the cell itself."""

    diagnostic: Diagnostic
    sources: Mapping[str, str]
    cell: str

    @property
    def text(self) -> str:
        """What, where, the line with a caret, the hint."""
        headline = f"{self.diagnostic.severity}{self._where}: {escape_control_chars(self.diagnostic.message)}"
        return "\n".join([headline, *filter(None, [join_texts(self._parts)])])

    @property
    def html(self) -> str:
        """The same."""
        severity = self.diagnostic.severity
        headline = f"<p><strong>{severity}</strong>{escape(self._where)}: {escape(self.diagnostic.message)}</p>"
        return f'<div class="km-complaint km-{severity}">{headline}{"".join(part.html for part in self._parts)}</div>'

    @property
    def _where(self) -> str:
        found = self.diagnostic
        place = "" if found.file == self.cell else f" in {found.file}" if found.file else ""
        line = f", line {found.line}" if place and found.line else f" in line {found.line}" if found.line else ""
        return place + line

    @property
    def _parts(self) -> list[Part]:
        found = self.diagnostic
        source = self.sources.get(found.file)
        parts: list[Part] = []
        if source is not None and found.line:
            parts.append(Excerpt(source, found.line, found.column))
        if found.hint:
            parts.append(Message(found.hint))
        return parts


def count(diagnostics: tuple[Diagnostic, ...]) -> str:
    """How many errors and warnings, in words; empty when there are none."""
    words = []
    for severity in (Severity.ERROR, Severity.WARNING):
        number = sum(diagnostic.severity is severity for diagnostic in diagnostics)
        if number:
            words.append(f"{number} {severity}{'s' if number > 1 else ''}")
    return ", ".join(words)
