"""The autograder for Gradescope, laid out and run as its documentation says, below another folder than /autograder."""

from __future__ import annotations

import json
import os
import shlex
import stat
import subprocess
import sys
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest
from click.testing import CliRunner

from kmodlab.cli.autograder import gradescope
from kmodlab.course.exercise import Exercise, read_master
from kmodlab.grading.integrations.autograder import pack
from kmodlab.guest.lab import Lab
from kmodlab.settings import get_settings

ROOT = Path(__file__).parents[2]
NAMES = ("01-hello",)


@pytest.fixture(scope="module")
def exercises() -> list[Exercise]:
    return [read_master(ROOT / "exercises" / name / "master.ipynb") for name in NAMES]


@dataclass(frozen=True)
class Autograder:
    """What stands for /autograder."""

    root: Path

    def submit(self, name: str, content: bytes) -> None:
        path = self.root / "submission" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def run(self, **environment: str) -> subprocess.CompletedProcess[str]:
        """As Gradescope's harness runs it: in that folder, without arguments."""
        settings = {"KMODLAB_AUTOGRADER_ROOT": str(self.root), "KMODLAB_CACHE_DIR": str(get_settings().cache_dir)}
        command = [self.root / "run_autograder"]
        environment = {**os.environ, **settings, **environment}
        return subprocess.run(command, cwd=self.root, env=environment, capture_output=True, text=True, check=False)

    @property
    def results(self) -> Any:
        return json.loads((self.root / "results" / "results.json").read_text())


@pytest.fixture
def autograder(exercises: list[Exercise], lab: Lab, tmp_path: Path) -> Autograder:
    """The zip file, unpacked where Gradescope does that; its set-up is made, but for installing packages."""
    root = tmp_path / "autograder"
    folders = [str(exercise.path.parent) for exercise in exercises]
    command = CliRunner().invoke(gradescope, [str(tmp_path / "autograder.zip"), *folders])
    assert command.exit_code == 0, command.output
    with zipfile.ZipFile(tmp_path / "autograder.zip") as archive:
        archive.extractall(root / "source")
    for name in ("submission", "results"):
        (root / name).mkdir()
    (root / "run_autograder").write_bytes((root / "source" / "run_autograder").read_bytes())
    (root / "run_autograder").chmod(0o755)
    # What binder/setup.sh would have made: the command, running the sources that came along.
    program = root / "source" / "kmodlab" / ".venv" / "bin" / "kmodlab"
    program.parent.mkdir(parents=True)
    sources = shlex.quote(str(root / "source" / "kmodlab"))
    program.write_text(f'#!/bin/sh\nPYTHONPATH={sources} exec {shlex.quote(sys.executable)} -P -m kmodlab "$@"\n')
    program.chmod(0o755)
    return Autograder(root)


def handed_in(exercise: Exercise, *, solved: bool) -> bytes:
    notebook = nbformat.read(exercise.notebook, as_version=4)
    for cell in notebook.cells:
        if solved and cell.id in exercise.answers:
            cell.source = exercise.answers[cell.id].source
    text: str = nbformat.writes(notebook)
    return text.encode()


def test_the_zip_file_has_the_scripts_at_its_root_and_nothing_of_this_machine(
    exercises: list[Exercise], tmp_path: Path
) -> None:
    pack(exercises, tmp_path / "a.zip")
    pack(exercises, tmp_path / "b.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        modes = {member.filename: member.external_attr >> 16 for member in archive.infolist()}
    assert all(modes[name] & stat.S_IXUSR for name in ("setup.sh", "run_autograder", "kmodlab/binder/setup.sh"))
    assert "exercises/01-hello/master.ipynb" in modes
    assert "kmodlab/kmodlab/grading/formats/pages/feedback.html" in modes
    assert not [name for name in modes if "__pycache__" in name or name.startswith(("/", "kmodlab/tests", "kmodlab/."))]


def test_what_the_image_installs_can_grade() -> None:
    locked = (ROOT / "binder" / "requirements.txt").read_text()
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["grading"]
    assert not [name for name in needed if f"\n{name.partition('>')[0]}==" not in locked]


def test_a_right_submission_gets_all_points(autograder: Autograder, exercises: list[Exercise]) -> None:
    autograder.submit("any name.ipynb", handed_in(exercises[0], solved=True))
    done = autograder.run()
    assert done.returncode == 0, done.stdout + done.stderr
    results = autograder.results
    assert results["score"] == exercises[0].points == sum(test["max_score"] for test in results["tests"])
    assert {test["status"] for test in results["tests"]} == {"passed"}
    assert results["output"] == ""
    assert stat.S_IMODE((autograder.root / "source" / "exercises").stat().st_mode) & 0o077 == 0


def test_what_errored_leaves_no_results_so_nobody_gets_a_zero(
    autograder: Autograder, exercises: list[Exercise], tmp_path: Path
) -> None:
    autograder.submit("hello.ipynb", handed_in(exercises[0], solved=True))
    (autograder.root / "results" / "results.json").write_text('{"score": 0}')
    done = autograder.run(KMODLAB_CACHE_DIR=str(tmp_path / "no lab"))
    assert done.returncode == 4
    assert not (autograder.root / "results" / "results.json").exists()


def test_no_notebook_is_no_points_and_a_sentence(autograder: Autograder) -> None:
    autograder.submit("hello.ipynb", b"[")
    autograder.submit("notes.txt", b"hello")
    assert autograder.run().returncode == 0
    assert autograder.results["score"] == 0
    assert "cut off" in autograder.results["output"]


def test_nothing_is_judged_without_a_sandbox(autograder: Autograder, exercises: list[Exercise]) -> None:
    autograder.submit("hello.ipynb", handed_in(exercises[0], solved=False))
    assert autograder.run(KMODLAB_SANDBOX="off").returncode == 4
    assert not (autograder.root / "results" / "results.json").exists()
