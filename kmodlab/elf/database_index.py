"""The binary databases: modules.dep.bin, modules.alias.bin and the other .bin files, which modprobe searches.

Each maps keys to values. The keys are a trie: a path from the root spells a key letter by letter, so a search reads few
of the file's tens of thousands of nodes. If keys are patterns ("pci:v00008086d*"), the search follows the letter and
the wildcards. depmod writes the format; kmod's libkmod/libkmod-index.c describes it ("Disk format"). All numbers are
unsigned and big-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from kmodlab.elf.contents import MalformedError, text_of
from kmodlab.elf.database_text import WILD, matches
from kmodlab.i18n import _

MAGIC = 0xB007F457
_MAJOR = 2
# The upper four bits of a node's offset say which parts the node has.
_PREFIX, _VALUES, _CHILDREN, _OFFSET = 0x80000000, 0x40000000, 0x20000000, 0x0FFFFFFF
_MAX_TEXT = 4096  # PATH_MAX, longer than any key or value
_HEADER_BYTES = 12


@dataclass(frozen=True)
class Value:
    """A value of a key. Of several values the one with the lowest priority comes first."""

    text: str
    priority: int


@dataclass(frozen=True)
class Node:
    """A node of the tree, at `offset` in the file, `size` bytes long.

    `prefix` are the letters with which all keys below it continue. `children` are pairs: the next letter, and the
    offset of its node, with the flags. `values` are the values of the key that ends here.
    """

    offset: int
    size: int
    prefix: str
    children: tuple[tuple[str, int], ...]
    values: tuple[Value, ...]

    def child(self, letter: str) -> int | None:
        """The offset of the next letter's node; None if no key continues with this letter."""
        return next((offset for other, offset in self.children if other == letter), None)


@dataclass(frozen=True)
class LookupStep:
    """One node on the path to a key: `spelled` are the letters up to here, with the node's prefix."""

    node: Node
    spelled: str


@dataclass(frozen=True)
class Index:
    """A binary database, open.

    Raises:
        MalformedError: From all methods, if they read a damaged node.
    """

    data: bytes = field(repr=False)
    version: tuple[int, int]
    root: int

    def __iter__(self) -> Iterator[tuple[str, Value]]:
        """All keys and values, the keys in the order of their letters."""
        budget = _Budget(len(self.data))
        pending = [(self.root, "")]
        while pending:
            offset, spelled = pending.pop()
            node = self.node(offset)
            budget.spend(node)
            key = _bounded(spelled + node.prefix)
            yield from ((key, value) for value in node.values)
            pending += [(child, key + letter) for letter, child in reversed(node.children)]

    def walk(self, key: str) -> tuple[LookupStep, ...]:
        """The nodes on the path to a key, as far as the tree has it; wildcards are ordinary letters here."""
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
        """The values of this key, as modprobe looks up a name in modules.dep.bin; empty if the key is missing."""
        steps = self.walk(key)
        return steps[-1].node.values if steps and steps[-1].spelled == key else ()

    def search_wild(self, name: str) -> tuple[tuple[str, Value], ...]:
        """All patterns that match a name, with their values, as modprobe looks up a device in modules.alias.bin.

        They are sorted by priority, which is the order of the modules in modules.order.

        Raises: MalformedError if the search does not end.
        """
        pairs = [(pattern, value) for pattern, value in self._candidates(name) if matches(pattern, name)]
        return tuple(sorted(pairs, key=lambda pair: pair[1].priority))

    def _candidates(self, name: str) -> Iterator[tuple[str, Value]]:
        """Keys with their values: those that begin like the name, up to its end or to the key's first wildcard."""
        budget = _Budget(len(self.data))
        pending = [(self.root, "")]
        while pending:
            offset, spelled = pending.pop()
            node = self.node(offset)
            budget.spend(node)
            key = _bounded(spelled + node.prefix)
            if not _may_match(key, name):
                continue
            yield from ((key, value) for value in node.values)
            pending += [(child, key + letter) for letter, child in node.children if _may_match(key + letter, name)]

    def node(self, offset: int) -> Node:
        """The node at an offset, whose upper four bits are the flags."""
        reader = _Reader(self.data, offset & _OFFSET)
        prefix = reader.text() if offset & _PREFIX else ""
        children = tuple(reader.children()) if offset & _CHILDREN else ()
        values = tuple(reader.values()) if offset & _VALUES else ()
        start = offset & _OFFSET
        return Node(start, reader.at - start, prefix, children, values)


def open_index(data: bytes) -> Index:
    """Open a binary database by its bytes.

    Raises:
        MalformedError: It is not a binary database, or has another version.
    """
    if len(data) < _HEADER_BYTES:
        raise MalformedError(_("The index is cut short: it has no header."))
    magic, version, root = struct.unpack_from(">III", data)
    if magic != MAGIC:
        message = _("This is not an index of depmod: it begins with {magic}, not with {expected}.")
        raise MalformedError(message.format(magic=f"{magic:08x}", expected=f"{MAGIC:08x}"))
    if version >> 16 != _MAJOR:
        message = _("The index has version {version}; only {expected} is supported.")
        raise MalformedError(message.format(version=version >> 16, expected=_MAJOR))
    return Index(data, (version >> 16, version & 0xFFFF), root)


def _may_match(spelled: str, name: str) -> bool:
    """Whether a pattern that begins with `spelled` may match: up to its first wildcard, it equals the name."""
    end = next((position for position, letter in enumerate(spelled) if letter in WILD), len(spelled))
    return name.startswith(spelled[:end])


def _bounded(key: str) -> str:
    if len(key) > _MAX_TEXT:
        raise MalformedError(_("The index is damaged: a key in it is longer than any path."))
    return key


class _Budget:
    """Stops an endless search in a malicious index.

    In a real index every byte belongs to one node, so no search reads more bytes than the file has.
    """

    def __init__(self, size: int) -> None:
        self._left = size

    def spend(self, node: Node) -> None:
        self._left -= max(1, node.size)
        if self._left < 0:
            raise MalformedError(_("The index is damaged: its nodes share bytes, or lead back to each other."))


class _Reader:
    """Reads one node's parts, one after the other."""

    def __init__(self, data: bytes, at: int) -> None:
        self.data, self.at = data, at
        # A node without parts has no bytes, so it may be at the very end, as in an index without keys.
        if not _HEADER_BYTES <= at <= len(data):
            raise MalformedError(_("The index is damaged: a node is not in the file."))

    def _take(self, size: int) -> bytes:
        taken = self.data[self.at : self.at + size]
        if len(taken) < size:
            raise MalformedError(_("The index is damaged: it ends within a node."))
        self.at += size
        return taken

    def _number(self) -> int:
        return int.from_bytes(self._take(4), "big")

    def text(self) -> str:
        """Read a text that ends with NUL."""
        end = self.data.find(b"\0", self.at, self.at + _MAX_TEXT)
        if end < 0:
            raise MalformedError(_("The index is damaged: a text in it has no end."))
        text, self.at = self.data[self.at : end], end + 1
        return text_of(text)

    def children(self) -> Iterator[tuple[str, int]]:
        """Read the children: the first and the last letter, then an offset for each letter, 0 for a missing node."""
        first, last = self._take(2)
        count = max(0, last - first + 1)
        offsets: Sequence[int] = struct.unpack(f">{count}I", self._take(4 * count))
        for letter, offset in enumerate(offsets, first):
            if offset & _OFFSET:
                yield chr(letter), offset

    def values(self) -> Iterator[Value]:
        """Read the values: their number, then priority and text of each."""
        for _count in range(self._number()):
            priority = self._number()
            yield Value(self.text(), priority)
