"""`%databases`: shows depmod's databases for the guest's kernel, and what modprobe finds in them."""

from __future__ import annotations

from collections.abc import Callable

from kmodlab.errors import UsageError
from kmodlab.i18n import _, ngettext
from kmodlab.notebook.magic import show_view, split
from kmodlab.notebook.state import NotebookState
from kmodlab.notebook.views import databases as views
from kmodlab.notebook.views.databases import fetch_databases, fetch_loaded
from kmodlab.notebook.views.dependencies import dependency_picture
from kmodlab.notebook.views.module_tree import tree_picture
from kmodlab.notebook.views.view import Picture, View

DATABASES_HELP = _("""\
Show the modules.* files of the guest's kernel, as they are at this moment, and what modprobe finds in them.

    %databases                           which files there are, and the question that each one answers
    %databases find usb-storage          what modprobe finds for a name, an alias, a modalias or symbol:NAME
    %databases walk dummy                the path through modules.dep.bin to a module
    %databases walk dummy modules.alias.bin
    %databases load usb-storage          what `modprobe` would load, in order, and why
    %databases remove usb-storage        what `modprobe -r` would remove
    %databases graph usb-storage         the dependencies, as a picture
    %databases tree                      all modules at once

The text files can also be read with the guest's own tools: %guest grep dummy /lib/modules/$(uname -r)/modules.dep
""")


def databases(state: NotebookState, line: str, _cell: str | None) -> None:
    """Run `%databases`. Raises: UsageError."""
    view, *words = split(line) or ["list"]
    if view not in _VIEWS:
        raise UsageError(
            _("%databases has no view {view!r}.").format(view=view),
            hint=_("There are: {names}.").format(names=", ".join(VIEWS)),
        )
    least, most, make = _VIEWS[view]
    if not least <= len(words) <= most:
        sentence = ngettext(
            "%databases {view} does not take {number} word.",
            "%databases {view} does not take {number} words.",
            len(words),
        )
        raise UsageError(
            sentence.format(view=view, number=len(words)),
            hint=_("`{magic}?` shows what it takes.").format(magic="%databases"),
        )
    show_view(make(state, *words))


def _walk(state: NotebookState, key: str, name: str = "modules.dep.bin") -> View:
    index = fetch_databases(state.session).index(name) if name.endswith(".bin") else None
    if index is None:
        raise UsageError(
            _("There is no binary index {name}.").format(name=name),
            hint=_("For example: {example}").format(example="modules.dep.bin"),
        )
    return views.walk(index, key)


_VIEWS: dict[str, tuple[int, int, Callable[..., View | Picture]]] = {
    "list": (0, 0, lambda state: views.database_list(fetch_databases(state.session))),
    "find": (1, 1, lambda state, key: views.find(fetch_databases(state.session), key)),
    "walk": (1, 2, _walk),
    "load": (
        1, 1, lambda state, name: views.would_load(fetch_databases(state.session), name, fetch_loaded(state.session)),
    ),
    "remove": (
        1, 1, lambda state, name: views.would_remove(fetch_databases(state.session), name, fetch_loaded(state.session)),
    ),
    "graph": (1, 1, lambda state, name: dependency_picture(fetch_databases(state.session), name)),
    "tree": (0, 0, lambda state: tree_picture(fetch_databases(state.session))),
}  # fmt: skip
VIEWS = tuple(_VIEWS)
