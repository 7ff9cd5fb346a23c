"""All databases of one kernel, and how modprobe finds modules in them.

A search uses the binary files, as modprobe does, so it finds a .ko only after depmod. The files are searched in the
order of kmod_module_new_from_lookup() in kmod's libkmod/libkmod-module.c. /etc/modprobe.d is ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

from kmodlab.elf.contents import read_contents
from kmodlab.elf.database_index import Index, open_index
from kmodlab.elf.database_text import (
    Alias,
    Softdep,
    matches,
    name_of,
    normalize_alias,
    parse_alias,
    parse_dep,
    parse_paths,
    parse_softdep,
)
from kmodlab.i18n import N_

# Every file, and the question that it answers. Some come with the kernel, depmod writes the others.
FILES: Mapping[str, str] = MappingProxyType(
    {
        "modules.dep": N_("which modules does this one need?"),
        "modules.dep.bin": N_("the same, for modprobe"),
        "modules.alias": N_("which module is for this device, or for this other name?"),
        "modules.alias.bin": N_("the same, for modprobe"),
        "modules.symbols": N_("which module exports this symbol?"),
        "modules.symbols.bin": N_("the same, for modprobe"),
        "modules.softdep": N_("what should be loaded with it, if it is there?"),
        "modules.weakdep": N_("what may it want later?"),
        "modules.devname": N_("which device nodes load a module when they are opened?"),
        "modules.builtin": N_("what is built into the kernel, and so is never loaded? (comes with the kernel)"),
        "modules.builtin.bin": N_("the same, for modprobe"),
        "modules.builtin.alias.bin": N_("which devices and names are for what is built in?"),
        "modules.builtin.modinfo": N_("what does what is built in say about itself? (comes with the kernel)"),
        "modules.builtin.ranges": N_("where in the kernel's memory does what is built in lie? (comes with the kernel)"),
        "modules.order": N_(
            "in which order were they built? The first of several that fit goes first (comes with the kernel)"
        ),
    }
)


@dataclass(frozen=True)
class LookupResult:
    """The result of a lookup by modprobe: `modules` in the order of loading, and the database that has them (`file`).

    `patterns` are the aliases that matched, one for each module. `builtin` says whether the driver is built into the
    kernel.
    """

    modules: tuple[str, ...]
    file: str = ""
    patterns: tuple[str, ...] = ()
    builtin: bool = False


@dataclass(frozen=True)
class Databases:
    """The contents of the modules.* files, by name; a missing file counts as empty.

    Make one with `load_databases`, or from bytes that were read elsewhere.

    Raises:
        MalformedError: From methods that use a binary file, if it is damaged.
    """

    files: Mapping[str, bytes] = field(repr=False)

    # ---- as text ----

    def _bytes(self, name: str) -> bytes:
        return self.files.get(name, b"")

    @cached_property
    def dep(self) -> Mapping[str, tuple[str, ...]]:
        """modules.dep: path -> paths of all modules that it needs."""
        return parse_dep(self._bytes("modules.dep"))

    @cached_property
    def paths(self) -> Mapping[str, str]:
        """Every module in modules.dep: name, as in lsmod -> path below the kernel's folder."""
        return {name_of(path): path for path in self.dep}

    @cached_property
    def aliases(self) -> tuple[Alias, ...]:
        """modules.alias."""
        return parse_alias(self._bytes("modules.alias"))

    @cached_property
    def symbols(self) -> tuple[Alias, ...]:
        """modules.symbols."""
        return parse_alias(self._bytes("modules.symbols"))

    @cached_property
    def softdeps(self) -> tuple[Softdep, ...]:
        """modules.softdep."""
        return parse_softdep(self._bytes("modules.softdep"))

    @cached_property
    def builtin(self) -> Mapping[str, str]:
        """modules.builtin: name of a built-in driver -> path that it would have as a module."""
        return {name_of(path): path for path in parse_paths(self._bytes("modules.builtin"))}

    @cached_property
    def order(self) -> tuple[str, ...]:
        """modules.order: paths."""
        return parse_paths(self._bytes("modules.order"))

    # ---- as modprobe sees it ----

    def index(self, name: str) -> Index | None:
        """A binary file, open, such as "modules.alias.bin"; None if it is missing or empty."""
        # depmod writes an empty file, without a header, if it has no entries.
        data = self._bytes(name)
        return open_index(data) if data else None

    def dependencies(self, name: str) -> tuple[str, ...] | None:
        """Names of all modules that a module needs, in the order of loading; None if modprobe does not find it."""
        line = self._dep_line(name)
        return None if line is None else tuple(name_of(path) for path in reversed(line.partition(":")[2].split()))

    def find_path(self, name: str) -> str | None:
        """The path of a module below the kernel's folder; None if modprobe does not find it."""
        line = self._dep_line(name)
        return None if line is None else line.partition(":")[0]

    def _dep_line(self, name: str) -> str | None:
        index = self.index("modules.dep.bin")
        values = index.search(name_of(name)) if index else ()
        return values[0].text if values else None

    def softdep(self, name: str) -> Softdep:
        """The modules loaded before and after a module: its first line in modules.softdep, which modprobe uses."""
        lines = (softdep for softdep in self.softdeps if matches(softdep.module, name))
        return next(lines, Softdep(name, (), ()))

    def lookup(self, alias: str) -> LookupResult:
        """What modprobe would load for a name, a device's modalias, or a symbol ("symbol:usb_register_driver")."""
        alias = normalize_alias(alias)
        if ":" not in alias and self._dep_line(alias) is not None:
            return LookupResult((alias,), "modules.dep.bin")
        if alias.startswith("symbol:") and (result := self._search_patterns("modules.symbols.bin", alias)):
            return result
        return (
            self._search_patterns("modules.alias.bin", alias)
            or self._search_builtin(alias)
            or self._search_patterns("modules.builtin.alias.bin", alias, builtin=True)
            or LookupResult(())
        )

    def _search_patterns(self, file: str, alias: str, *, builtin: bool = False) -> LookupResult | None:
        index = self.index(file)
        matched = index.search_wild(alias) if index else ()
        if not matched:
            return None
        modules = {value.text: pattern for pattern, value in matched}
        return LookupResult(tuple(modules), file, tuple(modules.values()), builtin)

    def _search_builtin(self, name: str) -> LookupResult | None:
        index = self.index("modules.builtin.bin")
        is_known = index is not None and bool(index.search(name))
        return LookupResult((name,), "modules.builtin.bin", builtin=True) if is_known else None

    def is_builtin(self, name: str) -> bool:
        """Whether the driver of this name is built into the kernel."""
        return self._search_builtin(name_of(name)) is not None


def load_databases(folder: Path) -> Databases:
    """The databases in a kernel's folder, such as /lib/modules/6.1.0-56-amd64."""
    present = [name for name in FILES if (folder / name).is_file()]
    return Databases(MappingProxyType({name: read_contents(folder / name) for name in present}))
