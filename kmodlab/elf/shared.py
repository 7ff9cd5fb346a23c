"""A shared library of userspace, and how it compares with a kernel module, which the deck calls "much like" it.

Read from the dynamic section of an ELF file (System V gABI, chapter 5; symbol versions: Linux Standard Base,
"Symbol Versioning"). Nothing is loaded, and no other library is opened.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from kmodlab.elf.compare import Comparison, Facet, compare_objects, quote
from kmodlab.elf.malformed_error import MalformedError, reading, text_of
from kmodlab.elf.module import KernelModule, read_module
from kmodlab.elf.object_file import ObjectFile, read_object
from kmodlab.elf.symvers import Exported

_NEEDED, _SONAME, _BIND_NOW, _FLAGS, _FLAGS_1 = 1, 14, 24, 30, 0x6FFFFFFB
_MAX_VERSIONS = 10_000


@dataclass(frozen=True)
class DynamicImport:
    """A symbol that a library needs. `version` and `library` are empty where it does not say whose it must be."""

    name: str
    version: str
    library: str
    weak: bool


@dataclass(frozen=True)
class SharedLibrary:
    """A .so, or a program, which looks much the same. Properties raise MalformedError where the file is damaged."""

    elf: ObjectFile

    @cached_property
    def needed(self) -> tuple[str, ...]:
        """The libraries that the dynamic loader must load before it."""
        return tuple(self._string(value) for tag, value in self._dynamic if tag == _NEEDED)

    @cached_property
    def soname(self) -> str:
        """The name that others know it by; empty where it has none."""
        return next((self._string(value) for tag, value in self._dynamic if tag == _SONAME), "")

    @property
    def binds_at_once(self) -> bool:
        """Whether all its functions are looked up when it is loaded, rather than each when it is first called."""
        flags = dict(self._dynamic)
        return _BIND_NOW in flags or bool(flags.get(_FLAGS, 0) & 0x8 or flags.get(_FLAGS_1, 0) & 0x1)

    @cached_property
    def imports(self) -> tuple[DynamicImport, ...]:
        """The symbols that it needs from other libraries, by name."""
        numbers = self._version_numbers
        wanted = [
            DynamicImport(symbol.name, *self._versions.get(number, ("", "")), symbol.binding == "weak")
            for symbol, number in zip(self.elf.dynamic_symbols, numbers, strict=False)
            if symbol.is_undefined
        ]
        return tuple(sorted(wanted, key=lambda entry: entry.name))

    @cached_property
    def exports(self) -> tuple[str, ...]:
        """The names that it offers to others."""
        symbols = (symbol for symbol in self.elf.dynamic_symbols if symbol.defined)
        return tuple(symbol.name for symbol in symbols if symbol.binding in ("global", "weak"))

    # ---- tables ----

    @property
    def _order(self) -> str:
        return "<" if self.elf.little_endian else ">"

    def _string(self, offset: int) -> str:
        data = self.elf.content(".dynstr")
        return text_of(data[offset : data.find(b"\0", offset)]) if 0 <= offset < len(data) else ""

    @cached_property
    def _dynamic(self) -> tuple[tuple[int, int], ...]:
        """Tags and values (Elf64_Dyn), as far as the first null."""
        layout = struct.Struct(self._order + ("qQ" if self.elf.bits == 64 else "iI"))
        data = self.elf.content(".dynamic")
        entries = layout.iter_unpack(data[: len(data) // layout.size * layout.size])
        found = []
        for tag, value in entries:
            if tag == 0:
                break
            found.append((tag, value))
        return tuple(found)

    @cached_property
    def _version_numbers(self) -> list[int]:
        """For each dynamic symbol the number of its version (Elf64_Versym); the highest bit hides it from others."""
        data = self.elf.content(".gnu.version")
        numbers = [number & 0x7FFF for (number,) in struct.iter_unpack(f"{self._order}H", data[: len(data) // 2 * 2])]
        missing = len(self.elf.dynamic_symbols) + 1 - len(numbers)
        return [*numbers, *([0] * missing)][1:]

    @cached_property
    def _versions(self) -> dict[int, tuple[str, str]]:
        """Number of a version -> its name and the library it belongs to."""
        with reading("the list of symbol versions"):
            return dict(self._needed_versions())

    def _needed_versions(self) -> Iterator[tuple[int, tuple[str, str]]]:
        """The lists in .gnu.version_r: of libraries (Elf64_Verneed), of each library's versions (Elf64_Vernaux)."""
        data, start, left = self.elf.content(".gnu.version_r"), 0, _MAX_VERSIONS
        while data and left > 0:
            _, _, file, first, next_library = struct.unpack_from(f"{self._order}HHIII", data, start)
            at = start + first
            while left > 0:
                left -= 1
                _, _, number, name, next_version = struct.unpack_from(f"{self._order}IHHII", data, at)
                yield number & 0x7FFF, (self._string(name), self._string(file))
                if not next_version:
                    break
                at += next_version
            if not next_library:
                return
            start += next_library


