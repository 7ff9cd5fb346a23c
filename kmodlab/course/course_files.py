"""The files of the course that learners get: from the checkout that this code runs in, or from the installed wheel.

A wheel has them in data/course; `write_course_files` makes this folder while the wheel is built, with Python's standard
library only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from kmodlab.course.learner_copy import learner_copy
from kmodlab.files import replace_bytes

NOTEBOOKS, EXERCISES = "notebooks", "exercises"
PACKAGE = Path(__file__).parents[1]
IN_WHEEL = PACKAGE / "data" / "course"
_PAGES = ("deck.md", "then-and-now.md")  # the notebooks link to them
_EXERCISE = re.compile(r"\d\d-([a-z0-9-]+)")


def find_checkout() -> Path | None:
    """The checkout that this code runs in; None if it is installed."""
    root = PACKAGE.parent
    return root if (root / NOTEBOOKS / "00-welcome.ipynb").is_file() and (root / "pyproject.toml").is_file() else None


def installed_courses() -> tuple[Path, ...]:
    """The folders with the course: that of the wheel, and the checkout if this code runs in one."""
    checkout = find_checkout()
    return (IN_WHEEL, *([checkout] if checkout else []))


def learner_files(checkout: Path) -> Iterator[str]:
    """The paths of all files in a checkout that learners get, in the order of the course."""
    yield from (f"{NOTEBOOKS}/{path.name}" for path in sorted((checkout / NOTEBOOKS).glob("*.ipynb")))
    yield from (f"{NOTEBOOKS}/{page}" for page in _PAGES)
    for folder in sorted((checkout / EXERCISES).iterdir()):
        match = _EXERCISE.fullmatch(folder.name)
        name = f"{match[1]}.ipynb" if match else ""
        if match and (folder / name).is_file():
            yield f"{EXERCISES}/{folder.name}/{name}"
            yield from (f"{EXERCISES}/{folder.name}/{path.name}" for path in sorted(folder.glob("*.json")))


def as_given(path: str, content: bytes) -> bytes:
    """The content of a checkout's file as learners get it; for a notebook of the course, the learner's copy."""
    if path.startswith(f"{NOTEBOOKS}/") and path.endswith(".ipynb"):
        return learner_copy(content.decode("utf-8")).encode("utf-8")
    return content


def read_checkout(checkout: Path) -> dict[str, bytes]:
    """The course from the present files of a checkout: contents by path, in the order of the course."""
    return {path: as_given(path, (checkout / path).read_bytes()) for path in learner_files(checkout)}


def read_wheel(folder: Path = IN_WHEEL) -> dict[str, bytes]:
    """The course from an installed wheel: contents by path, in the order of the course; empty if it has none."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    contents = {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
    return dict(sorted(contents.items(), key=lambda item: not item[0].startswith(NOTEBOOKS)))


def write_course_files(checkout: Path, folder: Path) -> None:
    """Write the course from a checkout into a folder, for a wheel."""
    for path, content in read_checkout(checkout).items():
        replace_bytes(folder / path, content)
