"""nbgrader's autograding as kmodlab judges: by the checks of the source, on the host, the work in the sandbox.

Takes the place of nbgrader's Execute: each check's cell gets what came of it as text, and the bare points, which
nbgrader reads. Where a check errored, the whole submission is left without grades: nbgrader says so, ends with
status 1, and judges it once more in its next run.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader.preprocessors.base import NbGraderPreprocessor
from traitlets import Bool

from kmodlab.checks.evaluate import evaluate
from kmodlab.checks.result import Status
from kmodlab.checks.runner import CheckRunner
from kmodlab.course.exercise import KEY, Exercise, read_master
from kmodlab.errors import KmodlabError, SandboxError
from kmodlab.grading.formats.redact import words_of
from kmodlab.grading.integrations.nbgrader.intake import Places, course_of
from kmodlab.grading.models import CheckGrade
from kmodlab.grading.task import is_hidden, unmade
from kmodlab.guest.lab import load_lab
from kmodlab.sandbox.sandbox import check_sandbox
from kmodlab.settings import get_settings
from kmodlab.text import escape_control_chars

_LONGEST = 20_000  # characters of one check's output


class NotJudgedError(KmodlabError):
    """A check errored, so there are no grades for this submission yet."""


class Judge(NbGraderPreprocessor):
    """Judge the answers in an autograded notebook, and write the results into its checks' cells."""

    without_sandbox = Bool(
        False, help="Judge even where there is no sandbox: what learners wrote can then read files."
    ).tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: ResourcesDict) -> tuple[NotebookNode, ResourcesDict]:
        """Judge one notebook; SandboxError where there is no sandbox, NotJudgedError where a check errored."""
        verdict = check_sandbox()
        if not verdict.works and not self.without_sandbox:
            raise SandboxError(f"Nothing is graded here. {verdict.sentence}", hint=verdict.hint)
        for remark in nb.metadata[KEY]["remarks"]:
            self.log.warning("%s: %s", resources["nbgrader"]["student"], escape_control_chars(remark))
        exercise = read_master(Places.of(course_of(self.parent), resources).source)
        results = _judge(exercise, nb)
        errored = [check.result for check in results.values() if check.result.status is Status.ERRORED]
        if errored:
            raise NotJudgedError(f"{errored[0].title}: {errored[0].reason}")
        for cell in nb.cells:
            check = results.get(cell.metadata.nbgrader.grade_id)
            if check:
                cell.outputs = _outputs(check)
        return nb, resources


@cache
def _runner() -> CheckRunner:
    """One for the whole run; its guests end with this process."""
    return CheckRunner(load_lab(get_settings()))


def _judge(exercise: Exercise, notebook: Any) -> Mapping[str, CheckGrade]:
    problem = notebook.metadata[KEY]["problem"]
    if problem:
        return {name: unmade(exercise, name, Status.FAILED, problem) for name in exercise.checks}
    cells = {cell.metadata.nbgrader.grade_id: cell.source for cell in notebook.cells}
    work = exercise.work({name: cells[name] for name in exercise.answers})
    runner = _runner()
    runner.prepare()  # a guest comes up while the compiler works
    return {
        name: CheckGrade(name, is_hidden(exercise, name), evaluate(check, work, runner))
        for name, check in exercise.checks.items()
    }


def _outputs(check: CheckGrade) -> list[Any]:
    """A stream with the verdict in words, and the points as the cell's value."""
    result = check.result
    assert result.points is not None
    words = f"{result.title}: {result.status}, {result.points:g} of {result.max_points:g}\n{words_of(check)}"
    text = escape_control_chars(words[:_LONGEST]).rstrip("\n") + "\n"
    value = {"text/plain": repr(float(result.points))}
    return [
        new_output("stream", name="stdout", text=text),
        new_output("execute_result", data=value, execution_count=None),
    ]
