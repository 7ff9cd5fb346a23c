"""Packs the plan for the tracer (format: `module/tracer.h`): the calls to trace, and the call that is to fail."""

from __future__ import annotations

from dataclasses import dataclass

from kmodlab.tracer.call_sites import Code
from kmodlab.tracer.kernel_api import Function, Functions
from kmodlab.tracer.pointer_calls import CallSite
from kmodlab.tracer.wire_format import (
    MAX_BREAKPOINTS,
    MAX_FUNCTIONS,
    NO_ARGUMENT,
    NO_FUNCTION,
    NO_SITE,
    PLAN,
    PLAN_BREAKPOINT,
    PLAN_FUNCTION,
    PLAN_MAGIC,
    PLAN_SECTION,
    PLAN_SITE,
    BreakpointFlag,
    SiteFlag,
)

# A module that calls these relies on memory that is larger than requested, or begins at a page's boundary.
_RELY_ON_SIZE = {"ksize", "krealloc", "kvrealloc", "build_skb", "slab_build_skb", "build_skb_around"}
# A module that calls these passes objects of slab caches to the kernel in ways that the tracer does not follow.
_RELY_ON_CACHE = {"ksize", "kmem_cache_free_bulk", "kmem_cache_alloc_bulk"}
# These tell whether the cache has a constructor; see module/caches.c.
_CREATE_CACHES = {"kmem_cache_create", "__kmem_cache_create_args"}


@dataclass(frozen=True)
class Fault:
    """A call that is to fail: the number of its site, and which of the site's calls in init it is, from 1."""

    site: int
    nth: int
    function: Function


def pack_plan(code: Code, functions: Functions, fault: Fault | None = None, *, recorded_loads: int = 1) -> bytes:
    """The plan for a module; calls are recorded in its first `recorded_loads` loads."""
    called = {name.removesuffix("_noprof") for name in code.imports}
    extra = SiteFlag(0) if called & _RELY_ON_SIZE else SiteFlag.GUARD
    extra |= SiteFlag(0) if called & _RELY_ON_CACHE else SiteFlag.CACHE
    sites = [_pack_site(site, functions.find(site.symbol), extra) for site in code.sites]
    breakpoints = _pack_breakpoints(code)
    callable_functions = _pack_functions(code, functions, extra)
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
        len(callable_functions),
        _fail_function(code, functions, fault),
        code.name.encode()[:55],
    )
    sections = [PLAN_SECTION.pack(section.symbol, 0, section.value) for section in code.sections]
    return b"".join([head, *sections, *sites, *breakpoints, *callable_functions])


def _pack_site(site: CallSite, function: Function | None, extra: SiteFlag) -> bytes:
    pointer, flags = site.pointer, SiteFlag.JUMP if site.is_jump else SiteFlag(0)
    if pointer is None:
        return _pack_call(function, flags | _flags_of(function, extra), site)
    if pointer.base is None:
        flags |= SiteFlag.PATCHED
    else:
        flags |= SiteFlag.MEMORY if pointer.in_memory else SiteFlag.REGISTER
    return _pack_call(None, flags, site)


def _flags_of(function: Function | None, extra: SiteFlag) -> SiteFlag:
    """How calls of a function are traced; `extra` are the flags that the module's other calls allow."""
    flags = extra & SiteFlag.GUARD
    if function and function.fence:
        flags |= SiteFlag.FENCE
    if function and function.name in _CREATE_CACHES:
        flags |= extra & SiteFlag.CACHE
    return flags


def _pack_call(function: Function | None, flags: SiteFlag, site: CallSite | None = None) -> bytes:
    known = function or Function("", "")
    pointer = site.pointer if site else None
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
        site.length if site else 0,
        (pointer.base or 0) if pointer else 0,
        pointer.displacement if pointer else 0,
        0,
    )


# ---- functions that are called through a pointer -------------------------------------------------------------------


def _pack_functions(code: Code, functions: Functions, extra: SiteFlag) -> list[bytes]:
    """The functions that calls through a pointer may call; empty if the module has no such calls."""
    if not any(site.pointer for site in code.sites):
        return []
    tracked = functions.tracked[:MAX_FUNCTIONS]
    calls = ((function.name, _pack_call(function, _flags_of(function, extra))) for function in tracked)
    return [PLAN_FUNCTION.pack(_hash(name), call) for name, call in calls]


def _hash(name: str) -> int:
    """FNV-1a with 64 bits, as in targets.c."""
    value = 0xCBF29CE484222325
    for byte in name.encode():
        value = (value ^ byte) * 0x100000001B3 & (1 << 64) - 1
    return value


def _fail_function(code: Code, functions: Functions, fault: Fault | None) -> int:
    """The number of the function that is to fail; NO_FUNCTION if the site calls no other."""
    if fault is None or not code.sites[fault.site].pointer:
        return NO_FUNCTION
    return [function.name for function in functions.tracked].index(fault.function.name)


def _pack_breakpoints(code: Code) -> list[bytes]:
    """Breakpoints on the calls, on the instruction after each, and on the exit function, without duplicates."""
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
