"""An ELF explorer: what is inside a .ko, a .o or a .so, each part by itself for one idea a cell, or all at once.

Each function takes a path or bytes and returns a `View`. What the parts mean is said by `elf`.
"""

from __future__ import annotations

from collections import Counter, defaultdict

from kmodlab.elf.modinfo import explain_key, explain_vermagic_word
from kmodlab.elf.module import KernelModule, read_module
from kmodlab.elf.object_file import ObjectFile, Section, Symbol, read_object
from kmodlab.elf.purposes import relocation_purpose, section_purpose
from kmodlab.i18n import _
from kmodlab.notebook.render.parts import Message, Part
from kmodlab.notebook.views.table import Column, ColumnKind, Table, sized
from kmodlab.notebook.views.view import Source, View, source_of

_MOST = 24
_MINUS_FOUR = (
    "`-0x4`: the processor counts a distance from the end of the place, which is 4 bytes long, "
    "and a relocation from its beginning."
)
_NAME, _SIZE = Column("name", ColumnKind.CODE), Column("bytes", ColumnKind.NUMBER)


def sections(source: Source, *, everything: bool = False) -> View:
    """The sections that matter: name, size, flags in words, what it is for; `everything` leaves none out."""
    return View(section_parts(read_object(source_of(source)), everything=everything))


def symbols(source: Source) -> View:
    """The symbols: what the file has, what it offers to others, what it needs from elsewhere."""
    return View(symbol_parts(read_object(source_of(source))))


def imports(source: Source) -> View:
    """The symbols that a module needs from the kernel, and the checksum that it expects of each."""
    return View(import_parts(read_module(source_of(source))))


def exports(source: Source) -> View:
    """The symbols that a module offers to others."""
    return View(export_parts(read_module(source_of(source))))


def relocations(source: Source, *, section: str = "") -> View:
    """The places that the loader will patch, all or those of one section."""
    return View(relocation_parts(read_object(source_of(source)), section))


def modinfo(source: Source) -> View:
    """What a module says about itself, with the meaning of each key, and its vermagic word by word."""
    return View(modinfo_parts(read_module(source_of(source))))


# ---- parts ---------------------------------------------------------------------------------------------------------


def is_minor(section: Section) -> bool:
    """Whether a beginner may pass it over: tables for tools, debugging information, lists of places to patch."""
    tools = section.kind in ("NULL", "RELA", "REL", "SYMTAB", "STRTAB") or not section.in_memory
    return tools or (not section.size and section.name not in (".text", ".data", ".bss"))


def section_parts(elf: ObjectFile, *, everything: bool = False) -> list[Part]:
    """A table of sections, and in one sentence those that are left out."""
    shown = [found for found in elf.sections if found.index and (everything or not is_minor(found))]
    rows = [(found.name, sized(found.size), _flags(found, everything), section_purpose(found.name)) for found in shown]
    columns = (_NAME, _SIZE, Column("flags"), Column("what it is for"))
    table = Table(f"{len(shown)} of {len(elf.sections) - 1} sections", columns, rows)
    return [table] if everything else [table, Message(_left_out(elf, shown))]


def _flags(section: Section, everything: bool) -> str:
    """The flags in words; that it is in memory goes without saying where only such are shown."""
    return ", ".join(word for word in section.words if everything or word != _("in memory"))


def _left_out(elf: ObjectFile, shown: list[Section]) -> str:
    numbers = {found.index for found in shown}
    groups: defaultdict[str, list[Section]] = defaultdict(list)
    for found in elf.sections[1:]:
        if found.index not in numbers:
            groups[_family(found)].append(found)
    words = [
        f"{word} ({len(group)}: {sized(sum(found.size for found in group))} bytes)" for word, group in groups.items()
    ]
    return f"Left out here: {', '.join(words)}." if words else "Nothing is left out here."


def _family(section: Section) -> str:
    if section.kind in ("RELA", "REL"):
        return "relocations"
    if section.kind in ("SYMTAB", "STRTAB"):
        return "tables of names and symbols"
    return "debugging information" if section.name.startswith((".debug", ".BTF")) else "others"


