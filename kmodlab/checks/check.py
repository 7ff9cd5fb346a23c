"""A check: what is expected of a learner's work, how many points it is worth, and hints.

The expectations come from `registry`, the verdict from `evaluate`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from kmodlab.checks.check_result import Failure
from kmodlab.checks.context import CheckContext
from kmodlab.errors import UsageError
from kmodlab.i18n import _
from kmodlab.kernel.own import VARIANTS

MOST_POINTS = 100  # the most that one check may be worth


@dataclass(frozen=True)
class Expectation:
    """One thing that a check expects. `examine` returns None if it is met."""

    examine: Callable[[CheckContext], Failure | None] = field(repr=False, compare=False)


@dataclass(frozen=True)
class Check:
    """The check in a check cell. Its expectations are examined in order, in one guest.

    With `partial`, each expectation that is met earns its share of the points; otherwise all of them must be met.
    `kernel` is the variant of our own kernel that the guest needs; empty for the lab's kernel.
    """

    title: str
    expectations: tuple[Expectation, ...]
    points: float
    hints: tuple[str, ...] = ()
    partial: bool = False
    kernel: str = ""


def check(
    title: str,
    *expectations: Expectation,
    points: float = 1,
    hints: Sequence[str] = (),
    partial: bool = False,
    kernel: str = "",
) -> Check:
    """Make a check from its title, its expectations, its points and its hints.

    With `kernel="debug"` it runs on the debug kernel, and fails if this kernel reports a mistake. If that kernel has
    not been built, the check is skipped.

    Raises:
        UsageError: An argument has the wrong type or value.
    """
    if not isinstance(title, str) or not title.strip() or "\n" in title:
        raise UsageError(_("A check needs a title of one line."))
    if not expectations:
        raise UsageError(_("The check {title!r} expects nothing.").format(title=title))
    if not all(isinstance(expectation, Expectation) for expectation in expectations):
        message = _("An argument of the check {title!r} is not an expectation, such as loads(...).")
        raise UsageError(message.format(title=title))
    if isinstance(points, bool) or not isinstance(points, int | float) or not 0 < points <= MOST_POINTS:
        message = _("The check {title!r} has points={points!r}: it must be a number above 0 and at most {most}.")
        raise UsageError(message.format(title=title, points=points, most=MOST_POINTS))
    if isinstance(hints, str) or not all(isinstance(hint, str) and hint.strip() for hint in hints):
        raise UsageError(_("The hints of the check {title!r} are not a list of sentences.").format(title=title))
    if kernel not in ("", *VARIANTS):
        message = _("The check {title!r} has kernel={kernel!r}; there are: {names}.")
        raise UsageError(message.format(title=title, kernel=kernel, names=", ".join(VARIANTS)))
    return Check(title, expectations, points, tuple(hints), partial, kernel)
