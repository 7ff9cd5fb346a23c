"""The bar of a cell that takes more than a moment, in a real ipykernel."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from kmodlab.guest.lab import Lab

SLOW = """%%kmod --build-only slow
#include <linux/delay.h>
#include <linux/module.h>
static int __init slow_init(void)
{
	msleep(4000);
	return 0;
}
static void __exit slow_exit(void)
{
}
module_init(slow_init);
module_exit(slow_exit);
MODULE_LICENSE("GPL");"""
CHECKS = """print("before")
check("It waits", loads("slow"))
check("It waits again", loads("slow"), unloads("slow"))"""


def test_a_bar_comes_and_goes_and_takes_no_other_output_along(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cells = [new_code_cell(source) for source in ("%load_ext kmodlab", SLOW, CHECKS)]
    notebook = new_notebook(cells=cells, metadata={"kernelspec": kernelspec})
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    nbformat.validate(notebook)
    said, *displays = notebook.cells[-1].outputs
    texts = [output.data["text/plain"].split("\n")[0] for output in displays if output.data]
    assert (said.text, texts) == ("before\n", ["✓ It waits: 1 of 1 point", "✓ It waits again: 1 of 1 point"])
    assert not any("widget" in form for output in displays for form in output.data)
    assert [output.data for output in displays].count({}) == 2
    states = notebook.metadata.widgets["application/vnd.jupyter.widget-state+json"]["state"].values()
    values = [state["state"].get("value", "") for state in states]
    assert [re.sub("<.*?>", "", value).strip() for value in values if "<progress" in value] == [
        "It waits",
        "1 of 2: It waits again",
    ]
