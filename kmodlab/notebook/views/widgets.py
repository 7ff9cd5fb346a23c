"""The widgets of views, made with ipywidgets; everything else in this folder works without it.

By keyboard: Tab moves from widget to widget, Space and Enter press a button. No widget needs the arrow keys, because
JupyterLab uses them for itself outside of text fields.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import ipywidgets

from kmodlab.i18n import _
from kmodlab.notebook.render.parts import Part
from kmodlab.notebook.views.table import Table
from kmodlab.notebook.views.view import View

Page = Callable[[], list[Part]]

# ipywidgets has no type hints.
_widgets: Any = ipywidgets


def filtered_tabs(pages: dict[str, Page]) -> Any:
    """Buttons that choose a page by its title, and a field that filters the rows of its tables by a text."""
    chooser = _widgets.ToggleButtons(options=list(pages), description=_("show:"))
    text_field = _widgets.Text(description=_("filter:"), placeholder=_("part of a name"))
    page = _widgets.HTML()

    def refresh(_change: object = None) -> None:
        page.value = View(_filtered(pages[str(chooser.value)](), str(text_field.value))).html

    chooser.observe(refresh, "value")
    text_field.observe(refresh, "value")
    refresh()
    return _widgets.VBox([chooser, text_field, page])


def _filtered(parts: Sequence[Part], text: str) -> list[Part]:
    """The tables with only the rows that contain `text`; all parts if it is empty."""
    if not text:
        return list(parts)
    return [_filtered_table(part, text.lower()) for part in parts if isinstance(part, Table)]


def _filtered_table(table: Table, text: str) -> Table:
    rows = [row for row in table.rows if any(text in cell.lower() for cell in row)]
    caption = _("{caption}; {number} with “{text}”").format(caption=table.caption, number=len(rows), text=text)
    return replace(table, rows=rows, caption=caption, bold=frozenset())


def bar(html: str) -> Any:
    """A line of HTML that can be changed, as `value`, and removed."""
    return _widgets.HTML(html)
