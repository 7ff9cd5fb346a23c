"""The data of a submission's way to a grade: HandedIn, Task, a CheckResult for each check, Grade; and GradingProgress.

`as_dict` and `from_dict` convert a grade to and from the published JSON (`formats/result.schema.json`), `check_as_dict`
and `check_from_dict` one check's result. A submission that could not be judged is errored, which is never zero points:
its points are None, and it is listed for a second run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from kmodlab.checks.check_result import CheckResult, Line, Status
from kmodlab.text import escape_control_chars

if TYPE_CHECKING:
    from kmodlab.grading.notebooks import SubmittedNotebook

SCHEMA_VERSION = 1
_LONGEST_SOURCE = 300  # characters


# ---- before it is judged -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class HandedIn:
    """A submitted file, with the fields that are known so far.

    `archives.find_files` sets `parts`, `time`, and `content` or `problem`. `intake.read_submissions` sets `learner`,
    `attempt`, `copy`, `late`, `names` and `notebook`, and drops the content. `grader.make_plan` sets `exercise`,
    `answers` and `digest`. After an internal error, `fault` has the traceback, and the submission is errored.
    """

    parts: tuple[str, ...]  # the given path, the folders and archives that contain the file, its name
    content: bytes = b""
    time: float = 0.0  # when it was written, in seconds since the epoch; 0 if unknown
    problem: str = ""  # why it cannot be graded; empty if it can
    fault: str = ""
    learner: str = ""
    attempt: float = 0.0  # orders a learner's attempts on a learning platform: a later one is greater; 0 if unknown
    copy: int = 0  # the platform's number for repeated submissions of a file name; 0 for the first
    late: bool = False  # handed in late, as the platform says
    names: tuple[str, ...] = ()  # its name and its folders' names, nearest first; one of them may name the exercise
    notebook: SubmittedNotebook | None = None
    exercise: str = ""
    answers: Mapping[str, str] = field(default_factory=dict)  # the answer cells' texts, by id
    digest: str = ""  # the task's digest; empty if there is nothing to judge
    remarks: tuple[str, ...] = ()  # a sentence for each unusual thing about it

    @property
    def source(self) -> str:
        """The file's path below the given path, in one line without control characters."""
        text = escape_control_chars("/".join(self.parts)).replace("\n", "\\n")
        return text if len(text) <= _LONGEST_SOURCE else f"{text[: _LONGEST_SOURCE - 1]}…"


@dataclass(frozen=True)
class Setting:
    """What results depend on, besides the master and the answers."""

    kernel: str  # uname -r of the guests
    code: str  # the digest of the code that judges (`task.judging_digest`)
    sandboxed: bool


@dataclass(frozen=True)
class Task:
    """The answers to judge: all that a worker needs, without the learner. Equal answers are one task.

    `exercise` is the text from `task.pack_exercise`; `answers` are texts by their cells' ids; `done` are the ids of
    checks whose results are known.
    """

    digest: str
    exercise: str
    answers: Mapping[str, str]
    setting: Setting
    done: frozenset[str] = frozenset()

    def as_message(self) -> dict[str, Any]:
        """The task as JSON data, for a worker."""
        return {**asdict(self), "done": sorted(self.done)}

    @classmethod
    def from_message(cls, message: Mapping[str, Any]) -> Task:
        """A task from what `as_message` returned."""
        return cls(**{**message, "setting": Setting(**message["setting"]), "done": frozenset(message["done"])})


# ---- meanwhile -----------------------------------------------------------------------------------------------------


class Ending(StrEnum):
    """How a task ended. Known: the journal has all results. Overdue: its time was over. Lost: its workers died."""

    DONE = "done"
    KNOWN = "known"
    OVERDUE = "overdue"
    LOST = "lost"


@dataclass(frozen=True)
class GradingProgress:
    """A check's result, the end of a task, or a submission's grade.

    Pools report each check of a task, then its ending. The grader passes checks on, and turns an ending into one grade
    for each submission with that text.
    """

    digest: str  # the task's digest; empty for the grade of a submission without a task
    check: CheckResult | None = None
    ending: Ending | None = None
    reason: str = ""  # why the task was lost
    grade: Grade | None = None


# ---- its grade -----------------------------------------------------------------------------------------------------


class GradeState(StrEnum):
    """Graded; errored: we failed, it is to be run again; rejected: nothing in it can be graded."""

    GRADED = "graded"
    ERRORED = "errored"
    REJECTED = "rejected"


