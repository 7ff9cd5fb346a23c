"""A learner's own record of check results: one JSON file, kept across restarts.

    {"format": 1, "exercises": {"01-hello": {"It greets": {"points": 2, "of": 2, "status": "passed", "hints": 0}}}}

Learners may read, copy, change or delete it, so it proves nothing. It keeps the best result of each check.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import platformdirs
from filelock import FileLock

from kmodlab.checks.check_result import CheckResult
from kmodlab.course.exercise_data import FILE, ExerciseData, read_data
from kmodlab.errors import UsageError
from kmodlab.files import replace_text

FORMAT = 1
_MAX_BYTES = 1 << 22
_MAX_EXERCISES = 200


@dataclass(frozen=True)
class Mark:
    """The best points of one check so far, its last status, and how many hints the learner has seen."""

    points: float
    of: float
    status: str
    hints: int = 0


Marks = dict[str, dict[str, Mark]]


def progress_file() -> Path:
    """The path of the record, in the platform's folder for user data."""
    return platformdirs.user_data_path("kmodlab") / "progress.json"


def read_marks(path: Path) -> Marks:
    """The record, by exercise and title of check; empty if the file is missing or damaged."""
    return _read(path) or {}


def _read(path: Path) -> Marks | None:
    """The record; None if the file is damaged."""
    try:
        with path.open("rb") as file:
            return dict(_marks(json.loads(file.read(_MAX_BYTES))))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return None


def _marks(data: Any) -> Iterator[tuple[str, dict[str, Mark]]]:
    if data["format"] != FORMAT:
        raise ValueError(data["format"])
    for exercise, checks in data["exercises"].items():
        yield str(exercise), {str(title): _mark(fields) for title, fields in checks.items()}


def _mark(fields: Any) -> Mark:
    return Mark(float(fields["points"]), float(fields["of"]), str(fields["status"]), int(fields["hints"]))


def note_result(path: Path, exercise: str, result: CheckResult) -> None:
    """Record a result, unless it is errored or skipped, which says nothing about the learner."""
    if not result.status.is_verdict or result.points is None:
        return
    points, status = result.points, str(result.status)

    def better(old: Mark | None) -> Mark:
        best = points if old is None or old.of != result.max_points else max(points, old.points)
        return Mark(best, result.max_points, status, old.hints if old else 0)

    _update(path, exercise, result.title, better)


def note_hint(path: Path, exercise: str, title: str, number: int) -> None:
    """Record that the learner has seen the first `number` hints of a check."""
    _update(path, exercise, title, lambda old: replace(old, hints=max(number, old.hints)) if old else None)


def find_exercises(folder: Path) -> dict[str, ExerciseData]:
    """The data, by name, of the exercises in this folder and the folders beside it.

    Points in a notebook's own text do not count, because learners can change them.
    """
    exercises = {}
    for path in sorted(folder.resolve().parent.glob(f"[0-9][0-9]-*/{FILE}"))[:_MAX_EXERCISES]:
        with suppress(UsageError):  # an exercise with damaged data is left out
            data = read_data(path)
            exercises[data.exercise] = data
    return exercises


def _update(path: Path, exercise: str, title: str, change: Callable[[Mark | None], Mark | None]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):  # another notebook may write at the same time
        marks = _read(path)
        if marks is None:
            path.replace(path.with_suffix(".damaged.json"))
            marks = {}
        changed = change(marks.get(exercise, {}).get(title))
        if changed is not None:
            marks.setdefault(exercise, {})[title] = changed
            _write(path, marks)


def _write(path: Path, marks: Marks) -> None:
    data = {
        "format": FORMAT,
        "exercises": {
            exercise: {title: asdict(mark) for title, mark in checks.items()} for exercise, checks in marks.items()
        },
    }
    replace_text(path, json.dumps(data, indent=1, ensure_ascii=False))
