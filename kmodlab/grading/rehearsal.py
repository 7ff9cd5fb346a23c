"""Rehearses the grading of a learner's notebook: takes the answers as a grader does, and runs the visible checks.

It uses the exercise's data beside the notebook instead of the master, so it knows only the titles of hidden checks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from kmodlab.checks.check import Check
from kmodlab.checks.check_result import CheckResult
from kmodlab.checks.runner import CheckRunner
from kmodlab.course.exercise import Cell, Exercise, Role
from kmodlab.course.exercise_data import ExerciseData, call_by_title
from kmodlab.course.release import announce_hidden
from kmodlab.errors import UsageError
from kmodlab.grading.answers import match
from kmodlab.grading.models import HandedIn
from kmodlab.grading.notebooks import NotebookError, SubmittedNotebook, read_notebook
from kmodlab.grading.task import run_check


def exercise_of(data: ExerciseData) -> Exercise:
    """The exercise, from a learner's data. Its hidden checks have no expectations and must not be run."""
    checks = {call_by_title(check.title): check for check in data.checks.values()}
    cells = [Cell(name, _role(name, text, data), text, checks.get(text)) for name, text in data.cells.items()]
    for name, (title, points) in zip(data.hidden_ids, data.hidden.items(), strict=False):
        check = Check(title, (), points)
        cells.append(Cell(name, Role.CHECK, announce_hidden(check), check, hidden=True))
    return Exercise(data.exercise, data.title, Path(data.exercise), tuple(cells))


def _role(name: str, text: str, data: ExerciseData) -> Role:
    if name in data.answers:
        return Role.ANSWER
    return Role.CHECK if text in map(call_by_title, data.checks) else Role.CODE


def take_answers(notebook: Path, exercise: Exercise) -> HandedIn:
    """Take the answers, with remarks on unusual things, from a notebook file, as a grader does.

    Raises: UsageError if it cannot be read, or has none of the answers.
    """
    try:
        handed_in = match(HandedIn((notebook.name,), notebook=_without_prose(notebook, exercise)), exercise)
        problem = handed_in.problem
    except (OSError, NotebookError) as error:
        problem = str(error)
    if problem:
        raise UsageError(f"{notebook.name}: {problem}")
    return handed_in


def _without_prose(notebook: Path, exercise: Exercise) -> SubmittedNotebook:
    """A notebook without its cells of prose, which the exercise's data does not have."""
    submitted = read_notebook(notebook.read_bytes())
    known = {cell.id for cell in exercise.cells}
    cells = tuple(cell for cell in submitted.cells if cell.type == "code" or cell.key in known)
    return replace(submitted, cells=cells)


def rehearse(
    handed_in: HandedIn, exercise: Exercise, runner: CheckRunner, report: Callable[[str, int, int], None]
) -> list[CheckResult]:
    """Run all visible checks; `report` is called with the next check's title, the number done, and the total."""
    work = exercise.work(handed_in.answers)
    visible = [(cell.id, cell.check.title) for cell in exercise.cells if cell.check and not cell.hidden]
    results = []
    for number, (name, title) in enumerate(visible):
        report(title, number, len(visible))
        results.append(run_check(exercise, name, work, runner))
    return results
