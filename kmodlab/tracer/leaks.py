"""Finds what a module leaves behind, and the line of C that acquired it.

There are two sources: the module's calls show what it acquired and did not release, and on which line; the guest's
resource lists show what is new in the guest. The lists decide about the resources that are in them, because the kernel
may release resources on a module's behalf; the calls decide about the others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from kmodlab.crash.source_location import SourceLine
from kmodlab.i18n import N_, _, ngettext
from kmodlab.tracer.call_log import Call, calls_made, site_line, site_name
from kmodlab.tracer.call_sites import Code
from kmodlab.tracer.kernel_api import Function, Functions, as_signed
from kmodlab.tracer.observe import Observation
from kmodlab.tracer.releases import unreleased
from kmodlab.tracer.resources import (
    MODULE_REFERENCE,
    THREAD,
    ResourceList,
    parse_resources,
    resource_kind,
    resource_title,
)
from kmodlab.tracer.trace_records import PER_SITE, Record, Records
from kmodlab.tracer.unseen import unseen_calls
from kmodlab.tracer.wire_format import Allocates, Callback, Flag, Phase, RecordKind

_CALLBACKS = {
    Callback.TIMER: N_("the timer"),
    Callback.HRTIMER: N_("the hrtimer"),
    Callback.WORK: N_("the work item"),
    Callback.DELAYED_WORK: N_("the delayed work item"),
    Callback.TASKLET: N_("the tasklet"),
    Callback.RCU: N_("the RCU callback"),
}
_UNKNOWN_CALLBACK = N_("something")
_MEMORY = {
    Allocates.MEMORY: N_("memory"),
    Allocates.CACHED: N_("an object of a slab cache"),
    Allocates.PAGE: N_("pages"),
    Allocates.PAGE_ADDRESS: N_("pages"),
}
_SHOWN = 8  # entries of the resource list that are shown for one leak
# Functions that stop a timer; only the second kind waits until its function has returned (kernel/time/timer.c).
_STOPS = {"del_timer", "timer_delete", "timer_shutdown"}
_WAITS = {"del_timer_sync", "timer_delete_sync", "timer_shutdown_sync", "try_to_del_timer_sync"}
# These wait for all running timer functions, but do not prevent a function from starting its timer again.
_WAITS_FOR_ALL = {"synchronize_rcu", "synchronize_rcu_expedited", "synchronize_net"}
# Entries that the kernel makes for any module, or at the first use of an interrupt line.
_BY_KERNEL = ("module ", "/sys/kernel/btf/", "/sys/kernel/irq/", "/proc/irq/")


@dataclass(frozen=True)
class Leak:
    """Something that was left behind: `what` in words, and its origin, if known.

    `function` is the kernel's function that acquired it, `line` the module's line that calls it, `seen` are the entries
    of the guest's resource list that show it. `taken_by` is a function that got it as an argument and may keep it.
    """

    kind: str
    what: str
    function: str | None = None
    line: SourceLine | None = None
    seen: tuple[str, ...] = ()
    taken_by: str = ""

    @property
    def sentence(self) -> str:
        """A sentence: what was left behind, and where it was acquired."""
        if not self.taken_by:
            return self._origin
        return _("{leak}, unless {function}() keeps it").format(leak=self._origin, function=self.taken_by)

    @property
    def _origin(self) -> str:
        place = f"{self.line.file}:{self.line.line}" if self.line else ""
        if self.function and place:
            return _("{leak} ({function}), from {place}").format(leak=self.what, function=self.function, place=place)
        if self.function:
            return _("{leak} ({function})").format(leak=self.what, function=self.function)
        return _("{leak}, from {place}").format(leak=self.what, place=place) if place else self.what


def find_leaks(
    code: Code, functions: Functions, records: Records, before: ResourceList, after: ResourceList | None
) -> tuple[Leak, ...]:
    """The leaks of a module that was unloaded, or whose init failed.

    `after` is None if the guest ended before its resources could be listed; then only the calls decide.
    """
    records = records.first_load
    if not records.first(RecordKind.GOING):
        return tuple(_still_loaded(code, functions, records))
    calls = calls_made(code, functions, records)
    new = new_entries(after, before) if after else []
    leaks = [*find_pending(code, functions, records, calls), *_unwaited(calls, records)]
    if not records.dropped:
        leaks += _resources(calls, new, is_sure=not unseen_calls(code, functions, records))
    leaks += _memory(code, functions, records, calls)
    if after and not _other_modules(code, before, after):
        leaks += [Leak("entry", _entry_words(entry), seen=(entry,)) for entry in _unexplained(new, leaks)]
    return tuple(leaks)


def find_pending(code: Code, functions: Functions, records: Records, calls: Sequence[Call]) -> Iterator[Leak]:
    """The callbacks that might still have run after the module was unloaded. `calls` are those of the first load."""
    yield from _callbacks(code, functions, records, calls)
    yield from _threads(records, calls)


def new_entries(after: ResourceList, before: ResourceList) -> list[str]:
    """The new entries of a resource list that a module may have caused."""
    return [entry for entry in after.since(before) if not entry.startswith(_BY_KERNEL)]


def level_after_cycles(observation: Observation) -> bool | None:
    """Whether the guest's resources are the same after many loads as before the first; None if it was not tried."""
    if observation.step("cycle") is None:
        return None
    is_known = observation.step("resources", "before") and observation.step("resources", "cycled")
    return bool(is_known) and not _new_after_cycles(observation) and not observation.records.of(RecordKind.LEAKED)


