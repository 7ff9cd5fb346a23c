"""A course that nbgrader itself generates, validates, autogrades and reports; its marks are ours."""

from __future__ import annotations

import html
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest
from cases import CASES, own_secrets, read_case, read_stated
from click.testing import CliRunner
from nbformat.v4 import new_code_cell, new_markdown_cell
from nbgrader.api import Gradebook
from nbgrader.apps import AutogradeApp, GenerateAssignmentApp, GenerateFeedbackApp

from kmodlab.cli.release import release as release_command
from kmodlab.course.exercise import Exercise, find_masters, read_master
from kmodlab.course.release import release, secrets_of
from kmodlab.grading.integrations.nbgrader.course import CONFIG, write_course
from kmodlab.settings import find_own_programs
from kmodlab.submission.cells import split_magic

pytestmark = pytest.mark.xdist_group("nbgrader")  # One gradebook for all.

ROOT = Path(__file__).parents[2]
MASTERS = find_masters(ROOT / "exercises")
every_exercise = pytest.mark.parametrize("name", [path.parent.name for path in MASTERS])
# One of each kind of answer; the whole course takes nbgrader some minutes.
QUICK = ("01-hello", "11-makefile", "16-modules-dep")
every_graded_exercise = pytest.mark.parametrize(
    "name",
    [pytest.param(path.parent.name, marks=() if path.parent.name in QUICK else pytest.mark.long) for path in MASTERS],
)
FIRST = "01-hello"


@dataclass(frozen=True)
class Course:
    """A course's folder, and its exercises by name."""

    folder: Path
    exercises: Mapping[str, Exercise]

    def run(self, app: Any, *argv: str) -> None:
        """One of nbgrader's commands, in this process."""
        before = Path.cwd()
        os.chdir(self.folder)
        try:
            command = app.instance()
            command.initialize(list(argv))
            command.start()
        finally:
            app.clear_instance()
            os.chdir(before)

    def command(self, *argv: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """One of nbgrader's commands, as it is typed."""
        line = [sys.executable, "-m", "nbgrader", *argv]
        variables = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
        return subprocess.run(line, cwd=self.folder, env=variables, capture_output=True, text=True, check=False)

    def notebook(self, folder: str, name: str) -> Path:
        return self.folder / folder / name / self.exercises[name].notebook.name

    def submit(self, learner: str, name: str, answers: Mapping[str, str]) -> Path:
        """Hand in what was released, with these texts in the answer cells."""
        notebook = nbformat.read(self.notebook("release", name), as_version=4)
        for cell in notebook.cells:
            cell.source = answers.get(cell.metadata.nbgrader.grade_id, cell.source)
        path = self.notebook(f"submitted/{learner}", name)
        path.parent.mkdir(parents=True)
        nbformat.write(notebook, path)
        return path

    def marks(self, learner: str, name: str) -> dict[str, float | None]:
        with Gradebook(f"sqlite:///{self.folder}/gradebook.db", "kmodlab") as book:
            stem = self.exercises[name].notebook.stem
            grades = book.find_submission_notebook(stem, name, learner).grades
            return {grade.name: grade.auto_score for grade in grades}

    def feedback(self, learner: str, name: str) -> str:
        return self.notebook(f"feedback/{learner}", name).with_suffix(".html").read_text()


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory, lab: object) -> Course:
    """The course with all exercises, each of them generated; two have handed everything in."""
    find_own_programs()  # nbgrader calls alembic by its name
    exercises = {path.parent.name: read_master(path) for path in MASTERS}
    course = Course(tmp_path_factory.mktemp("nbgrader") / "course", exercises)
    written = CliRunner().invoke(release_command, ["--nbgrader", str(course.folder), str(ROOT / "exercises")])
    assert written.exit_code == 0, written.output
    for name, exercise in exercises.items():
        course.run(GenerateAssignmentApp, name)
        course.submit("right", name, {cell_id: cell.source for cell_id, cell in exercise.answers.items()})
        course.submit("starter", name, {})
    return course


