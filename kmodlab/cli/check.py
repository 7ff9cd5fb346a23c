"""`kmodlab check`: run a learner's own notebook, and compare its checks with those of the solved exercise."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import click
from rich.table import Table
from rich.text import Text

from kmodlab.checks.check_result import Status
from kmodlab.cli.console import OUT, SetupProgress, say
from kmodlab.course.self_check import CellReport, OwnNotebook, passes
from kmodlab.files import replace_text
from kmodlab.grading.formats.junit import make_case, make_document, make_suite
from kmodlab.guest.lab import load_lab
from kmodlab.i18n import N_, _, ngettext
from kmodlab.settings import get_settings
from kmodlab.text import escape_control_chars, parse_seconds

_CELL_S = 600
_STATES = {
    Status.PASSED: (N_("passed"), "green"),
    Status.FAILED: (N_("failed"), "bold red"),
    Status.ERRORED: (N_("errored"), "yellow"),
    None: (N_("not run"), "yellow"),
}


@click.command(
    help=_(
        "Run the notebook FILE of an exercise from top to bottom, as it is on disk, and compare what its checks say "
        "with what they say of the solution.\n\n"
        "Its cells run as Python on this machine: this is for a notebook of your own. (`kmodlab grade` is for those of "
        "others.) Ends with status 0 if all cells ran and all checks passed, 1 if not, and 4 if kmodlab itself could "
        "not check it."
    )
)
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--junit", type=click.Path(path_type=Path), help=_("Write the result as JUnit XML, for a build server."))
@click.option(
    "--timeout",
    "timeout_s",
    type=parse_seconds,
    metavar="SECONDS",
    default=str(_CELL_S),
    show_default=True,
    help=_("Seconds for each cell."),
)
def check(file: Path, junit: Path | None, timeout_s: float) -> int:
    """Run a learner's own notebook; returns the exit status."""
    import_module("nbval")
    notebook = OwnNotebook.read(file)
    load_lab(get_settings())
    with SetupProgress(counts=True) as bars:
        bars.step(_("Running {file}").format(file=file.name))
        reports = notebook.run(timeout_s, bars.progress)
    _show(reports)
    if junit is not None:
        replace_text(junit, _as_junit(file.name, notebook.data.exercise, reports))
    if any(report.status is Status.ERRORED for report in reports):
        return 4
    return 0 if passes(reports) else 1


def _show(reports: Sequence[CellReport]) -> None:
    table = Table(box=None, pad_edge=False)
    for column in ("", _("cell"), _("state")):
        table.add_column(column)
    for number, report in enumerate(reports, 1):
        word, style = _STATES[report.status]
        if report.status is Status.PASSED and not report.is_check:
            word, style = N_("ran"), ""
        title = Text(escape_control_chars(report.title), style="" if report.is_check else "dim")
        table.add_row(str(number), title, Text(_(word), style=style))
    OUT.print(table)
    for number, report in enumerate(reports, 1):
        if _reason(report):
            say("")
            say(_("{number}. {title}").format(number=number, title=report.title), _STATES[report.status][1])
            say("\n".join(f"  {line}" for line in _reason(report).splitlines()))
    checks = [report for report in reports if report.is_check]
    passed = sum(report.status is Status.PASSED for report in checks)
    sentence = ngettext(
        "{passed} of {number} check passed.", "{passed} of {number} checks passed.", len(checks)
    ).format(passed=passed, number=len(checks))
    say("")
    say(sentence, "green" if passes(reports) else "bold red")


def _reason(report: CellReport) -> str:
    return report.reason or (_("The cell was not run.") if report.status is None else "")


def _as_junit(file: str, exercise: str, reports: Sequence[CellReport]) -> str:
    cases = [
        make_case(each.title, exercise, each.status or Status.FAILED, _reason(each), each.seconds) for each in reports
    ]
    return make_document([make_suite(file, cases, sum(each.seconds for each in reports))])
