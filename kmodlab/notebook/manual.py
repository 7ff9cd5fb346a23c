"""`%man`: the manual pages of kmod's tools and files, at hand without a network."""

from __future__ import annotations

from dataclasses import dataclass

from kmodlab.guest.lab import load_lab
from kmodlab.guest.manual import ManualPage, read_manual, titles
from kmodlab.notebook.arguments import split
from kmodlab.notebook.render.parts import Details, Message, Part
from kmodlab.notebook.show import show
from kmodlab.notebook.state import NotebookState
from kmodlab.settings import get_settings
from kmodlab.text import escape_control_chars

HELP = """\
Show a manual page: of the tools that load modules, and of the files that they read.

    %man rmmod
    %man modules.dep(5)
    %man                  what there is
"""


@dataclass(frozen=True)
class _Page:
    """A page, as mandoc sets it."""

    page: ManualPage

    @property
    def text(self) -> str:
        return escape_control_chars(self.page.text.rstrip())

    @property
    def html(self) -> str:
        return (
            f'<div class="km-manual" tabindex="0" role="region" aria-label="{self.page.title}">{self.page.html}</div>'
        )


def manual(_place: NotebookState, line: str, _cell: str | None) -> None:
    """Run the magic."""
    lab = load_lab(get_settings())
    words = split(line)
    if not words:
        show(Message(f"Manual pages: {', '.join(f'`{title}`' for title in titles(lab))}."))
    for word in words:
        page = read_manual(lab, word)
        parts: list[Part] = [_Page(page)]
        show(Details(Message(f"`{page.title}`, from the guest's own packages"), parts, is_open=True))