def symbol_parts(elf: ObjectFile) -> list[Part]:
    """Three tables: functions and variables of its own, what others may use, what it lacks."""
    named = [found for found in elf.symbols or elf.dynamic_symbols if found.kind not in ("section", "file")]
    own = [found for found in named if found.section and not _is_label(found)]
    missing = [found for found in named if found.is_undefined]
    rows = [(found.name, found.kind, found.binding, _place(found), sized(found.size)) for found in own]
    columns = (_NAME, Column("kind"), Column("binding"), Column("where", ColumnKind.CODE), _SIZE)
    return [
        Table(f"{len(own)} symbols that it has", columns, rows, _MOST),
        Table(f"{len(missing)} symbols that it needs", (_NAME, Column("binding")), _needs(missing), _MOST),
    ]


def _is_label(symbol: Symbol) -> bool:
    """Whether the symbol only marks an entry of a table."""
    return symbol.name.startswith(("__UNIQUE_ID_", "__ksymtab_", "__kstrtab", "__crc_", "__pfx_"))


def _place(symbol: Symbol) -> str:
    return f"{symbol.section.name}+{symbol.value:#x}" if symbol.section else ""


def _needs(missing: list[Symbol]) -> list[tuple[str, str]]:
    return [(found.name, found.binding) for found in sorted(missing, key=lambda found: found.name)]


def import_parts(module: KernelModule) -> list[Part]:
    """A table of what it needs."""
    rows = [(wanted.name, _crc(wanted.crc), "may be missing" if wanted.weak else "") for wanted in module.imports]
    columns = (_NAME, Column("checksum", ColumnKind.CODE), Column("remark"))
    return [Table(f"{len(rows)} symbols that it needs", columns, rows, _MOST)]


def export_parts(module: KernelModule) -> list[Part]:
    """A table of what it offers."""
    rows = [
        (found.name, "GPL only" if found.gpl_only else "everybody", found.namespace, _crc(found.crc))
        for found in module.exports
    ]
    columns = (_NAME, Column("for"), Column("namespace", ColumnKind.CODE), Column("checksum", ColumnKind.CODE))
    return [Table(f"{len(rows)} symbols that it exports", columns, rows, _MOST)]


def _crc(crc: int | None) -> str:
    return "" if crc is None else f"{crc:#010x}"


def relocation_parts(elf: ObjectFile, section: str = "") -> list[Part]:
    """A table of places to patch; without those for debuggers, unless one of their sections is asked for."""
    chosen = [
        found
        for found in elf.relocations
        if (found.section.name == section if section else found.section.in_memory or elf.kind == "shared")
    ]
    rows = [
        (elf.describe_place(found.section, found.offset), found.target, found.kind, relocation_purpose(found.kind))
        for found in chosen
    ]
    columns = (
        Column("place", ColumnKind.CODE),
        Column("refers to", ColumnKind.CODE),
        Column("kind", ColumnKind.CODE),
        Column("that is"),
    )
    counts = Counter(found.section.name for found in chosen)
    spread = ", ".join(f"`{name}` {count}" for name, count in counts.most_common(6))
    table = Table(f"{len(rows)} places to patch" + (f": {spread}" if spread else ""), columns, rows, _MOST)
    return [table, Message(_MINUS_FOUR)] if any(found.addend == -4 for found in chosen) else [table]


def modinfo_parts(module: KernelModule) -> list[Part]:
    """A table of keys and values, and one of the vermagic's words."""
    rows = [(key, value, explain_key(key)) for key, value in module.modinfo.entries]
    columns = (Column("key", ColumnKind.CODE), Column("value", ColumnKind.CODE), Column("meaning"))
    parts: list[Part] = [Table(f"{len(rows)} entries of .modinfo", columns, rows, _MOST)]
    vermagic = module.modinfo.vermagic
    if vermagic:
        words = [
            (vermagic.release, "the kernel's release"),
            *((word, explain_vermagic_word(word)) for word in vermagic.words),
        ]
        parts.append(Table("its vermagic, word by word", (Column("word", ColumnKind.CODE), Column("meaning")), words))
    return parts
