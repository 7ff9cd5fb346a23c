"""The learner's own record: kept whole, whatever happens to the file."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner

from kmodlab.checks.check_result import CheckResult, Status
from kmodlab.cli.progress import progress
from kmodlab.course.exercise_data import FILE
from kmodlab.course.learner_folder import LearnerFolder
from kmodlab.course.progress import find_exercises, note_hint, note_result, progress_file, read_marks
from kmodlab.course.progress_page import Reached, read_page
from kmodlab.errors import UsageError
from kmodlab.notebook.views.progress import progress_view


def result(points: float | None, status: Status = Status.PASSED, title: str = "It greets") -> CheckResult:
    return CheckResult(title, status, points, 2)


def test_the_best_result_is_kept_and_the_last_status(tmp_path: Path) -> None:
    path = tmp_path / "new" / "progress.json"
    note_result(path, "01-hello", result(2.0))
    note_result(path, "01-hello", result(0.0, Status.FAILED))
    mark = read_marks(path)["01-hello"]["It greets"]
    assert (mark.points, mark.of, mark.status) == (2.0, 2.0, "failed")


def test_what_errored_is_not_written_down(tmp_path: Path) -> None:
    path = tmp_path / "progress.json"
    note_result(path, "01-hello", result(None, Status.ERRORED))
    assert read_marks(path) == {}


def test_hints_are_counted_once(tmp_path: Path) -> None:
    path = tmp_path / "progress.json"
    note_result(path, "01-hello", result(0.0, Status.FAILED))
    for number in (1, 2, 1):
        note_hint(path, "01-hello", "It greets", number)
    assert read_marks(path)["01-hello"]["It greets"].hints == 2


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 9, "exercises": {}}', '{"format": 1}', "[" * 100_000])
def test_a_damaged_record_is_set_aside_and_not_lost(tmp_path: Path, text: str) -> None:
    path = tmp_path / "progress.json"
    path.write_text(text)
    assert read_marks(path) == {}
    note_result(path, "01-hello", result(2.0))
    assert read_marks(path)["01-hello"]["It greets"].points == 2.0
    assert (tmp_path / "progress.damaged.json").read_text() == text


def test_notebooks_that_write_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "progress.json"

    def write(number: int) -> None:
        for check in range(10):
            note_result(path, f"{number:02}-x", result(2.0, title=str(check)))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {name: len(checks) for name, checks in read_marks(path).items()} == {f"{n:02}-x": 10 for n in range(4)}
    assert {other.name for other in tmp_path.iterdir()} <= {"progress.json", "progress.lock"}


def test_exercises_are_found_by_the_data_beside_their_notebooks(tmp_path: Path) -> None:
    given = (Path(__file__).parents[2] / "exercises" / "01-hello" / FILE).read_text()
    for name, text in (("01-hello", given), ("02-broken", "{"), ("other", given)):
        (tmp_path / name).mkdir()
        (tmp_path / name / FILE).write_text(text)
        about = {"exercise": name, "title": "Hello", "points": 800}  # what a notebook says counts for nothing
        (tmp_path / name / "x.ipynb").write_text(json.dumps({"metadata": {"kmodlab": about}}))
    (found,) = find_exercises(tmp_path / "01-hello").values()
    assert (found.exercise, found.title, sum(check.points for check in found.checks.values())) == (
        "01-hello",
        "Hello",
        7,
    )
    assert found.hidden == {"It says each thing once, and in time": 1}


# ---- the page ------------------------------------------------------------------------------------------------------

EXERCISES = Path(__file__).parents[2] / "exercises"


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A learner's folder with two notebooks, who has solved a part of one of them."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    files = {
        f"exercises/{name}": (EXERCISES / name).read_bytes()
        for name in ("01-hello/hello.ipynb", "01-hello/checks.json", "03-errno/errno.ipynb", "03-errno/checks.json")
    }
    heading = {"id": "title", "cell_type": "markdown", "metadata": {}, "source": ["# Welcome\n", "to all"]}
    welcome = json.dumps({"cells": [heading], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()
    root = tmp_path / "course"
    LearnerFolder.at(root).lay_out({"notebooks/00-welcome.ipynb": welcome} | files)
    note_result(progress_file(), "01-hello", CheckResult("It can be built", Status.PASSED, 90.0, 90.0))
    note_result(progress_file(), "99-elsewhere", CheckResult("It can be built", Status.PASSED, 5.0, 5.0))
    note_result(progress_file(), "01-hello", CheckResult("no such check", Status.PASSED, 5.0, 5.0))
    notebook = root / "exercises/01-hello/hello.ipynb"
    later = notebook.stat().st_mtime_ns + 10**9
    os.utime(notebook, ns=(later, later))
    return root


def test_the_page_has_links_states_and_only_points_that_can_be_reached(course: Path) -> None:
    page = read_page(course / "exercises" / "03-errno")
    hello = course / "exercises/01-hello/hello.ipynb"
    assert [(row.name, row.title, row.reached) for row in page.rows] == [
        ("00-welcome", "Welcome", Reached.OPEN),
        ("01-hello", "Hello", Reached.BEGUN),
        ("03-errno", page.rows[2].title, Reached.OPEN),
    ]
    assert (page.rows[1].path, page.rows[1].points, page.rows[1].of, page.rows[1].later) == (hello, 1, 7, 1)
    assert page.stopped == hello
    view = progress_view(course / "exercises" / "03-errno", "03-errno")
    assert '<a href="../01-hello/hello.ipynb">' in view.html and '<a href="../../notebooks/00-welcome' in view.html
    assert f"You stopped in {hello}." in view.text and "1 of 7" in view.text


def test_the_page_in_a_terminal(course: Path) -> None:
    shown = CliRunner().invoke(progress, [str(course)]).output
    assert "01-hello" in shown and "1 of 7" in shown and "1 point so far" in shown
    assert f"jupyter lab {course}/exercises/01-hello/hello.ipynb" in shown
    failed = CliRunner().invoke(progress, [str(course.parent)])
    assert isinstance(failed.exception, UsageError)