def left_after_cycles(code: Code, functions: Functions, observation: Observation) -> str:
    """What many loads have left behind, in words; empty if unknown."""
    calls = calls_made(code, functions, observation.records)
    leaked = observation.records.of(RecordKind.LEAKED)
    first = {
        record.site: record for record in reversed(leaked) if record.site is not None and record.site < len(code.sites)
    }
    memory = (
        Leak("memory", _("memory"), site_name(code, functions, calls, record), site_line(code, number)).sentence
        for number, record in reversed(first.items())
    )
    entries = (_entry_words(entry) for entry in _unexplained(_new_after_cycles(observation), []))
    return ", ".join([*memory, *entries][:_SHOWN])


def _new_after_cycles(observation: Observation) -> list[str]:
    before, after = observation.step("resources", "before"), observation.step("resources", "cycled")
    return new_entries(parse_resources(after.text), parse_resources(before.text)) if before and after else []


def _still_loaded(code: Code, functions: Functions, records: Records) -> Iterator[Leak]:
    """The module itself, if it was not unloaded; a module without an exit function cannot be."""
    if records.first(RecordKind.LIVE) and code.exit_place:
        held = unreleased(calls_made(code, functions, records))
        calls = [acquired.call for acquired in held if acquired.kind == MODULE_REFERENCE]
        name, line = (calls[-1].name, calls[-1].line) if calls else (None, None)
        yield Leak("module", _("the module itself, still loaded"), name, line)


def _other_modules(code: Code, before: ResourceList, after: ResourceList) -> bool:
    """Whether other modules were loaded in the meantime, which have entries of their own."""
    return any(entry.startswith("module ") and entry != f"module {code.name}" for entry in after.since(before))


# ---- what may still run --------------------------------------------------------------------------------------------


def _callbacks(code: Code, functions: Functions, records: Records, calls: Sequence[Call]) -> Iterator[Leak]:
    for record in records.of(RecordKind.ACTIVE):
        if record.site is None or record.site >= len(code.sites):
            continue
        place = section_and_offset(code, records, record.arguments[2])
        frame = code.frame(*place) if place else None
        words = callback_words(record)
        if frame:
            what = _("{callback} that calls {function}, still pending").format(callback=words, function=frame.function)
        else:
            what = _("{callback}, still pending").format(callback=words)
        is_timer = record.arguments[0] in (Callback.TIMER, Callback.HRTIMER)
        function = site_name(code, functions, calls, record)
        yield Leak("timer" if is_timer else "work", what, function, site_line(code, record.site))


