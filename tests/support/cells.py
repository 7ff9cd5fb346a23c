"""Cells as tests run them: what one showed, and how to run one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

FORMS = ({"text/plain", "text/html"}, {"text/plain", "image/svg+xml"})  # of a card or a view, of a picture
_WIDGET = "application/vnd.jupyter.widget-view+json"


@dataclass
class Cell:
    """What a cell showed: text of its stream and cards, in order within each kind; its error, if it raised one."""

    stdout: str
    stderr: str
    cards: list[str]
    pages: list[str]
    error: BaseException | None = None

    @property
    def text(self) -> str:
        assert not self.stderr
        return "\n".join([self.stdout, *self.cards])


Run = Callable[[str], Cell]


def run_cell(shell: InteractiveShell, source: str) -> Cell:
    """Run a cell, and see that each of its outputs has the forms that it always has."""
    with capture_output() as captured:
        result = shell.run_cell(source)
    data = [output.data for output in captured.outputs]
    assert all(set(forms) - {_WIDGET} in FORMS for forms in data)
    pages = [forms.get("text/html", forms.get("image/svg+xml", "")) for forms in data]
    error = result.error_before_exec or result.error_in_exec
    return Cell(captured.stdout, captured.stderr, [forms["text/plain"] for forms in data], pages, error)
