"""`kmodlab slides`: the course's notebooks as decks for a projector that need no network, and no Jupyter."""

from __future__ import annotations

from pathlib import Path

import click
from rich.progress import track

from kmodlab.cli.console import ERR, say
from kmodlab.errors import UsageError

_COURSE = Path(__file__).parents[2] / "notebooks"


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.argument("notebooks", nargs=-1, type=click.Path(path_type=Path))
@click.option("--theme", type=click.Choice(["light", "dark"]), default="light", show_default=True, help="Colours.")
def slides(out: Path, notebooks: tuple[Path, ...], theme: str) -> None:
    """Export notebooks as slides into the folder OUT: by default, those of the course.

    Each deck is one HTML file that any browser opens, with the outputs stored in the notebook and the speaker's notes
    (key S). Nothing is fetched when it is shown. OUT/index.html lists the decks and the keys.
    """
    paths = _chosen(notebooks)
    _make_folder(out)
    from kmodlab.course.slides.export import export_deck, make_index  # a second's worth of imports

    decks = []
    for path in track(paths, "Exporting", console=ERR, transient=True, disable=not ERR.is_terminal):
        deck = export_deck(path, "dark" if theme == "dark" else "light", {other.stem for other in paths})
        _write(out / deck.name, deck.page)
        decks.append(deck)
    _write(out / "index.html", make_index(decks, "dark" if theme == "dark" else "light"))
    say(f"{len(decks)} {'deck is' if len(decks) == 1 else 'decks are'} ready: open {out / 'index.html'}.", "green")


def _chosen(notebooks: tuple[Path, ...]) -> list[Path]:
    chosen = list(notebooks) or sorted(_COURSE.glob("*.ipynb"))
    if not chosen:
        raise UsageError("The course's notebooks are not here.", hint="Name notebooks: kmodlab slides OUT/ FILE.ipynb")
    names = [path.stem for path in chosen]
    for path in chosen:
        if names.count(path.stem) > 1 or path.stem == "index":
            raise UsageError(f"{path.stem}.html would be written twice.", hint="Give the notebooks different names.")
    return chosen


def _make_folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise UsageError(f"The folder {out} cannot be made: {exc.strerror}.") from exc


def _write(path: Path, page: str) -> None:
    try:
        path.write_text(page, "utf-8")
    except OSError as exc:
        raise UsageError(f"{path} cannot be written: {exc.strerror}.") from exc
