"""All databases of one kernel, and how modprobe finds things in them: "how does modprobe know?".

A search goes through the binary files, as modprobe's does: what depmod has not written there cannot be found, however
plainly the .ko lies in its folder. The order of places to look in is that of kmod_module_new_from_lookup() in kmod's
libkmod/libkmod-module.c; what an administrator says in /etc/modprobe.d is left out.
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
    DeviceNode,
    Softdep,
    name_of,
    parse_alias,
    parse_builtin_modinfo,
    parse_dep,
    parse_devname,
    parse_paths,
    parse_softdep,
)
from kmodlab.elf.wildcards import matches, normalize_alias

# Every file, and what it answers; depmod writes them, except for those that come with the kernel.
FILES: Mapping[str, str] = MappingProxyType(
    {
        "modules.dep": "which modules does this one need?",
        "modules.dep.bin": "the same, for modprobe",
        "modules.alias": "which module is for this device, or for this other name?",
        "modules.alias.bin": "the same, for modprobe",
        "modules.symbols": "which module exports this symbol?",
        "modules.symbols.bin": "the same, for modprobe",
        "modules.softdep": "what should be loaded with it, if it is there?",
        "modules.weakdep": "what may it want later?",
        "modules.devname": "which device nodes load a module when they are opened?",
        "modules.builtin": "what is built into the kernel, and so is never loaded? (comes with the kernel)",
        "modules.builtin.bin": "the same, for modprobe",
        "modules.builtin.alias.bin": "which devices and names are for what is built in?",
        "modules.builtin.modinfo": "what does what is built in say about itself? (comes with the kernel)",
        "modules.builtin.ranges": "where in the kernel's memory does what is built in lie? (comes with the kernel)",
        "modules.order": "in which order were they built? The first of several that fit goes first "
        "(comes with the kernel)",
    }
)


@dataclass(frozen=True)
class LookupResult:
    """What modprobe finds for a name: `modules` in the order in which it loads them, and the file that said so.

    `patterns` are the aliases that matched, one for each module. `builtin`: it is in the kernel already.
    """

    modules: tuple[str, ...]
    file: str = ""
    patterns: tuple[str, ...] = ()
    builtin: bool = False


@dataclass(frozen=True)
class Databases:
    """The contents of the modules.* files, by name; what is not there counts as empty.

    Make one with `load_databases`, or from bytes that were read elsewhere. Methods and properties raise
    MalformedError where a binary file is damaged.
    """

    files: Mapping[str, bytes] = field(repr=False)

    # ---- as text ----

    def _bytes(self, name: str) -> bytes:
        return self.files.get(name, b"")

    @cached_property
    def dep(self) -> Mapping[str, tuple[str, ...]]:
        """modules.dep: path -> paths of all that it needs."""
        return parse_dep(self._bytes("modules.dep"))

    @cached_property
    def paths(self) -> Mapping[str, str]:
        """Every module that depmod has seen: name, as in lsmod -> path below the kernel's folder."""
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
    def devnames(self) -> tuple[DeviceNode, ...]:
        """modules.devname."""
        return parse_devname(self._bytes("modules.devname"))

    @cached_property
    def builtin(self) -> Mapping[str, str]:
        """modules.builtin: name -> path that it would have as a module."""
        return {name_of(path): path for path in parse_paths(self._bytes("modules.builtin"))}

    @cached_property
    def builtin_modinfo(self) -> Mapping[str, tuple[tuple[str, str], ...]]:
        """modules.builtin.modinfo: name -> its .modinfo."""
        return parse_builtin_modinfo(self._bytes("modules.builtin.modinfo"))

    @cached_property
    def order(self) -> tuple[str, ...]:
        """modules.order: paths."""
        return parse_paths(self._bytes("modules.order"))

    # ---- as modprobe sees it ----

    def index(self, name: str) -> Index | None:
        """A binary file, open, such as "modules.alias.bin"; None where there is none, or it is empty."""
        # depmod leaves an empty file where it has nothing to say.
        data = self._bytes(name)
        return open_index(data) if data else None

    def dependencies(self, name: str) -> tuple[str, ...] | None:
        """Names of all that a module needs, in the order of loading; None where modprobe does not know it."""
        line = self._dep_line(name)
        return None if line is None else tuple(name_of(path) for path in reversed(line.partition(":")[2].split()))

    def find_path(self, name: str) -> str | None:
        """Where modprobe finds a module, below the kernel's folder; None where it does not know it."""
        line = self._dep_line(name)
        return None if line is None else line.partition(":")[0]

    def _dep_line(self, name: str) -> str | None:
        index = self.index("modules.dep.bin")
        values = index.search(name_of(name)) if index else ()
        return values[0].text if values else None

    def softdep(self, name: str) -> Softdep:
        """What is to be loaded before and after a module: its first line in modules.softdep, as modprobe reads it."""
        fitting = (softdep for softdep in self.softdeps if matches(softdep.module, name))
        return next(fitting, Softdep(name, (), ()))

    def lookup(self, alias: str) -> LookupResult:
        """What modprobe would load for a name, a device's modalias, or a symbol ("symbol:usb_register_driver")."""
        wanted = normalize_alias(alias)
        if ":" not in wanted and self._dep_line(wanted) is not None:
            return LookupResult((wanted,), "modules.dep.bin")
        if wanted.startswith("symbol:") and (found := self._wild("modules.symbols.bin", wanted)):
            return found
        return (
            self._wild("modules.alias.bin", wanted)
            or self._builtin(wanted)
            or self._wild("modules.builtin.alias.bin", wanted, builtin=True)
            or LookupResult(())
        )

    def _wild(self, file: str, wanted: str, *, builtin: bool = False) -> LookupResult | None:
        index = self.index(file)
        matched = index.search_wild(wanted) if index else ()
        if not matched:
            return None
        modules = {value.text: pattern for pattern, value in matched}
        return LookupResult(tuple(modules), file, tuple(modules.values()), builtin)

    def _builtin(self, wanted: str) -> LookupResult | None:
        index = self.index("modules.builtin.bin")
        known = index is not None and any(step.spelled == wanted and step.node.values for step in index.walk(wanted))
        return LookupResult((wanted,), "modules.builtin.bin", builtin=True) if known else None

    def find_exporter(self, symbol: str) -> str | None:
        """The module that exports a symbol; None where none does, perhaps because the kernel itself has it."""
        found = self._wild("modules.symbols.bin", f"symbol:{symbol}")
        return found.modules[0] if found else None

    def is_builtin(self, name: str) -> bool:
        """Whether this is built into the kernel, by its name in lsmod's spelling."""
        return self._builtin(name_of(name)) is not None


def load_databases(folder: Path) -> Databases:
    """The databases in a kernel's folder, such as /lib/modules/6.1.0-56-amd64."""
    present = [name for name in FILES if (folder / name).is_file()]
    return Databases(MappingProxyType({name: read_contents(folder / name) for name in present}))
