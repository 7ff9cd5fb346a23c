"""`kmodlab release`: make the learners' versions of exercises from their masters."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from kmodlab.checks.runner import CheckRunner
from kmodlab.cli.console import ERR, say
from kmodlab.course.exercise import KEY, MASTER, Exercise, ExerciseError, find_masters, read_master
from kmodlab.course.exercise_data import FILE
from kmodlab.course.free_points import find_free_checks
from kmodlab.course.release import find_leaks, release_data
from kmodlab.course.release import release as release_text
from kmodlab.errors import SetupError, UsageError
from kmodlab.files import replace_text
from kmodlab.grading.integrations.nbgrader.course import write_course
from kmodlab.guest.lab import load_lab
from kmodlab.i18n import _, ngettext
from kmodlab.settings import get_settings

_FOLDER = Path("exercises")


@click.command(
    help=_(
        "Write the learner's version of EXERCISES (folders with a master.ipynb; default: all in ./exercises).\n\n"
        "Solutions, hidden checks and outputs are left out, starters put in. The exit status is 0; or 1 if --check "
        "finds a version that is not up to date, 2 for a wrong call, 3 for a broken exercise, whose file and cell are "
        "named."
    )
)
@click.argument("exercises", nargs=-1, type=click.Path(path_type=Path))
@click.option("--check", "only_check", is_flag=True, help=_("Write nothing; fail if a version is not up to date."))
@click.option("--nbgrader", "course", type=click.Path(path_type=Path), help=_("Write a course for nbgrader instead."))
def release(exercises: tuple[Path, ...], only_check: bool, course: Path | None) -> int:
    """Write the learner's version of exercises; returns the exit status."""
    masters = [master for path in exercises or (_FOLDER,) for master in _masters(path)]
    if course is not None:
        return _write_course(masters, course)
    stale = 0
    written = []
    for master in masters:
        exercise = read_master(master)
        text = release_text(exercise)
        data = release_data(exercise)
        leaks = find_leaks(exercise, text, data)
        if leaks:
            raise ExerciseError(f"{master}: {leaks[0]}")
        notebook = exercise.notebook
        files = {notebook: text, notebook.with_name(FILE): data}
        if all(path.is_file() and path.read_text(encoding="utf-8") == text for path, text in files.items()):
            continue
        stale += 1
        if only_check:
            say(_("{notebook} is not up to date with its master.").format(notebook=notebook), "bold red")
        else:
            for path, text in files.items():
                replace_text(path, text)
            written.append(exercise)
            message = ngettext(
                "{notebook} is written: {points:g} points in {number} check.",
                "{notebook} is written: {points:g} points in {number} checks.",
                len(exercise.checks),
            )
            say(message.format(notebook=notebook, points=exercise.points, number=len(exercise.checks)), "green")
    if not stale:
        message = ngettext("{number} exercise is up to date.", "{number} exercises are up to date.", len(masters))
        say(message.format(number=len(masters)), "green")
    show_free_points(written)
    return 1 if only_check and stale else 0


def show_free_points(exercises: Sequence[Exercise]) -> None:
    """Name the checks that the starters of exercises pass, if the lab is there to run them."""
    if not exercises:
        return
    try:
        lab = load_lab(get_settings())
    except SetupError:
        say(_("What the starters earn was not checked, as there is no lab: run `kmodlab setup`."), "yellow")
        return
    with CheckRunner(lab) as runner:
        for exercise in exercises:
            with ERR.status(_("Checking what the starter of {exercise} earns …").format(exercise=exercise.name)):
                free = find_free_checks(exercise, runner)
            for name, check in free.items():
                sentence = _("The starter of {exercise} passes the check `{check}`: {points:g} of {worth:g} points.")
                about = {"exercise": exercise.name, "check": name, "points": check.points, "worth": exercise.points}
                say(sentence.format(**about), "yellow")
                hint = _("Make it stricter; or, if it may, list it in the notebook's metadata: {example}.")
                say("  -> " + hint.format(example=f'"{KEY}": {{"given": ["{name}"]}}'))


def _masters(path: Path) -> list[Path]:
    if path.name == MASTER:
        return [path]
    masters = [path / MASTER] if (path / MASTER).is_file() else find_masters(path)
    if not masters:
        message = _("There is no exercise in {folder}.").format(folder=path)
        raise UsageError(message, hint=_("An exercise is a folder with a master.ipynb."))
    return masters


def _write_course(masters: list[Path], course: Path) -> int:
    written = write_course(map(read_master, masters), course)
    message = ngettext(
        "{course} is a course for nbgrader: {number} file was written.",
        "{course} is a course for nbgrader: {number} files were written.",
        len(written),
    )
    say(message.format(course=course, number=len(written)), "green")
    say(f"  -> cd {course} && nbgrader generate_assignment {masters[0].resolve().parent.name}")
    return 0
