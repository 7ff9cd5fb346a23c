"""JupyterLab's editor in cells of C, make and shell: what the first line says, in a real Chromium, by the keyboard."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pages import Server, Visit, opened_in_jupyterlab
from playwright.sync_api import Browser, Locator

pytestmark = pytest.mark.xdist_group("jupyterlab")  # One JupyterLab for all.

HELLO = """\
%%kmod hello --param who=x
#include <linux/module.h>
// a comment
static int __init hello_init(void)
{
\tif (1) {
\t}
\treturn 0;
}
"""
BROKEN = (
    HELLO.replace("\treturn 0;", '\tpr_info("hello\\n")\n\treturn 0;')
    + 'module_init(hello_init);\nMODULE_LICENSE("GPL");\n'
)
CELLS = [
    "x = 1",
    HELLO,
    "%%makefile other\nobj-m += hello.o # a comment",
    "%%guest\nfor f in a b; do echo $f; done",
    "%load_ext kmodlab",
    BROKEN,
]
PYTHON, C, MAKE, SHELL, LOAD, WRONG = range(len(CELLS))
MIMES = "() => jupyterapp.shell.currentWidget.content.widgets.map(cell => cell.model.mimeType)"
SOURCE = "number => jupyterapp.shell.currentWidget.content.widgets[number].model.sharedModel.getSource()"
SET_SOURCE = """([number, source]) =>
    jupyterapp.shell.currentWidget.content.widgets[number].model.sharedModel.setSource(source)"""
COLOURED = """([number, line]) => [...document.querySelectorAll('.jp-CodeCell')[number]
    .querySelectorAll('.cm-line')[line].querySelectorAll('span')].map(span => span.textContent)"""


@pytest.fixture(scope="module")
def visit(server: Server, browser: Browser) -> Iterator[Visit]:
    with opened_in_jupyterlab(server, browser, "editor", CELLS) as visit:
        visit.page.wait_for_function(f"() => ({MIMES})()[{PYTHON}] === 'text/x-ipython'")
        visit.page.wait_for_function(f"() => ({COLOURED})([{SHELL}, 1]).length")
        yield visit


def line(visit: Visit, cell: int, number: int) -> Locator:
    return visit.page.locator(".jp-CodeCell").nth(cell).locator(".cm-line").nth(number)


def test_each_cell_has_the_language_that_its_first_line_says(visit: Visit) -> None:
    mimes = visit.page.evaluate(MIMES)
    assert mimes[: SHELL + 1] == ["text/x-ipython", "text/x-kmodlab-c", "text/x-kmodlab-make", "text/x-kmodlab-shell"]


@pytest.mark.parametrize(
    ("cell", "number", "words"),
    [
        (C, 1, ["#include", "<linux/module.h>"]),
        (C, 2, ["// a comment"]),
        (C, 3, ["static"]),
        (MAKE, 1, ["obj-m", "# a comment"]),
        (SHELL, 1, ["for", "echo"]),
    ],
)
def test_words_have_the_colours_of_their_language(visit: Visit, cell: int, number: int, words: list[str]) -> None:
    coloured = visit.page.evaluate(COLOURED, [cell, number])
    assert [word for word in coloured if word in words] == words


def test_the_magic_is_no_part_of_the_c_below_it(visit: Visit) -> None:
    assert visit.page.evaluate(COLOURED, [C, 0]) == []


def test_a_new_line_in_a_block_is_indented_by_a_tab(visit: Visit) -> None:
    line(visit, C, 5).click()
    visit.page.keyboard.press("End")
    visit.page.keyboard.press("Enter")
    visit.page.keyboard.type("x();")
    assert "\tif (1) {\n\t\tx();\n\t}\n" in visit.page.evaluate(SOURCE, C)


@pytest.mark.parametrize(
    ("cell", "number", "comment"), [(C, 1, "// "), (C, 7, "// "), (MAKE, 1, "# "), (SHELL, 1, "# ")]
)
def test_the_comment_key_writes_the_comments_of_the_language(
    visit: Visit, cell: int, number: int, comment: str
) -> None:
    line(visit, cell, number).click()
    visit.page.keyboard.press("Control+/")
    assert visit.page.evaluate(SOURCE, cell).splitlines()[number].strip().startswith(comment)


TAB_SIZE = "number => jupyterapp.shell.currentWidget.content.widgets[number].editor.getOption('tabSize')"


def test_a_tab_is_as_wide_as_the_kernels_style_or_a_setting_says(visit: Visit) -> None:
    page = visit.page
    assert page.evaluate(TAB_SIZE, C) == 8
    page.evaluate("() => { window.kmodlabNotebook = jupyterapp.shell.currentWidget; }")
    page.evaluate("() => jupyterapp.commands.execute('settingeditor:open', {query: 'Kernel lab'})")
    width = page.get_by_role("spinbutton")
    for columns in (4, 8):
        width.fill(str(columns))
        page.wait_for_function(
            "([number, columns]) => kmodlabNotebook.content.widgets[number].editor.getOption('tabSize') === columns",
            arg=[C, columns],
        )
    page.evaluate("() => jupyterapp.shell.activateById(window.kmodlabNotebook.id)")


def test_the_language_changes_as_the_first_line_does(visit: Visit) -> None:
    visit.page.evaluate(SET_SOURCE, [PYTHON, "%%kmod other\nint x;"])
    visit.page.wait_for_function(f"() => ({MIMES})()[{PYTHON}] === 'text/x-kmodlab-c'")
    visit.page.evaluate(SET_SOURCE, [PYTHON, "x = 2"])
    visit.page.wait_for_function(f"() => ({MIMES})()[{PYTHON}] === 'text/x-ipython'")


RUN = """async number => {
    jupyterapp.shell.currentWidget.content.activeCellIndex = number;
    await jupyterapp.commands.execute('notebook:run-cell');
}"""
CURSOR = """number => {
    const editor = jupyterapp.shell.currentWidget.content.widgets[number].editor;
    return editor.getCursorPosition();
}"""


def test_a_complaint_is_marked_on_its_line_until_that_is_edited(visit: Visit) -> None:
    page = visit.page
    page.evaluate("() => jupyterapp.shell.currentWidget.sessionContext.session.kernel.info")
    page.evaluate(RUN, LOAD)
    page.evaluate(RUN, WRONG)
    cell = page.locator(".jp-CodeCell").nth(WRONG)
    squiggle = cell.locator(".km-squiggle.km-error")
    squiggle.wait_for()
    assert squiggle.count() == 1 and squiggle.inner_text() == "return"
    assert "expected" in str(cell.locator(".km-dot.km-error").get_attribute("title"))
    squiggle.hover()
    page.locator(".km-bubble").wait_for()
    assert "A semicolon is missing at the end of line 8." in page.locator(".km-bubble").inner_text()
    line(visit, WRONG, 1).click()
    page.keyboard.press("F8")
    assert page.evaluate(CURSOR, WRONG)["line"] == 8
    announced = "[...document.querySelectorAll('.cm-announced')].some(node => node.textContent.includes('expected'))"
    page.wait_for_function(f"() => {announced}")
    line(visit, WRONG, 8).click()
    page.keyboard.press("End")
    page.keyboard.type(" ")
    squiggle.wait_for(state="detached")


def test_nothing_of_ours_complains_while_cells_are_written(visit: Visit) -> None:
    assert visit.complaints == []
