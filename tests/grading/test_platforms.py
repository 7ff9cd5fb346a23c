"""What learning platforms import: the grades of the learners whom the platform's own names of files tell apart."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from kmodlab.checks.check_result import CheckResult, Status
from kmodlab.grading.formats import overview
from kmodlab.grading.formats.platforms import write_brightspace, write_canvas, write_moodle
from kmodlab.grading.models import Grade, GradeState

NAME = "02-parameters"
ADA, BOB, EVE = "Ada Lovelace_730100", "Bob_B. Berg_730101", "eve"
SECRET = "the hidden reason"


def a_grade(learner: str, points: float | None = 2, reason: str = "no") -> Grade:
    status = Status.ERRORED if points is None else Status.PASSED if points == 2 else Status.FAILED
    hidden = CheckResult("Hidden", Status.FAILED, 0, 1, id="hidden", reason=SECRET, hidden=True)
    checks = (CheckResult("It greets", status, points, 2, id="greets", reason=reason), hidden)
    state = GradeState.ERRORED if points is None else GradeState.GRADED
    return Grade(learner, NAME, "Parameters", "source", "digest", state, checks=checks)


GRADES = (a_grade(ADA), a_grade(BOB, None), replace(a_grade(EVE, 0), late=True, late_percent=10))


def table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text())))


def test_moodles_worksheet_has_participants_and_keeps_what_errored(tmp_path: Path) -> None:
    write_moodle(GRADES, tmp_path)
    rows = table(tmp_path / "moodle" / f"{NAME}.csv")
    assert [(row["Identifier"], row["Full name"], row["Grade"]) for row in rows] == [
        ("Participant 730100", "Ada Lovelace", "2"),
        ("Participant 730101", "Bob_B. Berg", ""),
        ("", "eve", "0"),
    ]


def test_moodles_feedback_has_a_page_for_each_participant_without_hidden_reasons(tmp_path: Path) -> None:
    write_moodle(GRADES, tmp_path)
    with zipfile.ZipFile(tmp_path / "moodle" / f"{NAME}-feedback.zip") as archive:
        pages = {name: archive.read(name).decode() for name in archive.namelist()}
    # Moodle takes the number between the first two underscores.
    assert [name.split("_", 4)[1:4] for name in pages] == [
        ["730100", "assignsubmission", "file"],
        ["730101", "assignsubmission", "file"],
    ]
    assert "2 of 3 points" in pages["Ada Lovelace_730100_assignsubmission_file_feedback.html"]
    assert not [name for name, page in pages.items() if SECRET in page]


def test_canvas_and_brightspace_have_a_column_for_each_exercise(tmp_path: Path) -> None:
    write_canvas(GRADES, tmp_path)
    write_brightspace(GRADES, tmp_path)
    canvas, brightspace = table(tmp_path / "canvas.csv"), table(tmp_path / "brightspace.csv")
    assert [(row["ID"], row[NAME]) for row in canvas] == [("730100", "2"), ("730101", ""), ("", "0")]
    assert [(row["Username"], row["End-of-Line Indicator"]) for row in brightspace][2] == ("eve", "#")


def frequent(reasons: Sequence[str], folder: Path) -> str:
    overview.write([a_grade(f"learner{number}", 0, reason) for number, reason in enumerate(reasons)], folder)
    page = (folder / "overview.html").read_text()
    return " ".join(page[page.index("most frequent") :].split())


def test_reasons_that_differ_in_random_values_only_are_one_error(tmp_path: Path) -> None:
    text = frequent(["`echo 75 >volume` succeeded.", "`echo 88 >volume` succeeded.", "`m` has no `whom`."], tmp_path)
    assert text.count("succeeded.") == 1
    assert "has no" in text
