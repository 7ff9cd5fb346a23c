"""What the tracer is to watch, packed as `tracer.h` describes it: calls, and the one that is to fail."""

from __future__ import annotations

from dataclasses import dataclass

from kmodlab.tracer.call_sites import CallSite, Code
from kmodlab.tracer.kernel_api import Function, Functions
from kmodlab.tracer.wire_format import (
    MAX_SPOTS,
    NO_ARGUMENT,
    NO_SITE,
    PLAN,
    PLAN_MAGIC,
    PLAN_SECTION,
    PLAN_SITE,
    PLAN_SPOT,
    SiteFlag,
    SpotFlag,
)

# Whoever calls these relies on memory having more room, or beginning where its pages do.
_RELY_ON_SIZE = {"ksize", "krealloc", "kvrealloc", "build_skb", "slab_build_skb", "build_skb_around"}


@dataclass(frozen=True)
class Fault:
    """A call that is to fail: the site's number, and which of its calls during init, counted from 1."""

    site: int
    nth: int
    function: Function


def pack_plan(code: Code, functions: Functions, fault: Fault | None = None, *, recorded_loads: int = 1) -> bytes:
    """The plan for a module; calls are recorded during the first `recorded_loads` times that it is loaded."""
    guard = not _RELY_ON_SIZE.intersection(site.symbol.removesuffix("_noprof") for site in code.sites)
    sites = [_pack_site(site, functions.find(site.symbol), guard=guard) for site in code.sites]
    spots = _spots(code)
    head = PLAN.pack(
        PLAN_MAGIC,
        len(code.sections),
        len(sites),
        len(spots),
        fault.function.half if fault else 0,
        fault.site if fault else 0xFFFFFFFF,
        fault.nth if fault else 0,
        fault.function.failure.value if fault else 0,
        recorded_loads,
        0,
        code.name.encode()[:55],
    )
    sections = [PLAN_SECTION.pack(section.symbol, 0, section.value) for section in code.sections]
    return b"".join([head, *sections, *sites, *spots])


def _pack_site(site: CallSite, function: Function | None, *, guard: bool) -> bytes:
    known = function or Function(site.symbol, "")
    flags = (
        (SiteFlag.JUMP if site.is_jump else 0)
        | (SiteFlag.FENCE if known.fence else 0)
        | (SiteFlag.GUARD if guard else 0)
    )
    size, gfp = NO_ARGUMENT if known.size is None else known.size, known.gfp or 0
    return PLAN_SITE.pack(
        *(flags, known.gives, known.takes, known.taken, known.sees, known.seen, known.naming, known.named, size, gfp, 0)
    )


def _spots(code: Code) -> list[bytes]:
    """Breakpoints: the calls, what comes behind each, and the exit function; each place once."""
    found: dict[tuple[int, int], tuple[int, int]] = {}
    for number, site in enumerate(code.sites):
        found[site.section, site.offset] = (number, SpotFlag.CALL)
    for site in code.sites:
        if not site.is_jump and site.behind < code.sections[site.section].size:
            found.setdefault((site.section, site.behind), (NO_SITE, 0))
    if code.exit_place:
        number, flags = found.get(code.exit_place, (NO_SITE, 0))
        found[code.exit_place] = (number, flags | SpotFlag.EXIT)
    places = list(found.items())[:MAX_SPOTS]
    return [PLAN_SPOT.pack(offset, section, site, flags, 0) for (section, offset), (site, flags) in places]
