"""The progress page in a notebook: a table with links to all notebooks, and a link to where the learner stopped."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from kmodlab.course.progress_page import ProgressPage, ProgressRow, Reached, read_page
from kmodlab.i18n import N_, _
from kmodlab.notebook.render.parts import escape
from kmodlab.notebook.views.table import Column, ColumnKind, LinkedText, Table
from kmodlab.notebook.views.view import View
from kmodlab.text import escape_control_chars

_STATES = {Reached.OPEN: "", Reached.BEGUN: N_("begun"), Reached.DONE: N_("done")}


@dataclass(frozen=True)
class StoppedPart:
    """A line with a link to the notebook in which the learner stopped."""

    path: Path
    here: Path

    @property
    def text(self) -> str:
        """The sentence with the path."""
        return escape_control_chars(_("You stopped in {notebook}.").format(notebook=self.path))

    @property
    def html(self) -> str:
        """The sentence with a link."""
        link = f'<a href="{link_to(self.path, self.here)}">{escape(self.path.name)}</a>'
        return f"<p>{_('You stopped in {notebook}.').format(notebook=link)}</p>"


def link_to(path: Path, here: Path) -> str:
    """The address of a file, relative to the folder of the notebook that shows it."""
    return quote(Path(os.path.relpath(path, here)).as_posix())


def progress_view(here: Path, current: str) -> View:
    """The page for a notebook in the folder `here`; `current` is the exercise of this notebook."""
    page = read_page(here)
    stopped = [StoppedPart(page.stopped, here.resolve())] if page.stopped else []
    return View([*stopped, progress_table(page, here.resolve(), current)])


def progress_table(page: ProgressPage, here: Path, current: str = "") -> Table:
    """A table of all notebooks and exercises, with links, and the learner's points."""
    columns = [
        Column(_("notebook"), ColumnKind.CODE),
        Column(_("about")),
        Column(_("points"), ColumnKind.NUMBER),
        Column(_("state")),
        Column(_("more when it is graded"), ColumnKind.NUMBER),
        Column(_("hints taken"), ColumnKind.NUMBER),
    ]
    bold = frozenset(number for number, row in enumerate(page.rows) if row.name == current)
    return Table(page.sentence, columns, [_cells(row, here) for row in page.rows], bold=bold)


def _cells(row: ProgressRow, here: Path) -> list[str]:
    name = LinkedText(row.name, link_to(row.path, here)) if row.path else row.name
    points = _("{reached} of {points}").format(reached=f"{row.points:g}", points=f"{row.of:g}") if row.of else ""
    state = _(_STATES[row.reached]) if _STATES[row.reached] else ""
    return [name, row.title, points, state, f"{row.later:g}" if row.later else "", str(row.hints or "")]
