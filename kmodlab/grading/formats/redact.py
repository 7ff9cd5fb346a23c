"""What others may see of a grade: learners see of a hidden check that there is one, its title and its points.

The instructor's own forms (the published JSON, the gradebook, the overview) have everything; those that reach
learners go through here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from kmodlab.checks.result import CheckResult, Status
from kmodlab.grading.models import CheckGrade, Grade, GradeState

HIDDEN = "This check is hidden: what it looks at is not told."
ERRORED = "This could not be judged, through no fault of yours. It takes no points, and is made once more."
UNBOXED = "This was built and run without a sandbox, beside whatever else was on that machine."


def for_learners(check: CheckGrade) -> CheckGrade:
    """A check without what learners may not know: a hidden one has no reason, line, hint or log."""
    result = check.result
    if result.status is Status.ERRORED:
        return replace(check, result=_bare(result, ERRORED))
    if not check.hidden:
        return check
    return replace(check, result=_bare(result, HIDDEN if result.status is Status.FAILED else ""))


def _bare(result: CheckResult, reason: str) -> CheckResult:
    return replace(result, reason=reason, line=None, hints=(), log="")


def points_of(points: float | None) -> float | None:
    """Points, or None where there are none: what errored has none, and what is no number counts as that."""
    return points if points is not None and math.isfinite(points) else None


def is_errored(grade: Grade) -> bool:
    """Whether a grade is to be made once more, in whole or in part."""
    return grade.state is GradeState.ERRORED or points_of(grade.points) is None


def total_of(grades: Iterable[Grade]) -> float | None:
    """The points of several exercises; None where one of them errored."""
    earned = [points_of(grade.points) for grade in grades]
    return None if None in earned else round(sum(points or 0 for points in earned), 2)


def is_unbuilt(grade: Grade) -> bool:
    """Whether nothing could be judged because nothing could be built.

    Then every check fails for one and the same reason, nothing is earned, and no kernel had anything to say.
    """
    results = [check.result for check in grade.checks]
    return (
        bool(results)
        and all(result.status is Status.FAILED and not result.points for result in results)
        and len({(result.reason, result.line) for result in results}) == 1
        and not any(result.log for result in results)
    )


def words_of(check: CheckGrade) -> str:
    """Reason, line, hints and log of a check as plain text, for those forms that have one field for it all."""
    result = check.result
    lines = [result.reason] if result.reason else []
    if result.line:
        lines.append(f"{result.line.file}, line {result.line.number}: {result.line.text}")
    lines += [f"Hint: {hint}" for hint in result.hints]
    if result.log:
        lines += ["The kernel's log:", result.log.rstrip("\n")]
    return "\n".join(lines)


def remarks_of(grade: Grade) -> list[str]:
    """What is to be said about a submission as a whole."""
    reason = [grade.reason] if grade.reason else []
    return [*reason, *grade.remarks, *([] if grade.sandboxed else [UNBOXED])]


def told_of(grade: Grade) -> list[str]:
    """The same for learners: of what went wrong on our side they hear that it did."""
    return remarks_of(replace(grade, reason=ERRORED) if is_errored(grade) else grade)


def by_learner(grades: Iterable[Grade]) -> dict[str, list[Grade]]:
    """The grades of each learner, learners and exercises in the order of their names."""
    found: dict[str, list[Grade]] = {}
    for grade in sorted(grades, key=lambda one: (one.learner, one.exercise, one.source)):
        found.setdefault(grade.learner, []).append(grade)
    return found


def by_exercise(grades: Iterable[Grade]) -> dict[str, list[Grade]]:
    """The grades for each exercise."""
    found: dict[str, list[Grade]] = {}
    for grade in sorted(grades, key=lambda one: (one.exercise, one.learner, one.source)):
        found.setdefault(grade.exercise, []).append(grade)
    return found


def checks_of(grades: Sequence[Grade]) -> dict[str, list[CheckGrade]]:
    """The checks of one exercise by their cells' ids, over all its submissions."""
    found: dict[str, list[CheckGrade]] = {}
    for grade in grades:
        for check in grade.checks:
            found.setdefault(check.id, []).append(check)
    return found
