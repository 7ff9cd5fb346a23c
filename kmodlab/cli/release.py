"""`kmodlab release`: from each exercise's master to the version that learners get."""

from __future__ import annotations

from pathlib import Path

import click

from kmodlab.cli.console import say
from kmodlab.course.exercise import MASTER, ExerciseError, find_masters, read_master
from kmodlab.course.release import find_leaks
from kmodlab.course.release import release as release_text
from kmodlab.errors import UsageError
from kmodlab.grading.integrations.nbgrader.course import write_course

_FOLDER = Path("exercises")


@click.command()
@click.argument("exercises", nargs=-1, type=click.Path(path_type=Path))
@click.option("--check", "only_check", is_flag=True, help="Write nothing; fail where a version is not up to date.")
@click.option("--nbgrader", "course", type=click.Path(path_type=Path), help="Write a course for nbgrader instead.")
def release(exercises: tuple[Path, ...], only_check: bool, course: Path | None) -> int:
    """Write the learner's version of EXERCISES (folders with a master.ipynb; default: all in ./exercises).

    Solutions and hidden checks are left out, starters put in, outputs cleared. Ends with status 0, or 1 where --check
    finds an old version, 2 for a wrong call, and 3 where an exercise is broken: its file and cell are named.
    """
    masters = [path for given in exercises or (_FOLDER,) for path in _masters(given)]
    if course is not None:
        return _write_course(masters, course)
    stale = 0
    for master in masters:
        exercise = read_master(master)
        text = release_text(exercise)
        leaks = find_leaks(exercise, text)
        if leaks:
            raise ExerciseError(f"{master}: {leaks[0]}.")
        notebook = exercise.notebook
        if notebook.is_file() and notebook.read_text(encoding="utf-8") == text:
            continue
        stale += 1
        if only_check:
            say(f"{notebook} is not the release of its master.", "bold red")
        else:
            notebook.write_text(text, encoding="utf-8")
            say(f"{notebook} is written: {exercise.points:g} points in {len(exercise.checks)} checks.", "green")
    if not stale:
        say(f"{len(masters)} exercises are up to date.", "green")
    return 1 if only_check and stale else 0


def _masters(given: Path) -> list[Path]:
    if given.name == MASTER:
        return [given]
    found = [given / MASTER] if (given / MASTER).is_file() else find_masters(given)
    if not found:
        raise UsageError(f"There is no exercise in {given}.", hint="An exercise is a folder with a master.ipynb.")
    return found


def _write_course(masters: list[Path], course: Path) -> int:
    written = write_course(map(read_master, masters), course)
    say(f"{course} is a course for nbgrader: {len(written)} files were written.", "green")
    say(f"  -> cd {course} && nbgrader generate_assignment {masters[0].resolve().parent.name}")
    return 0
