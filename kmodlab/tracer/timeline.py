"""The life of a module in one guest, moment by moment: what a slide shows as "init failed, so exit is not called".

Made from what the tracer recorded of one load and unload. As data and as text; the picture is the notebook's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from kmodlab.crash.source_location import SourceLine
from kmodlab.tracer.call_log import Call, calls_made
from kmodlab.tracer.call_sites import Code
from kmodlab.tracer.kernel_api import Functions, Gives, Takes, as_signed, errno_name
from kmodlab.tracer.leaks import until_second_load
from kmodlab.tracer.resource_kinds import LOCKS
from kmodlab.tracer.trace_records import Flag, Phase, RecordKind, Records


class What(StrEnum):
    """What happened at a moment."""

    COMING = "coming"  # the module's code is in the kernel; its init has not been called
    INIT = "init"  # init is entered
    CALL = "call"  # init or exit calls the kernel
    RETURN = "return"  # init returns
    LIVE = "live"
    GOING = "going"  # it is being unloaded, or its init has failed
    EXIT = "exit"  # exit is entered
    EXITED = "exited"  # exit has returned
    GONE = "gone"  # the module's memory is given back


@dataclass(frozen=True)
class Moment:
    """One moment. `time_s` counts from the first one; `text` says it in words, `result` what came back of a call.

    `failed` is True for a call that failed, and for an init that did. Of a call, `line` is the module's line that it
    stands on, and `took_s` how long it took, None where it did not return.
    """

    what: What
    time_s: float
    text: str
    result: str = ""
    failed: bool = False
    injected: bool = False
    line: SourceLine | None = None
    took_s: float | None = None


@dataclass(frozen=True)
class Timeline:
    """A module's life. `init_returned` is None where init never returned."""

    module: str
    moments: tuple[Moment, ...]
    init_returned: int | None

    @property
    def exit_called(self) -> bool:
        """Whether exit was entered."""
        return any(moment.what is What.EXIT for moment in self.moments)

    @property
    def is_live(self) -> bool:
        """Whether the module was live at some moment."""
        return any(moment.what is What.LIVE for moment in self.moments)

    @property
    def conclusion(self) -> str:
        """What is to be learnt from it, in a sentence."""
        returned = self.init_returned
        if returned is None:
            return "init never returned"
        if returned < 0 and not self.exit_called:
            return f"init failed with {return_text(returned)}, so the module is not loaded and exit is not called"
        if returned < 0:
            return f"init failed with {return_text(returned)}, and called the module's exit function itself"
        if not self.exit_called:
            return "init succeeded; exit was never called"
        return "init succeeded, so the module was live until exit was called"


def make_timeline(code: Code, functions: Functions, records: Records) -> Timeline:
    """The timeline of the first load in a run."""
    first = until_second_load(records)
    # The record of a call that was made very often is the last one's, and so out of order.
    first = Records(tuple(sorted(first.all, key=lambda record: record.time_s)), first.dropped)
    calls = {id(call.record): call for call in calls_made(code, functions, first)}
    loading = first.first(RecordKind.LOADING)
    start = loading.time_s if loading else 0.0
    moments = tuple(_moments(first, calls, start))
    return Timeline(code.name, moments, _init_returned(first))


def _init_returned(records: Records) -> int | None:
    record = records.first(RecordKind.RETURN)
    if record is None:  # a module may have no init at all
        return 0 if records.first(RecordKind.LIVE) and not records.first(RecordKind.INIT) else None
    return as_signed(record.arguments[0], 32)


_WORDS = {
    RecordKind.LOADING: (What.COMING, "the code is in the kernel"),
    RecordKind.INIT: (What.INIT, "init is entered"),
    RecordKind.LIVE: (What.LIVE, "the module is live"),
    RecordKind.FREED: (What.GONE, "its memory is given back"),
}


