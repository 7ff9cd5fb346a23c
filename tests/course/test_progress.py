"""The learner's own record: kept whole, whatever happens to the file."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from kmodlab.checks.check_result import CheckResult, Status
from kmodlab.course.exercise_data import FILE
from kmodlab.course.progress import find_exercises, note_hint, note_result, read_marks


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
