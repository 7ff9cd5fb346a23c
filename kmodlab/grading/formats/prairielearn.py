"""PrairieLearn's results.json, the format of its external graders, one for each submission.

    prairielearn/EXERCISE/LEARNER/results.json

Format: https://docs.prairielearn.com/externalGrading/. A submission that does not build, errored, or has no answers is
not `gradable`: PrairieLearn then gives no score, and does not count the attempt. Files stay below 1 MB.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from kmodlab.checks.check_result import CheckResult
from kmodlab.files import replace_text
from kmodlab.grading.formats.file_names import as_json, file_name, file_names
from kmodlab.grading.formats.redact import (
    NOT_JUDGED,
    by_exercise,
    checks_for_learners,
    for_learners,
    is_errored,
    is_unbuilt,
    points_of,
    remarks_for_learners,
    text_of,
)
from kmodlab.grading.models import Grade, GradeState
from kmodlab.i18n import _
from kmodlab.text import escape_control_chars

_LARGEST = 1_000_000  # bytes
_LIMITS = (20_000, 2_000, 200, 0)  # characters of one output; the first that makes the file small enough


def write(grades: Sequence[Grade], folder: Path) -> list[Path]:
    """Write one file for each submission."""
    written = []
    for exercise, same in by_exercise(grades).items():
        names = file_names(grade.learner for grade in same)
        for name, grade in zip(names, same, strict=True):
            path = folder / "prairielearn" / file_name(exercise) / name / "results.json"
            written.append(replace_text(path, as_text(grade)))
    return written


def as_text(grade: Grade) -> str:
    """A grade as the file's text; outputs are shortened until the file is small enough."""
    return next(text for limit in _LIMITS if len(text := as_json(as_results(grade, limit))) < _LARGEST or not limit)


def as_results(grade: Grade, limit: int = _LIMITS[0]) -> dict[str, Any]:
    """One grade in PrairieLearn's format; texts are cut at `limit` characters, and then escaped."""
    errors = _format_errors(grade)
    results: dict[str, Any] = {
        "gradable": not errors,
        "message": escape_control_chars("\n".join(remarks_for_learners(grade))[:limit]),
        "format_errors": [escape_control_chars(error[:limit]) for error in errors],
        "tests": [] if errors else [_test(check, limit) for check in checks_for_learners(grade.checks)],
    }
    points = points_of(grade.points)
    if not errors and points is not None and grade.max_points:
        results["score"] = round(points / grade.max_points, 6)
    return results


def _format_errors(grade: Grade) -> list[str]:
    """Why a submission has no score; empty if it has one."""
    if is_errored(grade):
        return [_(NOT_JUDGED)]
    if grade.state is GradeState.REJECTED or not grade.max_points:
        return [grade.reason or _("There is nothing in it that can be judged.")]
    visible = [check for check in grade.checks if not check.hidden] or [for_learners(grade.checks[0])]
    return [text_of(visible[0])] if is_unbuilt(grade) else []


def _test(check: CheckResult, limit: int) -> dict[str, Any]:
    return {
        "name": escape_control_chars(check.title[:200]),
        "description": "",
        "points": check.points,
        "max_points": check.max_points,
        "message": escape_control_chars(check.reason[:limit]),
        "output": escape_control_chars(text_of(replace(check, reason=""))[:limit]),
    }
