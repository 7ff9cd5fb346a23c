"""`kmodlab slides`: export notebooks as decks, which need neither a network nor Jupyter."""

from __future__ import annotations

from pathlib import Path

import click
from rich.progress import track

from kmodlab.cli.console import ERR, say
from kmodlab.errors import UsageError
from kmodlab.i18n import _, ngettext

_COURSE = Path(__file__).parents[2] / "notebooks"


@click.command(
    help=_(
        "Export notebooks as slides into the folder OUT: by default, those of the course.\n\n"
        "Each deck is one HTML file that any browser opens, with the outputs stored in the notebook and the speaker's "
        "notes (key S). Nothing is fetched when it is shown. OUT/index.html lists the decks and the keys."
    )
)
@click.argument("out", type=click.Path(path_type=Path))
@click.argument("notebooks", nargs=-1, type=click.Path(path_type=Path))
@click.option("--theme", type=click.Choice(["light", "dark"]), default="light", show_default=True, help=_("Colours."))
def slides(out: Path, notebooks: tuple[Path, ...], theme: str) -> None:
    """Export notebooks as decks, with an index."""
    paths = _chosen(notebooks)
    _make_folder(out)
    from kmodlab.course.slides.export import export_deck, make_index  # importing it takes a second

    decks = []
    for path in track(paths, _("Exporting"), console=ERR, transient=True, disable=not ERR.is_terminal):
        deck = export_deck(path, "dark" if theme == "dark" else "light", {other.stem for other in paths})
        _write(out / deck.name, deck.page)
        decks.append(deck)
    _write(out / "index.html", make_index(decks, "dark" if theme == "dark" else "light"))
    message = ngettext("{number} deck is ready: open {page}.", "{number} decks are ready: open {page}.", len(decks))
    say(message.format(number=len(decks), page=out / "index.html"), "green")


def _chosen(notebooks: tuple[Path, ...]) -> list[Path]:
    chosen = list(notebooks) or sorted(_COURSE.glob("*.ipynb"))
    if not chosen:
        raise UsageError(
            _("The notebooks of the course are not installed."),
            hint=_("Name your notebooks: kmodlab slides OUT/ FILE.ipynb"),
        )
    names = [path.stem for path in chosen]
    for path in chosen:
        if names.count(path.stem) > 1 or path.stem == "index":
            message = _("{page} would be written twice.").format(page=f"{path.stem}.html")
            raise UsageError(message, hint=_("Give the notebooks different names."))
    return chosen


def _make_folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        message = _("The folder {folder} cannot be made: {error}.")
        raise UsageError(message.format(folder=out, error=exc.strerror)) from exc


def _write(path: Path, page: str) -> None:
    try:
        path.write_text(page, "utf-8")
    except OSError as exc:
        raise UsageError(_("{path} cannot be written: {error}.").format(path=path, error=exc.strerror)) from exc
