"""An ELF file as data: its sections, symbols and relocations. A .ko, a .o and a .so are all ELF files.

`purposes` says what sections are for, `module` reads a .ko as a whole. pyelftools parses the structures (elf.h, the
System V gABI); this file checks the positions and sizes of all tables before it uses anything in them.
"""

from __future__ import annotations

import io
import struct
from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from elftools.elf.descriptions import describe_reloc_type
from elftools.elf.elffile import ELFFile

from kmodlab.elf.contents import MalformedError, read_contents, reading, text_of
from kmodlab.i18n import N_, _

_MAX_SECTIONS = 20_000
_MAX_ENTRIES = 1_000_000  # symbols, or relocations: the largest driver has some hundred thousand
_MAX_NAME = 4096  # the kernel allows 512 bytes (KSYM_NAME_LEN); mangled names of C++ are longer

_KINDS = {"ET_REL": "relocatable", "ET_EXEC": "executable", "ET_DYN": "shared", "ET_CORE": "core"}
_WRITE, _ALLOC, _EXECINSTR = 0x1, 0x2, 0x4
# Bit -> letter and word, in the order of the bits, which is readelf's (gABI, "Section Attribute Flags").
_FLAGS = {
    _WRITE: ("W", N_("writable")),
    _ALLOC: ("A", N_("in memory")),
    _EXECINSTR: ("X", N_("executable")),
    0x10: ("M", N_("duplicates merged")),
    0x20: ("S", N_("strings")),
    0x40: ("I", N_("about another section")),
    0x80: ("L", N_("ordered like another")),
    0x100: ("O", N_("special for this system")),
    0x200: ("G", N_("in a group")),
    0x400: ("T", N_("per thread")),
    0x800: ("C", N_("compressed")),
    0x200000: ("R", N_("always kept")),
    0x80000000: ("E", N_("left out by the linker")),
}
# Offset and format of sh_addr in an entry of the table of sections (Elf64_Shdr, Elf32_Shdr).
_ADDRESS_FIELD = {64: (16, "Q"), 32: (12, "I")}


@dataclass(frozen=True)
class Section:
    """A section of an ELF file: a named part with one purpose.

    `size` is in bytes, `offset` the position in the file. `kind` is readelf's word, such as "PROGBITS"; sections of
    the kind "NOBITS" take no bytes in the file. `link` and `info` are numbers of other sections, or 0.
    """

    index: int
    name: str
    kind: str
    flags: int
    size: int
    offset: int
    alignment: int
    entry_size: int
    link: int
    info: int

    @property
    def letters(self) -> str:
        """The flags as readelf's letters, such as "AX"."""
        return "".join(letter for bit, (letter, _word) in _FLAGS.items() if self.flags & bit)

    @property
    def words(self) -> tuple[str, ...]:
        """The flags in words, such as ("in memory", "executable")."""
        return tuple(_(word) for bit, (_letter, word) in _FLAGS.items() if self.flags & bit)

    @property
    def in_memory(self) -> bool:
        """Whether the section is loaded into memory; all others are for tools only."""
        return bool(self.flags & _ALLOC)

    @property
    def is_executable(self) -> bool:
        """Whether the section holds code."""
        return bool(self.flags & _EXECINSTR)


@dataclass(frozen=True)
class Symbol:
    """A name in an ELF file, and what it names.

    `binding` is "local", "global" or "weak"; `kind` is "func", "object", "notype", "section" or "file". `section` is
    None for a symbol that is undefined, absolute or common. `value` is the offset in that section, `size` the number
    of bytes.
    """

    name: str
    binding: str
    kind: str
    section: Section | None
    value: int
    size: int
    defined: bool

    @property
    def is_undefined(self) -> bool:
        """Whether the file uses the symbol, but does not define it."""
        return not self.defined and self.name != ""


@dataclass(frozen=True)
class Relocation:
    """A location that the loader patches when it knows all addresses.

    The location is at `offset` in `section`. `kind`, such as "R_X86_64_PLT32", says how to compute its new content from
    the symbol's address and `addend`. `addend` is None on machines that store it at the location itself.
    """

    section: Section
    offset: int
    kind: str
    symbol: Symbol
    addend: int | None

    @property
    def target(self) -> str:
        """The address that it refers to, such as "_printk" or ".rodata.str1.1+0xc"."""
        name, addend = self.symbol.name, self.addend or 0
        if not addend:
            return name or "0x0"
        return f"{name}{'+' if addend > 0 else '-'}{abs(addend):#x}" if name else hex(addend)


