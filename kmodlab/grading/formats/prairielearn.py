"""PrairieLearn's results.json, one for each submission, as its external graders write them.

    prairielearn/EXERCISE/LEARNER/results.json

Format: https://docs.prairielearn.com/externalGrading/. What does not build, what errored and what holds nothing to
judge is not `gradable`: PrairieLearn then gives no score, and takes no attempt. Files stay below 1 MB.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from kmodlab.files import replace_text
from kmodlab.grading.formats.files import as_json, file_name, file_names
from kmodlab.grading.formats.redact import (
    ERRORED,
    by_exercise,
    for_learners,
    is_errored,
    is_unbuilt,
    points_of,
    told_of,
    words_of,
)
from kmodlab.grading.models import CheckGrade, Grade, GradeState
from kmodlab.text import escape_control_chars

_LARGEST = 1_000_000  # bytes
_LONG = (20_000, 2_000, 200, 0)  # characters of one output; the first with which the file is small enough


def write(grades: Sequence[Grade], folder: Path) -> list[Path]:
    """Write one file for each submission."""
    written = []
    for exercise, found in by_exercise(grades).items():
        place = folder / "prairielearn" / file_name(exercise)
        for name, grade in zip(file_names(grade.learner for grade in found), found, strict=True):
            written.append(replace_text(place / name / "results.json", as_text(grade)))
    return written


def as_text(grade: Grade) -> str:
    """A grade as the file's text; outputs are cut as far as its size demands."""
    return next(text for long in _LONG if len(text := as_json(as_results(grade, long))) < _LARGEST or not long)


def as_results(grade: Grade, long: int = _LONG[0]) -> dict[str, Any]:
    """One grade in PrairieLearn's form; texts are cut there, before they are made harmless."""
    errors = _format_errors(grade)
    results: dict[str, Any] = {
        "gradable": not errors,
        "message": escape_control_chars("\n".join(told_of(grade))[:long]),
        "format_errors": [escape_control_chars(error[:long]) for error in errors],
        "tests": [] if errors else [_test(for_learners(check), long) for check in grade.checks],
    }
    points = points_of(grade.points)
    if not errors and points is not None and grade.max_points:
        results["score"] = round(points / grade.max_points, 6)
    return results


def _format_errors(grade: Grade) -> list[str]:
    """Why a submission has no score, if so."""
    if is_errored(grade):
        return [ERRORED]
    if grade.state is GradeState.REJECTED or not grade.max_points:
        return [grade.reason or "There is nothing in it that can be judged."]
    visible = [check for check in grade.checks if not check.hidden] or [for_learners(grade.checks[0])]
    return [words_of(visible[0])] if is_unbuilt(grade) else []


def _test(check: CheckGrade, long: int) -> dict[str, Any]:
    result = check.result
    return {
        "name": escape_control_chars(result.title[:200]),
        "description": "",
        "points": result.points,
        "max_points": result.max_points,
        "message": escape_control_chars(result.reason[:long]),
        "output": escape_control_chars(words_of(replace(check, result=replace(result, reason="")))[:long]),
    }
