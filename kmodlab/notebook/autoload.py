"""Loads kmodlab into a notebook when a cell needs it, because learners forget `%load_ext kmodlab` after a restart.

The ipykernel loads this small extension when it starts, in every environment that kmodlab is installed in (see
`ipython/`). kmodlab itself is only imported for a cell of ours, or a cell that seems to be a damaged one.
"""

from __future__ import annotations

import builtins
import re
from typing import Any

# The percent signs may be damaged, and names may be misspelt; `accidents` recognises that.
_MAGIC = re.compile(r"^[#/ \t]*%[% \t]*(\w+)", re.MULTILINE)
_MAGICS = (
    "anatomy", "answer", "beside", "boot", "built", "checkpatch", "databases", "depmod", "dkms", "dmesg", "export",
    "faults", "given", "guest", "insmod", "intree", "kconfig", "kfile", "kmod", "kscript", "lab", "library", "lsmod",
    "makefile", "man", "modinfo", "modprobe", "patch", "plug", "rehearse", "reset_guest", "rmmod", "source", "timeline",
    "unplug", "use_kernel",
)  # fmt: skip
_C = re.compile(r"^[ \t]*#[ \t]*include[ \t]*<linux/", re.MULTILINE)
_CALL = re.compile(r"^(\w+)[ \t]*(?:[(\"'“]|$)", re.MULTILINE)
_FUNCTIONS = ("check", "exercise", "hint", "progress", "predict", "guess")
_NEAR = 0.7


def load_ipython_extension(ipython: Any) -> None:
    """Watch the cells that are run, to load kmodlab for the first that needs it."""

    def look(lines: list[str]) -> list[str]:
        if not _is_ours("".join(lines), ipython):
            return lines
        from kmodlab.notebook.extension import is_loaded, load, transform

        # Not with IPython's extension manager, or `%load_ext kmodlab` would print that it is loaded already.
        if is_loaded(ipython):
            return lines
        load(ipython)
        return transform(lines)  # IPython has already collected the transformers for this cell

    look.has_side_effects = True  # type: ignore[attr-defined]
    ipython.input_transformer_manager.cleanup_transforms.append(look)


def _is_ours(text: str, ipython: Any) -> bool:
    if _C.search(text):
        return True
    # The notebook may define a function or a magic of that name itself.
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
