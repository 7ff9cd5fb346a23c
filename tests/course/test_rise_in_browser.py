"""The notebooks as live slides: RISE in JupyterLab in a real Chromium, light and dark."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import nbformat
import pytest
from overflow import NOTEBOOKS, SCREEN
from pages import Server, Visit
from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.xdist_group("jupyterlab")  # One JupyterLab for all.

ALL = sorted(NOTEBOOKS.glob("*.ipynb"))
SLIDES = ".reveal .slides > section > section"
CELL_SHOWN = ".reveal.ready section.present section.present .jp-Cell"
# The style sheet comes a moment after the slides.
HAS_LIGHT_GROUND = """isLight => ['backgroundColor', 'color'].every((name, number) => {
    const colour = getComputedStyle(document.querySelector('.reveal'))[name].match(/[0-9.]+/g).slice(0, 3);
    return colour.every(part => (part > 127) === (isLight === (number === 0)));
})"""
CODE_IS_LARGE = "parseFloat(getComputedStyle(document.querySelector('.reveal .cm-content')).fontSize) >= 20"


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    visit = Visit(browser.new_page(viewport={"width": SCREEN["width"], "height": SCREEN["height"]}))
    visit.page.set_default_timeout(120_000)
    yield visit
    visit.page.close()


def open_to_run(page: Page, address: str) -> None:
    """Open slides, and wait until there is an ipykernel: JupyterLab drops what is run before."""
    with page.expect_websocket(lambda socket: urlsplit(socket.url).path.endswith("/channels")):
        page.goto(address)
    page.wait_for_selector(CELL_SHOWN)


def count_slides(notebook: Path) -> int:
    cells = nbformat.read(notebook, as_version=4).cells
    return sum(cell.metadata.slideshow.slide_type in ("slide", "subslide") for cell in cells)


# The shortest one, and the one with the most kinds of output; the decks of all are tested besides.
QUICK = ("00-welcome", "06-whole-story")


@pytest.mark.parametrize(
    "notebook",
    [pytest.param(path, marks=[] if path.stem in QUICK else [pytest.mark.long], id=path.stem) for path in ALL],
)
def test_a_notebook_opens_as_slides_and_nobody_else_is_asked(notebook: Path, server: Server, visit: Visit) -> None:
    page = visit.page
    page.goto(server.address("rise", notebook))
    page.wait_for_selector(CELL_SHOWN)
    assert page.locator(SLIDES).count() == count_slides(notebook)
    page.wait_for_function(CODE_IS_LARGE)
    assert visit.hosts == {server.host}


@pytest.mark.parametrize(("preferred", "is_light"), [("dark", False), ("light", True)])
def test_slides_are_as_light_or_dark_as_the_browser_prefers(
    preferred: Literal["dark", "light"], is_light: bool, server: Server, visit: Visit
) -> None:
    page = visit.page
    page.emulate_media(color_scheme=preferred)
    page.goto(server.address("rise", ALL[0]))
    page.wait_for_selector(CELL_SHOWN)
    page.wait_for_function(HAS_LIGHT_GROUND, arg=is_light)


def test_a_cell_runs_on_its_slide(server: Server, visit: Visit) -> None:
    page = visit.page
    open_to_run(page, server.address("rise", Path(shutil.copy(ALL[0], server.folder / "to-be-changed.ipynb"))))
    cell = page.locator("section.present .jp-CodeCell").first
    cell.locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.type("6 * 7")
    page.keyboard.press("Shift+Enter")
    cell.locator(".jp-OutputArea-output", has_text="42").wait_for(state="attached")


def test_a_quiz_is_answered_on_its_slide(server: Server, visit: Visit) -> None:
    page = visit.page
    notebook = nbformat.read(ALL[0], as_version=4)
    question = "%load_ext kmodlab\npredict('What will it say?', ['nothing', 'hello'], right=2)"
    notebook.cells = [nbformat.v4.new_code_cell(question, metadata={"slideshow": {"slide_type": "slide"}})]
    path = server.folder / "quiz.ipynb"
    nbformat.write(notebook, path)
    open_to_run(page, server.address("rise", path))
    page.locator("section.present .cm-content").click()
    page.keyboard.press("Shift+Enter")
    button = page.get_by_role("button", name="2. hello")
    button.focus()
    page.keyboard.press("Space")
    page.get_by_role("status").get_by_text("You say: hello. Now run the next cell.").wait_for()
    assert visit.complaints == []
    path.unlink()
