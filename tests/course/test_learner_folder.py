"""The learner's folder, and the wheel: what is in them, what is not, and that work in an older folder survives."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from kmodlab.cli import course as course_verb
from kmodlab.cli.main import cli
from kmodlab.course.begun_work import BegunNotebook, read_committed
from kmodlab.course.course_files import learner_files, read_checkout, read_wheel
from kmodlab.course.exercise import find_masters, read_master
from kmodlab.course.exercise_data import FILE
from kmodlab.course.learner_folder import FIRST, RECORD, FileFate, LearnerFolder, find_folder
from kmodlab.course.merge import digests_of
from kmodlab.course.release import secrets_of
from kmodlab.errors import UsageError

CHECKOUT = Path(__file__).parents[2]
COURSE = read_checkout(CHECKOUT)
NOBODY = 65534  # the user and the group
HELLO = "exercises/01-hello/hello.ipynb"


def cells_of(content: bytes) -> list[dict[str, Any]]:
    cells: list[dict[str, Any]] = json.loads(content)["cells"]
    return cells


def text_of(cell: Mapping[str, Any]) -> str:
    return "".join(cell["source"])


def strings_in(content: bytes) -> Iterator[str]:
    """The texts in a file: if it is JSON, all its strings."""
    try:
        values = [json.loads(content)]
    except ValueError:
        yield content.decode()
        return
    while values:
        value = values.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, list | dict):
            values += value.values() if isinstance(value, dict) else value


def wrong_in(files: Mapping[str, bytes]) -> Iterator[str]:
    """Sentences about whatever learners must not get."""
    exercises = [read_master(master) for master in find_masters(CHECKOUT / "exercises")]
    secrets = {line for exercise in exercises for line in secrets_of(exercise)}
    hints = {hint for exercise in exercises for check in exercise.checks.values() for hint in check.hints}
    notes = {
        text_of(cell)
        for path in (CHECKOUT / "notebooks").glob("*.ipynb")
        for cell in cells_of(path.read_bytes())
        if cell["metadata"]["slideshow"]["slide_type"] == "notes"
    }
    assert secrets and notes
    for path, content in files.items():
        if "master" in path or "/tests/" in path:
            yield f"{path} is there"
        is_notebook = path.endswith(".ipynb")
        texts = [text_of(cell) for cell in cells_of(content)] if is_notebook else [*strings_in(content)]
        if is_notebook:
            yield from (f"{path}: a note" for text in texts if text in notes)
            yield from (f"{path}: a hint" for text in texts if any(hint in text for hint in hints))
        if path.startswith("exercises/") and path.endswith((".ipynb", FILE)):
            # What one exercise gives may be the answer of another.
            own = secrets_of(read_master(CHECKOUT / Path(path).with_name("master.ipynb")))
            yield from (f"{path}: {line}" for line in own if any(line in text for text in texts))
        for cell in cells_of(content) if is_notebook else ():
            if {"question", "predicted"} & set(cell["metadata"].get("tags", [])) and cell["outputs"]:
                yield f"{path}: an output under a question: {cell['id']}"


def test_the_course_has_no_solution_no_note_and_no_output_under_a_question() -> None:
    assert list(wrong_in(COURSE)) == []
    assert len([path for path in COURSE if path.endswith(".ipynb")]) == 28


def test_the_search_finds_what_learners_must_not_get() -> None:
    as_they_are = {path: (CHECKOUT / path).read_bytes() for path in COURSE}
    master = (CHECKOUT / "exercises/01-hello/master.ipynb").read_bytes()
    wrong = list(wrong_in(as_they_are | {HELLO: master}))
    words = {word for sentence in wrong for word in re.findall("a note|a hint|question", sentence)}
    assert words == {"a note", "a hint", "question"}
    assert [sentence for sentence in wrong if sentence.startswith(HELLO)]


def test_the_search_finds_the_body_of_a_hidden_check_in_an_exercises_data() -> None:
    path = "exercises/01-hello/checks.json"
    data = json.loads(COURSE[path])
    (hidden,) = (cell for cell in read_master(CHECKOUT / "exercises/01-hello/master.ipynb").cells if cell.hidden)
    data["hidden"][0]["expects"] = [line.strip() for line in hidden.source.splitlines()]
    assert not [sentence for sentence in wrong_in(COURSE) if sentence.startswith(path)]
    assert [sentence for sentence in wrong_in(COURSE | {path: json.dumps(data).encode()}) if sentence.startswith(path)]


def test_every_question_is_tagged_and_folded_and_a_cell_answers_it() -> None:
    for path, content in COURSE.items():
        if not path.startswith("notebooks/") or not path.endswith(".ipynb"):
            continue
        cells = cells_of(content)
        for number, cell in enumerate(cells):
            asks = cell["cell_type"] == "code" and "\npredict(" in text_of(cell)
            assert asks == ("question" in cell["metadata"].get("tags", [])), cell["id"]
            if asks:
                assert cell["metadata"]["jupyter"] == {"source_hidden": True}
            if asks or (cell["cell_type"] == "markdown" and "*Predict" in text_of(cell) and cell["id"] != "graph-look"):
                after = [other for other in cells[number + 1 : number + 5] if other["cell_type"] == "code"]
                assert any("predicted" in other["metadata"].get("tags", []) for other in after), cell["id"]


def test_other_outputs_stay_and_say_that_they_are_recorded() -> None:
    cells = {cell["id"]: cell for cell in cells_of(COURSE["notebooks/00-welcome.ipynb"])}
    assert cells["hello"]["outputs"] == []
    first, *others = cells["lsmod"]["outputs"]
    assert first["data"]["text/plain"] == ["(Recorded on Linux 6.1. Run the cell for your own result.)"]
    assert others and cells["lsmod"]["execution_count"] is None


def test_links_work_in_the_folder_and_each_notebook_leads_to_the_next() -> None:
    notebooks = sorted(path for path in COURSE if re.fullmatch(r"notebooks/\d\d-.*\.ipynb", path))
    for path, content in COURSE.items():
        text = content.decode()
        if path.endswith(".ipynb"):
            text = "\n".join(text_of(cell) for cell in cells_of(content) if cell["cell_type"] == "markdown")
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
            target = (Path("/") / Path(path).parent / link).resolve().relative_to("/")
            assert str(target) in COURSE, f"{path}: {link}"
        if path in notebooks[:-1]:
            assert f"]({Path(notebooks[notebooks.index(path) + 1]).name})" in text, path


# ---- a folder --------------------------------------------------------------------------------------------------------


def edit(path: Path, change: Mapping[str, str]) -> None:
    notebook = json.loads(path.read_text())
    for cell in notebook["cells"]:
        cell["source"] = change.get(cell["id"], cell["source"])
    path.write_text(json.dumps(notebook))


def newer(content: bytes, name: str, source: str) -> bytes:
    notebook = json.loads(content)
    for cell in notebook["cells"]:
        cell["source"] = source if cell["id"] == name else cell["source"]
    return json.dumps(notebook).encode()


def fates(folder: Path, given: Mapping[str, bytes]) -> dict[str, FileFate]:
    return {report.path: report.fate for report in LearnerFolder.at(folder).lay_out(given)}


def answer_of(content: bytes) -> str:
    return next(str(cell["id"]) for cell in cells_of(content) if cell["metadata"]["nbgrader"]["solution"])


def prose_of(content: bytes) -> str:
    return str(cells_of(content)[0]["id"])


def test_a_folder_is_laid_out_and_a_second_time_nothing_changes(tmp_path: Path) -> None:
    assert set(fates(tmp_path / "c", COURSE).values()) == {FileFate.NEW}
    before = {path: (tmp_path / "c" / path).stat().st_mtime_ns for path in COURSE}
    assert set(fates(tmp_path / "c", COURSE).values()) == {FileFate.SAME}
    assert before == {path: (tmp_path / "c" / path).stat().st_mtime_ns for path in COURSE}
    assert {str(path.relative_to(tmp_path / "c")) for path in (tmp_path / "c").rglob("*") if path.is_file()} == {
        *COURSE,
        RECORD,
    }


def test_a_newer_course_merges_into_half_solved_work(tmp_path: Path) -> None:
    fates(tmp_path, COURSE)
    answer = answer_of(COURSE[HELLO])
    edit(tmp_path / HELLO, {answer: "%%kmod hello\n// half"})
    newest = newer(newer(COURSE[HELLO], answer, "another starter"), prose_of(COURSE[HELLO]), "# Another title")
    assert fates(tmp_path, COURSE | {HELLO: newest})[HELLO] is FileFate.MERGED
    sources = {cell["id"]: text_of(cell) for cell in cells_of((tmp_path / HELLO).read_bytes())}
    assert (sources[answer], sources[prose_of(COURSE[HELLO])]) == ("%%kmod hello\n// half", "# Another title")


def test_work_in_a_folder_without_a_record_survives(tmp_path: Path) -> None:
    """As somebody has it who copied the exercises of a checkout."""
    (tmp_path / HELLO).parent.mkdir(parents=True)
    (tmp_path / HELLO).write_bytes(newer(COURSE[HELLO], answer_of(COURSE[HELLO]), "%%kmod hello\n// half"))
    before = (tmp_path / HELLO).read_bytes()
    assert fates(tmp_path, COURSE)[HELLO] is FileFate.MERGED
    assert digests_of((tmp_path / HELLO).read_text()) == digests_of(before.decode())


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b'{"cells": []}'], ids=["empty", "cut", "binary", "bare"])
def test_a_file_that_cannot_be_merged_is_kept_and_named(tmp_path: Path, content: bytes) -> None:
    fates(tmp_path, COURSE)
    (tmp_path / HELLO).write_bytes(content)
    for _again in range(2):
        done = {report.path: report for report in LearnerFolder.at(tmp_path).lay_out(COURSE | {HELLO: COURSE[FIRST]})}
        assert done[HELLO].fate is FileFate.KEPT
        assert done[HELLO].problem.endswith(".")
    assert (tmp_path / HELLO).read_bytes() == content


def test_a_page_that_the_learner_changed_is_kept(tmp_path: Path) -> None:
    fates(tmp_path, COURSE)
    (tmp_path / "notebooks/deck.md").write_text("mine")
    assert fates(tmp_path, COURSE | {"notebooks/deck.md": b"newer"})["notebooks/deck.md"] is FileFate.KEPT
    assert (tmp_path / "notebooks/deck.md").read_text() == "mine"


def test_a_link_in_place_of_a_notebook_is_left_alone(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.ipynb"
    elsewhere.write_bytes(COURSE[FIRST])
    (tmp_path / "c/notebooks").mkdir(parents=True)
    (tmp_path / "c" / FIRST).symlink_to(elsewhere)
    assert fates(tmp_path / "c", COURSE)[FIRST] is FileFate.KEPT
    assert (tmp_path / "c" / FIRST).is_symlink()


@pytest.mark.parametrize("folder", [CHECKOUT, CHECKOUT / "exercises", CHECKOUT / "new"], ids=["root", "inside", "new"])
def test_the_checkout_itself_is_refused(folder: Path) -> None:
    with pytest.raises(UsageError, match="sources of the course"):
        LearnerFolder.at(folder)


def test_a_folder_with_something_else_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").touch()
    with pytest.raises(UsageError, match="not empty"):
        LearnerFolder.at(tmp_path)


def test_it_knows_where_the_learner_stopped_and_a_merge_is_no_work(tmp_path: Path) -> None:
    fates(tmp_path, COURSE)
    assert LearnerFolder.at(tmp_path).where_stopped() == FIRST
    edit(tmp_path / HELLO, {answer_of(COURSE[HELLO]): "%%kmod hello\n// half"})
    newest = {path: newer(COURSE[path], prose_of(COURSE[path]), "# T") for path in COURSE if path.endswith(".ipynb")}
    fates(tmp_path, COURSE | newest)
    folder = find_folder(tmp_path / "exercises/01-hello")
    assert folder is not None and folder.where_stopped() == HELLO


# ---- work that was begun in a checkout -------------------------------------------------------------------------------


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A small checkout, committed, with a solution begun in it, and a notebook of the course that was only run."""
    root = tmp_path / "checkout"
    for path in learner_files(CHECKOUT):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(CHECKOUT / path, root / path)
    git = ["git", "-C", str(root), "-c", "user.name=n", "-c", "user.email=e"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "course"]):
        subprocess.run([*git, *words], check=True)
    edit(root / HELLO, {answer_of(COURSE[HELLO]): "%%kmod hello\n// begun"})
    edit(root / FIRST, {})
    return root


