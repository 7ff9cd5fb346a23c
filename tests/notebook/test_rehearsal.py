"""A rehearsal of the grading, in a real IPython with real guests."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from cells import Run

from kmodlab.course.exercise import Role, read_master
from kmodlab.course.exercise_data import FILE, read_data
from kmodlab.errors import UsageError
from kmodlab.grading.rehearsal import exercise_of, take_answers
from kmodlab.notebook.rehearsal_magic import find_notebook

ROOT = Path(__file__).parents[2]
HELLO = ROOT / "exercises" / "01-hello"
HIDDEN = "It says each thing once, and in time"
GREETING = '    pr_info("hello init\\n");\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A learner's folder of 01-hello, whose notebook says hello, but not goodbye."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    shutil.copy(HELLO / FILE, tmp_path)
    notebook = json.loads((HELLO / "hello.ipynb").read_text())
    (cell,) = (cell for cell in notebook["cells"] if cell["id"] == "hello")
    text = "".join(cell["source"]).replace("    /* YOUR CODE HERE */\n", GREETING, 1)
    cell["source"] = text.replace("\n/* YOUR CODE HERE */", '\nMODULE_LICENSE("GPL");')
    (tmp_path / "hello.ipynb").write_text(json.dumps(notebook))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("folder")
def test_a_rehearsal_says_what_a_grader_would_say_as_far_as_that_can_be_seen(run: Run) -> None:
    run('exercise("01-hello")')
    card = run("%rehearse").cards[0]
    assert "A grader would give `hello.ipynb`, as it is saved, 4 of the 7 points" in card
    rows = {line.strip(): line for line in card.splitlines()}
    (goodbye,) = (line for line in rows if line.startswith("It says goodbye"))
    assert "failed" in goodbye
    (hidden,) = (line for line in rows if line.startswith(HIDDEN))
    assert "hidden" in hidden and "when this is handed in" in hidden
    assert "is not saved" not in card


def test_a_grader_takes_from_a_learners_data_what_it_takes_from_the_master(folder: Path) -> None:
    for master in sorted((ROOT / "exercises").glob("*/master.ipynb")):
        exercise, learners = read_master(master), exercise_of(read_data(master.with_name(FILE)))
        roles = {cell.id: (cell.role, cell.hidden) for cell in exercise.cells if cell.role is not Role.PROSE}
        assert {cell.id: (cell.role, cell.hidden) for cell in learners.cells} == roles
        assert {name: cell.magic for name, cell in learners.answers.items()} == {
            name: cell.magic for name, cell in exercise.answers.items()
        }
        assert learners.points == exercise.points
    handed_in = take_answers(folder / "hello.ipynb", exercise_of(read_data(folder / FILE)))
    assert "hello init" in handed_in.answers["hello"] and not handed_in.remarks


@pytest.mark.parametrize("text", ["", "{}", '{"cells": [], "nbformat": 4}'])
def test_what_is_no_notebook_of_the_exercise_is_a_sentence(folder: Path, text: str) -> None:
    (folder / "hello.ipynb").write_text(text)
    with pytest.raises(UsageError, match=r"hello\.ipynb: .+\."):
        take_answers(folder / "hello.ipynb", exercise_of(read_data(folder / FILE)))


def test_the_notebook_is_found(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_notebook(folder, [], "01-hello") == folder / "hello.ipynb"
    shutil.copy(folder / "hello.ipynb", folder / "copy.ipynb")
    with pytest.raises(UsageError, match="this notebook's file is unknown"):
        find_notebook(folder, [], "01-hello")
    monkeypatch.setenv("JPY_SESSION_NAME", str(folder / "copy.ipynb"))
    assert find_notebook(folder, [], "01-hello") == folder / "copy.ipynb"
    assert find_notebook(folder, ["hello.ipynb"], "01-hello") == folder / "hello.ipynb"
    with pytest.raises(UsageError, match="no notebook"):
        find_notebook(folder, ["other.ipynb"], "01-hello")
