"""What the tracer recorded, read out of the guest's memory from outside, as `tracer.h` describes it.

What the memory holds is not to be trusted: a module is free to overwrite it. So sizes are bounded, and what makes no
sense is left out.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import IntEnum, IntFlag

from kmodlab.tracer.wire_format import NO_SITE, RECORD, RECORDS_HEAD, RECORDS_MAGIC

_LIMIT = 4096
PER_SITE = 256  # calls of one site with a record of their own; the last record is the last call's (tracer/calls.c)
_WORDS = re.compile(r"0x([0-9a-f]{16})\b")


class RecordKind(IntEnum):
    """What a record is about."""

    LOADING = 1  # the module's code is in place, its init not yet called
    SECTION = 2  # arguments: number of the section, its address
    INIT = 3  # init is entered
    RETURN = 4  # argument: what init returned
    LIVE = 5
    EXIT = 6  # exit is entered; argument: the address that it will return to
    GOING = 7  # exit has returned, or init has failed
    FREED = 8
    CALL = 9
    ACTIVE = 10  # something may still run the module's code; arguments: `Sees`, address, function
    THREAD = 11  # a thread in the module's code; arguments: id, function, task
    LEFT = 12  # memory that was not freed; arguments: address, size, `Gives`, phase
    TWICE = 13  # memory that is freed for the second time; arguments: address, site of the first, site that got it
    UNPROBED = 14  # a place that could not be watched; arguments: its number, what is there
    SETTLED = 15
    CHECKED = 16  # arguments: pieces of memory left, whether not all could be followed
    FREED_ACTIVE = 17  # memory is freed with something pending in it; arguments: as ACTIVE, and the site that set it
    MISPLACED = 18  # what is freed is inside of memory; arguments: the address, where that begins, site that got it
    OVERRUN = 19  # it was written beyond memory's end; arguments: address, size, site that got it
    SCRIBBLED = 20  # it was written to memory that was freed; arguments: address, where in it, site that freed it


class Phase(IntEnum):
    """How far the module was."""

    OUTSIDE = 0
    INIT = 1
    LOADED = 2
    EXIT = 3
    GONE = 4


class Flag(IntFlag):
    """What is known of a call."""

    RETURNED = 1
    INJECTED = 2
    NESTED = 4  # while another call of the module was under way: in a callback
    ATOMIC = 8  # where one must not sleep
    IN_INTERRUPT = 16
    OWN_TASK = 32  # in the task that runs init or exit


@dataclass(frozen=True)
class Record:
    """One record. `site` counts the module's call sites, None where there is none; `time_s` is the log's clock.

    `result` and `arguments` are unsigned registers, `nth` counts the calls of the site since the module was loaded, and
    `ended_s` is when a call returned, 0 where it did not.
    """

    kind: RecordKind
    phase: Phase
    site: int | None
    pid: int
    time_s: float
    result: int
    arguments: tuple[int, ...]
    nth: int
    flags: Flag
    depth: int
    text: str
    ended_s: float = 0.0


@dataclass(frozen=True)
class Records:
    """All records, in order; `dropped` counts those for which there was no room."""

    all: tuple[Record, ...] = ()
    dropped: int = 0

    def of(self, *kinds: RecordKind) -> tuple[Record, ...]:
        """The records of some kinds."""
        return tuple(record for record in self.all if record.kind in kinds)

    def first(self, kind: RecordKind) -> Record | None:
        """The first of a kind; None where there is none."""
        return next((record for record in self.all if record.kind is kind), None)


def parse_records(head: bytes, body: bytes) -> Records:
    """Records from the bytes of the memory: its head, and what follows that."""
    if len(head) < RECORDS_HEAD.size:
        return Records()
    magic, size, count, dropped, *_ = RECORDS_HEAD.unpack_from(head)
    if magic != RECORDS_MAGIC or size != RECORD.size:
        return Records()
    count = min(count, _LIMIT, len(body) // RECORD.size)
    found = (_parse(fields) for fields in RECORD.iter_unpack(body[: count * RECORD.size]))
    return Records(tuple(record for record in found if record), dropped)


def _parse(fields: tuple[int | bytes, ...]) -> Record | None:
    kind, phase, site, pid, time, result, *arguments, nth, flags, depth, text, ended = fields
    assert isinstance(site, int) and isinstance(time, int) and isinstance(text, bytes)
    if kind not in list(RecordKind) or phase not in list(Phase):
        return None
    return Record(
        kind=RecordKind(kind),
        phase=Phase(phase),
        site=None if site == NO_SITE else site,
        pid=int(pid),
        time_s=time / 1e9,
        result=int(result),
        arguments=tuple(map(int, arguments)),
        nth=int(nth),
        flags=Flag(int(flags) & 63),
        depth=int(depth),
        text=text.partition(b"\0")[0].decode("utf-8", "replace"),
        ended_s=int(ended) / 1e9,
    )


async def read_records(monitor: Callable[[str], Awaitable[str]], address: int) -> Records:
    """Records from a guest, alive or not, whose monitor takes QEMU's human commands. `address` is physical."""
    head = await _read_memory(monitor, address, RECORDS_HEAD.size)
    count = min(RECORDS_HEAD.unpack_from(head)[2], _LIMIT) if len(head) >= RECORDS_HEAD.size else 0
    body = await _read_memory(monitor, address + RECORDS_HEAD.size, count * RECORD.size) if count else b""
    return parse_records(head, body)


async def _read_memory(monitor: Callable[[str], Awaitable[str]], address: int, size: int) -> bytes:
    printed = await monitor(f"xp/{size // 8}xg {address:#x}")
    return b"".join(int(word, 16).to_bytes(8, "little") for word in _WORDS.findall(printed))
