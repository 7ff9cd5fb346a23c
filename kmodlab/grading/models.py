"""What came of one submission to one exercise: plain data, from which every report and gradebook is made.

`as_dict` and `from_dict` give it the form of the published JSON (`result.schema.json`). A submission that could not be
judged is errored, which is never a zero: its points are None, and it is listed for a second run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from kmodlab.checks.result import CheckResult, Line, Status

SCHEMA_VERSION = 1


class GradeState(StrEnum):
    """How far a submission came. Errored: ours, to be run again. Rejected: nothing in it can be graded."""

    GRADED = "graded"
    ERRORED = "errored"
    REJECTED = "rejected"


@dataclass(frozen=True)
class CheckGrade:
    """One check's result: the id of its cell in the master, whether learners see it, and how long it took."""

    id: str
    hidden: bool
    result: CheckResult
    seconds: float = 0.0


@dataclass(frozen=True)
class Grade:
    """One submission to one exercise.

    `learner` is who handed it in, as the archive or folder names him; `source` names the file within what was given.
    `remarks` say, in a sentence each, what was strange about the notebook: cells that were changed, missing, doubled
    or of another type, none of which was trusted. `sandboxed` is False where the work was built without a sandbox.
    """

    learner: str
    exercise: str
    title: str
    source: str
    digest: str  # SHA-256 over submission text, master and kernel: equal means that the grade need not be made again
    state: GradeState
    checks: tuple[CheckGrade, ...] = ()
    remarks: tuple[str, ...] = ()
    reason: str = ""  # why it is errored or rejected; empty where it is graded
    sandboxed: bool = True
    kernel: str = ""  # uname -r of the guest
    answers: Mapping[str, str] | None = None  # the learner's answer cells, by id, for the feedback page

    @property
    def max_points(self) -> float:
        """What the exercise is worth."""
        return sum(check.result.max_points for check in self.checks)

    @property
    def points(self) -> float | None:
        """What was earned; None where any check errored, or nothing could be judged."""
        if self.state is GradeState.REJECTED:
            return 0.0
        earned = [check.result.points for check in self.checks]
        if self.state is GradeState.ERRORED or any(points is None for points in earned):
            return None
        return round(sum(points for points in earned if points is not None), 2)

    @property
    def seconds(self) -> float:
        """How long its checks took together."""
        return sum(check.seconds for check in self.checks)


def as_dict(grade: Grade) -> dict[str, Any]:
    """The published form."""
    return {
        "schema_version": SCHEMA_VERSION,
        "learner": grade.learner,
        "exercise": grade.exercise,
        "title": grade.title,
        "source": grade.source,
        "digest": grade.digest,
        "state": str(grade.state),
        "reason": grade.reason,
        "points": grade.points,
        "max_points": grade.max_points,
        "checks": [_check_as_dict(check) for check in grade.checks],
        "remarks": list(grade.remarks),
        "sandboxed": grade.sandboxed,
        "kernel": grade.kernel,
        "seconds": round(grade.seconds, 3),
        "answers": dict(grade.answers or {}),
    }


def _check_as_dict(check: CheckGrade) -> dict[str, Any]:
    result = check.result
    line = result.line
    return {
        "id": check.id,
        "title": result.title,
        "hidden": check.hidden,
        "status": str(result.status),
        "points": result.points,
        "max_points": result.max_points,
        "reason": result.reason,
        "line": {"file": line.file, "number": line.number, "text": line.text} if line else None,
        "hints": list(result.hints),
        "log": result.log,
        "seconds": round(check.seconds, 3),
    }


def from_dict(fields: Mapping[str, Any]) -> Grade:
    """A grade from its published form; ValueError where it is of another version, or none at all."""
    if fields.get("schema_version") != SCHEMA_VERSION:
        raise ValueError(f"a grade of version {fields.get('schema_version')!r}, not {SCHEMA_VERSION}")
    try:
        return Grade(
            learner=fields["learner"],
            exercise=fields["exercise"],
            title=fields["title"],
            source=fields["source"],
            digest=fields["digest"],
            state=GradeState(fields["state"]),
            checks=tuple(_check_from_dict(check) for check in fields["checks"]),
            remarks=tuple(fields["remarks"]),
            reason=fields["reason"],
            sandboxed=fields["sandboxed"],
            kernel=fields["kernel"],
            answers=fields["answers"],
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"no grade: {error!r}") from error


def _check_from_dict(fields: Mapping[str, Any]) -> CheckGrade:
    line = Line(**fields["line"]) if fields["line"] else None
    result = CheckResult(
        title=fields["title"],
        status=Status(fields["status"]),
        points=fields["points"],
        max_points=fields["max_points"],
        reason=fields["reason"],
        line=line,
        hints=tuple(fields["hints"]),
        log=fields["log"],
    )
    return CheckGrade(fields["id"], fields["hidden"], result, fields["seconds"])
