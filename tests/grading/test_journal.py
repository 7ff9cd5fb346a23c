"""What is in the journal stays there, whatever ends the process that wrote it."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from kmodlab.checks.check_result import CheckResult, Line, Status
from kmodlab.errors import SetupError
from kmodlab.grading.journal import Journal
from kmodlab.grading.models import Grade, GradeState

LINE = Line("hello.c", 7, "return 0;")
PASSED = CheckResult("It builds", Status.PASSED, 1.0, 1, id="builds", seconds=0.25)
FAILED = CheckResult(
    *("It\u2028greets", Status.FAILED, 0.5, 2, "no", LINE, ("look",)), id="greets", hidden=True, seconds=1.5
)
ERRORED = CheckResult("It parts", Status.ERRORED, None, 2, "ours", id="parts", seconds=1.5)


def grade(learner: str, *checks: CheckResult) -> Grade:
    return Grade(learner, "01-hello", "Hello", "x.ipynb", "d", GradeState.GRADED, checks, answers={"hello": "int x;"})


def test_checks_come_back_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with Journal(path) as journal:
        for check in (PASSED, FAILED, ERRORED):
            journal.add_check("d", check)
    with Journal(path) as journal:
        assert journal.checks("d") == {"builds": PASSED, "greets": FAILED}  # errored is no answer
        assert journal.checks("other") == {}


def test_a_later_grade_replaces_an_earlier_one(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal.sqlite") as journal:
        for each in (grade("bob", PASSED), grade("ada", FAILED), grade("bob", FAILED)):
            journal.add_grade(each)
        assert journal.grades() == [grade("ada", FAILED), grade("bob", FAILED)]


def test_a_run_is_unfinished_until_it_ends(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with Journal(path) as journal:
        assert journal.unfinished is None
        journal.begin({"submissions": ["a"]})
    with Journal(path) as journal:
        assert journal.unfinished == {"submissions": ["a"]}
        journal.end()
        assert journal.unfinished is None


def test_what_was_added_survives_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    script = f"""
import os, signal, sys
sys.path[:0] = {[str(Path(__file__).parent), str(Path(__file__).parents[1] / "support")]!r}
from test_journal import *
journal = Journal(Path({str(path)!r}))
journal.begin({{"a": 1}})
journal.add_check("d", PASSED)
journal.add_grade(grade("ada", PASSED))
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -signal.SIGKILL
    with Journal(path) as journal:
        assert journal.checks("d") == {"builds": PASSED}
        assert journal.grades() == [grade("ada", PASSED)]
        assert journal.unfinished == {"a": 1}


@pytest.mark.parametrize("content", [b"no database at all" * 100, b"SQLite format 3\0" + bytes(2000)])
def test_a_damaged_journal_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "journal.sqlite"
    path.write_bytes(content)
    with pytest.raises(SetupError) as caught:
        Journal(path)
    assert "damaged" in str(caught.value)
