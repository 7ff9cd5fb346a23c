"""A learner's first visit: JupyterLab in a real Chromium, the welcome notebook from top to bottom."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import nbformat
import pytest
from playwright.sync_api import Browser, Page, WebSocket, sync_playwright

from kmodlab.guest.lab import Lab

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "00-welcome.ipynb"
START_S = 60
RUN_MS = 180_000

RUN_ALL = """async () => {
    const panel = jupyterapp.shell.currentWidget;
    await panel.context.ready;
    await panel.sessionContext.ready;
    await panel.sessionContext.session.kernel.info;
    await jupyterapp.commands.execute('notebook:run-all-cells');
}"""
SAVE = "() => jupyterapp.commands.execute('docmanager:save')"
SET_THEME = "theme => jupyterapp.commands.execute('apputils:change-theme', {theme})"
# Whether any of our text is cut off at the right, or hardly to be told from what is behind it.
OVERFLOWING = """() => [...document.querySelectorAll('.kmodlab')]
    .filter(card => card.scrollWidth > card.parentElement.clientWidth).length"""
CONTRASTS = """() => {
    const channel = value => value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    const light = rgb => 0.2126 * channel(rgb[0]) + 0.7152 * channel(rgb[1]) + 0.0722 * channel(rgb[2]);
    const colour = text => {
        const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
        canvas.fillStyle = text; canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).map(value => value / 255);
    };
    const page = colour(getComputedStyle(document.querySelector('.jp-Notebook')).backgroundColor);
    return [...document.querySelectorAll('.kmodlab .km-mark, .kmodlab .km-level, .kmodlab p, .kmodlab pre')]
        .map(element => {
            const [one, other] = [light(colour(getComputedStyle(element).color)), light(page)].sort((a, b) => b - a);
            return (one + 0.05) / (other + 0.05);
        });
}"""


@dataclass
class Server:
    """A JupyterLab of its own, with its own settings, for a copy of the notebooks."""

    url: str
    folder: Path


@pytest.fixture(scope="module")
def server(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("jupyter")
    notebooks = home / "notebooks"
    notebooks.mkdir()
    shutil.copy(NOTEBOOK, notebooks)
    # As the set-up does it: a lab that talks to nobody need not ask for news.
    settings = home / "config" / "labconfig" / "page_config.json"
    settings.parent.mkdir(parents=True)
    settings.write_text('{"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": true}}')
    folders = {f"JUPYTER_{kind.upper()}_DIR": str(home / kind) for kind in ("config", "data", "runtime")}
    options = [
        "--ip=127.0.0.1",
        "--port=0",
        "--no-browser",
        "--allow-root",
        "--IdentityProvider.token=secret",
        "--LabApp.expose_app_in_browser=True",
        f"--ServerApp.root_dir={notebooks}",
    ]
    with (home / "log").open("w") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options],
            env={**os.environ, **folders, "IPYTHONDIR": str(home / "ipython")},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            yield Server(wait_for_url(home / "runtime", child, home / "log"), notebooks)
        finally:
            child.terminate()
            child.wait(30)


def wait_for_url(runtime: Path, child: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and child.poll() is None:
        for file in runtime.glob("jpserver-*.json") if runtime.is_dir() else []:
            if file.stat().st_size:
                url: str = json.loads(file.read_text())["url"]
                return url
        time.sleep(0.1)
    raise AssertionError(log.read_text())


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # Chromium refuses its own sandbox to root.
        options = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=options)
        yield browser
        browser.close()


@dataclass
class Visit:
    """A page in which the notebook was run, and whom it talked to."""

    page: Page
    hosts: set[str] = field(default_factory=set)

    def note(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("data", "blob"):
            self.hosts.add(parts.netloc)


@pytest.fixture(scope="module")
def visit(server: Server, browser: Browser) -> Iterator[Visit]:
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    visit = Visit(page)
    page.on("request", lambda request: visit.note(request.url))

    def note_socket(socket: WebSocket) -> None:
        visit.note(socket.url)

    page.on("websocket", note_socket)
    page.set_default_timeout(RUN_MS)
    page.goto(f"{server.url}lab/tree/{NOTEBOOK.name}?token=secret")
    page.wait_for_selector(".jp-Notebook .jp-CodeCell")
    page.evaluate(RUN_ALL)
    page.evaluate(SAVE)
    yield visit
    page.close()


def saved_outputs(server: Server) -> list[tuple[str, list[dict[str, Any]]]]:
    notebook = nbformat.read(server.folder / NOTEBOOK.name, as_version=4)
    return [(cell.source, cell.outputs) for cell in notebook.cells if cell.cell_type == "code"]


def test_the_welcome_notebook_runs_from_top_to_bottom(visit: Visit, server: Server) -> None:
    stored = nbformat.read(NOTEBOOK, as_version=4)
    cells = saved_outputs(server)
    assert len(cells) == sum(cell.cell_type == "code" for cell in stored.cells)
    for source, outputs in cells:
        assert outputs or source.startswith("%load_ext"), source
        for output in outputs:
            assert output["output_type"] != "error", output
            assert output.get("name") != "stderr", output
    notebook = nbformat.read(server.folder / NOTEBOOK.name, as_version=4)
    counts = [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"]
    assert counts == list(range(1, len(counts) + 1))


def test_nobody_but_the_own_server_is_asked(visit: Visit, server: Server) -> None:
    assert visit.hosts == {urlsplit(server.url).netloc}


def test_the_transcript_unfolds_by_the_keyboard(visit: Visit) -> None:
    details = visit.page.locator(".kmodlab details").first
    details.scroll_into_view_if_needed()
    assert details.get_attribute("open") is None
    details.locator("summary").focus()
    visit.page.keyboard.press("Enter")
    assert details.get_attribute("open") is not None
    assert "make: Entering directory" in details.inner_text()


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_cards_can_be_read_in_each_theme_and_fit(visit: Visit, theme: str) -> None:
    visit.page.evaluate(SET_THEME, theme)
    visit.page.wait_for_selector(f"body[data-jp-theme-name='{theme}']", state="attached")
    visit.page.wait_for_function(f"() => ({CONTRASTS})().every(ratio => ratio >= 4.5)", timeout=20_000)
    assert len(visit.page.evaluate(CONTRASTS)) > 10
    assert visit.page.evaluate(OVERFLOWING) == 0
