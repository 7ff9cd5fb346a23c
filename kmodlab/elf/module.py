"""A kernel module as data: all that its file says, put together. `read_module` is the way in.

What the kernel makes of it is left to the guest; whether it may be loaded at all is for the kernel to say.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from kmodlab.elf.exports import Export, Import, Version, find_exports, find_imports, find_versions
from kmodlab.elf.malformed_error import MalformedError, text_of
from kmodlab.elf.modinfo import Modinfo, parse_modinfo
from kmodlab.elf.object_file import ObjectFile, read_object
from kmodlab.elf.signature import Signature, find_signature

THIS_MODULE = ".gnu.linkonce.this_module"


@dataclass(frozen=True)
class ThisModule:
    """The `struct module` that becomes the module's own entry in the kernel's list: what is filled in beforehand.

    `init` and `exit` are the names of the functions that it points to, None where there is none.
    """

    name: str
    size: int
    init: str | None
    exit: str | None


@dataclass(frozen=True)
class KernelModule:
    """A .ko, or an object on its way to become one (which has no `this_module` yet, and no vermagic).

    Properties that look deeper than the table of sections raise MalformedError where the file is damaged there.
    """

    elf: ObjectFile
    modinfo: Modinfo

    @cached_property
    def name(self) -> str:
        """What lsmod will call it; empty for an object that modpost has not finished."""
        if self.this_module and self.this_module.name:
            return self.this_module.name
        return self.modinfo.get("name") or self.modinfo.owner or ""

    @cached_property
    def exports(self) -> tuple[Export, ...]:
        """The symbols that it offers to other modules."""
        return find_exports(self.elf)

    @cached_property
    def imports(self) -> tuple[Import, ...]:
        """The symbols that it needs from the kernel or from other modules."""
        return find_imports(self.elf)

    @cached_property
    def versions(self) -> tuple[Version, ...]:
        """The checksums that it expects the kernel's symbols to have."""
        return find_versions(self.elf)

    @cached_property
    def signature(self) -> Signature | None:
        """Its signature; None where it bears none."""
        return find_signature(self.elf.image)

    @cached_property
    def this_module(self) -> ThisModule | None:
        """The `struct module` in it; None where there is none."""
        return _this_module(self.elf)


def read_module(source: Path | bytes) -> KernelModule:
    """Open a module by its path or its bytes; MalformedError, with the reason, where it is none."""
    elf = read_object(source)
    if elf.kind != "relocatable":
        raise MalformedError(f"This is no kernel module: a module is a relocatable ELF file, this one is {elf.kind}.")
    if elf.section(".modinfo") is None:
        raise MalformedError("This is no kernel module: it has no .modinfo section.")
    return KernelModule(elf, parse_modinfo(elf.content(".modinfo")))


def _this_module(elf: ObjectFile) -> ThisModule | None:
    section = elf.section(THIS_MODULE)
    if section is None:
        return None
    # struct module (linux/module.h) begins with its state, an int, and a list_head of two pointers; then comes the
    # name, which with an unsigned long has 64 bytes (MODULE_NAME_LEN). The pointers to init and exit follow somewhere,
    # where only the headers of that very kernel know, but they are the structure's only relocations.
    pointer = elf.bits // 8
    start, length = 3 * pointer, 64 - pointer
    name = elf.content(section)[start : start + length].partition(b"\0")[0]
    pointers = [relocation for relocation in elf.relocations if relocation.section.index == section.index]
    names = {relocation.symbol.name for relocation in pointers}
    init, leave = (_alias(elf, wanted) if wanted in names else None for wanted in ("init_module", "cleanup_module"))
    return ThisModule(text_of(name), section.size, init, leave)


def _alias(elf: ObjectFile, name: str) -> str:
    """The module's own name for its init or exit function, to which module_init() gave a second name."""
    alias = next((symbol for symbol in elf.symbols if symbol.name == name), None)
    if alias is None or alias.section is None:
        return name
    same = (
        symbol.name
        for symbol in elf.symbols
        if symbol.kind == "func" and (symbol.section, symbol.value) == (alias.section, alias.value)
    )
    return next((other for other in same if other != name), name)
