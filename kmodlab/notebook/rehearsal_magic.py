"""`%rehearse`: grades the saved notebook as a grader does, with the visible checks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from kmodlab.checks.check_result import CheckResult, Status
from kmodlab.course.exercise import MASTER
from kmodlab.course.exercise_data import ExerciseData
from kmodlab.errors import UsageError
from kmodlab.files import read_file
from kmodlab.grading.models import HandedIn
from kmodlab.grading.notebooks import LARGEST
from kmodlab.grading.rehearsal import exercise_of, rehearse, take_answers
from kmodlab.i18n import N_, _, ngettext, plural_number
from kmodlab.notebook.checks import CheckState
from kmodlab.notebook.magic import show_view, split
from kmodlab.notebook.progress_bar import ProgressBar
from kmodlab.notebook.render.parts import Level, Message, Part
from kmodlab.notebook.state import NotebookState
from kmodlab.notebook.views.table import Column, ColumnKind, Table
from kmodlab.notebook.views.view import View
from kmodlab.settings import notebook_name

REHEARSE_HELP = _("""\
Rehearse the grading: what a grader takes from this notebook, as it is saved, and what the checks say of that.

    %rehearse
    %rehearse hello.ipynb

Hidden checks are made when it is handed in; here are their titles. Save the notebook first.
""")

_RESULTS = {
    Status.PASSED: N_("passed"),
    Status.FAILED: N_("failed"),
    Status.ERRORED: N_("could not be made"),
    Status.SKIPPED: N_("skipped"),
}


class RehearsalMagic:
    """The magic, for the checks of one notebook."""

    def __init__(self, checks: CheckState) -> None:
        self._checks = checks

    def __call__(self, _state: NotebookState, line: str, _cell: str | None) -> None:
        """Run `%rehearse`."""
        data = self._checks.data()
        notebook = find_notebook(Path.cwd(), split(line), data.exercise)
        exercise = exercise_of(data)
        handed_in = take_answers(notebook, exercise)
        with ProgressBar() as bar:
            results = rehearse(handed_in, exercise, self._checks.runner, bar.update)
        show_view(
            View([*self._unsaved(notebook, handed_in), *rehearsal_parts(notebook.name, data, handed_in, results)])
        )

    def _unsaved(self, notebook: Path, handed_in: HandedIn) -> list[Part]:
        """A warning if a cell was run that the saved notebook does not contain."""
        saved = {cell.source.strip() for cell in handed_in.notebook.cells} if handed_in.notebook else set()
        if all(source.strip() in saved for source in self._checks.cells.values()):
            return []
        sentence = _("A cell that you ran is not saved in `{name}` as it was run: save the notebook (Ctrl+S) first.")
        return [Message(sentence.format(name=notebook.name), Level.BAD)]


def find_notebook(folder: Path, words: Sequence[str], exercise: str) -> Path:
    """The file of the notebook that runs in a folder: the named one, or Jupyter's, or the exercise's only one.

    Raises: UsageError if it cannot be determined.
    """
    if words:
        named = folder / words[0]
        if named.is_file():
            return named
        raise UsageError(_("There is no notebook {name!r} here.").format(name=words[0]))
    session = folder / notebook_name()
    if session.suffix == ".ipynb" and session.is_file():
        return session
    call = json.dumps(f'exercise("{exercise}")')[1:-1].encode()
    paths = [
        path for path in sorted(folder.glob("*.ipynb")) if path.name != MASTER and call in read_file(path, LARGEST)
    ]
    if len(paths) != 1:
        raise UsageError(
            _("The name of this notebook's file is unknown."), hint=_("Name it: `%rehearse hello.ipynb`, for instance.")
        )
    return paths[0]


def rehearsal_parts(
    notebook: str, data: ExerciseData, handed_in: HandedIn, results: Sequence[CheckResult]
) -> list[Part]:
    """A table of all checks, and the remarks that a grader would see."""
    rows = [
        [
            result.title,
            _(_RESULTS[result.status]),
            "" if result.points is None else f"{result.points:g}",
            f"{result.max_points:g}",
            result.reason,
        ]
        for result in results
    ]
    later = _("It is looked at when this is handed in.")
    rows += [[title, _("hidden"), "", f"{points:g}", later] for title, points in data.hidden.items()]
    reached, points = sum(result.points or 0 for result in results), sum(result.max_points for result in results)
    caption = ngettext(
        "A grader would give {notebook}, as it is saved, {reached} of the {points} point that can be reached here.",
        "A grader would give {notebook}, as it is saved, {reached} of the {points} points that can be reached here.",
        plural_number(points),
    ).format(notebook=f"`{notebook}`", reached=f"{reached:g}", points=f"{points:g}")
    columns = [
        Column(_("check")),
        Column(_("result")),
        Column(_("points"), ColumnKind.NUMBER),
        Column(_("of"), ColumnKind.NUMBER),
        Column(_("why")),
    ]
    return [Table(caption, columns, rows), *(Message(remark) for remark in handed_in.remarks)]
