"""A submitted notebook as nbgrader's autograde takes it in: the source, with the learner's answers in its answer cells.

The file is read as hostile, and nothing but the answers' text goes on: no cell, output, attachment or metadata. Other
files that were handed in, links among them, are not touched. What was strange is written into the notebook's metadata.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbconvert.exporters import NotebookExporter
from nbconvert.exporters.exporter import ResourcesDict
from nbgrader.coursedir import CourseDirectory

from kmodlab.course.exercise import Exercise, read_master
from kmodlab.course.release import make_notebook
from kmodlab.grading.archives import find_notebooks
from kmodlab.grading.matching import Matched, match
from kmodlab.grading.notebooks import NotebookError, read_notebook


@dataclass(frozen=True)
class Places:
    """Where one learner's notebook and the exercise's source are in a course."""

    source: Path
    submitted: Path

    @classmethod
    def of(cls, course: CourseDirectory, resources: ResourcesDict) -> Places:
        """The places of the notebook that is being converted."""
        about = resources["nbgrader"]
        file = f"{about['notebook']}.ipynb"
        source = course.format_path(course.source_directory, ".", about["assignment"])
        submitted = course.format_path(course.submitted_directory, about["student"], about["assignment"])
        return cls(Path(source, file).absolute(), Path(submitted, file).absolute())


class AnswersOnly(NotebookExporter):
    """Reads a submitted notebook by kmodlab's rules, and everything else as nbconvert does."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)  # type: ignore[no-untyped-call]
        course = course_of(self)
        course.ignore = [*course.ignore, "*"]  # no other file is copied, neither a learner's nor the source's

    def from_filename(self, filename: str, resources: Any = None, **options: Any) -> Any:
        """Convert one notebook."""
        places = Places.of(course_of(self), resources)
        if Path(filename).absolute() == places.submitted:
            return self.from_notebook_node(take_in(places), resources, **options)  # type: ignore[no-untyped-call]
        return super().from_filename(filename, resources, **options)


def course_of(exporter: Any) -> CourseDirectory:
    """The course that an exporter converts a notebook of."""
    course: CourseDirectory = exporter.parent.coursedir  # its parent is one of nbgrader's converters
    return course


def take_in(places: Places) -> Any:
    """The source with the learner's answers; where there are none, the metadata say why, and all answers are empty."""
    exercise = read_master(places.source)
    matched = _match(places.submitted, exercise)
    empty = {name: source.partition("\n")[0] for name, source in exercise.starter.items()}
    texts = {cell.id: cell.source for cell in exercise.cells} | empty | dict(matched.answers)
    return make_notebook(exercise, texts, remarks=list(matched.remarks), problem=matched.problem)


def _match(path: Path, exercise: Exercise) -> Matched:
    found = next(find_notebooks(path)) if not path.is_symlink() else None
    if found is None or found.problem:
        return Matched({}, (), f"There is no notebook to read: {found.problem if found else 'it is a link'}.")
    try:
        return match(read_notebook(found.content), exercise)
    except NotebookError as error:
        return Matched({}, (), str(error))
