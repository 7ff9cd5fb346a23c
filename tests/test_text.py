"""Text for showing: rows become lines with aligned columns."""

from __future__ import annotations

from kmodlab.text import align_columns

ROWS = [("name", "bytes", "what"), ("a", "1000", "first"), ("longer", "7", "")]


def test_columns_are_as_wide_as_their_longest_cell() -> None:
    assert align_columns(ROWS) == ["name    bytes  what", "a       1000   first", "longer  7"]


def test_columns_can_be_aligned_to_the_right() -> None:
    assert align_columns(ROWS, right=[1]) == ["name    bytes  what", "a        1000  first", "longer      7"]


def test_a_long_cell_widens_its_column_only_up_to_a_limit() -> None:
    assert align_columns([("abcdef", "x"), ("a", "y")], widest=3) == ["abcdef  x", "a    y"]


def test_no_rows_are_no_lines() -> None:
    assert align_columns([]) == []
