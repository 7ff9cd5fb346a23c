"""Feedback for each learner: one HTML page with all exercises, in a single file without a script.

    feedback/LEARNER.html

For each check it says why it failed, shows the learner's line and the end of the kernel's log, and has the hints in
closed <details> elements. For a hidden check it shows only title and points.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from kmodlab.checks.check_result import CheckResult, Line, Status
from kmodlab.excerpt import ExcerptRow, make_excerpt
from kmodlab.files import replace_text
from kmodlab.grading.formats.file_names import file_name
from kmodlab.grading.formats.html import render
from kmodlab.grading.formats.redact import by_learner, checks_for_learners, points_of, remarks_for_learners, total_of
from kmodlab.grading.models import Grade, GradeState
from kmodlab.i18n import N_, _

_SIGNS = {Status.PASSED: "✓", Status.FAILED: "✗", Status.ERRORED: "?", Status.SKIPPED: "-"}
_VERDICTS = {
    Status.PASSED: N_("passed"),
    Status.FAILED: N_("not yet"),
    Status.ERRORED: N_("not judged"),
    Status.SKIPPED: N_("skipped"),
}
_CONTEXT_LINES = 2  # above and below the line that a check is about
_LOG_CHARACTERS, _LOG_LINES = 20_000, 80  # counted from the log's end


def write(grades: Sequence[Grade], folder: Path) -> list[Path]:
    """Write one page for each learner."""
    return [
        replace_text(folder / "feedback" / f"{file_name(learner)}.html", as_page(learner, own))
        for learner, own in by_learner(grades).items()
    ]


def as_page(learner: str, grades: Sequence[Grade]) -> str:
    """One learner's page."""
    exercises = [_exercise(grade) for grade in grades]
    of = sum(grade.max_points for grade in grades)
    return render("feedback.html", learner=learner, total=total_of(grades), of=of, exercises=exercises)


def _exercise(grade: Grade) -> dict[str, Any]:
    judged = () if grade.state is GradeState.REJECTED else grade.checks  # a remark says why it was rejected
    return {
        "title": grade.title or grade.exercise,
        "source": grade.source,
        "points": points_of(grade.points),
        "of": grade.max_points,
        "remarks": remarks_for_learners(grade),
        "checks": [_check(check, grade.answers or {}) for check in checks_for_learners(judged)],
    }


def _check(check: CheckResult, answers: Mapping[str, str]) -> dict[str, Any]:
    return {
        "title": check.title,
        "status": str(check.status),
        "sign": _SIGNS[check.status],
        "verdict": _(_VERDICTS[check.status]),
        "points": points_of(check.points),
        "of": check.max_points,
        "reason": check.reason,
        "file": check.line.file if check.line else "",
        "number": check.line.number if check.line else 0,
        "excerpt": list(_excerpt(check.line, answers)) if check.line else [],
        "hints": check.hints,
        "log": "\n".join(check.log[-_LOG_CHARACTERS:].rstrip("\n").split("\n")[-_LOG_LINES:]),
    }


def _excerpt(line: Line, answers: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """The line with its neighbours if one of the learner's cells contains it, otherwise the line alone."""
    rows = make_excerpt(_cell_with(line, answers), line.number, context=_CONTEXT_LINES)
    for row in rows or [ExcerptRow(line.number, line.text, is_hit=True)]:
        yield {"hit": row.is_hit, "text": str(row)}


def _cell_with(line: Line, answers: Mapping[str, str]) -> str:
    """The text of the cell that has this line at its number; empty if no cell has it."""
    for text in answers.values():
        lines = text.split("\n")
        if line.text and 0 < line.number <= len(lines) and lines[line.number - 1].strip()[:200] == line.text:
            return text
    return ""
