"""Autograding in nbgrader by kmodlab's rules: only answers are taken from a submission, and the sandbox judges them.

`AnswersOnly` parses the submitted notebook without trusting it, and puts the text of its answers into the source. Other
cells, outputs, attachments, metadata, and other submitted files and links are ignored. Remarks are written into the
notebook's metadata.

`Judge` replaces nbgrader's Execute: the cell of each check gets its result as text, and the bare points, which nbgrader
reads. If a check errored, the whole submission gets no grades: nbgrader says so, ends with status 1, and judges it
again in its next run.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from nbconvert.exporters import NotebookExporter
from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors.base import NbGraderPreprocessor
from traitlets import Bool

from kmodlab.checks.check_result import CheckResult, Status
from kmodlab.checks.runner import CheckRunner
from kmodlab.course.exercise import KEY, Exercise, read_master
from kmodlab.course.release import make_notebook
from kmodlab.errors import KmodlabError, SandboxError
from kmodlab.files import replace_bytes
from kmodlab.grading.answers import match
from kmodlab.grading.archives import find_files
from kmodlab.grading.formats.redact import say_reasons_once, status_text, text_of
from kmodlab.grading.models import HandedIn
from kmodlab.grading.notebooks import NotebookError, read_notebook
from kmodlab.grading.task import result_without_run, run_check
from kmodlab.guest.lab import load_lab
from kmodlab.i18n import _
from kmodlab.sandbox.sandbox import check_sandbox
from kmodlab.settings import get_settings
from kmodlab.text import escape_control_chars

FOR_EXCHANGE = ("timestamp.txt", "submission_secret.txt")
MOST_FOR_EXCHANGE = 1000  # bytes of such a file
_LONGEST = 20_000  # characters of one check's output


class NotJudgedError(KmodlabError):
    """A check errored, so this submission has no grades yet."""


@dataclass(frozen=True)
class NotebookPaths:
    """The paths of one learner's notebook and of the exercise's source in a course."""

    source: Path
    submitted: Path
    autograded: Path

    @classmethod
    def of(cls, course: CourseDirectory, resources: ResourcesDict) -> NotebookPaths:
        """The paths for the notebook that is being converted."""
        about = resources["nbgrader"]
        file = f"{about['notebook']}.ipynb"
        source = course.format_path(course.source_directory, ".", about["assignment"])
        submitted, autograded = (
            course.format_path(folder, about["student"], about["assignment"])
            for folder in (course.submitted_directory, course.autograded_directory)
        )
        return cls(*(Path(folder, file).absolute() for folder in (source, submitted, autograded)))


def _course_of(exporter: Any) -> CourseDirectory:
    course: CourseDirectory = exporter.parent.coursedir  # its parent is one of nbgrader's converters
    return course


# ---- taking answers ------------------------------------------------------------------------------------------------


class AnswersOnly(NotebookExporter):
    """Reads a submitted notebook by kmodlab's rules, and any other notebook as nbconvert does."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)  # type: ignore[no-untyped-call]
        # No other file is copied, neither a learner's nor the source's. A copy, as the formgrader uses the same object.
        course = copy(_course_of(self))
        course.ignore = [*course.ignore, "*"]
        self.parent.coursedir = course  # type: ignore[union-attr]

    def from_filename(self, filename: str, resources: Any = None, **options: Any) -> Any:
        """Convert one notebook."""
        paths = NotebookPaths.of(_course_of(self), resources)
        if Path(filename).absolute() == paths.submitted:
            keep_for_exchange(paths.submitted.parent, paths.autograded.parent)
            return self.from_notebook_node(take_answers(paths), resources, **options)  # type: ignore[no-untyped-call]
        return super().from_filename(filename, resources, **options)


def keep_for_exchange(submitted: Path, autograded: Path) -> None:
    """Copy the files by which nbgrader's exchange identifies a submission, so that its feedback can be released."""
    for name in FOR_EXCHANGE:
        path = submitted / name
        if path.is_file() and not path.is_symlink() and path.stat().st_size <= MOST_FOR_EXCHANGE:
            autograded.mkdir(parents=True, exist_ok=True)
            replace_bytes(autograded / name, path.read_bytes())


