"""Writes notebooks/deck.md, the index of the deck's bullets, from notebooks/deck.toml.

Run it after each change of the data: `make record`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
DATA, INDEX = NOTEBOOKS / "deck.toml", NOTEBOOKS / "deck.md"

_COLUMNS = "|  | The deck | Explained in | Shown in | Do it yourself |\n| --- | --- | --- | --- | --- |\n"
_HEAD = """\
# The deck, bullet by bullet

The course follows a deck of slides, *Module Loading, Hello World*. This table lists its bullets in a few words,
with the cell that explains each, the cells that show it on a running kernel, and the exercises in which you do it
yourself. In JupyterLab, the links open the cells; elsewhere, they open the notebooks.
"""


@dataclass(frozen=True)
class Bullet:
    """A bullet of the deck; cells are (notebook, cell id), as in ("01-anatomy", "hello")."""

    number: str
    deck: str
    slide: tuple[str, str]
    live: tuple[tuple[str, str], ...]
    exercises: tuple[str, ...]


@dataclass(frozen=True)
class Section:
    """A section of the deck."""

    title: str
    bullets: tuple[Bullet, ...]


def read_deck(data: str) -> tuple[Section, ...]:
    """The sections of the deck in their order, from the text of deck.toml."""
    return tuple(
        Section(section["title"], tuple(_bullets(str(number), section["bullet"])))
        for number, section in enumerate(tomllib.loads(data)["section"], 1)
    )


def _bullets(section: str, rows: list[dict[str, object]]) -> Iterator[Bullet]:
    for number, row in enumerate(rows, 1):
        live, exercises = row["live"], row["exercise"]
        assert isinstance(live, list) and isinstance(exercises, list)
        cells = tuple(_cell(str(name)) for name in live)
        yield Bullet(f"{section}.{number}", str(row["deck"]), _cell(str(row["slide"])), cells, tuple(exercises))


def _cell(name: str) -> tuple[str, str]:
    notebook, _, cell = name.partition("/")
    return notebook, cell


def make_index(sections: tuple[Section, ...]) -> str:
    """The text of deck.md."""
    return "\n".join([_HEAD, *(_section(number, section) for number, section in enumerate(sections, 1))])


def _section(number: int, section: Section) -> str:
    return f"## {number} {section.title}\n\n{_COLUMNS}" + "".join(map(_row, section.bullets))


def _row(bullet: Bullet) -> str:
    live = " ".join(map(_link, bullet.live))
    exercises = " ".join(f"[{name}](../exercises/{name}/{name[3:]}.ipynb)" for name in bullet.exercises)
    return f"| {bullet.number} | {bullet.deck} | {_link(bullet.slide)} | {live} | {exercises} |\n"


def _link(cell: tuple[str, str]) -> str:
    notebook, name = cell
    return f"[{notebook[:2]} {name}]({notebook}.ipynb#cell-id={name})"


if __name__ == "__main__":
    INDEX.write_text(make_index(read_deck(DATA.read_text(encoding="utf-8"))), encoding="utf-8")
