"""`kmodlab progress`: how far the learner is, and where he stopped."""

from __future__ import annotations

from pathlib import Path

import click
from rich.table import Table
from rich.text import Text

from kmodlab.cli.console import OUT, say
from kmodlab.course.learner_folder import find_folder
from kmodlab.course.progress_page import ProgressRow, Reached, read_page
from kmodlab.errors import UsageError
from kmodlab.i18n import N_, _
from kmodlab.text import escape_control_chars

_STATES = {Reached.OPEN: "", Reached.BEGUN: N_("begun"), Reached.DONE: N_("done")}


@click.command(
    help=_(
        "Show how far you are in the course in the folder DIR (default: the folder you are in).\n\n"
        "Only points that can be reached here count; those of hidden checks come when it is graded."
    )
)
@click.argument("folder", metavar="[DIR]", default=".", type=click.Path(path_type=Path))
def progress(folder: Path) -> None:
    """Show the progress page."""
    if find_folder(folder.expanduser().resolve()) is None:
        raise UsageError(
            _("The course is not in {folder}.").format(folder=folder),
            hint=_("Give the folder that `kmodlab course DIR` has laid out."),
        )
    page = read_page(folder.expanduser())
    table = Table(box=None, header_style="bold")
    for title in (_("notebook"), _("about"), _("points"), _("state"), _("more when it is graded"), _("hints taken")):
        table.add_column(title, no_wrap=True)
    for row in page.rows:
        table.add_row(*_cells(row))
    OUT.print(table)
    say(page.sentence)
    if page.stopped:
        say("  -> " + _("You stopped here: jupyter lab {notebook}").format(notebook=page.stopped), "green")


def _cells(row: ProgressRow) -> list[Text]:
    style = f"link {row.path.as_uri()}" if row.path else ""  # a terminal that knows links opens it
    points = _("{reached} of {points}").format(reached=f"{row.points:g}", points=f"{row.of:g}") if row.of else ""
    state = _(_STATES[row.reached]) if _STATES[row.reached] else ""
    later = f"{row.later:g}" if row.later else ""
    texts = [row.title, points, state, later, str(row.hints or "")]
    return [Text(row.name, style=style), *(Text(escape_control_chars(text)) for text in texts)]
