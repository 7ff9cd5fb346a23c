"""A rehearsal of the grading: what a grader takes from a learner's notebook, and what its visible checks say of that.

It has the exercise's data beside the notebook, not the master: of hidden checks there are only the titles.
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
    """The exercise as far as a learner has it. Its hidden checks expect nothing; they must not be run."""
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
    """What a grader takes from a notebook file: the answers, and remarks on what is strange.

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
    """A notebook without the cells of prose, of which the exercise's data say nothing."""
    submitted = read_notebook(notebook.read_bytes())
    known = {cell.id for cell in exercise.cells}
    cells = tuple(cell for cell in submitted.cells if cell.type == "code" or cell.key in known)
    return replace(submitted, cells=cells)


def rehearse(
    handed_in: HandedIn, exercise: Exercise, runner: CheckRunner, report: Callable[[str, int, int], None]
) -> list[CheckResult]:
    """The results of all visible checks; `report` gets the next one's title, how many are done, and of how many."""
    work = exercise.work(handed_in.answers)
    visible = [(cell.id, cell.check.title) for cell in exercise.cells if cell.check and not cell.hidden]
    results = []
    for number, (name, title) in enumerate(visible):
        report(title, number, len(visible))
        results.append(run_check(exercise, name, work, runner))
    return results