def run_course(monkeypatch: pytest.MonkeyPatch, checkout: Path, *words: str | Path) -> Result:
    monkeypatch.setattr(course_verb, "find_checkout", lambda: checkout)
    return CliRunner().invoke(cli, ["course", *map(str, words)], catch_exceptions=False)


def test_work_begun_in_a_checkout_is_offered_and_taken_along(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, begun = read_committed(checkout)
    assert files == COURSE
    assert [notebook.path for notebook in begun] == [HELLO]
    before = (checkout / HELLO).read_bytes()
    assert "--begun" in run_course(monkeypatch, checkout, tmp_path / "c").output
    done = run_course(monkeypatch, checkout, tmp_path / "c", "--begun")
    assert f"{HELLO} is merged" in done.output
    assert "// begun" in (tmp_path / "c" / HELLO).read_text()
    assert (checkout / HELLO).read_bytes() == before
    assert "was changed" not in run_course(monkeypatch, checkout, tmp_path / "c", "--begun").output
    assert run_course(monkeypatch, checkout, tmp_path / "c", "--where").output.strip() == HELLO


def test_work_in_the_folder_is_not_replaced_by_work_in_a_checkout(tmp_path: Path) -> None:
    fates(tmp_path, COURSE)
    edit(tmp_path / HELLO, {answer_of(COURSE[HELLO]): "%%kmod hello\n// here"})
    begun = BegunNotebook(HELLO, COURSE[HELLO], digests_of(COURSE[HELLO].decode()))
    report = LearnerFolder.at(tmp_path).take_along(HELLO, begun.content, COURSE[HELLO], begun.base)
    assert report.fate is FileFate.KEPT
    assert "// here" in (tmp_path / HELLO).read_text()


# ---- the wheel -------------------------------------------------------------------------------------------------------


def build_wheel(into: Path) -> Path:
    argv = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(into)]
    subprocess.run(argv, cwd=CHECKOUT, check=True, capture_output=True, timeout=600)
    return next(into.glob("*.whl"))


