"""A class in which every second submission is odd: good ones get their marks, and each odd one a row that says why."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from attacks import EXERCISES, FULL, as_notebook, master, right_answers
from hostile_files import Handed
from odd_forms import RIGHT, Odd
from odd_submissions import REJECTED, WRONG

from kmodlab.course.exercise import Exercise, read_master
from kmodlab.grading.grader import Plan, make_plan, read_exercises
from kmodlab.grading.intake import read_submissions
from kmodlab.grading.models import HandedIn, Setting
from kmodlab.guest.lab import Lab

NAME = "93-words"
TRUE = {"tool": "%%answer tool\ninsmod", "file": "%%answer file\nmodules.dep"}
FALSE = {"tool": "%%answer tool\nmagic", "file": "%%answer file\nmagic"}
ODD = (*RIGHT, *WRONG, *REJECTED)
GOOD = 60
every_odd = pytest.mark.parametrize("odd", ODD, ids=[ascii(f"{odd.kind}: {odd.name}")[1:-1] for odd in ODD])


@dataclass(frozen=True)
class OddClass:
    """Where masters and submissions are, and under which names the odd ones must be found."""

    masters: Path
    given: Path
    learners: Mapping[str, str]

    @property
    def exercises(self) -> Mapping[str, Exercise]:
        return {name: read_master(self.masters / name / "master.ipynb") for name in EXERCISES}


@pytest.fixture(scope="module")
def odd_class(tmp_path_factory: pytest.TempPathFactory) -> OddClass:
    folder = tmp_path_factory.mktemp("odd")
    masters, given = folder / "exercises", folder / "given"
    given.mkdir()
    for name in EXERCISES:
        (masters / name).mkdir(parents=True)
        (masters / name / "master.ipynb").write_text(master(name, {}))
    exercise = read_master(masters / NAME / "master.ipynb")
    right, wrong = as_notebook(exercise, TRUE), as_notebook(exercise, FALSE)
    learners = {}
    for number, odd in enumerate(ODD):
        handed = Handed(given, f"odd{number:03}", "words.ipynb", wrong, right, str)
        learners[key(odd)] = odd.place(handed)
    return OddClass(masters, given, learners)


def key(odd: Odd) -> str:
    return f"{odd.kind}: {odd.name}"


# ---- read ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def plan(odd_class: OddClass) -> Plan:
    exercises, texts = read_exercises([odd_class.masters / NAME / "master.ipynb"])
    handed_in = read_submissions([odd_class.given], list(exercises))
    return make_plan(handed_in, exercises, texts, Setting("", "", sandboxed=True))


@pytest.fixture(scope="module")
def planned(plan: Plan) -> Mapping[str, HandedIn]:
    assert len({submission.learner for submission in plan.submissions}) == len(plan.submissions)
    return {submission.learner: submission for submission in plan.submissions}


@every_odd
def test_what_is_odd_is_read_as_what_it_is(odd: Odd, odd_class: OddClass, planned: Mapping[str, HandedIn]) -> None:
    submission = planned[odd_class.learners[key(odd)]]
    assert not submission.fault
    if odd in REJECTED:
        assert not submission.answers
        assert re.search(odd.says, submission.problem), submission.problem
    else:
        assert submission.answers == (TRUE if odd in RIGHT else FALSE)


def test_nobody_is_there_who_handed_nothing_in(odd_class: OddClass, planned: Mapping[str, HandedIn]) -> None:
    assert sorted(planned) == sorted(odd_class.learners.values())
    assert len(ODD) >= GOOD


# ---- graded --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rows(odd_class: OddClass, lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[dict[str, str]]]:
    """The gradebook of the class, with as many who did it right, each in words of their own."""
    for number in range(GOOD):
        name = list(EXERCISES)[number % len(EXERCISES)]
        path = odd_class.given / f"good{number:02}" / f"{name.partition('-')[2]}.ipynb"
        path.parent.mkdir()
        path.write_bytes(as_notebook(odd_class.exercises[name], right_answers(name, f"good{number:02}")))
    out = tmp_path_factory.mktemp("marks")
    line: list[Any] = [sys.executable, "-m", "kmodlab", "grade", odd_class.given, "--out", out, "--jobs", "2"]
    line += ["--exercises", odd_class.masters, "--format", "json,csv,html,moodle,canvas,brightspace,junit"]
    done = subprocess.run(line, capture_output=True, text=True, timeout=1800, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    with (out / "gradebook.csv").open(newline="") as file:
        yield list(csv.DictReader(file))


@pytest.mark.long
def test_every_good_mark_is_right_and_every_odd_one_a_row(rows: list[dict[str, str]], odd_class: OddClass) -> None:
    points = {row["learner"].lstrip("'"): (row["state"], float(row["points"] or "nan")) for row in rows}
    assert len(rows) == len(points) == GOOD + len(ODD)
    assert {points[f"good{number:02}"] for number in range(GOOD)} == {("graded", FULL)}
    for odd in ODD:
        expected = ("rejected", 0.0) if odd in REJECTED else ("graded", FULL if odd in RIGHT else 0.0)
        assert points[odd_class.learners[key(odd)].lstrip("'")] == expected, key(odd)


@pytest.mark.long
def test_every_row_without_marks_says_why(rows: list[dict[str, str]], odd_class: OddClass) -> None:
    remarks = {row["learner"]: row["remarks"] for row in rows}
    for odd in REJECTED:
        assert re.search(odd.says, remarks[odd_class.learners[key(odd)]]), json.dumps(remarks, indent=1)
