"""The files of a course for nbgrader: a configuration with kmodlab's rules, and each master as a source.

COURSE/nbgrader_config.py                  written once; the instructor may change it
COURSE/source/01-hello/hello.ipynb         the master, with nbgrader's metadata, without outputs
COURSE/source/01-hello/checks.json         what the checks expect, which nbgrader releases beside the notebook
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from kmodlab.course.exercise import Exercise
from kmodlab.course.exercise_data import FILE
from kmodlab.course.release import make_notebook, notebook_text, release_data
from kmodlab.files import replace_text

CONFIG = "nbgrader_config.py"
_CONFIG = '''\
"""nbgrader's configuration for this course. Change what you like, but keep the call of configure()."""

from kmodlab.grading.integrations.nbgrader.config import configure

c = get_config()  # noqa: F821
c.CourseDirectory.course_id = "kmodlab"

configure(c)  # kmodlab's rules for solutions, hidden checks, judging and feedback
'''


def write_course(exercises: Iterable[Exercise], folder: Path) -> list[Path]:
    """Write the course, or update its sources; returns the files that were written."""
    config = folder / CONFIG
    written = [] if config.exists() else [replace_text(config, _CONFIG)]
    for exercise in exercises:
        path = folder / "source" / exercise.name / exercise.notebook.name
        written.append(replace_text(path, as_source(exercise)))
        written.append(replace_text(path.with_name(FILE), release_data(exercise)))
    return written


def as_source(exercise: Exercise) -> str:
    """The text of the source notebook, from which nbgrader makes its release."""
    return notebook_text(make_notebook(exercise, {cell.id: cell.source for cell in exercise.cells}))
