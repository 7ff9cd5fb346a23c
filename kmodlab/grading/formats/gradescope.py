"""Gradescope's results.json, one for each learner, all of the exercises in it.

    gradescope/LEARNER/results.json

Format: https://gradescope-autograders.readthedocs.io/en/latest/specs/. Where something errored there is a
not-graded.json instead, without any score: Gradescope takes a missing results.json for a failed autograder, and gives
no points then, not even zero.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from kmodlab.checks.result import Status
from kmodlab.files import replace_text
from kmodlab.grading.formats.files import as_json, file_name
from kmodlab.grading.formats.redact import by_learner, for_learners, told_of, total_of, words_of
from kmodlab.grading.models import CheckGrade, Grade
from kmodlab.text import escape_control_chars

RESULTS = "results.json"
NOT_GRADED = "not-graded.json"
_LONGEST = 20_000  # characters of one check's output


def write(grades: Sequence[Grade], folder: Path) -> list[Path]:
    """Write one file for each learner."""
    written = []
    for learner, found in by_learner(grades).items():
        place = folder / "gradescope" / file_name(learner)
        graded = total_of(found) is not None
        (place / (NOT_GRADED if graded else RESULTS)).unlink(missing_ok=True)  # of an earlier run
        written.append(replace_text(place / (RESULTS if graded else NOT_GRADED), as_json(as_results(found))))
    return written


def as_results(grades: Sequence[Grade]) -> dict[str, Any]:
    """One learner's grades in Gradescope's form; without any score where one of them errored."""
    score = total_of(grades)
    about = [f"{grade.title}: {remark}" for grade in grades for remark in told_of(grade)]
    results = {
        "output": escape_control_chars("\n".join(about)),
        "output_format": "text",
        "test_output_format": "text",
        "test_name_format": "text",
        "stdout_visibility": "hidden",
        "execution_time": math.ceil(sum(grade.seconds for grade in grades if math.isfinite(grade.seconds))),
        "tests": list(_tests(grades, scored=score is not None)),
        "extra_data": {"kmodlab": {grade.exercise: grade.digest for grade in grades}},
    }
    return results if score is None else {"score": score, **results}


def _tests(grades: Sequence[Grade], *, scored: bool) -> Iterator[dict[str, Any]]:
    for first, grade in enumerate(grades, 1):
        for second, check in enumerate(grade.checks, 1):
            yield _test(grade, for_learners(check), f"{first}.{second}", scored=scored)


def _test(grade: Grade, check: CheckGrade, number: str, *, scored: bool) -> dict[str, Any]:
    result = check.result
    test: dict[str, Any] = {
        "name": escape_control_chars(result.title),
        "name_format": "text",
        "number": number,
        "max_score": result.max_points,
        "output": escape_control_chars(words_of(check)[:_LONGEST]),
        "output_format": "text",
        "visibility": "visible",
        "tags": [grade.exercise],
        "extra_data": {"check": check.id},
    }
    if scored and result.status is not Status.ERRORED:
        test |= {"score": result.points, "status": str(result.status)}
    return test
