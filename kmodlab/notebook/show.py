"""Shows a card as the output of the running cell; nothing of ours goes another way, and nothing to stderr."""

from __future__ import annotations

from IPython.display import display

from kmodlab.notebook.render.parts import Card, Part
from kmodlab.notebook.views.view import Picture, View


def show(*parts: Part) -> None:
    """Show parts as one card; nothing when there is nothing in them."""
    card = Card(parts)
    if repr(card):
        display(card)


def show_view(view: View | Picture) -> None:
    """Show a view or a picture."""
    display(view)
