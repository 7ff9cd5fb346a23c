"""`%databases`: what depmod wrote for the guest's kernel, as it is now, and what modprobe reads out of it."""

from __future__ import annotations

from collections.abc import Callable

from kmodlab.errors import UsageError
from kmodlab.notebook.arguments import split
from kmodlab.notebook.show import show_view
from kmodlab.notebook.state import NotebookState
from kmodlab.notebook.views import databases as views
from kmodlab.notebook.views.dependencies import dependency_picture
from kmodlab.notebook.views.from_guest import fetch_databases, fetch_loaded
from kmodlab.notebook.views.tree import tree_picture
from kmodlab.notebook.views.view import Picture, View

HELP = """\
Show the modules.* files of the guest's kernel, as they are at this moment, and what modprobe finds in them.

    %databases                           which files there are, and the question that each answers
    %databases find usb-storage          what modprobe finds for a name, an alias, a modalias or symbol:NAME
    %databases walk dummy                the way through modules.dep.bin to a module
    %databases walk dummy modules.alias.bin
    %databases load usb-storage          what `modprobe` would load, in order, and why
    %databases remove usb-storage        what `modprobe -r` would remove
    %databases graph usb-storage         who needs whom, as a picture
    %databases tree                      all modules at once

The text files can also be read with the guest's own tools: %guest grep dummy /lib/modules/$(uname -r)/modules.dep
"""


def databases(place: NotebookState, line: str, _cell: str | None) -> None:
    """Run the magic."""
    view, *words = split(line) or ["list"]
    if view not in _VIEWS:
        raise UsageError(f"%databases has no view {view!r}.", hint=f"There are: {', '.join(VIEWS)}.")
    least, most, make = _VIEWS[view]
    if not least <= len(words) <= most:
        raise UsageError(
            f"%databases {view} does not take {len(words)} words.", hint="`%databases?` shows what it takes."
        )
    show_view(make(place, *words))


def _walk(place: NotebookState, key: str, name: str = "modules.dep.bin") -> View:
    index = fetch_databases(place.session).index(name) if name.endswith(".bin") else None
    if index is None:
        raise UsageError(f"There is no binary index {name}.", hint="For instance: modules.dep.bin")
    return views.walk(index, key)


_VIEWS: dict[str, tuple[int, int, Callable[..., View | Picture]]] = {
    "list": (0, 0, lambda place: views.database_list(fetch_databases(place.session))),
    "find": (1, 1, lambda place, key: views.find(fetch_databases(place.session), key)),
    "walk": (1, 2, _walk),
    "load": (
        1, 1, lambda place, name: views.would_load(fetch_databases(place.session), name, fetch_loaded(place.session)),
    ),
    "remove": (
        1, 1, lambda place, name: views.would_remove(fetch_databases(place.session), name, fetch_loaded(place.session)),
    ),
    "graph": (1, 1, lambda place, name: dependency_picture(fetch_databases(place.session), name)),
    "tree": (0, 0, lambda place: tree_picture(fetch_databases(place.session))),
}  # fmt: skip
VIEWS = tuple(_VIEWS)
