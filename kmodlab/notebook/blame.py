"""Finds the line of a cell that a crash is about: `evidence.blame` knows the line, a notebook knows the cell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from kmodlab.evidence.blame import find_blame as find_line
from kmodlab.evidence.oops.types import Oops
from kmodlab.notebook.render.crash import Blame
from kmodlab.notebook.workplace import Made


def find_blame(oops: Oops, made: Mapping[str, Made]) -> Blame | None:
    """The learner's line, where the crash is in a module that a cell of this notebook built; else None."""
    for kmod in dict.fromkeys(_modules(oops)):
        origin = made.get(kmod)
        ko = origin.ko(kmod) if origin else None
        line = find_line(oops, {kmod: ko}) if ko else None
        source = origin.sources.files.get(line.file) if origin and line else None
        if origin and line and source is not None:
            file = "" if line.file == origin.cell else line.file
            return Blame(file, line.line, source.decode("utf-8", "replace"), line.function)
    return None


def _modules(oops: Oops) -> Iterator[str]:
    """The modules in which the crash may be, that of the innermost call first."""
    frames = [oops.rip_frame, *oops.trace] if oops.rip_frame else oops.trace
    yield from (frame.module for frame in frames if frame and frame.module)
