"""Files that learning platforms import.

    moodle/EXERCISE.csv            the grading worksheet of an assignment, with the comments of the feedback
    moodle/EXERCISE-feedback.zip   the pages of feedback, for "Upload multiple feedback files in a zip"
    canvas.csv                     Canvas' gradebook: a column for each exercise
    brightspace.csv                Brightspace's grades: a column for each exercise

The learners' ids come from the file names of the platforms (`intake`): Moodle's participant number, Canvas' user
number. For Brightspace, the learner's name is the user name. Errored submissions have no points, so that the platform
keeps its own.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from kmodlab.files import replace_bytes, replace_text
from kmodlab.grading.formats import feedback
from kmodlab.grading.formats.file_names import file_name
from kmodlab.grading.formats.gradebook import Cell, as_csv
from kmodlab.grading.formats.redact import by_exercise, by_learner, points_of, remarks_for_learners
from kmodlab.grading.models import Grade

_TIME = (1980, 1, 1, 0, 0, 0)  # so that equal pages make equal files
_NUMBERED = re.compile(r"(?P<name>.+)_(?P<number>\d+)", re.DOTALL)


def write_moodle(grades: Sequence[Grade], folder: Path) -> list[Path]:
    """Write a grading worksheet and the feedback for each exercise."""
    written = []
    for exercise, same in by_exercise(grades).items():
        path = folder / "moodle" / file_name(exercise)
        written.append(replace_text(path.with_name(f"{path.name}.csv"), as_csv(_worksheet(same))))
        written.append(replace_bytes(path.with_name(f"{path.name}-feedback.zip"), _feedback(same)))
    return written


def _feedback(grades: Sequence[Grade]) -> bytes:
    """A page for each learner whose number is known, named as in mod/assign/feedback/file/importziplib.php."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for grade in grades:
            name, number = _name_and_number(grade.learner)
            if number:
                known = re.sub(r"[_/\\]", " ", name)  # Moodle reads the number between the first two underscores
                member = zipfile.ZipInfo(f"{known}_{number}_assignsubmission_file_feedback.html", _TIME)
                archive.writestr(member, feedback.as_page(grade.learner, [grade]), zipfile.ZIP_DEFLATED)
    return stream.getvalue()


def _worksheet(grades: Sequence[Grade]) -> Iterator[Sequence[Cell]]:
    yield ("Identifier", "Full name", "Grade", "Maximum Grade", "Feedback comments")
    for grade in grades:
        name, number = _name_and_number(grade.learner)
        comments = " ".join(remarks_for_learners(grade))
        yield (f"Participant {number}" if number else "", name, points_of(grade.points), grade.max_points, comments)


def write_canvas(grades: Sequence[Grade], folder: Path) -> list[Path]:
    """Write Canvas' gradebook."""
    rows = _table(grades, ("Student", "ID", "SIS User ID", "SIS Login ID", "Section"), "{}")
    return [replace_text(folder / "canvas.csv", as_csv([*rows]))]


def write_brightspace(grades: Sequence[Grade], folder: Path) -> list[Path]:
    """Write Brightspace's grades."""
    head, *rows = _table(grades, ("Username",), "{} Points Grade")
    table = [(*head, "End-of-Line Indicator"), *((*row, "#") for row in rows)]
    return [replace_text(folder / "brightspace.csv", as_csv(table))]


def _table(grades: Sequence[Grade], columns: Sequence[str], title: str) -> Iterator[Sequence[Cell]]:
    """A row for each learner: the platform's own columns, then a column for each exercise."""
    exercises = list(by_exercise(grades))
    yield (*columns, *(title.format(exercise) for exercise in exercises))
    for learner, own in by_learner(grades).items():
        name, number = _name_and_number(learner)
        known: dict[str, Cell] = {"Student": name, "ID": number, "Username": learner}
        points = {grade.exercise: points_of(grade.points) for grade in own}
        yield (*(known.get(column, "") for column in columns), *(points.get(exercise) for exercise in exercises))


def _name_and_number(learner: str) -> tuple[str, str]:
    match = _NUMBERED.fullmatch(learner)
    return (match["name"], match["number"]) if match else (learner, "")
