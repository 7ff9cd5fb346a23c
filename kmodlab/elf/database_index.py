"""The binary databases: modules.dep.bin, modules.alias.bin and the other .bin files, which modprobe searches.

Each maps keys to values. The keys are a tree in which a path spells them letter by letter, so that a search reads a
few nodes of a file that holds tens of thousands. Where a key is a pattern ("pci:v00008086d*"), the search follows
both the letter and the wildcards. The format is that of kmod's libkmod/libkmod-index.c (its comment "Disk format"),
which depmod writes; all numbers are unsigned and have their highest byte first.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from kmodlab.elf.malformed_error import MalformedError, text_of
from kmodlab.elf.wildcards import WILD, matches

MAGIC = 0xB007F457
_MAJOR = 2
# In the upper four bits of a node's offset: which of its parts are there.
_PREFIX, _VALUES, _CHILDREN, _OFFSET = 0x80000000, 0x40000000, 0x20000000, 0x0FFFFFFF
_MAX_TEXT = 4096  # PATH_MAX, more than any key or value is long
_HEADER_BYTES = 12


@dataclass(frozen=True)
class Value:
    """What a key stands for. Of several values the one of the lowest priority goes first."""

    text: str
    priority: int


@dataclass(frozen=True)
class Node:
    """A node of the tree, at `offset` in the file, `size` bytes long.

    `prefix` are the letters that all keys below it go on with; `children` maps a next letter to where its node is;
    `values` are those of the key that ends here.
    """

    offset: int
    size: int
    prefix: str
    children: tuple[tuple[str, int], ...]
    values: tuple[Value, ...]

    def child(self, letter: str) -> int | None:
        """Where the node of the next letter is; None where no key goes on so."""
        return next((offset for known, offset in self.children if known == letter), None)


@dataclass(frozen=True)
class LookupStep:
    """One node on the way to a key: `spelled` is what the path says up to here, its prefix included."""

    node: Node
    spelled: str


@dataclass(frozen=True)
class Index:
    """A binary database, open. Methods raise MalformedError where they come upon damage."""

    data: bytes = field(repr=False)
    version: tuple[int, int]
    root: int

    def __iter__(self) -> Iterator[tuple[str, Value]]:
        """All keys and values, the keys in the order of their letters."""
        budget = _Budget(len(self.data))
        waiting = [(self.root, "")]
        while waiting:
            offset, spelled = waiting.pop()
            node = self.node(offset)
            budget.spend(node)
            key = _bounded(spelled + node.prefix)
            yield from ((key, value) for value in node.values)
            waiting += [(child, key + letter) for letter, child in reversed(node.children)]

    def walk(self, key: str) -> tuple[LookupStep, ...]:
        """The nodes on the way to a key, as far as it leads; wildcards are letters like others here."""
        budget, spelled, steps = _Budget(len(self.data)), "", []
        offset: int | None = self.root
        while offset:
            node = self.node(offset)
            budget.spend(node)
            spelled += node.prefix
            steps.append(LookupStep(node, spelled))
            if not key.startswith(spelled) or key == spelled:
                break
            letter = key[len(spelled)]
            offset, spelled = node.child(letter), spelled + letter
        return tuple(steps)

    def search(self, key: str) -> tuple[Value, ...]:
        """The values of exactly this key, as modprobe looks up a name in modules.dep.bin; none where it is unknown."""
        steps = self.walk(key)
        return steps[-1].node.values if steps and steps[-1].spelled == key else ()

    def search_wild(self, name: str) -> tuple[tuple[str, Value], ...]:
        """All patterns that match a name, as modprobe looks up a device in modules.alias.bin, and their values.

        They come in the order of their priority: that of the modules in modules.order.
        """
        found = [(pattern, value) for pattern, value in self._wild(name) if matches(pattern, name)]
        return tuple(sorted(found, key=lambda match: match[1].priority))

    def _wild(self, name: str) -> Iterator[tuple[str, Value]]:
        """The keys that begin like the name, and those that have a wildcard before they differ from it."""
        budget = _Budget(len(self.data))
        waiting = [(self.root, "")]
        while waiting:
            offset, spelled = waiting.pop()
            node = self.node(offset)
            budget.spend(node)
            key = _bounded(spelled + node.prefix)
            if not _may_match(key, name):
                continue
            yield from ((key, value) for value in node.values)
            waiting += [(child, key + letter) for letter, child in node.children if _may_match(key + letter, name)]

    def node(self, offset: int) -> Node:
        """The node that an offset leads to, its four flags included."""
        reader = _Reader(self.data, offset & _OFFSET)
        prefix = reader.text() if offset & _PREFIX else ""
        children = tuple(reader.children()) if offset & _CHILDREN else ()
        values = tuple(reader.values()) if offset & _VALUES else ()
        start = offset & _OFFSET
        return Node(start, reader.at - start, prefix, children, values)


def open_index(data: bytes) -> Index:
    """Open a binary database by its bytes; MalformedError where it is none, or of another version."""
    if len(data) < _HEADER_BYTES:
        raise MalformedError("The index is cut short: it has no header.")
    magic, version, root = struct.unpack_from(">III", data)
    if magic != MAGIC:
        raise MalformedError(f"This is no index of depmod's: it begins with {magic:08x}, not with {MAGIC:08x}.")
    if version >> 16 != _MAJOR:
        raise MalformedError(f"The index is of version {version >> 16}, and only {_MAJOR} is known.")
    return Index(data, (version >> 16, version & 0xFFFF), root)


def _may_match(spelled: str, name: str) -> bool:
    """Whether a pattern that begins so may match: it is like the name as far as its first wildcard."""
    plain = spelled[: next((at for at, letter in enumerate(spelled) if letter in WILD), len(spelled))]
    return name.startswith(plain)


def _bounded(key: str) -> str:
    if len(key) > _MAX_TEXT:
        raise MalformedError("The index is damaged: a key in it is longer than any path.")
    return key


class _Budget:
    """In an honest index every byte belongs to one node, so reading all of it never takes more than its size."""

    def __init__(self, size: int) -> None:
        self._left = size

    def spend(self, node: Node) -> None:
        self._left -= max(1, node.size)
        if self._left < 0:
            raise MalformedError("The index is damaged: its nodes share bytes, or lead back to each other.")


class _Reader:
    """Reads one node's parts, one after the other."""

    def __init__(self, data: bytes, at: int) -> None:
        self.data, self.at = data, at
        # A node without any parts takes no room, so it may lie at the very end, as in an index without keys.
        if not _HEADER_BYTES <= at <= len(data):
            raise MalformedError("The index is damaged: a node is not in the file.")

    def _take(self, size: int) -> bytes:
        piece = self.data[self.at : self.at + size]
        if len(piece) < size:
            raise MalformedError("The index is damaged: it ends within a node.")
        self.at += size
        return piece

    def _number(self) -> int:
        return int.from_bytes(self._take(4), "big")

    def text(self) -> str:
        """Letters, ended by NUL."""
        end = self.data.find(b"\0", self.at, self.at + _MAX_TEXT)
        if end < 0:
            raise MalformedError("The index is damaged: a text in it has no end.")
        piece, self.at = self.data[self.at : end], end + 1
        return text_of(piece)

    def children(self) -> Iterator[tuple[str, int]]:
        """First and last letter, and an offset for each from the one to the other; 0 where there is no node."""
        first, last = self._take(2)
        offsets: Sequence[int] = struct.unpack(
            f">{max(0, last - first + 1)}I", self._take(4 * max(0, last - first + 1))
        )
        for letter, offset in enumerate(offsets, first):
            if offset & _OFFSET:
                yield chr(letter), offset

    def values(self) -> Iterator[Value]:
        """Their number, then priority and text of each."""
        for _ in range(self._number()):
            priority = self._number()
            yield Value(self.text(), priority)
