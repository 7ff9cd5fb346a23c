"""Notebooks and exercises hold on Debian 12 and 13, whose kernels, compilers and tools differ.

What is stored in the notebooks is Debian 12's. On another Debian a cell may show something else, but what a cell says
about success and failure is the same, and a master earns all its points. `make test-other` runs these tests there.
"""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode

from kmodlab.course.exercise import find_masters, read_master
from kmodlab.guest.lab import Lab

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
MASTERS = find_masters(ROOT / "exercises")
MARKS = ("✓", "✗")

pytestmark = pytest.mark.either_debian


def run_again(path: Path) -> NotebookNode:
    """The notebook, run from top to bottom without a cell that raises an exception."""
    notebook: NotebookNode = nbformat.read(path, as_version=4)
    folder = {"metadata": {"path": str(path.parent)}}
    NotebookClient(notebook, timeout=600, kernel_name="python3", coalesce_streams=True, resources=folder).execute()
    return notebook


def marks(cell: NotebookNode) -> str:
    """The marks of a cell's output, in their order: what succeeded, and what failed."""
    texts = (output.get("text") or output.get("data", {}).get("text/plain", "") for output in cell.get("outputs", ()))
    lines = (line.strip() for text in texts for line in text.splitlines())
    return "".join(line[0] for line in lines if line.startswith(MARKS))


def check_marks(path: Path) -> None:
    stored, again = nbformat.read(path, as_version=4).cells, run_again(path).cells
    differing = [
        f"{marks(before)} became {marks(now)}:\n{now.source}\n" + "\n".join(map(str, now.outputs))
        for before, now in zip(stored, again, strict=True)
        if marks(before) != marks(now)
    ]
    assert not differing, "\n\n".join(differing)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_what_succeeds_and_what_fails_in_a_notebook_is_what_is_stored(path: Path, lab: Lab) -> None:
    check_marks(path)


@pytest.mark.parametrize("path", MASTERS, ids=lambda path: path.parent.name)
def test_a_master_earns_all_its_points(path: Path, lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))  # the record of who runs the tests stays as it is
    check_marks(path)
    record = json.loads((tmp_path / "kmodlab" / "progress.json").read_text())["exercises"][path.parent.name]
    assert sum(mark["points"] for mark in record.values()) == read_master(path).points
