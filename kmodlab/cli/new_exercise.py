"""`kmodlab new-exercise`: a small exercise that works, to be made into another one."""

from __future__ import annotations

from pathlib import Path

import click

from kmodlab.cli.console import say
from kmodlab.course.exercise import NAME, read_master
from kmodlab.course.release import release
from kmodlab.course.scaffold import scaffold
from kmodlab.errors import UsageError


@click.command("new-exercise")
@click.argument("name")
@click.option(
    "--root",
    default=Path(),
    type=click.Path(path_type=Path, file_okay=False),
    help="The checkout with the folders exercises and tests (default: here).",
)
def new_exercise(name: str, root: Path) -> int:
    """Make the exercise NAME, such as 19-timer: a master, the learner's version, and a first wrong solution.

    All of it works as it is; exercises/README.md says what to change.
    """
    if not NAME.fullmatch(name):
        raise UsageError(f"{name!r} cannot be the name of an exercise.", hint="Two digits and words: 19-timer")
    folder = root / "exercises" / name
    if folder.exists():
        raise UsageError(f"{folder} is there already.")
    for path, text in scaffold(name).items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
        say(f"{root / path} is written.", "green")
    exercise = read_master(folder / "master.ipynb")
    exercise.notebook.write_text(release(exercise), encoding="utf-8")
    say(f"{exercise.notebook} is written.", "green")
    say("exercises/README.md says how to go on.")
    return 0
