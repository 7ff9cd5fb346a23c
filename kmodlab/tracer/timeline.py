"""The timeline of a module in a guest, from the tracer's records of one load and unload, as data and as text.

`notebook.render.timeline` draws it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from kmodlab.crash.errnos import errno_name
from kmodlab.crash.source_location import SourceLine
from kmodlab.i18n import N_, _
from kmodlab.tracer.call_log import Call, calls_made
from kmodlab.tracer.call_sites import Code
from kmodlab.tracer.kernel_api import Functions, return_text
from kmodlab.tracer.resources import LOCKS
from kmodlab.tracer.trace_records import Records
from kmodlab.tracer.wire_format import Allocates, Flag, Frees, Phase, RecordKind


class MomentKind(StrEnum):
    """The kind of a moment."""

    COMING = "coming"  # the module's code is in the kernel; its init has not been called
    INIT = "init"  # init is entered
    CALL = "call"  # init or exit calls the kernel
    RETURN = "return"  # init returns
    LIVE = "live"
    GOING = "going"  # the module is being unloaded, or its init has failed
    EXIT = "exit"  # exit is entered
    EXITED = "exited"  # exit has returned
    GONE = "gone"  # the module's memory is freed


@dataclass(frozen=True)
class Moment:
    """One moment. `time_s` counts from the first moment; `text` says what happens.

    `result` is what a call or init returned; `failed` is True if it failed. For a call, `line` is the module's line
    that makes it, and `took_s` its duration, None if it did not return.
    """

    kind: MomentKind
    time_s: float
    text: str
    result: str = ""
    failed: bool = False
    injected: bool = False
    line: SourceLine | None = None
    took_s: float | None = None


@dataclass(frozen=True)
class Timeline:
    """The moments of a module. `init_returned` is None if init never returned."""

    module: str
    moments: tuple[Moment, ...]
    init_returned: int | None

    @property
    def exit_called(self) -> bool:
        """Whether exit was entered."""
        return any(moment.kind is MomentKind.EXIT for moment in self.moments)

    @property
    def is_live(self) -> bool:
        """Whether the module ever reached the state LIVE."""
        return any(moment.kind is MomentKind.LIVE for moment in self.moments)

    @property
    def conclusion(self) -> str:
        """A sentence that sums the timeline up."""
        returned = self.init_returned
        if returned is None:
            return _("init never returned")
        if returned < 0 and not self.exit_called:
            sentence = _("init failed with {value}, so the module is not loaded and exit is not called")
            return sentence.format(value=return_text(returned))
        if returned < 0:
            sentence = _("init failed with {value}, and called the module's exit function itself")
            return sentence.format(value=return_text(returned))
        if not self.exit_called:
            return _("init succeeded; exit was never called")
        return _("init succeeded, so the module was live until exit was called")


def make_timeline(code: Code, functions: Functions, records: Records) -> Timeline:
    """The timeline of the first load in a run."""
    records = records.first_load
    # The records are not in order of time: a site with many calls overwrites its last record.
    records = Records(tuple(sorted(records.all, key=lambda record: record.time_s)), records.dropped)
    calls = {id(call.record): call for call in calls_made(code, functions, records)}
    loading = records.first(RecordKind.LOADING)
    start = loading.time_s if loading else 0.0
    return Timeline(code.name, tuple(_moments(records, calls, start)), records.init_returned)


_WORDS = {
    RecordKind.LOADING: (MomentKind.COMING, N_("the code is in the kernel")),
    RecordKind.INIT: (MomentKind.INIT, N_("init is entered")),
    RecordKind.LIVE: (MomentKind.LIVE, N_("the module is live")),
    RecordKind.FREED: (MomentKind.GONE, N_("its memory is freed")),
}


def _moments(records: Records, calls: dict[int, Call], start: float) -> Iterator[Moment]:
    unloading = False
    for record in records.all:
        time_s = record.time_s - start
        if record.kind in _WORDS:
            kind, text = _WORDS[record.kind]
            yield Moment(kind, time_s, _(text))
        elif record.kind is RecordKind.EXIT:
            # The state is GOING before exit is called, but notifiers run later (delete_module in kernel/module/main.c).
            unloading = record.phase is not Phase.INIT
            if unloading:
                yield Moment(MomentKind.GOING, time_s, _("the module is going"))
            yield Moment(MomentKind.EXIT, time_s, _("exit is entered"))
        elif record.kind is RecordKind.GOING:
            yield (
                Moment(MomentKind.EXITED, time_s, _("exit returns"))
                if unloading
                else Moment(MomentKind.GOING, time_s, _("the module is going"))
            )
        elif record.kind is RecordKind.RETURN:
            returned = record.init_returned
            yield Moment(MomentKind.RETURN, time_s, _("init returns"), return_text(returned), failed=returned < 0)
        elif id(record) in calls and _is_shown(calls[id(record)]):
            yield _call_moment(calls[id(record)], time_s)


def _is_shown(call: Call) -> bool:
    """Whether a call acquires or releases something, and init or exit itself makes it."""
    function, record = call.function, call.record
    if record.phase not in (Phase.INIT, Phase.EXIT) or not record.flags & Flag.OWN_TASK or call.in_callback:
        return False
    is_about_memory = function.allocates is not Allocates.NOTHING or function.frees is not Frees.NOTHING
    handles = [handle for handle in (*function.acquires, *function.releases) if handle.kind not in LOCKS]
    return function.can_fail or is_about_memory or bool(handles or function.callback)


def _call_moment(call: Call, time_s: float) -> Moment:
    took_s = call.record.ended_s - call.record.time_s if call.returned else None
    text, result = f"{call.name}()", _result_text(call)
    return Moment(MomentKind.CALL, time_s, text, result, call.failed, call.injected, call.line, took_s)


def _result_text(call: Call) -> str:
    """The result of a call, as written in C; empty for a call that cannot fail."""
    if not call.returned:
        return _("never returns")
    if call.failed:
        number = call.errno or 0
        failure = call.function.failure
        if not number:
            return failure.text
        return f"ERR_PTR(-{errno_name(number)})" if failure.text.startswith("ERR_PTR") else f"-{errno_name(number)}"
    return _("ok") if call.function.can_fail else ""


def format_timeline(timeline: Timeline) -> str:
    """The timeline as text, a line for each moment, with the module's state on the left."""
    rows = list(_rows(timeline))
    width = max((len(row[1]) for row in rows), default=0)
    lines = [f"{state:<8} {time:>{width}}  {words}".rstrip() for state, time, words in rows]
    return "\n".join([*lines, f"-> {timeline.conclusion}"])


