"""GitHub Classroom's workflow, as the documentation has it: its commands, run as the runner and its graders do."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
import yaml

from kmodlab.course.exercise import read_master
from kmodlab.guest.lab import Lab
from kmodlab.settings import get_settings

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "exercises" / "GRADING-integrations.md"
GRADER = "classroom-resources/autograding-command-grader@v1"
EXERCISE = read_master(ROOT / "exercises" / "01-hello" / "master.ipynb")


def steps() -> list[dict[str, Any]]:
    (text,) = re.findall(r"^```yaml\n(name: Autograding\n.*?)^```$", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
    (job,) = yaml.safe_load(text)["jobs"].values()
    return list(job["steps"])


@pytest.fixture
def checkout(lab: Lab, tmp_path: Path) -> Path:
    """The learner's repository with the course's beside it, as both checkouts and the set-up leave them."""
    repository = tmp_path / "repository"
    course = repository / "kmodlab"
    program = course / ".venv" / "bin" / "kmodlab"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -P -m kmodlab "$@"\n')
    program.chmod(0o755)
    (course / "exercises").symlink_to(EXERCISE.path.parents[1])
    return repository


def bash(command: str, checkout: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "KMODLAB_CACHE_DIR": str(get_settings().cache_dir), "PYTHONPATH": str(ROOT)}
    words = ["bash", "-e", "-c", command]
    return subprocess.run(
        words, cwd=checkout, env=environment, capture_output=True, text=True, timeout=300, check=False
    )


def hand_in(checkout: Path, changed: tuple[str, str]) -> None:
    notebook = nbformat.read(EXERCISE.notebook, as_version=4)
    for cell in notebook.cells:
        if cell.id in EXERCISE.answers:
            cell.source = EXERCISE.answers[cell.id].source.replace(*changed)
    nbformat.write(notebook, checkout / "hello.ipynb")


def grade(checkout: Path) -> None:
    (script,) = [step["run"] for step in steps() if " grade " in step.get("run", "")]
    (command,) = [line for line in script.splitlines() if " grade " in line]
    done = bash(command, checkout)
    assert done.returncode == 0, done.stdout + done.stderr


def earned(checkout: Path) -> dict[str, int]:
    """Points by check, as the graders give them: all where the command ends with status 0."""
    tests = [step for step in steps() if step.get("uses") == GRADER]
    passed = {step["id"]: bash(step["with"]["command"], checkout).returncode == 0 for step in tests}
    return {step["id"]: step["with"]["max-score"] * passed[step["id"]] for step in tests}


def test_the_workflow_names_checks_that_there_are_with_their_points() -> None:
    tests = [step for step in steps() if step.get("uses") == GRADER]
    assert len(tests) == 2
    for step in tests:
        check = EXERCISE.checks[step["id"]]
        assert step["with"]["max-score"] == check.points
        assert step["with"]["command"].endswith(f" {step['id']}")
        assert check.title.startswith(step["with"]["test-name"])


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        pytest.param(("", ""), {"greets": 2, "parts": 2}, id="all", marks=pytest.mark.long),
        pytest.param(("hello exit", "bye"), {"greets": 2, "parts": 0}, id="some"),
    ],
)
def test_its_commands_give_the_points_that_were_earned(
    changed: tuple[str, str], expected: dict[str, int], checkout: Path
) -> None:
    hand_in(checkout, changed)
    grade(checkout)
    assert earned(checkout) == expected


@pytest.mark.long
def test_what_a_learner_committed_is_not_taken_for_results(checkout: Path) -> None:
    hand_in(checkout, ("hello init", "hi"))
    result = {"learner": "hello", "exercise": EXERCISE.name, "checks": []}
    planted = checkout / "marks" / "results" / EXERCISE.name / "hello.json"
    planted.parent.mkdir(parents=True)
    planted.write_text(json.dumps(result))
    (checkout / "marks" / "adjustments.csv").write_text(f"learner,exercise,points,comment\nhello,{EXERCISE.name},8,\n")
    grade(checkout)
    assert earned(checkout)["greets"] == 0
    assert not (checkout / "marks" / "journal.sqlite").exists()
