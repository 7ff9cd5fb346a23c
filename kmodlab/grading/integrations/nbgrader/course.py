"""The course as files: a configuration that hands nbgrader kmodlab's rules, and each master as its source.

    COURSE/nbgrader_config.py                  written once; the instructor may change it
    COURSE/source/01-hello/hello.ipynb         the master, with nbgrader's metadata, without outputs

All else is nbgrader's business, with the parts in `config`.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from kmodlab.course.exercise import KEY, Cell, Exercise, Role
from kmodlab.course.release import KERNEL, nbgrader_metadata
from kmodlab.files import replace_text

CONFIG = "nbgrader_config.py"
_CONFIG = '''\
"""nbgrader's configuration for this course; change what you like above and below the line in the middle."""

from kmodlab.grading.integrations.nbgrader.config import configure

c = get_config()  # noqa: F821
c.CourseDirectory.course_id = "kmodlab"

configure(c)  # solutions, hidden checks, judging and feedback by kmodlab's rules
'''


def write_course(exercises: Iterable[Exercise], folder: Path) -> list[Path]:
    """Write the course, or bring its sources up to date; returns what was written."""
    config = folder / CONFIG
    written = [] if config.exists() else [replace_text(config, _CONFIG)]
    for exercise in exercises:
        place = folder / "source" / exercise.name / exercise.notebook.name
        written.append(replace_text(place, as_source(exercise)))
    return written


def as_source(exercise: Exercise) -> str:
    """The master as nbgrader wants it, as a file's text."""
    about = {"exercise": exercise.name, "title": exercise.title, "points": exercise.points}
    notebook = new_notebook(
        cells=[as_cell(cell, cell.source) for cell in exercise.cells],
        metadata={"kernelspec": KERNEL, "language_info": {"name": "python"}, KEY: about},
    )
    nbformat.validate(notebook)
    return str(nbformat.writes(notebook)) + "\n"


def as_cell(cell: Cell, source: str) -> Any:
    """A cell with nbgrader's metadata and that text."""
    make = new_markdown_cell if cell.role is Role.PROSE else new_code_cell
    return make(source=source, id=cell.id, metadata={"nbgrader": nbgrader_metadata(cell)})  # type: ignore[no-untyped-call]
