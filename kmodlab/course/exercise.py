"""Reads and validates a master notebook: prose, answer cells with their solutions, checks with their points.

A cell's text tells its role: an answer cell contains a solution, a check cell begins with `check(`. If a cell has
nbgrader metadata (schema v3), they must agree. Any mistake in a master is an ExerciseError that names file and cell.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any

from kmodlab.checks.check import Check
from kmodlab.checks.registry import CheckTextError, read_check
from kmodlab.course.regions import RegionError, has_marks, read_regions, starter_of
from kmodlab.errors import KmodlabError
from kmodlab.i18n import N_, _
from kmodlab.submission.cells import CellKind, read_cell, split_magic
from kmodlab.submission.learner_sources import LearnerSources

MASTER = "master.ipynb"
KEY = "kmodlab"  # in a master's metadata: {"exercise": "01-hello", "title": ..., "teaches": ...}
HIDDEN = ("### BEGIN HIDDEN TESTS", "### END HIDDEN TESTS")
NAME = re.compile(r"\d\d-[a-z0-9]+(-[a-z0-9]+)*")
_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")


class ExerciseError(KmodlabError):
    """An exercise is broken; the message names file and cell, and says what is wrong."""

    exit_status = 3


class Role(StrEnum):
    """The purpose of a cell."""

    PROSE = "prose"
    CODE = "code"  # the learner runs it unchanged; if it begins with a magic, it is a part of the learner's work
    ANSWER = "answer"
    CHECK = "check"


@dataclass(frozen=True)
class Cell:
    """A cell of a master. Only check cells have a `check`; a `hidden` one is left out of the learner's version.

    `verdict` is the check's stored output for the solution, as text; empty if the master has not been run.
    """

    id: str
    role: Role
    source: str
    check: Check | None = None
    hidden: bool = False
    verdict: str = ""

    @property
    def magic(self) -> str:
        """The first line if it is a cell magic, otherwise empty."""
        return split_magic(self.source)[0]


@dataclass(frozen=True)
class Exercise:
    """An exercise: its title, and the cells of its master. `name` is the name of its folder.

    `teaches` is a sentence about what the exercise teaches. `given` are the ids of checks that the starter may pass.
    Both are for authors, and are not released.
    """

    name: str
    title: str
    path: Path
    cells: tuple[Cell, ...]
    teaches: str = ""
    given: tuple[str, ...] = ()

    @property
    def answers(self) -> dict[str, Cell]:
        """The answer cells by their ids."""
        return {cell.id: cell for cell in self.cells if cell.role is Role.ANSWER}

    @property
    def checks(self) -> dict[str, Check]:
        """The checks by their cells' ids, in the order of the cells."""
        return {cell.id: cell.check for cell in self.cells if cell.check}

    @property
    def points(self) -> float:
        """The sum of the points of all checks."""
        return sum(check.points for check in self.checks.values())

    @cached_property
    def starter(self) -> dict[str, str]:
        """The answer cells as learners get them: whole texts, by the cells' ids."""
        return {name: starter_of(cell.source) for name, cell in self.answers.items()}

    @property
    def notebook(self) -> Path:
        """The path of the learner's version."""
        return self.path.with_name(f"{self.name.partition('-')[2]}.ipynb")

    def work(self, answers: Mapping[str, str]) -> LearnerSources:
        """A learner's work: the cells that the master gives, and these answer cells, by id.

        The first line of an answer cell, a magic, is always the master's. A missing answer is empty.
        """
        return LearnerSources.of(self._sources(answers))

    def _sources(self, answers: Mapping[str, str]) -> Iterator[str]:
        for cell in self.cells:
            if cell.role is Role.ANSWER:
                yield f"{cell.magic}\n{split_magic(answers.get(cell.id, ''))[1]}"
            elif cell.role is Role.CODE:
                yield cell.source

    @property
    def solution(self) -> LearnerSources:
        """The work with the master's solutions as answers."""
        return self.work({name: cell.source for name, cell in self.answers.items()})


def find_masters(folder: Path) -> list[Path]:
    """The masters in a folder of exercises, sorted by name."""
    return sorted(folder.glob(f"*/{MASTER}"))


def read_master(path: Path) -> Exercise:
    """Read and validate a master.

    Raises:
        ExerciseError: It cannot be read, or is not a valid master.
    """
    name = path.resolve().parent.name
    if not NAME.fullmatch(name):
        message = _("{path}: the folder of an exercise must have a name such as 01-hello, not {name}.")
        raise ExerciseError(message.format(path=path, name=name))
    notebook = read_notebook(path)
    about = notebook.metadata.get(KEY, {})
    if about.get("exercise") != name or not about.get("title"):
        wanted = f'{{"exercise": "{name}", "title": "..."}}'
        message = _('{path}: the metadata of the notebook must contain "{key}": {value}.')
        raise ExerciseError(message.format(path=path, key=KEY, value=wanted))
    cells = tuple(_read_cell(path, number, cell) for number, cell in enumerate(notebook.cells, 1))
    given = tuple(map(str, about.get("given", ())))
    exercise = Exercise(name, about["title"], path, cells, str(about.get("teaches", "")), given)
    _validate(exercise)
    return exercise


