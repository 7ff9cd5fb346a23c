"""Packs tasks, computes their digests, and runs a task in a worker: check by check, each result reported at once.

The digest of a task covers everything that its results depend on, including the code that judges: after a correction of
a check word, old submissions are judged again.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from kmodlab.checks.check_result import CheckResult, Status
from kmodlab.checks.evaluate import evaluate
from kmodlab.checks.registry import read_check
from kmodlab.checks.runner import CheckRunner
from kmodlab.course.exercise import Cell, Exercise, Role
from kmodlab.grading.models import Setting, Task
from kmodlab.submission.learner_sources import LearnerSources

# The folders whose code a result may depend on.
ROOMS = ("sandbox", "kbuild", "elf", "guest", "crash", "tracer", "submission", "checks")

# ---- making one ----------------------------------------------------------------------------------------------------


def pack_exercise(exercise: Exercise) -> str:
    """The parts of a validated exercise that a worker needs, as JSON."""
    cells = [[cell.id, cell.role, cell.source, cell.hidden] for cell in exercise.cells if cell.role is not Role.PROSE]
    return json.dumps([exercise.name, exercise.title, cells])


def unpack_exercise(text: str) -> Exercise:
    """The exercise in a text from `pack_exercise`, without file and prose."""
    name, title, cells = json.loads(text)
    return Exercise(name, title, Path(name), tuple(_cell(*cell) for cell in cells))


def _cell(name: str, role: str, source: str, hidden: bool) -> Cell:
    return Cell(name, Role(role), source, read_check(source) if role == Role.CHECK else None, hidden)


def digest_of(exercise: Exercise, master: str, answers: Mapping[str, str], setting: Setting) -> str:
    """SHA-256 over everything that results depend on, in hexadecimal digits."""
    everything = [exercise.name, master, sorted(answers.items()), asdict(setting)]
    return hashlib.sha256(json.dumps(everything).encode()).hexdigest()


@cache
def judging_digest() -> str:
    """The first 16 digits of SHA-256 over the source of `ROOMS`, with the C of the guest agent and the tracer."""
    root = files("kmodlab")
    return digest_of_rooms([root / room for room in ROOMS])


def digest_of_rooms(rooms: list[Traversable]) -> str:
    """The first 16 digits of SHA-256 over names and contents of all files in some folders, ordered by name."""
    digest = hashlib.sha256()
    for room in rooms:
        for name, content in sorted(_contents(room, room.name)):
            digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:16]


def _contents(folder: Traversable, prefix: str) -> list[tuple[str, bytes]]:
    contents = []
    for entry in folder.iterdir():
        if entry.is_dir():
            contents += _contents(entry, f"{prefix}/{entry.name}") if entry.name != "__pycache__" else []
        else:
            contents.append((f"{prefix}/{entry.name}", entry.read_bytes()))
    return contents


# ---- running it ----------------------------------------------------------------------------------------------------


def run_task(task: Task, exercise: Exercise, runner: CheckRunner, report: Callable[[CheckResult], None]) -> None:
    """Run all checks that are not in `task.done`, and call `report` with each result at once."""
    work = exercise.work(task.answers)
    runner.prepare()  # a guest boots while the compiler works
    for name in exercise.checks:
        if name in task.done:
            continue
        result = run_check(exercise, name, work, runner)
        if result.status is Status.ERRORED:
            runner.close()  # whatever went wrong, the next check gets a new guest
        report(result)


def run_check(exercise: Exercise, name: str, work: LearnerSources, runner: CheckRunner) -> CheckResult:
    """Run one check of an exercise on a learner's work."""
    begun = time.monotonic()
    result = evaluate(exercise.checks[name], work, runner)
    seconds = round(time.monotonic() - begun, 3)
    return replace(result, id=name, hidden=_is_hidden(exercise, name), seconds=seconds)


def result_without_run(exercise: Exercise, name: str, status: Status, reason: str) -> CheckResult:
    """The result of a check that was not run: no points if it failed, None if it errored."""
    check = exercise.checks[name]
    points = None if status is Status.ERRORED else 0.0
    hidden = _is_hidden(exercise, name)
    return CheckResult(check.title, status, points, check.points, reason, id=name, hidden=hidden)


def _is_hidden(exercise: Exercise, name: str) -> bool:
    return next(cell.hidden for cell in exercise.cells if cell.id == name)
