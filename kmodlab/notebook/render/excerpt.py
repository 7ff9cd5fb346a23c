"""A few lines of a learner's source, with the one in question marked, and a caret below the column."""

from __future__ import annotations

from dataclasses import dataclass

from kmodlab.excerpt import ExcerptRow, make_excerpt
from kmodlab.notebook.render.harmless import escape
from kmodlab.notebook.render.parts import block
from kmodlab.text import escape_control_chars


@dataclass(frozen=True)
class Excerpt:
    """`line` (counted from 1) of a source, with `context` lines on each side; empty if the source has no such line."""

    source: str
    line: int
    column: int | None = None
    context: int = 0

    @property
    def text(self) -> str:
        """The lines with their numbers, `>` before the marked one."""
        return "\n".join(escape_control_chars(str(row)) for row in self._rows())

    @property
    def html(self) -> str:
        """A block, with the marked line and the caret set off."""
        rows = self._rows()
        return block("km-source", "source", "\n".join(_row_html(row) for row in rows)) if rows else ""

    def _rows(self) -> list[ExcerptRow]:
        return make_excerpt(self.source, self.line, self.column or None, context=self.context)


def _row_html(row: ExcerptRow) -> str:
    if not row.number:
        return f'{row.margin}<span class="km-caret">{row.text}</span>'
    line = row.margin + escape(row.text)
    return f'<span class="km-hit">{line}</span>' if row.is_hit else line
