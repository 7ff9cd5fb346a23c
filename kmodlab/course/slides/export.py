"""Exports notebooks as decks: reveal.js slides with the stored outputs, each deck in one HTML file that loads no other.

The slideshow metadata of the cells decide which slide a cell is on, and nbconvert makes the slides. The metadata of a
long cell may also say which lines a deck shows: {"slide_type": "-", "lines": "7-12, 20-31"}. `deck/` has the template
and the styles, and a script that makes the letters as large as the slide allows. reveal.js comes with the package
sphinx-revealjs, of which nothing else is used; its licence is part of each deck.
"""

from __future__ import annotations

import json
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
from kmodlab.i18n import N_, _, ngettext

Theme = Literal["light", "dark"]

# The page itself contains everything; the speaker view shows the deck in a frame.
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; font-src data:; "
    "frame-src 'self' file:; base-uri 'none'; form-action 'none'"
)
_NO_CODE = "no-code"
_SECTION = re.compile(r"(</?)section\b", re.IGNORECASE)  # reveal.js takes each <section> for a slide
_DATA = files("kmodlab.course.slides")
_REVEAL = "sphinx_revealjs", "_static/revealjs"  # the package, and its folder with reveal.js
_MIME_TYPES = ["text/html", "image/svg+xml", "image/png", "image/jpeg", "text/plain"]


@dataclass(frozen=True)
class Deck:
    """An exported notebook: its file name, its title, its number of slides, and the HTML page."""

    name: str
    title: str
    slides: int
    page: str


def export_deck(path: Path, theme: Theme = "light", decks: Collection[str] = ()) -> Deck:
    """The deck of a notebook file.

    `decks` are the stems of the notebooks that are exported with it: links to them become links to their decks.

    Raises:
        UsageError: The file is not a notebook, or no cell begins a slide.
    """
    deck = export_notebook(_read(path), path.stem, theme, folder=path.parent)
    return replace(deck, page=_relink(deck.page, decks))


def export_notebook(notebook: NotebookNode, stem: str, theme: Theme = "light", *, folder: Path | None = None) -> Deck:
    """The deck of a notebook. Pictures that its text links to are read from `folder` and embedded.

    Raises:
        UsageError: No cell begins a slide.
    """
    slides = _count_slides(notebook)
    if not slides:
        hint = _("In JupyterLab, the property inspector sets the slide type of each cell.")
        raise UsageError(_("{notebook} has no slides: no cell begins one.").format(notebook=stem), hint=hint)
    title = _title(notebook) or stem
    resources = {"deck": {"theme": theme, "policy": _POLICY, "title": title, **_parts()}}
    if folder is not None:
        resources["metadata"] = {"path": str(folder)}
    page, _resources = _exporter().from_notebook_node(_prepared(notebook), resources)
    return Deck(f"{stem}.html", title, slides, page)


# The keys of a deck and their functions (deck.js, and reveal.js itself).
_KEYS = (
    ("<kbd>Space</kbd>", N_("the next step")),
    ("<kbd>←</kbd> <kbd>→</kbd> <kbd>↑</kbd> <kbd>↓</kbd>", N_("the slide in that direction")),
    ("<kbd>Esc</kbd>", N_("all slides at once")),
    ("<kbd>S</kbd>", N_("the speaker's view: notes, clock, next slide (allow the window to open)")),
    ("<kbd>Tab</kbd>, <kbd>Enter</kbd>", N_("unfold what is folded")),
    ("<kbd>J</kbd> <kbd>K</kbd>", N_("down and up in a slide that is longer than the screen")),
    ("<kbd>T</kbd>", N_("dark or light")),
    ("<kbd>F</kbd>", N_("full screen")),
    ("<kbd>B</kbd>", N_("a black screen")),
    ("<kbd>?</kbd>", N_("a list of all keys")),
)


def make_index(decks: Iterable[Deck], theme: Theme = "light") -> str:
    """The page that links to all decks and lists the keys."""
    rows = "".join(
        f'<li><a href="{escape(deck.name)}">{escape(deck.title)}</a> <small>{escape(_slides(deck))}</small></li>\n'
        for deck in decks
    )
    values = {
        "theme": theme,
        "policy": escape(_POLICY),
        "title": escape(_("kmodlab: the decks")),
        "heading": escape(_("Linux kernel modules, hands on")),
        "decks": rows,
        "keys_heading": escape(_("Keys")),
        "keys": "".join(f"<tr><td>{keys}</td><td>{escape(_(action))}</td></tr>\n" for keys, action in _KEYS),
    }
    return Template(_text("deck/index.html")).substitute(values)


