"""What JupyterLab shows while a cell is written, and buttons below outputs: in a real Chromium."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pages import RUN, Server, Visit, opened_in_jupyterlab
from playwright.sync_api import Browser

pytestmark = pytest.mark.xdist_group("jupyterlab")  # One JupyterLab for all.

C = """\
%%kmod hello
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/miscdevice.h>
static int __init hello_init(void)
{
\tvoid *memory = kzalloc(5, GFP_KERNEL);

\treturn 0;
}
"""
ASK = 'predict("What will `rmmod` say?", ["nothing", "It is in use."], right=2)'
CELLS = ["%load_ext kmodlab", C, ASK, "print('It goes on.')", "%rmmod ", "%modprobe usb_s"]
LOAD, MODULE, QUIZ, NEXT, RMMOD, MODPROBE = range(len(CELLS))
EMPTY_LINE = 7
WRITE = """([number, line, text]) => {
    const cell = jupyterapp.shell.currentWidget.content.widgets[number].model.sharedModel;
    const lines = cell.getSource().split('\\n');
    lines[line] = text;
    cell.setSource(lines.join('\\n'));
}"""


@pytest.fixture(scope="module")
def visit(server: Server, browser: Browser) -> Iterator[Visit]:
    with opened_in_jupyterlab(server, browser, "help", CELLS) as visit:
        visit.page.evaluate(RUN, LOAD)
        yield visit


def write(visit: Visit, text: str) -> None:
    """Write a text into the empty line of the module, and leave the cursor at its end."""
    page = visit.page
    page.keyboard.press("Escape")
    page.evaluate(WRITE, [MODULE, EMPTY_LINE, text])
    page.locator(".jp-CodeCell").nth(MODULE).locator(".cm-line").nth(EMPTY_LINE).click()
    page.keyboard.press("End")


def explain(visit: Visit, text: str) -> str:
    """The tooltip that Shift+Tab shows after a text."""
    write(visit, text)
    visit.page.keyboard.press("Shift+Tab")
    return visit.page.locator(".jp-Tooltip").inner_text()


def test_shift_tab_explains_a_function_and_its_arguments(visit: Visit) -> None:
    explained = explain(visit, "\tkzalloc")
    assert "allocate memory" in explained and "#include <linux/slab.h>" in explained
    assert "misc_register(struct miscdevice *misc) -> int" in explain(visit, "\tmisc_register(")


@pytest.mark.parametrize(("begun", "whole"), [("pr_inf", "pr_info"), ("misc_reg", "misc_register")])
def test_tab_completes_c(visit: Visit, begun: str, whole: str) -> None:
    explain(visit, "\tkzalloc")  # which waits until clangd has read the headers
    write(visit, f"\t{begun}")
    visit.page.keyboard.press("Tab")
    visit.page.wait_for_function(
        """whole => document.querySelector('.jp-Completer:not(.lm-mod-hidden)')?.textContent.includes(whole) ||
        jupyterapp.shell.currentWidget.content.activeCell.model.sharedModel.getSource().includes(whole)""",
        arg=whole,
    )


MIDDLE = """([number, word]) => {
    const editor = jupyterapp.shell.currentWidget.content.widgets[number].editor.editor;
    const at = editor.state.doc.toString().indexOf(word) + Math.floor(word.length / 2);
    const { left, top, bottom } = editor.coordsAtPos(at);
    return [left, (top + bottom) / 2];
}"""


def hover(visit: Visit, word: str) -> str:
    """The tooltip that comes when the mouse rests on a word of the module."""
    page = visit.page
    page.mouse.move(0, 0)
    page.locator(".km-explained").wait_for(state="detached")
    page.mouse.move(*page.evaluate(MIDDLE, [MODULE, word]))
    tooltip = page.locator(".km-explained")
    tooltip.wait_for()
    return tooltip.inner_text()


def test_the_mouse_on_a_name_explains_it(visit: Visit) -> None:
    write(visit, "\tmisc_register(0);")
    explained = hover(visit, "kzalloc")
    assert "allocate memory" in explained and "#include <linux/slab.h>" in explained
    assert "with GFP_KERNEL it may" in explained
    assert "Exported with EXPORT_SYMBOL by the kernel itself." in hover(visit, "misc_register")


@pytest.mark.parametrize(("cell", "module"), [(RMMOD, ""), (MODPROBE, "usb_storage")], ids=["rmmod", "modprobe"])
def test_tab_after_a_tool_offers_modules_not_pythons_names(visit: Visit, cell: int, module: str) -> None:
    page = visit.page
    page.keyboard.press("Escape")
    page.locator(".jp-CodeCell").nth(cell).locator(".cm-line").first.click()
    page.keyboard.press("End")
    page.keyboard.press("Tab")
    offered = page.locator(".jp-Completer:not(.lm-mod-hidden) .jp-Completer-match")
    offered.first.wait_for()  # if there is no module, JupyterLab offers the words of the cell
    assert not {"import", "for", "print"} & set(offered.all_inner_texts())
    assert module in ["", *offered.all_inner_texts()]


SETTINGS = "() => jupyterapp.commands.execute('settingeditor:open', {query: 'Kernel lab'})"

IS_ON = """async () =>
    (await jupyterapp.serviceManager.settings.fetch('kmodlab:live-check')).raw.includes('"enabled": true')"""


def turn_on_the_check(visit: Visit) -> None:
    """Turn it on in JupyterLab's settings, and come back."""
    page = visit.page
    page.evaluate("() => { window.kmodlabNotebook = jupyterapp.shell.currentWidget; }")
    page.evaluate(SETTINGS)
    page.get_by_label("Check C while it is written").check()
    page.wait_for_function(IS_ON)
    page.evaluate("() => jupyterapp.shell.activateById(window.kmodlabNotebook.id)")


def test_a_check_while_typing_marks_errors_until_gcc_has_run(visit: Visit) -> None:
    page = visit.page
    cell = page.locator(".jp-CodeCell").nth(MODULE)
    squiggle, dot = cell.locator(".km-squiggle.km-error"), cell.locator(".km-dot.km-error")
    turn_on_the_check(visit)
    write(visit, "\tmisc_register(unknown);")
    squiggle.wait_for()
    assert squiggle.all_inner_texts() == ["unknown"]
    assert "Use of undeclared identifier 'unknown'" in str(dot.get_attribute("title"))
    write(visit, "\tmisc_register(NULL);")
    squiggle.wait_for(state="detached")
    write(visit, "\tmisc_register(unknown);")
    squiggle.wait_for()
    page.evaluate(RUN, MODULE)
    cell.locator(".km-dot[title*='first use in this function']").wait_for()
    assert dot.count() == 1


def test_an_answer_is_chosen_by_the_keyboard(visit: Visit) -> None:
    page = visit.page
    page.evaluate(RUN, QUIZ)
    cell = page.locator(".jp-CodeCell").nth(QUIZ)
    buttons = cell.get_by_role("button", name="It is in use.")
    buttons.wait_for()
    assert not cell.locator("ol.km-options").is_visible()
    cell.get_by_role("button", name="1. nothing").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    cell.get_by_role("status").get_by_text("You say: It is in use. Now run the next cell.").wait_for()
    assert cell.get_by_role("button", name="1. nothing").get_attribute("aria-disabled") == "true"
    page.evaluate(RUN, NEXT)
    page.locator(".jp-CodeCell").nth(NEXT).get_by_text("You predicted it: It is in use.").wait_for()


def test_nothing_of_ours_complains(visit: Visit) -> None:
    assert visit.complaints == []
