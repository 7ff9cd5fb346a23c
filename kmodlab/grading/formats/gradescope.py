"""Gradescope's results.json, one for each learner, with all exercises in it.

    gradescope/LEARNER/results.json

Format: https://gradescope-autograders.readthedocs.io/en/latest/specs/. If a check errored, a not-graded.json without
scores is written instead: Gradescope takes a missing results.json for a failed autograder, and gives no score, not even
zero.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from kmodlab.checks.check_result import CheckResult, Status
from kmodlab.files import replace_text
from kmodlab.grading.formats.file_names import as_json, file_name
from kmodlab.grading.formats.redact import by_learner, checks_for_learners, remarks_for_learners, text_of, total_of
from kmodlab.grading.models import Grade
from kmodlab.text import escape_control_chars

RESULTS = "results.json"
NOT_GRADED = "not-graded.json"
_LONGEST = 20_000  # characters of one check's output


def write(grades: Sequence[Grade], folder: Path) -> list[Path]:
    """Write one file for each learner."""
    written = []
    for learner, own in by_learner(grades).items():
        target = folder / "gradescope" / file_name(learner)
        graded = total_of(own) is not None
        (target / (NOT_GRADED if graded else RESULTS)).unlink(missing_ok=True)  # the other file, of an earlier run
        written.append(replace_text(target / (RESULTS if graded else NOT_GRADED), as_json(as_results(own))))
    return written


def as_results(grades: Sequence[Grade]) -> dict[str, Any]:
    """One learner's grades in Gradescope's format; without any score if one of them errored."""
    score = total_of(grades)
    about = [f"{grade.title}: {remark}" for grade in grades for remark in remarks_for_learners(grade)]
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
        for second, check in enumerate(checks_for_learners(grade.checks), 1):
            yield _test(grade, check, f"{first}.{second}", scored=scored)


def _test(grade: Grade, check: CheckResult, number: str, *, scored: bool) -> dict[str, Any]:
    test: dict[str, Any] = {
        "name": escape_control_chars(check.title),
        "name_format": "text",
        "number": number,
        "max_score": check.max_points,
        "output": escape_control_chars(text_of(check)[:_LONGEST]),
        "output_format": "text",
        "visibility": "visible",
        "tags": [grade.exercise],
        "extra_data": {"check": check.id},
    }
    if scored and check.status is not Status.ERRORED:
        test["score"] = check.points
    if scored and check.status.is_verdict:
        test["status"] = str(check.status)
    return test