def graded(course: Course, name: str) -> Course:
    """The same, autograded and reported."""
    if not course.notebook("feedback/right", name).with_suffix(".html").exists():
        course.run(AutogradeApp, name)
        course.run(GenerateFeedbackApp, name)
    return course


# ---- generate ------------------------------------------------------------------------------------------------------


@every_exercise
def test_nbgraders_release_is_ours(course: Course, name: str) -> None:
    ours = nbformat.reads(release(course.exercises[name]), as_version=4)
    theirs = nbformat.read(course.notebook("release", name), as_version=4)
    assert [cell.source for cell in theirs.cells] == [cell.source for cell in ours.cells]
    assert [cell.id for cell in theirs.cells] == [cell.id for cell in ours.cells]


@every_exercise
def test_no_line_of_a_solution_or_a_hidden_check_is_released(course: Course, name: str) -> None:
    text = "\n".join(strings(json.loads(course.notebook("release", name).read_text())))
    assert not [line for line in secrets_of(course.exercises[name]) if line in text]


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from strings(inner)


def test_a_second_writing_brings_sources_up_to_date_and_keeps_the_configuration(course: Course) -> None:
    config = course.folder / CONFIG
    text = config.read_text()
    config.write_text(f"{text}\n# mine\n")
    written = write_course([course.exercises[FIRST]], course.folder)
    source = course.notebook("source", FIRST)
    assert written == [source, source.with_name("checks.json")]
    assert config.read_text().endswith("# mine\n")


# ---- autograde and report ------------------------------------------------------------------------------------------


@every_graded_exercise
def test_the_solution_gets_full_marks_and_the_starter_the_stated_ones(course: Course, name: str) -> None:
    graded(course, name)
    exercise = course.exercises[name]
    assert course.marks("right", name) == {cell_id: check.points for cell_id, check in exercise.checks.items()}
    stated = read_stated(CASES / name / "starter.txt")
    assert course.marks("starter", name) == {cell_id: mark.points for cell_id, mark in stated.items()}


@every_graded_exercise
def test_feedback_tells_nothing_of_solutions_and_hidden_checks(course: Course, name: str) -> None:
    graded(course, name)
    exercise = course.exercises[name]
    page = plain(course.feedback("starter", name))
    assert not [line for line in own_secrets(exercise) if line in page]
    for cell_id, cell in course.exercises[name].answers.items():
        assert split_magic(cell.source)[0] in page, cell_id


def plain(page: str) -> str:
    """A page's text, as it is read."""
    return html.unescape(re.sub(r"<[^>]+>", "", page))


@every_graded_exercise
def test_a_checks_cell_says_nothing_on_stderr_and_ends_in_its_points(course: Course, name: str) -> None:
    graded(course, name)
    for learner in ("right", "starter"):
        for cell in nbformat.read(course.notebook(f"autograded/{learner}", name), as_version=4).cells:
            if cell.metadata.nbgrader.grade:
                stream, value = cell.outputs
                assert stream.name == "stdout"
                assert float(value.data["text/plain"]) == course.marks(learner, name)[cell.metadata.nbgrader.grade_id]
            else:
                assert not cell.get("outputs")


# ---- what learners may try -----------------------------------------------------------------------------------------


def plant(notebook: nbformat.NotebookNode, canary: Path) -> None:
    """Python that would run anywhere, a check that is easier, a copy of it, and markup."""
    checks = [cell for cell in notebook.cells if cell.metadata.nbgrader.grade]
    checks[0].source = "2.0"
    checks[1].metadata.nbgrader.points = 100
    checks[2].cell_type = "raw"
    del checks[2]["outputs"], checks[2]["execution_count"]
    notebook.cells.insert(0, new_code_cell(f"open({str(canary)!r}, 'w').write('x')"))
    notebook.cells.insert(1, new_code_cell("%%kmod hello\nint x;"))
    notebook.cells.append(new_markdown_cell("<script>alert('planted')</script>"))
    notebook.metadata.kernelspec = {"name": "other", "display_name": "other", "language": "python"}


