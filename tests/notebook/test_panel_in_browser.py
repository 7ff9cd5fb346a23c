"""The lab panel in JupyterLab, in a real Chromium: state, log, devices, a crash and a fresh guest."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pages import RUN, Server, Visit, opened_in_jupyterlab
from playwright.sync_api import Browser, Locator

pytestmark = pytest.mark.xdist_group("jupyterlab")  # One JupyterLab for all.

LOG = """%%guest
echo '<3>panel: all is lost' >/dev/kmsg
echo '<6>panel: all is well' >/dev/kmsg"""
SLOW = "%%guest\necho '<4>panel: it begins' >/dev/kmsg\nwhile [ ! -e /root/go ]; do usleep 100000; done"
CRASH = "%%guest\necho c >/proc/sysrq-trigger"
MODULES = "%modprobe dummy_hcd"
LOOK = "%guest cat /root/by-console; lsmod | grep -c dummy_hcd"
CELLS = ["%load_ext kmodlab", LOG, SLOW, CRASH, MODULES, LOOK]
LOAD, LOGS, WAITS, CRASHES, LOADS, LOOKS = range(len(CELLS))
# The terminal paints its text on a canvas; its buffer is the text.
SCREEN = """(() => {
    const terminal = [...jupyterapp.shell.widgets('main')].find(widget => widget.content?._term);
    const buffer = terminal?.content._term.buffer.active;
    const line = (_, number) => buffer.getLine(number).translateToString(true);
    return Array.from({length: buffer?.length ?? 0}, line).join('\\n');
})()"""
BEGIN = "number => { (" + RUN + ")(number); }"


@pytest.fixture(scope="module")
def visit(server: Server, browser: Browser) -> Iterator[Visit]:
    with opened_in_jupyterlab(server, browser, "panel", CELLS, width=1400) as visit:
        visit.page.evaluate("() => jupyterapp.shell.activateById('kmodlab-panel')")
        visit.page.locator("#kmodlab-panel").get_by_text("Run the cell %load_ext kmodlab").wait_for()
        visit.page.evaluate(RUN, LOAD)
        yield visit


@pytest.fixture
def panel(visit: Visit) -> Locator:
    return visit.page.locator("#kmodlab-panel")


def test_the_guests_state_and_log_are_shown_and_filtered(visit: Visit, panel: Locator) -> None:
    panel.get_by_text("No guest is running").wait_for()
    visit.page.evaluate(RUN, LOGS)
    panel.get_by_text("running for").wait_for()
    log = panel.get_by_role("log")
    log.get_by_text("err: panel: all is lost").wait_for()
    log.get_by_text("info: panel: all is well").wait_for()
    panel.get_by_role("searchbox", name="Filter").fill("is lost")
    assert not log.get_by_text("all is well").is_visible()
    panel.get_by_role("searchbox", name="Filter").fill("")
    panel.get_by_role("combobox", name="Up to level").select_option(label="err")
    assert log.get_by_text("all is lost").is_visible() and not log.get_by_text("all is well").is_visible()
    panel.get_by_role("combobox", name="Up to level").select_option(label="debug")


def test_a_device_is_plugged_and_unplugged_by_the_keyboard(visit: Visit, panel: Locator) -> None:
    button = panel.get_by_role("button", name="edu", exact=True)
    button.focus()
    visit.page.keyboard.press("Enter")
    panel.get_by_role("status").get_by_text("edu is plugged in").wait_for()
    panel.locator("button[aria-pressed=true]", has_text="edu").wait_for()
    visit.page.keyboard.press("Enter")
    panel.get_by_role("status").get_by_text("edu is unplugged").wait_for()


def test_the_console_is_the_shell_of_the_notebooks_guest(visit: Visit, panel: Locator) -> None:
    page = visit.page
    page.evaluate(RUN, LOADS)
    panel.get_by_role("button", name="Console").press("Enter")
    screen = page.locator(".jp-Terminal .xterm-screen")
    screen.wait_for()
    shown = "wanted => " + SCREEN + ".includes(wanted)"
    page.wait_for_function(shown, arg="guest # ")
    page.keyboard.type("lsmod | grep dummy_hcd; echo 'of the console' >/root/by-console; rmmod dummy_hcd\n")
    page.wait_for_function("wanted => (" + SCREEN + ".match(/guest # /g) ?? []).length > 1", arg="")
    assert "dummy_hcd" in page.evaluate("() => " + SCREEN)
    panel.get_by_role("button", name="Console").press("Enter")  # shows the one that is open
    page.keyboard.type("exit\n")
    screen.wait_for(state="detached")
    page.evaluate(RUN, LOOKS)
    output = page.locator(".jp-Notebook .jp-OutputArea-output", has_text="of the console")
    assert output.text_content() == "of the console\n0\n"


@pytest.mark.long
def test_the_log_comes_while_a_cell_runs_and_wishes_are_refused(visit: Visit, panel: Locator) -> None:
    visit.page.evaluate(BEGIN, WAITS)
    panel.get_by_text("panel: it begins").wait_for()
    panel.get_by_text("A cell is running.", exact=True).wait_for()
    panel.get_by_role("button", name="Fresh guest").click()
    visit.page.evaluate("() => jupyterapp.shell.currentWidget.sessionContext.session.kernel.interrupt()")
    panel.get_by_text("A cell is running.", exact=True).wait_for(state="hidden")


@pytest.mark.long
def test_a_crash_and_a_fresh_guest_leave_a_panel_that_works(visit: Visit, panel: Locator) -> None:
    visit.page.evaluate(RUN, CRASHES)
    panel.get_by_role("button", name="Fresh guest").click()
    panel.get_by_role("status").get_by_text("A fresh guest runs.").wait_for()
    visit.page.evaluate(RUN, LOGS)
    panel.get_by_text("info: panel: all is well").wait_for()


@pytest.mark.long
def test_a_restart_of_the_ipykernel_ends_what_the_panel_shows(visit: Visit, panel: Locator) -> None:
    visit.page.evaluate("() => jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    panel.get_by_text("Run the cell %load_ext kmodlab").wait_for()
    assert not panel.get_by_text("running for").count()
    visit.page.evaluate(RUN, LOAD)
    panel.get_by_text("No guest is running").wait_for()


def test_nothing_of_the_panel_complains(visit: Visit) -> None:
    assert visit.complaints == []
