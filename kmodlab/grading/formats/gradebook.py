"""The gradebook as CSV files, for spreadsheets and the import of a learning platform.

    gradebook.csv   a row for each submission
    learners.csv    a row for each learner, a column for each exercise
    checks.csv      a row for each check of each submission
    changes.csv     a row for each grade that the last run changed

If a check errored, its points are empty, never 0. No cell begins like a spreadsheet's formula.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from kmodlab.files import replace_text
from kmodlab.grading.formats.redact import (
    by_exercise,
    by_learner,
    is_errored,
    points_of,
    remarks_of,
    total_of,
)
from kmodlab.grading.journal import WrittenMark
from kmodlab.grading.models import Grade, GradeState
from kmodlab.text import escape_control_chars

# The beginning of a spreadsheet's formula, also after blanks and in full width (OWASP, "CSV Injection").
_FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20|]|[\t\r\n]")

Cell = str | float | int | bool | None


def write(grades: Sequence[Grade], folder: Path) -> list[Path]:
    """Write the three files."""
    return [
        replace_text(folder / "gradebook.csv", as_csv(_submissions(grades))),
        replace_text(folder / "learners.csv", as_csv(_learners(grades))),
        replace_text(folder / "checks.csv", as_csv(_checks(grades))),
    ]


def as_csv(rows: Iterable[Sequence[Cell]]) -> str:
    """Rows as CSV (RFC 4180) without formulas."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerows([_cell(cell) for cell in row] for row in rows)
    return file.getvalue()


def _cell(value: Cell) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return f"{value:g}"
    text = escape_control_chars(value)
    return f"'{text}" if _FORMULA.match(text) or _FORMULA.match(value) else text


def write_changes(before: Mapping[tuple[str, str], WrittenMark], grades: Iterable[Grade], folder: Path) -> Path:
    """Write changes.csv: a row for each mark that is new or differs from the last run's (`before`)."""
    rows: list[Sequence[Cell]] = [("learner", "exercise", "before", "points", "state before", "state", "remarks")]
    for grade in grades:
        old, new = before.get((grade.learner, grade.exercise)), WrittenMark.of(grade)
        if old != new:
            marks = (old.points if old else None, new.points, old.state if old else "", new.state)
            rows.append((grade.learner, grade.exercise, *marks, " ".join(remarks_of(grade))))
    return replace_text(folder / "changes.csv", as_csv(rows))


def _submissions(grades: Sequence[Grade]) -> Iterable[Sequence[Cell]]:
    yield (
        "learner",
        "exercise",
        "points",
        "max_points",
        "state",
        "remarks",
        "source",
        "sandboxed",
        "kernel",
        "seconds",
    )
    for own in by_learner(grades).values():
        for grade in own:
            remarks = " ".join(remarks_of(grade))
            state = GradeState.ERRORED if is_errored(grade) else grade.state
            points = points_of(grade.points)
            where = (remarks, grade.source, grade.sandboxed, grade.kernel, round(grade.seconds, 1))
            yield (grade.learner, grade.exercise, points, grade.max_points, str(state), *where)


def _learners(grades: Sequence[Grade]) -> Iterable[Sequence[Cell]]:
    exercises = list(by_exercise(grades))
    yield ("learner", *exercises, "total", "to run again")
    for learner, own in by_learner(grades).items():
        points = {grade.exercise: points_of(grade.points) for grade in own}
        again = " ".join(sorted({grade.exercise for grade in own if is_errored(grade)}))
        yield (learner, *(points.get(exercise) for exercise in exercises), total_of(own), again)


def _checks(grades: Sequence[Grade]) -> Iterable[Sequence[Cell]]:
    yield (
        "learner",
        "exercise",
        "check",
        "title",
        "hidden",
        "status",
        "points",
        "max_points",
        "reason",
        "line",
        "seconds",
    )
    for own in by_learner(grades).values():
        for grade in own:
            for check in grade.checks:
                line = f"{check.line.file}:{check.line.number}" if check.line else ""
                verdict = (str(check.status), points_of(check.points), check.max_points, check.reason)
                name = (grade.learner, grade.exercise, check.id, check.title, check.hidden)
                yield (*name, *verdict, line, round(check.seconds, 3))