@dataclass(frozen=True)
class ObjectFile:
    """An ELF file, open. `kind` is "relocatable" (.o, .ko), "shared" (.so, most programs), "executable" or "core".

    Symbols and relocations are read at their first use.

    Raises:
        MalformedError: From properties, if their table is damaged.
    """

    image: bytes = field(repr=False)
    kind: str
    machine: str
    bits: int
    little_endian: bool
    sections: tuple[Section, ...] = field(repr=False)
    _elf: ELFFile = field(repr=False, compare=False)

    def section(self, name: str) -> Section | None:
        """The first section of that name; None if there is no such section."""
        return next((section for section in self.sections if section.name == name), None)

    def content(self, section: Section | str | None) -> bytes:
        """A section's bytes in the file; empty if the section is missing or takes no bytes there."""
        if isinstance(section, str):
            section = self.section(section)
        if section is None or section.kind == "NOBITS":
            return b""
        return self.image[section.offset : section.offset + section.size]

    def content_at(self, section: Section | None, offset: int, size: int) -> bytes:
        """At most `size` bytes of a section, from an offset on; fewer at the section's end."""
        if section is None or section.kind == "NOBITS":
            return b""
        start, end = section.offset + offset, section.offset + section.size
        return self.image[start : min(start + size, end)]

    @cached_property
    def symbols(self) -> tuple[Symbol, ...]:
        """The symbols of .symtab, as nm shows them; a section's symbol has the section's name."""
        return self._tables.get("SYMTAB", ())[1:]

    @cached_property
    def dynamic_symbols(self) -> tuple[Symbol, ...]:
        """The symbols of .dynsym, which a shared library shows to others."""
        return self._tables.get("DYNSYM", ())[1:]

    @cached_property
    def relocations(self) -> tuple[Relocation, ...]:
        """All relocations, section by section."""
        return self.relocations_in({section.index for section in self.sections})

    def relocations_in(self, numbers: Collection[int]) -> tuple[Relocation, ...]:
        """The relocations in the sections with these numbers; quicker than all if debugging information is large."""
        with reading(_("The table of relocations is damaged.")):
            return tuple(_relocations(self, numbers))

    @cached_property
    def _tables(self) -> dict[str, tuple[Symbol, ...]]:
        """The symbol tables with their empty first entry, because relocations have indices into them."""
        # The gABI allows at most one table of each kind.
        tables = {section.kind: section for section in reversed(self.sections) if section.kind in ("SYMTAB", "DYNSYM")}
        with reading(_("The table of symbols is damaged.")):
            return {kind: tuple(_symbols(self, section)) for kind, section in tables.items()}

    def describe_place(self, section: Section, offset: int) -> str:
        """An offset in a section as SYMBOL+OFFSET, such as "hello_init+0x5"; as SECTION+OFFSET outside of symbols."""
        symbol = self.symbol_at(section, offset)
        return f"{symbol.name}+{offset - symbol.value:#x}" if symbol else f"{section.name}+{offset:#x}"

    def symbol_at(self, section: Section, offset: int) -> Symbol | None:
        """The function or variable at an offset in a section; None between them."""
        starts, symbols = self._symbols_by_section.get(section.index, ([], []))
        number = bisect_right(starts, offset) - 1
        return symbols[number] if number >= 0 and offset < starts[number] + symbols[number].size else None

    @cached_property
    def _symbols_by_section(self) -> dict[int, tuple[list[int], list[Symbol]]]:
        """For each section's number the functions and variables in it, by offset, and their offsets."""
        sized = [symbol for symbol in self.symbols if symbol.section and symbol.size]
        sized.sort(key=lambda symbol: symbol.value)
        by_section: dict[int, tuple[list[int], list[Symbol]]] = {}
        for symbol in sized:
            assert symbol.section is not None
            starts, symbols = by_section.setdefault(symbol.section.index, ([], []))
            # Of several symbols at one offset, the first has the source's name; others are aliases like init_module.
            if not starts or starts[-1] != symbol.value:
                starts.append(symbol.value)
                symbols.append(symbol)
        return by_section

    def with_addresses(self, addresses: Mapping[int, int]) -> bytes:
        """A copy of the file's bytes with other addresses (sh_addr) of its sections.

        `addresses` maps numbers of sections to addresses.
        """
        start, width = self._elf["e_shoff"], self._elf["e_shentsize"]
        position, layout = _ADDRESS_FIELD[self.bits]
        field_layout = struct.Struct(("<" if self.little_endian else ">") + layout)
        image = bytearray(self.image)
        for number, address in addresses.items():
            field_layout.pack_into(image, start + number * width + position, address % (1 << self.bits))
        return bytes(image)


def read_object(source: Path | bytes) -> ObjectFile:
    """Open an ELF file by its path or its bytes, which may be compressed.

    Raises:
        MalformedError: It is not an ELF file, or it is damaged.
    """
    return parse_object(read_contents(source))


def parse_object(image: bytes) -> ObjectFile:
    """Open an ELF file by its bytes as they are.

    Raises:
        MalformedError: It is not an ELF file, or it is damaged.
    """
    if not image.startswith(b"\x7fELF"):
        raise MalformedError(_("This is not an ELF file: it does not begin with the bytes 7f 45 4c 46."))
    with reading(_("The ELF file is damaged.")):
        elf = ELFFile(io.BytesIO(image))
        return ObjectFile(
            image,
            _KINDS.get(elf["e_type"], str(elf["e_type"])),
            elf.get_machine_arch(),
            elf.elfclass,
            elf.little_endian,
            tuple(_sections(elf, image)),
            elf,
        )


