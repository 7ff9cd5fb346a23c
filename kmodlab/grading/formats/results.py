"""All forms in which grades can be written, by the names that `--format` takes; and the published form itself.

    results/EXERCISE/LEARNER.json

One JSON file for each submission, described by `result.schema.json`. It holds everything, hidden checks included, and
is for the instructor.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from kmodlab.files import replace_text
from kmodlab.grading.formats import feedback, gradebook, gradescope, junit, nbgrader, overview, prairielearn
from kmodlab.grading.formats.file_names import as_json, file_name, file_names
from kmodlab.grading.formats.redact import by_exercise
from kmodlab.grading.models import Grade, as_dict, from_dict


def write(grades: Sequence[Grade], folder: Path) -> list[Path]:
    """Write one file for each submission."""
    written = []
    for exercise, same in by_exercise(grades).items():
        names = file_names(grade.learner for grade in same)
        for name, grade in zip(names, same, strict=True):
            path = folder / "results" / file_name(exercise) / f"{name}.json"
            written.append(replace_text(path, as_json(as_dict(grade))))
    return written


def read_results(folder: Path) -> list[Grade]:
    """All grades that were written into a folder.

    Raises:
        ValueError: a file is not a grade.
    """
    return [from_dict(json.loads(path.read_bytes())) for path in sorted((folder / "results").glob("*/*.json"))]


FORMATS: dict[str, Callable[[Sequence[Grade], Path], list[Path]]] = {
    "json": write,
    "csv": gradebook.write,
    "junit": junit.write,
    "gradescope": gradescope.write,
    "prairielearn": prairielearn.write,
    "nbgrader": nbgrader.write,
    "feedback": feedback.write,
    "overview": overview.write,
}
