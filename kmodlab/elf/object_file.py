"""An ELF file as data: its sections, symbols and relocations. A .ko, a .o and a .so are all ELF files.

Meaning is given elsewhere: what a section is for in `purposes`, what a module is in `module`. The layouts are
pyelftools' (elf.h, the System V gABI); where the tables lie, and how long they may be, is checked here before
anything in them is believed.
"""

from __future__ import annotations

import io
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from elftools.elf.descriptions import describe_reloc_type
from elftools.elf.elffile import ELFFile

from kmodlab.elf.contents import read_contents
from kmodlab.elf.malformed_error import MalformedError, reading, text_of

_MAX_SECTIONS = 20_000
_MAX_ENTRIES = 1_000_000  # symbols, or relocations: the largest driver of all has some hundred thousand
_MAX_NAME = 4096  # the kernel allows 512 bytes (KSYM_NAME_LEN); userspace's mangled names are longer

_KINDS = {"ET_REL": "relocatable", "ET_EXEC": "executable", "ET_DYN": "shared", "ET_CORE": "core"}
# In readelf's order, which is that of the bits: letter and word (gABI, "Section Attribute Flags").
_FLAGS = {
    0x1: ("W", "writable"),
    0x2: ("A", "in memory"),
    0x4: ("X", "executable"),
    0x10: ("M", "duplicates merged"),
    0x20: ("S", "strings"),
    0x40: ("I", "about another section"),
    0x80: ("L", "ordered like another"),
    0x100: ("O", "special for this system"),
    0x200: ("G", "in a group"),
    0x400: ("T", "per thread"),
    0x800: ("C", "compressed"),
    0x200000: ("R", "always kept"),
    0x80000000: ("E", "left out by the linker"),
}


@dataclass(frozen=True)
class Section:
    """A section of an ELF file: a named piece with one purpose.

    `size` is in bytes, `offset` where it begins in the file. `kind` is readelf's word, such as "PROGBITS"; sections
    of the kind "NOBITS" take no room in the file. `link` and `info` are numbers of other sections, or 0.
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
        return "".join(letter for bit, (letter, _) in _FLAGS.items() if self.flags & bit)

    @property
    def words(self) -> tuple[str, ...]:
        """The flags in words, such as ("in memory", "executable")."""
        return tuple(word for bit, (_, word) in _FLAGS.items() if self.flags & bit)

    @property
    def in_memory(self) -> bool:
        """Whether it is there when the module is loaded; the rest is for tools only."""
        return bool(self.flags & 0x2)


@dataclass(frozen=True)
class Symbol:
    """A name in an ELF file, and what it stands for.

    `binding` is "local", "global" or "weak"; `kind` is "func", "object", "notype", "section" or "file". `section` is
    where it lies, None for one that is undefined, absolute or common. `value` is the offset in that section, `size`
    the number of bytes.
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
        """Whether the file uses it, but does not have it."""
        return not self.defined and self.name != ""


@dataclass(frozen=True)
class Relocation:
    """A place that the loader must patch, once it knows where everything lies.

    The place is at `offset` in `section`; what goes there is made of the symbol's address and `addend` as `kind`
    says, such as "R_X86_64_PLT32". On machines that keep the addend in the place itself it is None.
    """

    section: Section
    offset: int
    kind: str
    symbol: Symbol
    addend: int | None

    @property
    def target(self) -> str:
        """What the place will refer to, such as "_printk" or ".rodata.str1.1+0xc"."""
        name, addend = self.symbol.name, self.addend or 0
        if not addend:
            return name or "0x0"
        return f"{name}{'+' if addend > 0 else '-'}{abs(addend):#x}" if name else hex(addend)


@dataclass(frozen=True)
class ObjectFile:
    """An ELF file, open. `kind` is "relocatable" (.o, .ko), "shared" (.so, most programs), "executable" or "core".

    Symbols and relocations are read when first asked for; asking raises MalformedError where they are damaged.
    """

    image: bytes = field(repr=False)
    kind: str
    machine: str
    bits: int
    little_endian: bool
    sections: tuple[Section, ...] = field(repr=False)
    _elf: ELFFile = field(repr=False, compare=False)

    @property
    def section_table(self) -> tuple[int, int]:
        """Where the table of sections begins in the file, and how long each of its entries is, in bytes."""
        return self._elf["e_shoff"], self._elf["e_shentsize"]

    def section(self, name: str) -> Section | None:
        """The first section of that name; None where there is none."""
        return next((section for section in self.sections if section.name == name), None)

    def content(self, section: Section | str | None) -> bytes:
        """A section's bytes as they stand in the file; none for one that is not there or takes no room."""
        found = self.section(section) if isinstance(section, str) else section
        if found is None or found.kind == "NOBITS":
            return b""
        return self.image[found.offset : found.offset + found.size]

    def content_at(self, section: Section | None, offset: int, size: int) -> bytes:
        """At most `size` bytes of a section, from an offset on; fewer at its end."""
        if section is None or section.kind == "NOBITS":
            return b""
        start, end = section.offset + offset, section.offset + section.size
        return self.image[start : min(start + size, end)]

    @cached_property
    def symbols(self) -> tuple[Symbol, ...]:
        """The symbols of .symtab, as nm and the kernel see them; section symbols bear their section's name."""
        return self._tables.get("SYMTAB", ())[1:]

    @cached_property
    def dynamic_symbols(self) -> tuple[Symbol, ...]:
        """The symbols of .dynsym, which is what a shared library shows to others."""
        return self._tables.get("DYNSYM", ())[1:]

    @cached_property
    def relocations(self) -> tuple[Relocation, ...]:
        """All relocations, section by section."""
        with reading("the table of relocations"):
            return tuple(_relocations(self))

    @cached_property
    def _tables(self) -> dict[str, tuple[Symbol, ...]]:
        """The symbol tables with their empty first entry, so that relocations can count in them."""
        # The gABI allows one of each kind.
        tables = {section.kind: section for section in reversed(self.sections) if section.kind in ("SYMTAB", "DYNSYM")}
        with reading("the table of symbols"):
            return {kind: tuple(_symbols(self, section)) for kind, section in tables.items()}

    def place(self, section: Section, offset: int) -> str:
        """An offset in words: the function or variable it lies in, such as "hello_init+0x5", else the section's."""
        starts, owners = self._owners.get(section.index, ([], []))
        at = bisect_right(starts, offset) - 1
        if at < 0 or offset >= starts[at] + owners[at].size:
            return f"{section.name}+{offset:#x}"
        return f"{owners[at].name}+{offset - starts[at]:#x}"

    @cached_property
    def _owners(self) -> dict[int, tuple[list[int], list[Symbol]]]:
        """For each section its functions and variables, in the order of their places."""
        known = [symbol for symbol in self.symbols if symbol.section and symbol.size]
        known.sort(key=lambda symbol: symbol.value)
        owners: dict[int, tuple[list[int], list[Symbol]]] = {}
        for symbol in known:
            assert symbol.section is not None
            starts, symbols = owners.setdefault(symbol.section.index, ([], []))
            # Of several names for one place the first is the source's own; others are aliases such as init_module.
            if not starts or starts[-1] != symbol.value:
                starts.append(symbol.value)
                symbols.append(symbol)
        return owners