# The kernel's names (enum module_state in include/linux/module.h), except the last.
STATES = {MomentKind.COMING: "COMING", MomentKind.LIVE: "LIVE", MomentKind.GOING: "GOING", MomentKind.GONE: N_("gone")}


def _rows(timeline: Timeline) -> Iterator[tuple[str, str, str]]:
    for moment in timeline.moments:
        time = f"{moment.time_s * 1000:.1f} ms"
        inside = moment.kind is MomentKind.CALL
        result = f" -> {moment.result}" if moment.result else ""
        injected = f"  ({_('made to fail')})" if moment.injected else ""
        place = f"   {moment.line.file}:{moment.line.line}" if moment.line else ""
        yield _(STATES.get(moment.kind, "")), time, f"{'  ' if inside else ''}{moment.text}{result}{injected}{place}"
        if moment.kind is MomentKind.GOING and not timeline.exit_called and not timeline.is_live:
            yield "", "", _("exit is never called")


def as_dict(timeline: Timeline) -> dict[str, object]:
    """The timeline as data for JSON."""
    return {
        "module": timeline.module,
        "init_returned": timeline.init_returned,
        "exit_called": timeline.exit_called,
        "conclusion": timeline.conclusion,
        "moments": [
            {
                "what": str(moment.kind),
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
