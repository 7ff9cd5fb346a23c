"""A shared library of userspace, and how it compares with a kernel module.

The dynamic section of an ELF file names the libraries and symbols that it needs and offers (System V gABI, chapter 5;
symbol versions: Linux Standard Base, "Symbol Versioning"). Nothing is loaded, and no other library is opened.
"""

from __future__ import annotations

import json
import struct
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from pathlib import Path

from kmodlab.elf.compare import Comparison, Facet, compare_objects, quote
from kmodlab.elf.contents import MalformedError, reading, text_of
from kmodlab.elf.exports import KERNEL, Exported
from kmodlab.elf.module import KernelModule, read_module
from kmodlab.elf.object_file import ObjectFile, read_object
from kmodlab.i18n import _, ngettext

_NEEDED, _BIND_NOW, _FLAGS, _FLAGS_1 = 1, 24, 30, 0x6FFFFFFB
_MAX_VERSIONS = 10_000


@dataclass(frozen=True)
class DynamicImport:
    """A symbol that a library needs. `version` and `library` are empty if it may come from any library."""

    name: str
    version: str
    library: str
    weak: bool


@dataclass(frozen=True)
class SharedLibrary:
    """A .so, or a dynamically linked program, which has the same sections.

    Raises:
        MalformedError: From properties, if the part of the file that they read is damaged.
    """

    elf: ObjectFile

    @cached_property
    def needed(self) -> tuple[str, ...]:
        """The libraries that the dynamic loader loads before this one."""
        return tuple(self._string(value) for tag, value in self._dynamic if tag == _NEEDED)

    @cached_property
    def opened(self) -> tuple[str, ...]:
        """The libraries that its code may open with dlopen(), if it says so in .note.dlopen.

        Format: uapi-group.org/specifications/specs/elf_dlopen_metadata, in notes of the System V gABI, chapter 5.
        """
        with reading(_("The list of libraries to open is damaged.")):
            return tuple(name for entry in self._notes(".note.dlopen") for name in _sonames(entry))

    @property
    def binds_at_once(self) -> bool:
        """Whether all functions are looked up when the library is loaded, rather than each at its first call."""
        flags = dict(self._dynamic)
        return _BIND_NOW in flags or bool(flags.get(_FLAGS, 0) & 0x8 or flags.get(_FLAGS_1, 0) & 0x1)

    @cached_property
    def imports(self) -> tuple[DynamicImport, ...]:
        """The symbols that the library needs from others, by name."""
        numbers = self._version_numbers
        imports = [
            DynamicImport(symbol.name, *self._versions.get(number, ("", "")), symbol.binding == "weak")
            for symbol, number in zip(self.elf.dynamic_symbols, numbers, strict=False)
            if symbol.is_undefined
        ]
        return tuple(sorted(imports, key=lambda symbol: symbol.name))

    @cached_property
    def exports(self) -> tuple[str, ...]:
        """The names of the symbols that the library offers to others."""
        symbols = (symbol for symbol in self.elf.dynamic_symbols if symbol.defined)
        return tuple(symbol.name for symbol in symbols if symbol.binding in ("global", "weak"))

    # ---- tables ----

    @property
    def _order(self) -> str:
        return "<" if self.elf.little_endian else ">"

    def _string(self, offset: int) -> str:
        data = self.elf.content(".dynstr")
        return text_of(data[offset : data.find(b"\0", offset)]) if 0 <= offset < len(data) else ""

    def _notes(self, section: str) -> Iterator[bytes]:
        """The descriptors of the notes (Elf64_Nhdr) in a section."""
        data, start, layout = self.elf.content(section), 0, struct.Struct(self._order + "III")
        while start < len(data):
            name_size, size, _type = layout.unpack_from(data, start)
            begin = start + layout.size + _aligned(name_size)
            yield data[begin : begin + size]
            start = begin + _aligned(size)

    @cached_property
    def _dynamic(self) -> tuple[tuple[int, int], ...]:
        """Tags and values of .dynamic (Elf64_Dyn), up to DT_NULL."""
        layout = struct.Struct(self._order + ("qQ" if self.elf.bits == 64 else "iI"))
        data = self.elf.content(".dynamic")
        entries = layout.iter_unpack(data[: len(data) // layout.size * layout.size])
        return tuple(takewhile(lambda entry: entry[0] != 0, entries))

    @cached_property
    def _version_numbers(self) -> list[int]:
        """For each dynamic symbol the index of its version (Elf64_Versym), without the bit for hidden symbols."""
        data = self.elf.content(".gnu.version")
        numbers = [number & 0x7FFF for (number,) in struct.iter_unpack(f"{self._order}H", data[: len(data) // 2 * 2])]
        missing = len(self.elf.dynamic_symbols) + 1 - len(numbers)
        return [*numbers, *([0] * missing)][1:]

    @cached_property
    def _versions(self) -> dict[int, tuple[str, str]]:
        """Index of a version -> its name and its library."""
        with reading(_("The list of symbol versions is damaged.")):
            return dict(self._needed_versions())

    def _needed_versions(self) -> Iterator[tuple[int, tuple[str, str]]]:
        """The entries of .gnu.version_r: libraries (Elf64_Verneed) and the versions of each (Elf64_Vernaux)."""
        data, start, budget = self.elf.content(".gnu.version_r"), 0, _MAX_VERSIONS
        # The layouts skip fields that are not used: the format's version and a count; the name's hash and flags.
        library_layout, version_layout = struct.Struct(self._order + "4xIII"), struct.Struct(self._order + "6xHII")
        while data and budget > 0:
            file, first, next_library = library_layout.unpack_from(data, start)
            offset = start + first
            while budget > 0:
                budget -= 1
                number, name, next_version = version_layout.unpack_from(data, offset)
                yield number & 0x7FFF, (self._string(name), self._string(file))
                if not next_version:
                    break
                offset += next_version
            if not next_library:
                return
            start += next_library


def _aligned(size: int) -> int:
    return -(-size // 4) * 4


def _sonames(entry: bytes) -> Iterator[str]:
    for feature in json.loads(entry.rstrip(b"\0")):
        yield from feature["soname"]


def library_makefile(name: str) -> str:
    """A Makefile with which kbuild also builds NAME.so for userspace, as the compiler builds any shared library."""
    return f"""always-y += {name}.so
$(obj)/{name}.so: $(src)/{name}.c FORCE
\t$(Q)$(HOSTCC) -g -Wall -fPIC -shared -o $@ $<
"""


def read_shared(source: Path | bytes) -> SharedLibrary:
    """Open a shared library by its path or its bytes, which may be compressed.

    Raises:
        MalformedError: It is not a shared library, or it is damaged.
    """
    elf = read_object(source)
    if elf.kind != "shared":
        raise MalformedError(_("This is not a shared library: it is a {kind} ELF file.").format(kind=elf.kind))
    return SharedLibrary(elf)


def find_providers(module: KernelModule, symvers: Mapping[str, Exported]) -> Mapping[str, str]:
    """For each symbol that a module needs, the module that exports it: "vmlinux" for the kernel, "" if unknown."""
    return {
        symbol.name: symvers[symbol.name].module.rpartition("/")[2] if symbol.name in symvers else ""
        for symbol in module.imports
    }


def compare_shared(
    library: Path | bytes, module: Path | bytes, symvers: Mapping[str, Exported] | None = None
) -> Comparison:
    """Compare a shared library with a kernel module; `symvers` names the modules that export the symbols it needs.

    Raises: MalformedError if a file is damaged or of another kind.
    """
    left, right = read_shared(library), read_module(module)
    return compare_objects(left.elf, right.elf, (".so", ".ko"), _facets(left, right, symvers or {}), shared=True)


def _facets(library: SharedLibrary, module: KernelModule, symvers: Mapping[str, Exported]) -> tuple[Facet, ...]:
    return (
        Facet(
            _("What kind of file?"),
            _("linked: its sections keep their distances, only its start is open"),
            _("not linked yet: every section begins at 0, and may be put anywhere"),
        ),
        Facet(
            _("What does it need?"),
            quote(symbol.name for symbol in library.imports if not symbol.weak) or _("nothing"),
            quote(symbol.name for symbol in module.imports if not symbol.weak) or _("nothing"),
        ),
        Facet(_("From whom?"), quote(library.needed) or _("it does not say"), _providers(module, symvers)),
        Facet(_("Who finds it?"), _("the dynamic loader, in the process itself"), _("the kernel")),
        Facet(
            _("When?"),
            _("when it is loaded")
            if library.binds_at_once
            else _("data when it is loaded, functions at their first call"),
            _("all of it when the module is loaded; if one is missing, it is refused"),
        ),
        Facet(_("How many places to patch?"), _patches(library.elf), _patches(module.elf)),
        Facet(_("What must fit?"), _library_versions(library), _module_versions(module)),
        Facet(
            _("What runs when it is loaded?"),
            _functions_in(library.elf, ".init_array"),
            _named(module.this_module.init if module.this_module else None),
        ),
        Facet(
            _("What runs when it is unloaded?"),
            _functions_in(library.elf, ".fini_array"),
            _named(module.this_module.exit if module.this_module else None),
        ),
        Facet(
            _("What keeps it loaded?"),
            _("each dlopen() counts; the last dlclose() unloads it"),
            _("each user counts; `rmmod` refuses while there is one, and nothing unloads it by itself"),
        ),
    )


def _providers(module: KernelModule, symvers: Mapping[str, Exported]) -> str:
    depends = module.modinfo.depends
    if symvers:
        counts = Counter(find_providers(module, symvers).values())
        words = {KERNEL: _("the kernel"), "": _("nobody")}
        return ", ".join(f"{words.get(name, f'`{name}`')} ({count})" for name, count in counts.most_common())
    return _("the kernel, and {modules}").format(modules=quote(depends)) if depends else _("the kernel")


def _patches(elf: ObjectFile) -> str:
    return str(sum(relocation.section.in_memory for relocation in elf.relocations))


def _library_versions(library: SharedLibrary) -> str:
    versions = sorted({symbol.version for symbol in library.imports if symbol.version})
    if not versions:
        return _("the symbols' names only")
    return _("the symbols' versions: {versions}").format(versions=quote(versions))


def _module_versions(module: KernelModule) -> str:
    vermagic = f"`{module.modinfo.vermagic}`" if module.modinfo.vermagic else _("the vermagic")
    number = len(module.versions)
    if not number:
        return vermagic
    text = ngettext(
        "{vermagic}, and a checksum for each of {number} symbols",
        "{vermagic}, and a checksum for each of {number} symbols",
        number,
    )
    return text.format(vermagic=vermagic, number=number)


def _functions_in(elf: ObjectFile, name: str) -> str:
    section = elf.section(name)
    return _("the functions in `{section}`").format(section=name) if section and section.size else _("nothing")


def _named(function: str | None) -> str:
    return f"`{function}`" if function else _("nothing")
