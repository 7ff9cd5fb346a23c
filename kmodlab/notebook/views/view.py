"""What a view is: one output that says the same as text, as HTML without scripts and, where it helps, as a widget.

A terminal and nbval take the text; a code-hosting page, a PDF, slides and a notebook that nobody has run yet take the
HTML, which needs nothing from outside; a live notebook takes the widget. Pictures are SVG instead of HTML.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kmodlab.notebook.render.parts import Part, join_texts
from kmodlab.notebook.render.style import STYLE
from kmodlab.notebook.views.style import VIEW_STYLE

Source = Path | str | bytes
_WIDGET = "application/vnd.jupyter.widget-view+json"


@dataclass(frozen=True)
class View:
    """An output of a cell, made of parts. `widget` makes its live form, if there is one.

    The live form is left out where ipywidgets is missing; text and HTML are always there.
    """

    parts: Sequence[Part]
    widget: Callable[[], Any] | None = field(default=None, repr=False)

    @property
    def text(self) -> str:
        """What a terminal shows."""
        return join_texts(self.parts)

    @property
    def html(self) -> str:
        """A fragment of HTML with its own style."""
        inner = "".join(part.html for part in self.parts)
        return f'<div class="kmodlab km-view">{STYLE}{VIEW_STYLE}{inner}</div>'

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, **_options: Any) -> dict[str, Any]:
        return {"text/plain": self.text, "text/html": self.html} | self._live()

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
    """A drawing, with the same said in words. `svg` is a whole file, with light and dark colours of its own."""

    svg: str = field(repr=False)
    text: str

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, **_options: Any) -> dict[str, str]:
        # No HTML: where SVG is not trusted (a notebook that nobody has run yet), the text is shown.
        return {"text/plain": self.text, "image/svg+xml": self.svg}


def source_of(given: Source) -> Path | bytes:
    """What the readers in `elf` take: a path may be written as text."""
    return Path(given) if isinstance(given, str) else given