# ---- tables --------------------------------------------------------------------------------------------------------


def _sections(elf: ELFFile, image: bytes) -> Iterator[Section]:
    layout = elf.structs.Elf_Shdr
    count, width, start = elf.num_sections(), elf["e_shentsize"], elf["e_shoff"]
    if count > _MAX_SECTIONS or width != layout.sizeof() or start + count * width > len(image):
        raise MalformedError(_("The ELF file's table of sections is not in the file; it may have been cut short."))
    headers = [layout.parse(image[at : at + width]) for at in range(start, start + count * width, width)]
    names = _names(headers, elf.get_shstrndx(), image)
    for index, header in enumerate(headers):
        kind = str(header.sh_type).removeprefix("SHT_")
        if kind not in ("NULL", "NOBITS") and header.sh_offset + header.sh_size > len(image):
            raise MalformedError(_("One of the ELF file's sections is not in the file; it may have been cut short."))
        yield Section(
            index=index,
            name=names.get(header.sh_name),
            kind=kind,
            flags=header.sh_flags,
            size=header.sh_size,
            offset=header.sh_offset,
            alignment=header.sh_addralign,
            entry_size=header.sh_entsize,
            link=header.sh_link,
            info=header.sh_info,
        )


class _Names:
    """A string table: names, each ended by NUL, read at their offsets."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._names: dict[int, str] = {}
        # Names may share their ends, but in real files hardly ever this often.
        self._budget = 16 * len(data)

    def get(self, offset: int) -> str:
        if offset not in self._names:
            end = self._data.find(b"\0", offset, offset + _MAX_NAME)
            self._budget -= end - offset
            if end < 0 or self._budget < 0:
                raise MalformedError(
                    _("The names in the ELF file are damaged: they have no end, or overlap too often.")
                )
            self._names[offset] = text_of(self._data[offset:end])
        return self._names[offset]


def _names(headers: list[Any], index: int, image: bytes) -> _Names:
    """The names of sections; a file without sections has no such table."""
    if not headers:
        return _Names(b"")
    table = headers[index]
    return _Names(image[table.sh_offset : table.sh_offset + table.sh_size])


def _entries(elf: ObjectFile, section: Section, layout: Any) -> Iterator[Any]:
    """The entries of a table, each parsed."""
    width, data = layout.sizeof(), elf.content(section)
    if section.entry_size != width or len(data) // width > _MAX_ENTRIES:
        message = _("The section {name} is damaged: its entries have the wrong size or number.")
        raise MalformedError(message.format(name=section.name))
    return (layout.parse(data[at : at + width]) for at in range(0, len(data) - width + 1, width))


def _symbols(elf: ObjectFile, section: Section) -> Iterator[Symbol]:
    names = _Names(elf.content(elf.sections[section.link]))
    for entry in _entries(elf, section, elf._elf.structs.Elf_Sym):
        number = entry.st_shndx
        home = elf.sections[number] if isinstance(number, int) else None
        kind = _constant(entry.st_info.type, "STT_")
        yield Symbol(
            name=home.name if kind == "section" and home else names.get(entry.st_name),
            binding=_constant(entry.st_info.bind, "STB_"),
            kind=kind,
            section=home,
            value=entry.st_value,
            size=entry.st_size,
            defined=number != "SHN_UNDEF",
        )


def _constant(value: object, prefix: str) -> str:
    """A constant of elf.h as a word; pyelftools leaves unknown ones as numbers."""
    return str(value).removeprefix(prefix).lower()


def _relocations(elf: ObjectFile, numbers: Collection[int]) -> Iterator[Relocation]:
    structs, budget = elf._elf.structs, _MAX_ENTRIES
    for table in elf.sections:
        if table.kind not in ("RELA", "REL"):
            continue
        symbols = elf._tables.get(elf.sections[table.link].kind, ())
        # In a linked program, a table is for many sections and names none of them (info is 0).
        patched = elf.sections[table.info] if table.info else table
        if patched.index not in numbers:
            continue
        kinds: dict[int, str] = {}
        for entry in _entries(elf, table, structs.Elf_Rela if table.kind == "RELA" else structs.Elf_Rel):
            budget -= 1
            if budget < 0:
                raise MalformedError(_("The ELF file has more relocations than any real one."))
            number = entry.r_info_type
            if number not in kinds:
                kinds[number] = _reloc_kind(number, elf)
            yield Relocation(patched, entry.r_offset, kinds[number], symbols[entry.r_info_sym], entry.get("r_addend"))


def _reloc_kind(number: int, elf: ObjectFile) -> str:
    name = describe_reloc_type(number, elf._elf)
    return str(name) if str(name).startswith("R_") else _("type {number}").format(number=number)
