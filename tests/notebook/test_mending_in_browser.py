"""Buttons that mend a damaged cell or put a given one below it, and links of the progress page: in a real Chromium."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from pages import RUN, Server, Visit, opened_in_jupyterlab
from playwright.sync_api import Browser

from kmodlab.course.exercise_data import FILE, read_data
from kmodlab.course.learner_folder import RECORD, FolderRecord, LearnerFolder

pytestmark = pytest.mark.xdist_group("jupyterlab")  # One JupyterLab for all.

HELLO = Path(__file__).parents[2] / "exercises" / "01-hello"
GIVEN = read_data(HELLO / FILE).cells["hello"]
MERGED = f'{GIVEN}\ncheck("It can be built")'
CELLS = [GIVEN.partition("\n")[2], MERGED]
SOURCES = "() => jupyterapp.shell.currentWidget.content.widgets.map(cell => cell.model.sharedModel.getSource())"


@pytest.fixture
def visit(server: Server, browser: Browser) -> Iterator[Visit]:
    """A notebook in a folder of its own course, which has one exercise."""
    files = {f"exercises/01-hello/{name}": (HELLO / name).read_bytes() for name in (FILE, "hello.ipynb")}
    LearnerFolder(server.folder, FolderRecord()).lay_out(files)
    shutil.copy(HELLO / FILE, server.folder)
    with opened_in_jupyterlab(server, browser, "mending", ["%load_ext kmodlab", *CELLS, "progress()"]) as visit:
        visit.page.evaluate(RUN, 0)
        yield visit
    shutil.rmtree(server.folder / "exercises")
    for name in (FILE, RECORD):
        (server.folder / name).unlink()


def press(visit: Visit, number: int, name: str) -> list[str]:
    """Run a cell, press the button below it by the keyboard, and return all cells."""
    visit.page.evaluate(RUN, number)
    cell = visit.page.locator(".jp-CodeCell").nth(number)
    cell.get_by_role("button", name=name, exact=True).focus()
    visit.page.keyboard.press("Enter")
    cell.get_by_text("given." if "given" in name else "The cell is mended").wait_for()
    sources: list[str] = visit.page.evaluate(SOURCES)
    return sources[1:]


def test_buttons_mend_a_cell_and_put_a_given_one_below(visit: Visit) -> None:
    code, merged = CELLS
    check, last = 'check("It can be built")', "progress()"
    assert press(visit, 1, "Put the given cell back") == [code, GIVEN, merged, last]
    assert press(visit, 1, "Mend this cell") == [GIVEN, GIVEN, merged, last]
    assert press(visit, 3, "Mend this cell") == [GIVEN, GIVEN, GIVEN, check, last]
    visit.page.evaluate(RUN, 5)
    visit.page.get_by_role("link", name="01-hello").click()
    visit.page.locator(".lm-TabBar-tab.lm-mod-current", has_text="hello.ipynb").wait_for()
    assert not visit.complaints
