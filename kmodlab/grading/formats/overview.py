"""The instructor's page: the results of each check, the most frequent errors, errored submissions, the time taken.

    overview.html

A single file without a script. It names learners and hidden checks, and is not for learners.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import fmean, median
from typing import Any

from kmodlab.checks.check_result import CheckResult, Status
from kmodlab.files import replace_text
from kmodlab.grading.alike import find_alike
from kmodlab.grading.formats.html import render
from kmodlab.grading.formats.redact import (
    by_exercise,
    checks_of,
    is_errored,
    points_of,
    remarks_of,
)
from kmodlab.grading.models import Grade, GradeState

_MOST_ERRORS = 10
_SLOWEST = 10
_MOST_ALIKE = 100
_BARS = 11


def write(grades: Sequence[Grade], folder: Path) -> list[Path]:
    """Write the page."""
    return [replace_text(folder / "overview.html", as_page(grades))]


def as_page(grades: Sequence[Grade]) -> str:
    """The page for all grades."""
    again = [grade for grade in grades if is_errored(grade)]
    graded = [grade for grade in grades if grade.state is GradeState.GRADED and not is_errored(grade)]
    slowest = sorted(grades, key=lambda grade: -grade.seconds)[:_SLOWEST]
    return render(
        "overview.html",
        learners=len({grade.learner for grade in grades}),
        submissions=len(grades),
        graded=len(graded),
        without_sandbox=sum(not grade.sandboxed for grade in grades),
        exercises=[_exercise(name, same) for name, same in by_exercise(grades).items()],
        again=[_row(grade, _why_errored(grade)) for grade in again],
        rejected=[_row(grade, [grade.reason]) for grade in grades if grade.state is GradeState.REJECTED],
        strange=[_row(grade, grade.remarks) for grade in grades if grade.remarks],
        alike=find_alike(grades)[:_MOST_ALIKE],
        seconds=sum(grade.seconds for grade in grades),
        typical=median([grade.seconds for grade in grades] or [0.0]),
        slowest=[_row(grade, ()) for grade in slowest],
    )


def _row(grade: Grade, reasons: Iterable[str]) -> dict[str, Any]:
    about = {"learner": grade.learner, "exercise": grade.exercise, "source": grade.source}
    return about | {"seconds": grade.seconds, "reasons": list(reasons)}


def _why_errored(grade: Grade) -> list[str]:
    checks = [check for check in grade.checks if points_of(check.points) is None]
    return [*remarks_of(grade), *(f"{check.title}: {check.reason}" for check in checks)]


def _exercise(name: str, grades: Sequence[Grade]) -> dict[str, Any]:
    earned = [
        points
        for grade in grades
        if grade.state is GradeState.GRADED and (points := points_of(grade.points)) is not None
    ]
    of = max((grade.max_points for grade in grades), default=0.0)
    counts = _distribution(earned, of)
    judged = [grade for grade in grades if grade.state is not GradeState.REJECTED]
    return {
        "name": name,
        "title": grades[0].title,
        "of": of,
        "graded": len(earned),
        "mean": round(fmean(earned), 2) if earned else None,
        "median": median(earned) if earned else None,
        "counts": counts,
        "most": max((bar["count"] for bar in counts), default=0),
        "checks": [_check(results) for results in checks_of(judged).values()],
        "errors": _errors(judged),
    }


def _distribution(earned: Sequence[float], of: float) -> list[dict[str, Any]]:
    """A histogram of points: a bar for each whole point, or for ten ranges if there are more points."""
    whole = int(of) if of == int(of) and of < _BARS else 0
    steps = whole or _BARS - 1
    width = 1.0 if whole else of / steps if of else 1.0
    counts = Counter(min(int(points / width + 1e-9), steps) for points in earned)
    return [{"label": f"{step * width:g}", "count": counts[step]} for step in range(steps + 1)]


def _check(results: Sequence[CheckResult]) -> dict[str, Any]:
    counts = Counter(result.status for result in results)
    earned = [points for result in results if (points := points_of(result.points)) is not None]
    return {
        "title": results[0].title,
        "hidden": results[0].hidden,
        "of": results[0].max_points,
        "mean": round(fmean(earned), 2) if earned else None,
        "seconds": median(result.seconds for result in results),
        **{str(status): counts[status] for status in Status},
    }


def _errors(grades: Sequence[Grade]) -> list[dict[str, Any]]:
    """The most frequent reasons of failures, each with the text and the check where it occurs first."""
    kinds = Counter[str]()
    first: dict[str, tuple[str, str]] = {}
    for grade in grades:
        failed = {_kind_of(check.reason): check for check in reversed(grade.checks) if check.status is Status.FAILED}
        for kind, check in failed.items():
            first.setdefault(kind, (check.title, check.reason))
        kinds.update(failed.keys())
    return [
        {"count": count, "check": first[kind][0], "reason": first[kind][1]}
        for kind, count in sorted(kinds.items(), key=lambda pair: (-pair[1], pair[0]))[:_MOST_ERRORS]
    ]


def _kind_of(reason: str) -> str:
    """A reason without values that differ between learners: numbers, and assigned values in a command."""
    return re.sub(r"(?<==)[\w.-]+|\d+", "…", reason)
