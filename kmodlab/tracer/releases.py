"""Matches calls that acquire resources with calls that release them: what is never released, or released twice.

This does not include memory: the tracer itself records what was freed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kmodlab.tracer.call_log import Call
from kmodlab.tracer.kernel_api import Handle
from kmodlab.tracer.resources import LOCKS, MODULE_REFERENCE

Key = tuple[str, tuple[int, ...]]

# Reference counts: code that is not traced may hold references too.
COUNTED = LOCKS | {MODULE_REFERENCE, "kobject", "cdev-object", "file", "clock-enabled", "clock-prepared", "gpiod"}
COUNTED |= {
    "regulator-enabled",
    "tty-driver",
    "adapter-reference",
    "pci-enable",
    "device-reference",
    "interface-reference",
}
# Kinds for which the table has all functions that acquire a resource, so that even a key of zeros means one resource.
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
    """The size in bytes of the largest memory that calls allocated and no call freed; 0 if there is none."""
    sizes: dict[int, int] = {}
    for call in calls:
        arguments = call.record.arguments
        if call.function.frees:
            sizes.pop(arguments[call.function.frees_argument], None)
        if call.function.allocates and call.function.size is not None and call.returned and not call.failed:
            sizes[call.record.result] = arguments[call.function.size]
    return max(sizes.values(), default=0)


def double_releases(calls: Iterable[Call]) -> Iterator[DoubleRelease]:
    """The resources that were acquired once and released twice, which the kernel often does not notice."""
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
    """The keys of a call that refer to a single resource."""
    for kind, values in _keys(call, handles):
        if kind not in COUNTED and (any(values) or kind in COMPLETE):
            yield kind, values