@dataclass(frozen=True)
class Adjustment:
    """A person's adjustment of a grade: the points, or None to keep them, and a comment, which the learner sees."""

    points: float | None = None
    comment: str = ""


@dataclass(frozen=True)
class Grade:
    """The grade of one submission to one exercise.

    `learner` is the learner's name in the archive or folder; `source` is the file's path below the given path.
    `remarks` are sentences about unusual things in the notebook: cells that were changed, missing, duplicated or of
    another type. `sandboxed` is False if the work was built without a sandbox.
    """

    learner: str
    exercise: str
    title: str
    source: str
    digest: str  # SHA-256 over answers, master and setting; if equal, the grade need not be made again
    state: GradeState
    checks: tuple[CheckResult, ...] = ()
    remarks: tuple[str, ...] = ()
    reason: str = ""  # why it is errored or rejected; empty if it is graded
    sandboxed: bool = True
    kernel: str = ""  # uname -r of the guest
    answers: Mapping[str, str] | None = None  # the learner's answer cells, by id, for the feedback page
    late: bool = False  # submitted late, according to the platform or to the late policy
    late_percent: float = 0.0  # percentage of the points that is taken off for being late
    adjustment: Adjustment | None = None
    untouched: bool = False  # all answers are unchanged starters

    @property
    def max_points(self) -> float:
        """The points that the exercise is worth."""
        return sum(check.max_points for check in self.checks)

    @property
    def points(self) -> float | None:
        """The mark: set by a person, or else the points of the checks minus those for being late; None if unknown."""
        if self.adjustment and self.adjustment.points is not None:
            return self.adjustment.points
        earned = self.earned
        return round(earned * (1 - self.late_percent / 100), 2) if earned is not None and self.late else earned

    @property
    def earned(self) -> float | None:
        """The points of the checks; None if any check errored, or nothing could be judged."""
        if self.state is GradeState.REJECTED:
            return 0.0
        earned = [check.points for check in self.checks]
        if self.state is GradeState.ERRORED or any(points is None for points in earned):
            return None
        return round(sum(points for points in earned if points is not None), 2)

    @property
    def seconds(self) -> float:
        """The total time of its checks."""
        return sum(check.seconds for check in self.checks)


def as_dict(grade: Grade) -> dict[str, Any]:
    """A grade in the published form."""
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
        "checks": [check_as_dict(check) for check in grade.checks],
        "remarks": list(grade.remarks),
        "sandboxed": grade.sandboxed,
        "kernel": grade.kernel,
        "seconds": round(grade.seconds, 3),
        "answers": dict(grade.answers or {}),
        "late": grade.late,
        "late_percent": grade.late_percent,
        "adjustment": asdict(grade.adjustment) if grade.adjustment else None,
        "untouched": grade.untouched,
    }


def check_as_dict(check: CheckResult) -> dict[str, Any]:
    """A check's result in the published form."""
    line = check.line
    return {
        "id": check.id,
        "title": check.title,
        "hidden": check.hidden,
        "status": str(check.status),
        "points": check.points,
        "max_points": check.max_points,
        "reason": check.reason,
        "line": {"file": line.file, "number": line.number, "text": line.text} if line else None,
        "hints": list(check.hints),
        "log": check.log,
        "seconds": round(check.seconds, 3),
    }


def from_dict(fields: Mapping[str, Any]) -> Grade:
    """A grade from its published form.

    Raises:
        ValueError: It has another version, or is not a grade.
    """
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
            checks=tuple(check_from_dict(check) for check in fields["checks"]),
            remarks=tuple(fields["remarks"]),
            reason=fields["reason"],
            sandboxed=fields["sandboxed"],
            kernel=fields["kernel"],
            answers=fields["answers"],
            late=fields.get("late", False),
            late_percent=fields.get("late_percent", 0.0),
            untouched=fields.get("untouched", False),
            adjustment=Adjustment(**fields["adjustment"]) if fields.get("adjustment") else None,
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a grade: {error!r}") from error


def check_from_dict(fields: Mapping[str, Any]) -> CheckResult:
    """A check's result from its published form.

    Raises:
        ValueError: It is not a check's result.
    """
    try:
        return CheckResult(
            title=fields["title"],
            status=Status(fields["status"]),
            points=fields["points"],
            max_points=fields["max_points"],
            reason=fields["reason"],
            line=Line(**fields["line"]) if fields["line"] else None,
            hints=tuple(fields["hints"]),
            log=fields["log"],
            id=fields["id"],
            hidden=fields["hidden"],
            seconds=fields["seconds"],
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a check's result: {error!r}") from error
