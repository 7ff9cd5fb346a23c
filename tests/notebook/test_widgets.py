"""The live explorer: pages to choose from, and a filter."""

from __future__ import annotations

from pathlib import Path

from kmodlab.notebook.views.elf import explore

DATA = Path(__file__).parents[1] / "data/anatomy"


def test_the_explorer_filters_what_it_shows() -> None:
    view = explore(DATA / "hello.ko")
    assert view.widget is not None
    pages, wanted, shown = view.widget().children
    assert pages.options == ("sections", "symbols", "relocations", "modinfo", "checksums")
    assert ".init.text" in shown.value
    pages.value = "relocations"
    wanted.value = "PRINTK"
    assert "2 with “PRINTK”" not in shown.value
    assert "2 with “printk”" in shown.value
    assert "__fentry__" not in shown.value
    wanted.value = ""
    assert "__fentry__" in shown.value


def test_the_explorer_has_a_live_form_besides_the_others() -> None:
    bundle = explore(DATA / "hello.ko")._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html", "application/vnd.jupyter.widget-view+json"}
