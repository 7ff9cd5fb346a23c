"""A master becomes the learner's version: solutions and hidden checks out, starters in, nothing that was run.

`find_leaks` looks for what must not be in what learners get.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from kmodlab.course.exercise import HIDDEN, KEY, Cell, Exercise, Role
from kmodlab.course.regions import read_regions
from kmodlab.submission.cells import split_magic

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
_SHORT = 6  # characters; a line such as "}" or "else" tells nothing


def release(exercise: Exercise) -> str:
    """The learner's version, as a file's text."""
    about = {"exercise": exercise.name, "title": exercise.title, "points": exercise.points}
    notebook = new_notebook(
        cells=[_release_cell(exercise, cell) for cell in exercise.cells],
        metadata={"kernelspec": KERNEL, "language_info": {"name": "python"}, KEY: about},
    )
    nbformat.validate(notebook)
    return str(nbformat.writes(notebook)) + "\n"


def _release_cell(exercise: Exercise, cell: Cell) -> Any:
    make = new_markdown_cell if cell.role is Role.PROSE else new_code_cell
    source = exercise.starter[cell.id] if cell.role is Role.ANSWER else released_check(cell)
    return make(source=source, id=cell.id, metadata={"nbgrader": nbgrader_metadata(cell)})  # type: ignore[no-untyped-call]


def released_check(cell: Cell) -> str:
    """A cell's text for learners; of a hidden check, the title only."""
    if not cell.hidden or cell.check is None:
        return cell.source
    return f"# A further check, made when this is graded ({cell.check.points:g} points): {cell.check.title}"


def nbgrader_metadata(cell: Cell) -> dict[str, Any]:
    """What nbgrader's schema v3 wants of a cell."""
    grade, solution = cell.role is Role.CHECK, cell.role is Role.ANSWER
    metadata = {
        "schema_version": 3,
        "grade_id": cell.id,
        "grade": grade,
        "solution": solution,
        "locked": not solution,
        "task": False,
    }
    return metadata | ({"points": cell.check.points} if cell.check else {})


# ---- leaks ---------------------------------------------------------------------------------------------------------


def secrets_of(exercise: Exercise) -> frozenset[str]:
    """The lines that learners must not get: of solutions and hidden checks, as far as they give anything away.

    A line that the starter, the prose or a visible check has as well is none.
    """
    known = {line.strip() for cell in exercise.cells for line in _shown(exercise, cell)}
    prose = "\n".join(cell.source for cell in exercise.cells if cell.role is Role.PROSE)
    secret = {line.strip() for cell in exercise.cells for line in _kept(cell)}
    return frozenset(line for line in secret - known if len(line) >= _SHORT and line not in prose)


def _shown(exercise: Exercise, cell: Cell) -> list[str]:
    source = exercise.starter[cell.id] if cell.role is Role.ANSWER else released_check(cell)
    return source.splitlines()


def _kept(cell: Cell) -> Iterator[str]:
    if cell.role is Role.ANSWER:
        for region in read_regions(cell.source):
            yield from region.solution
    elif cell.hidden:
        yield from (line for line in cell.source.splitlines() if line.strip() not in HIDDEN)


def find_leaks(exercise: Exercise, text: str) -> list[str]:
    """What must not be in a learner's notebook, given as its file's text, and is; a sentence each."""
    notebook = json.loads(text)
    found = []
    for number, cell in enumerate(notebook["cells"], 1):
        if cell.get("outputs") or cell.get("execution_count"):
            found.append(f"cell {number} has outputs, or was run")
        if set(cell["metadata"]) - {"nbgrader"}:
            found.append(f"cell {number} has metadata of others")
    everything = list(_strings(notebook))
    for line in sorted(secrets_of(exercise)):
        if any(line in one for one in everything):
            found.append(f"a line of a solution or of a hidden check is in it: {line}")
    return found


def _strings(value: Any) -> Iterator[str]:
    """All texts in a notebook, wherever they are; a list of lines is one."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield str(key)
            yield from _strings(inner)
    elif isinstance(value, list):
        if value and all(isinstance(one, str) for one in value):
            yield "".join(value)
        for inner in value:
            yield from _strings(inner)


def answer_line(cell: Cell) -> str:
    """The first line of an answer cell, which is the master's."""
    return split_magic(cell.source)[0]
