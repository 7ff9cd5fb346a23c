"""A check: what is expected of a learner's work, how many points it is worth, hints; and what came of it.

Pure data. The expectations come from `registry`, the verdict from `evaluate`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from kmodlab.errors import UsageError

if TYPE_CHECKING:
    from kmodlab.checks.context import CheckContext


@dataclass(frozen=True)
class Line:
    """A line of what the learner wrote; `number` counts from 1, the magic's own line being the first."""

    file: str
    number: int
    text: str


@dataclass(frozen=True)
class Failure:
    """Why an expectation is not met: one sentence, the line that it is about, what may help.

    `by_time` says that something did not end in time, which on a crowded machine need not be the learner's doing.
    """

    reason: str
    line: Line | None = None
    hint: str = ""
    by_time: bool = False


@dataclass(frozen=True)
class Expectation:
    """One thing that is expected, in words, and how to find out. `examine` returns None where it is met."""

    sentence: str
    examine: Callable[[CheckContext], Failure | None] = field(repr=False, compare=False)


@dataclass(frozen=True)
class Check:
    """What one cell checks. The expectations are looked at in their order, in one guest.

    With `partial`, each that is met earns its share of the points; otherwise it is all or nothing.
    """

    title: str
    expectations: tuple[Expectation, ...]
    points: float
    hints: tuple[str, ...] = ()
    partial: bool = False


def check(
    title: str, *expectations: Expectation, points: float = 1, hints: Sequence[str] = (), partial: bool = False
) -> Check:
    """A check, itself checked: UsageError where it makes no sense."""
    if not isinstance(title, str) or not title.strip() or "\n" in title:
        raise UsageError("A check needs a title of one line.")
    if not expectations or not all(isinstance(one, Expectation) for one in expectations):
        raise UsageError(f"The check {title!r} expects nothing, or something that is no expectation.")
    if isinstance(points, bool) or not isinstance(points, int | float) or not 0 < points <= 100:
        raise UsageError(f"The check {title!r} has points={points!r}: a number above 0 is needed, at most 100.")
    if isinstance(hints, str) or not all(isinstance(hint, str) and hint.strip() for hint in hints):
        raise UsageError(f"The hints of the check {title!r} are no list of sentences.")
    return Check(title, expectations, points, tuple(hints), partial)


class Status(StrEnum):
    """What came of a check. Errored is our own failure: it says nothing about the learner's work."""

    PASSED = "passed"
    FAILED = "failed"
    ERRORED = "errored"


@dataclass(frozen=True)
class CheckResult:
    """What came of a check. `points` are None where it errored; `reason` is empty where it passed.

    `hints` come one at a time, the least telling first. Nothing in it differs between two runs on the same work but
    `log`: the last lines of what the kernel said, where the check failed and it said anything.
    """

    title: str
    status: Status
    points: float | None
    max_points: float
    reason: str = ""
    line: Line | None = None
    hints: tuple[str, ...] = ()
    log: str = field(default="", compare=False)
