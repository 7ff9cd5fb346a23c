"""The databases as text: modules.dep, .alias, .symbols, .softdep, .weakdep, .devname, .builtin*, .order.

depmod and the kernel's own installation write them. People read these; modprobe mostly reads their binary twins (see
`database_index`). Formats: depmod(8), modules.dep(5), modprobe.d(5), and kmod's tools/depmod.c. Lines that say
nothing, or that are damaged, are passed over, as kmod does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from kmodlab.elf.malformed_error import text_of


def name_of(path: str) -> str:
    """A module's name, as lsmod shows it, from its path: kernel/sound/core/snd-pcm.ko is snd_pcm."""
    # kmod's path_to_modname(): up to the first dot, which leaves out .ko.xz and the like as well.
    return PurePosixPath(path).name.partition(".")[0].replace("-", "_")


@dataclass(frozen=True)
class Alias:
    """A line of modules.alias or modules.symbols: names that match `pattern` mean the module."""

    pattern: str
    module: str


@dataclass(frozen=True)
class Softdep:
    """A line of modules.softdep: what to load before and after a module, where it exists; names may be aliases."""

    module: str
    pre: tuple[str, ...]
    post: tuple[str, ...]


@dataclass(frozen=True)
class DeviceNode:
    """A line of modules.devname: a node below /dev that loads the module when it is opened. `kind` is "c" or "b"."""

    module: str
    node: str
    kind: str
    major: int
    minor: int


def parse_dep(data: bytes) -> dict[str, tuple[str, ...]]:
    """modules.dep: path -> paths of all that it needs, directly or not; the last of them is loaded first."""
    pairs = (line.partition(":") for line in _lines(data))
    return {path: tuple(needed.split()) for path, colon, needed in pairs if colon}


def parse_alias(data: bytes) -> tuple[Alias, ...]:
    """modules.alias, or modules.symbols, whose patterns are "symbol:NAME"."""
    # An alias may have spaces in it; a module's name has none.
    found = (line.removeprefix("alias ").rsplit(maxsplit=1) for line in _lines(data) if line.startswith("alias "))
    return tuple(Alias(words[0], words[1]) for words in found if len(words) == 2)


def parse_softdep(data: bytes) -> tuple[Softdep, ...]:
    """modules.softdep, in its order: where a module has several lines, modprobe obeys the first."""
    return tuple(_softdep(words[1:]) for line in _lines(data) if (words := line.split())[0] == "softdep" and words[1:])


def _softdep(words: list[str]) -> Softdep:
    lists: dict[str, list[str]] = {"pre:": [], "post:": [], "": []}
    into = ""
    for word in words[1:]:
        if word in lists:
            into = word
        else:
            lists[into].append(word)
    return Softdep(words[0], tuple(lists["pre:"]), tuple(lists["post:"]))


def parse_weakdep(data: bytes) -> dict[str, tuple[str, ...]]:
    """modules.weakdep (kmod 33 and later): module -> what it may ask for itself; an initramfs takes it along."""
    words = (line.split() for line in _lines(data))
    return {line[1]: tuple(line[2:]) for line in words if line[0] == "weakdep" and len(line) > 2}


def parse_devname(data: bytes) -> tuple[DeviceNode, ...]:
    """modules.devname: module, node, and "c10:237" for a character device with these two numbers."""
    found = (re.fullmatch(r"(\S+) (\S+) ([cb])(\d{1,9}):(\d{1,9})", line) for line in _lines(data))
    return tuple(DeviceNode(line[1], line[2], line[3], int(line[4]), int(line[5])) for line in found if line)


def parse_paths(data: bytes) -> tuple[str, ...]:
    """modules.builtin and modules.order: a path a line."""
    return tuple(_lines(data))


def parse_builtin_modinfo(data: bytes) -> dict[str, tuple[tuple[str, str], ...]]:
    """modules.builtin.modinfo: name of a driver that is built in -> its .modinfo, keys and values in order.

    Strings as in .modinfo, each with the driver's name and a dot before it (Documentation/kbuild/kbuild.rst).
    """
    found: dict[str, list[tuple[str, str]]] = {}
    for entry in data.split(b"\0"):
        key, equals, value = text_of(entry).partition("=")
        owner, dot, word = key.rpartition(".")
        if equals and dot:
            found.setdefault(owner, []).append((word, value))
    return {owner: tuple(entries) for owner, entries in found.items()}


def _lines(data: bytes) -> Iterator[str]:
    """The lines that say something: no comments, no empty ones."""
    lines = (line.strip() for line in text_of(data).split("\n"))
    return (line for line in lines if line and not line.startswith("#"))
