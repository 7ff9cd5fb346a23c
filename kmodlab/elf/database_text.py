"""The databases as text: modules.dep, .alias, .symbols, .softdep, .builtin, .order.

depmod and the kernel's own installation write them. People read them; modprobe mostly reads the binary files (see
`database_index`). Formats: depmod(8), modules.dep(5), modprobe.d(5), and kmod's tools/depmod.c. Comments and damaged
lines are skipped, as kmod does.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath

from kmodlab.elf.contents import text_of

WILD = frozenset("*?[")


@dataclass(frozen=True)
class Alias:
    """A line of modules.alias or modules.symbols: names that match `pattern` stand for the module `module`."""

    pattern: str
    module: str


@dataclass(frozen=True)
class Softdep:
    """A line of modules.softdep: what to load before and after a module, if it exists; names may be aliases."""

    module: str
    pre: tuple[str, ...]
    post: tuple[str, ...]


def parse_dep(data: bytes) -> dict[str, tuple[str, ...]]:
    """Parse modules.dep: path -> paths of all modules that it needs, directly or not; the last is loaded first."""
    pairs = (line.partition(":") for line in _lines(data))
    return {path: tuple(needed.split()) for path, colon, needed in pairs if colon}


def parse_alias(data: bytes) -> tuple[Alias, ...]:
    """Parse modules.alias, or modules.symbols, whose patterns are "symbol:NAME"."""
    # An alias may contain spaces; a module's name does not.
    pairs = (line.removeprefix("alias ").rsplit(maxsplit=1) for line in _lines(data) if line.startswith("alias "))
    return tuple(Alias(pair[0], pair[1]) for pair in pairs if len(pair) == 2)


def parse_softdep(data: bytes) -> tuple[Softdep, ...]:
    """Parse modules.softdep, in its order: if a module has several lines, modprobe uses the first."""
    return tuple(_softdep(words[1:]) for line in _lines(data) if (words := line.split())[0] == "softdep" and words[1:])


def _softdep(words: list[str]) -> Softdep:
    lists: dict[str, list[str]] = {"pre:": [], "post:": [], "": []}
    current = ""
    for word in words[1:]:
        if word in lists:
            current = word
        else:
            lists[current].append(word)
    return Softdep(words[0], tuple(lists["pre:"]), tuple(lists["post:"]))


def parse_paths(data: bytes) -> tuple[str, ...]:
    """Parse modules.builtin or modules.order: one path on each line."""
    return tuple(_lines(data))


def _lines(data: bytes) -> Iterator[str]:
    """The lines without comments and empty ones."""
    lines = (line.strip() for line in text_of(data).split("\n"))
    return (line for line in lines if line and not line.startswith("#"))


# ---- names and patterns --------------------------------------------------------------------------------------------


def name_of(path: str) -> str:
    """A module's name, as lsmod shows it, from its path: kernel/sound/core/snd-pcm.ko is snd_pcm."""
    # kmod's path_to_modname(): up to the first dot, which removes .ko.xz and similar endings as well.
    return PurePosixPath(path).name.partition(".")[0].replace("-", "_")


def matches(pattern: str, name: str) -> bool:
    """Whether a pattern with `*`, `?` and `[…]` matches a whole name, like fnmatch(3) without flags."""
    return _compiled(pattern).match(name) is not None


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    # Python's fnmatch does not know the backslash, and only [!…] for "none of these"; the C library has [^…] too.
    escaped = re.sub(r"\\(.)", lambda match: f"[{match[1]}]" if match[1] in WILD else match[1], pattern)
    return re.compile(fnmatch.translate(escaped.replace("[^", "[!")))


def normalize_alias(alias: str) -> str:
    """An alias as depmod writes it and modprobe looks it up: dashes become underscores, but not in brackets."""
    return re.sub(r"\[[^\]]*\]|-", lambda match: "_" if match[0] == "-" else match[0], alias)
