"""Calls that the tracer could not follow. If there are any, nothing is known to be clean, and some leaks are not sure.

A call through a pointer may be to a place that is no function of the kernel; a breakpoint may be impossible, or may be
overwritten; an instruction may be of a kind that the tracer does not emulate.
"""

from __future__ import annotations

from kmodlab.i18n import _
from kmodlab.tracer.call_sites import Code
from kmodlab.tracer.kernel_api import Functions
from kmodlab.tracer.pointer_calls import CallSite
from kmodlab.tracer.trace_records import Records
from kmodlab.tracer.wire_format import RecordKind


def unseen_calls(code: Code, functions: Functions, records: Records) -> tuple[CallSite, ...]:
    """The calls that were not followed and may matter, those that were certainly made first."""
    kinds = (RecordKind.UNRESOLVED, RecordKind.UNPROBED)
    numbers = [record.site for kind in kinds for record in records.of(kind)]
    sites = [code.sites[number] for number in numbers if number is not None and number < len(code.sites)]
    return tuple(site for site in (*sites, *code.untraced) if _may_matter(site, functions))


def _may_matter(site: CallSite, functions: Functions) -> bool:
    function = functions.find(site.symbol)
    return site.pointer is not None or not site.symbol or (function is not None and function.has_effect)


def describe_unseen(code: Code, site: CallSite) -> str:
    """That a call could not be seen, without a full stop."""
    line = code.line(site.section, site.offset)
    if line is None:
        return _("a call through a pointer could not be seen")
    return _("the call in line {line} could not be seen").format(line=line.line)
