"""A page in a browser, whose requests and errors are recorded, and the JupyterLab that serves it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import nbformat
from playwright.sync_api import Browser, ConsoleMessage, Page, WebSocket


@dataclass
class Visit:
    """A page, the addresses that it requested, and its errors."""

    page: Page
    hosts: set[str] = field(default_factory=set)
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        def note_socket(socket: WebSocket) -> None:
            self._note(socket.url)

        self.page.context.on("request", lambda request: self._note(request.url))
        self.page.on("websocket", note_socket)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._note_console)

    def _note_console(self, message: ConsoleMessage) -> None:
        if message.type == "error" and "labextensions/kmodlab/" in message.location["url"]:
            self.complaints.append(message.text)

    def _note(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("data", "blob", "about"):
            self.hosts.add(parts.netloc or parts.scheme)


@dataclass
class Server:
    """A JupyterLab with its own settings, for a copy of the notebooks."""

    url: str
    folder: Path

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc

    def address(self, view: str, notebook: Path) -> str:
        return f"{self.url}{view}/{notebook.name}?token=secret"


READY = """async () => {
    const context = jupyterapp.shell.currentWidget.sessionContext;
    await context.ready;
    await context.session.kernel.info;
}"""
RUN = """async number => {
    jupyterapp.shell.currentWidget.content.activeCellIndex = number;
    await jupyterapp.commands.execute('notebook:run-cell');
}"""

SET_THEME = "theme => jupyterapp.commands.execute('apputils:change-theme', {theme})"
# JupyterLab takes its page away for a moment when the theme has changed, and covers it until it is drawn again.
HAS_THEME = """theme => document.body.dataset.jpThemeName === theme
    && jupyterapp.shell.isVisible && !document.querySelector('#jupyterlab-splash')"""


def set_theme(page: Page, theme: str) -> None:
    """Change JupyterLab's theme, and wait until the page is there in it."""
    page.evaluate(SET_THEME, theme)
    page.wait_for_function(HAS_THEME, arg=theme)


@contextmanager
def opened_in_jupyterlab(
    server: Server, browser: Browser, name: str, cells: Sequence[str], width: int = 1280
) -> Iterator[Visit]:
    """A page of JupyterLab with a new notebook of these cells; its ipykernel ends with the block."""
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells], metadata=kernel)
    path = server.folder / f"{name}.ipynb"
    nbformat.write(notebook, path)
    visit = Visit(browser.new_page(viewport={"width": width, "height": 1000}))
    visit.page.set_default_timeout(60_000)
    visit.page.goto(server.address(f"lab/workspaces/{name}/tree", path))
    visit.page.wait_for_selector(f".jp-Notebook .jp-CodeCell >> nth={len(cells) - 1}")
    visit.page.evaluate(READY)
    yield visit
    visit.page.evaluate("() => jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    visit.page.close()
    path.unlink()
