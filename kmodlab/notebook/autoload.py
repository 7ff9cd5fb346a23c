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
        if _OURS.search(info.raw_cell or "") and "kmodlab" not in ipython.extension_manager.loaded:
            ipython.extension_manager.load_extension("kmodlab")
            # The events of this cell are on their way already, to those who listened before.
            from kmodlab.notebook.extension import note_cell

            note_cell(info)

    ipython.events.register("pre_run_cell", look)
