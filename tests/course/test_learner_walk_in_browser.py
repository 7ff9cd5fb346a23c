"""A learner's first hour, in a real Chromium, by the mouse and by the keyboard alone.

From a folder that `kmodlab course` has laid out, as `make lab` does: 00 and its crash, a question of 01, exercise 04
from wrong to right with two hints and a restart in the middle, the progress page.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from browser_fixtures import jupyterlab
from pages import READY, Server, Visit, set_theme
from playwright.sync_api import Browser, Locator, Page

from kmodlab.course.exercise import read_master
from kmodlab.guest.lab import Lab

pytestmark = [pytest.mark.xdist_group("jupyterlab"), pytest.mark.long]

EXERCISE = "exercises/04-unwind/unwind.ipynb"
MASTER = Path(__file__).parents[2] / "exercises" / "04-unwind" / "master.ipynb"
SOLUTION = "".join(
    line for line in read_master(MASTER).answers["steps"].source.splitlines(True) if " SOLUTION" not in line
)
SELECT = """id => {
    const notebook = jupyterapp.shell.currentWidget.content;
    const number = notebook.widgets.findIndex(cell => cell.model.sharedModel.getId() === id);
    if (number < 0)
        return false;
    notebook.activeCellIndex = number;
    notebook.mode = 'command';
    notebook.node.focus();
    return true;
}"""
SHOWS = """([id, text]) => {
    const cells = jupyterapp.shell.currentWidget.content.widgets;
    const cell = cells.find(cell => cell.model.sharedModel.getId() === id);
    return cell.model.executionCount && cell.node.textContent.includes(text);
}"""
IS_OPEN = """path => {
    const context = globalThis.jupyterapp?.shell.currentWidget?.context;
    return context?.path === path && context.isReady;
}"""
IS_IDLE = "() => jupyterapp.shell.currentWidget.sessionContext.session?.kernel?.status === 'idle'"


@dataclass
class Walk:
    """A learner in front of JupyterLab, who uses the mouse, or does without it."""

    visit: Visit
    server: Server
    by_mouse: bool
    theme: str

    @property
    def page(self) -> Page:
        return self.visit.page

    @property
    def panel(self) -> Locator:
        """The notebook in front; those that were opened before are behind it."""
        return self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")

    def open(self, path: str) -> None:
        self.page.goto(f"{self.server.url}lab/tree/{path}?token=secret")
        self.page.wait_for_function(IS_OPEN, arg=path)  # notebooks of before are opened again, too
        self.page.evaluate(READY)
        set_theme(self.page, f"JupyterLab {self.theme}")

    def cell(self, cell_id: str) -> Locator:
        """The cell, which is the active one from now on."""
        self.page.wait_for_function(SELECT, arg=cell_id)  # the cells of a long notebook come one after the other
        return self.panel.locator(".jp-Cell.jp-mod-active")

    def run(self, cell_id: str, text: str) -> Locator:
        """Run a cell, and wait for a text in its output; returns the cell."""
        self.cell(cell_id)
        if self.by_mouse:
            self.panel.locator("[data-command='notebook:run-cell-and-select-next']").click()
        else:
            self.page.keyboard.press("Shift+Enter")
        self.page.wait_for_function(SHOWS, arg=[cell_id, text])
        return self.cell(cell_id)

    def press(self, button: Locator) -> None:
        if self.by_mouse:
            button.click()
        else:
            button.focus()
            self.page.keyboard.press("Enter")

    def write(self, cell_id: str, text: str) -> None:
        """Replace a cell's text, as one who types or pastes it."""
        cell = self.cell(cell_id)
        if self.by_mouse:
            cell.locator(".cm-content").click()
        else:
            self.page.keyboard.press("Enter")
        self.page.keyboard.press("Control+a")
        self.page.keyboard.insert_text(text)

    def restart(self) -> None:
        if self.by_mouse:
            self.panel.locator("[data-command='notebook:restart-kernel']").click()
        else:
            self.page.evaluate("() => jupyterapp.shell.currentWidget.content.node.focus()")
            self.page.keyboard.press("0")
            self.page.keyboard.press("0")
        self.press(self.page.locator(".jp-Dialog button.jp-mod-accept"))
        self.page.wait_for_selector(".jp-Dialog", state="detached")
        self.page.evaluate(READY)
        self.page.wait_for_function(IS_IDLE)


@pytest.fixture(scope="module")
def server(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """JupyterLab in a new folder of a learner's. The record of progress of who runs the tests stays as it is."""
    home = tmp_path_factory.mktemp("learner")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(home / "share"))
        subprocess.run([sys.executable, "-m", "kmodlab", "course", str(home / "course")], check=True, timeout=600)
        with jupyterlab(home / "jupyter", home / "course") as server:
            yield server


@pytest.fixture(params=[("mouse", "Light"), ("keyboard", "Dark")], ids=["mouse", "keyboard"])
def walk(request: pytest.FixtureRequest, server: Server, browser: Browser) -> Iterator[Walk]:
    pointer, scheme = request.param
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    page.set_default_timeout(60_000)
    yield Walk(Visit(page), server, pointer == "mouse", scheme)
    page.close()


def test_a_learners_first_hour(walk: Walk, tmp_path: Path) -> None:
    page = walk.page

    def look(name: str) -> None:
        page.screenshot(path=tmp_path / f"{name}.png")

    walk.open("notebooks/00-welcome.ipynb")
    walk.run("load", "")
    walk.run("hello", "is loaded")
    walk.run("crash", "careless_init")
    look("crash")
    walk.run("fresh", "no careless module in here")

    walk.open("notebooks/01-anatomy.ipynb")
    walk.run("permanent-predict", "What happens to a module")
    question = walk.cell("permanent-predict")
    walk.press(question.get_by_role("button", name="It is loaded, and cannot be unloaded."))
    question.get_by_text("You say: It is loaded, and cannot be unloaded.").wait_for()
    look("question")

    walk.open(EXERCISE)
    walk.run("begin", "This is the exercise")
    walk.run("steps", "is loaded")
    check = walk.run("reverts", "0 of 2 points")
    walk.press(check.get_by_role("button", name="next hint"))
    check.get_by_text("Hint 1 for").wait_for()
    walk.press(check.get_by_role("button", name="next hint"))
    check.get_by_text("Hint 2 for").wait_for()
    look("hints")

    walk.restart()
    walk.run("reverts", "No cell of yours was run since this notebook was started.")
    look("restart")
    walk.write("steps", SOLUTION)
    walk.run("steps", "is loaded")
    for check_id, points in {"works": "1 of 1", "keeps": "1 of 1", "reverts": "2 of 2", "unwinds": "3 of 3"}.items():
        walk.run(check_id, f"{points} point")
    look("right")
    page.keyboard.press("Escape")
    page.keyboard.press("b")
    page.keyboard.press("Enter")
    page.keyboard.insert_text("progress()")
    page.keyboard.press("Shift+Enter")
    link = page.get_by_role("link", name="04-unwind").last
    link.wait_for()
    look("progress")
    assert page.get_by_text("7 of 7").count()
    walk.press(page.get_by_role("link", name="01-hello").last)
    page.locator(".lm-TabBar-tab.lm-mod-current", has_text="hello.ipynb").wait_for()
    assert walk.visit.complaints == []
