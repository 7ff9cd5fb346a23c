"""Whose a notebook is, and to which exercise, whatever it comes in."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest
from submission_factory import cell, hello, make_tar, make_zip, notebook, write

from kmodlab.course.exercise import Exercise
from kmodlab.grading import grader, intake
from kmodlab.grading.answers import match
from kmodlab.grading.grader import Plan, make_plan, withhold
from kmodlab.grading.intake import choose_exercise, find_exercise, read_submissions, safe_name
from kmodlab.grading.journal import Journal
from kmodlab.grading.models import Grade, GradeState, HandedIn, Setting

EXERCISES = ("01-hello", "02-parameters", "10-char-device", "11-char-device-locks")
NOTEBOOK = notebook()


def learners(*paths: Path) -> list[str]:
    handed_in = read_submissions(paths, EXERCISES)
    assert all(file.notebook for file in handed_in)
    return [file.learner for file in handed_in]


@pytest.mark.parametrize(
    ("name", "learner"),
    [
        ("Ada Lovelace_123456_assignsubmission_file_/hello.ipynb", "Ada Lovelace_123456"),
        ("Ada Lovelace_123456_assignsubmission_file/hello.ipynb", "Ada Lovelace_123456"),
        ("Ada Lovelace_123456_assignsubmission_file_hello.ipynb", "Ada Lovelace_123456"),
        ("Lovelace_Ada_King_7_assignsubmission_file_hello.ipynb", "Lovelace_Ada_King_7"),
        ("Bob_9_assignsubmission_file__7_assignsubmission_file_/hello.ipynb", "Bob_9_assignsubmission_file__7"),
        ("Eve_7_assignsubmission_file_Bob_9_assignsubmission_file_a.ipynb", "Eve_7_assignsubmission_file_Bob_9"),
        ("lovelaceada_1234_56789_hello.ipynb", "lovelaceada_1234"),
        ("lovelaceada_LATE_1234_56789_hello-2.ipynb", "lovelaceada_1234"),
        ("love_lace_ada_1234_56789_my_hello.ipynb", "love_lace_ada_1234"),
        ("submitted/ada/01-hello/hello.ipynb", "ada"),
        ("course/submitted/ada/01-hello/hello.ipynb", "ada"),
        ("ada/hello.ipynb", "ada"),
        ("ada/01-hello/hello.ipynb", "ada"),
        ("ada.ipynb", "ada"),
    ],
)
def test_the_learner_is_read_from_the_name_in_folders_and_archives(tmp_path: Path, name: str, learner: str) -> None:
    files = {name: NOTEBOOK}
    write(tmp_path / "given", files)
    write(tmp_path, {"export.zip": make_zip(files), "export.tar.gz": make_tar(files)})
    assert learners(tmp_path / "given") == [learner]
    assert learners(tmp_path / "export.zip") == [learner]
    assert learners(tmp_path / "export.tar.gz") == [learner]


def test_what_the_platform_says_is_late_is_late(tmp_path: Path) -> None:
    write(tmp_path, {"a_LATE_1_2_hello.ipynb": NOTEBOOK, "b_1_2_hello.ipynb": NOTEBOOK})
    assert [file.late for file in read_submissions([tmp_path], EXERCISES)] == [True, False]


def test_the_times_in_a_learners_own_archive_are_not_believed(tmp_path: Path) -> None:
    own = make_tar({"hello.ipynb": NOTEBOOK})  # of 1970
    write(tmp_path, {"given/ada.tgz": own, "export.zip": make_zip({"Ada_1_assignsubmission_file_/ada.tgz": own})})
    os.utime(tmp_path / "given" / "ada.tgz", (2e9, 2e9))
    (by_hand,) = read_submissions([tmp_path / "given"], EXERCISES)
    assert by_hand.time == 2e9
    (exported,) = read_submissions([tmp_path / "export.zip"], EXERCISES)
    assert exported.time == exported.attempt > 1e9
    # Who gives the archive itself has it from a platform, whose times these are.
    (given,) = read_submissions([tmp_path / "given" / "ada.tgz"], EXERCISES)
    assert given.time == 0


def test_the_folder_of_results_is_no_learners_but_one_of_that_name_elsewhere_is(tmp_path: Path) -> None:
    write(tmp_path, {"ada/hello.ipynb": NOTEBOOK, "marks/hello.ipynb": NOTEBOOK, "bob/marks/hello.ipynb": NOTEBOOK})
    found = read_submissions([tmp_path], EXERCISES, tmp_path / "ada" / ".." / "marks")
    assert [file.learner for file in found] == ["ada", "bob"]


def test_a_learners_own_archive_in_the_platforms_may_hold_several_exercises(tmp_path: Path) -> None:
    own = make_zip({"task/hello.ipynb": NOTEBOOK, "task/parameters.ipynb": NOTEBOOK})
    write(tmp_path, {"all.zip": make_zip({"ada_1_2_own.zip": own, "bob_3_4_hello.ipynb": NOTEBOOK})})
    handed_in = read_submissions([tmp_path / "all.zip"], EXERCISES)
    assert [file.learner for file in handed_in] == ["ada_1", "ada_1", "bob_3"]
    assert [find_exercise(file.names, EXERCISES) for file in handed_in] == [
        "01-hello",
        "02-parameters",
        "01-hello",
    ]
    assert handed_in[0].source == "all.zip/ada_1_2_own.zip/task/hello.ipynb"


@pytest.mark.parametrize(
    "inside",
    [
        "lovelaceada_1234_1_words.ipynb",
        "Ada Lovelace_123456_assignsubmission_file_/hello.ipynb",
        "submitted/ada/01-hello/hello.ipynb",
        "ada/hello.ipynb",
    ],
)
@pytest.mark.parametrize("own", ["eve.zip", "eve_7_8_own.zip", "Eve_7_assignsubmission_file_/own.zip"])
def test_the_outermost_name_decides_whose_it_is(tmp_path: Path, own: str, inside: str) -> None:
    files = {own: make_zip({inside: NOTEBOOK}), own.replace("eve", "bob").replace("Eve", "Bob"): NOTEBOOK}
    write(tmp_path / "given", files)
    write(tmp_path, {"export.zip": make_zip(files)})
    for given in ("given", "export.zip"):
        handed_in = read_submissions([tmp_path / given], EXERCISES)
        assert {file.learner.casefold()[:3] for file in handed_in} == {"eve", "bob"}


def test_a_folder_that_holds_everything_is_nobodys_name(tmp_path: Path) -> None:
    write(tmp_path, {"all.zip": make_zip({"week1/ada/hello.ipynb": NOTEBOOK, "week1/bob/hello.ipynb": NOTEBOOK})})
    assert learners(tmp_path / "all.zip") == ["ada", "bob"]
    write(tmp_path, {"all.zip": make_zip({"ada/01-hello/a.ipynb": NOTEBOOK, "ada/02-parameters/b.ipynb": NOTEBOOK})})
    assert learners(tmp_path / "all.zip") == ["ada", "ada"]


def test_a_notebook_called_like_an_exercise_is_its_folders_or_its_archives(tmp_path: Path) -> None:
    write(tmp_path, {"ada/hello.ipynb": NOTEBOOK, "bob.zip": make_zip({"hello.ipynb": NOTEBOOK})})
    assert learners(tmp_path / "ada") == ["ada"]
    assert learners(tmp_path / "bob.zip") == ["bob"]


@pytest.mark.parametrize(
    ("name", "exercise"),
    [
        ("hello", "01-hello"),
        ("01-hello", "01-hello"),
        ("Hello (2)", "01-hello"),
        ("hello-1", "01-hello"),
        ("ada_hello_final", "01-hello"),
        ("char-device", "10-char-device"),
        ("char_device_locks", "11-char-device-locks"),
        ("othello", ""),
        ("hello-parameters", ""),
    ],
)
def test_an_exercise_is_told_by_a_name(name: str, exercise: str) -> None:
    assert find_exercise([name], EXERCISES) == exercise


def test_what_the_notebook_says_comes_before_its_name_and_its_cells_after(tmp_path: Path) -> None:
    exercises = {"01-hello": hello(), "02-other": hello()}

    def forget(data: dict[str, object]) -> None:
        data["metadata"] = {}

    write(tmp_path, {"a/other.ipynb": NOTEBOOK, "b/other.ipynb": notebook(forget), "c/x.ipynb": notebook(forget)})
    named, by_file, by_cells = read_submissions([tmp_path], list(exercises))
    assert choose_exercise(named, exercises) == "01-hello"
    assert choose_exercise(by_file, exercises) == "02-other"
    assert choose_exercise(by_cells, exercises) == ""  # both have its cells
    assert choose_exercise(by_cells, {"01-hello": hello()}) == "01-hello"


@pytest.mark.parametrize(
    "names",
    [
        ("Ada", "ada"),
        ("ada", "ada."),
        ("ada", "ada "),
        ("ada", "ada\u200b"),
        ("ada", "\u0430da"),
        ("\u00e9va", "e\u0301va"),
        ("a" * 120, "a" * 119 + "b"),
        ("ada", "ada\\u200b", "ada\u200b"),
    ],
)
def test_names_that_look_alike_are_not_mixed_up(tmp_path: Path, names: tuple[str, ...]) -> None:
    write(tmp_path, {f"{name}/{file}.ipynb": NOTEBOOK for name in names for file in ("hello", "parameters")})
    handed_in = read_submissions([tmp_path], EXERCISES)
    assert len({file.learner for file in handed_in}) == len(names)
    assert all(file.learner for file in handed_in)


@pytest.mark.parametrize("other", [" ada", "ada ", "a\u0308da", "\x01ada"])
def test_who_is_called_like_a_safe_name_keeps_it(tmp_path: Path, other: str) -> None:
    name = safe_name(other)
    write(tmp_path / "given", {f"{name}/hello.ipynb": NOTEBOOK, f"{other}/hello.ipynb": NOTEBOOK})
    found = {file.parts[1]: file.learner for file in read_submissions([tmp_path / "given"], EXERCISES)}
    assert found[name] == name
    assert found[other].startswith(f"{name} ")


def test_a_name_that_differs_in_case_only_is_remarked_on(tmp_path: Path) -> None:
    write(tmp_path, {"Ada/hello.ipynb": NOTEBOOK, "ada/hello.ipynb": NOTEBOOK})
    files = read_submissions([tmp_path], EXERCISES)
    assert [file.remarks[0] for file in files] == [
        "Another learner's name looks the same: ada.",
        "Another learner's name looks the same: Ada.",
    ]


def test_a_name_that_mixes_scripts_is_remarked_on(tmp_path: Path) -> None:
    write(tmp_path, {"\u0430da/hello.ipynb": NOTEBOOK})
    (file,) = read_submissions([tmp_path], EXERCISES)
    assert file.remarks == ("The name mixes letters of several scripts: Cyrillic, Latin.",)


@pytest.mark.parametrize(
    ("raw", "safe"),
    [
        ("e\u0301va", "\u00e9va"),
        ("a\u202eb", "a\\u202eb"),
        ("a\x1b[2Jb", "a\\x1b[2Jb"),
        ("..", "unnamed.."),
        ("", "unnamed"),
        (" a \n b ", "a b"),
        ("a/b", "a_b"),
        ("\ud800", "\\ud800"),
    ],
)
def test_a_learners_name_is_made_safe(raw: str, safe: str) -> None:
    assert safe_name(raw) == safe


def test_a_long_name_is_cut() -> None:
    assert len(safe_name("x" * 5000)) == 100


# ---- which of several, and which of none ---------------------------------------------------------------------------

SETTING = Setting("6.1.0", "1", sandboxed=True)


def plan_of(tmp_path: Path, files: dict[str, bytes], only: str = "") -> Plan:
    handed_in = read_submissions([write(tmp_path / "given", files)], ["01-hello"])
    return make_plan(handed_in, {"01-hello": hello()}, {"01-hello": "text"}, SETTING, only)


def test_of_two_notebooks_the_one_with_the_exercises_name_counts(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, {"ada/hello-copy.ipynb": NOTEBOOK, "ada/hello.ipynb": NOTEBOOK})
    (submission,) = plan.submissions
    assert submission.source == "given/ada/hello.ipynb"
    assert "2 notebooks were handed in; given/ada/hello.ipynb counts." in submission.remarks


def test_a_broken_notebook_is_rejected_and_so_is_one_of_no_exercise(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, {"ada/hello.ipynb": b"{", "bob/hello.ipynb": b'{"nbformat": 4, "cells": []}'})
    ada, bob = plan.submissions
    assert (ada.problem, ada.digest) == ("It is not JSON, or was cut off.", "")
    assert (bob.problem, bob.digest) == ("None of the exercise's answer cells is in it.", "")
    handed_in = read_submissions([write(tmp_path / "other", {"ada/what.ipynb": NOTEBOOK[:50]})], EXERCISES)
    exercises = dict.fromkeys(EXERCISES, hello())
    plan = make_plan(handed_in, exercises, dict.fromkeys(EXERCISES, ""), SETTING)
    assert [(row.exercise, row.problem) for row in plan.submissions] == [("", "It is not JSON, or was cut off.")]


def solved(data: dict[str, object]) -> None:
    cell(data, "hello")["source"] = "%%kmod hello\nint x;"


def test_a_solved_copy_counts_before_the_notebook_as_it_was_given(tmp_path: Path) -> None:
    (submission,) = plan_of(
        tmp_path, {"ada/hello-copy.ipynb": notebook(solved), "ada/hello.ipynb": NOTEBOOK}
    ).submissions
    assert submission.source == "given/ada/hello-copy.ipynb"
    assert "2 notebooks were handed in; given/ada/hello-copy.ipynb counts." in submission.remarks


def test_of_a_platforms_attempts_the_last_one_counts(tmp_path: Path) -> None:
    files = {"ada_7_90_hello-1.ipynb": notebook(solved), "ada_7_80_hello.ipynb": notebook(solved)}
    (submission,) = plan_of(tmp_path, files).submissions
    assert submission.source == "given/ada_7_90_hello-1.ipynb"


NO_NOTEBOOK = "It is not a notebook."
HIDDEN = "Its name begins with a dot, as only hidden files' names do."
ENTRIES = {
    "ada": ("ada/hello.c", NO_NOTEBOOK),
    "bob": ("bob/own.7z", NO_NOTEBOOK),
    "cy": ("cy/hello.ipynb.txt", NO_NOTEBOOK),
    "dan": ("dan/.hello.ipynb", HIDDEN),
    "Eve_7": ("Eve_7_assignsubmission_onlinetext_/onlinetext.html", NO_NOTEBOOK),
    "fay": ("fay.zip", "It is an archive in an archive in an archive, and is not opened."),
    "gus": ("gus/hello.ipynb", "It is empty."),
    "notes.md": ("notes.md", NO_NOTEBOOK),
    ".hal": (".hal.ipynb", HIDDEN),
    "ivy": ("ivy.ipynb", "It is not JSON, or was cut off."),
}


@pytest.mark.parametrize("exercises", [("01-hello",), ("01-hello", "02-other")])
@pytest.mark.parametrize("form", ["folder", "archive"])
def test_each_entry_has_a_row_with_what_is_in_it(tmp_path: Path, form: str, exercises: tuple[str, ...]) -> None:
    files = {name: b"" for name, _problem in ENTRIES.values()} | {"ivy.ipynb": b"{", "joe/hello.ipynb": NOTEBOOK}
    nested = make_zip({"a.zip": make_zip({"b.zip": b""})})
    if form == "folder":
        given = write(tmp_path / "given", {**files, "fay.zip": nested})
        (given / "kim").mkdir()
    else:
        given = write(tmp_path, {"given.zip": make_zip({**files, "fay.zip": nested, "kim/": b""})}) / "given.zip"
    handed_in = read_submissions([given], exercises)
    plan = make_plan(handed_in, dict.fromkeys(exercises, hello()), dict.fromkeys(exercises, ""), SETTING)
    wanted = {learner: problem for learner, (_name, problem) in ENTRIES.items()}
    assert {row.learner: row.problem for row in plan.submissions} == {
        **wanted, "joe": "", "kim": "There is nothing in it."
    }  # fmt: skip
    assert len(plan.submissions) == len(ENTRIES) + 2
    assert not plan.left_out
    assert all(row.exercise == "01-hello" or len(exercises) > 1 for row in plan.submissions)


def test_one_file_that_we_fail_over_does_not_end_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object) -> NoReturn:
        raise ZeroDivisionError("no")

    with monkeypatch.context() as patch:
        patch.setattr(intake, "read_notebook", fail)
        bob, eve = plan_of(tmp_path / "a", {"bob/hello.ipynb": NOTEBOOK, "eve/hello.ipynb": b""}).submissions
    assert bob.problem == eve.problem == "kmodlab failed over it: ZeroDivisionError: no."
    assert "ZeroDivisionError" in bob.fault and "read_notebook" in bob.fault

    def fail_over_ada(submission: HandedIn, exercise: Exercise) -> HandedIn:
        return match(submission, exercise) if submission.learner != "ada" else fail()

    monkeypatch.setattr(grader, "match", fail_over_ada)
    ada, bob = plan_of(tmp_path / "b", {"ada/hello.ipynb": NOTEBOOK, "bob/hello.ipynb": NOTEBOOK}).submissions
    assert (ada.fault != "", bob.fault, bob.problem) == (True, "", "")


# ---- what replaces a grade -----------------------------------------------------------------------------------------


def withheld(
    tmp_path: Path, first: dict[str, bytes], then: dict[str, bytes], *, export: str = "export.zip"
) -> list[str]:
    """The sources whose grades are not taken when `then` is graded after `first`."""
    plans = []
    for number, (name, files) in enumerate((("export.zip", first), (export, then))):
        folder = tmp_path / str(number)
        folder.mkdir()
        path = folder / name
        path.write_bytes(make_zip(files))
        handed_in = read_submissions([path], ["01-hello"])
        plans.append(make_plan(handed_in, {"01-hello": hello()}, {"01-hello": "text"}, SETTING))
    with Journal(tmp_path / "journal.sqlite") as journal:
        for submission in plans[0].submissions:
            state = GradeState.REJECTED if submission.problem else GradeState.GRADED
            grade = Grade(submission.learner, "01-hello", "", submission.source, "", state)
            journal.add_grade(replace(grade, answers=submission.answers), attempt=submission.attempt)
        return [file.source for file in withhold(plans[1], journal).withheld]


def test_nobody_replaces_the_grade_of_somebody_else(tmp_path: Path) -> None:
    first = {"ada_7_80_hello.ipynb": notebook(solved), "bob_8_81_hello.ipynb": NOTEBOOK}
    assert withheld(tmp_path, first, {"ada_7_90_hello.ipynb": NOTEBOOK}, export="eve.zip") == [
        "eve.zip/ada_7_90_hello.ipynb"
    ]


def test_a_grade_is_replaced_by_a_later_attempt_and_not_by_an_earlier_one(tmp_path: Path) -> None:
    first, later = {"ada_7_80_hello.ipynb": NOTEBOOK}, {"ada_7_90_hello-1.ipynb": notebook(solved)}
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert not withheld(tmp_path / "a", first, later, export="export (1).zip")
    assert withheld(tmp_path / "b", later, first) == ["export.zip/ada_7_80_hello.ipynb"]


def test_what_could_not_be_graded_is_replaced_by_what_can_but_not_the_other_way_round(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    text, right = {"ada_7_80_hello.c": b"int x;"}, {"ada_7_90_hello.ipynb": notebook(solved)}
    assert not withheld(tmp_path / "a", text, right)
    assert withheld(tmp_path / "b", right, text) == ["export.zip/ada_7_80_hello.c"]


def test_the_same_file_and_the_same_answers_are_graded_again(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first = {"ada/hello.ipynb": notebook(solved)}
    assert not withheld(tmp_path / "a", first, {"ada/hello.ipynb": NOTEBOOK})
    assert not withheld(tmp_path / "b", first, {"ada/hello.ipynb": notebook(solved)}, export="other.zip")


def test_the_digest_is_of_the_answers_and_not_of_whose_they_are(tmp_path: Path) -> None:
    def other(data: dict[str, object]) -> None:
        cell(data, "hello")["source"] = "%%kmod hello\nint x;"

    def prose(data: dict[str, object]) -> None:
        cell(data, "story")["source"] = "I was here"

    files = {"ada/hello.ipynb": NOTEBOOK, "bob/hello.ipynb": notebook(prose), "eve/hello.ipynb": notebook(other)}
    ada, bob, eve = plan_of(tmp_path, files).submissions
    assert ada.digest == bob.digest != eve.digest
