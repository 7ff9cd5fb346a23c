"""The autograder for Gradescope in an image of its own: a fresh Debian 12, set up and started as Gradescope does it."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from attacks import as_notebook
from cases import CASES, read_case
from click.testing import CliRunner
from debian_root import DebianRoot, debian_root

from kmodlab.cli.autograder import gradescope
from kmodlab.course.exercise import Exercise, read_master
from kmodlab.grading.integrations.autograder import pack
from kmodlab.submission.cells import split_magic

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("grade")]

ROOT = Path(__file__).parents[2]
NAMES = ("01-hello", "16-modules-dep")


@dataclass(frozen=True)
class Image:
    """A container's root with the autograder in /autograder."""

    root: DebianRoot
    exercises: Mapping[str, Exercise]

    def path(self, name: str) -> Path:
        return self.root.path / "autograder" / name

    def notebook(self, name: str, case: str = "") -> bytes:
        """A learner's notebook: what a case has in its answer cells, or the solution."""
        exercise = self.exercises[name]
        answers = {cell_id: cell.source for cell_id, cell in exercise.answers.items()}
        if case:
            bodies = read_case(CASES / name / case, exercise).answers
            answers = {cell_id: split_magic(answers[cell_id])[0] + body for cell_id, body in bodies.items()}
        return as_notebook(exercise, answers)

    def grade(self, submission: Mapping[str, bytes], *, namespaces: bool = True) -> tuple[int, str]:
        """Start the container for a submission, as the harness does; returns the status and what was printed."""
        for part in ("submission", "results"):
            for path in self.path(part).glob("*"):
                path.unlink()
        for name, content in submission.items():
            (self.path("submission") / name).write_bytes(content)
        about = {"id": 123, "assignment": {"title": "Hello", "total_points": "8.0"}, "users": [{"name": "Ada"}]}
        self.path("submission_metadata.json").write_text(json.dumps(about))
        container = self.root.without(network=False, namespaces=namespaces)
        done = container.run("/autograder/run_autograder", cwd="/autograder")
        return done.returncode, done.stdout + done.stderr

    @property
    def results(self) -> Any:
        return json.loads(self.path("results/results.json").read_text())


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    """The image, built: Gradescope unpacks the file into source, runs setup.sh, and copies run_autograder."""
    folder = tmp_path_factory.mktemp("gradescope")
    exercises = {name: read_master(ROOT / "exercises" / name / "master.ipynb") for name in NAMES}
    packed = CliRunner().invoke(
        gradescope, [str(folder / "autograder.zip"), *(str(one.path.parent) for one in exercises.values())]
    )
    assert packed.exit_code == 0, packed.output
    with debian_root(folder, "bookworm", ("ca-certificates", "curl", "python3")) as root:
        image = Image(root, exercises)
        for name in ("source", "submission", "results"):
            image.path(name).mkdir(parents=True)
        (root.path / "autograder.zip").write_bytes((folder / "autograder.zip").read_bytes())
        unpack = "import zipfile; zipfile.ZipFile('/autograder.zip').extractall('/autograder/source')"
        for command in (
            ["python3", "-c", unpack],
            ["bash", "/autograder/source/setup.sh"],
            ["install", "-m", "755", "/autograder/source/run_autograder", "/autograder/run_autograder"],
        ):
            done = root.run(*command, cwd="/autograder")
            assert done.returncode == 0, done.stdout + done.stderr
        yield image


def test_right_work_gets_all_points_without_a_network(image: Image) -> None:
    submission = {f"{name}.ipynb": image.notebook(name) for name in NAMES}
    status, said = image.grade(submission)
    assert status == 0, said
    results = image.results
    assert results["score"] == sum(exercise.points for exercise in image.exercises.values())
    assert {test["status"] for test in results["tests"]} == {"passed"}
    assert results["output"] == ""


def test_wrong_work_fails_the_check_that_is_to_catch_it(image: Image) -> None:
    exercise = image.exercises["01-hello"]
    caught_by = read_case(CASES / "01-hello" / "wrong_no_author.c", exercise).caught_by
    status, said = image.grade({"hello.ipynb": image.notebook("01-hello", "wrong_no_author.c")})
    assert status == 0, said
    tests = image.results["tests"]
    failed = [test["name"] for test in tests if test["status"] == "failed"]
    titles = [exercise.checks[name].title for name in caught_by]
    assert any(title in failed[0] for title in titles), failed
    # The other exercise was not handed in, and says so.
    assert "No notebook to this exercise was handed in." in json.dumps(image.results)


def test_a_file_that_is_no_notebook_is_no_points_and_a_sentence(image: Image) -> None:
    status, said = image.grade({"hello.ipynb": b"{", "hello.c": b"int x;"})
    assert status == 0, said
    assert image.results["score"] == 0
    assert "cut off" in image.results["output"]


def test_in_a_container_without_namespaces_nobody_gets_a_zero(image: Image) -> None:
    status, said = image.grade({"hello.ipynb": image.notebook("01-hello")}, namespaces=False)
    assert status == 4, said
    assert "Nothing is graded without one." in said
    assert not list(image.path("results").glob("*"))


def test_there_the_file_that_needs_no_sandbox_grades_and_says_so(image: Image, tmp_path: Path) -> None:
    script = image.path("run_autograder")
    usual = script.read_bytes()
    pack(list(image.exercises.values()), tmp_path / "other.zip", without_sandbox=True)
    try:
        with zipfile.ZipFile(tmp_path / "other.zip") as archive:
            script.write_bytes(archive.read("run_autograder"))
        status, said = image.grade({"hello.ipynb": image.notebook("01-hello")}, namespaces=False)
    finally:
        script.write_bytes(usual)
    assert status == 0, said
    hello = image.exercises["01-hello"]
    assert image.results["score"] == hello.points
    assert "sandbox" in json.dumps(image.results)
