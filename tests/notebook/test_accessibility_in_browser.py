"""What axe-core finds in our nodes in JupyterLab, in light and dark: panel, question, check, hints, tables, crash."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from pages import RUN, Server, opened_in_jupyterlab, set_theme
from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.xdist_group("jupyterlab")  # One JupyterLab for all.

CRASH = """%%kmod crash
#include <linux/module.h>
static int __init crash_init(void)
{
	*(volatile int *)8 = 1;
	return 0;
}
module_init(crash_init);
MODULE_LICENSE("GPL");"""
QUESTION = "predict('Which module is loaded first?', ['the driver', 'the bus'], right=2, because='It is needed.')"
CHECK = "check('It greets', loads('hello'), logs('hello there'), points=2, hints=['Where?', 'With pr_info().'])"
CELLS = [
    "%load_ext kmodlab",
    QUESTION,
    "%%kmod hello\nint hello",
    CHECK,
    CRASH,
    "%%guest\necho '<3>axe: an error' >/dev/kmsg\necho '<4>axe: a warning' >/dev/kmsg",
    "%lab",
]
OURS = ["#kmodlab-panel", ".kmodlab", ".km-with-buttons"]


@pytest.fixture(scope="module")
def page(server: Server, browser: Browser) -> Iterator[Page]:
    with opened_in_jupyterlab(server, browser, "axe", CELLS, width=1400) as visit:
        page = visit.page
        # JupyterLab's body has no height, for which axe-core takes all that is in it to be hidden.
        page.add_style_tag(content="body { height: 100vh }")
        page.evaluate("() => jupyterapp.shell.activateById('kmodlab-panel')")
        for number in range(len(CELLS)):
            page.evaluate(RUN, number)
        page.get_by_role("button", name="2. the bus").press("Enter")
        page.get_by_role("button", name="next hint").press("Enter")
        panel = page.locator("#kmodlab-panel")
        panel.get_by_role("button", name="edu", exact=True).press("Enter")
        panel.locator("button[aria-pressed=true]", has_text="edu").wait_for()
        panel.get_by_role("log").get_by_text("axe: a warning").wait_for()
        for words in ("Hint 1 for “It greets”", "crash_init", "Modules, the latest first"):
            page.locator(".jp-OutputArea-output").get_by_text(words).first.wait_for()
        yield page


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_axe_finds_nothing_serious_in_our_nodes(page: Page, theme: str) -> None:
    set_theme(page, theme)
    found = Axe().run(page, {"include": [[kind] for kind in OURS]}, {"resultTypes": ["violations", "passes"]}).response
    contrasts = next(rule["nodes"] for rule in found["passes"] if rule["id"] == "color-contrast")
    assert len(contrasts) > 50  # it saw more than a page that is empty
    serious = [rule for rule in found["violations"] if rule["impact"] in ("serious", "critical")]
    assert [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in serious] == []
