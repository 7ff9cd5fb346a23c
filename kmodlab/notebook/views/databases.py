"""The databases of depmod: which files there are, what a search finds, and what modprobe would do."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from kmodlab.elf.database_index import Index, Node
from kmodlab.elf.databases import FILES, Databases, LookupResult
from kmodlab.elf.modalias import parse_modalias
from kmodlab.elf.modprobe import Load, LoadedModule, parse_proc_modules, plan_load, plan_remove
from kmodlab.errors import GuestError
from kmodlab.guest.session import Session
from kmodlab.i18n import _, ngettext
from kmodlab.notebook.render.parts import Level, Message, Part
from kmodlab.notebook.views.table import Column, ColumnKind, Table, sized
from kmodlab.notebook.views.view import View

_MOST = 24  # rows that are shown at first


def fetch_databases(session: Session) -> Databases:
    """Read the modules.* files of the guest's kernel.

    Raises:
        GuestError: The guest has no folder of modules.
    """
    release = session.run(["uname", "-r"]).stdout.decode("utf-8", "replace").strip()
    folder = f"/lib/modules/{release}"
    listing = session.run(["ls", folder])
    if not listing.ok:
        raise GuestError(_("The guest has no folder {folder}.").format(folder=folder), details=listing.text)
    names = listing.stdout.decode("utf-8", "replace").split()
    return Databases({name: session.get(f"{folder}/{name}") for name in FILES if name in names})


def fetch_loaded(session: Session) -> Mapping[str, LoadedModule]:
    """The modules that are loaded in the guest, by name, the latest first. Raises: GuestError."""
    return parse_proc_modules(session.get("/proc/modules"))


def database_list(databases: Databases) -> View:
    """The existing files, and the question that each answers."""
    rows = [(name, sized(len(databases.files[name])), _(FILES[name])) for name in FILES if name in databases.files]
    columns = (
        Column(_("file"), ColumnKind.CODE),
        Column(_("bytes"), ColumnKind.NUMBER),
        Column(_("the question that it answers")),
    )
    caption = ngettext("{number} database", "{number} databases", len(rows))
    return View([Table(caption.format(number=len(rows)), columns, rows)])


# ---- searches ------------------------------------------------------------------------------------------------------


def find(databases: Databases, alias: str) -> View:
    """The modules that modprobe finds for a name, a modalias or a symbol, and the file that has them."""
    fields = parse_modalias(alias).fields
    parts: list[Part] = []
    if fields:
        rows = [(field.letters, field.value, field.meaning) for field in fields]
        columns = (Column(_("letters"), ColumnKind.CODE), Column(_("value"), ColumnKind.CODE), Column(_("is the")))
        parts.append(Table(_("`{alias}`, piece by piece").format(alias=alias), columns, rows))
    return View([*parts, _matches(databases, alias, databases.lookup(alias))])


def _matches(databases: Databases, alias: str, result: LookupResult) -> Part:
    if not result.modules:
        return Message(_("No database has anything for `{alias}`.").format(alias=alias), Level.BAD)
    if result.builtin:
        sentence = _("`{module}` is built in: `{file}` says so, and there is nothing to load.")
        return Message(sentence.format(module=result.modules[0], file=result.file), Level.GOOD)
    patterns = result.patterns or result.modules
    rows = [
        (module, pattern, databases.find_path(module) or "")
        for module, pattern in zip(result.modules, patterns, strict=True)
    ]
    columns = (
        Column(_("module"), ColumnKind.CODE),
        Column(_("matched by"), ColumnKind.CODE),
        Column(_("file"), ColumnKind.CODE),
    )
    return Table(_("`{file}` has:").format(file=result.file), columns, rows, _MOST)


def walk(index: Index, key: str) -> View:
    """The nodes that a search for a key reads in a binary index, a row for each; together they spell the key."""
    steps = index.walk(key)
    rows = [
        (
            f"{step.node.offset:#x}",
            step.spelled,
            _next_letters(step.node),
            ", ".join(value.text for value in step.node.values),
        )
        for step in steps
    ]
    columns = (
        Column(_("node at"), ColumnKind.CODE),
        Column(_("spelled so far"), ColumnKind.CODE),
        Column(_("may go on with"), ColumnKind.CODE),
        Column(_("value"), ColumnKind.CODE),
    )
    is_found = bool(index.search(key))
    if is_found:
        sentence = _("`{key}` is found; for that, {read} of {size} bytes were read.")
    else:
        sentence = _("`{key}` is not there; for that, {read} of {size} bytes were read.")
    sentence = sentence.format(key=key, read=sum(step.node.size for step in steps), size=sized(len(index.data)))
    table = Table(_("The way to `{key}`").format(key=key), columns, rows)
    return View([table, Message(sentence, Level.GOOD if is_found else Level.BAD)])


def _next_letters(node: Node) -> str:
    return "".join(letter for letter, _child in node.children)


# ---- modprobe ------------------------------------------------------------------------------------------------------


def would_load(databases: Databases, name: str, loaded: Collection[str] = ()) -> View:
    """What `modprobe NAME` would load, in this order, and why."""
    plan = plan_load(databases, name, loaded)
    if not plan:
        return View([_nothing_to_load(databases, name)])
    rows = [(str(number), load.name, _where(load), load.reason) for number, load in enumerate(plan, 1)]
    columns = (
        Column("", ColumnKind.NUMBER),
        Column(_("module"), ColumnKind.CODE),
        Column(_("file"), ColumnKind.CODE),
        Column(_("why")),
    )
    return View([Table(_("`modprobe {name}` would load, in this order:").format(name=name), columns, rows)])


def _nothing_to_load(databases: Databases, name: str) -> Message:
    if databases.lookup(name).modules:
        return Message(_("`{name}` is there already.").format(name=name))
    return Message(_("`modprobe` does not find `{name}`.").format(name=name), Level.BAD)


def _where(load: Load) -> str:
    return load.path or _("built in")


def would_remove(databases: Databases, name: str, loaded: Mapping[str, LoadedModule]) -> View:
    """What `modprobe -r NAME` would remove, in this order, and what it would leave although nothing uses it."""
    plan = plan_remove(databases, name, loaded)
    rows = [(str(number), module) for number, module in enumerate(plan.removed, 1)]
    parts: list[Part] = []
    if rows:
        columns = (Column("", ColumnKind.NUMBER), Column(_("module"), ColumnKind.CODE))
        caption = _("`modprobe -r {name}` would remove, in this order:").format(name=name)
        parts.append(Table(caption, columns, rows))
    if plan.refused:
        parts.append(Message(_("It would refuse: {message}").format(message=plan.refused), Level.BAD))
    if plan.left:
        names = ", ".join(f"`{module}`" for module in plan.left)
        sentence = _("It would leave, although nobody uses them any more: {modules}.")
        parts.append(Message(sentence.format(modules=names)))
    return View(parts or [Message(_("`{name}` is not loaded: there is nothing to remove.").format(name=name))])
