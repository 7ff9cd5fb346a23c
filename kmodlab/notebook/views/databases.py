"""The databases of depmod in a notebook: what files there are, what a search finds, what modprobe would do."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from kmodlab.elf.database_index import Index, Node
from kmodlab.elf.databases import FILES, Databases, LookupResult
from kmodlab.elf.modalias import parse_modalias
from kmodlab.elf.modprobe import Load, LoadedModule, plan_load, plan_remove
from kmodlab.i18n import _
from kmodlab.notebook.render.parts import Level, Message, Part
from kmodlab.notebook.views.table import Column, ColumnKind, Table, sized
from kmodlab.notebook.views.view import View

_MOST = 24


def database_list(databases: Databases) -> View:
    """The files that are there, and the question that each answers."""
    rows = [(name, sized(len(databases.files[name])), _(FILES[name])) for name in FILES if name in databases.files]
    columns = (
        Column("file", ColumnKind.CODE),
        Column("bytes", ColumnKind.NUMBER),
        Column("the question that it answers"),
    )
    return View([Table(f"{len(rows)} databases", columns, rows)])


def find(databases: Databases, alias: str) -> View:
    """What modprobe finds for a name, a modalias or a symbol, and in which file."""
    found = databases.lookup(alias)
    fields = parse_modalias(alias).fields
    parts: list[Part] = []
    if fields:
        rows = [(field.letters, field.value, field.meaning) for field in fields]
        parts.append(
            Table(
                f"`{alias}`, piece by piece",
                (Column("letters", ColumnKind.CODE), Column("value", ColumnKind.CODE), Column("is the")),
                rows,
            )
        )
    return View([*parts, *_found(databases, alias, found)])


def _found(databases: Databases, alias: str, found: LookupResult) -> list[Part]:
    if not found.modules:
        return [Message(f"No database has anything for `{alias}`.", Level.BAD)]
    if found.builtin:
        return [
            Message(
                f"`{found.modules[0]}` is built in: `{found.file}` says so, and there is nothing to load.", Level.GOOD
            )
        ]
    patterns = found.patterns or found.modules
    rows = [
        (module, pattern, databases.find_path(module) or "")
        for module, pattern in zip(found.modules, patterns, strict=True)
    ]
    columns = (
        Column("module", ColumnKind.CODE),
        Column("matched by", ColumnKind.CODE),
        Column("file", ColumnKind.CODE),
    )
    return [Table(f"`{found.file}` has:", columns, rows, _MOST)]


def walk(index: Index, key: str) -> View:
    """The nodes that a search for a key reads in a binary index, one a row: the key is spelled on the way."""
    rows = [
        (
            f"{step.node.offset:#x}",
            step.spelled,
            _next_letters(step.node),
            ", ".join(value.text for value in step.node.values),
        )
        for step in index.walk(key)
    ]
    columns = (
        Column("node at", ColumnKind.CODE),
        Column("spelled so far", ColumnKind.CODE),
        Column("may go on with", ColumnKind.CODE),
        Column("value", ColumnKind.CODE),
    )
    size = sum(step.node.size for step in index.walk(key))
    ending = "found" if index.search(key) else "not there"
    summary = f"`{key}` is {ending}; for that, {size} of {sized(len(index.data))} bytes were read."
    return View(
        [Table(f"The way to `{key}`", columns, rows), Message(summary, Level.GOOD if ending == "found" else Level.BAD)]
    )


def _next_letters(node: Node) -> str:
    return "".join(letter for letter, _ in node.children)


def would_load(databases: Databases, name: str, loaded: Collection[str] = ()) -> View:
    """What `modprobe NAME` would load, in this order, and why."""
    plan = plan_load(databases, name, loaded)
    if not plan:
        known = databases.lookup(name).modules
        why = f"`{name}` is there already." if known else f"`modprobe` does not find `{name}`."
        return View([Message(why, Level.NOTE if known else Level.BAD)])
    rows = [(str(number), load.name, _where(load), load.reason) for number, load in enumerate(plan, 1)]
    columns = (
        Column("", ColumnKind.NUMBER),
        Column("module", ColumnKind.CODE),
        Column("file", ColumnKind.CODE),
        Column("why"),
    )
    return View([Table(f"`modprobe {name}` would load, in this order:", columns, rows)])


def _where(load: Load) -> str:
    return load.path or "built in"


def would_remove(databases: Databases, name: str, loaded: Mapping[str, LoadedModule]) -> View:
    """What `modprobe -r NAME` would remove, in this order, and what it would leave although nobody uses it."""
    plan = plan_remove(databases, name, loaded)
    rows = [(str(number), module) for number, module in enumerate(plan.removed, 1)]
    parts: list[Part] = []
    if rows:
        columns = (Column("", ColumnKind.NUMBER), Column("module", ColumnKind.CODE))
        parts.append(Table(f"`modprobe -r {name}` would remove, in this order:", columns, rows))
    if plan.refused:
        parts.append(Message(f"It would refuse: {plan.refused}", Level.BAD))
    if plan.left:
        names = ", ".join(f"`{module}`" for module in plan.left)
        parts.append(Message(f"It would leave, although nobody uses them any more: {names}."))
    return View(parts or [Message(f"`{name}` is not loaded: there is nothing to remove.")])
