"""A few lines of a source, with one of them marked and a caret below a column: for terminals, cards and pages."""

from __future__ import annotations

from dataclasses import dataclass

FIRST_WORD = 0  # as a column: the beginning of the line's text
_WIDTH = 300
_TAB = 8  # gcc counts columns as a terminal shows them, with a tab stop every eighth (-ftabstop)


@dataclass(frozen=True)
class ExcerptRow:
    """A row of an excerpt: a line of the source, or the caret's row, which has the number 0."""

    number: int
    text: str
    is_hit: bool = False

    @property
    def margin(self) -> str:
        """The text before a row: `>` if this is the marked line, and its number."""
        return f"{'>' if self.is_hit else ' '} {self.number or '':>4} | "

    def __str__(self) -> str:
        return self.margin + self.text


def make_excerpt(source: str, line: int, column: int | None = None, *, context: int = 0) -> list[ExcerptRow]:
    """The rows for `line` of a source and `context` lines on each side; empty if the source has no such line.

    Lines and columns count from 1, columns as gcc counts them. `column` may be FIRST_WORD; None means no caret. Tabs
    become spaces, and long lines are cut.
    """
    lines = source.split("\n") if source else []
    if not 1 <= line <= len(lines):
        return []
    rows = []
    for number in range(max(1, line - context), min(len(lines), line + context) + 1):
        text = lines[number - 1].expandtabs(_TAB)[:_WIDTH]
        rows.append(ExcerptRow(number, text, number == line))
        if number == line and column is not None:
            before = len(text) - len(text.lstrip()) if column == FIRST_WORD else column - 1
            rows += [ExcerptRow(0, " " * before + "^")] if before < _WIDTH else []
    return rows


def position(text: str, column: int) -> int:
    """The number of characters before a column (from 1) of a line, as gcc counts columns."""
    shown = ""
    for number, character in enumerate(text):
        if len(shown) >= column - 1:
            return number
        shown = (shown + character).expandtabs(_TAB)
    return len(text)
