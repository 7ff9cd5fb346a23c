"""Every bullet of the deck is said, is shown, and is found again in notebooks/deck.md."""

from __future__ import annotations

from functools import cache

import nbformat
import pytest
from nbformat import NotebookNode
from store_deck import DATA, INDEX, NOTEBOOKS, Bullet, make_index, read_deck

SECTIONS = read_deck(DATA.read_text(encoding="utf-8"))
BULLETS = [bullet for section in SECTIONS for bullet in section.bullets]
EXERCISES = NOTEBOOKS.parent / "exercises"

# The deck's own outline: its sections, and how many bullets each has.
OUTLINE = {
    "Kernel driver anatomy": 8,
    "Built-in vs. loadable module": 3,
    "Minimum module source": 1,
    "Gotchas: init() and exit()": 9,
    "Module build": 9,
    "Minimum Makefile, building": 5,
    "lsmod": 2,
    "insmod": 5,
    "modprobe": 5,
    "rmmod": 3,
    "Dependency (and other) databases": 4,
}
WRITTEN = {path.parent.name for path in EXERCISES.glob("*/master.ipynb")}

every_bullet = pytest.mark.parametrize("bullet", BULLETS, ids=lambda bullet: f"{bullet.number} {bullet.deck}")


@cache
def cells(notebook: str) -> dict[str, NotebookNode]:
    path = NOTEBOOKS / f"{notebook}.ipynb"
    if not path.is_file():
        return {}
    return {cell.id: cell for cell in nbformat.read(path, as_version=4).cells}


def find_cell(where: tuple[str, str]) -> NotebookNode:
    notebook, name = where
    assert name in cells(notebook), f"There is no cell {name!r} in {notebook!r}."
    cell = cells(notebook)[name]
    assert cell.metadata.slideshow.slide_type not in ("skip", "notes"), f"{name} is not on the slides of {notebook}."
    return cell


def test_the_index_has_all_bullets_of_the_deck() -> None:
    assert {section.title: len(section.bullets) for section in SECTIONS} == OUTLINE


@every_bullet
def test_a_bullet_has_a_cell_on_a_slide_that_says_it(bullet: Bullet) -> None:
    assert find_cell(bullet.slide).cell_type == "markdown"


@every_bullet
def test_a_bullet_has_live_cells_that_show_it(bullet: Bullet) -> None:
    assert bullet.live
    for where in bullet.live:
        cell = find_cell(where)
        assert cell.cell_type == "code" and cell.outputs, where


@every_bullet
def test_a_bullets_exercises_are_among_those_of_the_course(bullet: Bullet) -> None:
    assert set(bullet.exercises) <= WRITTEN


def test_every_exercise_belongs_to_a_bullet() -> None:
    named = {name for bullet in BULLETS for name in bullet.exercises}
    assert named >= WRITTEN


def test_the_index_is_what_the_data_say() -> None:
    assert INDEX.read_text(encoding="utf-8") == make_index(SECTIONS), "Run: make record"
