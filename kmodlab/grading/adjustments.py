"""Adjustments that a person makes to grades: marks and comments, in a file beside the results.

    adjustments.csv     learner,exercise,points,comment

An empty `points` keeps the points of the checks; an empty `comment` means none. The file is only read, so it survives
every run, and it applies to the results of later runs too.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kmodlab.errors import UsageError
from kmodlab.files import MIB, read_regular
from kmodlab.grading.models import Adjustment, Grade
from kmodlab.i18n import _

FILE = "adjustments.csv"
_COLUMNS = ["learner", "exercise", "points", "comment"]
_LONGEST = 10_000  # characters of a comment
_MOST_POINTS = 1_000_000

Key = tuple[str, str]  # learner and exercise


@dataclass(frozen=True)
class Adjusted:
    """Grades with their adjustments, and the learners and exercises in the file that have no grade."""

    grades: tuple[Grade, ...]
    unknown: tuple[Key, ...]


def read_adjustments(folder: Path) -> dict[Key, Adjustment]:
    """The adjustments beside the results in a folder; empty without the file.

    Raises:
        UsageError: The file cannot be read, or a line of it is wrong; the message names the line.
    """
    path = folder / FILE
    if not path.exists():
        return {}
    try:
        text = read_regular(path, 16 * MIB, follow=True).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(_("{file} is not UTF-8 text.").format(file=path)) from error
    # A spreadsheet writes semicolons or tabs if the decimal separator is a comma.
    delimiter = max(",;\t", key=text.partition("\n")[0].count)
    rows = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=delimiter)
    try:
        return _read_rows(rows, path)
    except csv.Error as error:
        sentence = _("{file}:{line}: This is not CSV: {error}.")
        raise UsageError(sentence.format(file=path, line=rows.line_num, error=error)) from error


def _read_rows(rows: Any, path: Path) -> dict[Key, Adjustment]:
    head = [cell.strip() for cell in next(rows, [])]
    if head != _COLUMNS:
        sentence = _("The first line of {file} must be {columns}.")
        raise UsageError(sentence.format(file=path, columns=",".join(_COLUMNS)))
    adjustments: dict[Key, Adjustment] = {}
    for row in rows:
        if not any(cell.strip() for cell in row):
            continue
        key, adjustment = _read_row([cell.strip() for cell in row], f"{path}:{rows.line_num}")
        if key in adjustments:
            sentence = _("{place}: There is a line for {learner} and {exercise} already.")
            raise UsageError(sentence.format(place=f"{path}:{rows.line_num}", learner=key[0], exercise=key[1]))
        adjustments[key] = adjustment
    return adjustments


def _read_row(row: Sequence[str], place: str) -> tuple[Key, Adjustment]:
    if len(row) != len(_COLUMNS):
        sentence = _("{place}: There are {number} columns, not {wanted}; a comment with a comma needs double quotes.")
        raise UsageError(sentence.format(place=place, number=len(row), wanted=len(_COLUMNS)))
    learner, exercise, written, comment = row
    try:
        points = float(written.replace(",", ".")) if written else None
    except ValueError:
        points = math.nan
    if points is not None and not 0 <= points <= _MOST_POINTS:
        raise UsageError(_("{place}: {points!r} is not a number of points.").format(place=place, points=written))
    return (learner, exercise), Adjustment(points, comment[:_LONGEST])


def apply_adjustments(grades: Sequence[Grade], adjustments: Mapping[Key, Adjustment]) -> Adjusted:
    """Apply the adjustments to the grades."""
    keys = {(grade.learner, grade.exercise) for grade in grades}
    adjusted = tuple(replace(grade, adjustment=adjustments.get((grade.learner, grade.exercise))) for grade in grades)
    return Adjusted(adjusted, tuple(key for key in adjustments if key not in keys))
