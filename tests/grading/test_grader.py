"""From what a pool tells to grades: whatever happens to a task, its submissions get the right kind of result."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from pathlib import Path
from typing import Any

from submission_factory import cell, hello, notebook, write

from kmodlab.checks.result import CheckResult, Status
from kmodlab.grading.grader import Plan, grade_all, make_plan
from kmodlab.grading.intake import read_submissions
from kmodlab.grading.journal import Journal
from kmodlab.grading.models import CheckGrade, Grade, GradeState
from kmodlab.grading.pool import Ending, Event, Order
from kmodlab.grading.task import Setting, Task, pack_exercise, read_message, unpack_exercise

SETTING = Setting("6.1.0", "1", sandboxed=True)
DEADLINE_S = 10.0
Script = Callable[[Order], Iterable[Event]]


class ScriptedPool:
    """A pool whose workers do what a test says. `orders` are the tasks that it was given."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.orders: list[Order] = []

    def find_setting(self) -> Setting:
        return SETTING

    def run(self, orders: Iterable[Order]) -> Generator[Event, None, None]:
        self.orders = list(orders)
        for order in self.orders:
            yield from self.script(order)


def made(order: Order, name: str, status: Status = Status.PASSED, seconds: float = 1.0) -> Event:
    check = hello().checks[name]
    points = {Status.PASSED: float(check.points), Status.FAILED: 0.0, Status.ERRORED: None}[status]
    result = CheckResult(check.title, status, points, check.points, "" if status is Status.PASSED else "why")
    return Event(order.task.digest, CheckGrade(name, False, result, seconds))


def do_all(order: Order) -> Iterable[Event]:
    yield from (made(order, name) for name in hello().checks if name not in order.done)
    yield Event(order.task.digest, ending=Ending.DONE)


def plan_of(tmp_path: Path, files: dict[str, bytes]) -> Plan:
    intake = read_submissions([write(tmp_path / "given", files)], ["01-hello"])
    return make_plan(intake, {"01-hello": hello()}, {"01-hello": "master"}, SETTING)


def grades(plan: Plan, pool: ScriptedPool, folder: Path) -> list[Grade]:
    with Journal(folder / "journal.sqlite") as journal:
        steps = list(grade_all(plan, pool, journal, DEADLINE_S))
        told = [step.grade for step in steps if step.grade]
        assert sorted(told, key=lambda grade: grade.learner) == journal.grades()
        return journal.grades()


def one_grade(tmp_path: Path, script: Script) -> Grade:
    (grade,) = grades(plan_of(tmp_path, {"ada/hello.ipynb": notebook()}), ScriptedPool(script), tmp_path)
    return grade


def test_a_task_that_is_done_is_graded(tmp_path: Path) -> None:
    grade = one_grade(tmp_path, do_all)
    assert (grade.state, grade.points, grade.max_points) == (GradeState.GRADED, 8, 8)
    assert [check.id for check in grade.checks] == list(hello().checks)


def test_a_task_that_was_lost_is_errored_and_no_zero(tmp_path: Path) -> None:
    def lose(order: Order) -> Iterable[Event]:
        yield made(order, "builds")
        yield Event(order.task.digest, ending=Ending.LOST, reason="a worker died: Killed")

    grade = one_grade(tmp_path, lose)
    assert (grade.state, grade.points) == (GradeState.ERRORED, None)
    assert grade.reason == "This could not be checked: 3 workers were lost over it: a worker died: Killed."


def test_a_check_that_errored_is_tried_again_the_next_time_and_no_other(tmp_path: Path) -> None:
    def fail_us(order: Order) -> Iterable[Event]:
        yield from (made(order, name, Status.ERRORED if name == "parts" else Status.PASSED) for name in hello().checks)
        yield Event(order.task.digest, ending=Ending.DONE)

    assert one_grade(tmp_path, fail_us).state is GradeState.ERRORED
    pool = ScriptedPool(do_all)
    (grade,) = grades(plan_of(tmp_path, {"ada/hello.ipynb": notebook()}), pool, tmp_path)
    assert pool.orders[0].done == hello().checks.keys() - {"parts"}
    assert grade.state is GradeState.GRADED


def test_time_that_was_used_up_by_failures_is_the_learners_and_else_ours(tmp_path: Path) -> None:
    def script(failed_s: float) -> Script:
        def run(order: Order) -> Iterable[Event]:
            yield made(order, "builds", seconds=DEADLINE_S - failed_s)
            yield made(order, "greets", Status.FAILED, seconds=failed_s)
            yield Event(order.task.digest, ending=Ending.OVERDUE)

        return run

    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    grade = one_grade(tmp_path / "a", script(8.0))
    assert (grade.state, grade.points) == (GradeState.GRADED, 1)
    assert grade.checks[-1].result.reason.startswith("The time for one submission (10 s) was used up")
    grade = one_grade(tmp_path / "b", script(2.0))
    assert (grade.state, grade.points) == (GradeState.ERRORED, None)


def test_equal_texts_are_judged_once_and_everybody_keeps_the_remarks(tmp_path: Path) -> None:
    def tag(data: dict[str, Any]) -> None:
        cell(data, "hello")["metadata"]["tags"] = ["x"]

    pool = ScriptedPool(do_all)
    files = {"ada/hello.ipynb": notebook(), "bob/hello.ipynb": notebook(tag)}
    ada, bob = grades(plan_of(tmp_path, files), pool, tmp_path)
    assert len(pool.orders) == 1
    assert (ada.points, bob.points) == (8, 8)
    assert (ada.remarks, bob.remarks) == ((), ("Cells have tags: `x`.",))


def test_a_rejected_submission_is_worth_nothing_of_all(tmp_path: Path) -> None:
    pool = ScriptedPool(do_all)
    (grade,) = grades(plan_of(tmp_path, {"ada/hello.ipynb": b"{"}), pool, tmp_path)
    assert not pool.orders
    assert (grade.state, grade.points, grade.max_points) == (GradeState.REJECTED, 0, 8)
    assert {check.result.reason for check in grade.checks} == {"It is no JSON, or was cut off."}


def test_a_task_comes_through_a_message_as_it_was() -> None:
    task = Task("d", pack_exercise(hello()), {"hello": "int x;"}, SETTING)
    assert read_message(task.as_message({"builds"})) == (task, frozenset({"builds"}))


def test_an_exercise_comes_through_a_message_with_its_checks_and_answers() -> None:
    there = unpack_exercise(pack_exercise(hello()))
    assert there.checks == hello().checks
    assert {cell.source for cell in there.cells} < {cell.source for cell in hello().cells}
    assert there.answers == hello().answers
    assert there.work({"hello": "int x;"}) == hello().work({"hello": "int x;"})
    assert [one.id for one in there.cells if one.hidden] == [one.id for one in hello().cells if one.hidden]
