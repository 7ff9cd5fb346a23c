"""The plan for the tracer, as `module/tracer.h` describes it: the calls to trace, and the one that is to fail."""

from __future__ import annotations

from dataclasses import dataclass

from kmodlab.tracer.call_sites import CallSite, Code
from kmodlab.tracer.kernel_api import Function, Functions
from kmodlab.tracer.wire_format import (
    MAX_BREAKPOINTS,
    NO_ARGUMENT,
    NO_SITE,
    PLAN,
    PLAN_BREAKPOINT,
    PLAN_MAGIC,
    PLAN_SECTION,
    PLAN_SITE,
    BreakpointFlag,
    SiteFlag,
)

# A module that calls these relies on memory that is larger than asked for, or that begins where a page begins.
_RELY_ON_SIZE = {"ksize", "krealloc", "kvrealloc", "build_skb", "slab_build_skb", "build_skb_around"}
# A module that calls these passes objects of slab caches to the kernel in ways that are not followed.
_RELY_ON_CACHE = {"ksize", "kmem_cache_free_bulk", "kmem_cache_alloc_bulk"}
# These tell whether the cache has a constructor; see module/caches.c.
_CREATE_CACHES = {"kmem_cache_create", "__kmem_cache_create_args"}


@dataclass(frozen=True)
class Fault:
    """A call that is to fail: the number of its site, and which of the site's calls in init, counted from 1."""

    site: int
    nth: int
    function: Function


def pack_plan(code: Code, functions: Functions, fault: Fault | None = None, *, recorded_loads: int = 1) -> bytes:
    """The plan for a module; calls are recorded in its first `recorded_loads` loads."""
    called = {site.symbol.removesuffix("_noprof") for site in code.sites}
    guard, caches = not called & _RELY_ON_SIZE, not called & _RELY_ON_CACHE
    sites = [_pack_site(site, functions.find(site.symbol), guard=guard, caches=caches) for site in code.sites]
    breakpoints = _pack_breakpoints(code)
    head = PLAN.pack(
        PLAN_MAGIC,
        len(code.sections),
        len(sites),
        len(breakpoints),
        fault.function.half if fault else 0,
        fault.site if fault else 0xFFFFFFFF,
        fault.nth if fault else 0,
        fault.function.failure.value if fault else 0,
        recorded_loads,
        0,
        code.name.encode()[:55],
    )
    sections = [PLAN_SECTION.pack(section.symbol, 0, section.value) for section in code.sections]
    return b"".join([head, *sections, *sites, *breakpoints])


def _pack_site(site: CallSite, function: Function | None, *, guard: bool, caches: bool) -> bytes:
    known = function or Function(site.symbol, "")
    flags = (
        (SiteFlag.JUMP if site.is_jump else 0)
        | (SiteFlag.FENCE if known.fence else 0)
        | (SiteFlag.GUARD if guard else 0)
        | (SiteFlag.CACHE if caches and known.name in _CREATE_CACHES else 0)
    )
    return PLAN_SITE.pack(
        flags,
        known.allocates,
        known.frees,
        known.frees_argument,
        known.callback,
        known.callback_argument,
        known.naming,
        known.name_argument,
        NO_ARGUMENT if known.size is None else known.size,
        known.gfp or 0,
        0,
    )


def _pack_breakpoints(code: Code) -> list[bytes]:
    """The calls, the instruction after each, and the exit function; each place once."""
    breakpoints: dict[tuple[int, int], tuple[int, int]] = {}
    for number, site in enumerate(code.sites):
        breakpoints[site.section, site.offset] = (number, BreakpointFlag.CALL)
    for site in code.sites:
        if not site.is_jump and site.next_offset < code.sections[site.section].size:
            breakpoints.setdefault((site.section, site.next_offset), (NO_SITE, 0))
    if code.exit_place:
        number, flags = breakpoints.get(code.exit_place, (NO_SITE, 0))
        breakpoints[code.exit_place] = (number, flags | BreakpointFlag.EXIT)
    return [
        PLAN_BREAKPOINT.pack(offset, section, site, flags, 0)
        for (section, offset), (site, flags) in list(breakpoints.items())[:MAX_BREAKPOINTS]
    ]
