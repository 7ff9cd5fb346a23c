"""Checks as a learner meets them: cards, points, hints, progress, in a real IPython with real guests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cells import Run

from kmodlab.notebook.views.buttons import press

HELLO = """\
%%kmod hello
#include <linux/module.h>
static int hello_init(void)
{
    CODE
    return 0;
}
module_init(hello_init);
MODULE_LICENSE("GPL");
"""
CHECK = 'check("It greets", loads("hello"), logs("hello there"), points=2, hints=["Where?", "With pr_info()."])'
GREETS = HELLO.replace("CODE", 'pr_info("hello there\\n");')


@pytest.fixture(autouse=True)
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    return tmp_path / "kmodlab" / "progress.json"


def marks(record: Path) -> dict[str, dict[str, Any]]:
    exercises: dict[str, dict[str, Any]] = json.loads(record.read_text())["exercises"]
    return exercises


def test_a_check_that_passes_shows_a_green_card_and_gives_its_points(
    run: Run, record: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run('exercise("01-hello")')
    run(GREETS)
    cell = run(CHECK)
    assert cell.cards == ["✓ It greets: 2 of 2 points"]
    assert not cell.stderr
    assert "km-check-passed" in cell.pages[0]
    assert marks(record)["01-hello"]["It greets"]["points"] == 2
    assert "2.0" not in cell.stdout
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")  # nbgrader reads the points below the card
    assert run(CHECK).stdout.rstrip().endswith("2.0")


def test_a_check_that_fails_says_why_where_and_gives_no_points(run: Run) -> None:
    run(HELLO.replace("CODE", "nosuch();"))
    cell = run(CHECK)
    assert "✗ It greets: 0 of 2 points" in cell.cards[0]
    assert "does not compile" in cell.cards[0]
    assert "It is about line 5 of `hello.c`:" in cell.cards[0]
    assert ">    5 |     nosuch();" in cell.cards[0]
    assert "km-check-failed" in cell.pages[0]
    assert run(CHECK).cards == cell.cards  # from run to run it says the same


def test_hints_come_one_at_a_time_and_end(run: Run, record: Path) -> None:
    run('exercise("01-hello")')
    run(HELLO.replace("CODE", ""))
    assert "There are 2 hints: `hint()` shows the first." in run(CHECK).cards[0]
    assert "With pr_info()" not in run(CHECK).pages[0]
    assert "Hint 1 for “It greets”: Where?" in run("hint()").text
    assert "Hint 2 for “It greets”: With pr_info()." in run("hint()").text
    assert "It is the last one." in run("hint()").text
    assert marks(record)["01-hello"]["It greets"]["hints"] == 2
    run(GREETS)
    run(CHECK)
    assert "The last check passed." in run("hint()").text
    assert marks(record)["01-hello"]["It greets"] == {"points": 2.0, "of": 2.0, "status": "passed", "hints": 2}


def test_a_button_shows_one_hint_after_the_other(run: Run, record: Path) -> None:
    run('exercise("01-hello")')
    run(HELLO.replace("CODE", ""))
    (button,) = run(CHECK).buttons
    assert button["labels"] == ["next hint"]
    first, second, again = (press({"key": button["key"], "number": 0}) for _ in range(3))
    assert "Where?" in first["html"] and first["enabled"] == [0]
    assert "With pr_info()." in second["html"] and second["enabled"] == []
    assert again == second
    assert marks(record)["01-hello"]["It greets"]["hints"] == 2


def test_the_cell_as_it_was_run_last_is_checked(run: Run) -> None:
    run(GREETS)
    run(HELLO.replace("CODE", ""))
    assert "✗" in run(CHECK).cards[0]
    run(GREETS)
    assert "✓" in run(CHECK).cards[0]
    assert "no module `other` yet" in run('check("c", loads("other"))').cards[0]


def test_a_check_leaves_the_learners_guest_alone(run: Run) -> None:
    run(GREETS)
    run("%guest touch /root/mine")
    run('check("It crashes", runs("echo c >/proc/sysrq-trigger"))')
    assert "mine" in run("%guest ls /root").text
    assert "hello" in run("%lsmod").text


def test_answers_and_scripts_are_written_down_and_checked(run: Run) -> None:
    run(GREETS)  # a script is given all modules, so the one that another test left must be a right one
    assert "Your answer `q` is written down." in run("%%answer q\nForty-two").text
    assert "✓" in run('check("q", answers("q", "forty-two"))').cards[0]
    assert "said" in run("%%kscript s\necho said\n").text
    assert "✓" in run('check("s", runs_script("s"), prints("said"))').cards[0]
    assert run("%%answer\nx").error
    assert run("%%kscript a b\nx").error


def test_a_check_that_could_not_be_made_is_grey_and_gives_no_number(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run(HELLO.replace("CODE", "nosuch_again();"))  # what was not built is built again for a check
    monkeypatch.setenv("PATH", "/nonexistent")
    cell = run('check("c", builds("hello"))')
    assert "? c: not checked" in cell.cards[0]
    assert "costs no points" in cell.cards[0]
    assert "km-check-errored" in cell.pages[0]
    assert cell.error
    assert "0.0" not in cell.stdout


def test_progress_shows_what_was_reached(run: Run, record: Path) -> None:
    run('exercise("01-hello")')
    run(GREETS)
    run(CHECK)
    text = run("progress()").text
    assert "2 points so far" in text
    assert "01-hello" in text
    assert str(record) in text


def test_hostile_text_in_a_card_stays_text(run: Run) -> None:
    run(HELLO.replace("CODE", '<script>alert("\x1b[2J");</script>'))
    cell = run(CHECK)
    assert "<script>" not in cell.pages[0]
    assert "\x1b" not in cell.cards[0] + cell.pages[0]
