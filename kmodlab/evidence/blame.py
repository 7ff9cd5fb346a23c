"""Whose line a crash is: the innermost place in the learner's own source.

A crash may show itself far from its cause, in the kernel's own code. The learner is shown the last line of his that
was being executed, since that is where he can look further.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from kmodlab.build.sources import kmod_name
from kmodlab.evidence.oops.types import Frame, Oops
from kmodlab.evidence.source_lines import ModuleSource, SourceLine


def find_blame(oops: Oops, modules: Mapping[str, bytes]) -> SourceLine | None:
    """The line that a crash is about; `modules` maps names to .ko files. None where it is not in any of them."""
    sources = {kmod_name(name): ModuleSource.read(ko) for name, ko in modules.items()}
    for frame in _places(oops):
        source = sources.get(frame.module or "")
        own = next((line for line in source.lines(frame) if line.own), None) if source else None
        if own:
            return own
    return None


def _places(oops: Oops) -> Iterator[Frame]:
    """Where it trapped, then the calls that led there, innermost first."""
    if oops.rip_frame:
        yield oops.rip_frame
    yield from (frame for frame in oops.trace if frame.reliable)
