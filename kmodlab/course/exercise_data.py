"""An exercise's data, a file beside the learner's notebook: what its checks expect, their points and hints.

`kmodlab release` makes the file from the master; a check cell in the notebook only has the check's title. For hidden
checks the file has only titles and points. It is JSON:

    {"exercise": "01-hello", "title": "Hello", "hidden": [{"id": "in-time", "title": "…", "points": 1}],
     "checks": [{"title": "…", "points": 2, "expects": ["loads(…)", "logs(…)"], "hints": ["…"], "verdict": "✓ …"}],
     "cells": {"hello": "%%kmod hello…"}, "answers": ["hello"]}

It is in a learner's folder, so it is not trusted: its contents are parsed, and never executed.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kmodlab.checks.check import MOST_POINTS, Check
from kmodlab.checks.registry import read_check
from kmodlab.course.exercise import Cell, Exercise, Role
from kmodlab.errors import UsageError
from kmodlab.files import MIB, read_file
from kmodlab.i18n import _

FILE = "checks.json"
_LIMIT = 4 * MIB
_OPTIONS = ("partial", "kernel")


@dataclass(frozen=True)
class ExerciseData:
    """The data of one exercise: checks by title, the points of hidden checks, and the given cells by id.

    `answers` are the ids of the cells that the learner writes in, `hidden_ids` those of hidden checks. `verdicts` are
    the outputs of the checks for the solution, by title.
    """

    exercise: str
    title: str
    checks: Mapping[str, Check]
    hidden: Mapping[str, float]
    cells: Mapping[str, str]
    answers: tuple[str, ...] = ()
    hidden_ids: tuple[str, ...] = ()
    verdicts: Mapping[str, str] = field(default_factory=dict)

    def check(self, title: str) -> Check:
        """The check of that title.

        Raises: UsageError if the exercise has no such check.
        """
        if title in self.checks:
            return self.checks[title]
        if title in self.hidden:
            raise UsageError(
                _("The check {title!r} is made when this is graded.").format(title=title),
                hint=_("Its title says what it looks at."),
            )
        raise UsageError(
            _("The exercise {exercise} has no check {title!r}.").format(exercise=self.exercise, title=title)
        )


def call_by_title(title: str) -> str:
    """The text of a check cell in a learner's notebook."""
    return f"check({json.dumps(title, ensure_ascii=False)})"


def data_text(exercise: Exercise, cells: Mapping[str, str]) -> str:
    """The text of the file; `cells` are the texts of the learner's notebook, by the cells' ids."""
    checks = [_check_data(cell) for cell in exercise.cells if cell.check and not cell.hidden]
    later = [(cell.id, cell.check) for cell in exercise.cells if cell.check and cell.hidden]
    hidden = [{"id": name, "title": check.title, "points": check.points} for name, check in later]
    given = {cell.id: cells[cell.id] for cell in exercise.cells if cell.role is not Role.PROSE and not cell.hidden}
    about = {"exercise": exercise.name, "title": exercise.title}
    data = {**about, "checks": checks, "hidden": hidden, "cells": given, "answers": list(exercise.answers)}
    return json.dumps(data, indent=1, ensure_ascii=False) + "\n"


def _check_data(cell: Cell) -> dict[str, Any]:
    check = cell.check
    assert check is not None
    call = ast.parse(cell.source.strip(), mode="eval").body
    assert isinstance(call, ast.Call)
    expects = [ast.get_source_segment(cell.source.strip(), each) for each in call.args[1:]]
    options = {name: value for name in _OPTIONS if (value := getattr(check, name))}
    about = {"title": check.title, "points": check.points, **options}
    return {**about, "expects": expects, "hints": list(check.hints), "verdict": cell.verdict}


def read_data(path: Path) -> ExerciseData:
    """Read the file at `path`.

    Raises: UsageError if it cannot be read, or does not have the format of `data_text`.
    """
    try:
        data = json.loads(read_file(path, _LIMIT))
        checks = [_read_check(each) for each in data["checks"]]
        hidden = {str(each["title"]): _read_points(each["points"]) for each in data["hidden"]}
        ids = tuple(str(each.get("id", "")) for each in data["hidden"])
        cells = {str(name): str(text) for name, text in data["cells"].items()}
        verdicts = {str(each["title"]): str(each.get("verdict", "")) for each in data["checks"]}
        name, title = str(data["exercise"]), str(data["title"])
        answers = tuple(str(name) for name in data.get("answers", ()) if name in cells)
        by_title = {check.title: check for check in checks}
        return ExerciseData(name, title, by_title, hidden, cells, answers, ids, verdicts)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
        raise UsageError(
            _("{path}, which says what the checks expect, cannot be read.").format(path=path), hint=how_to_lay_out()
        ) from exc


def _read_check(data: Mapping[str, Any]) -> Check:
    arguments = [repr(str(data["title"])), *map(str, data["expects"])]
    arguments += [f"{name}={data[name]!r}" for name in ("points", "hints", *_OPTIONS) if name in data]
    return read_check(f"check({', '.join(arguments)})")


def _read_points(value: Any) -> float:
    points = float(value)
    if not 0 < points <= MOST_POINTS:
        raise ValueError(points)
    return points


def how_to_lay_out() -> str:
    """A hint how a learner gets the files of the course again."""
    return _("`kmodlab course DIR` puts the files of the course back, and leaves your cells as they are.")


def find_data(exercise: str, folder: Path, courses: tuple[Path, ...] = ()) -> ExerciseData:
    """The data of an exercise: beside the notebook, which runs in `folder`, or in one of the folders `courses`.

    An empty `exercise` means the exercise of that folder.

    Raises: UsageError if the data cannot be found or read.
    """
    for path in (folder / FILE, *(course / "exercises" / exercise / FILE for course in (folder, *courses) if exercise)):
        if path.is_file() and (data := read_data(path)) and exercise in ("", data.exercise):
            return data
    if exercise:
        message = _("The file {file} of the exercise {exercise} is missing.").format(file=FILE, exercise=exercise)
    else:
        message = _("The exercise of this check is unknown.")
    raise UsageError(message, hint=how_to_lay_out() if exercise else _('Run the cell with `exercise("…")` first.'))
