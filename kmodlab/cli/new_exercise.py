"""`kmodlab new-exercise`: make a small exercise that works, as a start for your own."""

from __future__ import annotations

from pathlib import Path

import click

from kmodlab.cli.console import say
from kmodlab.cli.release import show_free_points
from kmodlab.course.exercise import NAME, read_master
from kmodlab.course.exercise_data import FILE
from kmodlab.course.release import release, release_data
from kmodlab.course.scaffold import scaffold
from kmodlab.errors import UsageError
from kmodlab.i18n import _


@click.command(
    "new-exercise",
    help=_(
        "Make the exercise NAME, such as 19-timer: a master, the learner's version, and a first wrong solution.\n\n"
        "They work as they are; exercises/README.md says what to change."
    ),
)
@click.argument("name")
@click.option(
    "--root",
    default=Path(),
    type=click.Path(path_type=Path, file_okay=False),
    help=_("The checkout, which has the folders exercises and tests (default: the current folder)."),
)
def new_exercise(name: str, root: Path) -> int:
    """Make a new exercise in a checkout; returns the exit status."""
    if not NAME.fullmatch(name):
        message = _("{name!r} cannot be the name of an exercise.").format(name=name)
        raise UsageError(message, hint=_("Name it with two digits and words in small letters, such as 19-timer."))
    folder = root / "exercises" / name
    if folder.exists():
        raise UsageError(_("{folder} exists already.").format(folder=folder))
    for path, text in scaffold(name).items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
        say(_("{file} is written.").format(file=root / path), "green")
    exercise = read_master(folder / "master.ipynb")
    data = exercise.notebook.with_name(FILE)
    for made, text in {exercise.notebook: release(exercise), data: release_data(exercise)}.items():
        made.write_text(text, encoding="utf-8")
        say(_("{file} is written.").format(file=made), "green")
    show_free_points([exercise])
    say(_("exercises/README.md says what to do next."))
    return 0
