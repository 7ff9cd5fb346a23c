"""Makes the learner's version of a master: with starters, without solutions, hidden checks, outputs and `teaches`.

All notebooks that are generated from an exercise are made here: `make_notebook` builds them, `notebook_text` writes
them. `find_leaks` searches them for text that learners must not get.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kmodlab.checks.check import Check
from kmodlab.course.exercise import HIDDEN, KEY, Cell, Exercise, Role
from kmodlab.course.exercise_data import call_by_title, data_text
from kmodlab.course.regions import read_regions
from kmodlab.i18n import _

if TYPE_CHECKING:  # nbformat takes a second to import: only what makes a notebook does so
    from nbformat import NotebookNode

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
_SHORT = 6  # characters; a line such as "}" or "else" gives nothing away


def release(exercise: Exercise) -> str:
    """The learner's version, as the text of a notebook file."""
    return notebook_text(make_notebook(exercise, _texts(exercise)))


def release_data(exercise: Exercise) -> str:
    """The text of the data file beside the learner's version (see `exercise_data`)."""
    return data_text(exercise, _texts(exercise))


def _texts(exercise: Exercise) -> dict[str, str]:
    return {cell.id: _released(exercise, cell) for cell in exercise.cells}


def _released(exercise: Exercise, cell: Cell) -> str:
    return exercise.starter[cell.id] if cell.role is Role.ANSWER else released_cell(cell)


def released_cell(cell: Cell) -> str:
    """A cell's text for learners: for a check its title, for a hidden check also its points; other cells unchanged."""
    if cell.check is None:
        return cell.source
    return announce_hidden(cell.check) if cell.hidden else call_by_title(cell.check.title)


def given_texts(cell: Cell) -> tuple[str, ...]:
    """The texts with which a cell may have been handed out: earlier versions had the whole check."""
    return (released_cell(cell), *([cell.source] if not cell.hidden else []))


def announce_hidden(check: Check) -> str:
    """The text that learners see instead of a hidden check."""
    # Not a message: the grader compares it with the submitted cell, so it must not depend on the reader's language.
    return f"# A further check, made when this is graded ({check.points:g} points): {check.title}"


# ---- notebooks -----------------------------------------------------------------------------------------------------


def make_notebook(exercise: Exercise, sources: Mapping[str, str], **metadata: Any) -> NotebookNode:
    """A notebook with all cells of an exercise and their nbgrader metadata; `sources` are their texts by id.

    `metadata` is added to the notebook's metadata about the exercise.
    """
    from nbformat.v4 import new_code_cell, new_markdown_cell

    cells = []
    for cell in exercise.cells:
        make = new_markdown_cell if cell.role is Role.PROSE else new_code_cell
        cell_metadata = {"nbgrader": _nbgrader_metadata(cell)}
        cells.append(make(source=sources[cell.id], id=cell.id, metadata=cell_metadata))  # type: ignore[no-untyped-call]
    about = {"exercise": exercise.name, "title": exercise.title, "points": exercise.points}
    return notebook_of(cells, about | metadata)


def notebook_of(cells: Sequence[NotebookNode], about: Mapping[str, Any]) -> NotebookNode:
    """A notebook with these cells for a Python kernelspec; `about` is its metadata about the exercise."""
    from nbformat.v4 import new_notebook

    metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}, KEY: dict(about)}
    notebook: NotebookNode = new_notebook(cells=list(cells), metadata=metadata)
    return notebook


def notebook_text(notebook: NotebookNode) -> str:
    """The text of a notebook file, validated."""
    import nbformat

    nbformat.validate(notebook)
    return str(nbformat.writes(notebook)) + "\n"


def _nbgrader_metadata(cell: Cell) -> dict[str, Any]:
    """A cell's metadata in nbgrader's schema v3 (nbgrader/nbgraderformat/v3.py)."""
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
    """The lines that learners must not get: of solutions, of hidden checks, and the sentence `teaches`.

    Short lines, and lines that are also in the starter, the prose or a visible check, are not secret.
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
    """Sentences about secrets in a learner's notebook (`text`) and its data file (`data`); empty if all is well."""
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