def library_makefile(name: str) -> str:
    """A Makefile with which kbuild's box also builds NAME.so of userspace, as the compiler builds any library."""
    return f"""always-y += {name}.so
$(obj)/{name}.so: $(src)/{name}.c FORCE
\t$(Q)$(HOSTCC) -g -Wall -fPIC -shared -o $@ $<
"""


def read_shared(source: Path | bytes) -> SharedLibrary:
    """Open a shared library by its path or its bytes; MalformedError, with the reason, where it is none."""
    elf = read_object(source)
    if elf.kind != "shared":
        raise MalformedError(f"This is no shared library: it is a {elf.kind} ELF file.")
    return SharedLibrary(elf)


def find_providers(module: KernelModule, symvers: Mapping[str, Exported]) -> Mapping[str, str]:
    """Who has each symbol that a module needs: "vmlinux" for the kernel, else a module's name; empty where nobody."""
    return {
        wanted.name: symvers[wanted.name].module.rpartition("/")[2] if wanted.name in symvers else ""
        for wanted in module.imports
    }


def compare_shared(
    library: Path | bytes, module: Path | bytes, symvers: Mapping[str, Exported] | None = None
) -> Comparison:
    """A shared library beside a kernel module. With `symvers` it is known from whom the module has its symbols."""
    left, right = read_shared(library), read_module(module)
    return compare_objects(left.elf, right.elf, (".so", ".ko"), _facets(left, right, symvers or {}), shared=True)


def _facets(left: SharedLibrary, right: KernelModule, symvers: Mapping[str, Exported]) -> tuple[Facet, ...]:
    return (
        Facet(
            "What kind of file?",
            "linked: its sections keep their distances, only its start is open",
            "not linked yet: every section begins at 0, and may be put anywhere",
        ),
        Facet(
            "What does it need?",
            quote(entry.name for entry in left.imports if not entry.weak) or "nothing",
            quote(entry.name for entry in right.imports if not entry.weak) or "nothing",
        ),
        Facet("From whom?", _libraries(left), _providers(right, symvers)),
        Facet("Who finds it?", "the dynamic loader, in the process itself", "the kernel"),
        Facet(
            "When?",
            "when it is loaded" if left.binds_at_once else "data when it is loaded, functions at their first call",
            "all of it when the module is loaded; if one is missing, it is refused",
        ),
        Facet("How many places to patch?", _patches(left.elf), _patches(right.elf)),
        Facet("What must fit?", _library_versions(left), _module_versions(right)),
        Facet(
            "What runs when it is loaded?",
            _present(left.elf, ".init_array", "the functions in `.init_array`"),
            _named(right.this_module.init if right.this_module else None),
        ),
        Facet(
            "What runs when it is unloaded?",
            _present(left.elf, ".fini_array", "the functions in `.fini_array`"),
            _named(right.this_module.exit if right.this_module else None),
        ),
        Facet(
            "What keeps it loaded?",
            "each dlopen() counts; the last dlclose() unloads it",
            "each user counts; `rmmod` refuses while there is one, and nothing unloads it by itself",
        ),
    )


def _libraries(library: SharedLibrary) -> str:
    return quote(library.needed) or "it does not say"


def _providers(module: KernelModule, symvers: Mapping[str, Exported]) -> str:
    if not symvers:
        return "the kernel" + (f", and {quote(module.modinfo.depends)}" if module.modinfo.depends else "")
    counts = Counter(find_providers(module, symvers).values())
    words = {"vmlinux": "the kernel", "": "nobody"}
    return ", ".join(f"{words.get(name, f'`{name}`')} ({count})" for name, count in counts.most_common())


def _patches(elf: ObjectFile) -> str:
    loaded = [found for found in elf.relocations if found.section.in_memory]
    return str(len(loaded))


def _library_versions(library: SharedLibrary) -> str:
    versions = sorted({entry.version for entry in library.imports if entry.version})
    return f"the symbols' versions: {quote(versions)}" if versions else "the symbols' names only"


def _module_versions(module: KernelModule) -> str:
    magic = f"`{module.modinfo.vermagic}`" if module.modinfo.vermagic else "the vermagic"
    return magic + (f", and a checksum for each of {len(module.versions)} symbols" if module.versions else "")


def _present(elf: ObjectFile, section: str, words: str) -> str:
    found = elf.section(section)
    return words if found is not None and found.size else "nothing"


def _named(function: str | None) -> str:
    return f"`{function}`" if function else "nothing"