def _unwaited(calls: Iterable[Call], records: Records) -> Iterator[Leak]:
    """Timers that were stopped last without waiting for their function, which may still run on another processor."""
    pending = {record.arguments[1] for record in records.of(RecordKind.ACTIVE)}
    for timer, call in unwaited_timers(calls).items():
        if call.symbol in _STOPS and call.record.phase in (Phase.INIT, Phase.EXIT) and timer not in pending:
            what = _("a timer's function that may still be running, since {function}() does not wait for it")
            yield Leak("timer", what.format(function=call.name), line=call.line)


def unwaited_timers(calls: Iterable[Call]) -> dict[int, Call]:
    """Address of each timer whose function was not waited for -> the call that stopped it, or that started it.

    What the function itself starts while a call waits for it is stopped by that call.
    """
    last: dict[int, Call] = {}
    waited_until: dict[int, float] = {}
    restarted: set[int] = set()
    for call in calls:
        timer = call.record.arguments[0]
        if call.function.callback is Callback.TIMER:
            if call.record.time_s >= waited_until.get(timer, 0.0):
                last.setdefault(timer, call)
            restarted |= {timer} if call.record.flags & Flag.IN_INTERRUPT else set()
        elif call.symbol in _STOPS and timer in last:
            last[timer] = call
        elif call.symbol in _WAITS and as_signed(call.record.result, 32) >= 0:
            last.pop(timer, None)
            waited_until[timer] = call.record.ended_s
        elif call.symbol in _WAITS_FOR_ALL:
            last = {other: stop for other, stop in last.items() if other in restarted or stop.symbol not in _STOPS}
    return last


def freed_early(calls: Iterable[Call]) -> tuple[Call, Call] | None:
    """A call in exit that frees memory, and a later one that is the first to wait for a timer or to remove a file.

    That what might use the memory looks first whether it is there does not help: it may be freed right after that.
    Nobody else has the memory that exit itself has allocated.
    """
    freed: Call | None = None
    own: set[int] = set()
    done: set[str] = set()
    for call in calls:
        if call.record.phase is not Phase.EXIT or not call.record.flags & Flag.OWN_TASK:
            continue
        ends = {"timer"} if call.symbol in _WAITS else {one.kind for one in call.function.releases} & {"proc"}
        if freed and ends - done:
            return freed, call
        done |= ends
        if call.function.allocates:
            own.add(call.record.result)
        elif call.function.frees and call.record.arguments[call.function.frees_argument] not in {0, *own}:
            freed = freed or call
    return None


def _threads(records: Records, calls: Iterable[Call]) -> Iterator[Leak]:
    started = {
        call.record.result: call for call in calls if any(handle.kind == THREAD for handle in call.function.acquires)
    }
    # In a later load, the same sites make the calls.
    sites = {call.record.site: call for call in started.values()}
    only = next(iter(sites.values())) if len(sites) == 1 else None
    for record in records.of(RecordKind.THREAD):
        call = started.get(record.arguments[2], only)
        what = _("the kernel thread {name}, still running").format(name=record.text)
        yield Leak(THREAD, what, call.name if call else None, call.line if call else None)


def callback_words(record: Record) -> str:
    """The pending callback of a record of the kind ACTIVE or FREED_ACTIVE, in words."""
    kind = record.arguments[0]
    return _(_CALLBACKS.get(Callback(kind), _UNKNOWN_CALLBACK) if kind in list(Callback) else _UNKNOWN_CALLBACK)


def section_and_offset(code: Code, records: Records, address: int) -> tuple[int, int] | None:
    """Section and offset of an address in the module's code; None for any other address."""
    for record in records.of(RecordKind.SECTION):
        number, base = record.arguments[:2]
        if number < len(code.sections) and base and 0 <= address - base < code.sections[number].size:
            return number, address - base
    return None


