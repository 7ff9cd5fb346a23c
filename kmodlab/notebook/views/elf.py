"""Shows the contents of a .ko, a .o or a .so: each kind of contents separately, or all together.

Each function takes a path or bytes and returns a `View`. The folder `elf` explains the contents.

Raises: MalformedError, from all functions, if the file is of another kind, or damaged.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from kmodlab.elf.contents import MalformedError
from kmodlab.elf.licence import is_gpl_compatible, licence_of
from kmodlab.elf.modinfo import explain_key, explain_vermagic_word
from kmodlab.elf.module import KernelModule, read_module
from kmodlab.elf.object_file import ObjectFile, Section, Symbol, read_object
from kmodlab.elf.purposes import relocation_purpose, section_purpose
from kmodlab.elf.signature import Signature
from kmodlab.i18n import N_, _, ngettext
from kmodlab.notebook.render.parts import Details, Message, Part
from kmodlab.notebook.views.table import Column, ColumnKind, Table, sized
from kmodlab.notebook.views.view import Source, View, source_of

_MOST = 24  # rows that are shown at first
_MINUS_FOUR = N_(
    "`-0x4`: the processor counts a distance from the end of the place, which is 4 bytes long, "
    "and a relocation from its beginning."
)


def sections(source: Source, *, everything: bool = False) -> View:
    """The main sections: name, size, flags in words, and purpose; `everything` shows all sections."""
    return View(_section_parts(read_object(source_of(source)), everything=everything))


def symbols(source: Source) -> View:
    """The symbols that a file defines, and those that it needs from elsewhere."""
    return View(_symbol_parts(read_object(source_of(source))))


def imports(source: Source) -> View:
    """The symbols that a module needs from the kernel, with the checksum that it expects of each."""
    return View(_import_parts(read_module(source_of(source))))


def exports(source: Source) -> View:
    """The symbols that a module exports to other modules."""
    return View(_export_parts(read_module(source_of(source))))


def relocations(source: Source, *, section: str = "") -> View:
    """The places that the loader will patch, all or those of one section."""
    return View(_relocation_parts(read_object(source_of(source)), section))


def modinfo(source: Source) -> View:
    """What a module says about itself, with the meaning of each key, and its vermagic word by word."""
    return View(_modinfo_parts(read_module(source_of(source))))


def explore(source: Source) -> View:
    """Everything in a .ko, a .o or a .so: tables to unfold, or tabs with a filter in a live notebook."""
    elf = read_object(source_of(source))
    module = _as_module(elf)
    pages = _pages(elf, module)
    summary = Table("", (Column(_("what")), Column(_("is"))), _summary(elf, module))
    details = [Details(Message(title), make(), is_open=not index) for index, (title, make) in enumerate(pages.items())]
    return View([summary, *details], lambda: _widget(pages))


def is_minor(section: Section) -> bool:
    """Whether a beginner may skip a section: tables for tools, debugging information, relocations."""
    tools = section.kind in ("NULL", "RELA", "REL", "SYMTAB", "STRTAB") or not section.in_memory
    return tools or (not section.size and section.name not in (".text", ".data", ".bss"))


def _name_column() -> Column:
    return Column(_("name"), ColumnKind.CODE)


def _size_column() -> Column:
    return Column(_("bytes"), ColumnKind.NUMBER)


# ---- sections ------------------------------------------------------------------------------------------------------


def _section_parts(elf: ObjectFile, *, everything: bool = False) -> list[Part]:
    shown = [section for section in elf.sections if section.index and (everything or not is_minor(section))]
    rows = [
        (section.name, sized(section.size), _flags(section, everything), section_purpose(section.name))
        for section in shown
    ]
    columns = (_name_column(), _size_column(), Column(_("flags")), Column(_("what it is for")))
    total = len(elf.sections) - 1
    caption = ngettext("{number} of {total} section", "{number} of {total} sections", total)
    table = Table(caption.format(number=len(shown), total=total), columns, rows)
    return [table] if everything else [table, Message(_left_out(elf, shown))]


def _flags(section: Section, everything: bool) -> str:
    """The flags in words; "in memory" is left out if all sections shown are."""
    return ", ".join(word for word in section.words if everything or word != _("in memory"))


def _left_out(elf: ObjectFile, shown: list[Section]) -> str:
    numbers = {section.index for section in shown}
    groups: defaultdict[str, list[Section]] = defaultdict(list)
    for section in elf.sections[1:]:
        if section.index not in numbers:
            groups[_family(section)].append(section)
    if not groups:
        return _("Nothing is left out here.")
    words = [
        _("{family} ({number}: {size} bytes)").format(
            family=family, number=len(group), size=sized(sum(section.size for section in group))
        )
        for family, group in groups.items()
    ]
    return _("Left out here: {families}.").format(families=", ".join(words))


def _family(section: Section) -> str:
    if section.kind in ("RELA", "REL"):
        return _("relocations")
    if section.kind in ("SYMTAB", "STRTAB"):
        return _("tables of names and symbols")
    return _("debugging information") if section.name.startswith((".debug", ".BTF")) else _("others")


# ---- symbols -------------------------------------------------------------------------------------------------------


def _symbol_parts(elf: ObjectFile) -> list[Part]:
    named = [symbol for symbol in elf.symbols or elf.dynamic_symbols if symbol.kind not in ("section", "file")]
    own = [symbol for symbol in named if symbol.section and not _is_label(symbol)]
    missing = [symbol for symbol in named if symbol.is_undefined]
    rows = [(symbol.name, symbol.kind, symbol.binding, _place(symbol), sized(symbol.size)) for symbol in own]
    columns = (
        _name_column(),
        Column(_("kind")),
        Column(_("binding")),
        Column(_("where"), ColumnKind.CODE),
        _size_column(),
    )
    caption = ngettext("{number} symbol that it has", "{number} symbols that it has", len(own))
    return [
        Table(caption.format(number=len(own)), columns, rows, _MOST),
        Table(_needs_caption(len(missing)), (_name_column(), Column(_("binding"))), _needs(missing), _MOST),
    ]


def _is_label(symbol: Symbol) -> bool:
    """Whether the symbol only marks an entry of a table."""
    return symbol.name.startswith(("__UNIQUE_ID_", "__ksymtab_", "__kstrtab", "__crc_", "__pfx_"))


def _place(symbol: Symbol) -> str:
    return f"{symbol.section.name}+{symbol.value:#x}" if symbol.section else ""


def _needs_caption(number: int) -> str:
    caption = ngettext("{number} symbol that it needs", "{number} symbols that it needs", number)
    return caption.format(number=number)


def _needs(missing: list[Symbol]) -> list[tuple[str, str]]:
    return [(symbol.name, symbol.binding) for symbol in sorted(missing, key=lambda symbol: symbol.name)]


def _import_parts(module: KernelModule) -> list[Part]:
    rows = [(symbol.name, _crc(symbol.crc), _("may be missing") if symbol.weak else "") for symbol in module.imports]
    columns = (_name_column(), Column(_("checksum"), ColumnKind.CODE), Column(_("remark")))
    return [Table(_needs_caption(len(rows)), columns, rows, _MOST)]


def _export_parts(module: KernelModule) -> list[Part]:
    rows = [
        (symbol.name, _("GPL only") if symbol.gpl_only else _("everybody"), symbol.namespace, _crc(symbol.crc))
        for symbol in module.exports
    ]
    columns = (
        _name_column(),
        Column(_("for")),
        Column(_("namespace"), ColumnKind.CODE),
        Column(_("checksum"), ColumnKind.CODE),
    )
    caption = ngettext("{number} symbol that it exports", "{number} symbols that it exports", len(rows))
    return [Table(caption.format(number=len(rows)), columns, rows, _MOST)]


def _crc(crc: int | None) -> str:
    return "" if crc is None else f"{crc:#010x}"


# ---- relocations and modinfo ---------------------------------------------------------------------------------------


def _relocation_parts(elf: ObjectFile, section: str = "") -> list[Part]:
    """A table of places to patch; those for debuggers are left out unless `section` names one of their sections."""
    chosen = [
        relocation
        for relocation in elf.relocations
        if (relocation.section.name == section if section else relocation.section.in_memory or elf.kind == "shared")
    ]
    rows = [
        (
            elf.describe_place(relocation.section, relocation.offset),
            relocation.target,
            relocation.kind,
            relocation_purpose(relocation.kind),
        )
        for relocation in chosen
    ]
    columns = (
        Column(_("place"), ColumnKind.CODE),
        Column(_("refers to"), ColumnKind.CODE),
        Column(_("kind"), ColumnKind.CODE),
        Column(_("that is")),
    )
    table = Table(_patch_caption(Counter(relocation.section.name for relocation in chosen)), columns, rows, _MOST)
    return [table, Message(_(_MINUS_FOUR))] if any(relocation.addend == -4 for relocation in chosen) else [table]


def _patch_caption(counts: Counter[str]) -> str:
    number = counts.total()
    if not number:
        return _("0 places to patch")
    spread = ", ".join(f"`{name}` {count}" for name, count in counts.most_common(6))
    caption = ngettext("{number} place to patch: {sections}", "{number} places to patch: {sections}", number)
    return caption.format(number=number, sections=spread)


def _modinfo_parts(module: KernelModule) -> list[Part]:
    rows = [(key, value, explain_key(key)) for key, value in module.modinfo.entries]
    columns = (Column(_("key"), ColumnKind.CODE), Column(_("value"), ColumnKind.CODE), Column(_("meaning")))
    caption = ngettext("{number} entry of .modinfo", "{number} entries of .modinfo", len(rows))
    parts: list[Part] = [Table(caption.format(number=len(rows)), columns, rows, _MOST)]
    vermagic = module.modinfo.vermagic
    if vermagic:
        words = [
            (vermagic.release, _("the kernel's release")),
            *((word, explain_vermagic_word(word)) for word in vermagic.words),
        ]
        heads = (Column(_("word"), ColumnKind.CODE), Column(_("meaning")))
        parts.append(Table(_("its vermagic, word by word"), heads, words))
    return parts


# ---- everything ----------------------------------------------------------------------------------------------------


def _as_module(elf: ObjectFile) -> KernelModule | None:
    try:
        return read_module(elf.image)
    except MalformedError:
        return None


def _pages(elf: ObjectFile, module: KernelModule | None) -> dict[str, Callable[[], list[Part]]]:
    pages: dict[str, Callable[[], list[Part]]] = {
        _("sections"): lambda: _section_parts(elf),
        _("symbols"): lambda: _symbol_parts(elf),
        _("relocations"): lambda: _relocation_parts(elf),
    }
    if module is not None:
        pages[_("modinfo")] = lambda: _modinfo_parts(module)
        if module.exports:
            pages[_("exports")] = lambda: _export_parts(module)
        if module.versions:
            pages[_("checksums")] = lambda: _import_parts(module)
    return pages


def _summary(elf: ObjectFile, module: KernelModule | None) -> list[tuple[str, str]]:
    size = sized(len(elf.image))
    words = _("{kind} ELF, {bits} bits, {machine}, {size} bytes")
    rows = [(_("file"), words.format(kind=elf.kind, bits=elf.bits, machine=elf.machine, size=size))]
    if module is None:
        return rows
    modinfo, this = module.modinfo, module.this_module
    if this:
        rows += [(_("module"), f"`{module.name}`")]
        rows += [(_("init"), _code_or_none(this.init)), (_("exit"), _code_or_none(this.exit))]
    else:
        words = _("`{name}`, not finished: it has no `struct module`")
        rows += [(_("module"), words.format(name=module.name))]
    rows += [(_("licence"), _licence(licence_of(modinfo)))]
    rows += [(_("vermagic"), f"`{modinfo.vermagic}`")] if modinfo.vermagic else []
    rows += [(_("parameters"), _quoted(parameter.name for parameter in modinfo.parameters) or _("none"))]
    rows += [(_("needs"), _needed(len(module.imports), modinfo.depends))]
    number = len(module.exports)
    rows += [(_("exports"), ngettext("{number} symbol", "{number} symbols", number).format(number=number))]
    return [*rows, (_("signature"), _signature(module.signature))]


def _licence(licence: str | None) -> str:
    if licence is None or is_gpl_compatible(licence):
        return _code_or_none(licence)
    return _("`{licence}`, not compatible with the GPL").format(licence=licence)


def _code_or_none(name: str | None) -> str:
    return f"`{name}`" if name else _("none")


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _needed(number: int, modules: Sequence[str]) -> str:
    if not modules:
        return ngettext("{number} symbol", "{number} symbols", number).format(number=number)
    words = ngettext("{number} symbol, of modules {modules}", "{number} symbols, of modules {modules}", number)
    return words.format(number=number, modules=_quoted(modules))


def _signature(signature: Signature | None) -> str:
    if signature is None:
        return _("none")
    words = _("by {signer}, {digest}")
    return signature.doubt or words.format(signer=signature.signer, digest=signature.digest)


def _widget(pages: dict[str, Callable[[], list[Part]]]) -> Any:
    from kmodlab.notebook.views.widgets import filtered_tabs  # only a live notebook needs ipywidgets

    return filtered_tabs(pages)