def _slides(deck: Deck) -> str:
    return ngettext("{number} slide", "{number} slides", deck.slides).format(number=deck.slides)


def _read(path: Path) -> NotebookNode:
    try:
        notebook: NotebookNode = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
    except OSError as exc:
        raise UsageError(_("{path} cannot be read: {error}.").format(path=path, error=exc.strerror)) from exc
    except (ValueError, AttributeError, TypeError, KeyError, nbformat.ValidationError) as exc:
        raise UsageError(_("{path} is not a Jupyter notebook.").format(path=path)) from exc
    return notebook


def _prepared(notebook: NotebookNode) -> NotebookNode:
    """A copy of a notebook, adapted for nbconvert and reveal.js."""
    notebook = deepcopy(notebook)
    # nbconvert highlights other languages below magics only if the notebook's language is IPython.
    notebook.metadata.language_info = {"name": "python", "pygments_lexer": "ipython3"}
    for cell in notebook.cells:
        # The code of a prediction contains the answer; the slide shows only the question, its output.
        if cell.cell_type == "code" and cell.source.startswith("predict(") and cell.outputs:
            cell.metadata.tags = [_NO_CODE]
        if spans := cell.metadata.get("slideshow", {}).get("lines"):
            cell.source = shown_lines(cell.source, str(spans))
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if "text/html" in data:
                data["text/html"] = _SECTION.sub(r"\1div", data["text/html"])
    return notebook


def shown_lines(source: str, spans: str) -> str:
    """The part of a long cell that a slide shows: its first line and the lines in `spans`, such as "7-12, 20-31"."""
    lines, shown = source.split("\n"), {1}
    for first, last in re.findall(r"(\d{1,4})-(\d{1,4})", spans):
        shown |= set(range(int(first), int(last) + 1))
    kept: list[str] = []
    for number, line in enumerate(lines, 1):
        if number in shown:
            kept.append(line)
        elif number - 1 in shown:
            kept.append("/* … */")
    return "\n".join(kept)


def _slide_type(cell: NotebookNode) -> str:
    return str(cell.metadata.get("slideshow", {}).get("slide_type", "-"))


def _count_slides(notebook: NotebookNode) -> int:
    return sum(_slide_type(cell) in ("slide", "subslide") for cell in notebook.cells)


def _title(notebook: NotebookNode) -> str:
    headings = (re.search(r"^# +(.+)$", cell.source, re.M) for cell in notebook.cells if cell.cell_type == "markdown")
    heading = next(filter(None, headings), None)
    return re.sub(r"[`*]", "", heading[1]).strip() if heading else ""


@cache
def _exporter() -> SlidesExporter:
    # The languages of cells. `make lab` also installs this file as JupyterLab's and nbconvert's configuration.
    config = Config(json.loads(_text("languages.json")))
    config.NbConvertBase.display_data_priority = _MIME_TYPES
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
    """The parts that all decks share: styles, scripts, and the licence of reveal.js."""
    reveal = _find_reveal()
    scripts = [(reveal / name).read_text("utf-8") for name in ("dist/reveal.js", "plugin/notes/notes.js")]
    return {
        "css": _text("deck/deck.css"),
        "reveal_css": (reveal / "dist/reveal.css").read_text("utf-8"),
        "reveal_licence": (reveal / "LICENSE").read_text("utf-8"),
        "scripts": [_embeddable(text) for text in (*scripts, _text("deck/deck.js"))],
    }


def _find_reveal() -> Path:
    """The folder with reveal.js. Raises: SetupError if it is not installed."""
    package, subfolder = _REVEAL
    spec = find_spec(package)  # importing the package would import Sphinx
    for location in (spec.submodule_search_locations or []) if spec else []:
        if (Path(location) / subfolder / "dist/reveal.js").is_file():
            return Path(location) / subfolder
    hint = _("Install it: pip install 'kmodlab[slides]'.")
    raise SetupError(_("reveal.js is not installed, but decks need it."), hint=hint)


def _text(name: str) -> str:
    return _DATA.joinpath(name).read_text("utf-8")


def _embeddable(script: str) -> str:
    """An equivalent script without the sequences that would end it, or begin a comment, in HTML."""
    return re.sub(r"<(?=!--|/script)", r"\\x3c", script, flags=re.IGNORECASE)


def _relink(page: str, decks: Collection[str]) -> str:
    """Turn links to notebooks into links to their decks."""
    return re.sub(
        r'href="([^"/:#]+)\.ipynb(?=["#])',
        lambda link: f'href="{link[1]}.html' if link[1] in decks else link[0],
        page,
    )