def test_nothing_of_a_hostile_notebook_runs_or_is_reported(course: Course, tmp_path: Path) -> None:
    exercise = course.exercises[FIRST]
    wrong = read_case(CASES / FIRST / "wrong_no_author.c", exercise)
    path = course.submit("hostile", FIRST, {cell_id: f"%%kmod hello{body}" for cell_id, body in wrong.answers.items()})
    notebook = nbformat.read(path, as_version=4)
    plant(notebook, tmp_path / "canary")
    path.write_text(json.dumps(notebook))
    (path.parent / "notes.txt").symlink_to("/etc/hostname")
    course.run(AutogradeApp, FIRST, "--student=hostile", "--no-execute")
    course.run(GenerateFeedbackApp, FIRST, "--student=hostile")
    full = {cell_id: check.points for cell_id, check in exercise.checks.items()}
    assert course.marks("hostile", FIRST) == {**full, wrong.caught_by[0]: 0}
    assert not (tmp_path / "canary").exists()
    assert "planted" not in course.feedback("hostile", FIRST)
    assert [cell_id.name for cell_id in (course.folder / "autograded/hostile" / FIRST).iterdir()] == [path.name]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_text("[" * 100_000),
        lambda path: path.write_bytes(b"\xff\xfe"),
        lambda path: path.unlink() or path.symlink_to("/etc/passwd"),
        lambda path: path.write_text('{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}'),
    ],
    ids=["deep", "no text", "a link", "no cells"],
)
def test_what_holds_no_answers_gets_no_points(
    course: Course, spoil: Callable[[Path], object], request: pytest.FixtureRequest
) -> None:
    learner = f"spoilt-{request.node.callspec.id.replace(' ', '-')}"
    spoil(course.submit(learner, FIRST, {}))
    course.run(AutogradeApp, FIRST, f"--student={learner}")
    assert set(course.marks(learner, FIRST).values()) == {0.0}


# ---- as it is typed ------------------------------------------------------------------------------------------------


def test_what_errored_has_no_marks_and_is_judged_by_the_next_run(course: Course, tmp_path: Path) -> None:
    course.submit("again", FIRST, {cell_id: cell.source for cell_id, cell in course.exercises[FIRST].answers.items()})
    argv: Sequence[str] = ("autograde", FIRST, "--student=again")
    done = course.command(*argv, KMODLAB_CACHE_DIR=str(tmp_path))
    assert done.returncode == 1
    assert "There is no lab yet." in done.stderr
    assert set(course.marks("again", FIRST).values()) == {None}
    assert course.command(*argv).returncode == 0
    assert sum(points or 0 for points in course.marks("again", FIRST).values()) == course.exercises[FIRST].points


def test_nothing_is_judged_without_a_sandbox_unless_told(course: Course) -> None:
    course.submit("unboxed", FIRST, {})
    done = course.command("autograde", FIRST, "--student=unboxed", KMODLAB_SANDBOX="off")
    assert done.returncode == 1
    assert "Nothing is graded here." in done.stderr
    assert set(course.marks("unboxed", FIRST).values()) == {None}


@pytest.mark.long
def test_nbgrader_validates_the_solution_and_finds_fault_with_the_starter(course: Course, tmp_path: Path) -> None:
    done = course.command("validate", str(course.notebook("submitted/right", FIRST)), XDG_DATA_HOME=str(tmp_path))
    assert "Success! Your notebook passes all the tests." in done.stdout, done.stderr
    done = course.command("validate", str(course.notebook("release", FIRST)), XDG_DATA_HOME=str(tmp_path))
    assert "VALIDATION FAILED ON 5 CELL(S)!" in done.stdout, done.stderr
