"""Reads the tracer's records from the guest's memory, through QEMU; `module/tracer.h` describes their format.

The memory is not trusted: the module under test can overwrite it. Sizes are bounded, and invalid records are skipped.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import pairwise

from kmodlab.tracer.kernel_api import as_signed
from kmodlab.tracer.wire_format import (
    NO_FUNCTION,
    NO_SITE,
    RECORD,
    RECORDS_HEAD,
    RECORDS_MAGIC,
    Flag,
    Phase,
    RecordKind,
)

_LIMIT = 4096  # records that are read at most
PER_SITE = 256  # records of one site; the last one is overwritten by later calls (call_records.c)
_WORDS = re.compile(r"0x([0-9a-f]{16})\b")


@dataclass(frozen=True)
class Record:
    """One record of the tracer.

    `site` is the number of the module's call site, None for records that are not about a call. `time_s` is the time on
    the clock of the kernel's log. `result` and `arguments` are unsigned registers. `nth` counts the calls of the site
    since the module was loaded. `ended_s` is the time when a call returned, 0 if it did not. `function` is the number
    of the function that is called through a pointer (`plan.callable_functions`), None if `text` is its name.
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
    function: int | None = None

    @property
    def init_returned(self) -> int:
        """The return value of init, in a record of the kind RETURN."""
        return as_signed(self.arguments[0], 32)


@dataclass(frozen=True)
class Records:
    """All records, in order; `dropped` is the number of records for which there was no room."""

    all: tuple[Record, ...] = ()
    dropped: int = 0

    def of(self, *kinds: RecordKind) -> tuple[Record, ...]:
        """The records of some kinds."""
        return tuple(record for record in self.all if record.kind in kinds)

    def first(self, kind: RecordKind) -> Record | None:
        """The first record of a kind; None if there is none."""
        return next((record for record in self.all if record.kind is kind), None)

    @property
    def first_load(self) -> Records:
        """The records before the module is loaded for the second time."""
        loads = self._loads()
        return Records(self.all[: loads[1]], self.dropped) if len(loads) > 1 else self

    @property
    def by_load(self) -> tuple[Records, ...]:
        """The records of each load of the module."""
        starts = [*self._loads(), len(self.all)]
        return tuple(Records(self.all[start:end], self.dropped) for start, end in pairwise(starts))

    @property
    def later_loads(self) -> Records:
        """The records from the module's second load on."""
        loads = self._loads()
        return Records(self.all[loads[1] :], self.dropped) if len(loads) > 1 else Records()

    def _loads(self) -> list[int]:
        return [number for number, record in enumerate(self.all) if record.kind is RecordKind.LOADING]

    def exit_running(self, time_s: float | None = None) -> Record | None:
        """The record of the exit function that was running at this time; None as time means at the end.

        None if exit was not running. An exit function that init itself calls does not count.
        """
        kinds = (RecordKind.LOADING, RecordKind.EXIT, RecordKind.GOING)
        events = [record for record in self.of(*kinds) if time_s is None or record.time_s <= time_s]
        is_exit = bool(events) and events[-1].kind is RecordKind.EXIT and events[-1].phase is not Phase.INIT
        return events[-1] if is_exit else None

    @property
    def init_returned(self) -> int | None:
        """The return value of init in the first load; 0 for a module without init, None if init did not return."""
        records = self.first_load
        returned = records.first(RecordKind.RETURN)
        if returned:
            return returned.init_returned
        return 0 if records.first(RecordKind.LIVE) and not records.first(RecordKind.INIT) else None


def parse_records(head: bytes, body: bytes) -> Records:
    """Parse the tracer's memory: `head` is the header of the records, `body` the bytes after it."""
    if len(head) < RECORDS_HEAD.size:
        return Records()
    magic, size, count, dropped, *_ = RECORDS_HEAD.unpack_from(head)
    if magic != RECORDS_MAGIC or size != RECORD.size:
        return Records()
    count = min(count, _LIMIT, len(body) // RECORD.size)
    records = (_parse(fields) for fields in RECORD.iter_unpack(body[: count * RECORD.size]))
    return Records(tuple(record for record in records if record), dropped)


def _parse(fields: tuple[int | bytes, ...]) -> Record | None:
    kind, phase, site, pid, time, result, *arguments, nth, flags, depth, function, text, ended = fields
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
        function=None if function == NO_FUNCTION else int(function),
        text=text.partition(b"\0")[0].decode("utf-8", "replace"),
        ended_s=int(ended) / 1e9,
    )


async def read_records(monitor: Callable[[str], Awaitable[str]], address: int) -> Records:
    """Read the records of a guest, whether its kernel still runs or not.

    `monitor` runs a command of QEMU's human monitor; `address` is a physical address.
    """
    head = await _read_memory(monitor, address, RECORDS_HEAD.size)
    count = min(RECORDS_HEAD.unpack_from(head)[2], _LIMIT) if len(head) >= RECORDS_HEAD.size else 0
    body = await _read_memory(monitor, address + RECORDS_HEAD.size, count * RECORD.size) if count else b""
    return parse_records(head, body)


async def _read_memory(monitor: Callable[[str], Awaitable[str]], address: int, size: int) -> bytes:
    printed = await monitor(f"xp/{size // 8}xg {address:#x}")
    return b"".join(int(word, 16).to_bytes(8, "little") for word in _WORDS.findall(printed))
