"""Removes solutions and hidden checks, which learners must not get, from nbgrader's release and its feedback.

nbgrader's own ClearSolutions inserts Python into C, and removes the first line of a cell with its solution. These
preprocessors insert the starter of `course.regions`, in the cell's own language.
"""

from __future__ import annotations

from typing import Any

from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbgrader import utils
from nbgrader.preprocessors import ClearHiddenTests
from nbgrader.preprocessors import ClearSolutions as NbgradersClearSolutions
from nbgrader.preprocessors.base import NbGraderPreprocessor

from kmodlab.checks.registry import CheckTextError, read_check
from kmodlab.course.exercise import HIDDEN
from kmodlab.course.exercise_data import call_by_title
from kmodlab.course.regions import has_marks, starter_of
from kmodlab.course.release import announce_hidden
from kmodlab.i18n import _
from kmodlab.submission.cells import split_magic

_Processed = tuple[NotebookNode, ResourcesDict]


class ClearSolutions(NbgradersClearSolutions):
    """Replaces a solution by the starter, or by a stub in the cell's own language."""

    def preprocess_cell(self, cell: NotebookNode, resources: ResourcesDict, cell_index: int) -> _Processed:
        """Clear one cell; nbgrader itself clears cells without a magic, and rejects solutions in the wrong cells."""
        magic, body = split_magic(cell.source)
        if not magic or cell.cell_type != "code" or not utils.is_solution(cell):
            processed: _Processed = super().preprocess_cell(cell, resources, cell_index)
            return processed
        marked = cell.source if has_marks(body) else f"{magic}\n# BEGIN SOLUTION\n{body}\n# END SOLUTION"
        cell.source = starter_of(marked)
        return cell, resources


class ClearHiddenChecks(ClearHiddenTests):
    """Replaces a check by its title, and a hidden check by title and points; the exercise's data has the rest."""

    def preprocess_cell(self, cell: NotebookNode, resources: ResourcesDict, cell_index: int) -> _Processed:
        """Clear one cell."""
        shown = _released(cell) or _by_title(cell)
        processed: _Processed = super().preprocess_cell(cell, resources, cell_index)
        if shown is not None:
            cell.source = shown
        return processed


class HideChecks(NbGraderPreprocessor):
    """Removes hidden checks and their outputs from an autograded notebook; the scores stay."""

    def preprocess_cell(self, cell: NotebookNode, resources: ResourcesDict, _cell_index: int) -> _Processed:
        """Hide one cell if it is a hidden check."""
        if _is_hidden(cell):
            cell.source = _released(cell) or f"# {_('A further check.')}"
            cell.outputs = []
        return cell, resources


def _is_hidden(cell: Any) -> bool:
    return cell.cell_type == "code" and HIDDEN[0].lstrip("# ") in cell.source


def _released(cell: Any) -> str | None:
    """The text that learners see instead of a hidden check; None if the cell is not one, or cannot be read."""
    if not _is_hidden(cell):
        return None
    try:
        return announce_hidden(read_check(cell.source))
    except CheckTextError:
        return None


def _by_title(cell: Any) -> str | None:
    """The text that learners see instead of a visible check; None if the cell is not one, or cannot be read."""
    if cell.cell_type != "code" or not utils.is_grade(cell) or _is_hidden(cell):
        return None
    try:
        return call_by_title(read_check(cell.source).title)
    except CheckTextError:
        return None
