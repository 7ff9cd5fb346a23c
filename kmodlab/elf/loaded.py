"""The list of loaded modules, /proc/modules, which lsmod shows in another form."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from kmodlab.elf.malformed_error import text_of

# proc(5), and print_unload_info() and m_show() in the kernel's kernel/module/procfs.c.
_LINE = re.compile(
    r"(?P<name>\S+) (?P<size>\d+) (?P<count>\d+|-) (?P<users>\S+) (?P<state>\S+) (?P<address>0x[0-9a-f]+)"
    r"(?: \((?P<taints>[A-Z+-]+)\))?"
)


@dataclass(frozen=True)
class LoadedModule:
    """A line of /proc/modules.

    `size` is in bytes of memory; `refcount` counts who uses it, and `users` names those that are modules, of which one
    may be "[permanent]". `state` is "Live", "Loading" or "Unloading". `taints` are letters, empty for most.
    """

    name: str
    size: int
    refcount: int
    users: tuple[str, ...]
    state: str
    taints: str


def parse_proc_modules(data: bytes) -> Mapping[str, LoadedModule]:
    """The loaded modules by name, the latest first, as in the file; damaged lines are passed over."""
    found = (_LINE.fullmatch(line.strip()) for line in text_of(data).split("\n"))
    return MappingProxyType({line["name"]: _module(line) for line in found if line})


def _module(line: re.Match[str]) -> LoadedModule:
    users = tuple(user for user in line["users"].split(",") if user not in ("", "-"))
    # A kernel that cannot unload counts nothing.
    count = int(line["count"]) if line["count"] != "-" else 0
    return LoadedModule(line["name"], int(line["size"]), count, users, line["state"], line["taints"] or "")
