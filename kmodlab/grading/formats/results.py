"""All formats in which grades can be written, by their names for `--format`; and our own published JSON.

    results/EXERCISE/LEARNER.json

There is one JSON file for each submission; `result.schema.json` describes it. It contains everything, hidden checks
included, and is for the instructor.
"""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from kmodlab.files import replace_text
from kmodlab.grading.formats import feedback, gradebook, gradescope, junit, nbgrader, overview, platforms, prairielearn
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
    """All grades in the JSON files of a folder of results.

    Raises:
        ValueError: A file is not a grade.
    """
    return [from_dict(json.loads(path.read_bytes())) for path in sorted((folder / "results").glob("*/*.json"))]


@dataclass(frozen=True)
class Unwritten:
    """A grade that could not be written in a format, because of an internal error."""

    grade: Grade
    form: str
    fault: str  # the traceback


def write_form(name: str, grades: Sequence[Grade], folder: Path) -> tuple[list[Path], list[Unwritten]]:
    """Write grades in the format `name`; returns the files, and the grades that could not be written.

    Raises:
        OSError: The folder cannot be written to.
    """
    try:
        return FORMATS[name](grades, folder), []
    except OSError:
        raise
    except Exception:
        unwritten = [fault for grade in grades if (fault := _try_alone(name, grade))]
        if not unwritten:
            raise
        others = [grade for grade in grades if not any(grade is each.grade for each in unwritten)]
        return FORMATS[name](others, folder), unwritten


def _try_alone(name: str, grade: Grade) -> Unwritten | None:
    with TemporaryDirectory(prefix="kmodlab-") as scratch:
        try:
            FORMATS[name]([grade], Path(scratch))
        except OSError:
            raise
        except Exception as error:
            return Unwritten(grade, name, "".join(traceback.format_exception(error)))
    return None


FORMATS: dict[str, Callable[[Sequence[Grade], Path], list[Path]]] = {
    "json": write,
    "csv": gradebook.write,
    "junit": junit.write,
    "gradescope": gradescope.write,
    "prairielearn": prairielearn.write,
    "nbgrader": nbgrader.write,
    "moodle": platforms.write_moodle,
    "canvas": platforms.write_canvas,
    "brightspace": platforms.write_brightspace,
    "feedback": feedback.write,
    "overview": overview.write,
}
