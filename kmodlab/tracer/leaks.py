"""What is left of a module when it should be gone, and the line of C that acquired it.

Two things are joined. The calls that the module made say what it acquired and did not give back, and on which line.
The accounts say what there is in the guest that was not there before. Where the account can show a thing, the account
decides, since the kernel may give things back on a module's behalf; where it cannot, the calls do.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kmodlab.crash.source_location import SourceLine
from kmodlab.tracer.call_log import Call, calls_made, site_line, site_name
from kmodlab.tracer.call_sites import Code
from kmodlab.tracer.kernel_api import Function, Functions, Gives, Handle, Sees
from kmodlab.tracer.resource_kinds import MODULE_REFERENCE, THREAD, ResourceKind, resource_kind
from kmodlab.tracer.resources import Account
from kmodlab.tracer.trace_records import PER_SITE, Record, RecordKind, Records

_CALLBACKS = {
    Sees.TIMER: "the timer",
    Sees.HRTIMER: "the hrtimer",
    Sees.WORK: "the work item",
    Sees.DELAYED_WORK: "the delayed work item",
    Sees.TASKLET: "the tasklet",
    Sees.RCU: "the RCU callback",
}
_MEMORY = {
    Gives.MEMORY: "memory",
    Gives.CACHED: "an object of a slab cache",
    Gives.PAGE: "pages",
    Gives.PAGE_ADDRESS: "pages",
}
_SHOWN = 8  # of the account's entries that go with one thing
# What comes with modules, or with the first use of an interrupt line, and is the kernel's own affair.
_NOT_CHARGED = ("module ", "/sys/kernel/btf/", "/sys/kernel/irq/", "/proc/irq/")


@dataclass(frozen=True)
class Leak:
    """Something that was left behind: `what` in words, and who acquired it, as far as that is known.

    `function` is the kernel's function that gave it, `line` the module's line that called it, `seen` the places in the
    guest where it shows.
    """

    kind: str
    what: str
    function: str | None = None
    line: SourceLine | None = None
    seen: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """What it is, and where it comes from."""
        place = f", from {self.line.file}:{self.line.line}" if self.line else ""
        return f"{self.what}{f' ({self.function})' if self.function else ''}{place}"


def find_leaks(
    code: Code, functions: Functions, records: Records, before: Account, after: Account | None
) -> tuple[Leak, ...]:
    """What is left after a module was unloaded, or after its init failed.

    `after` is None where the guest did not live long enough to tell; then only what the calls show can be known.
    """
    first = until_second_load(records)
    if not first.first(RecordKind.GOING):
        return tuple(_still_loaded(code, functions, first))
    calls = calls_made(code, functions, first)
    new = charged(after, before) if after else []
    left = list(_running(code, functions, first, calls))
    if not first.dropped:
        left += _resources(calls, new)
    left += _memory(code, functions, first)
    if after and not _other_modules(code, before, after):
        left += [Leak("entry", _words_of(entry), seen=(entry,)) for entry in _unexplained(new, left)]
    return tuple(left)


def charged(after: Account, before: Account) -> list[str]:
    """What is new in an account and may be a module's doing."""
    return [entry for entry in after.since(before) if not entry.startswith(_NOT_CHARGED)]


def until_second_load(records: Records) -> Records:
    """The records of the first time that the module was loaded."""
    loads = [number for number, record in enumerate(records.all) if record.kind is RecordKind.LOADING]
    return Records(records.all[: loads[1]], records.dropped) if len(loads) > 1 else records


def _still_loaded(code: Code, functions: Functions, records: Records) -> Iterator[Leak]:
    """The module itself, where it was loaded and did not go; one without an exit function is there to stay."""
    if records.first(RecordKind.LIVE) and code.exit_place:
        held = [one.call for one in _unreleased(calls_made(code, functions, records)) if one.kind == MODULE_REFERENCE]
        taken = held[-1] if held else None
        name, line = (taken.name, taken.line) if taken else (None, None)
        yield Leak("module", "the module itself, still loaded", name, line)


def _other_modules(code: Code, before: Account, after: Account) -> bool:
    """Whether the kernel loaded modules meanwhile, which put things of their own into the account."""
    return any(entry.startswith("module ") and entry != f"module {code.name}" for entry in after.since(before))


# ---- what may still run --------------------------------------------------------------------------------------------


def _running(code: Code, functions: Functions, records: Records, calls: Iterable[Call]) -> Iterator[Leak]:
    for record in records.of(RecordKind.ACTIVE):
        words = words_of_pending(record)
        if record.site is not None and record.site < len(code.sites):
            function = site_name(code, functions, record.site)
            name = _name_at(code, records, record.arguments[2])
            yield Leak(
                "timer" if "timer" in words else "work",
                f"{words}{name}, still pending",
                function,
                site_line(code, record.site),
            )
    started = {call.record.result: call for call in calls if any(one.kind == THREAD for one in call.function.opens)}
    for record in records.of(RecordKind.THREAD):
        call = started.get(record.arguments[2])
        what = f"the kernel thread {record.text}, still running"
        yield Leak(THREAD, what, call.name if call else None, call.line if call else None)


