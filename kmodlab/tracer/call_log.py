"""The calls that a module made of the kernel's functions: what the tracer recorded, with the table's knowledge.

Tells for each call whether it failed, whether it was one of init's own, and on which line of C it stands.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from kmodlab.crash.source_location import SourceLine
from kmodlab.tracer.call_sites import CallSite, Code
from kmodlab.tracer.kernel_api import Function, Functions
from kmodlab.tracer.trace_records import Flag, Phase, Record, RecordKind, Records

_DIRECT_RECLAIM = 0x400  # include/linux/gfp_types.h: the allocation may wait
_NOFAIL = 0x8000


@dataclass(frozen=True)
class Call:
    """One call: where, of what, and what came of it."""

    code: Code
    site: CallSite
    function: Function
    record: Record

    @property
    def symbol(self) -> str:
        """The function's name, as the module imports it."""
        return self.site.symbol.removesuffix("_noprof")

    @cached_property
    def name(self) -> str:
        """The name by which the source calls it: that of a macro or an inlined function, where it is one."""
        return source_name(self.code, self.site, self.function)

    @cached_property
    def line(self) -> SourceLine | None:
        """The module's own line that it stands on; None where that is not known."""
        return self.code.line(self.site.section, self.site.offset)

    @property
    def returned(self) -> bool:
        """Whether it came back."""
        return bool(self.record.flags & Flag.RETURNED)

    @property
    def injected(self) -> bool:
        """Whether it was made to fail."""
        return bool(self.record.flags & Flag.INJECTED)

    @property
    def in_init(self) -> bool:
        """Whether it was made while init ran, by the task that ran it."""
        record = self.record
        return record.phase is Phase.INIT and bool(record.flags & Flag.OWN_TASK)

    @property
    def in_callback(self) -> bool:
        """Whether the kernel had called back into the module, from another call of it: a probe function, say."""
        return bool(self.record.flags & Flag.NESTED)

    @property
    def failed(self) -> bool:
        """Whether it returned what says that it failed."""
        return self.returned and self.function.failure.errno_in(self.record.result) is not None

    @property
    def errno(self) -> int | None:
        """The errno that it returned, 0 for a failure without one (NULL); None where it did not fail."""
        return self.function.failure.errno_in(self.record.result) if self.returned else None

    @property
    def never_fails(self) -> bool:
        """Whether it is an allocation that was asked never to fail (__GFP_NOFAIL)."""
        flags = self.function.gfp
        return flags is not None and bool(self.record.arguments[flags] & _NOFAIL)

    @property
    def slept_in_atomic(self) -> bool:
        """Whether it may sleep, and was called where one must not."""
        by = self.function.sleeps_by
        may_sleep = self.function.sleeps or (by is not None and bool(self.record.arguments[by] & _DIRECT_RECLAIM))
        return may_sleep and bool(self.record.flags & Flag.ATOMIC)


def calls_made(code: Code, functions: Functions, records: Records) -> tuple[Call, ...]:
    """All calls that were recorded, in order. A function that the table does not know has a row without contents."""
    found = []
    for record in records.of(RecordKind.CALL):
        if record.site is not None and record.site < len(code.sites):
            site = code.sites[record.site]
            found.append(Call(code, site, functions.find(site.symbol) or Function(site.symbol, ""), record))
    return tuple(found)


def source_name(code: Code, site: CallSite, function: Function | None) -> str:
    """The name by which the source makes a call."""
    symbol = site.symbol.removesuffix("_noprof")
    chain = code.lines(site.section, site.offset)
    own = next((number for number, line in enumerate(chain) if line.own), len(chain))
    if own > 0 and chain:
        return chain[own - 1].function.removesuffix("_noprof")
    line = chain[0] if chain else None
    text = " ".join(code.text(line, before=1, after=1)) if line else ""
    words = sorted(set(re.findall(r"\b(\w{6,})\s*\(", text)), key=len, reverse=True)
    aliases = function.called if function else ()
    core = symbol.strip("_")
    return next((word for word in words if word in aliases or core.startswith(word.strip("_"))), symbol)


def site_name(code: Code, functions: Functions, number: int) -> str:
    """The name by which the source makes the call at a site."""
    site = code.sites[number]
    return source_name(code, site, functions.find(site.symbol))


def site_line(code: Code, number: int | None) -> SourceLine | None:
    """The line of a call site by its number."""
    if number is None or not 0 <= number < len(code.sites):
        return None
    site = code.sites[number]
    return code.line(site.section, site.offset)
