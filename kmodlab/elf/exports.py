"""The symbols that a module exports and imports, with their namespaces and checksums; Module.symvers.

EXPORT_SYMBOL(f) leaves an entry __ksymtab_f in the section __ksymtab (or __ksymtab_gpl), the name of f's namespace in
__kstrtabns_f and, with CONFIG_MODVERSIONS, a checksum of f's C declaration in __crc_f
(linux/export.h, linux/export-internal.h, scripts/mod/modpost.c).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from kmodlab.elf.contents import MalformedError, read_contents, text_of
from kmodlab.elf.object_file import ObjectFile, Symbol
from kmodlab.i18n import _

_ENTRY, _NAMESPACE, _CRC = "__ksymtab_", "__kstrtabns_", "__crc_"
# struct modversion_info in linux/module.h: an unsigned long and the name, 64 bytes together.
_VERSION_BYTES = 64
_MAX_NAMESPACE = 4096  # bytes, much longer than any real name
KERNEL = "vmlinux"  # the kernel itself in Module.symvers


@dataclass(frozen=True)
class Export:
    """A symbol that other modules may use; if `gpl_only`, only modules with a GPL-compatible licence.

    `namespace` is empty for most symbols. `crc` is the checksum of the declaration, None without CONFIG_MODVERSIONS.
    """

    name: str
    gpl_only: bool
    namespace: str
    crc: int | None


@dataclass(frozen=True)
class Import:
    """A symbol that a module uses and does not define. `crc` is the checksum that it expects, None if it has none.

    A `weak` symbol may be missing; any other must exist when the module is loaded.
    """

    name: str
    weak: bool
    crc: int | None


@dataclass(frozen=True)
class Version:
    """A symbol's checksum in the kernel that the module was built for."""

    symbol: str
    crc: int


def find_exports(elf: ObjectFile) -> tuple[Export, ...]:
    """The symbols that an object exports, in the order of its symbol table.

    Raises: MalformedError if a table is damaged.
    """
    by_name = {symbol.name: symbol for symbol in elf.symbols if symbol.defined and symbol.kind != "section"}
    return tuple(_export(elf, symbol, by_name) for symbol in by_name.values() if symbol.section and _is_entry(symbol))


def _is_entry(symbol: Symbol) -> bool:
    # Before linking, an object has a section for each export (___ksymtab+f), so that the linker can sort them.
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
    """The symbols that an object uses and does not define, sorted by name.

    Raises: MalformedError if a table is damaged.
    """
    crcs = {version.symbol: version.crc for version in find_versions(elf)}
    undefined = sorted((symbol for symbol in elf.symbols if symbol.is_undefined), key=lambda symbol: symbol.name)
    return tuple(Import(symbol.name, symbol.binding == "weak", crcs.get(symbol.name)) for symbol in undefined)


def find_versions(elf: ObjectFile) -> tuple[Version, ...]:
    """The checksums that a module expects of the kernel's symbols, in the file's order; may be empty.

    Since Linux 6.14 a kernel may use the extended form, which has room for names of any length. It takes precedence
    over the old form, as in check_version() (kernel/module/version.c).

    Raises: MalformedError if the section is damaged.
    """
    extended = tuple(_extended_versions(elf))
    return extended or tuple(_versions(elf))


def _versions(elf: ObjectFile) -> Iterator[Version]:
    """Entries of __versions. The variable-length entries of 64-bit PowerPC since Linux 6.3 are not supported."""
    data, width = elf.content("__versions"), elf.bits // 8
    if len(data) % _VERSION_BYTES:
        raise MalformedError(_("The section __versions is damaged: its entries have the wrong size."))
    for start in range(0, len(data), _VERSION_BYTES):
        entry = data[start : start + _VERSION_BYTES]
        crc = int.from_bytes(entry[:width], _order(elf))
        yield Version(text_of(entry[width:].partition(b"\0")[0]), crc)


def _extended_versions(elf: ObjectFile) -> Iterator[Version]:
    """Entries of __version_ext_crcs, 4 bytes each, with their names in __version_ext_names, each ended by NUL."""
    crcs = elf.content("__version_ext_crcs")
    names = elf.content("__version_ext_names").split(b"\0")[:-1]
    if len(crcs) != 4 * len(names):
        raise MalformedError(_("The sections __version_ext_crcs and __version_ext_names do not fit each other."))
    order = "<" if elf.little_endian else ">"
    for name, (crc,) in zip(names, struct.iter_unpack(f"{order}I", crcs), strict=True):
        yield Version(text_of(name), crc)


# ---- Module.symvers ------------------------------------------------------------------------------------------------

# modpost writes Module.symvers at the end of a build. The build of another module reads it, and so knows the symbols
# that this module exports (read_dump() in scripts/mod/modpost.c).


@dataclass(frozen=True)
class Exported:
    """A line of Module.symvers. `module` is "vmlinux" for the kernel itself, otherwise a path without ".ko"."""

    name: str
    crc: int
    module: str
    gpl_only: bool
    namespace: str

    @property
    def is_builtin(self) -> bool:
        """Whether the kernel itself exports the symbol, so that it always exists."""
        return self.module == KERNEL


def parse_symvers(source: Path | bytes) -> Mapping[str, Exported]:
    """The lines of a Module.symvers file, by symbol.

    Raises:
        MalformedError: A line does not have this format; the message has its number.
    """
    text = text_of(read_contents(source))
    return MappingProxyType({entry.name: entry for entry in _entries(text)})


def _entries(text: str) -> Iterator[Exported]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line:
            continue
        # The namespace is the last field since Linux 5.9, mostly empty; before 5.4 lines had no such field.
        crc, name, module, kind, namespace, *_more = [*line.split("\t"), "", "", "", ""]
        if not name or not kind.startswith("EXPORT_"):
            raise MalformedError(_("Line {number} is not one of a Module.symvers file.").format(number=number))
        try:
            yield Exported(name, int(crc, 16), module, kind.endswith("_GPL"), namespace)
        except ValueError:
            message = _("Line {number} of the Module.symvers file has no checksum.").format(number=number)
            raise MalformedError(message) from None
