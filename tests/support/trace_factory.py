"""Makes records of the tracer by hand, for a module that is never run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

from kmodlab.tracer.call_sites import Code
from kmodlab.tracer.kernel_api import known_functions
from kmodlab.tracer.observe import Observation, RunStep, Subject
from kmodlab.tracer.step_log import crashes_by_step
from kmodlab.tracer.trace_records import Record, Records
from kmodlab.tracer.wire_format import Flag, Phase, RecordKind

FOLDER = Path(__file__).parents[1] / "data" / "calls"
SOURCE = (FOLDER / "steps.c").read_text()
CODE = Code((FOLDER / "steps.ko").read_bytes(), {"steps.c": SOURCE.encode()})
SUBJECT = Subject(CODE, "steps")
FUNCTIONS = known_functions()
BOX, MISC, TIMER, LOCK = 0xFFFF888000010000, 0xFFFFFFFFC0002000, 0xFFFFFFFFC0002040, 0xFFFFFFFFC0002080
ENOMEM, EBUSY = 12, 16

_clock = count(1)


def line_of(text: str) -> int:
    """The first line of the source with this text."""
    return next(number for number, line in enumerate(SOURCE.splitlines(), 1) if text in line)


def site(symbol: str, nth: int = 1) -> int:
    """The number of a call site."""
    return [number for number, site in enumerate(CODE.sites) if site.symbol == symbol][nth - 1]


def record(kind: RecordKind, *arguments: int, phase: Phase = Phase.INIT, **more: Any) -> Record:
    """A record; each one is a millisecond later than the previous one."""
    time_s = next(_clock) / 1000
    empty = Record(kind, phase, None, 1, time_s, 0, (), 0, Flag(0), 0, "", time_s + 0.0001)
    return replace(empty, arguments=(*arguments, *[0] * (6 - len(arguments))), **more)


def call(symbol: str, *arguments: int, result: int = 0, nth_site: int = 1, **more: Any) -> Record:
    """A call that returned."""
    flags = more.pop("flags", Flag.RETURNED | Flag.OWN_TASK)
    number = site(symbol, nth_site)
    return record(RecordKind.CALL, *arguments, result=result & (2**64 - 1), site=number, nth=1, flags=flags, **more)


def stamped(records: Sequence[Record]) -> list[Record]:
    """The records with increasing times in this order."""
    times = (next(_clock) / 1000 for _ in records)
    return [replace(one, time_s=time_s, ended_s=time_s + 0.0001) for one, time_s in zip(records, times, strict=True)]


def init(*calls: Record, returns: int = 0) -> list[Record]:
    """The records of a load up to init's return."""
    returned = record(RecordKind.RETURN, returns & (2**64 - 1))
    return stamped([record(RecordKind.LOADING), record(RecordKind.INIT), *calls, returned])


def gone() -> list[Record]:
    return [record(RecordKind.GOING, phase=Phase.EXIT), record(RecordKind.FREED, phase=Phase.GONE)]


def loaded_and_unloaded(*calls: Record, in_exit: Sequence[Record] = ()) -> list[Record]:
    """The records of a load and an unload without a failure."""
    exits = [replace(record, phase=Phase.EXIT) for record in in_exit]
    return stamped(
        [*init(*calls), record(RecordKind.LIVE), record(RecordKind.EXIT, phase=Phase.LOADED), *exits, *gone()]
    )


def resources(*entries: str) -> str:
    return "\n".join(["==> names <==", "/dev/null", *entries, ""])


def observed(records: Sequence[Record], log: str = "", after: str | None = None, **more: Any) -> Observation:
    """The observation of a run that completed all its steps."""
    steps = (
        RunStep("resources", ("before",), resources()),
        RunStep("load"),
        RunStep("loaded", ("0",)),
        RunStep("unload"),
        RunStep("unloaded", ("0",)),
        RunStep("resources", ("after",), resources() if after is None else after),
        RunStep("end"),
    )
    fields: dict[str, Any] = {"steps": steps, "records": Records(tuple(records)), "log": ()}
    return Observation(**{**fields, "crashes": tuple(crashes_by_step(log)), **more})
