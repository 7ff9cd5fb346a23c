"""From what a pool tells to grades: whatever happens to a task, its submissions get the right kind of result."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterable
from pathlib import Path
from typing import Any

from submission_factory import cell, hello, notebook, write

from kmodlab.checks.check_result import CheckResult, Status
from kmodlab.grading.grader import Plan, grade_all, make_plan
from kmodlab.grading.intake import read_submissions
from kmodlab.grading.journal import Journal
from kmodlab.grading.models import Ending, Grade, GradeState, GradingProgress, Setting, Task
from kmodlab.grading.task import pack_exercise, unpack_exercise

SETTING = Setting("6.1.0", "1", sandboxed=True)
DEADLINE_S = 10.0
Script = Callable[[Task], Iterable[GradingProgress]]


class ScriptedPool:
    """A pool whose workers do what a test says. `tasks` are those that it was given."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.tasks: list[Task] = []

    def find_setting(self) -> Setting:
        return SETTING

    def run(self, tasks: Iterable[Task]) -> Generator[GradingProgress, None, None]:
        self.tasks = list(tasks)
        for task in self.tasks:
            yield from self.script(task)


def result_of(task: Task, name: str, status: Status = Status.PASSED, seconds: float = 1.0) -> GradingProgress:
    check = hello().checks[name]
    points = {Status.PASSED: float(check.points), Status.FAILED: 0.0, Status.ERRORED: None}[status]
    reason = "" if status is Status.PASSED else "why"
    result = CheckResult(check.title, status, points, check.points, reason, id=name, seconds=seconds)
    return GradingProgress(task.digest, result)


def do_all(task: Task) -> Iterable[GradingProgress]:
    yield from (result_of(task, name) for name in hello().checks if name not in task.done)
    yield GradingProgress(task.digest, ending=Ending.DONE)


def plan_of(tmp_path: Path, files: dict[str, bytes]) -> Plan:
    handed_in = read_submissions([write(tmp_path / "given", files)], ["01-hello"])
    return make_plan(handed_in, {"01-hello": hello()}, {"01-hello": "master"}, SETTING)


def grades(plan: Plan, pool: ScriptedPool, folder: Path) -> list[Grade]:
    with Journal(folder / "journal.sqlite") as journal:
        events = list(grade_all(plan, pool, journal, DEADLINE_S))
        reported = [event.grade for event in events if event.grade]
        assert sorted(reported, key=lambda grade: grade.learner) == journal.grades()
        return journal.grades()


def one_grade(tmp_path: Path, script: Script) -> Grade:
    (grade,) = grades(plan_of(tmp_path, {"ada/hello.ipynb": notebook()}), ScriptedPool(script), tmp_path)
    return grade


def test_a_task_that_is_done_is_graded(tmp_path: Path) -> None:
    grade = one_grade(tmp_path, do_all)
    assert (grade.state, grade.points, grade.max_points) == (GradeState.GRADED, 8, 8)
    assert [check.id for check in grade.checks] == list(hello().checks)


def test_a_task_that_was_lost_is_errored_and_no_zero(tmp_path: Path) -> None:
    def lose(task: Task) -> Iterable[GradingProgress]:
        yield result_of(task, "builds")
        yield GradingProgress(task.digest, ending=Ending.LOST, reason="a worker died: Killed")

    grade = one_grade(tmp_path, lose)
    assert (grade.state, grade.points) == (GradeState.ERRORED, None)
    assert grade.reason == "This could not be checked: 3 workers were lost over it: a worker died: Killed."


def test_a_check_that_errored_is_tried_again_the_next_time_and_no_other(tmp_path: Path) -> None:
    def fail_us(task: Task) -> Iterable[GradingProgress]:
        yield from (
            result_of(task, name, Status.ERRORED if name == "parts" else Status.PASSED) for name in hello().checks
        )
        yield GradingProgress(task.digest, ending=Ending.DONE)

    assert one_grade(tmp_path, fail_us).state is GradeState.ERRORED
    pool = ScriptedPool(do_all)
    (grade,) = grades(plan_of(tmp_path, {"ada/hello.ipynb": notebook()}), pool, tmp_path)
    assert pool.tasks[0].done == hello().checks.keys() - {"parts"}
    assert grade.state is GradeState.GRADED


def test_time_that_was_used_up_by_failures_is_the_learners_and_else_ours(tmp_path: Path) -> None:
    def script(failed_s: float) -> Script:
        def run(task: Task) -> Iterable[GradingProgress]:
            yield result_of(task, "builds", seconds=DEADLINE_S - failed_s)
            yield result_of(task, "greets", Status.FAILED, seconds=failed_s)
            yield GradingProgress(task.digest, ending=Ending.OVERDUE)

        return run

    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    grade = one_grade(tmp_path / "a", script(8.0))
    assert (grade.state, grade.points) == (GradeState.GRADED, 1)
    assert grade.checks[-1].reason.startswith("The time for one submission (10 s) was used up")
    grade = one_grade(tmp_path / "b", script(2.0))
    assert (grade.state, grade.points) == (GradeState.ERRORED, None)


def test_equal_texts_are_judged_once_and_everybody_keeps_the_remarks(tmp_path: Path) -> None:
    def tag(data: dict[str, Any]) -> None:
        cell(data, "hello")["metadata"]["tags"] = ["x"]

    pool = ScriptedPool(do_all)
    files = {"ada/hello.ipynb": notebook(), "bob/hello.ipynb": notebook(tag)}
    ada, bob = grades(plan_of(tmp_path, files), pool, tmp_path)
    assert len(pool.tasks) == 1
    assert (ada.points, bob.points) == (8, 8)
    assert (ada.remarks, bob.remarks) == ((), ("Cells have tags: `x`.",))


def test_a_rejected_submission_is_worth_nothing_of_all(tmp_path: Path) -> None:
    pool = ScriptedPool(do_all)
    (grade,) = grades(plan_of(tmp_path, {"ada/hello.ipynb": b"{"}), pool, tmp_path)
    assert not pool.tasks
    assert (grade.state, grade.points, grade.max_points) == (GradeState.REJECTED, 0, 8)
    assert {check.reason for check in grade.checks} == {"It is not JSON, or was cut off."}


def test_a_task_comes_through_a_message_as_it_was() -> None:
    task = Task("d", pack_exercise(hello()), {"hello": "int x;"}, SETTING, frozenset({"builds"}))
    assert Task.from_message(json.loads(json.dumps(task.as_message()))) == task


def test_an_exercise_comes_through_a_message_with_its_checks_and_answers() -> None:
    there = unpack_exercise(pack_exercise(hello()))
    assert there.checks == hello().checks
    assert {cell.source for cell in there.cells} < {cell.source for cell in hello().cells}
    assert there.answers == hello().answers
    assert there.work({"hello": "int x;"}) == hello().work({"hello": "int x;"})
    assert [cell.id for cell in there.cells if cell.hidden] == [cell.id for cell in hello().cells if cell.hidden]
