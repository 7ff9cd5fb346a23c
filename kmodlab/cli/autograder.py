"""`kmodlab autograder`: make and run an autograder for Gradescope; exit statuses for GitHub Classroom."""

from __future__ import annotations

from pathlib import Path

import click

from kmodlab.checks.check_result import Status
from kmodlab.cli.console import say, show_error
from kmodlab.course.exercise import MASTER, read_master
from kmodlab.errors import SandboxError, UsageError
from kmodlab.grading.formats.redact import status_text
from kmodlab.grading.formats.results import read_results
from kmodlab.grading.integrations.autograder import forget_results, grade_one, pack, write_results
from kmodlab.grading.pool import LocalPool
from kmodlab.grading.worker import find_setting
from kmodlab.guest.lab import load_lab
from kmodlab.i18n import _
from kmodlab.sandbox.sandbox import check_sandbox
from kmodlab.settings import get_settings

_DEADLINE_S = 540.0  # Gradescope's own is ten minutes, unless set otherwise


@click.group(help=_("Make an autograder for a platform that runs one for each submission."))
def autograder() -> None:
    """Make and run an autograder."""


@autograder.command(
    help=_("Write the zip file for a Gradescope assignment of EXERCISES (folders with a master.ipynb).")
)
@click.argument("out", metavar="OUT.zip", type=click.Path(dir_okay=False, path_type=Path))
@click.argument("exercises", nargs=-1, required=True, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--without-sandbox", is_flag=True, help=_("Let it judge even if bubblewrap cannot run; its results say so.")
)
def gradescope(out: Path, exercises: tuple[Path, ...], without_sandbox: bool) -> int:
    """Write the zip file for a Gradescope assignment."""
    missing = [folder for folder in exercises if not (folder / MASTER).is_file()]
    if missing:
        sentence = _("There is no {file} in {folder}.").format(file=MASTER, folder=missing[0])
        raise UsageError(sentence, hint=_("An exercise is a folder with a master.ipynb."))
    read = [read_master(folder / MASTER) for folder in exercises]
    count = pack(read, out, without_sandbox=without_sandbox)
    points = sum(exercise.points for exercise in read)
    sentence = _("{file} is an autograder of {number} files, for {points:g} points.")
    say(sentence.format(file=out, number=count, points=points), "green")
    say("  -> " + _("It holds hidden checks and solutions: it is for Gradescope, not for learners."))
    return 0


@autograder.command(
    help=_("""Grade ROOT/submission, and write ROOT/results/results.json: Gradescope's autograder runs this.

Ends with status 0 if that is written, and 4 if something errored: then it is not, so nobody gets a zero.
""")
)
@click.argument("root", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--without-sandbox", is_flag=True, help=_("Judge even if there is no sandbox; the results say so."))
@click.option("--deadline", default=_DEADLINE_S, show_default=True, type=click.FloatRange(0, min_open=True))
def run(root: Path, without_sandbox: bool, deadline: float) -> int:
    """Grade one submission to Gradescope."""
    forget_results(root)
    verdict = check_sandbox()
    if not verdict.works and not without_sandbox:
        hint = f"{verdict.hint} {_('Or make the autograder with --without-sandbox.')}"
        raise SandboxError(f"{verdict.sentence} {_('Nothing is graded without one.')}", hint=hint)
    pool = LocalPool(find_setting(load_lab(get_settings())), jobs=1, deadline_s=deadline)
    errored = write_results(grade_one(root, pool, deadline), root)
    for exercise, reason in errored.items():
        show_error(f"{exercise}: {reason}", _("Run the autograder again."))
    return 4 if errored else 0


@autograder.command(
    help=_("""Tell by the exit status whether CHECKS (ids of their cells) passed in the results in FOLDER.

The results are those of `kmodlab grade`. 0: all of them passed, in every result. 1: one failed, or is missing. 4: one
errored.
""")
)
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("checks", nargs=-1, required=True)
def passed(folder: Path, checks: tuple[str, ...]) -> int:
    """Tell whether checks passed."""
    grades = read_results(folder)
    if not grades:
        sentence = _("There are no results in {folder}.").format(folder=folder)
        raise UsageError(sentence, hint=_("Make them: kmodlab grade ... --format json"))
    results = [check for grade in grades for check in grade.checks if check.id in checks]
    for result in results:
        say(f"{result.title}: {status_text(result)}. {result.reason}".rstrip())
    if any(result.status is Status.ERRORED for result in results):
        return 4
    complete = all({check.id for check in grade.checks} >= set(checks) for grade in grades)
    return 0 if complete and all(result.status in (Status.PASSED, Status.SKIPPED) for result in results) else 1
