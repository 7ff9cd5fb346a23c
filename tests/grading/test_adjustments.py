"""What a person changes about grades, what being late costs, and what changed since the last run."""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kmodlab.checks.check_result import CheckResult, Status
from kmodlab.errors import UsageError
from kmodlab.grading.adjustments import FILE, apply_adjustments, read_adjustments
from kmodlab.grading.formats.gradebook import write_changes
from kmodlab.grading.formats.redact import is_errored, remarks_for_learners
from kmodlab.grading.journal import Journal
from kmodlab.grading.late_policy import NEVER_LATE, parse_late
from kmodlab.grading.models import Adjustment, Grade, GradeState, HandedIn, as_dict, from_dict

HEAD = "learner,exercise,points,comment\n"


def a_grade(points: float | None, learner: str = "ada", **fields: object) -> Grade:
    status = Status.ERRORED if points is None else Status.PASSED
    check = CheckResult("It works", status, points, 8.0, id="works")
    state = GradeState.ERRORED if points is None else GradeState.GRADED
    return replace(Grade(learner, "01-hello", "Hello", "x", "d", state, (check,)), **fields)  # type: ignore[arg-type]


def adjusted(folder: Path, rows: str, *grades: Grade) -> tuple[Grade, ...]:
    (folder / FILE).write_text(HEAD + rows)
    return apply_adjustments(grades, read_adjustments(folder)).grades


def test_without_a_file_nothing_is_changed(tmp_path: Path) -> None:
    assert read_adjustments(tmp_path) == {}
    assert apply_adjustments([a_grade(5)], {}).grades == (a_grade(5),)


def test_a_mark_and_a_comment_are_set_and_shown_to_the_learner(tmp_path: Path) -> None:
    rows = 'ada,01-hello,7.5,"Well explained,\nby mail"\nbob,01-hello,,Look at exit\n'
    ada, bob, eve = adjusted(tmp_path, rows, a_grade(5), a_grade(4, "bob"), a_grade(3, "eve"))
    assert (ada.points, ada.earned, bob.points, eve.points) == (7.5, 5, 4, 3)
    assert remarks_for_learners(ada) == [
        "The mark was set by hand: 7.5 points; the checks gave 5.",
        "Comment: Well explained,\nby mail",
    ]
    assert remarks_for_learners(bob) == ["Comment: Look at exit"]
    assert from_dict(as_dict(ada)) == replace(ada, answers={})


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_a_spreadsheet_may_write_the_file_in_its_own_way(tmp_path: Path, delimiter: str) -> None:
    rows = [["learner", "exercise", "points", "comment"], ["ada", "01-hello", "7,5", "Well done"]]
    text = "".join(f"{delimiter.join(row)}\r\n" for row in rows)
    (tmp_path / FILE).write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert read_adjustments(tmp_path) == {("ada", "01-hello"): Adjustment(7.5, "Well done")}


def test_what_errored_has_the_mark_that_was_set(tmp_path: Path) -> None:
    (ada,) = adjusted(tmp_path, "ada,01-hello,7,\n", a_grade(None))
    assert ada.points == 7
    assert not is_errored(ada)


def test_whom_the_file_names_without_a_grade_is_known(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(f"{HEAD}nobody,01-hello,7,\n")
    assert apply_adjustments([a_grade(5)], read_adjustments(tmp_path)).unknown == (("nobody", "01-hello"),)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "must be learner,exercise,points,comment"),
        ("ada,01-hello,7,\n", "must be learner,exercise,points,comment"),
        (f"{HEAD}ada,01-hello,seven,\n", ":2: 'seven' is not a number of points."),
        (f"{HEAD}ada,01-hello,nan,\n", ":2: 'nan' is not a number of points."),
        (f"{HEAD}ada,01-hello,-1,\n", ":2: '-1' is not a number of points."),
        (f"{HEAD}ada,01-hello,7\n", ":2: There are 3 columns, not 4"),
        (f"{HEAD}ada,01-hello,7,a,b\n", ":2: There are 5 columns, not 4"),
        (f"{HEAD}ada,01-hello,7,\n\nada,01-hello,8,\n", ":4: There is a line for ada and 01-hello already."),
        (f'{HEAD}ada,01-hello,7,"open\n', ":2: This is not CSV"),
    ],
)
def test_a_wrong_file_is_a_sentence_that_names_the_line(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(UsageError) as caught:
        read_adjustments(tmp_path)
    assert sentence in str(caught.value)


# ---- late ----------------------------------------------------------------------------------------------------------

DUE = "2026-11-20T12:00+00:00"


def handed_in(hours: float, *, late: bool = False) -> HandedIn:
    time = datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp() + hours * 3600
    return HandedIn(("ada.ipynb",), time=time, late=late)


@pytest.mark.parametrize(
    ("late", "due", "hours", "percent"),
    [
        ("10", DUE, -1, 0),
        ("10", DUE, 0, 0),
        ("10", DUE, 1, 10),
        ("10%", DUE, 100, 10),
        ("10/day", DUE, 1, 10),
        ("10%/day", DUE, 25, 20),
        ("30/day", DUE, 1000, 100),
        ("", DUE, 1, 0),
    ],
)
def test_being_late_costs_what_the_policy_says(late: str, due: str, hours: float, percent: float) -> None:
    policy = parse_late(late, due)
    assert policy.percent_of(handed_in(hours)) == percent
    assert policy.is_late(handed_in(hours)) is (hours > 0)


def test_a_platform_says_itself_what_is_late() -> None:
    assert parse_late("10/day", "").percent_of(handed_in(0, late=True)) == 10
    assert parse_late("10/day", "").percent_of(handed_in(0)) == 0
    assert NEVER_LATE.percent_of(handed_in(0, late=True)) == 0


@pytest.mark.parametrize(("late", "due"), [("ten", ""), ("101", ""), ("-1", ""), ("10/week", ""), ("10", "friday")])
def test_a_policy_of_another_form_is_a_sentence(late: str, due: str) -> None:
    with pytest.raises(UsageError, match=r"is not a (percentage|time)"):
        parse_late(late, due)


def test_the_mark_of_a_late_submission_is_less_unless_a_person_sets_it() -> None:
    late = a_grade(5, late=True, late_percent=10.0)
    assert (late.points, late.earned) == (4.5, 5)
    assert remarks_for_learners(late) == ["It was handed in late, which takes off 10 % of 5 points."]
    assert replace(late, adjustment=Adjustment(5)).points == 5
    assert a_grade(None, late=True, late_percent=10.0).points is None


# ---- changes -------------------------------------------------------------------------------------------------------


def test_changes_are_new_grades_and_other_marks(tmp_path: Path) -> None:
    before = [a_grade(5), a_grade(4, "bob"), a_grade(None, "eve")]
    set_by_hand = a_grade(4, "bob", adjustment=Adjustment(6, "More"))
    after = [a_grade(5), set_by_hand, a_grade(0, "eve"), a_grade(1, "fay")]
    with Journal(tmp_path / "journal.sqlite") as journal:
        journal.note_marks(before)
    with Journal(tmp_path / "journal.sqlite") as journal:
        path = write_changes(journal.marks(), after, tmp_path)
    with path.open(newline="") as file:
        rows = {row["learner"]: row for row in csv.DictReader(file)}
    assert {name: (row["before"], row["points"]) for name, row in rows.items()} == {
        "bob": ("4", "6"), "eve": ("", "0"), "fay": ("", "1")
    }  # fmt: skip
    assert (rows["eve"]["state before"], rows["eve"]["state"]) == ("errored", "graded")
    assert rows["bob"]["remarks"].endswith("Comment: More")