def test_the_wheel_has_the_course_and_nothing_that_learners_must_not_get(tmp_path: Path) -> None:
    with zipfile.ZipFile(build_wheel(tmp_path)) as wheel:
        wheel.extractall(tmp_path / "w")
    files = read_wheel(tmp_path / "w/kmodlab/data/course")
    assert files == COURSE
    assert next(iter(files)) == FIRST
    assert not [path for path in (tmp_path / "w").rglob("*") if path.name == "master.ipynb"]
    # It would overwrite an environment's own configuration of IPython.
    assert not list((tmp_path / "w").glob("*.data/data/etc/ipython/*"))


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder that is a user's without any rights: outside of pytest's own, which are root's alone."""
    with tempfile.TemporaryDirectory(prefix="kmodlab-home-") as folder:
        if os.geteuid() == 0:
            os.chown(folder, NOBODY, NOBODY)
        yield Path(folder)


def run_as_user(home: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command as a user without any rights, in an environment that knows nothing of us."""
    user = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"] if os.geteuid() == 0 else []
    own = {name: text for name, text in os.environ.items() if name.lower().endswith("_proxy")}
    variables = {**own, "HOME": str(home), "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
    argv = [*user, *map(str, words)]
    return subprocess.run(argv, cwd=home, env=variables, capture_output=True, text=True, timeout=1200, check=False)


@pytest.mark.long
def test_from_the_wheel_alone_an_exercise_goes_from_wrong_to_right(home: Path, tmp_path: Path) -> None:
    wheel = shutil.copy(build_wheel(tmp_path), home)
    assert run_as_user(home, "python3", "-m", "venv", home / "v").returncode == 0
    installed = run_as_user(home, home / "v/bin/pip", "install", "-q", f"{wheel}[notebook]")
    assert installed.returncode == 0, installed.stderr
    kmodlab = home / "v/bin/kmodlab"
    laid_out = run_as_user(home, kmodlab, "course", home / "c")
    assert "8 notebooks, 20 exercises" in laid_out.stdout
    assert "does not load itself" not in laid_out.stdout
    assert {path: (home / "c" / path).read_bytes() for path in COURSE} == COURSE
    assert (home / "v/etc/ipython/ipython_kernel_config.py").is_file()
    set_up = run_as_user(home, kmodlab, "setup")
    assert set_up.returncode == 0, set_up.stderr

    notebook = home / "c" / HELLO
    wrong = run_as_user(home, kmodlab, "check", notebook)
    assert wrong.returncode == 1, wrong.stdout + wrong.stderr
    content = json.loads(notebook.read_bytes())
    for cell in content["cells"]:
        if text_of(cell).startswith("%%kmod hello"):
            answers = read_master(CHECKOUT / "exercises/01-hello/master.ipynb").answers
            cell["source"] = next(answer.source for answer in answers.values())
    notebook.write_text(json.dumps(content))
    right = run_as_user(home, kmodlab, "check", notebook)
    assert right.returncode == 0, right.stdout + right.stderr
