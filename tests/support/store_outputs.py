"""Runs notebooks from top to bottom and stores their outputs in them: `make record ARGS=FILE…`.

Data that differs between machines (execution times, versions of Python) is left out, and so are widgets, which need the
ipykernel that made them. Only the beginning of manual pages is stored: the synopsis and the first paragraph. RISE's
settings are written into the notebook's metadata.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from kmodlab.guest.lab import load_lab
from kmodlab.settings import get_settings

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
WIDGET = "application/vnd.jupyter.widget-view+json"
# RISE's other themes ask a server for their letters; rise.css has the rest of the looks.
RISE = {
    "theme": "white",
    "transition": "none",
    "center": False,
    "slideNumber": "c/t",
    "start_slideshow_at": "beginning",
}


def store_outputs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    metadata = notebook.metadata.copy()
    folder = {"metadata": {"path": str(path.parent)}}
    NotebookClient(
        notebook, timeout=600, kernel_name="python3", record_timing=False, coalesce_streams=True, resources=folder
    ).execute()
    notebook.metadata = metadata | {"rise": RISE}
    if path.parent == NOTEBOOKS:
        notebook.metadata |= {"kmodlab": {"recorded": recorded_on()}}
    leave_out_widgets(notebook)
    shorten_manuals(notebook)
    nbformat.write(notebook, path)


def recorded_on() -> str:
    """The guest's kernel, in short, such as "Linux 6.1"."""
    return "Linux " + ".".join(load_lab(get_settings()).tree.release.split(".")[:2])


def leave_out_widgets(notebook: nbformat.NotebookNode) -> None:
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            output.get("data", {}).pop(WIDGET, None)
        if "outputs" in cell:  # a progress bar leaves an output without a form
            cell.outputs = [output for output in cell.outputs if output.get("data") != {}]


# Up to the end of the first paragraph of the description, as mandoc sets it (notebook/manual.py).
PAGES = {
    "text/plain": re.compile(r"(?s)(\nDESCRIPTION\n(?:[ ]+\S[^\n]*\n)+)\n.*"),
    "text/html": re.compile(r'(?s)(<div class="km-manual".*?id="DESCRIPTION">.*?</p>).*'),
}
ENDS = {
    "text/plain": r"\1\n       … (run the cell for the whole page)\n",
    "text/html": r"\1</div></div><p>… (run the cell for the whole page)</p></div></details></div>",
}


def shorten_manuals(notebook: nbformat.NotebookNode) -> None:
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if "km-manual" in data.get("text/html", ""):
                data.update({kind: PAGES[kind].sub(ENDS[kind], data[kind]) for kind in PAGES})


if __name__ == "__main__":
    for path in map(Path, sys.argv[1:]) if sys.argv[1:] else sorted(NOTEBOOKS.glob("*.ipynb")):
        print(path)
        store_outputs(path.resolve())
