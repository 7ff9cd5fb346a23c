"""All forms in which grades can be written, by the names that `--format` takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from kmodlab.grading.formats import (
    feedback,
    gradebook,
    gradescope,
    junit,
    nbgrader,
    overview,
    prairielearn,
    results,
)
from kmodlab.grading.models import Grade

Write = Callable[[Sequence[Grade], Path], list[Path]]

FORMATS: dict[str, Write] = {
    "json": results.write,
    "csv": gradebook.write,
    "junit": junit.write,
    "gradescope": gradescope.write,
    "prairielearn": prairielearn.write,
    "nbgrader": nbgrader.write,
    "feedback": feedback.write,
    "overview": overview.write,
}
