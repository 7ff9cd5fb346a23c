"""Checks that need a kernel of our own: skipped where it is not built, and judged on it where it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from crashes import DEBUG_MODULES, MARK
from defects import FOLDER

from kmodlab.checks.check import Check, Expectation, check
from kmodlab.checks.check_result import CheckResult, Status
from kmodlab.checks.evaluate import evaluate
from kmodlab.checks.registry import read_check
from kmodlab.checks.runner import CheckRunner
from kmodlab.course.progress import note_result
from kmodlab.errors import DamagedLabError, UsageError
from kmodlab.grading.formats.redact import for_learners
from kmodlab.grading.formats.results import FORMATS
from kmodlab.grading.models import Grade, GradeState, as_dict, from_dict
from kmodlab.guest.lab import Lab
from kmodlab.guest.own_lab import OwnLab
from kmodlab.notebook.render.check import CheckCard
from kmodlab.submission.learner_sources import LearnerSources


class NotBuilt:
    """A runner on a machine without the kernel; or the kernel is damaged."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    def on(self, _kernel: str) -> None:
        if self.error:
            raise self.error


def examined(_context: object) -> None:
    raise AssertionError


TELL_REASONS = ("json", "csv", "junit", "gradescope", "prairielearn", "feedback")
NEEDS_DEBUG = check("It frees all", Expectation(examined), points=2, kernel="debug")


def skipped(posed: Check = NEEDS_DEBUG, error: Exception | None = None) -> CheckResult:
    runner: Any = NotBuilt(error)
    return evaluate(posed, LearnerSources.of(["%%kmod a"]), runner)


def test_a_check_without_its_kernel_gives_no_points_and_takes_none() -> None:
    result = skipped()
    assert (result.status, result.points, result.max_points) == (Status.SKIPPED, 0, 0)
    assert result.reason.startswith("This check needs the debug kernel, which is not built here.")
    assert result.hints[0].startswith("Build it once: `kmodlab kernel --debug` (about ")
    passed = CheckResult("It loads", Status.PASSED, 3.0, 3)
    grade = Grade("ada", "x", "X", "x.ipynb", "d", GradeState.GRADED, (passed, result))
    assert (grade.points, grade.max_points) == (3, 3)
    assert from_dict(as_dict(grade)) == Grade(
        **{**vars(grade), "answers": {}, "checks": grade.checks}  # the published form has empty answers
    )


def test_a_damaged_kernel_is_no_reason_to_skip_a_check(tmp_path: Path) -> None:
    result = skipped(error=DamagedLabError(tmp_path))
    assert (result.status, result.points, result.max_points) == (Status.ERRORED, None, 2)


def test_a_learner_sees_that_a_check_was_skipped_and_keeps_the_points_of_before(tmp_path: Path) -> None:
    result = skipped()
    card = CheckCard(result)
    assert card.text.splitlines()[0] == "- It frees all: not checked"
    assert "kmodlab kernel --debug" in card.text and "hint()" not in card.text
    assert "km-check-skipped" in card.html
    note_result(tmp_path / "progress.json", "x", result)
    assert not (tmp_path / "progress.json").exists()
    assert for_learners(result).reason == result.reason


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "nbgrader"])
def test_each_format_of_results_takes_a_check_that_was_skipped(name: str, tmp_path: Path) -> None:
    passed = CheckResult("It loads", Status.PASSED, 3.0, 3, id="loads")
    grade = Grade("ada", "x", "X", "x.ipynb", "d", GradeState.GRADED, (passed, skipped()))
    text = "".join(path.read_text() for path in FORMATS[name]([grade], tmp_path))
    assert "3" in text or name == "junit"
    assert "not built here" in text or name not in TELL_REASONS


def test_a_kernel_that_there_is_not_is_refused() -> None:
    with pytest.raises(UsageError, match="kernel='fast'; there are: small, debug"):
        check("A", Expectation(examined), kernel="fast")
    assert read_check('check("A", loads("a"), kernel="debug")').kernel == "debug"


def test_a_runner_knows_of_no_kernel_that_is_not_built(lab: Lab, tmp_path: Path) -> None:
    class Elsewhere(Lab):
        folder = tmp_path

    with CheckRunner(Elsewhere(tmp_path, lab.file, lab.arch)) as runner:
        assert runner.on("debug") is None and runner.on("") is runner


# ---- on the debug kernel -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def runner(lab: Lab) -> Any:
    with CheckRunner(lab, guests=1) as runner:
        yield runner


def judged(runner: CheckRunner, path: Path) -> CheckResult:
    name = path.stem
    posed = read_check(f'check("All is well", loads("{name}"), unloads("{name}"), kernel="debug")')
    return evaluate(posed, LearnerSources.of([f"%%kmod {name}\n{path.read_text()}"]), runner)


@pytest.mark.long
@pytest.mark.usefixtures("debug_lab")
@pytest.mark.parametrize("name", ["usedinexit", "neverfreed", "crosswise"])
def test_a_check_fails_on_what_the_debug_kernel_finds(runner: CheckRunner, name: str) -> None:
    result = judged(runner, DEBUG_MODULES / f"{name}.c")
    assert result.status is Status.FAILED and result.reason.startswith("The kernel reported: ")
    assert result.line is not None and result.line.text.endswith(MARK)


@pytest.mark.long
def test_a_check_passes_on_the_debug_kernel(runner: CheckRunner, debug_lab: OwnLab) -> None:
    result = judged(runner, FOLDER / "correct" / "locks_and_lists.c")
    assert (result.status, result.reason) == (Status.PASSED, "")
    own = runner.on("debug")
    assert own is not None and own.lab == debug_lab
