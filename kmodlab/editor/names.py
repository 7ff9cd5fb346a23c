"""Names that a module can use, without clangd: those in the headers that a text includes, and exported symbols.

The headers are searched for text that looks like a definition, whatever the configuration; each header is read once.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

from kmodlab.elf.contents import MalformedError
from kmodlab.elf.exports import Exported, parse_symvers
from kmodlab.files import MIB
from kmodlab.kernel.tree import KernelTree

_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*[<"]([\w./-]{1,200})[>"]', re.MULTILINE)
# The name of a macro, a type, or a constant of an enum.
_NAMES = re.compile(
    r"^[ \t]*#[ \t]*define[ \t]+(\w{3,80})|^(?:struct|union|enum) (\w{3,80}) \{|^\t([A-Z_0-9]{3,80})\s*(?:=[^,\n]*)?,",
    re.MULTILINE,
)
# Declarations and definitions of functions begin in the first column; their attributes may look like calls.
_FUNCTION_LINE = re.compile(r"^[a-z_][^\n;(]*\([^\n]*", re.MULTILINE)
_CALL = re.compile(r"(\w{3,80})\(")
_MOST_HEADERS = 1500
_WORD = re.compile(r"\b[A-Za-z_]\w{2,80}\b")


def find_names(tree: KernelTree, text: str, prefix: str) -> list[str]:
    """The names that begin with `prefix`, from the text, from the headers that it includes, and exported symbols."""
    if not prefix:
        return []
    own = {word for word in _WORD.findall(text) if word != prefix}
    known = {name for header in _closure(tree, text) for name in _read(header)[1]}
    return sorted(name for name in own | known | exports(tree).keys() if name.startswith(prefix))


@lru_cache(maxsize=2)
def _symvers(path: Path) -> Mapping[str, Exported]:
    try:
        return parse_symvers(path)
    except (OSError, MalformedError):
        return {}


def exports(tree: KernelTree) -> Mapping[str, Exported]:
    """The symbols that the kernel and its own modules export; empty if the list is missing or damaged."""
    return _symvers(tree.symvers)


def _closure(tree: KernelTree, text: str) -> Iterator[Path]:
    """The headers that a text includes, directly or not."""
    folders = _folders(tree)
    waiting, seen = _INCLUDE.findall(text), set[str]()
    while waiting and len(seen) < _MOST_HEADERS:
        name = waiting.pop(0)
        if name not in seen and ".." not in name:
            seen.add(name)
            if path := _find(folders, name):
                yield path
                waiting += _read(path)[0]


@lru_cache(maxsize=2)
def _folders(tree: KernelTree) -> tuple[Path, ...]:
    common = [path for path in tree.sources.glob("linux-*") if path.name.endswith("-common")]
    roots = [*common, tree.headers, *tree.sources.glob("linux-[0-9]*")]
    below = ("include", "include/uapi", "arch/*/include", "arch/*/include/uapi", "arch/*/include/generated")
    return tuple(folder for root in roots for pattern in below for folder in sorted(root.glob(pattern)))


@lru_cache(maxsize=4096)
def _find(folders: tuple[Path, ...], name: str) -> Path | None:
    return next((path for folder in folders if (path := folder / name).is_file()), None)


@lru_cache(maxsize=4096)
def _read(header: Path) -> tuple[tuple[str, ...], frozenset[str]]:
    """The headers that a header includes, and the names in it."""
    text = ""
    with contextlib.suppress(OSError), header.open(encoding="utf-8", errors="replace") as file:
        text = file.read(MIB)
    names = {next(filter(None, match.groups()), "") for match in _NAMES.finditer(text)} - {""}
    functions = {name for line in _FUNCTION_LINE.findall(text) for name in _CALL.findall(line)}
    return tuple(_INCLUDE.findall(text)), frozenset(names | functions)
