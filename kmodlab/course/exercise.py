"""A master notebook, read and validated: prose, answer cells with their solutions, checks with their points.

What a cell is can be seen: an answer cell has a solution in it, a check begins with `check(`. Where it has nbgrader
metadata (schema v3), they have to agree. All that is wrong with a master is an ExerciseError that names file and cell.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any

import nbformat

from kmodlab.checks.check import Check
from kmodlab.checks.registry import CheckTextError, read_check
from kmodlab.course.regions import RegionError, has_marks, read_regions, starter_of
from kmodlab.errors import KmodlabError
from kmodlab.submission.cells import CellKind, read_cell, split_magic
from kmodlab.submission.learner_sources import LearnerSources

MASTER = "master.ipynb"
KEY = "kmodlab"  # in a notebook's metadata: {"exercise": "01-hello", "title": ..., "points": ...}
HIDDEN = ("### BEGIN HIDDEN TESTS", "### END HIDDEN TESTS")
NAME = re.compile(r"\d\d-[a-z0-9]+(-[a-z0-9]+)*")
_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")


class ExerciseError(KmodlabError):
    """An exercise is broken: its file and cell, and what is wrong."""

    exit_status = 3


class Role(StrEnum):
    """What a cell is for."""

    PROSE = "prose"
    CODE = "code"  # to be run by the learner as it is; where it begins with a magic, it belongs to the work
    ANSWER = "answer"
    CHECK = "check"


@dataclass(frozen=True)
class Cell:
    """A cell of a master. `check` is set for a check's cell only, `hidden` where learners do not get it."""

    id: str
    role: Role
    source: str
    check: Check | None = None
    hidden: bool = False


@dataclass(frozen=True)
class Exercise:
    """An exercise. `name` is its folder's."""

    name: str
    title: str
    path: Path
    cells: tuple[Cell, ...]

    @property
    def answers(self) -> dict[str, Cell]:
        """The answer cells by their ids."""
        return {cell.id: cell for cell in self.cells if cell.role is Role.ANSWER}

    @property
    def checks(self) -> dict[str, Check]:
        """The checks by their cells' ids, in their order."""
        return {cell.id: cell.check for cell in self.cells if cell.check}

    @property
    def points(self) -> float:
        """What all checks are worth together."""
        return sum(check.points for check in self.checks.values())

    @cached_property
    def starter(self) -> dict[str, str]:
        """What a learner finds in each answer cell: the whole cell, by its id."""
        return {name: starter_of(cell.source) for name, cell in self.answers.items()}

    @property
    def notebook(self) -> Path:
        """The learner's version."""
        return self.path.with_name(f"{self.name.partition('-')[2]}.ipynb")

    def work(self, answers: Mapping[str, str]) -> LearnerSources:
        """A learner's work: what the master gives, and the texts below the first lines of the answer cells, by id.

        A first line that is a magic is the master's, whatever the learner's says. An answer that is missing is empty.
        """
        return LearnerSources.of(self._sources(answers))

    def _sources(self, answers: Mapping[str, str]) -> Iterator[str]:
        for cell in self.cells:
            if cell.role is Role.ANSWER:
                yield f"{split_magic(cell.source)[0]}\n{split_magic(answers.get(cell.id, ''))[1]}"
            elif cell.role is Role.CODE:
                yield cell.source

    @property
    def solution(self) -> LearnerSources:
        """The work of somebody who has it all right."""
        return self.work({name: cell.source for name, cell in self.answers.items()})


def find_masters(folder: Path) -> list[Path]:
    """The masters in a folder of exercises, by name."""
    return sorted(folder.glob(f"*/{MASTER}"))


def read_master(path: Path) -> Exercise:
    """Read and validate a master."""
    name = path.resolve().parent.name
    if not NAME.fullmatch(name):
        raise ExerciseError(f"{path}: the folder of an exercise is called like 01-hello, not {name}.")
    notebook = read_notebook(path)
    about = notebook.metadata.get(KEY, {})
    if about.get("exercise") != name or not about.get("title"):
        wanted = f'{{"exercise": "{name}", "title": "..."}}'
        raise ExerciseError(f'{path}: the notebook\'s metadata need "{KEY}": {wanted}.')
    cells = tuple(_read_cell(path, number, cell) for number, cell in enumerate(notebook.cells, 1))
    exercise = Exercise(name, about["title"], path, cells)
    _validate(exercise)
    return exercise


