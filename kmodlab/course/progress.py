"""A learner's own record of what was checked: one plain JSON file, kept across restarts.

    {"format": 1, "exercises": {"01-hello": {"It greets": {"points": 2, "of": 2, "status": "passed", "hints": 0}}}}

It is the learner's, to read, copy or delete, and proves nothing to anybody. The best result of each check is kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import platformdirs
from filelock import FileLock

from kmodlab.checks.result import CheckResult, Status
from kmodlab.files import replace_text

FORMAT = 1
_LARGEST = 1 << 22
_MOST = 200


@dataclass(frozen=True)
class Mark:
    """The best result of one check so far, the last status, and how many hints were taken."""

    points: float
    of: float
    status: str
    hints: int = 0


Marks = dict[str, dict[str, Mark]]


def progress_file() -> Path:
    """Where the record is kept: the platform's folder for a user's data."""
    return platformdirs.user_data_path("kmodlab") / "progress.json"


def read_marks(path: Path) -> Marks:
    """The record by exercise and check; empty where there is none, or where it is damaged."""
    return _read(path) or {}


def _read(path: Path) -> Marks | None:
    """The same, but None where it cannot be read."""
    try:
        with path.open("rb") as file:
            return dict(_marks(json.loads(file.read(_LARGEST))))
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
    """Write a result down. One that errored says nothing about the learner, and is not."""
    if result.status is Status.ERRORED or result.points is None:
        return
    points, status = result.points, str(result.status)

    def better(old: Mark | None) -> Mark:
        best = points if old is None or old.of != result.max_points else max(points, old.points)
        return Mark(best, result.max_points, status, old.hints if old else 0)

    _update(path, exercise, result.title, better)


def note_hint(path: Path, exercise: str, title: str, number: int) -> None:
    """Write down that so many hints were taken."""
    _update(path, exercise, title, lambda old: replace(old, hints=max(number, old.hints)) if old else None)


def find_exercises(folder: Path) -> dict[str, tuple[str, float]]:
    """Title and points of the exercises whose notebooks lie in a folder's neighbours, and in itself, by name."""
    found = {}
    for path in sorted(folder.resolve().parent.glob("[0-9][0-9]-*/*.ipynb"))[:_MOST]:
        try:
            about = json.loads(path.read_bytes()[:_LARGEST])["metadata"]["kmodlab"]
            found[str(about["exercise"])] = (str(about["title"]), float(about["points"]))
        except (OSError, ValueError, RecursionError, KeyError, TypeError):
            continue  # a master, which has no points there, or something else
    return found


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
        "exercises": {name: {t: asdict(m) for t, m in checks.items()} for name, checks in marks.items()},
    }
    replace_text(path, json.dumps(data, indent=1, ensure_ascii=False))
