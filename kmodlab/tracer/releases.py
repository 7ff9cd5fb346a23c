"""Which calls acquire a resource, and which release it: what is never released, and what is released twice.

Memory is not a resource here: the tracer itself knows what was freed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kmodlab.tracer.call_log import Call
from kmodlab.tracer.kernel_api import Handle
from kmodlab.tracer.resources import LOCKS, MODULE_REFERENCE

Key = tuple[str, tuple[int, ...]]

# Counted references: others, which were not traced, may hold some.
COUNTED = LOCKS | {MODULE_REFERENCE, "kobject", "cdev-object", "file", "clock-enabled", "clock-prepared", "gpiod"}
COUNTED |= {"regulator-enabled", "tty-driver", "adapter-reference", "pci-enable"}
# Known without a key: the table has every function that acquires one.
COMPLETE = {"chrdev-region"}


@dataclass(frozen=True)
class Acquired:
    """A resource that a call acquired; `keys` are all the ways to refer to it."""

    call: Call
    keys: tuple[Key, ...]

    @property
    def kind(self) -> str:
        """The kind of the resource."""
        return self.keys[0][0]

    def is_released_by(self, kind: str, key: tuple[int, ...]) -> bool:
        """Whether a call that releases this kind and key releases this resource."""
        return any(own == kind and (not known or not key or known == key) for own, known in self.keys)


@dataclass(frozen=True)
class DoubleRelease:
    """A resource that is released twice: its kind, and the two calls that release it."""

    kind: str
    first: Call
    second: Call


def unreleased(calls: Iterable[Call]) -> list[Acquired]:
    """The resources that calls acquired and that no call released."""
    held: list[Acquired] = []
    for call in calls:
        for kind, key in _keys(call, call.function.releases):
            match = next((acquired for acquired in reversed(held) if acquired.is_released_by(kind, key)), None)
            if match:
                held.remove(match)
        if call.function.acquires and call.returned and not call.failed:
            held.append(Acquired(call, tuple(_keys(call, call.function.acquires))))
    return held


def largest_allocation(calls: Iterable[Call]) -> int:
    """The size of the largest memory that calls allocated and that no call freed; 0 if there is none."""
    sizes: dict[int, int] = {}
    for call in calls:
        arguments = call.record.arguments
        if call.function.frees:
            sizes.pop(arguments[call.function.frees_argument], None)
        if call.function.allocates and call.function.size is not None and call.returned and not call.failed:
            sizes[call.record.result] = arguments[call.function.size]
    return max(sizes.values(), default=0)


def double_releases(calls: Iterable[Call]) -> Iterator[DoubleRelease]:
    """The resources that were acquired once and released twice. The kernel often does not notice it."""
    held: list[set[Key]] = []
    released: dict[Key, Call] = {}
    for call in calls:
        keys = set(_certain_keys(call, call.function.releases))
        match = next((acquired for acquired in reversed(held) if acquired & keys), None)
        if match:
            held.remove(match)
            released.update(dict.fromkeys(match, call))
        else:
            again = next((key for key in sorted(keys) if key in released), None)
            if again:
                yield DoubleRelease(again[0], released[again], call)
        if call.returned and not call.failed:
            acquired = set(_certain_keys(call, call.function.acquires))
            held += [acquired] if acquired else []
            for key in acquired:
                released.pop(key, None)


def _keys(call: Call, handles: tuple[Handle, ...]) -> Iterator[Key]:
    for handle in handles:
        yield handle.kind, handle.values(call.record.arguments, call.record.result)


def _certain_keys(call: Call, handles: tuple[Handle, ...]) -> Iterator[Key]:
    """The keys that refer to one resource only."""
    for kind, values in _keys(call, handles):
        if kind not in COUNTED and (any(values) or kind in COMPLETE):
            yield kind, values
