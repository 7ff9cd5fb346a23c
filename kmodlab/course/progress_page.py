"""The contents of the progress page: each notebook of a course, how far the learner is, and where he stopped."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from kmodlab.course.course_files import EXERCISES, NOTEBOOKS
from kmodlab.course.exercise_data import ExerciseData
from kmodlab.course.learner_folder import LearnerFolder, find_folder
from kmodlab.course.progress import Mark, find_exercises, progress_file, read_marks
from kmodlab.files import MIB, read_file
from kmodlab.i18n import ngettext, plural_number

_LARGEST = 16 * MIB


class Reached(StrEnum):
    """How far the learner is with a notebook."""

    OPEN = "open"
    BEGUN = "begun"
    DONE = "done"


@dataclass(frozen=True)
class ProgressRow:
    """One notebook. `path` is None if the file is missing; `later` are points that only the grading gives."""

    name: str
    title: str
    path: Path | None
    reached: Reached
    points: float = 0.0
    of: float = 0.0
    later: float = 0.0
    hints: int = 0


@dataclass(frozen=True)
class ProgressPage:
    """The rows, and the notebook in which the learner stopped, None if unknown."""

    rows: tuple[ProgressRow, ...]
    stopped: Path | None

    @property
    def points(self) -> float:
        """The points that were reached."""
        return sum(row.points for row in self.rows)

    @property
    def sentence(self) -> str:
        """A sentence with the points, and the file in which they are recorded."""
        points = self.points
        return ngettext(
            "Your progress: {points} point so far. It is kept in {file}.",
            "Your progress: {points} points so far. It is kept in {file}.",
            plural_number(points),
        ).format(points=f"{points:g}", file=progress_file())


def read_page(start: Path) -> ProgressPage:
    """The page for the course that a folder belongs to; `start` is a learner's folder, or one inside it."""
    start = start.resolve()
    learner = find_folder(start)
    marks = read_marks(progress_file())
    exercises = find_exercises(learner.root / EXERCISES / "any" if learner else start)
    folder = learner.root / EXERCISES if learner else start.parent
    rows = (
        [_notebook_row(learner, path) for path in sorted(learner.root.glob(f"{NOTEBOOKS}/*.ipynb"))] if learner else []
    )
    # In a learner's folder, only its exercises count; elsewhere, recorded exercises may have no data.
    for name in sorted(exercises if learner else {*exercises, *marks}):
        rows.append(_exercise_row(name, exercises.get(name), marks.get(name, {}), folder, learner))
    stopped = learner.root / learner.where_stopped() if learner else None
    return ProgressPage(tuple(rows), stopped if stopped and stopped.is_file() else None)


def _exercise_row(
    name: str, data: ExerciseData | None, checks: Mapping[str, Mark], folder: Path, learner: LearnerFolder | None
) -> ProgressRow:
    """The row of an exercise. Points of hidden checks, which come with the grading, are counted separately."""
    worth = {title: check.points for title, check in data.checks.items()} if data else {}
    worth = worth or {title: mark.of for title, mark in checks.items()}
    points = sum(min(mark.points, worth[title]) for title, mark in checks.items() if title in worth)
    of = sum(worth.values())
    path = folder / name / f"{name.partition('-')[2]}.ipynb"
    begun = bool(checks) or _has_work(learner, path)
    return ProgressRow(
        name,
        data.title if data else "",
        path if path.is_file() else None,
        Reached.DONE if of and points >= of else Reached.BEGUN if begun else Reached.OPEN,
        points,
        of,
        sum(data.hidden.values()) if data else 0.0,
        sum(mark.hints for mark in checks.values()),
    )


def _notebook_row(learner: LearnerFolder | None, path: Path) -> ProgressRow:
    return ProgressRow(path.stem, _title(path), path, Reached.BEGUN if _has_work(learner, path) else Reached.OPEN)


def _has_work(learner: LearnerFolder | None, path: Path) -> bool:
    if learner is None or not path.is_file():
        return False
    given = path.relative_to(learner.root).as_posix()
    return given in learner.record.files and learner.record.worked_at(given, path) > 0


def _title(path: Path) -> str:
    """The first heading of a notebook; empty if it has none, or is damaged."""
    try:
        text = "".join(json.loads(read_file(path, _LARGEST))["cells"][0]["source"])
    except (OSError, ValueError, RecursionError, LookupError, TypeError):
        return ""
    return text.partition("\n")[0].removeprefix("# ") if text.startswith("# ") else ""
