"""A page in a browser, watched, and the JupyterLab that serves it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Page, WebSocket


@dataclass
class Visit:
    """A page, whom it talked to, and what it complained about."""

    page: Page
    hosts: set[str] = field(default_factory=set)
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        def note_socket(socket: WebSocket) -> None:
            self._note(socket.url)

        self.page.context.on("request", lambda request: self._note(request.url))
        self.page.on("websocket", note_socket)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _note(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("data", "blob", "about"):
            self.hosts.add(parts.netloc or parts.scheme)


@dataclass
class Server:
    """A JupyterLab of its own, with its own settings, for a copy of the notebooks."""

    url: str
    folder: Path

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc

    def address(self, view: str, notebook: Path) -> str:
        return f"{self.url}{view}/{notebook.name}?token=secret"
