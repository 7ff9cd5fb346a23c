"""Tables: text with aligned columns, and HTML that screen readers can read cell by cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from kmodlab.i18n import _
from kmodlab.notebook.render.parts import escape, prose
from kmodlab.text import align_columns, escape_control_chars

_UNFOLDED = 300  # rows in the `details` element; a driver may have a hundred thousand relocations
_WIDEST = 48  # characters of a column of names, as text; prose comes last and may be longer


class ColumnKind(StrEnum):
    """The contents of a column: names (shown as code), numbers (aligned to the right), or prose (with `code`)."""

    CODE = "code"
    NUMBER = "number"
    PROSE = "prose"


class LinkedText(str):
    """A cell's text that is a link in HTML; `address` must be escaped already."""

    address: str

    def __new__(cls, text: str, address: str) -> LinkedText:
        """The text, with its address."""
        linked = super().__new__(cls, text)
        linked.address = address
        return linked


@dataclass(frozen=True)
class Column:
    """The title of a column, in the reader's language, and what it holds."""

    title: str
    kind: ColumnKind = ColumnKind.PROSE


@dataclass(frozen=True)
class Table:
    """Rows below a caption.

    Only the first `most` rows are shown, with the number of the others; None shows all. In HTML the others are in a
    `details` element. `bold` has the numbers (from 0) of rows in bold.
    """

    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]
    most: int | None = None
    bold: frozenset[int] = frozenset()

    @property
    def text(self) -> str:
        """The caption, the titles and a line for each row."""
        shown = [[_plain(cell, column) for cell, column in zip(row, self.columns, strict=True)] for row in self._shown]
        titles = [column.title for column in self.columns]
        numbers = [index for index, column in enumerate(self.columns) if column.kind is ColumnKind.NUMBER]
        lines = align_columns([titles, *shown], right=numbers, widest=_WIDEST)
        more = [_("… {number} more").format(number=self._hidden)] if self._hidden else []
        return "\n".join([escape_control_chars(self.caption), *(f"  {line}" for line in [*lines, *more])])

    @property
    def html(self) -> str:
        """A table with a caption; the first column names its row."""
        first = _html_table(self.caption, self.columns, self._shown, self.bold)
        if not self._hidden:
            return first
        more = self.rows[len(self._shown) :][:_UNFOLDED]
        bold = frozenset(number - len(self._shown) for number in self.bold)
        if self._hidden > _UNFOLDED:
            title = _("{number} more, of which the first {shown}").format(number=self._hidden, shown=_UNFOLDED)
        else:
            title = _("{number} more").format(number=self._hidden)
        return f"{first}<details><summary>{title}</summary>{_html_table('', self.columns, more, bold)}</details>"

    @property
    def _shown(self) -> Sequence[Sequence[str]]:
        return self.rows[: self.most]

    @property
    def _hidden(self) -> int:
        return len(self.rows) - len(self._shown)


def _plain(cell: str, column: Column) -> str:
    text = escape_control_chars(cell).replace("\n", " ")
    return text.replace("`", "") if column.kind is ColumnKind.PROSE else text


def _html_table(
    caption: str, columns: Sequence[Column], rows: Sequence[Sequence[str]], bold: frozenset[int] = frozenset()
) -> str:
    heading = f"<caption>{prose(caption)}</caption>" if caption else ""
    titles = "".join(f'<th scope="col"{_class(column)}>{escape(column.title)}</th>' for column in columns)
    body = "".join(_row(columns, row, is_bold=number in bold) for number, row in enumerate(rows))
    return (
        f'<div class="km-scroll"><table class="km-table">{heading}<thead><tr>{titles}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _row(columns: Sequence[Column], row: Sequence[str], *, is_bold: bool) -> str:
    cells = [
        _cell(column, cell, is_first=not number) for number, (column, cell) in enumerate(zip(columns, row, strict=True))
    ]
    return f"<tr{' class=km-only' if is_bold else ''}>{''.join(cells)}</tr>"


def _cell(column: Column, cell: str, *, is_first: bool) -> str:
    tag, scope = ("th", ' scope="row"') if is_first else ("td", "")
    # Some pages remove style sheets (GitHub does); the element stays.
    content = f"<code>{escape(cell)}</code>" if column.kind is ColumnKind.CODE and cell else prose(cell)
    if isinstance(cell, LinkedText):
        content = f'<a href="{cell.address}">{content}</a>'
    return f"<{tag}{scope}{_class(column)}>{content}</{tag}>"


def _class(column: Column) -> str:
    return f' class="km-{column.kind}"'


def sized(count: int) -> str:
    """A number of bytes, with thin spaces for the thousands."""
    return f"{count:,}".replace(",", "\u202f")
