"""The course in JupyterLab in a real Chromium: notebooks from top to bottom, in light and dark.

That each notebook's cells show what they should is nbval's business; here are those with something of each kind that
only a browser shows: cards and crashes, tables and pictures, devices.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import nbformat
import pytest
from overflow import NOTEBOOKS
from pages import Server, Visit, set_theme
from playwright.sync_api import Browser

pytestmark = pytest.mark.xdist_group("jupyterlab")  # One JupyterLab for all.

FIRST = NOTEBOOKS / "00-welcome.ipynb"
# nbval runs the cells of the others, too.
OTHERS = [NOTEBOOKS / f"{name}.ipynb" for name in ("02-gotchas", "06-whole-story")]
ALL = [FIRST, *(pytest.param(path, marks=pytest.mark.long) for path in OTHERS)]
RUN_MS = 300_000

RUN_ALL = """async () => {
    const panel = jupyterapp.shell.currentWidget;
    await panel.context.ready;
    await panel.sessionContext.ready;
    await panel.sessionContext.session.kernel.info;
    const commands = jupyterapp.commands;
    commands.execute('notebook:run-all-cells').then(() => commands.execute('docmanager:save')).then(
        () => { window.ran = true; });
}"""
END = "() => jupyterapp.shell.currentWidget.sessionContext.shutdown()"
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


@pytest.fixture(scope="module", params=ALL, ids=lambda path: path.stem)
def notebook(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


@pytest.fixture(scope="module")
def visit(server: Server, browser: Browser, notebook: Path) -> Iterator[Visit]:
    """A notebook that has run in a page and a workspace of its own, and is saved."""
    visit = Visit(browser.new_page(viewport={"width": 1280, "height": 1000}))
    visit.page.set_default_timeout(RUN_MS)
    visit.page.goto(server.address(f"lab/workspaces/{notebook.stem}/tree", notebook))
    visit.page.wait_for_selector(".jp-Notebook .jp-CodeCell")
    visit.page.evaluate(RUN_ALL)
    visit.page.wait_for_function("window.ran")
    yield visit
    visit.page.evaluate(END)
    visit.page.close()


def code_cells(path: Path) -> list[Any]:
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def test_a_notebook_runs_from_top_to_bottom(visit: Visit, notebook: Path, server: Server) -> None:
    cells = code_cells(server.folder / notebook.name)
    assert [cell.source for cell in cells] == [cell.source for cell in code_cells(notebook)]
    for cell in cells:
        assert cell.outputs or cell.source.startswith("%load_ext"), cell.source
        for output in cell.outputs:
            assert output["output_type"] != "error", output
            assert output.get("name") != "stderr", output
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))


def test_nobody_but_the_own_server_is_asked(visit: Visit, server: Server) -> None:
    assert visit.hosts == {server.host}


# The first notebook has cards of every kind.
only_the_first = pytest.mark.parametrize("notebook", [FIRST], indirect=True, ids=lambda path: path.stem, scope="module")


@only_the_first
def test_what_is_folded_unfolds_by_the_keyboard(visit: Visit) -> None:
    details = visit.page.locator(".kmodlab details")
    details.first.scroll_into_view_if_needed()
    assert details.first.get_attribute("open") is None
    details.first.locator("summary").first.focus()
    visit.page.keyboard.press("Enter")
    assert details.first.get_attribute("open") is not None


@only_the_first
@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_cards_can_be_read_in_each_theme_and_fit(visit: Visit, theme: str) -> None:
    set_theme(visit.page, theme)
    visit.page.wait_for_function(f"() => ({CONTRASTS})().every(ratio => ratio >= 4.5)", timeout=60_000)
    assert visit.page.evaluate(OVERFLOWING) == 0


def test_exported_html_has_the_colours_of_c(server: Server) -> None:
    notebook = nbformat.read(FIRST, as_version=4)
    notebook.metadata.language_info.pygments_lexer = "ipython3"  # as JupyterLab saves it
    path = server.folder / "exported.ipynb"
    nbformat.write(notebook, path)
    with urlopen(server.address("nbconvert/html", path), timeout=600) as answer:
        page = answer.read().decode()
    path.unlink()
    assert '<span class="cp">#include</span>' in page
    assert '<span class="k">static</span>' in page
