"""Feedback for each learner: one HTML page with all of the exercises, that is a file by itself and needs no script.

    feedback/LEARNER.html

It says of each check why it failed, shows the learner's own line and the end of the kernel's log, and has the hints
folded away, one by one. Of a hidden check it says the title and the points.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from kmodlab.checks.result import Line, Status
from kmodlab.excerpt import ExcerptRow, make_excerpt
from kmodlab.files import replace_text
from kmodlab.grading.formats.files import file_name
from kmodlab.grading.formats.html import render
from kmodlab.grading.formats.redact import by_learner, for_learners, points_of, told_of, total_of
from kmodlab.grading.models import CheckGrade, Grade, GradeState

_SIGNS = {Status.PASSED: "✓", Status.FAILED: "✗", Status.ERRORED: "?"}
_VERDICTS = {Status.PASSED: "passed", Status.FAILED: "not yet", Status.ERRORED: "not judged"}
_AROUND = 2  # lines above and below the one in question
_LOG, _LOG_LINES = 20_000, 80  # characters and lines from its end


def write(grades: Sequence[Grade], folder: Path) -> list[Path]:
    """Write one page for each learner."""
    return [
        replace_text(folder / "feedback" / f"{file_name(learner)}.html", as_page(learner, found))
        for learner, found in by_learner(grades).items()
    ]


def as_page(learner: str, grades: Sequence[Grade]) -> str:
    """One learner's page."""
    exercises = [_exercise(grade) for grade in grades]
    of = sum(grade.max_points for grade in grades)
    return render("feedback.html", learner=learner, total=total_of(grades), of=of, exercises=exercises)


def _exercise(grade: Grade) -> dict[str, Any]:
    judged = () if grade.state is GradeState.REJECTED else grade.checks  # the remark at its top says it all
    return {
        "title": grade.title or grade.exercise,
        "source": grade.source,
        "points": points_of(grade.points),
        "of": grade.max_points,
        "remarks": told_of(grade),
        "checks": [_check(for_learners(check), grade.answers or {}) for check in judged],
    }


def _check(check: CheckGrade, answers: Mapping[str, str]) -> dict[str, Any]:
    result = check.result
    return {
        "title": result.title,
        "status": str(result.status),
        "sign": _SIGNS[result.status],
        "verdict": _VERDICTS[result.status],
        "points": points_of(result.points),
        "of": result.max_points,
        "reason": result.reason,
        "file": result.line.file if result.line else "",
        "number": result.line.number if result.line else 0,
        "excerpt": list(_excerpt(result.line, answers)) if result.line else [],
        "hints": result.hints,
        "log": "\n".join(result.log[-_LOG:].rstrip("\n").split("\n")[-_LOG_LINES:]),
    }


def _excerpt(line: Line, answers: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """The line with those around it, where the learner's cells have it; else the line alone."""
    rows = make_excerpt(_cell_with(line, answers), line.number, context=_AROUND)
    for row in rows or [ExcerptRow(line.number, line.text, is_hit=True)]:
        yield {"hit": row.is_hit, "text": str(row)}


def _cell_with(line: Line, answers: Mapping[str, str]) -> str:
    """The text of the cell that has this very line at its place; empty if none has."""
    for text in answers.values():
        lines = text.split("\n")
        if line.text and 0 < line.number <= len(lines) and lines[line.number - 1].strip()[:200] == line.text:
            return text
    return ""
