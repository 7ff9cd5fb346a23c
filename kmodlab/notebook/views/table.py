"""A table, as text with aligned columns and as HTML that screen readers can walk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from kmodlab.notebook.render.harmless import escape, prose
from kmodlab.text import escape_control_chars

_UNFOLDED = 300  # rows that can be unfolded; a driver may have a hundred thousand relocations
_WIDEST = 48  # letters of a column of names, as text; prose comes last and may be as long as it is


class ColumnKind(StrEnum):
    """How the cells of a column are set: names as code, numbers to the right, `code` in prose by its backquotes."""

    CODE = "code"
    NUMBER = "number"
    PROSE = "prose"


@dataclass(frozen=True)
class Column:
    """A column of a table."""

    title: str
    kind: ColumnKind = ColumnKind.PROSE


@dataclass(frozen=True)
class Table:
    """Rows below a caption. Of many rows the first `most` are shown, and how many more there are.

    In HTML the others can be unfolded. Rows in `bold` (by number, from 0) are set off.
    """

    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]
    most: int | None = None
    bold: frozenset[int] = frozenset()

    @property
    def text(self) -> str:
        """The caption, the titles, a line for each row."""
        shown = [[_plain(cell, column) for cell, column in zip(row, self.columns, strict=True)] for row in self._shown]
        titles = [column.title for column in self.columns]
        widths = [min(_WIDEST, max(map(len, cells))) for cells in zip(titles, *shown, strict=True)]
        lines = [self._line(row, widths) for row in (titles, *shown)]
        more = [f"  … {self._hidden} more"] if self._hidden else []
        return "\n".join([escape_control_chars(self.caption), *lines, *more])

    def _line(self, row: Sequence[str], widths: Sequence[int]) -> str:
        numbers = [column.kind is ColumnKind.NUMBER for column in self.columns]
        cells = zip(row, widths, numbers, strict=True)
        return (
            "  " + "  ".join(cell.rjust(width) if right else cell.ljust(width) for cell, width, right in cells).rstrip()
        )

    @property
    def html(self) -> str:
        """A table with a caption; the first column names its row."""
        first = _html_table(self.caption, self.columns, self._shown, self.bold)
        if not self._hidden:
            return first
        rest = self.rows[len(self._shown) :][:_UNFOLDED]
        bold = frozenset(number - len(self._shown) for number in self.bold)
        more = _html_table("", self.columns, rest, bold)
        which = f"{self._hidden} more" + (f", of which the first {_UNFOLDED}" if self._hidden > _UNFOLDED else "")
        return f"{first}<details><summary>{which}</summary>{more}</details>"

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
    # The style sheet may be taken away by whoever shows the page; the element stays.
    content = f"<code>{escape(cell)}</code>" if column.kind is ColumnKind.CODE and cell else prose(cell)
    return f"<{tag}{scope}{_class(column)}>{content}</{tag}>"


def _class(column: Column) -> str:
    return f' class="km-{column.kind}"'


def sized(count: int) -> str:
    """A number of bytes, with thin spaces for the thousands."""
    return f"{count:,}".replace(",", "\u202f")
