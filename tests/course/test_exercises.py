"""The exercises keep what they promise: to those who solve them, to those who do not, and to those who peek."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import nbformat
import pytest
from _pytest.mark import ParameterSet
from cases import CASES, Case, own_secrets, read_case, read_stated
from nbformat.v4 import new_output

from kmodlab.checks.check_result import CheckResult, Status
from kmodlab.checks.evaluate import evaluate
from kmodlab.checks.runner import CheckRunner
from kmodlab.course.exercise import Exercise, find_masters, read_master
from kmodlab.course.exercise_data import FILE
from kmodlab.course.release import find_leaks, release, release_data, secrets_of
from kmodlab.guest.lab import Lab
from kmodlab.submission.cells import split_magic
from kmodlab.submission.learner_sources import LearnerSources

ROOT = Path(__file__).parents[2]
MASTERS = find_masters(ROOT / "exercises")
SANITIZERS = ROOT / "notebooks" / "nbval_sanitize.cfg"
WRONG, ODD = (sorted(CASES.glob(f"*/{kind}_*")) for kind in ("wrong", "odd"))

# They take ten seconds and more, and what each shows has a quicker case.
SLOW = (
    "05-exit/starter",
    "07-misc-device/wrong_no_owner",
    "10-usb/odd_list",
    "10-usb/odd_own_memory",
    "10-usb/odd_table_by_address",
    "10-usb/starter",
)
# Masters with each kind of answer that take a few seconds.
QUICK_MASTERS = ("01-hello", "11-makefile", "16-modules-dep")

every_exercise = pytest.mark.parametrize("path", MASTERS, ids=lambda path: path.parent.name)


read_once = cache(read_master)


def name_case(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


def mark_wrong() -> list[ParameterSet]:
    """All wrong solutions. Of those that checks with the same words catch, the first that is not slow is not `long`."""
    met: set[frozenset[str]] = set()
    cases = []
    for path in WRONG:
        exercise = exercise_of(path)
        words = words_of(exercise, read_case(path, exercise).caught_by[0])
        is_long = words in met or name_case(path) in SLOW
        cases.append(pytest.param(path, id=name_case(path), marks=[pytest.mark.long] if is_long else []))
        if not is_long:
            met.add(words)
    return cases


def words_of(exercise: Exercise, check: str) -> frozenset[str]:
    """The words that a check is made of."""
    source = next(cell.source for cell in exercise.cells if cell.id == check)
    return frozenset(node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name))


def mark_odd() -> list[ParameterSet]:
    """All odd but right solutions. The first of each exercise that is not slow is not `long`."""
    first = {path.parent.name: path for path in reversed(ODD) if name_case(path) not in SLOW}
    marks = [[] if path in first.values() else [pytest.mark.long] for path in ODD]
    return [pytest.param(path, id=name_case(path), marks=mark) for path, mark in zip(ODD, marks, strict=True)]


def mark_starters() -> list[ParameterSet]:
    """All masters. One whose starter is slow is `long`."""
    names = [path.parent.name for path in MASTERS]
    marks = [[pytest.mark.long] if f"{name}/starter" in SLOW else [] for name in names]
    return [pytest.param(path, id=name, marks=mark) for path, name, mark in zip(MASTERS, names, marks, strict=True)]


def exercise_of(case: Path) -> Exercise:
    return read_once(ROOT / "exercises" / case.parent.name / "master.ipynb")


@pytest.fixture(scope="module")
def runner(lab: Lab) -> Iterator[CheckRunner]:
    with CheckRunner(lab) as runner:
        yield runner


def judge_work(exercise: Exercise, work: LearnerSources, runner: CheckRunner) -> dict[str, CheckResult]:
    results = {name: evaluate(check, work, runner) for name, check in exercise.checks.items()}
    errored = [result for result in results.values() if result.status is Status.ERRORED]
    assert not errored, errored
    return results


@every_exercise
def test_every_master_says_what_it_teaches(path: Path) -> None:
    assert read_once(path).teaches.endswith(".")


def test_there_are_exercises() -> None:
    assert "01-hello" in [path.parent.name for path in MASTERS]


# ---- what is released ----------------------------------------------------------------------------------------------


@every_exercise
def test_the_learners_version_is_the_release_of_its_master(path: Path) -> None:
    exercise = read_master(path)
    assert exercise.notebook.read_text() == release(exercise), "run `kmodlab release`"


@every_exercise
def test_nothing_of_a_solution_or_a_hidden_check_is_in_the_learners_version(path: Path) -> None:
    exercise = read_master(path)
    assert secrets_of(exercise)
    assert not find_leaks(exercise, exercise.notebook.read_text())


@every_exercise
def test_an_answer_of_one_letter_is_in_no_visible_check_of_its_own(path: Path) -> None:
    exercise = read_master(path)
    visible = "\n".join(cell.source for cell in exercise.cells if cell.check and not cell.hidden)
    letters = [name for name, text in exercise.solution.answers.items() if len(text.split()[-1]) == 1]
    assert not [name for name in letters if f'answers("{name}"' in visible]


@every_exercise
def test_beside_the_two_notebooks_lies_what_the_checks_expect(path: Path) -> None:
    exercise = read_master(path)
    beside = {other.name for other in path.parent.iterdir()} - {"__pycache__", ".ipynb_checkpoints"}
    assert beside == {path.name, exercise.notebook.name, FILE}
    assert exercise.notebook.with_name(FILE).read_text() == release_data(exercise), "run `kmodlab release`"
    assert not find_leaks(exercise, release(exercise), release_data(exercise))


def test_the_wheel_holds_no_line_of_a_solution_or_a_hidden_check(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    secrets = {line: name for name in MASTERS for line in own_secrets(read_master(name))}
    with zipfile.ZipFile(wheel) as archive:
        assert not [name for name in archive.namelist() if name.endswith("master.ipynb") or "exercises/README" in name]
        texts = {name: archive.read(name).decode("utf-8", "replace") for name in archive.namelist()}
    for line, master in secrets.items():
        # The course's notebooks, and other exercises, may teach what one exercise asks for.
        own = {name for name in texts if "data/course/" not in name or f"/{master.parent.name}/" in name}
        assert not [name for name in own if line in texts[name]], line


@every_exercise
def test_a_planted_line_is_found_wherever_it_is(path: Path) -> None:
    exercise = read_master(path)
    line = max(secrets_of(exercise), key=len)
    for plant in (plant_in_source, plant_in_metadata, plant_in_attachment, plant_in_notebook_metadata):
        notebook = nbformat.reads(release(exercise), as_version=4)
        plant(notebook, line)
        assert any(line in leak for leak in find_leaks(exercise, nbformat.writes(notebook))), plant.__name__


def plant_in_source(notebook: nbformat.NotebookNode, line: str) -> None:
    notebook.cells[1].source += f"\n   {line}\nand more"


def plant_in_metadata(notebook: nbformat.NotebookNode, line: str) -> None:
    notebook.cells[-1].metadata.nbgrader["note"] = {"deep": [line]}


def plant_in_attachment(notebook: nbformat.NotebookNode, line: str) -> None:
    notebook.cells[0].attachments = {"a.txt": {"text/plain": f"see: {line}"}}


def plant_in_notebook_metadata(notebook: nbformat.NotebookNode, line: str) -> None:
    notebook.metadata[line] = 1


@every_exercise
def test_a_planted_output_is_found(path: Path) -> None:
    exercise = read_master(path)
    notebook = nbformat.reads(release(exercise), as_version=4)
    code = next(cell for cell in notebook.cells if cell.cell_type == "code")
    code.outputs = [new_output("stream", name="stdout", text="harmless\n")]
    assert find_leaks(exercise, nbformat.writes(notebook))
    code.outputs, code.execution_count = [], 7
    assert find_leaks(exercise, nbformat.writes(notebook))


# ---- what is checked -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", mark_starters())
def test_the_starter_gets_the_stated_marks_for_the_stated_reasons(path: Path, runner: CheckRunner) -> None:
    exercise = read_master(path)
    stated = read_stated(CASES / exercise.name / "starter.txt")
    results = judge_work(exercise, exercise.work(exercise.starter), runner)
    assert {name: result.points for name, result in results.items()} == {
        name: one.points for name, one in stated.items()
    }
    for name, result in results.items():
        assert stated[name].reason.casefold() in result.reason.casefold(), name
    assert sum(result.points or 0 for result in results.values()) < exercise.points
    assert {name for name, result in results.items() if result.status is Status.PASSED} == set(exercise.given)


@pytest.mark.parametrize("path", mark_wrong())
def test_a_wrong_solution_is_caught_by_the_check_meant_for_it(path: Path, runner: CheckRunner) -> None:
    exercise = exercise_of(path)
    case = read_case(path, exercise)
    assert case.caught_by
    work = exercise.work(case.answers)
    results = (evaluate(exercise.checks[name], work, runner) for name in case.caught_by)
    caught = next((result for result in results if result.status is not Status.PASSED), None)
    assert caught, "it gets these points"
    assert caught.status is Status.FAILED
    assert caught.reason
    assert case.because.casefold() in caught.reason.casefold()


@pytest.mark.parametrize("path", mark_odd())
def test_an_odd_but_right_solution_gets_full_marks(path: Path, runner: CheckRunner) -> None:
    exercise = exercise_of(path)
    case: Case = read_case(path, exercise)
    results = judge_work(exercise, exercise.work(case.answers), runner)
    assert not [(name, result.reason) for name, result in results.items() if result.status is not Status.PASSED]


@every_exercise
def test_there_are_at_least_four_wrong_solutions(path: Path) -> None:
    assert len([case for case in WRONG if case.parent.name == path.parent.name]) >= 4


def mark_masters() -> list[ParameterSet]:
    """All masters. The quick ones are not `long`."""
    names = [path.parent.name for path in MASTERS]
    marks = [[] if name in QUICK_MASTERS else [pytest.mark.long] for name in names]
    return [pytest.param(path, id=name, marks=mark) for path, name, mark in zip(MASTERS, names, marks, strict=True)]


def kinds_of_answers(path: Path) -> set[str]:
    return {split_magic(cell.source)[0].split()[0] for cell in read_once(path).answers.values()}


def test_the_quick_masters_have_each_kind_of_answer() -> None:
    quick = [path for path in MASTERS if path.parent.name in QUICK_MASTERS]
    assert set().union(*map(kinds_of_answers, quick)) == set().union(*map(kinds_of_answers, MASTERS))


@every_exercise
def test_the_masters_solution_earns_all_points(path: Path, runner: CheckRunner) -> None:
    exercise = read_master(path)
    results = judge_work(exercise, exercise.solution, runner)
    assert not [(name, result.reason) for name, result in results.items() if result.status is not Status.PASSED]


@pytest.mark.parametrize("path", mark_masters())
def test_the_master_run_again_shows_what_is_stored_in_it_and_earns_all_points(
    path: Path, lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))  # the record of who runs the tests stays as it is
    options = ["--nbval", "--nbval-sanitize-with", SANITIZERS, "--nbval-cell-timeout", "120"]
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", path.parent, *options, path]
    done = subprocess.run([str(word) for word in argv], capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "skipped" not in done.stdout
    marks = json.loads((tmp_path / "kmodlab" / "progress.json").read_text())["exercises"][path.parent.name]
    assert sum(mark["points"] for mark in marks.values()) == read_master(path).points


@every_exercise
def test_outputs_of_the_master_come_from_a_run_from_top_to_bottom(path: Path) -> None:
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    for cell in cells:
        assert not cell.metadata.get("tags"), cell.source
        assert "NBVAL" not in cell.source
        for output in cell.outputs:
            assert output.output_type != "error", cell.source
            assert output.get("name", "stdout") == "stdout", cell.source