# ---- memory --------------------------------------------------------------------------------------------------------


def _memory(code: Code, functions: Functions, records: Records, calls: Sequence[Call]) -> Iterator[Leak]:
    """Memory that was not freed, one leak for each call site."""
    sites: dict[int, list[Record]] = {}
    for record in records.of(RecordKind.LEAKED):
        if record.site is not None and record.site < len(code.sites):
            sites.setdefault(record.site, []).append(record)
    for number, leaked in sites.items():
        words = _amount(leaked)
        takers = (_taker(calls, record.arguments[0]) for record in leaked)
        taken_by = next(filter(None, takers), "")
        name = site_name(code, functions, calls, leaked[0])
        yield Leak("memory", words, name, site_line(code, number), taken_by=taken_by)


def _taker(calls: Iterable[Call], address: int) -> str:
    """The first function outside of the table that got the memory at an address as an argument; empty if none did."""
    return next((call.name for call in calls if not call.function.header and address in call.record.arguments), "")


def _amount(leaked: list[Record]) -> str:
    sizes, allocates = {record.arguments[1] for record in leaked} - {0}, leaked[0].arguments[2]
    memory = _(_MEMORY[Allocates(allocates)]) if allocates in _MEMORY else _("memory")
    if allocates == Allocates.MEMORY and len(sizes) == 1:
        size = sizes.pop()
        memory = ngettext("{size} byte of memory", "{size} bytes of memory", size).format(size=size)
    number = len(leaked)
    return ngettext("{memory}", "{number} times {memory}", number).format(number=number, memory=memory)


# ---- everything else -----------------------------------------------------------------------------------------------


def _kinds_of(function: Function) -> Iterator[str]:
    yield from (handle.kind for handle in (*function.acquires, *function.releases))


def _resources(calls: Sequence[Call], new: list[str], *, is_sure: bool) -> Iterator[Leak]:
    """Resources that no call released. If not `is_sure` (some calls were not seen), only those in the guest's list."""
    claimed: set[str] = set()
    unsure = {kind for call in calls if call.record.nth > PER_SITE for kind in _kinds_of(call.function)}
    for held in unreleased(calls):
        if held.kind in (THREAD, MODULE_REFERENCE):
            continue
        kind, name = resource_kind(held.kind), held.call.resource_name
        seen = tuple(entry for entry in new if kind.matches(entry, name) and entry not in claimed)
        if not seen and (kind.is_visible or held.kind in unsure or not is_sure):
            continue  # the kernel released it, or a call without a record did
        claimed.update(seen)
        yield Leak(held.kind, _describe(held.kind, name, seen), held.call.name, held.call.line, seen[:_SHOWN])


def _describe(kind: str, name: str, seen: tuple[str, ...]) -> str:
    if seen and ("%" in name or not name):
        name = re.split(r"[ /]", seen[0])[-1]
    title = resource_title(kind)
    return _("{resource} {name}").format(resource=title, name=name) if name else title


def _unexplained(new: list[str], leaks: list[Leak]) -> Iterator[str]:
    """New entries that belong to no known leak; of a folder and its contents, only the folder."""
    known = [entry for leak in leaks for entry in leak.seen]
    names = {entry.rpartition("/")[2] for entry in known if entry.startswith("/")}
    shown: list[str] = []
    for entry in new:
        is_below = any(entry.startswith(f"{other}/") for other in (*known, *shown))
        if entry in known or is_below or names.intersection(entry.split("/")):
            continue
        if any(other.startswith(f"{entry}/") for other in known):
            continue  # a folder in which all entries belong to known leaks
        shown.append(entry)
        yield entry


def _entry_words(entry: str) -> str:
    return _("the entry {path}").format(path=entry) if entry.startswith("/") else _("the {entry}").format(entry=entry)
