"""Reads /proc/modules, and predicts what `modprobe NAME` would load and `modprobe -r NAME` would remove, in order.

Loading follows kmod_module_get_probe_list() in kmod's libkmod/libkmod-module.c, removing rmmod_do_module() in its
tools/modprobe.c. /etc/modprobe.d is ignored.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from kmodlab.elf.contents import reading, text_of
from kmodlab.elf.database_text import name_of
from kmodlab.elf.databases import Databases
from kmodlab.i18n import N_, _

# ---- what is loaded ------------------------------------------------------------------------------------------------

# proc(5), and print_unload_info() and m_show() in the kernel's kernel/module/procfs.c.
_LINE = re.compile(
    r"(?P<name>\S+) (?P<size>\d+) (?P<count>\d+|-) (?P<users>\S+) (?P<state>\S+) (?P<address>0x[0-9a-f]+)"
    r"(?: \((?P<taints>[A-Z+-]+)\))?"
)


@dataclass(frozen=True)
class LoadedModule:
    """A line of /proc/modules, which lsmod shows in another form.

    `size` is in bytes of memory. `refcount` counts the module's users, and `users` names those that are modules; one
    of them may be "[permanent]". `state` is "Live", "Loading" or "Unloading". `taints` are letters, often none.
    """

    name: str
    size: int
    refcount: int
    users: tuple[str, ...]
    state: str
    taints: str

    @property
    def is_permanent(self) -> bool:
        """Whether it has an init but no exit function, so that it cannot be unloaded (kernel/module/procfs.c)."""
        return "[permanent]" in self.users


def parse_proc_modules(data: bytes) -> Mapping[str, LoadedModule]:
    """The loaded modules by name, in the order of /proc/modules: latest first. Damaged lines are skipped."""
    matches = (_LINE.fullmatch(line.strip()) for line in text_of(data).split("\n"))
    return MappingProxyType({match["name"]: _module(match) for match in matches if match})


def _module(match: re.Match[str]) -> LoadedModule:
    users = tuple(user for user in match["users"].split(",") if user not in ("", "-"))
    # A kernel without CONFIG_MODULE_UNLOAD does not count users.
    count = int(match["count"]) if match["count"] != "-" else 0
    return LoadedModule(match["name"], int(match["size"]), count, users, match["state"], match["taints"] or "")


# ---- what would be loaded and removed ------------------------------------------------------------------------------


class Why(StrEnum):
    """Why modprobe loads a module."""

    ASKED = "asked"
    NEEDED = "needed"
    BEFORE = "before"
    AFTER = "after"


_REASONS = {
    Why.ASKED: N_("asked for"),
    Why.NEEDED: N_("needed by {module}"),
    Why.BEFORE: N_("wished before {module}"),
    Why.AFTER: N_("wished after {module}"),
}


@dataclass(frozen=True)
class Load:
    """A module that modprobe would load, from `path`; None for a built-in driver, which it only mentions.

    `why` is the reason; `whose` is the module that needs it (a dependency) or asks for it (a softdep).
    """

    name: str
    path: str | None
    why: Why
    whose: str

    @property
    def reason(self) -> str:
        """The reason, in the reader's language."""
        return _(_REASONS[self.why]).format(module=name_of(self.whose))


def plan_load(databases: Databases, name: str, loaded: Collection[str] = ()) -> tuple[Load, ...]:
    """What `modprobe NAME` would load, in this order; empty for a name that it does not find.

    `name` may be an alias. `loaded` are the names of loaded modules, which modprobe skips.

    Raises: MalformedError if a binary database is damaged.
    """
    plan = _LoadPlan(databases)
    with reading(_("The list of soft dependencies is damaged.")):
        for module in databases.lookup(name).modules:
            if module not in loaded:
                plan.visited.clear()
                plan.probe(module, Why.ASKED, module)
    return tuple(load for load in plan.loads.values() if load.name not in loaded)


@dataclass
class _LoadPlan:
    """Collects the modules to load. A module that occurs twice is skipped the second time."""

    databases: Databases
    visited: set[str] = field(default_factory=set)
    loads: dict[str, Load] = field(default_factory=dict)

    def probe(self, name: str, why: Why, whose: str) -> None:
        """Add the modules that a module needs, then the module itself."""
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

    def _wish(self, aliases: tuple[str, ...], why: Why, whose: str) -> None:
        for alias in aliases:
            for module in self.databases.lookup(alias).modules:
                self.probe(module, why, whose)


@dataclass(frozen=True)
class RemovePlan:
    """What `modprobe -r` would remove, in this order. `refused` is its error message, empty if it succeeds.

    `left` are dependencies that stay loaded although nothing uses them any more: modprobe looks at each only once.
    """

    removed: tuple[str, ...]
    left: tuple[str, ...] = ()
    refused: str = ""


def plan_remove(databases: Databases, name: str, loaded: Mapping[str, LoadedModule]) -> RemovePlan:
    """What `modprobe -r NAME` would remove of the loaded modules (see `parse_proc_modules`).

    The kernel counts users that are not modules, such as open files, but does not name them; they are assumed to stay.

    Raises: MalformedError if a binary database is damaged.
    """
    plan = _RemovePlan(databases, {module.name: module.refcount for module in loaded.values()}, dict(loaded))
    modules = databases.lookup(name).modules
    if not modules:
        return RemovePlan((), refused=f"Module {name} not found.")
    refused = ""
    with reading(_("The list of soft dependencies is damaged.")):
        for module in modules:
            refused = refused or plan.remove(module, asked=True)
    needed = {other for module in modules for other in databases.dependencies(module) or ()}
    left = tuple(other for other in plan.counts if other in needed and plan.counts[other] == 0)
    return RemovePlan(tuple(plan.removed), () if refused else left, refused)


@dataclass
class _RemovePlan:
    """Collects the modules to remove. `counts` are the reference counts of the modules that are still loaded."""

    databases: Databases
    counts: dict[str, int]
    loaded: dict[str, LoadedModule]
    removed: list[str] = field(default_factory=list)
    visited: set[str] = field(default_factory=set)

    def remove(self, name: str, *, asked: bool = False) -> str:
        """Remove a module, then its dependencies and softdeps; returns modprobe's error message, or ""."""
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
        # modprobe goes through them in the order of loading, so many are still in use when it looks at them.
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
