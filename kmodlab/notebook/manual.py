"""`%man`: shows the manual pages of kmod's tools and files, and of DKMS, without a network."""

from __future__ import annotations

from dataclasses import dataclass

from kmodlab.guest.lab import load_lab
from kmodlab.guest.manual import ManualPage, read_manual, titles
from kmodlab.i18n import _
from kmodlab.notebook.magic import show, split
from kmodlab.notebook.render.parts import Details, Message, escape
from kmodlab.notebook.state import NotebookState
from kmodlab.settings import get_settings
from kmodlab.text import escape_control_chars

MANUAL_HELP = _("""\
Show a manual page: of the tools that load modules, of the files that they read, and of DKMS.

    %man rmmod
    %man dkms
    %man modules.dep(5)
    %man                  which pages there are
""")


@dataclass(frozen=True)
class _Page:
    """A page as mandoc formats it."""

    page: ManualPage

    @property
    def text(self) -> str:
        return escape_control_chars(self.page.text.rstrip())

    @property
    def html(self) -> str:
        title = escape(self.page.title)
        return f'<div class="km-manual" tabindex="0" role="region" aria-label="{title}">{self.page.html}</div>'


def manual(_state: NotebookState, line: str, _cell: str | None) -> None:
    """Run `%man`."""
    lab = load_lab(get_settings())
    words = split(line)
    if not words:
        pages = ", ".join(f"`{title}`" for title in titles(lab))
        show(Message(_("Manual pages: {titles}.").format(titles=pages)))
    for word in words:
        page = read_manual(lab, word)
        title = Message(_("`{title}`, from Debian's packages").format(title=page.title))
        show(Details(title, [_Page(page)], is_open=True))
