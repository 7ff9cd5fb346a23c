"""`kmodlab autograder`: make an autograder for Gradescope, and be it; answer GitHub Classroom by exit statuses."""

from __future__ import annotations

from pathlib import Path

import click

from kmodlab.checks.result import Status
from kmodlab.cli.console import say, show_error
from kmodlab.course.exercise import MASTER, read_master
from kmodlab.errors import SandboxError, UsageError
from kmodlab.grading.formats.results import read_results
from kmodlab.grading.integrations.autograder import forget_results, grade_one, pack, write_results
from kmodlab.grading.pool import LocalPool
from kmodlab.grading.worker import find_setting
from kmodlab.guest.lab import load_lab
from kmodlab.sandbox.sandbox import check_sandbox
from kmodlab.settings import get_settings

_DEADLINE_S = 540.0  # Gradescope's own is ten minutes, unless set otherwise


@click.group()
def autograder() -> None:
    """Make an autograder for a platform that runs one for each submission."""


@autograder.command()
@click.argument("out", metavar="OUT.zip", type=click.Path(dir_okay=False, path_type=Path))
@click.argument("exercises", nargs=-1, required=True, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--without-sandbox", is_flag=True, help="Let it judge where bubblewrap cannot run; its results say so.")
def gradescope(out: Path, exercises: tuple[Path, ...], without_sandbox: bool) -> int:
    """Write the zip file for a Gradescope assignment of EXERCISES (folders with a master.ipynb)."""
    missing = [folder for folder in exercises if not (folder / MASTER).is_file()]
    if missing:
        raise UsageError(f"There is no {MASTER} in {missing[0]}.", hint="An exercise is a folder with a master.ipynb.")
    found = [read_master(folder / MASTER) for folder in exercises]
    count = pack(found, out, without_sandbox=without_sandbox)
    points = sum(exercise.points for exercise in found)
    say(f"{out} is an autograder of {count} files, for {points:g} points.", "green")
    say("  -> It holds hidden checks and solutions: it is for Gradescope, not for learners.")
    return 0


@autograder.command()
@click.argument("root", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--without-sandbox", is_flag=True, help="Judge even where there is no sandbox; the results say so.")
@click.option("--deadline", default=_DEADLINE_S, show_default=True, type=click.FloatRange(0, min_open=True))
def run(root: Path, without_sandbox: bool, deadline: float) -> int:
    """Grade ROOT/submission, and write ROOT/results/results.json: what the autograder itself calls.

    Ends with status 0 when that is written, and 4 when something errored: then there is none, so nobody gets a zero.
    """
    forget_results(root)
    verdict = check_sandbox()
    if not verdict.works and not without_sandbox:
        hint = f"{verdict.hint} Or make the autograder with --without-sandbox."
        raise SandboxError(f"{verdict.sentence} Nothing is graded without one.", hint=hint)
    pool = LocalPool(find_setting(load_lab(get_settings())), jobs=1, deadline_s=deadline)
    errored = write_results(grade_one(root, pool, deadline), root)
    for exercise, reason in errored.items():
        show_error(f"{exercise}: {reason}", "Run the autograder again.")
    return 4 if errored else 0


@autograder.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("checks", nargs=-1, required=True)
def passed(folder: Path, checks: tuple[str, ...]) -> int:
    """Say by the exit status whether CHECKS (ids of their cells) passed in what `kmodlab grade` wrote into FOLDER.

    0: all of them did, in every result. 1: one failed, or is not there. 4: one errored.
    """
    grades = read_results(folder)
    if not grades:
        raise UsageError(f"There are no results in {folder}.", hint="Make them: kmodlab grade ... --format json")
    found = [check.result for grade in grades for check in grade.checks if check.id in checks]
    for result in found:
        say(f"{result.title}: {result.status}. {result.reason}".rstrip())
    if any(result.status is Status.ERRORED for result in found):
        return 4
    complete = all({check.id for check in grade.checks} >= set(checks) for grade in grades)
    return 0 if complete and all(result.status is Status.PASSED for result in found) else 1
