"""What a module offers to others, what it wants from others, and which versions of it: symbols, namespaces, CRCs.

EXPORT_SYMBOL(f) leaves an entry __ksymtab_f in the section __ksymtab (or __ksymtab_gpl), the name of f's namespace in
__kstrtabns_f and, where the kernel uses CONFIG_MODVERSIONS, a checksum of f's C declaration in __crc_f
(linux/export.h, linux/export-internal.h, scripts/mod/modpost.c).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from kmodlab.elf.malformed_error import MalformedError, text_of
from kmodlab.elf.object_file import ObjectFile, Symbol

_ENTRY, _NAMESPACE, _CRC = "__ksymtab_", "__kstrtabns_", "__crc_"
# struct modversion_info in linux/module.h: an unsigned long, and the name in what is left of 64 bytes.
_VERSION_BYTES = 64
_MAX_NAMESPACE = 4096  # bytes, many times what any is long


@dataclass(frozen=True)
class Export:
    """A symbol that others may use: those under the GPL only, where `gpl_only`.

    `namespace` is empty for most; `crc` is the checksum of its declaration, None for a kernel without such.
    """

    name: str
    gpl_only: bool
    namespace: str
    crc: int | None


@dataclass(frozen=True)
class Import:
    """A symbol that a module uses and does not have. `crc` is what it expects it to be, None where it does not care.

    A `weak` one may be missing; any other must be there when the module is loaded.
    """

    name: str
    weak: bool
    crc: int | None


@dataclass(frozen=True)
class Version:
    """A symbol's checksum, as it was in the kernel that the module was built for."""

    symbol: str
    crc: int


def find_exports(elf: ObjectFile) -> tuple[Export, ...]:
    """The symbols that an object offers to others, in the order of its symbol table."""
    by_name = {symbol.name: symbol for symbol in elf.symbols if symbol.defined and symbol.kind != "section"}
    return tuple(_export(elf, symbol, by_name) for symbol in by_name.values() if symbol.section and _is_entry(symbol))


def _is_entry(symbol: Symbol) -> bool:
    # Before it is linked, an object has a section for each (___ksymtab+f), so that the linker can sort them.
    assert symbol.section is not None
    return symbol.name.startswith(_ENTRY) and symbol.section.name.startswith(("__ksymtab", "___ksymtab"))


def _export(elf: ObjectFile, entry: Symbol, by_name: dict[str, Symbol]) -> Export:
    name = entry.name.removeprefix(_ENTRY)
    assert entry.section is not None
    gpl_only = entry.section.name.partition("+")[0].endswith("_gpl")
    return Export(name, gpl_only, _namespace(elf, by_name.get(_NAMESPACE + name)), _crc(elf, by_name.get(_CRC + name)))


def _namespace(elf: ObjectFile, symbol: Symbol | None) -> str:
    if symbol is None:
        return ""
    return text_of(elf.content_at(symbol.section, symbol.value, _MAX_NAMESPACE).partition(b"\0")[0])


def _crc(elf: ObjectFile, symbol: Symbol | None) -> int | None:
    if symbol is None:
        return None
    if symbol.section is None:
        return symbol.value & 0xFFFFFFFF  # up to Linux 5.18 the checksum was the symbol's value
    data = elf.content_at(symbol.section, symbol.value, 4)
    return int.from_bytes(data, _order(elf)) if len(data) == 4 else None


def _order(elf: ObjectFile) -> Literal["little", "big"]:
    return "little" if elf.little_endian else "big"


def find_imports(elf: ObjectFile) -> tuple[Import, ...]:
    """The symbols that an object needs from elsewhere, by name."""
    crcs = {version.symbol: version.crc for version in find_versions(elf)}
    wanted = sorted((symbol for symbol in elf.symbols if symbol.is_undefined), key=lambda symbol: symbol.name)
    return tuple(Import(symbol.name, symbol.binding == "weak", crcs.get(symbol.name)) for symbol in wanted)


def find_versions(elf: ObjectFile) -> tuple[Version, ...]:
    """What a module expects of the kernel's symbols, in the file's order; nothing where it does not say.

    Since Linux 6.14 a kernel may use the extended form, which has room for names of any length; it goes before the
    old one, as in the kernel's own check_version() (kernel/module/version.c).
    """
    extended = tuple(_extended_versions(elf))
    return extended or tuple(_versions(elf))


def _versions(elf: ObjectFile) -> Iterator[Version]:
    """Entries of __versions. Since Linux 6.3 64-bit PowerPC's are of varying length; those are not known here."""
    data, width = elf.content("__versions"), elf.bits // 8
    if len(data) % _VERSION_BYTES:
        raise MalformedError("The section __versions is damaged: its entries have the wrong size.")
    for start in range(0, len(data), _VERSION_BYTES):
        entry = data[start : start + _VERSION_BYTES]
        crc = int.from_bytes(entry[:width], _order(elf))
        yield Version(text_of(entry[width:].partition(b"\0")[0]), crc)


def _extended_versions(elf: ObjectFile) -> Iterator[Version]:
    """Entries of __version_ext_crcs, 4 bytes each, with their names in __version_ext_names, each ended by NUL."""
    crcs = elf.content("__version_ext_crcs")
    *names, _ = elf.content("__version_ext_names").split(b"\0")
    if len(crcs) != 4 * len(names):
        raise MalformedError("The sections __version_ext_crcs and __version_ext_names do not fit each other.")
    order = "<" if elf.little_endian else ">"
    for name, (crc,) in zip(names, struct.iter_unpack(f"{order}I", crcs), strict=True):
        yield Version(text_of(name), crc)
