"""The module's calls of kernel functions: what the tracer recorded, and what `kernel_api` says about the function.

From both follows whether a call failed, whether init itself made it, and on which line of C it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from kmodlab.crash.source_location import SourceLine
from kmodlab.tracer.call_sites import Code
from kmodlab.tracer.kernel_api import Function, Functions
from kmodlab.tracer.pointer_calls import CallSite
from kmodlab.tracer.trace_records import Record, Records
from kmodlab.tracer.wire_format import Flag, Phase, RecordKind

_DIRECT_RECLAIM = 0x400  # include/linux/gfp_types.h: the allocation may wait
_NOFAIL = 0x8000


@dataclass(frozen=True)
class Call:
    """One call of a kernel function; `site.symbol` is its name, even if it is called through a pointer."""

    code: Code
    site: CallSite
    function: Function
    record: Record

    @property
    def symbol(self) -> str:
        """The name of the function, as the module imports it."""
        return self.site.symbol.removesuffix("_noprof")

    @cached_property
    def name(self) -> str:
        """The name in the source: that of a macro or of an inlined function, if the source uses one."""
        return source_name(self.code, self.site, self.function)

    @cached_property
    def line(self) -> SourceLine | None:
        """The line of the module's own sources that makes the call; None if unknown."""
        return self.code.line(self.site.section, self.site.offset)

    @property
    def resource_name(self) -> str:
        """The name of the resource that the call acquires or releases; empty if it has none."""
        return self.record.text if self.site.pointer is None or self.record.function is not None else ""

    @property
    def returned(self) -> bool:
        """Whether the call returned."""
        return bool(self.record.flags & Flag.RETURNED)

    @property
    def injected(self) -> bool:
        """Whether the tracer made the call fail."""
        return bool(self.record.flags & Flag.INJECTED)

    @property
    def in_init(self) -> bool:
        """Whether the task that ran init made the call, while init ran."""
        record = self.record
        return record.phase is Phase.INIT and bool(record.flags & Flag.OWN_TASK)

    @property
    def in_callback(self) -> bool:
        """Whether a callback made the call, such as a probe function, while another call had not returned."""
        return bool(self.record.flags & Flag.NESTED)

    @property
    def failed(self) -> bool:
        """Whether the call's result means that it failed."""
        return self.returned and self.function.failure.errno_in(self.record.result) is not None

    @property
    def errno(self) -> int | None:
        """The errno that the call returned; 0 for a failure without an errno (NULL), None if it did not fail."""
        return self.function.failure.errno_in(self.record.result) if self.returned else None

    @property
    def never_fails(self) -> bool:
        """Whether the call is an allocation with __GFP_NOFAIL."""
        flags = self.function.gfp
        return flags is not None and bool(self.record.arguments[flags] & _NOFAIL)

    @property
    def slept_in_atomic(self) -> bool:
        """Whether the function may sleep, and was called in atomic context."""
        flags = self.function.sleeps_by
        waits = flags is not None and bool(self.record.arguments[flags] & _DIRECT_RECLAIM)
        return (self.function.sleeps or waits) and bool(self.record.flags & Flag.ATOMIC)


def calls_made(code: Code, functions: Functions, records: Records) -> tuple[Call, ...]:
    """All recorded calls, in order. A function that is not in the table has an empty `Function`."""
    calls = []
    for record in records.of(RecordKind.CALL):
        if record.site is not None and record.site < len(code.sites):
            site = _called_site(code.sites[record.site], functions, record)
            calls.append(Call(code, site, functions.find(site.symbol) or Function(site.symbol, ""), record))
    return tuple(calls)


def _called_site(site: CallSite, functions: Functions, record: Record) -> CallSite:
    """The site, with the name of the function that the record's call through a pointer called."""
    if site.pointer is None:
        return site
    known = record.function is not None and record.function < len(functions.tracked)
    return replace(site, symbol=functions.tracked[record.function or 0].name if known else record.text)


def source_name(code: Code, site: CallSite, function: Function | None) -> str:
    """The name of the function in the source: that of a macro or of an inlined function, if the source uses one."""
    symbol = site.symbol.removesuffix("_noprof")
    chain = code.lines(site.section, site.offset)
    own = next((number for number, line in enumerate(chain) if line.own), len(chain))
    line = chain[own] if own < len(chain) else None
    text = " ".join(code.text(line, before=1, after=1)) if line else ""
    words = sorted(set(re.findall(r"\b(\w{6,})\s*\(", text)), key=len, reverse=True)
    if own > 0 and chain:
        inlined = chain[own - 1].function.removesuffix("_noprof")
        return next((word for word in words if word.strip("_") == inlined.strip("_")), inlined)
    aliases = function.called if function else ()
    core = symbol.strip("_")
    return next((word for word in words if word in aliases or core.startswith(word.strip("_"))), symbol)


def site_name(code: Code, functions: Functions, calls: Sequence[Call], record: Record) -> str:
    """The name in the source of the function that the site of a record called; empty if unknown.

    A site may call several functions through a pointer; `record.nth` tells which call is meant, unless it is 0.
    """
    site = code.sites[record.site or 0]
    if site.pointer:
        own = [call for call in calls if call.record.site == record.site]
        call = next((call for call in own if call.record.nth == record.nth), own[-1] if own else None)
        site = call.site if call else site
    return source_name(code, site, functions.find(site.symbol)) if site.symbol else ""


def site_line(code: Code, number: int | None) -> SourceLine | None:
    """The line of a call site; None for an unknown site or line."""
    if number is None or not 0 <= number < len(code.sites):
        return None
    site = code.sites[number]
    return code.line(site.section, site.offset)
