"""Loads kmodlab into a notebook when a cell needs it: after a restart, the cell with `%load_ext kmodlab` is forgotten.

The ipykernel loads this small extension when it starts, in every environment that kmodlab is installed in (see
`ipython/`). kmodlab itself is only imported for a cell of ours, or one that looks as if it had been one.
"""

from __future__ import annotations

import builtins
import re
from typing import Any

# The percent signs may be damaged, and names may be misspelt: `accidents` answers that.
_MAGIC = re.compile(r"^[#/ \t]*%[% \t]*(\w+)", re.MULTILINE)
_MAGICS = (
    "anatomy", "answer", "beside", "boot", "built", "checkpatch", "databases", "depmod", "dmesg", "export", "faults",
    "given", "guest", "insmod", "intree", "kconfig", "kfile", "kmod", "kscript", "lab", "library", "lsmod", "makefile",
    "man", "modinfo", "modprobe", "patch", "plug", "rehearse", "reset_guest", "rmmod", "source", "timeline", "unplug",
    "use_kernel",
)  # fmt: skip
_C = re.compile(r"^[ \t]*#[ \t]*include[ \t]*<linux/", re.MULTILINE)
_CALL = re.compile(r"^(\w+)[ \t]*(?:[(\"'“]|$)", re.MULTILINE)
_FUNCTIONS = ("check", "exercise", "hint", "progress", "predict", "guess")
_NEAR = 0.7


def load_ipython_extension(ipython: Any) -> None:
    """Watch the cells that are run."""

    def look(lines: list[str]) -> list[str]:
        if not _is_ours("".join(lines), ipython):
            return lines
        from kmodlab.notebook.extension import is_loaded, load, transform

        # Not by IPython's extension manager: `%load_ext kmodlab` would say that it is loaded already.
        if is_loaded(ipython):
            return lines
        load(ipython)
        return transform(lines)  # IPython has chosen this cell's transformers already

    look.has_side_effects = True  # type: ignore[attr-defined]
    ipython.input_transformer_manager.cleanup_transforms.append(look)


def _is_ours(text: str, ipython: Any) -> bool:
    if _C.search(text):
        return True
    # A function or a magic of such a name may be the notebook's own.
    calls = {name for name in _CALL.findall(text) if name not in ipython.user_ns and not hasattr(builtins, name)}
    magics = {name for name in _MAGIC.findall(text) if not _is_magic(ipython, name)}
    if not calls and not magics:
        return False
    from difflib import get_close_matches

    return any(
        get_close_matches(name.lower(), known, n=1, cutoff=_NEAR)
        for unknown, known in ((calls, _FUNCTIONS), (magics, _MAGICS))
        for name in unknown
    )


def _is_magic(ipython: Any, name: str) -> bool:
    return bool(ipython.find_line_magic(name) or ipython.find_cell_magic(name))
