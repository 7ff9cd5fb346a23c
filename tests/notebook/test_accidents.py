"""Beginners' accidents in an exercise's notebook: each is answered in a sentence, with the way back."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from cells import Run
from IPython.core.interactiveshell import InteractiveShell

from kmodlab.checks.registry import read_check
from kmodlab.course.exercise import read_master
from kmodlab.course.exercise_data import FILE, read_data
from kmodlab.notebook import autoload
from kmodlab.notebook.checks import CheckState
from kmodlab.notebook.extension import is_loaded, unload
from kmodlab.notebook.state import NotebookState

ROOT = Path(__file__).parents[2]
HELLO = ROOT / "exercises" / "01-hello"
LOADED = "It says hello when it is loaded"


@pytest.fixture
def exercise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a learner's exercise, in which a notebook runs; nothing is kept of its results."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    folder = tmp_path / "01-hello"
    folder.mkdir()
    shutil.copy(HELLO / FILE, folder)
    monkeypatch.chdir(folder)
    return folder


def test_the_data_say_of_each_visible_check_what_its_master_says() -> None:
    for master in sorted((ROOT / "exercises").glob("*/master.ipynb")):
        data = read_data(master.with_name(FILE))
        cells = [cell for cell in read_master(master).cells if cell.check]
        visible = {cell.check.title: read_check(cell.source) for cell in cells if cell.check and not cell.hidden}
        assert list(data.checks) == list(visible)
        for title, check in visible.items():
            other = data.checks[title]
            assert (other.points, other.hints, other.partial) == (check.points, check.hints, check.partial)
            assert len(other.expectations) == len(check.expectations)
        assert list(data.hidden) == [cell.check.title for cell in cells if cell.check and cell.hidden]


@pytest.mark.usefixtures("exercise")
def test_a_check_before_any_other_cell_says_what_to_run(run: Run) -> None:
    cell = run(f'check("{LOADED}")')
    assert "There is no module `hello` yet." in cell.cards[0]
    assert "No cell of yours was run since this notebook was started." in cell.cards[0]
    assert "Run the cell that begins with `%%kmod hello`." in run("hint()").text


@pytest.mark.usefixtures("exercise")
def test_a_damaged_title_names_the_nearest_check(run: Run) -> None:
    text = run('check("It says hello when it is")').text
    assert f'Did you mean `check("{LOADED}")`?' in text and "`%given` puts a given cell back" in text


@pytest.mark.usefixtures("exercise")
def test_a_hidden_check_is_made_later(run: Run) -> None:
    assert "is made when this is graded" in run('check("It says each thing once, and in time")').text


@pytest.mark.parametrize("text", [None, "", "{}", '{"exercise": "01-hello", "checks": [{}]}', "no JSON"])
def test_lost_or_damaged_data_are_put_back(run: Run, exercise: Path, text: str | None) -> None:
    (exercise / FILE).unlink()
    if text is not None:
        (exercise / FILE).write_text(text)
    said = run(f'check("{LOADED}")').text
    assert "Traceback" not in said
    assert ("kmodlab course" in said) is (text is not None)
    assert ("It is not known which exercise" in said) is (text is None)


@pytest.mark.usefixtures("exercise")
def test_progress_counts_what_can_be_reached_here_and_hidden_checks_apart(run: Run) -> None:
    run('exercise("01-hello")')
    row = next(line for line in run("progress()").text.splitlines() if "01-hello" in line)
    assert "0 of 7" in row and row.split()[-1] == "1"


@pytest.mark.usefixtures("exercise")
def test_a_lost_cell_is_given_again(run: Run) -> None:
    assert "%given greets" in run("%given").text
    assert "as it was given" in run("%given greets").text
    assert "has no cell 'nosuch'" in run("%given nosuch").text


def ran(checks: CheckState, cell_id: str, source: str) -> None:
    checks.note(SimpleNamespace(raw_cell=source, cell_id=cell_id))


@pytest.mark.parametrize("first_line", ["%%kmod helo", "#include <linux/module.h>"])
def test_a_cell_that_is_something_else_now_is_not_checked_as_it_was(first_line: str) -> None:
    checks = CheckState(NotebookState())
    ran(checks, "a", "%%kmod hello\nold text")
    ran(checks, "a", f"{first_line}\nnew text")
    assert [name for _kind, name in checks.cells] == (["helo"] if "helo" in first_line else [])
    assert checks.replaced == {"%%kmod hello": first_line}
    ran(checks, "b", "%%kmod hello\nanother cell")
    assert checks.replaced == {}


def test_after_a_restart_a_check_loads_kmodlab_by_itself() -> None:
    shell = InteractiveShell()
    autoload.load_ipython_extension(shell)
    shell.run_cell("1 + 1")
    assert not is_loaded(shell)
    assert shell.run_cell("hint()").success
    assert is_loaded(shell)
    unload(shell)


@pytest.mark.parametrize("before", ["1 + 1", "hint()"])
def test_the_first_cell_says_nothing_of_kmodlab_being_loaded_already(
    before: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shell = InteractiveShell()
    autoload.load_ipython_extension(shell)
    shell.run_cell(before)
    capsys.readouterr()
    assert shell.run_cell("%load_ext kmodlab\nhint()").success
    assert "already" not in capsys.readouterr().out
    shell.run_line_magic("unload_ext", "kmodlab")
    assert not is_loaded(shell)


def test_the_file_is_json_that_can_be_read() -> None:
    assert json.loads((HELLO / FILE).read_text())["checks"][1]["expects"] == ['loads("hello")', 'logs("hello init")']
