"""One task for a worker: judge one text's answers to one exercise, check by check, and say so after each.

A task holds all that a worker elsewhere needs, so it can be sent as JSON: the exercise and the answers, not whose they
are. Equal texts are one task, known by its digest. What becomes of the results is the business of `grader`.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kmodlab.checks.evaluate import evaluate
from kmodlab.checks.registry import read_check
from kmodlab.checks.result import CheckResult, Status
from kmodlab.checks.runner import CheckRunner
from kmodlab.course.exercise import Cell, Exercise, Role
from kmodlab.grading.models import CheckGrade, Grade, GradeState, as_dict, from_dict


@dataclass(frozen=True)
class Setting:
    """Where results were made: all that may change them besides answers and master."""

    kernel: str  # uname -r of the guests
    code: str  # the digest of the code that judges (`judging_code`)
    sandboxed: bool


@dataclass(frozen=True)
class Task:
    """The answers to judge, by their cells' ids, and the exercise, as `pack_exercise` writes it."""

    digest: str
    exercise: str
    answers: Mapping[str, str]
    setting: Setting

    def as_message(self, done: Collection[str]) -> dict[str, Any]:
        """As JSON can have it; `done` are checks that need not be made."""
        return {**asdict(self), "done": sorted(done)}


def read_message(message: Mapping[str, Any]) -> tuple[Task, frozenset[str]]:
    """A task as `as_message` gave it, and the checks that are done."""
    fields = {name: value for name, value in message.items() if name not in ("done", "setting", "kind")}
    return Task(**fields, setting=Setting(**message["setting"])), frozenset(message["done"])


def pack_exercise(exercise: Exercise) -> str:
    """What a worker needs of an exercise that was read and validated here."""
    cells = [[cell.id, cell.role, cell.source, cell.hidden] for cell in exercise.cells if cell.role is not Role.PROSE]
    return json.dumps([exercise.name, exercise.title, cells])


def unpack_exercise(text: str) -> Exercise:
    """An exercise from what `pack_exercise` wrote. It has no file and no prose."""
    name, title, cells = json.loads(text)
    return Exercise(name, title, Path(name), tuple(_cell(*cell) for cell in cells))


def _cell(name: str, role: str, source: str, hidden: bool) -> Cell:
    return Cell(name, Role(role), source, read_check(source) if role == Role.CHECK else None, hidden)


def digest_of(exercise: Exercise, master: str, answers: Mapping[str, str], setting: Setting) -> str:
    """SHA-256 over all that results depend on."""
    everything = [exercise.name, master, sorted(answers.items()), asdict(setting)]
    return hashlib.sha256(json.dumps(everything).encode()).hexdigest()


def run_task(
    task: Task, exercise: Exercise, runner: CheckRunner, done: Collection[str], report: Callable[[CheckGrade], None]
) -> None:
    """Judge all checks that are not done, and report each as soon as its result is there."""
    work = exercise.work(task.answers)
    runner.prepare()  # a guest comes up while the compiler works
    for name, check in exercise.checks.items():
        if name in done:
            continue
        begun = time.monotonic()
        result = evaluate(check, work, runner)
        if result.status is Status.ERRORED:
            runner.close()  # whatever is wrong, the next check shall not have it from here
        report(CheckGrade(name, is_hidden(exercise, name), result, round(time.monotonic() - begun, 3)))


def is_hidden(exercise: Exercise, name: str) -> bool:
    """Whether learners do not see a check."""
    return next(cell.hidden for cell in exercise.cells if cell.id == name)


def unmade(exercise: Exercise, name: str, status: Status, reason: str) -> CheckGrade:
    """The result of a check that was not made: errored takes no points, failed has none."""
    check = exercise.checks[name]
    points = None if status is Status.ERRORED else 0.0
    return CheckGrade(name, is_hidden(exercise, name), CheckResult(check.title, status, points, check.points, reason))


# ---- a check's result as JSON --------------------------------------------------------------------------------------

_ALONE = Grade(learner="", exercise="", title="", source="", digest="", state=GradeState.GRADED)


def pack_check(check: CheckGrade) -> dict[str, Any]:
    """A check's result in the published form."""
    fields: dict[str, Any] = as_dict(_with(check))["checks"][0]
    return fields


def unpack_check(fields: Mapping[str, Any]) -> CheckGrade:
    """A check's result from its published form; ValueError where it is none."""
    return from_dict({**as_dict(_ALONE), "checks": [fields]}).checks[0]


def _with(check: CheckGrade) -> Grade:
    return Grade(learner="", exercise="", title="", source="", digest="", state=GradeState.GRADED, checks=(check,))