def read_notebook(path: Path) -> Any:
    """A notebook of format 4; ExerciseError where it is none."""
    try:
        text = path.read_text(encoding="utf-8")
        names = [cell.get("id") for cell in json.loads(text)["cells"]]
        if doubled := _doubled(names):  # nbformat would give one of them another, without a word
            raise ExerciseError(f"{path}: two cells have the id {doubled}.")
        return nbformat.reads(text, as_version=4)
    except OSError as error:
        raise ExerciseError(f"{path} cannot be read: {error.strerror}.") from error
    except ExerciseError:
        raise
    except Exception as error:  # nbformat has many ways to say so
        sentence = str(error).partition("\n")[0][:200]
        raise ExerciseError(f"{path} is no notebook: {sentence}") from error


def _doubled(names: Sequence[str | None]) -> str | None:
    """A name that is there twice; None where there is none."""
    return next((name for name in names if name and names.count(name) > 1), None)


def _read_cell(path: Path, number: int, cell: Any) -> Cell:
    meta = cell.metadata.get("nbgrader", {})
    name = meta.get("grade_id") or cell.get("id") or ""

    def broken(why: str) -> ExerciseError:
        return ExerciseError(f"{path}, cell {number} ({name or 'without an id'}): {why}.")

    if not _ID.fullmatch(name):
        raise broken("its id has other characters than letters, digits, _ and -, or there is none")
    role = _role(cell, meta)
    if meta and (bool(meta.get("grade")), bool(meta.get("solution"))) != _FLAGS[role]:
        raise broken(f"it is {_WORDS[role]}, but its nbgrader metadata say something else")
    if role is not Role.CHECK:
        return Cell(name, role, cell.source)
    try:
        check = read_check(cell.source)
    except CheckTextError as error:
        raise broken(str(error).rstrip(".")) from error
    if meta and meta.get("points") != check.points:
        raise broken(f"the check has points={check.points:g}, its metadata {meta.get('points')}")
    return Cell(name, role, cell.source, check, _is_hidden(cell.source, broken))


_FLAGS = {
    Role.PROSE: (False, False),
    Role.CODE: (False, False),
    Role.ANSWER: (False, True),
    Role.CHECK: (True, False),
}
_WORDS = {Role.PROSE: "prose", Role.CODE: "code to run", Role.ANSWER: "an answer cell", Role.CHECK: "a check"}


def _role(cell: Any, meta: Mapping[str, Any]) -> Role:
    """What a cell is, by what stands in it; its metadata have to agree."""
    if cell.cell_type != "code":
        return Role.PROSE
    if meta.get("solution") or has_marks(cell.source):
        return Role.ANSWER
    code = [line for line in cell.source.splitlines() if line.strip() and not line.startswith("#")]
    return Role.CHECK if meta.get("grade") or (code and code[0].startswith("check(")) else Role.CODE


def _is_hidden(source: str, broken: Any) -> bool:
    lines = source.strip().splitlines()
    marks = [line.strip() for line in lines if "HIDDEN TESTS" in line]
    if not marks:
        return False
    if marks != list(HIDDEN) or (lines[0].strip(), lines[-1].strip()) != HIDDEN:
        raise broken(f"a hidden check stands as a whole between {HIDDEN[0]!r} and {HIDDEN[1]!r}")
    return True


def _validate(exercise: Exercise) -> None:
    path = exercise.path
    if doubled := _doubled([cell.id for cell in exercise.cells]):
        raise ExerciseError(f"{path}: two cells have the id {doubled}.")
    if doubled := _doubled([check.title for check in exercise.checks.values()]):
        raise ExerciseError(f"{path}: two checks have the title {doubled!r}.")
    begin = f'exercise("{exercise.name}")'
    if not any(cell.role is Role.CODE and begin in cell.source for cell in exercise.cells):
        raise ExerciseError(f"{path}: no cell says {begin}, so nobody would know whose results they are.")
    if not exercise.answers or not exercise.checks:
        raise ExerciseError(f"{path}: an exercise needs an answer cell and a check.")
    for name, cell in exercise.answers.items():
        _validate_answer(path, name, cell)


def _validate_answer(path: Path, name: str, cell: Cell) -> None:
    written = read_cell(cell.source)
    if written is None:
        kinds = ", ".join(f"%%{kind}" for kind in CellKind)
        raise ExerciseError(f"{path}, cell {name}: an answer cell begins with {kinds} and a name.")
    try:
        regions = read_regions(cell.source)
    except RegionError as error:
        raise ExerciseError(f"{path}, cell {name}: {error}.") from error
    if not regions:
        raise ExerciseError(f"{path}, cell {name}: there is no BEGIN SOLUTION ... END SOLUTION in it.")
