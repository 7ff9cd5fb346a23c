"""Loads kmodlab into a notebook when a cell needs it: after a restart, the cell with `%load_ext kmodlab` is forgotten.

The ipykernel loads this small extension when it starts, in every environment that kmodlab is installed in (see
`ipython/`). kmodlab itself is only imported for a cell of ours.
"""

from __future__ import annotations

import re
from typing import Any

_OURS = re.compile(
    r"^(?:%%(?:kmod|kfile|makefile|library|guest|kscript|answer|intree|patch|faults|timeline)\b"
    r"|%(?:insmod|rmmod|modprobe|reset_guest|plug|unplug|anatomy|built|given|boot|export)\b"
    r"|(?:check|exercise|hint|progress|predict|guess)\()",
    re.MULTILINE,
)


def load_ipython_extension(ipython: Any) -> None:
    """Watch the cells that are run."""

    def look(info: Any) -> None:
        if not _OURS.search(info.raw_cell or ""):
            return
        from kmodlab.notebook.extension import is_loaded, load, note_cell

        # Not by IPython's extension manager: `%load_ext kmodlab` would say that it is loaded already.
        if not is_loaded(ipython):
            load(ipython)
            # The events of this cell are on their way already, to those who listened before.
            note_cell(info)

    ipython.events.register("pre_run_cell", look)
