"""The course's notebooks tell the truth: run again, each cell shows what is stored in it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook, new_output
from store_outputs import RISE

from kmodlab.course.learner_copy import PREDICTED, QUESTION
from kmodlab.guest.lab import Lab
from kmodlab.notebook.views.buttons import BUTTONS_MIME

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
SANITIZERS = NOTEBOOKS / "nbval_sanitize.cfg"
ALL = sorted(NOTEBOOKS.glob("*.ipynb"))
SLIDE_TYPES = {"slide", "subslide", "fragment", "skip", "notes", "-"}
SILENT = ("%load_ext",)
# Printed text; a card or a table, also one with buttons; a picture, with the same said in words.
CARD = {"text/plain", "text/html"}
ALLOWED_DATA: tuple[set[str], ...] = (set(), CARD, CARD | {BUTTONS_MIME}, {"text/plain", "image/svg+xml"})

every_notebook = pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)


def run_nbval(*paths: Path) -> subprocess.CompletedProcess[str]:
    options = ["--nbval", "--nbval-sanitize-with", SANITIZERS, "--nbval-cell-timeout", "300"]
    argv = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        paths[0].parent,
        *options,
        *paths,
    ]
    return subprocess.run([str(word) for word in argv], capture_output=True, text=True, timeout=600, check=False)


def code_cells(path: Path) -> list[NotebookNode]:
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def test_there_are_notebooks() -> None:
    assert "00-welcome" in [path.stem for path in ALL]


@every_notebook
def test_a_notebook_run_again_shows_what_is_stored_in_it(path: Path, lab: Lab) -> None:
    done = run_nbval(path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "skipped" not in done.stdout


@every_notebook
def test_outputs_come_from_a_run_from_top_to_bottom(path: Path) -> None:
    cells = code_cells(path)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    for cell in cells:
        assert cell.outputs or cell.source.startswith(SILENT), cell.source


@every_notebook
def test_no_stored_output_is_an_error_or_on_stderr(path: Path) -> None:
    for cell in code_cells(path):
        for output in cell.outputs:
            assert output.output_type in ("display_data", "execute_result", "stream"), cell.source
            assert output.get("name", "stdout") == "stdout", cell.source
            assert set(output.get("data", {})) in ALLOWED_DATA, cell.source


@every_notebook
def test_a_notebook_is_whole_and_holds_nothing_of_the_machine_that_ran_it(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    assert set(notebook.metadata) == {"kernelspec", "language_info", "rise", "kmodlab"}
    assert notebook.metadata.kmodlab.recorded == "Linux 6.1"
    assert notebook.metadata.rise == RISE
    for cell in notebook.cells:
        assert set(cell.metadata) <= {"slideshow", "tags"}, cell.source
        assert cell.metadata.slideshow.slide_type in SLIDE_TYPES


@every_notebook
def test_no_cell_asks_nbval_to_look_away(path: Path) -> None:
    for cell in code_cells(path):
        assert set(cell.metadata.get("tags", [])) <= {QUESTION, PREDICTED}, cell.source
        assert "NBVAL" not in cell.source


def test_the_first_cell_of_code_loads_the_course() -> None:
    assert [code_cells(path)[0].source for path in ALL] == ["%load_ext kmodlab"] * len(ALL)


def write_notebook(path: Path, claim: str) -> Path:
    cells = [
        new_code_cell("%load_ext kmodlab", execution_count=1),
        new_code_cell(
            "%guest echo '[    1.234567] it is so'",
            execution_count=2,
            outputs=[new_output("stream", name="stdout", text=claim)],
        ),
    ]
    kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": kernelspec}), path)
    return path


def test_a_notebook_that_no_longer_tells_the_truth_fails(lab: Lab, tmp_path: Path) -> None:
    true, false = "[    7.654321] it is so\n", "[    1.234567] it is not so\n"
    done = run_nbval(write_notebook(tmp_path / "true.ipynb", true), write_notebook(tmp_path / "false.ipynb", false))
    assert (done.returncode, "1 failed, 3 passed" in done.stdout) == (1, True), done.stdout
