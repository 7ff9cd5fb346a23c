"""The week that the documentation tells, done again on its class of 40: its commands, and what they say."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from moodle_class import NAME, later, make_class, make_export

from kmodlab.guest.lab import Lab

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("grade")]

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "exercises" / "GRADING.md").read_text()
SECTION = TEXT[TEXT.index("## A week\n") : TEXT.index("## What is graded\n")]
LEFT_OUT = "…"
# What is another each time: what was first, how long it took, random values.
VARYING = re.compile(r"^\d+/\d+ .*|\d+ s\b|[\d.]+ a minute")


def steps() -> Iterator[tuple[str, str]]:
    """The day, and each block of that day: commands with what they say, or a file's text."""
    for day, text in re.findall(r"^\*\*(\w+): .*?\*\*(.*?)(?=^\*\*|\Z)", SECTION, re.MULTILINE | re.DOTALL):
        for block in re.findall(r"^```\w+\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
            yield day, block


def calls_in(block: str) -> Iterator[tuple[str, list[str]]]:
    """Each command of a block, and the lines that it must print."""
    for part in block.replace("\\\n", " ").split("$ ")[1:]:
        command, *lines = part.splitlines()
        yield command, [masked(line) for line in lines if line != LEFT_OUT]


def masked(line: str) -> str:
    return VARYING.sub("#", line)


def run(command: str, folder: Path) -> list[str]:
    environment = {**os.environ, "COLUMNS": "1000", "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    environment["PYTHONPATH"] = str(ROOT)
    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, timeout=1800, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return [masked(line) for line in (done.stdout + done.stderr).splitlines()]


@pytest.fixture(scope="module")
def week(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of somebody who has done it all."""
    folder = tmp_path_factory.mktemp("week")
    (folder / "exercises").symlink_to(ROOT / "exercises")
    make_export(folder, make_class())
    days = []
    for day, block in steps():
        if day == "Thursday" and day not in days:
            make_export(folder, later(make_class()))
        days.append(day)
        if not block.startswith("$ "):
            (folder / "marks" / "adjustments.csv").write_text(block)
            continue
        for command, expected in calls_in(block):
            said = run(command, folder)
            assert not [line for line in expected if line not in said], said
    assert days == ["Monday", "Wednesday", "Wednesday", "Thursday"]
    return folder


def test_everybody_has_a_row_and_the_worksheet_has_the_same_marks(week: Path) -> None:
    with (week / "marks" / "gradebook.csv").open(newline="") as file:
        gradebook = {row["learner"]: row["points"] for row in csv.DictReader(file)}
    assert set(gradebook) == {handed.learner for handed in make_class()}
    with (week / "marks" / "moodle" / f"{NAME}.csv").open(newline="") as file:
        worksheet = {f"{row['Full name']}_{row['Identifier'].split()[1]}": row["Grade"] for row in csv.DictReader(file)}
    assert worksheet == gradebook


def test_the_twins_are_in_the_overview(week: Path) -> None:
    page = " ".join(re.sub(r"<[^>]+>", " ", (week / "marks" / "overview.html").read_text()).split())
    twins = ", ".join(handed.learner for handed in make_class() if handed.way == "twin")
    assert f"{twins} 100 %" in page


def test_each_page_of_feedback_goes_to_its_participant(week: Path) -> None:
    with zipfile.ZipFile(week / "marks" / "moodle" / f"{NAME}-feedback.zip") as archive:
        pages = {name: archive.read(name).decode() for name in archive.namelist()}
    assert len(pages) == 40
    for handed in make_class():
        assert f"Feedback for {handed.learner}<" in pages[f"{handed.learner}_assignsubmission_file_feedback.html"]
