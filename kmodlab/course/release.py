"""Make the learner's version of a master: without solutions, hidden checks, outputs and what it teaches, with starters.

All notebooks that are made from an exercise come from here: `make_notebook` puts them together, `notebook_text` writes
them. `find_leaks` looks for whatever learners must not get.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from kmodlab.checks.check import Check
from kmodlab.course.exercise import HIDDEN, KEY, Cell, Exercise, Role
from kmodlab.course.exercise_data import call_by_title, data_text
from kmodlab.course.regions import read_regions
from kmodlab.i18n import _

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
_SHORT = 6  # characters; a line such as "}" or "else" gives nothing away


def release(exercise: Exercise) -> str:
    """The learner's version, as the text of a notebook file."""
    return notebook_text(make_notebook(exercise, _texts(exercise)))


def release_data(exercise: Exercise) -> str:
    """The text of the file that lies beside the learner's version (see `exercise_data`)."""
    return data_text(exercise, _texts(exercise))


def _texts(exercise: Exercise) -> dict[str, str]:
    return {cell.id: _released(exercise, cell) for cell in exercise.cells}


def _released(exercise: Exercise, cell: Cell) -> str:
    return exercise.starter[cell.id] if cell.role is Role.ANSWER else released_cell(cell)


def released_cell(cell: Cell) -> str:
    """A cell's text for learners: of a check its title, of a hidden one the points as well; any other cell as it is."""
    if cell.check is None:
        return cell.source
    return announce_hidden(cell.check) if cell.hidden else call_by_title(cell.check.title)


def given_texts(cell: Cell) -> tuple[str, ...]:
    """The texts with which a cell may have been handed out: earlier versions had the whole check."""
    return (released_cell(cell), *([cell.source] if not cell.hidden else []))


def announce_hidden(check: Check) -> str:
    """The text that learners find instead of a hidden check."""
    # Not a message: the grader compares it with the cell that is handed in, whatever the reader's language.
    return f"# A further check, made when this is graded ({check.points:g} points): {check.title}"


# ---- notebooks -----------------------------------------------------------------------------------------------------


def make_notebook(exercise: Exercise, sources: Mapping[str, str], **metadata: Any) -> NotebookNode:
    """A notebook with all cells of an exercise, their nbgrader metadata, and these sources by the cells' ids.

    `metadata` is added to what the notebook's own metadata say about the exercise.
    """
    cells = []
    for cell in exercise.cells:
        make = new_markdown_cell if cell.role is Role.PROSE else new_code_cell
        cell_metadata = {"nbgrader": _nbgrader_metadata(cell)}
        cells.append(make(source=sources[cell.id], id=cell.id, metadata=cell_metadata))  # type: ignore[no-untyped-call]
    about = {"exercise": exercise.name, "title": exercise.title, "points": exercise.points}
    return notebook_of(cells, about | metadata)


def notebook_of(cells: Sequence[NotebookNode], about: Mapping[str, Any]) -> NotebookNode:
    """A notebook for our kernel with these cells; `about` is what its metadata say about the exercise."""
    metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}, KEY: dict(about)}
    notebook: NotebookNode = new_notebook(cells=list(cells), metadata=metadata)
    return notebook


def notebook_text(notebook: NotebookNode) -> str:
    """The text of a notebook file, validated."""
    nbformat.validate(notebook)
    return str(nbformat.writes(notebook)) + "\n"


def _nbgrader_metadata(cell: Cell) -> dict[str, Any]:
    """A cell's metadata by nbgrader's schema v3 (nbgrader/nbgraderformat/v3.py)."""
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
    """The lines of solutions and hidden checks that learners must not get, and the sentence on what is taught.

    Short lines, and lines that are in the starter, the prose or a visible check as well, are no secrets.
    """
    given = (text for cell in exercise.cells for text in (_released(exercise, cell), _visible_check(cell)))
    known = {line.strip() for text in given for line in text.splitlines()}
    known |= {f"{json.dumps(check.title, ensure_ascii=False)}," for check in exercise.checks.values()}
    prose = "\n".join(cell.source for cell in exercise.cells if cell.role is Role.PROSE)
    secret = {line.strip() for cell in exercise.cells for line in _withheld(cell)} | {exercise.teaches}
    return frozenset(line for line in secret - known if len(line) >= _SHORT and line not in prose)


def _visible_check(cell: Cell) -> str:
    return cell.source if cell.check and not cell.hidden else ""


def _withheld(cell: Cell) -> Iterator[str]:
    if cell.role is Role.ANSWER:
        for region in read_regions(cell.source):
            yield from region.solution
    elif cell.hidden:
        yield from (line for line in cell.source.splitlines() if line.strip() not in HIDDEN)


def find_leaks(exercise: Exercise, text: str, data: str = "{}") -> list[str]:
    """Sentences about everything in a learner's notebook and its data, given as texts, that must not be there."""
    notebook = json.loads(text)
    leaks = []
    for number, cell in enumerate(notebook["cells"], 1):
        if cell.get("outputs") or cell.get("execution_count"):
            leaks.append(_("Cell {number} was run, or has outputs.").format(number=number))
        if set(cell["metadata"]) - {"nbgrader"}:
            leaks.append(_("Cell {number} has metadata other than nbgrader's.").format(number=number))
    strings = [*_strings(notebook), *_strings(json.loads(data))]
    for line in sorted(secrets_of(exercise)):
        if any(line in string for string in strings):
            leaks.append(_("It contains what learners must not get: {line}").format(line=line))
    return leaks


def _strings(value: Any) -> Iterator[str]:
    """All strings in a notebook, at any depth; a list of lines counts as one string."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield str(key)
            yield from _strings(inner)
    elif isinstance(value, list):
        if value and all(isinstance(item, str) for item in value):
            yield "".join(value)
        for inner in value:
            yield from _strings(inner)
