"""An account of what there is in a guest: names in its file systems, and a line for each number, region and module.

Two accounts of one guest are compared by their entries. Who acquired what is new is left to `leaks`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

# The contents of lists, one after the other (module/resources.c).
_FILE = re.compile(r"^==> (\S+) <==$", re.MULTILINE)


@dataclass(frozen=True)
class Account:
    """What there was at one moment: paths, and words such as "char device 240 hello"."""

    entries: frozenset[str]

    def since(self, before: Account) -> tuple[str, ...]:
        """What is there now and was not before, sorted."""
        return tuple(sorted(self.entries - before.entries))


def parse_account(text: str) -> Account:
    """An account from what the tracer prints; what is not there has no entries."""
    pieces = _FILE.split(text)
    entries: set[str] = set()
    for path, content in zip(pieces[1::2], pieces[2::2], strict=False):
        entries.update(_entries(path, content.splitlines()))
    return Account(frozenset(entries))


def _entries(path: str, lines: list[str]) -> Iterator[str]:
    if path == "names":
        yield from (line for line in lines if line.startswith("/"))
    elif path == "/proc/modules":  # proc_modules(5): name, size, references, ...
        yield from (f"module {line.split()[0]}" for line in lines if line)
    elif path == "/proc/devices":
        yield from _devices(lines)
    elif path == "/proc/filesystems":
        yield from (f"filesystem {line.split()[-1]}" for line in lines if line)
    elif path in ("/proc/iomem", "/proc/ioports"):
        what = "memory region" if path == "/proc/iomem" else "port region"
        yield from (f"{what} {' '.join(line.split())}" for line in lines if line)


def _devices(lines: list[str]) -> Iterator[str]:
    """/proc/devices has two lists: "Character devices:" and "Block devices:", each line a number and a name."""
    what = ""
    for line in lines:
        if line.endswith("devices:"):
            what = "block" if line.startswith("Block") else "char"
        elif line and what:
            yield f"{what} device {' '.join(line.split())}"
