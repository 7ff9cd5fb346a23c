"""A kernel module as data: everything that its file says. `read_module` opens it.

This does not say whether a kernel accepts the module.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from kmodlab.elf.contents import MalformedError, read_contents, text_of
from kmodlab.elf.exports import Export, Import, Version, find_exports, find_imports, find_versions
from kmodlab.elf.modinfo import Modinfo, parse_modinfo
from kmodlab.elf.object_file import ObjectFile, parse_object
from kmodlab.elf.signature import Signature, find_signature
from kmodlab.i18n import _

THIS_MODULE = ".gnu.linkonce.this_module"


@dataclass(frozen=True)
class ThisModule:
    """The `struct module` in the file, which becomes the module's entry in the kernel's list of modules.

    `init` and `exit` are the names of the module's init and exit functions, None if a function is missing.
    """

    name: str
    size: int
    init: str | None
    exit: str | None


@dataclass(frozen=True)
class KernelModule:
    """A .ko, or the object file that becomes one (which has no `this_module` yet, and no vermagic).

    Raises:
        MalformedError: From properties, if the part of the file that they read is damaged.
    """

    elf: ObjectFile
    modinfo: Modinfo

    @cached_property
    def name(self) -> str:
        """The module's name, as lsmod shows it; may be empty for an object that modpost has not finished."""
        if self.this_module and self.this_module.name:
            return self.this_module.name
        return self.modinfo.get("name") or self.modinfo.owner or ""

    @cached_property
    def exports(self) -> tuple[Export, ...]:
        """The symbols that the module exports to other modules."""
        return find_exports(self.elf)

    @cached_property
    def imports(self) -> tuple[Import, ...]:
        """The symbols that the module needs from the kernel or from other modules."""
        return find_imports(self.elf)

    @cached_property
    def versions(self) -> tuple[Version, ...]:
        """The checksums that the module expects of the kernel's symbols."""
        return find_versions(self.elf)

    @cached_property
    def signature(self) -> Signature | None:
        """The signature at the end of the file; None for an unsigned module."""
        return find_signature(self.elf.image)

    @cached_property
    def this_module(self) -> ThisModule | None:
        """The `struct module` in the file; None if modpost has not added one."""
        return _this_module(self.elf)

    def text_after_nul(self, key: str) -> str:
        """The rest of a key's first string after a NUL byte in it, where the kernel stops reading; usually empty."""
        start = f"{key}=".encode()
        section = self.elf.section(".modinfo")
        in_section = (symbol for symbol in self.elf.symbols if section and symbol.section == section)
        texts = (self.elf.content_at(section, symbol.value, symbol.size) for symbol in in_section)
        # Each string is a variable of its own (linux/moduleparam.h, __MODULE_INFO), so its symbol has its size.
        text = next((text for text in texts if text.startswith(start)), b"")
        return text_of(text.partition(b"\0")[2].strip(b"\0"))

    @property
    def build_id(self) -> str:
        """The identity of this build in hexadecimal digits (ld --build-id); empty if the file has no such note."""
        # A note (gABI) begins with three numbers and a name, here "GNU": 16 bytes.
        return self.elf.content(".note.gnu.build-id")[16:].hex()


def read_module(source: Path | bytes) -> KernelModule:
    """Open a module by its path or its bytes, which may be compressed.

    Raises:
        MalformedError: It is not a kernel module, or it is damaged.
    """
    return parse_module(read_contents(source))


def parse_module(image: bytes) -> KernelModule:
    """Open a module by its bytes as they are.

    Raises:
        MalformedError: It is not a kernel module, or it is damaged.
    """
    elf = parse_object(image)
    if elf.kind != "relocatable":
        message = _("This is not a kernel module: a module is a relocatable ELF file, but this one is {kind}.")
        raise MalformedError(message.format(kind=elf.kind))
    if elf.section(".modinfo") is None:
        raise MalformedError(_("This is not a kernel module: it has no .modinfo section."))
    return KernelModule(elf, parse_modinfo(elf.content(".modinfo")))


def _this_module(elf: ObjectFile) -> ThisModule | None:
    section = elf.section(THIS_MODULE)
    if section is None:
        return None
    # struct module (linux/module.h) begins with its state, an int, and a list_head of two pointers; then comes the
    # name: 64 bytes minus an unsigned long (MODULE_NAME_LEN). The offsets of the pointers to init and exit depend on
    # the kernel's configuration, but these pointers are the structure's only relocations.
    pointer_size = elf.bits // 8
    start, length = 3 * pointer_size, 64 - pointer_size
    name = elf.content(section)[start : start + length].partition(b"\0")[0]
    targets = {relocation.symbol.name for relocation in elf.relocations_in({section.index})}
    functions = [
        _original_name(elf, alias) if alias in targets else None for alias in ("init_module", "cleanup_module")
    ]
    return ThisModule(text_of(name), section.size, *functions)


def _original_name(elf: ObjectFile, name: str) -> str:
    """The source's name of the init or exit function, to which module_init() or module_exit() gave an alias."""
    alias = next((symbol for symbol in elf.symbols if symbol.name == name), None)
    if alias is None or alias.section is None:
        return name
    names = (
        symbol.name
        for symbol in elf.symbols
        if symbol.kind == "func" and (symbol.section, symbol.value) == (alias.section, alias.value)
    )
    return next((other for other in names if other != name), name)
