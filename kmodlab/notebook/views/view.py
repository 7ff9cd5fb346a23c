"""A view: one output with the same content as text, as HTML without scripts and, if useful, as a widget.

A terminal and nbval use the text; GitHub, PDF export, slides and a notebook that has not been run use the HTML, which
loads nothing from elsewhere; a live notebook uses the widget. Pictures are SVG instead of HTML.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kmodlab.notebook.render.parts import Part, join_texts
from kmodlab.notebook.render.style import STYLE
from kmodlab.notebook.views.buttons import BUTTONS_MIME, Buttons

Source = Path | str | bytes
_WIDGET = "application/vnd.jupyter.widget-view+json"

# Tables and quizzes, on top of the cards' style sheet, with the same colours.
_RULES = """
.km-view { max-width: 72rem; }
.km-view h4 { margin: .8em 0 .2em; font-size: 1em; font-weight: bold; }
.km-view .km-scroll { overflow-x: auto; }
.km-view table.km-table { border-collapse: collapse; margin: .3em 0 .6em; font-size: .95em; color: inherit; border: 0; }
.km-view table.km-table caption { caption-side: top; text-align: left; font-weight: bold; color: inherit;
  padding: .2em 0; }
.km-view table.km-table th, .km-view table.km-table td { text-align: left; vertical-align: top;
  padding: .15em .9em .15em 0; border: 0; border-bottom: 1px solid var(--km-line); background: none;
  max-width: none; white-space: normal; }
.km-view table.km-table thead th { border-bottom-width: 2px; white-space: nowrap; }
.km-view table.km-table tbody th { font-weight: normal; }
.km-view table.km-table .km-number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.km-view table.km-table code, .km-view p code, .km-view li code { font-family: var(--km-mono); font-size: .95em;
  color: inherit; background: none; padding: 0; border: 0; overflow-wrap: break-word; }
.km-view table.km-table tr.km-only .km-code { font-weight: bold; }
.km-view ol.km-options { margin: .3em 0; padding-left: 2em; }
.km-view p.km-question { margin: .3em 0; font-weight: bold; }
@media print { .km-view details::details-content { content-visibility: visible; display: block; } }
"""

_STYLE = f"<style>{re.sub(chr(92) + 's+', ' ', _RULES).strip()}</style>"


@dataclass(frozen=True)
class View:
    """An output of a cell, made of parts. `widget` makes its widget; None if it has none. `buttons` are below it.

    The widget is left out if ipywidgets is not installed; text and HTML always exist.
    """

    parts: Sequence[Part]
    widget: Callable[[], Any] | None = field(default=None, repr=False)
    buttons: Buttons | None = field(default=None, repr=False)

    @property
    def text(self) -> str:
        """The text form, which a terminal shows."""
        return join_texts(self.parts)

    @property
    def html(self) -> str:
        """A fragment of HTML with its own style."""
        inner = "".join(part.html for part in self.parts)
        return f'<div class="kmodlab km-view">{STYLE}{_STYLE}{inner}</div>'

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, **_options: Any) -> dict[str, Any]:
        html = self.html
        buttons = {BUTTONS_MIME: self.buttons.data(html)} if self.buttons else {}
        return {"text/plain": self.text, "text/html": html} | buttons | self._live()

    def _live(self) -> dict[str, Any]:
        if self.widget is None:
            return {}
        try:
            widget = self.widget()
        except ImportError:
            return {}
        return {_WIDGET: widget._repr_mimebundle_()[_WIDGET]}


@dataclass(frozen=True)
class Picture:
    """A drawing, and its content in words (`text`). `svg` is a whole file, with its own light and dark colours."""

    svg: str = field(repr=False)
    text: str

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, **_options: Any) -> dict[str, str]:
        # No HTML: Jupyter shows the text if it does not trust the SVG (in a notebook that nobody has run yet).
        return {"text/plain": self.text, "image/svg+xml": self.svg}


def source_of(source: Source) -> Path | bytes:
    """A source in the form that the readers in `elf` take: a path in a string becomes a Path."""
    return Path(source) if isinstance(source, str) else source
