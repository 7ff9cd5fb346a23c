"""Which points a starter earns that its author does not mean to give."""

from __future__ import annotations

from kmodlab.checks.check import Check
from kmodlab.checks.check_result import Status
from kmodlab.checks.evaluate import evaluate
from kmodlab.checks.runner import CheckRunner
from kmodlab.course.exercise import Exercise


def find_free_checks(exercise: Exercise, runner: CheckRunner) -> dict[str, Check]:
    """The checks, by id, that the starter passes although the master does not list them as `given`.

    Such a check is met by a module that does nothing, as `leaves_nothing` is.
    """
    starter = exercise.work(exercise.starter)
    return {
        name: check
        for name, check in exercise.checks.items()
        if name not in exercise.given and evaluate(check, starter, runner).status is Status.PASSED
    }
