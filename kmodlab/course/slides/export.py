"""Turns notebooks into decks: reveal.js slides with the recorded outputs, each in one file that fetches nothing.

What is on a slide is decided by the notebook's own slideshow metadata, and how it is cut up by nbconvert. Ours are the
template, the looks, and that letters are as large as the slide has room for (`deck/`). reveal.js itself comes with the
package sphinx-revealjs, of which nothing else is used; its licence goes into each deck.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cache
from html import escape
from importlib.resources import as_file, files
from importlib.util import find_spec
from pathlib import Path
from string import Template
from typing import Any, Literal

import nbformat
from nbconvert.exporters import SlidesExporter
from nbformat import NotebookNode
from traitlets.config import Config

from kmodlab.errors import SetupError, UsageError

Theme = Literal["light", "dark"]

# The languages of the cells that begin with our magics.
_LANGUAGES = {"%%kmod": "c", "%%kfile": "c", "%%library": "c", "%%faults": "c", "%%timeline": "c"}
_LANGUAGES |= {"%%makefile": "make", "%%guest": "bash"}
# Everything is inside; a frame is what the speaker view shows the deck in.
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; font-src data:; "
    "frame-src 'self' file:; base-uri 'none'; form-action 'none'"
)
_NO_CODE = "no-code"
_SECTION = re.compile(r"(</?)section\b", re.IGNORECASE)  # to reveal.js each of them is a slide
_DATA = files("kmodlab.course.slides")
_REVEAL = "sphinx_revealjs", "_static/revealjs"  # the package, and its folder with reveal.js
_MIME_TYPES = ["text/html", "image/svg+xml", "image/png", "image/jpeg", "text/plain"]


@dataclass(frozen=True)
class Deck:
    """One exported notebook: the name of its file, its title, how many slides it has, and the page itself."""

    name: str
    title: str
    slides: int
    page: str


def export_deck(path: Path, theme: Theme = "light", decks: Collection[str] = ()) -> Deck:
    """The deck of a notebook's file. `decks` names those that it is shown with (stems): links to them lead there.

    UsageError where the file is no notebook, or nothing in it is a slide.
    """
    deck = export_notebook(_read(path), path.stem, theme, folder=path.parent)
    return replace(deck, page=_relink(deck.page, decks))


def export_notebook(notebook: NotebookNode, stem: str, theme: Theme = "light", *, folder: Path | None = None) -> Deck:
    """The deck of a notebook. Pictures that its text names are looked for in `folder`, and put into the deck.

    UsageError where nothing in it is a slide.
    """
    slides = _count_slides(notebook)
    if not slides:
        hint = "In JupyterLab, the property inspector sets the slide type of each cell."
        raise UsageError(f"{stem} has no slides: no cell of it begins one.", hint=hint)
    title = _title(notebook) or stem
    resources = {"deck": {"theme": theme, "policy": _POLICY, "title": title, **_parts()}}
    if folder is not None:
        resources["metadata"] = {"path": str(folder)}
    page, _ = _exporter().from_notebook_node(_prepared(notebook), resources)
    return Deck(f"{stem}.html", title, slides, page)


def make_index(decks: Iterable[Deck], theme: Theme = "light") -> str:
    """The page that lists decks, each with a link, and says the keys."""
    rows = "".join(
        f'<li><a href="{escape(deck.name)}">{escape(deck.title)}</a> <small>{deck.slides} slides</small></li>\n'
        for deck in decks
    )
    words = {"theme": theme, "policy": escape(_POLICY), "decks": rows}
    return Template(_text("deck/index.html")).substitute(words)


def _read(path: Path) -> NotebookNode:
    try:
        notebook: NotebookNode = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
    except OSError as exc:
        raise UsageError(f"{path} could not be read: {exc.strerror}.") from exc
    except (ValueError, AttributeError, TypeError, KeyError, nbformat.ValidationError) as exc:
        raise UsageError(f"{path} is not a Jupyter notebook.") from exc
    return notebook


def _prepared(notebook: NotebookNode) -> NotebookNode:
    """A copy that a deck can be made of."""
    notebook = deepcopy(notebook)
    # nbconvert colours other languages only in what it takes for IPython's own.
    notebook.metadata.language_info = {"name": "python", "pygments_lexer": "ipython3"}
    for cell in notebook.cells:
        # A prediction's code has the answer in it; on a slide there is only the question that it shows.
        if cell.cell_type == "code" and cell.source.startswith("predict(") and cell.outputs:
            cell.metadata.tags = [_NO_CODE]
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if "text/html" in data:
                data["text/html"] = _SECTION.sub(r"\1div", data["text/html"])
    return notebook


def _slide_type(cell: NotebookNode) -> str:
    return str(cell.metadata.get("slideshow", {}).get("slide_type", "-"))


def _count_slides(notebook: NotebookNode) -> int:
    return sum(_slide_type(cell) in ("slide", "subslide") for cell in notebook.cells)


def _title(notebook: NotebookNode) -> str:
    headings = (re.search(r"^# +(.+)$", cell.source, re.M) for cell in notebook.cells if cell.cell_type == "markdown")
    found = next(filter(None, headings), None)
    return re.sub(r"[`*]", "", found[1]).strip() if found else ""


@cache
def _exporter() -> SlidesExporter:
    config = Config()
    config.NbConvertBase.display_data_priority = _MIME_TYPES
    config.HighlightMagicsPreprocessor.languages = _LANGUAGES
    config.TagRemovePreprocessor.enabled = True
    config.TagRemovePreprocessor.remove_input_tags = {_NO_CODE}
    with as_file(_DATA) as folder:
        return SlidesExporter(
            config=config,
            extra_template_basedirs=[str(folder)],
            template_name="deck",
            embed_images=True,
            exclude_anchor_links=True,
            exclude_input_prompt=True,
            exclude_output_prompt=True,
        )


@cache
def _parts() -> dict[str, Any]:
    """What all decks have in them."""
    reveal = _find_reveal()
    scripts = [(reveal / name).read_text("utf-8") for name in ("dist/reveal.js", "plugin/notes/notes.js")]
    return {
        "css": _text("deck/deck.css"),
        "reveal_css": (reveal / "dist/reveal.css").read_text("utf-8"),
        "reveal_licence": (reveal / "LICENSE").read_text("utf-8"),
        "scripts": [_embeddable(text) for text in (*scripts, _text("deck/deck.js"))],
    }


def _find_reveal() -> Path:
    """The folder with reveal.js; SetupError where the package that brings it is not installed."""
    package, folder = _REVEAL
    spec = find_spec(package)  # the package itself, which loads Sphinx, is not imported
    for place in (spec.submodule_search_locations or []) if spec else []:
        if (Path(place) / folder / "dist/reveal.js").is_file():
            return Path(place) / folder
    raise SetupError("reveal.js is not installed: decks need it.", hint="Install it: pip install 'kmodlab[slides]'.")


def _text(name: str) -> str:
    return _DATA.joinpath(name).read_text("utf-8")


def _embeddable(script: str) -> str:
    """A script without what would end it, or the page's comment, too early; to JavaScript it is the same."""
    return re.sub(r"<(?=!--|/script)", r"\\x3c", script, flags=re.IGNORECASE)


def _relink(page: str, decks: Collection[str]) -> str:
    """Links to other notebooks, made to lead to their decks."""
    return re.sub(
        r'href="([^"/:#]+)\.ipynb(?=["#])',
        lambda link: f'href="{link[1]}.html' if link[1] in decks else link[0],
        page,
    )
