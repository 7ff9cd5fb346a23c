"""Finds calls that the tracer could not follow. With such calls, a run is never known to be clean.

A call through a pointer may go to an address that is not a kernel function; a breakpoint may be impossible, or may be
overwritten; the tracer may not be able to emulate an instruction.
"""

from __future__ import annotations

from kmodlab.i18n import _
from kmodlab.tracer.call_sites import Code
from kmodlab.tracer.kernel_api import Functions
from kmodlab.tracer.pointer_calls import CallSite
from kmodlab.tracer.trace_records import Records
from kmodlab.tracer.wire_format import RecordKind


def unseen_calls(code: Code, functions: Functions, records: Records) -> tuple[CallSite, ...]:
    """The calls that were not followed and may matter; calls that were certainly made come first."""
    kinds = (RecordKind.UNRESOLVED, RecordKind.UNPROBED)
    numbers = [record.site for kind in kinds for record in records.of(kind)]
    sites = [code.sites[number] for number in numbers if number is not None and number < len(code.sites)]
    return tuple(site for site in (*sites, *code.untraced) if _may_matter(site, functions))


def _may_matter(site: CallSite, functions: Functions) -> bool:
    function = functions.find(site.symbol)
    return site.pointer is not None or not site.symbol or (function is not None and function.has_effect)


def describe_unseen(code: Code, site: CallSite) -> str:
    """A clause that a call could not be observed, without a full stop."""
    line = code.line(site.section, site.offset)
    if line is None:
        return _("a call through a pointer could not be seen")
    return _("the call in line {line} could not be seen").format(line=line.line)
