"""The live forms, made of ipywidgets: everything else in this folder works without it.

Keyboard: Tab moves from one to the next, Space and Enter press. What needs arrow keys is not used: they are
JupyterLab's own wherever nobody is typing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import ipywidgets

from kmodlab.notebook.render.parts import Part
from kmodlab.notebook.views.table import Table
from kmodlab.notebook.views.view import View

Page = Callable[[], list[Part]]

# It has no types of its own.
_made: Any = ipywidgets


def filtered_tabs(pages: dict[str, Page]) -> Any:
    """A choice of pages, and a field that leaves only the rows in which a text occurs."""
    chosen = _made.ToggleButtons(options=list(pages), description="show:")
    wanted = _made.Text(description="filter:", placeholder="part of a name")
    shown = _made.HTML()

    def refresh(_change: object = None) -> None:
        shown.value = View(_filtered(pages[str(chosen.value)](), str(wanted.value))).html

    chosen.observe(refresh, "value")
    wanted.observe(refresh, "value")
    refresh()
    return _made.VBox([chosen, wanted, shown])


def _filtered(parts: Sequence[Part], wanted: str) -> list[Part]:
    """Tables without the rows in which the text does not occur; they say how many are left."""
    if not wanted:
        return list(parts)
    return [_filtered_table(part, wanted.lower()) for part in parts if isinstance(part, Table)]


def _filtered_table(table: Table, wanted: str) -> Table:
    rows = [row for row in table.rows if any(wanted in cell.lower() for cell in row)]
    return replace(table, rows=rows, caption=f"{table.caption}; {len(rows)} with “{wanted}”", bold=frozenset())


def question(html: str, options: Sequence[str], choose: Callable[[int], str]) -> Any:
    """A question with a button for each answer. `choose` is told which (from 0), and returns HTML that confirms it."""
    layout = {"width": "max-content", "max_width": "100%"}
    texts = [f"{number}. {option}" for number, option in enumerate(options, 1)]
    # Buttons, since JupyterLab takes the arrow keys that a row of radio buttons would need.
    buttons = [_made.Button(description=text, tooltip=text, layout=layout) for text in texts]
    answer = _made.HTML()

    def decide(pressed: Any) -> None:
        if answer.value:  # the button that was pressed stays enabled, or the keyboard would lose its place
            return
        number = buttons.index(pressed)
        for button in buttons:
            button.disabled = button is not pressed
        pressed.button_style = "info"
        answer.value = choose(number)

    for button in buttons:
        button.on_click(decide)
    return _made.VBox([_made.HTML(html), *buttons, answer])


def bar() -> Any:
    """A line of HTML that can be changed, and taken away."""
    return _made.HTML()
