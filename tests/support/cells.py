"""Runs cells in tests, and collects their outputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from kmodlab.notebook.views.buttons import BUTTONS_MIME

FORMS = ({"text/plain", "text/html"}, {"text/plain", "image/svg+xml"})  # of a card or a view, of a picture
_LIVE = {"application/vnd.jupyter.widget-view+json", BUTTONS_MIME}


@dataclass
class Cell:
    """The outputs of a cell: the text of its streams, cards and buttons, each in order; its error, if any."""

    stdout: str
    stderr: str
    cards: list[str]
    pages: list[str]
    error: BaseException | None = None
    buttons: Sequence[dict[str, Any]] = ()

    @property
    def text(self) -> str:
        assert not self.stderr
        return "\n".join([self.stdout, *self.cards])


Run = Callable[[str], Cell]


def run_cell(shell: InteractiveShell, source: str) -> Cell:
    """Run a cell, and assert that each of its outputs has the usual MIME types."""
    with capture_output() as captured:
        result = shell.run_cell(source)
    data = [output.data for output in captured.outputs]
    assert all(set(forms) - _LIVE in FORMS for forms in data)
    pages = [forms.get("text/html", forms.get("image/svg+xml", "")) for forms in data]
    error = result.error_before_exec or result.error_in_exec
    buttons = [forms[BUTTONS_MIME] for forms in data if BUTTONS_MIME in forms]
    return Cell(captured.stdout, captured.stderr, [forms["text/plain"] for forms in data], pages, error, buttons)
