"""The line of a cell that a report is about: `crash.guilty` knows the line, a notebook knows the cell."""

from __future__ import annotations

from collections.abc import Mapping

from kmodlab.crash.guilty import find_guilty_line
from kmodlab.crash.report import Report
from kmodlab.notebook.render.crash import CellLine
from kmodlab.notebook.state import BuiltModule


def find_cell_line(report: Report, made: Mapping[str, BuiltModule]) -> CellLine | None:
    """The learner's line, where the report is about a module that a cell of this notebook built; else None."""
    modules = {kmod: ko for kmod, origin in made.items() if (ko := origin.ko(kmod))}
    guilty = find_guilty_line(report, modules)
    if guilty is None:
        return None
    line = guilty.line
    for origin in made.values():
        source = origin.sources.files.get(line.file)
        if source is not None:
            file = "" if line.file == origin.cell else line.file
            text = source.decode("utf-8", "replace")
            return CellLine(file, line.line, text, line.function, guilty.note, guilty.doubt)
    return None
