"""The init functions that a boot's log tells of, if the kernel was booted with initcall_debug.

init/main.c writes a line before each, trace_initcall_start_cb(), and one after it, trace_initcall_finish_cb().
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from kmodlab.crash.records import LogRecord

OPTION = "initcall_debug"
_CALL = re.compile(r"calling  (?P<function>\w+)\+0x[0-9a-f]+/0x[0-9a-f]+(?: \[(?P<kmod>\w+)\])? @ \d+")
_RETURN = re.compile(
    r"initcall (?P<function>\w+)\+0x[0-9a-f]+/0x[0-9a-f]+(?: \[\w+\])? returned (?P<value>-?\d+)"
    r".*? after (?P<us>\d+) usecs"
)


@dataclass(frozen=True)
class InitcallRun:
    """A call of an init function while the kernel booted.

    `returned` and `duration_us` are None if it did not return. `messages` are what the kernel logged in it. `kmod` is
    the module that it belongs to, empty for one that is built in.
    """

    function: str
    time_s: float
    returned: int | None = None
    duration_us: int | None = None
    messages: tuple[LogRecord, ...] = ()
    kmod: str = ""


def find_initcall_runs(records: Iterable[LogRecord]) -> tuple[InitcallRun, ...]:
    """The calls of init functions in a boot's log, in their order. Calls of modules that were loaded later are not."""
    runs: list[InitcallRun] = []
    begun: tuple[str, float, list[LogRecord]] | None = None
    for record in records:
        call, end = _CALL.fullmatch(record.text), _RETURN.match(record.text)
        if call and not call["kmod"]:
            begun = call["function"], record.time_s, []
        elif end and begun and end["function"] == begun[0]:
            runs.append(InitcallRun(begun[0], begun[1], int(end["value"]), int(end["us"]), tuple(begun[2])))
            begun = None
        elif begun:
            begun[2].append(record)
    if begun:
        runs.append(InitcallRun(begun[0], begun[1], messages=tuple(begun[2])))
    return tuple(runs)


def is_initcall_line(record: LogRecord) -> bool:
    """Whether a record is one of initcall_debug's own."""
    return bool(_CALL.fullmatch(record.text) or _RETURN.match(record.text))