def read_object(source: Path | bytes) -> ObjectFile:
    """Open an ELF file by its path or its bytes; MalformedError, with the reason, where it is none."""
    image = read_contents(source)
    if not image.startswith(b"\x7fELF"):
        raise MalformedError("This is no ELF file: it does not begin with the bytes 7f 45 4c 46.")
    with reading("the ELF file"):
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
        raise MalformedError("The ELF file's table of sections is not in the file; it may have been cut short.")
    headers = [layout.parse(image[at : at + width]) for at in range(start, start + count * width, width)]
    names = _names(headers, elf.get_shstrndx(), image)
    for index, header in enumerate(headers):
        kind = str(header.sh_type).removeprefix("SHT_")
        if kind not in ("NULL", "NOBITS") and header.sh_offset + header.sh_size > len(image):
            raise MalformedError("One of the ELF file's sections is not in the file; it may have been cut short.")
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
    """A string table: names, each ended by NUL, known by where they begin."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._known: dict[int, str] = {}
        # Names may share their ends, but hardly ever this often.
        self._left = 16 * len(data)

    def get(self, offset: int) -> str:
        if offset not in self._known:
            end = self._data.find(b"\0", offset, offset + _MAX_NAME)
            self._left -= end - offset
            if end < 0 or self._left < 0:
                raise MalformedError("The names in the ELF file are damaged: they have no end, or overlap too often.")
            self._known[offset] = text_of(self._data[offset:end])
        return self._known[offset]


def _names(headers: list[Any], index: int, image: bytes) -> _Names:
    """The names of sections; a file without sections has none."""
    if not headers:
        return _Names(b"")
    table = headers[index]
    return _Names(image[table.sh_offset : table.sh_offset + table.sh_size])


def _entries(elf: ObjectFile, section: Section, layout: Any) -> Iterator[Any]:
    """The entries of a table, each parsed."""
    width, data = layout.sizeof(), elf.content(section)
    if section.entry_size != width or len(data) // width > _MAX_ENTRIES:
        raise MalformedError(f"The section {section.name} is damaged: its entries have the wrong size or number.")
    return (layout.parse(data[at : at + width]) for at in range(0, len(data) - width + 1, width))


def _symbols(elf: ObjectFile, section: Section) -> Iterator[Symbol]:
    names = _Names(elf.content(elf.sections[section.link]))
    for entry in _entries(elf, section, elf._elf.structs.Elf_Sym):
        number = entry.st_shndx
        place = elf.sections[number] if isinstance(number, int) else None
        kind = _word(entry.st_info.type, "STT_")
        yield Symbol(
            name=place.name if kind == "section" and place else names.get(entry.st_name),
            binding=_word(entry.st_info.bind, "STB_"),
            kind=kind,
            section=place,
            value=entry.st_value,
            size=entry.st_size,
            defined=number != "SHN_UNDEF",
        )


def _word(value: object, prefix: str) -> str:
    """A constant of elf.h as a word; pyelftools leaves those that it does not know as numbers."""
    return str(value).removeprefix(prefix).lower()


def _relocations(elf: ObjectFile) -> Iterator[Relocation]:
    structs, left = elf._elf.structs, _MAX_ENTRIES
    for table in elf.sections:
        if table.kind not in ("RELA", "REL"):
            continue
        symbols = elf._tables.get(elf.sections[table.link].kind, ())
        # In a finished program one table patches many sections, and then it names none (info is 0).
        patched = elf.sections[table.info] if table.info else table
        kinds: dict[int, str] = {}
        for entry in _entries(elf, table, structs.Elf_Rela if table.kind == "RELA" else structs.Elf_Rel):
            left -= 1
            if left < 0:
                raise MalformedError("The ELF file has more relocations than any honest one.")
            number = entry.r_info_type
            if number not in kinds:
                kinds[number] = _reloc_kind(number, elf)
            yield Relocation(patched, entry.r_offset, kinds[number], symbols[entry.r_info_sym], entry.get("r_addend"))


def _reloc_kind(number: int, elf: ObjectFile) -> str:
    name = describe_reloc_type(number, elf._elf)
    return str(name) if str(name).startswith("R_") else f"type {number}"
