"""The calls of init functions in the log of a boot with initcall_debug.

The kernel logs a line before each call, trace_initcall_start_cb(), and a line after it, trace_initcall_finish_cb()
(init/main.c).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from kmodlab.crash.records import LogRecord

OPTION = "initcall_debug"
_CALL = re.compile(r"calling  (?P<function>\w+)\+0x[0-9a-f]+/0x[0-9a-f]+(?: \[(?P<kmod>\w+)\])? @ (?P<pid>\d+)")
_RETURN = re.compile(
    r"initcall (?P<function>\w+)\+0x[0-9a-f]+/0x[0-9a-f]+(?: \[\w+\])? returned (?P<value>-?\d+)"
    r".*? after (?P<us>\d+) usecs"
)
# drivers/base/dd.c, really_probe_debug(), for each device that a driver gets.
_PROBE = re.compile(r"probe of .+ returned -?\d+ after \d+ usecs")


@dataclass(frozen=True)
class InitcallRun:
    """A call of an init function.

    `returned` (its return value) and `duration_us` are None if it did not return. `messages` were logged during the
    call. `kmod` is the module of the function, empty if it is built in. `pid` is the process that called it.
    """

    function: str
    time_s: float
    returned: int | None = None
    duration_us: int | None = None
    messages: tuple[LogRecord, ...] = ()
    kmod: str = ""
    pid: int = 1


def find_initcall_runs(records: Iterable[LogRecord], kmod: str = "") -> tuple[InitcallRun, ...]:
    """The calls of built-in init functions, in order; with `kmod`, those of the module of that name."""
    runs: list[InitcallRun] = []
    begun: InitcallRun | None = None
    messages: list[LogRecord] = []
    for record in records:
        call, end = _CALL.fullmatch(record.text), _RETURN.match(record.text)
        if call and (call["kmod"] or "") == kmod:
            begun, messages = InitcallRun(call["function"], record.time_s, kmod=kmod, pid=int(call["pid"])), []
        elif end and begun and end["function"] == begun.function:
            returned, took = int(end["value"]), int(end["us"])
            runs.append(replace(begun, returned=returned, duration_us=took, messages=tuple(messages)))
            begun = None
        elif begun and not _PROBE.fullmatch(record.text):
            messages.append(record)
    if begun:
        runs.append(replace(begun, messages=tuple(messages)))
    return tuple(runs)


def is_initcall_line(record: LogRecord) -> bool:
    """Whether a record is one of initcall_debug's own."""
    return bool(_CALL.fullmatch(record.text) or _RETURN.match(record.text) or _PROBE.fullmatch(record.text))
