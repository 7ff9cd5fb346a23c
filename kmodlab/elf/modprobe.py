"""What `modprobe NAME` would load, and what `modprobe -r NAME` would remove, in which order, without doing it.

Loading follows kmod_module_get_probe_list() in kmod's libkmod/libkmod-module.c, removing rmmod_do_module() in its
tools/modprobe.c. What an administrator says in /etc/modprobe.d is left out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from kmodlab.elf.database_text import name_of
from kmodlab.elf.databases import Databases
from kmodlab.elf.loaded import LoadedModule
from kmodlab.elf.malformed_error import reading


class Why(StrEnum):
    """Why modprobe loads a module."""

    ASKED = "asked for"
    NEEDED = "needed by"
    BEFORE = "wished before"
    AFTER = "wished after"


@dataclass(frozen=True)
class Load:
    """A module that modprobe would load, from `path`; None for one that is built in, which it only mentions.

    `why` it does so, and for which module (`whose`): softdeps wish, dependencies need.
    """

    name: str
    path: str | None
    why: Why
    whose: str


def plan_load(databases: Databases, name: str, loaded: Collection[str] = ()) -> tuple[Load, ...]:
    """What `modprobe NAME` would load, in this order; nothing for a name that it does not find.

    `name` may be an alias. `loaded` are the names of modules that are there already, which it passes over.
    """
    plan = _LoadPlan(databases)
    with reading("the list of soft dependencies"):
        for module in databases.lookup(name).modules:
            if module not in loaded:
                plan.visited.clear()
                plan.probe(module, Why.ASKED, module)
    return tuple(load for load in plan.loads.values() if load.name not in loaded)


@dataclass
class _LoadPlan:
    """The list as it grows. A module that is there twice would be passed over at its second place."""

    databases: Databases
    visited: set[str] = field(default_factory=set)
    loads: dict[str, Load] = field(default_factory=dict)

    def probe(self, name: str, why: Why, whose: str) -> None:
        """First what it needs, then itself."""
        if name in self.visited:
            return
        self.visited.add(name)
        for needed in self.databases.dependencies(name) or ():
            self._with_softdeps(needed, Why.NEEDED, name)
        self._with_softdeps(name, why, whose)

    def _with_softdeps(self, name: str, why: Why, whose: str) -> None:
        softdep = self.databases.softdep(name)
        self._wish(softdep.pre, Why.BEFORE, name)
        self.loads.setdefault(name, Load(name, self.databases.find_path(name), why, whose))
        self._wish(softdep.post, Why.AFTER, name)

    def _wish(self, wanted: tuple[str, ...], why: Why, whose: str) -> None:
        for alias in wanted:
            for module in self.databases.lookup(alias).modules:
                self.probe(module, why, whose)


@dataclass(frozen=True)
class RemovePlan:
    """What `modprobe -r` would remove, in this order. `refused` is its complaint, empty when it has none.

    `left` are dependencies that nobody uses any more, and that stay all the same: modprobe looks at each only once.
    """

    removed: tuple[str, ...]
    left: tuple[str, ...] = ()
    refused: str = ""


def plan_remove(databases: Databases, name: str, loaded: Mapping[str, LoadedModule]) -> RemovePlan:
    """What `modprobe -r NAME` would remove of what is loaded (see `loaded.parse_proc_modules`).

    Who else holds a module, say an open file, is counted, not named, so this assumes that it goes on holding.
    """
    plan = _RemovePlan(databases, {module.name: module.refcount for module in loaded.values()}, dict(loaded))
    found = databases.lookup(name)
    if not found.modules:
        return RemovePlan((), refused=f"Module {name} not found.")
    refused = ""
    with reading("the list of soft dependencies"):
        for module in found.modules:
            refused = refused or plan.remove(module, asked=True)
    needed = {other for module in found.modules for other in databases.dependencies(module) or ()}
    left = tuple(other for other in plan.counts if other in needed and plan.counts[other] == 0)
    return RemovePlan(tuple(plan.removed), () if refused else left, refused)


@dataclass
class _RemovePlan:
    """`counts` are the reference counts of what is still loaded."""

    databases: Databases
    counts: dict[str, int]
    loaded: dict[str, LoadedModule]
    removed: list[str] = field(default_factory=list)
    visited: set[str] = field(default_factory=set)

    def remove(self, name: str, *, asked: bool = False) -> str:
        """Remove a module, then what it needed or wished for; returns modprobe's complaint."""
        if name in self.visited:
            return ""
        self.visited.add(name)
        if name not in self.counts:
            return f"Module {name} is builtin." if asked and self.databases.is_builtin(name) else ""
        softdep = self.databases.softdep(name)
        self._remove_all(softdep.post)
        if self.counts[name] > 0:
            return f"Module {name} is in use."
        self._drop(name)
        # In the order of loading, so that most of those below others are still in use when their turn comes.
        for needed in self.databases.dependencies(name) or ():
            if self.counts.get(needed) == 0:
                self._drop(needed)
        self._remove_all(softdep.pre)
        return ""

    def _remove_all(self, aliases: tuple[str, ...]) -> None:
        modules = [module for alias in aliases for module in self.databases.lookup(alias).modules]
        for module in reversed(modules):
            self.remove(module)

    def _drop(self, name: str) -> None:
        del self.counts[name]
        self.removed.append(name)
        for other in self._used_by(name):
            self.counts[other] -= 1

    def _used_by(self, name: str) -> Iterator[str]:
        return (other.name for other in self.loaded.values() if name in other.users and other.name in self.counts)


def reason(load: Load) -> str:
    """Why, in words."""
    return str(load.why) if load.why is Why.ASKED else f"{load.why} {name_of(load.whose)}"
