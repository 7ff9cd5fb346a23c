"""Removes from grades what learners must not see: details of hidden checks, and of internal errors.

The formats for the instructor (the published JSON, the gradebook, the overview) have everything. The formats that reach
learners are made from the results of these functions.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from kmodlab.checks.check_result import CheckResult, Line, Status
from kmodlab.grading.models import Grade, GradeState
from kmodlab.i18n import N_, _

_HIDDEN = N_("This check is hidden: it does not say what it looks at.")
NOT_JUDGED = N_("This could not be judged, through no fault of yours. It takes no points, and is made once more.")
_STATUSES = {
    Status.PASSED: N_("passed"),
    Status.FAILED: N_("failed"),
    Status.ERRORED: N_("errored"),
    Status.SKIPPED: N_("skipped"),
}
_NO_SANDBOX = N_("This was built and run without a sandbox, beside whatever else was on that machine.")


def for_learners(check: CheckResult) -> CheckResult:
    """A result as its learner may see it: a hidden check has no reason, line, hints or log."""
    if check.status is Status.ERRORED:
        return _bare(check, _(NOT_JUDGED))
    if check.status is Status.SKIPPED:
        return _bare(check, check.reason)  # this reason says nothing about the check's expectations
    if not check.hidden:
        return check
    return _bare(check, _(_HIDDEN) if check.status is Status.FAILED else "")


def checks_for_learners(checks: Iterable[CheckResult]) -> list[CheckResult]:
    """The results as their learner may see them; a reason that several checks have is given once."""
    return say_reasons_once(map(for_learners, checks))


def say_reasons_once(checks: Iterable[CheckResult]) -> list[CheckResult]:
    """The results; a reason that several checks have, such as a failed build, stays only in the first."""
    first: dict[tuple[str, Line | None], str] = {}
    shown = []
    for check in checks:
        title = check.title
        if check.status is Status.FAILED and not check.hidden:
            title = first.setdefault((check.reason, check.line), title)
        if title == check.title:
            shown.append(check)
        else:
            reason = _("For the same reason as “{title}”.").format(title=title)
            shown.append(replace(check, reason=reason, line=None, log=""))
    return shown


def _bare(check: CheckResult, reason: str) -> CheckResult:
    return replace(check, reason=reason, line=None, hints=(), log="")


def points_of(points: float | None) -> float | None:
    """Points; None if they are missing (the check errored) or not finite."""
    return points if points is not None and math.isfinite(points) else None


def is_errored(grade: Grade) -> bool:
    """Whether a grade, or a check in it, errored, and nobody has set the mark."""
    is_set = grade.adjustment is not None and grade.adjustment.points is not None
    return not is_set and (grade.state is GradeState.ERRORED or points_of(grade.points) is None)


def total_of(grades: Iterable[Grade]) -> float | None:
    """The points of several exercises; None if one of them errored."""
    earned = [points_of(grade.points) for grade in grades]
    return None if None in earned else round(sum(points or 0 for points in earned), 2)


def is_unbuilt(grade: Grade) -> bool:
    """Whether the submission could not be built, so that nothing was judged.

    Then every check fails for the same reason, earns nothing, and has no kernel log.
    """
    return (
        bool(grade.checks)
        and all(check.status is Status.FAILED and not check.points for check in grade.checks)
        and len({(check.reason, check.line) for check in grade.checks}) == 1
        and not any(check.log for check in grade.checks)
    )


def status_text(check: CheckResult) -> str:
    """A check's status in the reader's language."""
    return _(_STATUSES[check.status])


def text_of(check: CheckResult) -> str:
    """Reason, line, hints and log of a check as plain text, for formats that have one field for all of it."""
    lines = [check.reason] if check.reason else []
    if check.line:
        where = _("{file}, line {number}: {text}")
        lines.append(where.format(file=check.line.file, number=check.line.number, text=check.line.text))
    lines += [_("Hint: {hint}").format(hint=hint) for hint in check.hints]
    if check.log:
        lines += [_("The kernel's log:"), check.log.rstrip("\n")]
    return "\n".join(lines)


def remarks_of(grade: Grade) -> list[str]:
    """Remarks on a submission as a whole, for the instructor."""
    reason = [grade.reason] if grade.reason else []
    own = [*reason, *grade.remarks, *([] if grade.sandboxed else [_(_NO_SANDBOX)])]
    return [*own, *_changes_of(grade)]


def _changes_of(grade: Grade) -> Iterator[str]:
    """Remarks on changes of the points: for being late, and by a person."""
    earned = points_of(grade.earned)
    if grade.late and grade.late_percent and earned is not None:
        sentence = _("It was handed in late, which takes off {percent:g} % of {points:g} points.")
        yield sentence.format(percent=grade.late_percent, points=earned)
    elif grade.late:
        yield _("It was handed in late.")
    if grade.adjustment and grade.adjustment.points is not None:
        sentence = _("The mark was set by hand: {points:g} points.")
        if earned is not None:
            sentence = _("The mark was set by hand: {points:g} points; the checks gave {earned:g}.")
        yield sentence.format(points=grade.adjustment.points, earned=earned)
    if grade.adjustment and grade.adjustment.comment:
        yield _("Comment: {comment}").format(comment=grade.adjustment.comment)


def remarks_for_learners(grade: Grade) -> list[str]:
    """Remarks on a submission as a whole, for its learner; a generic message replaces internal errors."""
    return remarks_of(replace(grade, reason=_(NOT_JUDGED)) if is_errored(grade) else grade)


def by_learner(grades: Iterable[Grade]) -> dict[str, list[Grade]]:
    """The grades of each learner; learners and exercises are sorted by name."""
    grouped: dict[str, list[Grade]] = {}
    for grade in sorted(grades, key=lambda grade: (grade.learner, grade.exercise, grade.source)):
        grouped.setdefault(grade.learner, []).append(grade)
    return grouped


def by_exercise(grades: Iterable[Grade]) -> dict[str, list[Grade]]:
    """The grades for each exercise, sorted by name, without grades that have no exercise."""
    grouped: dict[str, list[Grade]] = {}
    with_exercise = (grade for grade in grades if grade.exercise)
    for grade in sorted(with_exercise, key=lambda grade: (grade.exercise, grade.learner, grade.source)):
        grouped.setdefault(grade.exercise, []).append(grade)
    return grouped


def checks_of(grades: Sequence[Grade]) -> dict[str, list[CheckResult]]:
    """The results of all submissions to one exercise, by the checks' ids."""
    grouped: dict[str, list[CheckResult]] = {}
    for grade in grades:
        for check in grade.checks:
            grouped.setdefault(check.id, []).append(check)
    return grouped
