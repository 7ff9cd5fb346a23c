"""`kmodlab course`: lay out the learner's folder, or merge a newer course into it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from kmodlab.cli.console import OUT, say
from kmodlab.course.autoload_config import configure_autoload
from kmodlab.course.begun_work import BegunNotebook, read_committed
from kmodlab.course.course_files import EXERCISES, NOTEBOOKS, find_checkout, read_wheel
from kmodlab.course.learner_folder import FIRST, FileFate, FileReport, LearnerFolder, digest_of
from kmodlab.errors import SetupError
from kmodlab.i18n import _, ngettext

_SHOWN = 6  # ids of cells that are shown


@click.command(
    help=_(
        "Lay out the course in the folder DIR: its notebooks, and the exercises.\n\n"
        "If it is there already, a newer course is merged into it. What you have written or changed is never touched: "
        "cells that are as they were given are replaced, new ones come in, yours stay."
    )
)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--begun/--no-begun",
    default=None,
    help=_("Take along notebooks that were changed in the checkout itself, or leave them there (default: ask)."),
)
@click.option("--where", is_flag=True, help=_("Only print the notebook in which you stopped."))
def course(folder: Path, begun: bool | None, where: bool) -> None:
    """Lay out the learner's folder."""
    folder = folder.expanduser()
    learner = LearnerFolder.at(folder)
    if where:
        say(learner.where_stopped())
        return
    given, changed = _read_course()
    taken = _take_along(learner, given, changed, begun)
    existed = folder.exists()
    reports = [*taken, *(report for report in learner.lay_out(given) if report.path not in {t.path for t in taken})]
    for report in reports:
        if report.fate is not FileFate.SAME and (existed or report.fate is not FileFate.NEW):
            _show(report)
    _show_summary(folder, reports)
    if not configure_autoload():
        say(_("kmodlab does not load itself into notebooks of this Python: after a restart, run the first cell again."))


def _read_course() -> tuple[Mapping[str, bytes], Sequence[BegunNotebook]]:
    checkout = find_checkout()
    if checkout is not None:
        return read_committed(checkout)
    files = read_wheel()
    if not files:
        raise SetupError(_("The course is not installed."), hint=_("Install it: pip install 'kmodlab[notebook]'"))
    return files, []


def _take_along(
    learner: LearnerFolder, given: Mapping[str, bytes], changed: Sequence[BegunNotebook], wanted: bool | None
) -> list[FileReport]:
    """Put notebooks that were begun in a checkout into the folder, if the learner agrees; asks once for each."""
    offered = learner.record.offered
    fresh = [notebook for notebook in changed if offered.get(notebook.path) != digest_of(notebook.content)]
    if not fresh:
        return []
    paths = ", ".join(notebook.path for notebook in fresh)
    sentence = ngettext(
        "{number} notebook was changed in the checkout: {paths}.",
        "{number} notebooks were changed in the checkout: {paths}.",
        len(fresh),
    )
    say(sentence.format(number=len(fresh), paths=paths), "yellow")
    if wanted is None:
        if not OUT.is_terminal:
            say("  -> " + _("`kmodlab course {folder} --begun` takes them along.").format(folder=learner.root))
            return []
        wanted = click.confirm(_("Take them along? (They stay in the checkout as well.)"), default=True)
    for notebook in fresh:
        offered[notebook.path] = digest_of(notebook.content)
    if not wanted:
        return []
    return [
        learner.take_along(notebook.path, notebook.content, given[notebook.path], notebook.base) for notebook in fresh
    ]


def _show(report: FileReport) -> None:
    """Print a line about a file, and a line about the learner's cells in it."""
    if report.fate is FileFate.KEPT:
        say(_("{path} is kept as it is. {problem}").format(path=report.path, problem=report.problem), "yellow")
        hint = _("For the newer one: rename yours, and run this again.")
        say(f"  -> {hint}")
    elif report.fate is FileFate.MERGED and report.merged:
        counts = {"added": report.merged.added, "updated": report.merged.updated, "removed": report.merged.removed}
        sentence = _("{path} is merged: cells added: {added}, updated: {updated}, removed: {removed}.")
        say(sentence.format(path=report.path, **{name: len(cells) for name, cells in counts.items()}))
        if report.merged.yours:
            say("  -> " + _("Yours stay: {cells}").format(cells=_shortened(report.merged.yours)))
    elif report.fate is FileFate.UPDATED:
        say(_("{path} is updated; you had not changed it.").format(path=report.path))
    else:
        say(_("{path} is new.").format(path=report.path))


def _shortened(names: Sequence[str]) -> str:
    more = [_("and {number} more").format(number=len(names) - _SHOWN)] if len(names) > _SHOWN else []
    return ", ".join([*names[:_SHOWN], *more])


def _show_summary(folder: Path, reports: Sequence[FileReport]) -> None:
    paths = {report.path for report in reports if report.path.endswith(".ipynb")}
    notebooks = sum(path.startswith(f"{NOTEBOOKS}/") for path in paths)
    exercises = sum(path.startswith(f"{EXERCISES}/") for path in paths)
    sentence = _("The course is in {folder}: {notebooks} notebooks, {exercises} exercises.")
    say(sentence.format(folder=folder, notebooks=notebooks, exercises=exercises), "green")
    say("  -> " + _("Open it: jupyter lab {notebook}").format(notebook=folder / FIRST))
