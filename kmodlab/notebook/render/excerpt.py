"""A few lines of a learner's source, with the one in question marked, and a caret below the column."""

from __future__ import annotations

from dataclasses import dataclass

from kmodlab.notebook.render.harmless import escape
from kmodlab.notebook.render.parts import block
from kmodlab.text import escape_control_chars

_WIDTH = 300
_TAB = 8  # gcc counts columns as a terminal shows them, with tabs to every eighth (-ftabstop)


@dataclass(frozen=True)
class Excerpt:
    """Lines around `line` (counted from 1) of a source; nothing when the source has no such line."""

    source: str
    line: int
    column: int | None = None
    context: int = 0

    @property
    def text(self) -> str:
        """The lines with their numbers, `>` before the one that is meant."""
        return "\n".join(
            f"{'>' if hit else ' '} {number:>4} | {escape_control_chars(line)}" if number else f"{'':6} | {line}"
            for number, line, hit in self._rows()
        )

    @property
    def html(self) -> str:
        """The same, the line that is meant being set off."""
        rows = [
            _row(number, line, hit) if number else f'{"":6} | <span class="km-caret">{line}</span>'
            for number, line, hit in self._rows()
        ]
        return block("km-source", "source", "\n".join(rows)) if rows else ""

    def _rows(self) -> list[tuple[int, str, bool]]:
        """Number, text, whether it is meant; the caret's row has the number 0."""
        lines = self.source.split("\n")
        if not 1 <= self.line <= len(lines):
            return []
        first, last = max(1, self.line - self.context), min(len(lines), self.line + self.context)
        rows = []
        for number in range(first, last + 1):
            rows.append((number, lines[number - 1].expandtabs(_TAB)[:_WIDTH], number == self.line))
            if number == self.line and self.column and self.column <= _WIDTH:
                rows.append((0, " " * (self.column - 1) + "^", False))
        return rows


def _row(number: int, line: str, hit: bool) -> str:
    row = f"{'>' if hit else ' '} {number:>4} | {escape(line)}"
    return f'<span class="km-hit">{row}</span>' if hit else row
