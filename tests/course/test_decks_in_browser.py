"""The course's decks in a real Chromium, from their files: they fit, can be read, obey keys, and ask nobody."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from overflow import HERE, NOTEBOOKS, PLACES, READY, look_at, open_deck, wait_until
from pages import Visit
from playwright.sync_api import Browser

from kmodlab.course.slides.export import Theme, export_notebook

pytestmark = pytest.mark.xdist_group("decks")  # The decks are exported once.

ALL = [path.stem for path in sorted(NOTEBOOKS.glob("*.ipynb"))]


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    context = browser.new_context()
    yield Visit(context.new_page())
    context.close()


def cells_of_slides(notebook: Path) -> list[tuple[str, ...]]:
    """The ids of the cells that belong on each slide."""
    slides: list[tuple[str, ...]] = []
    for cell in nbformat.read(notebook, as_version=4).cells:
        kind = cell.metadata.slideshow.slide_type
        if kind in ("slide", "subslide"):
            slides.append(())
        if kind not in ("notes", "skip"):
            slides[-1] += (cell.id,)
    return slides


@pytest.mark.parametrize("name", ALL)
def test_every_slide_fits_and_can_be_read_and_nobody_is_asked(name: str, decks: Path, visit: Visit) -> None:
    open_deck(visit.page, decks / f"{name}.html")
    slides = list(look_at(visit.page))
    assert [slide.cells for slide in slides] == cells_of_slides(NOTEBOOKS / f"{name}.ipynb")
    assert not [str(slide) for slide in slides if slide.trouble]
    assert visit.hosts == {"file"}
    assert not visit.complaints


@pytest.mark.parametrize("name", ALL)
def test_every_slide_can_be_read_in_the_dark(name: str, decks: Path, visit: Visit) -> None:
    open_deck(visit.page, decks / f"{name}.html")
    visit.page.keyboard.press("t")
    assert visit.page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert not [str(slide) for slide in look_at(visit.page) if slide.trouble]


def test_the_list_leads_to_every_deck(decks: Path, visit: Visit) -> None:
    visit.page.goto((decks / "index.html").as_uri())
    links = visit.page.locator("ol a")
    assert [link.get_attribute("href") for link in links.all()] == [f"{name}.html" for name in ALL]
    links.first.click()
    visit.page.wait_for_url("**/00-welcome.html*")
    wait_until(visit.page, READY)
    assert visit.page.url.startswith((decks / f"{ALL[0]}.html").as_uri())
    assert visit.hosts == {"file"}


def test_the_space_bar_goes_through_a_whole_deck(decks: Path, visit: Visit) -> None:
    page = visit.page
    open_deck(page, decks / "00-welcome.html")
    places = page.evaluate(PLACES)
    seen = [page.evaluate(HERE)]
    for _ in range(10 * len(places)):
        page.keyboard.press("Space")
        if page.evaluate(HERE) != seen[-1]:
            seen.append(page.evaluate(HERE))
        if page.evaluate("Reveal.isLastSlide()"):
            break
    assert seen == places


def test_the_speakers_view_shows_notes_and_moves_the_deck_without_a_network(decks: Path, visit: Visit) -> None:
    page = visit.page
    open_deck(page, decks / "00-welcome.html")
    with page.expect_popup() as opened:
        page.keyboard.press("s")
    view = Visit(opened.value)
    notes = view.page.locator(".speaker-controls-notes .value")
    notes.filter(has_text="For presenters").wait_for()
    for name in ("current-slide", "upcoming-slide"):
        view.page.frame_locator(f"#{name} iframe").locator(".reveal.ready section.present h1, h2").first.wait_for()
    # What is pressed in the speaker's window moves the window that the audience sees.
    view.page.keyboard.press("ArrowRight")
    wait_until(page, "Reveal.getIndices().h === 1")
    assert view.hosts <= {"file"}
    assert visit.hosts == {"file"}


def write_deck(folder: Path, *, lines: int, theme: Theme = "light") -> Path:
    """A deck with a slide that has something folded, and one whose output has so many lines."""
    folded = "<details><summary>what make printed</summary>CC [M]</details>"
    cells = [
        new_markdown_cell("# A title", metadata={"slideshow": {"slide_type": "slide"}}),
        new_code_cell("1", outputs=[new_output("display_data", {"text/html": folded, "text/plain": "CC"})]),
        new_markdown_cell("## A long one", metadata={"slideshow": {"slide_type": "slide"}}),
        new_code_cell("2", outputs=[new_output("stream", text="line\n" * lines)]),
        new_markdown_cell("## The end", metadata={"slideshow": {"slide_type": "slide"}}),
    ]
    path = folder / "deck.html"
    path.write_text(export_notebook(new_notebook(cells=cells), "deck", theme).page, "utf-8")
    return path


def test_what_is_folded_unfolds_by_the_keyboard_and_the_deck_stays(tmp_path: Path, visit: Visit) -> None:
    page = visit.page
    open_deck(page, write_deck(tmp_path, lines=3))
    page.locator("section.present summary").focus()
    for key in ("Enter", "Space"):
        page.keyboard.press(key)
        assert page.locator("details").get_attribute("open") == ("" if key == "Enter" else None)
    assert page.evaluate(HERE) == [0, 0]


def test_a_slide_that_is_too_long_says_so_and_scrolls_by_the_keyboard(tmp_path: Path, visit: Visit) -> None:
    page = visit.page
    open_deck(page, write_deck(tmp_path, lines=200))
    troubles = [slide.trouble for slide in look_at(page)]
    assert [bool(trouble) for trouble in troubles] == [False, True, False]
    assert re.match(r"\d+ px too tall", troubles[1][0])

    page.evaluate("Reveal.slide(1, 0)")
    top = "Reveal.getCurrentSlide().scrollTop"
    page.keyboard.press("j")
    wait_until(page, f"{top} > 100")
    page.keyboard.press("k")
    wait_until(page, f"{top} === 0")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    wait_until(page, f"{top} > 0")
    assert page.evaluate(HERE) == [1, 0]
    page.keyboard.press("ArrowRight")
    assert page.evaluate(HERE) == [2, 0]


def test_what_is_unfolded_and_does_not_fit_is_folded(tmp_path: Path, visit: Visit) -> None:
    lines = "line\n" * 200
    long = f"<details open><summary>lsmod(8)</summary><pre>{lines}</pre></details>"
    slide = {"slideshow": {"slide_type": "slide"}}
    cells = [
        new_markdown_cell("# A title", metadata=slide),
        new_code_cell("%man lsmod", outputs=[new_output("display_data", {"text/html": long, "text/plain": "x"})]),
    ]
    path = tmp_path / "deck.html"
    path.write_text(export_notebook(new_notebook(cells=cells), "deck").page, "utf-8")
    open_deck(visit.page, path)
    assert not [str(slide) for slide in look_at(visit.page) if slide.trouble]
    visit.page.locator("summary").focus()
    visit.page.keyboard.press("Enter")
    visit.page.keyboard.press("j")
    wait_until(visit.page, "Reveal.getCurrentSlide().scrollTop > 100")


def test_a_deck_is_dark_from_the_start_where_that_was_asked_for(tmp_path: Path, visit: Visit) -> None:
    open_deck(visit.page, write_deck(tmp_path, lines=3, theme="dark"))
    assert visit.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(15, 20, 26)"


def test_a_picture_or_script_from_elsewhere_is_not_fetched(tmp_path: Path, visit: Visit) -> None:
    hostile = '<img src="http://127.0.0.1:9/x.png"><script src="http://127.0.0.1:9/x.js"></script>'
    slide = {"slideshow": {"slide_type": "slide"}}
    cells = [
        new_markdown_cell("# A title", metadata=slide),
        new_code_cell("1", outputs=[new_output("display_data", {"text/html": hostile, "text/plain": "x"})]),
    ]
    path = tmp_path / "deck.html"
    path.write_text(export_notebook(new_notebook(cells=cells), "deck").page, "utf-8")
    refused: list[str] = []
    visit.page.on("console", lambda message: refused.append(message.text))
    open_deck(visit.page, path)
    assert sum("Content Security Policy" in text for text in refused) >= 2
