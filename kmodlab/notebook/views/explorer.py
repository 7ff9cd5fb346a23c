"""The whole of a module in one output: a summary and tables to unfold, or tabs with a filter where widgets work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kmodlab.elf.contents import MalformedError
from kmodlab.elf.module import KernelModule, read_module
from kmodlab.elf.object_file import ObjectFile, read_object
from kmodlab.notebook.render.parts import Details, Message, Part
from kmodlab.notebook.views import elf as parts
from kmodlab.notebook.views.table import Column, ColumnKind, Table, sized
from kmodlab.notebook.views.view import Source, View, source_of


def explore(source: Source) -> View:
    """Everything in a .ko, a .o or a .so: unfold what you want to see, or filter it in a live notebook."""
    elf = read_object(source_of(source))
    module = _module(elf)
    pages = _pages(elf, module)
    summary = Table("", (Column("what"), Column("is", ColumnKind.PROSE)), _summary(elf, module))
    folded = [Details(Message(title), make(), is_open=title == "sections") for title, make in pages.items()]
    return View([summary, *folded], lambda: _widget(pages))


def _module(elf: ObjectFile) -> KernelModule | None:
    """The same as a module; None for what is none."""
    try:
        return read_module(elf.image)
    except MalformedError:
        return None


def _pages(elf: ObjectFile, module: KernelModule | None) -> dict[str, Callable[[], list[Part]]]:
    pages: dict[str, Callable[[], list[Part]]] = {
        "sections": lambda: parts.section_parts(elf),
        "symbols": lambda: parts.symbol_parts(elf),
        "relocations": lambda: parts.relocation_parts(elf),
    }
    if module is not None:
        pages["modinfo"] = lambda: parts.modinfo_parts(module)
        if module.exports:
            pages["exports"] = lambda: parts.export_parts(module)
        if module.versions:
            pages["checksums"] = lambda: parts.import_parts(module)
    return pages


def _summary(elf: ObjectFile, module: KernelModule | None) -> list[tuple[str, str]]:
    rows = [("file", f"{elf.kind} ELF, {elf.bits} bits, {elf.machine}, {sized(len(elf.image))} bytes")]
    if module is None:
        return rows
    this, signature = module.this_module, module.signature
    rows.append(("module", f"`{module.name}`" if this else f"`{module.name}`, not finished: it has no `struct module`"))
    if this:
        rows += [
            ("init", f"`{this.init}`" if this.init else "none"),
            ("exit", f"`{this.exit}`" if this.exit else "none"),
        ]
    rows += [("licence", f"`{module.modinfo.get('license') or 'none'}`")]
    rows += [("vermagic", f"`{module.modinfo.vermagic}`")] if module.modinfo.vermagic else []
    rows += [("parameters", ", ".join(f"`{found.name}`" for found in module.modinfo.parameters) or "none")]
    needed = (
        f", of modules {', '.join(f'`{name}`' for name in module.modinfo.depends)}" if module.modinfo.depends else ""
    )
    rows += [("needs", f"{len(module.imports)} symbols{needed}"), ("exports", f"{len(module.exports)} symbols")]
    if signature is None:
        return [*rows, ("signature", "none")]
    return [*rows, ("signature", signature.doubt or f"by {signature.signer}, {signature.digest}")]


def _widget(pages: dict[str, Callable[[], list[Part]]]) -> Any:
    from kmodlab.notebook.views.widgets import filtered_tabs  # only a live notebook needs ipywidgets

    return filtered_tabs(pages)
