"""Whose a notebook is, and to which exercise, whatever it comes in."""

from __future__ import annotations

from pathlib import Path

import pytest
from submission_factory import cell, hello, make_tar, make_zip, notebook, write

from kmodlab.grading.grader import Plan, make_plan
from kmodlab.grading.intake import choose_exercise, find_exercise, read_submissions, safe_name
from kmodlab.grading.models import Setting

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
        ("lovelaceada_1234_56789_hello.ipynb", "lovelaceada_1234"),
        ("lovelaceada_LATE_1234_56789_hello-2.ipynb", "lovelaceada_1234"),
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


def test_a_late_submission_is_remarked_on(tmp_path: Path) -> None:
    write(tmp_path, {"a_LATE_1_2_hello.ipynb": NOTEBOOK})
    (file,) = read_submissions([tmp_path], EXERCISES)
    assert file.remarks == ("It was handed in late.",)


def test_a_learners_own_archive_in_the_platforms_may_hold_several_exercises(tmp_path: Path) -> None:
    own = make_zip({"work/hello.ipynb": NOTEBOOK, "work/parameters.ipynb": NOTEBOOK})
    write(tmp_path, {"all.zip": make_zip({"ada_1_2_own.zip": own, "bob_3_4_hello.ipynb": NOTEBOOK})})
    handed_in = read_submissions([tmp_path / "all.zip"], EXERCISES)
    assert [file.learner for file in handed_in] == ["ada_1", "ada_1", "bob_3"]
    assert [find_exercise(file.names, EXERCISES) for file in handed_in] == [
        "01-hello",
        "02-parameters",
        "01-hello",
    ]
    assert handed_in[0].source == "all.zip/ada_1_2_own.zip/work/hello.ipynb"


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


def test_names_that_differ_in_nothing_but_case_are_not_mixed_up(tmp_path: Path) -> None:
    write(tmp_path, {"Ada/hello.ipynb": NOTEBOOK, "ada/hello.ipynb": NOTEBOOK, "ada/parameters.ipynb": NOTEBOOK})
    assert learners(tmp_path) == ["Ada", "ada (2)", "ada (2)"]


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
        ("..", "unnamed"),
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


def test_a_broken_notebook_is_rejected_and_one_of_no_exercise_is_left_out(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, {"ada/hello.ipynb": b"{", "bob/hello.ipynb": b'{"nbformat": 4, "cells": []}'})
    ada, bob = plan.submissions
    assert (ada.problem, ada.digest) == ("It is not JSON, or was cut off.", "")
    assert (bob.problem, bob.digest) == ("None of the exercise's answer cells is in it.", "")
    handed_in = read_submissions([write(tmp_path / "other", {"ada/what.ipynb": NOTEBOOK[:50]})], EXERCISES)
    exercises = dict.fromkeys(EXERCISES, hello())
    plan = make_plan(handed_in, exercises, dict.fromkeys(EXERCISES, ""), SETTING)
    assert [file.problem for file in plan.left_out] == ["It is not JSON, or was cut off."]


def test_the_digest_is_of_the_answers_and_not_of_whose_they_are(tmp_path: Path) -> None:
    def other(data: dict[str, object]) -> None:
        cell(data, "hello")["source"] = "%%kmod hello\nint x;"

    def prose(data: dict[str, object]) -> None:
        cell(data, "story")["source"] = "I was here"

    files = {"ada/hello.ipynb": NOTEBOOK, "bob/hello.ipynb": notebook(prose), "eve/hello.ipynb": notebook(other)}
    ada, bob, eve = plan_of(tmp_path, files).submissions
    assert ada.digest == bob.digest != eve.digest