def read_notebook(path: Path) -> Any:
    """Read a notebook as nbformat 4.

    Raises:
        ExerciseError: It cannot be read, is not a notebook, or two cells have the same id.
    """
    import nbformat  # takes a second, and %load_ext needs only the classes above

    try:
        text = path.read_text(encoding="utf-8")
        # nbformat silently gives one of two cells with the same id a new one.
        _require_distinct_ids(path, [cell.get("id") for cell in json.loads(text)["cells"]])
        return nbformat.reads(text, as_version=4)
    except OSError as error:
        raise ExerciseError(_("{path} cannot be read: {error}.").format(path=path, error=error.strerror)) from error
    except ExerciseError:
        raise
    except Exception as error:  # nbformat raises exceptions of many classes
        reason = str(error).partition("\n")[0][:200]
        raise ExerciseError(_("{path} is not a notebook: {error}").format(path=path, error=reason)) from error


def _require_distinct_ids(path: Path, ids: Sequence[str | None]) -> None:
    if (repeated := _find_repeated(ids)) is not None:
        raise ExerciseError(_("{path}: two cells have the id {id}.").format(path=path, id=repeated))


def _find_repeated(names: Sequence[str | None]) -> str | None:
    return next((name for name in names if name and names.count(name) > 1), None)


def _read_cell(path: Path, number: int, cell: Any) -> Cell:
    meta = cell.metadata.get("nbgrader", {})
    name = meta.get("grade_id") or cell.get("id") or ""

    def broken(problem: str) -> ExerciseError:
        message = _("{path}, cell {number} ({id}): {problem}") if name else _("{path}, cell {number}: {problem}")
        return ExerciseError(message.format(path=path, number=number, id=name, problem=problem))

    if not _ID.fullmatch(name):
        raise broken(_("The cell needs an id of at most 64 letters, digits, _ and -."))
    role = _role(cell, meta)
    if meta and (bool(meta.get("grade")), bool(meta.get("solution"))) != _FLAGS[role]:
        raise broken(_(_CONTRADICTIONS[role]))
    if role is not Role.CHECK:
        return Cell(name, role, cell.source)
    try:
        check = read_check(cell.source)
    except CheckTextError as error:
        raise broken(str(error)) from error
    if meta and meta.get("points") != check.points:
        message = _("The check has points={points:g}, but its nbgrader metadata say {metadata}.")
        raise broken(message.format(points=check.points, metadata=meta.get("points")))
    return Cell(name, role, cell.source, check, _is_hidden(cell.source, broken), _verdict(cell))


_FLAGS = {
    Role.PROSE: (False, False),
    Role.CODE: (False, False),
    Role.ANSWER: (False, True),
    Role.CHECK: (True, False),
}
_CONTRADICTIONS = {
    Role.PROSE: N_("The cell is prose, but its nbgrader metadata say something else."),
    Role.CODE: N_("The cell is code to run, but its nbgrader metadata say something else."),
    Role.ANSWER: N_("The cell is an answer cell, but its nbgrader metadata say something else."),
    Role.CHECK: N_("The cell is a check, but its nbgrader metadata say something else."),
}


def _role(cell: Any, meta: Mapping[str, Any]) -> Role:
    """The role of a cell, according to its text and its nbgrader metadata."""
    if cell.cell_type != "code":
        return Role.PROSE
    if meta.get("solution") or has_marks(cell.source):
        return Role.ANSWER
    code = [line for line in cell.source.splitlines() if line.strip() and not line.startswith("#")]
    return Role.CHECK if meta.get("grade") or (code and code[0].startswith("check(")) else Role.CODE


def _verdict(cell: Any) -> str:
    """The text of the card in a check cell's output; empty without output."""
    texts = (output.get("data", {}).get("text/plain", "") for output in cell.outputs)
    return next(filter(None, texts), "")


def _is_hidden(source: str, broken: Callable[[str], ExerciseError]) -> bool:
    lines = source.strip().splitlines()
    marks = [line.strip() for line in lines if "HIDDEN TESTS" in line]
    if not marks:
        return False
    if marks != list(HIDDEN) or (lines[0].strip(), lines[-1].strip()) != HIDDEN:
        message = _("A hidden check must have {begin!r} as its first line and {end!r} as its last.")
        raise broken(message.format(begin=HIDDEN[0], end=HIDDEN[1]))
    return True


def _validate(exercise: Exercise) -> None:
    path = exercise.path
    _require_distinct_ids(path, [cell.id for cell in exercise.cells])
    if title := _find_repeated([check.title for check in exercise.checks.values()]):
        raise ExerciseError(_("{path}: two checks have the title {title!r}.").format(path=path, title=title))
    call = f'exercise("{exercise.name}")'
    if not any(cell.role is Role.CODE and call in cell.source for cell in exercise.cells):
        message = _("{path}: no cell calls {call}, so the results cannot be recorded.")
        raise ExerciseError(message.format(path=path, call=call))
    if not exercise.answers or not exercise.checks:
        raise ExerciseError(_("{path}: an exercise needs an answer cell and a check.").format(path=path))
    for name, cell in exercise.answers.items():
        _validate_answer(path, name, cell)


def _validate_answer(path: Path, name: str, cell: Cell) -> None:
    def broken(problem: str) -> ExerciseError:
        return ExerciseError(_("{path}, cell {id}: {problem}").format(path=path, id=name, problem=problem))

    if read_cell(cell.source) is None:
        magics = ", ".join(f"%%{kind}" for kind in CellKind)
        message = _("An answer cell must begin with one of these magics and a name: {magics}.")
        raise broken(message.format(magics=magics))
    try:
        regions = read_regions(cell.source)
    except RegionError as error:
        raise broken(str(error)) from error
    if not regions:
        raise broken(_("The cell has no solution: no lines between BEGIN SOLUTION and END SOLUTION."))