def _moments(records: Records, calls: dict[int, Call], start: float) -> Iterator[Moment]:
    unloading = False
    for record in records.all:
        time_s = record.time_s - start
        if record.kind in _WORDS:
            what, text = _WORDS[record.kind]
            yield Moment(what, time_s, text)
        elif record.kind is RecordKind.EXIT:
            # The kernel says GOING before it calls exit (delete_module in kernel/module/main.c), but tells nobody yet.
            unloading = record.phase is not Phase.INIT
            if unloading:
                yield Moment(What.GOING, time_s, "the module is going")
            yield Moment(What.EXIT, time_s, "exit is entered")
        elif record.kind is RecordKind.GOING:
            yield (
                Moment(What.EXITED, time_s, "exit returns")
                if unloading
                else Moment(What.GOING, time_s, "the module is going")
            )
        elif record.kind is RecordKind.RETURN:
            returned = as_signed(record.arguments[0], 32)
            yield Moment(What.RETURN, time_s, "init returns", return_text(returned), failed=returned < 0)
        elif id(record) in calls and _is_shown(calls[id(record)]):
            yield _call_moment(calls[id(record)], time_s)


def _is_shown(call: Call) -> bool:
    """Whether a call gets or gives something, and is init's or exit's own."""
    function, record = call.function, call.record
    if record.phase not in (Phase.INIT, Phase.EXIT) or not record.flags & Flag.OWN_TASK or call.in_callback:
        return False
    gives_or_takes = function.gives is not Gives.NOTHING or function.takes is not Takes.NOTHING
    handles = [handle for handle in (*function.opens, *function.closes) if handle.kind not in LOCKS]
    return function.can_fail or gives_or_takes or bool(handles or function.sees)


def _call_moment(call: Call, time_s: float) -> Moment:
    took_s = call.record.ended_s - call.record.time_s if call.returned else None
    text, result = f"{call.name}()", _result_text(call)
    return Moment(What.CALL, time_s, text, result, call.failed, call.injected, call.line, took_s)


def _result_text(call: Call) -> str:
    """What a call gave back, as C has it; nothing where it has no result that counts."""
    if not call.returned:
        return "never returns"
    if call.failed:
        number = call.errno or 0
        how = call.function.failure
        if not number:
            return how.text
        return f"ERR_PTR(-{errno_name(number)})" if how.text.startswith("ERR_PTR") else f"-{errno_name(number)}"
    return "ok" if call.function.can_fail else ""


def return_text(returned: int) -> str:
    """Init's return value: the number, with an errno's name."""
    return f"-{errno_name(-returned)} ({returned})" if returned < 0 else str(returned)


def format_timeline(timeline: Timeline) -> str:
    """The timeline as text, a line for each moment, with the module's state on the left."""
    rows = list(_rows(timeline))
    width = max((len(row[1]) for row in rows), default=0)
    lines = [f"{state:<8} {time:>{width}}  {words}".rstrip() for state, time, words in rows]
    return "\n".join([*lines, f"-> {timeline.conclusion}"])


_STATES = {What.COMING: "COMING", What.LIVE: "LIVE", What.GOING: "GOING", What.GONE: "gone"}


def _rows(timeline: Timeline) -> Iterator[tuple[str, str, str]]:
    for moment in timeline.moments:
        time = f"{moment.time_s * 1000:.1f} ms"
        inside = moment.what is What.CALL
        arrow = f" -> {moment.result}" if moment.result else ""
        fault = "  (made to fail)" if moment.injected else ""
        place = f"   {moment.line.file}:{moment.line.line}" if moment.line else ""
        yield _STATES.get(moment.what, ""), time, f"{'  ' if inside else ''}{moment.text}{arrow}{fault}{place}"
        if moment.what is What.GOING and not timeline.exit_called and not timeline.is_live:
            yield "", "", "exit is never called"


def as_dict(timeline: Timeline) -> dict[str, object]:
    """The timeline as JSON has it."""
    return {
        "module": timeline.module,
        "init_returned": timeline.init_returned,
        "exit_called": timeline.exit_called,
        "conclusion": timeline.conclusion,
        "moments": [
            {
                "what": str(moment.what),
                "time_s": round(moment.time_s, 6),
                "text": moment.text,
                "result": moment.result or None,
                "failed": moment.failed,
                "injected": moment.injected,
                "file": moment.line.file if moment.line else None,
                "line": moment.line.line if moment.line else None,
                "took_s": None if moment.took_s is None else round(moment.took_s, 6),
            }
            for moment in timeline.moments
        ],
    }
