"""Module.symvers: which symbols a kernel and its modules export, from where, and with which checksum.

modpost writes it at the end of a build and reads it at the beginning of the next, which is how a module's build knows
the symbols of others (read_dump() in scripts/mod/modpost.c).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from kmodlab.elf.contents import read_contents
from kmodlab.elf.exports import Version
from kmodlab.elf.malformed_error import MalformedError, text_of

KERNEL = "vmlinux"  # what Module.symvers calls the kernel itself


@dataclass(frozen=True)
class Exported:
    """A line of Module.symvers. `module` is "vmlinux" for the kernel itself, else a path without ".ko"."""

    name: str
    crc: int
    module: str
    gpl_only: bool
    namespace: str

    @property
    def is_builtin(self) -> bool:
        """Whether it comes from the kernel itself, and so is always there."""
        return self.module == KERNEL


@dataclass(frozen=True)
class Mismatch:
    """A symbol that is not what a module expects: `expected` and `found` are checksums, `found` None if missing."""

    name: str
    expected: int
    found: int | None


def parse_symvers(source: Path | bytes) -> Mapping[str, Exported]:
    """The lines of a Module.symvers, by symbol; MalformedError, with the number, where a line is none."""
    text = text_of(read_contents(source))
    return MappingProxyType({entry.name: entry for entry in _entries(text)})


def _entries(text: str) -> Iterator[Exported]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line:
            continue
        # The namespace is the last field since Linux 5.9, and empty for most; before 5.4 there was none.
        crc, name, module, kind, *rest = [*line.split("\t"), "", "", ""]
        if not name or not kind.startswith("EXPORT_"):
            raise MalformedError(f"Line {number} is not one of a Module.symvers file.")
        try:
            yield Exported(name, int(crc, 16), module, kind.endswith("_GPL"), rest[0])
        except ValueError:
            raise MalformedError(f"Line {number} of the Module.symvers file has no checksum.") from None


def find_mismatches(versions: Iterable[Version], symvers: Mapping[str, Exported]) -> tuple[Mismatch, ...]:
    """The symbols that keep a module from loading into the kernel that `symvers` describes."""
    found = ((version, symvers.get(version.symbol)) for version in versions)
    return tuple(
        Mismatch(version.symbol, version.crc, entry.crc if entry else None)
        for version, entry in found
        if entry is None or entry.crc != version.crc
    )