def take_answers(paths: NotebookPaths) -> Any:
    """The source with the learner's answers. If the notebook has none, all are empty, and the metadata say why."""
    exercise = read_master(paths.source)
    handed_in = match(_read(paths.submitted), exercise)
    empty = {name: source.partition("\n")[0] for name, source in exercise.starter.items()}
    texts = {cell.id: cell.source for cell in exercise.cells} | empty | dict(handed_in.answers)
    return make_notebook(exercise, texts, remarks=list(handed_in.remarks), problem=handed_in.problem)


def _read(path: Path) -> HandedIn:
    if path.is_symlink():
        return HandedIn((path.name,), problem=_("It is a link or a device."))
    file = next(find_files(path))
    if file.problem:
        return file
    try:
        return HandedIn(file.parts, notebook=read_notebook(file.content))
    except NotebookError as error:
        return HandedIn(file.parts, problem=str(error))


# ---- judging them --------------------------------------------------------------------------------------------------


class Judge(NbGraderPreprocessor):
    """Judge the answers in an autograded notebook, and write the results into its checks' cells."""

    without_sandbox = Bool(
        False, help=_("Judge even if there is no sandbox: what learners wrote can then read files.")
    ).tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict) -> tuple[NotebookNode, ResourcesDict]:
        """Judge one notebook.

        Raises:
            SandboxError: The sandbox is unavailable.
            NotJudgedError: A check errored, or was skipped.
        """
        verdict = check_sandbox()
        if not verdict.works and not self.without_sandbox:
            sentence = _("Nothing is graded here. {reason}").format(reason=verdict.sentence)
            raise SandboxError(sentence, hint=verdict.hint)
        for remark in nb.metadata[KEY]["remarks"]:
            self.log.warning("%s: %s", resources["nbgrader"]["student"], escape_control_chars(remark))
        exercise = read_master(NotebookPaths.of(_course_of(self.parent), resources).source)
        results = _judge(exercise, nb)
        # nbgrader's checks always have points, so a skipped check counts as not judged too.
        errored = [check for check in results.values() if not check.status.is_verdict]
        if errored:
            first = errored[0]
            raise NotJudgedError(f"{first.title}: {first.reason}", hint=next(iter(first.hints), ""))
        shown = {check.id: check for check in say_reasons_once(results.values())}
        for cell in nb.cells:
            check = shown.get(cell.metadata.nbgrader.grade_id)
            if check:
                cell.outputs = _outputs(check)
        return nb, resources


@cache
def _runner() -> CheckRunner:
    """One runner for all notebooks; its guests end with this process."""
    return CheckRunner(load_lab(get_settings()))


def _judge(exercise: Exercise, notebook: Any) -> Mapping[str, CheckResult]:
    problem = notebook.metadata[KEY]["problem"]
    if problem:
        return {name: result_without_run(exercise, name, Status.FAILED, problem) for name in exercise.checks}
    cells = {cell.metadata.nbgrader.grade_id: cell.source for cell in notebook.cells}
    work = exercise.work({name: cells[name] for name in exercise.answers})
    runner = _runner()
    runner.prepare()  # a guest boots while the compiler works
    return {name: run_check(exercise, name, work, runner) for name in exercise.checks}


def _outputs(check: CheckResult) -> list[Any]:
    """The result as text on standard output, and the points as the cell's value."""
    assert check.points is not None
    verdict = _("{title}: {status}, {points:g} of {worth:g}")
    verdict = verdict.format(title=check.title, status=status_text(check), points=check.points, worth=check.max_points)
    text = escape_control_chars(f"{verdict}\n{text_of(check)}"[:_LONGEST]).rstrip("\n") + "\n"
    value = {"text/plain": repr(float(check.points))}
    return [
        new_output("stream", name="stdout", text=text),
        new_output("execute_result", data=value, execution_count=None),
    ]