def words_of_pending(record: Record) -> str:
    """What an ACTIVE record is about, in words."""
    sees = record.arguments[0]
    return _CALLBACKS.get(Sees(sees), "something") if sees in list(Sees) else "something"


def _name_at(code: Code, records: Records, address: int) -> str:
    place = place_of(code, records, address)
    frame = code.frame(*place) if place else None
    return f" that calls {frame.function}" if frame else ""


def place_of(code: Code, records: Records, address: int) -> tuple[int, int] | None:
    """Section and offset of an address in the module's code; None where it is not in there."""
    for record in records.of(RecordKind.SECTION):
        number, base = record.arguments[:2]
        if number < len(code.sections) and base and 0 <= address - base < code.sections[number].size:
            return number, address - base
    return None


# ---- memory --------------------------------------------------------------------------------------------------------


def _memory(code: Code, functions: Functions, records: Records) -> Iterator[Leak]:
    """Memory that was not freed, a line for each call that got some."""
    sites: dict[int, list[Record]] = {}
    for record in records.of(RecordKind.LEFT):
        if record.site is not None and record.site < len(code.sites):
            sites.setdefault(record.site, []).append(record)
    for number, pieces in sites.items():
        words = _amount(functions.find(code.sites[number].symbol), pieces)
        yield Leak("memory", words, site_name(code, functions, number), site_line(code, number))


def _amount(function: Function | None, pieces: list[Record]) -> str:
    gives = function.gives if function else Gives.MEMORY
    words = _MEMORY.get(gives, "memory")
    times = f"{len(pieces)} times " if len(pieces) > 1 else ""
    known = function is not None and function.size is not None and gives is Gives.MEMORY
    sizes = {record.arguments[1] for record in pieces} - {0}
    size = f"{sizes.pop()} bytes of " if known and len(sizes) == 1 else ""
    return f"{times}{size}{words}"


# ---- everything else -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Open:
    """Something that a call acquired; `handles` are the ways to name it."""

    call: Call
    handles: tuple[tuple[str, tuple[int, ...]], ...]

    @property
    def kind(self) -> str:
        return self.handles[0][0]

    def is_closed_by(self, kind: str, key: tuple[int, ...]) -> bool:
        return any(own == kind and (not known or not key or known == key) for own, known in self.handles)


def _unreleased(calls: Iterable[Call]) -> list[_Open]:
    """What was acquired and not given back, by the module's own calls."""
    held: list[_Open] = []
    for call in calls:
        for kind, key in _values(call, call.function.closes):
            found = next((one for one in reversed(held) if one.is_closed_by(kind, key)), None)
            if found:
                held.remove(found)
        if call.function.opens and call.returned and not call.failed:
            held.append(_Open(call, tuple(_values(call, call.function.opens))))
    return held


def _values(call: Call, handles: tuple[Handle, ...]) -> Iterator[tuple[str, tuple[int, ...]]]:
    for handle in handles:
        yield handle.kind, handle.values(call.record.arguments, call.record.result)


def _kinds_of(function: Function) -> Iterator[str]:
    yield from (handle.kind for handle in (*function.opens, *function.closes))


def _resources(calls: Iterable[Call], new: list[str]) -> Iterator[Leak]:
    claimed: set[str] = set()
    unsure = {kind for call in calls if call.record.nth > PER_SITE for kind in _kinds_of(call.function)}
    for one in _unreleased(calls):
        if one.kind in (THREAD, MODULE_REFERENCE):
            continue
        kind, name = resource_kind(one.kind), one.call.record.text
        seen = tuple(entry for entry in new if kind.matches(entry, name) and entry not in claimed)
        if not seen and (kind.is_visible or one.kind in unsure):
            continue  # the kernel gave it back, or the call that gave it back may have no record
        claimed.update(seen)
        yield Leak(one.kind, _describe(kind, name, seen), one.call.name, one.call.line, seen[:_SHOWN])


def _describe(kind: ResourceKind, name: str, seen: tuple[str, ...]) -> str:
    if seen and ("%" in name or not name):
        name = re.split(r"[ /]", seen[0])[-1]
    return f"{kind.words} {name}".rstrip()


def _unexplained(new: list[str], left: list[Leak]) -> Iterator[str]:
    """New entries that nothing on the list accounts for; of a folder and what is in it, only the folder."""
    known = [entry for one in left for entry in one.seen]
    names = {entry.rpartition("/")[2] for entry in known if entry.startswith("/")}
    shown: list[str] = []
    for entry in new:
        is_below = any(entry.startswith(f"{other}/") for other in (*known, *shown))
        if entry in known or is_below or names.intersection(entry.split("/")):
            continue
        # A folder that holds nothing but what is listed already.
        if any(other.startswith(f"{entry}/") for other in known):
            continue
        shown.append(entry)
        yield entry


def _words_of(entry: str) -> str:
    return f"the entry {entry}" if entry.startswith("/") else f"the {entry}"
