"""The result of a check, as data: passed, failed with a reason, errored, or skipped."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True)
class Line:
    """A line that the learner wrote. `number` counts from 1; the cell's first line, the magic, is line 1."""

    file: str
    number: int
    text: str


@dataclass(frozen=True)
class Failure:
    """Why an expectation is not met: the reason in whole sentences, the line that it is about, and a hint.

    `by_time` says that something did not end in time. On a crowded machine this may not be the learner's fault.
    """

    reason: str
    line: Line | None = None
    hint: str = ""
    by_time: bool = False


class Status(StrEnum):
    """The verdict on a check.

    Errored means that kmodlab or the machine failed, which says nothing about the learner's work. A check is skipped if
    it needs something that has not been made, such as a kernel of our own; then it is worth no points.
    """

    PASSED = "passed"
    FAILED = "failed"
    ERRORED = "errored"
    SKIPPED = "skipped"

    @property
    def is_verdict(self) -> bool:
        """Whether the status says something about the learner's work."""
        return self in (Status.PASSED, Status.FAILED)


@dataclass(frozen=True)
class CheckResult:
    """The result of a check. `points` is None if the check errored; `reason` is empty if it passed.

    `hints` are shown one at a time, so the first one gives the least away. `log` holds the last lines of the kernel's
    log if the check failed. Everything else is equal in two runs on the same work with the same random values, which
    the reason shows. The grader sets `id` (of the check's cell in the master), `hidden` (whether learners do not see
    the check), and how long it took.
    """

    title: str
    status: Status
    points: float | None
    max_points: float
    reason: str = ""
    line: Line | None = None
    hints: tuple[str, ...] = ()
    log: str = field(default="", compare=False)
    id: str = ""
    hidden: bool = False
    seconds: float = 0.0
