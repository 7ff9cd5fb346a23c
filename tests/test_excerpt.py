"""A few lines of a source, one of them marked, with a caret below a column."""

from __future__ import annotations

import pytest

from kmodlab.excerpt import FIRST_WORD, make_excerpt, position


def rows(source: str, line: int, column: int | None = None, *, context: int = 0) -> list[str]:
    return [str(row) for row in make_excerpt(source, line, column, context=context)]


@pytest.mark.parametrize(
    ("text", "column", "before"), [("abc", 1, 0), ("abc", 3, 2), ("\treturn", 9, 1), ("a\tb", 9, 2), ("a", 99, 1)]
)
def test_a_column_is_a_number_of_characters_where_tabs_are_eight(text: str, column: int, before: int) -> None:
    assert position(text, column) == before


def test_a_caret_stands_below_the_column_also_behind_tabs() -> None:
    # gcc counts a tab as the columns that it fills.
    lines = rows("\treturn x;", 1, 16)
    assert lines == [">    1 |         return x;", "       |                ^"]
    assert lines[0].index("x") == lines[1].index("^")


def test_a_caret_can_stand_below_the_first_word() -> None:
    assert rows("\t*p = 1;", 1, FIRST_WORD) == [">    1 |         *p = 1;", "       |         ^"]


def test_the_marked_line_stands_among_its_neighbours() -> None:
    assert rows("a\nb\nc\nd\ne", 3, context=1) == ["     2 | b", ">    3 | c", "     4 | d"]
    assert rows("a\nb", 1, 1, context=5) == [">    1 | a", "       | ^", "     2 | b"]


def test_a_line_that_is_not_there_has_no_rows() -> None:
    assert rows("a", 7) == rows("a", 0) == rows("a", -1) == []


def test_a_long_line_is_cut_and_a_caret_beyond_it_left_out() -> None:
    (row,) = rows("x" * 1000, 1, 900)
    assert len(row) < 350
