"""Finds the points that a starter earns although its author does not mean to give them."""

from __future__ import annotations

from kmodlab.checks.check import Check
from kmodlab.checks.check_result import Status
from kmodlab.checks.evaluate import evaluate
from kmodlab.checks.runner import CheckRunner
from kmodlab.course.exercise import Exercise


def find_free_checks(exercise: Exercise, runner: CheckRunner) -> dict[str, Check]:
    """The checks, by id, that the starter passes although the master does not list them as `given`.

    A module that does nothing passes such a check, for instance one with only `leaves_nothing`.
    """
    starter = exercise.work(exercise.starter)
    return {
        name: check
        for name, check in exercise.checks.items()
        if name not in exercise.given and evaluate(check, starter, runner).status is Status.PASSED
    }
