"""The late policy: the share of the points that is taken off, once or for each day."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import datetime

from kmodlab.errors import UsageError
from kmodlab.grading.models import HandedIn
from kmodlab.i18n import _

_DAY_S = 86400
_FORM = re.compile(r"(?P<percent>\d{1,3}(\.\d{1,2})?)%?(?P<daily>/day)?")


@dataclass(frozen=True)
class LatePolicy:
    """The percentage that is taken off the points, for each day that has begun if `daily`; 0 takes off nothing.

    `due` is the time in seconds since the epoch after which a file is late. None means that the platform decides; it
    does not tell how late a file is, so it counts as one day.
    """

    percent: float = 0.0
    daily: bool = False
    due: float | None = None

    def is_late(self, submission: HandedIn) -> bool:
        """Whether a submission is late."""
        return submission.late or (self.due is not None and submission.time > self.due)

    def percent_of(self, submission: HandedIn) -> float:
        """The percentage that is taken off a submission's points."""
        if not self.is_late(submission):
            return 0.0
        after_s = submission.time - self.due if self.due is not None and submission.time else 0.0
        days = max(1, math.ceil(after_s / _DAY_S)) if self.daily else 1
        return min(100.0, self.percent * days)


NEVER_LATE = LatePolicy()


def parse_late(late: str, due: str) -> LatePolicy:
    """Parse a user's policy: `late` is like 10 or 10%/day, `due` is a time like 2026-11-20T23:59, or empty.

    Raises:
        UsageError: One of them has another format.
    """
    match = _FORM.fullmatch(late or "0")
    if not match or float(match["percent"]) > 100:
        sentence = _("{text!r} is not a percentage, such as 10 or 10%/day.")
        raise UsageError(sentence.format(text=late[:40]))
    try:
        time = datetime.fromisoformat(due).timestamp() if due else None
    except (ValueError, OverflowError) as error:
        sentence = _("{text!r} is not a time, such as 2026-11-20T23:59 or 2026-11-20T23:59+01:00.")
        raise UsageError(sentence.format(text=due[:40])) from error
    return LatePolicy(float(match["percent"]), match["daily"] is not None, time)
