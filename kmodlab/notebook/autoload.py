"""Loads kmodlab into a notebook when a cell needs it: after a restart, the cell with `%load_ext kmodlab` is forgotten.

The ipykernel loads this small extension when it starts, in every environment that kmodlab is installed in (see
`ipython/`). kmodlab itself is only imported for a cell of ours, or one that looks as if it had been one.
"""

from __future__ import annotations

import builtins
import re
from typing import Any

# The percent signs and the name may be damaged; `accidents` answers that.
_MAGIC = re.compile(
    r"^[#/ \t]*%[% \t]*"
    r"(?:k?mo?dd?|kfile|makefile|library|guest|kscript|answer|intree|patch|faults|timeline"
    r"|insmod|rmmod|modprobe|lsmod|reset_guest|plug|unplug|anatomy|built|given|boot|export|rehearse|lab)\b",
    re.MULTILINE | re.IGNORECASE,
)
_C = re.compile(r"^[ \t]*#[ \t]*include[ \t]*<linux/", re.MULTILINE)
_CALL = re.compile(
    r"^((?:ch\w{1,3}k|exercise|hint|progress|predict|guess)s?)[ \t]*(?:[(\"'“]|$)", re.MULTILINE | re.IGNORECASE
)


def load_ipython_extension(ipython: Any) -> None:
    """Watch the cells that are run."""

    def look(lines: list[str]) -> list[str]:
        if not _is_ours("".join(lines), ipython.user_ns):
            return lines
        from kmodlab.notebook.extension import is_loaded, load, transform

        # Not by IPython's extension manager: `%load_ext kmodlab` would say that it is loaded already.
        if is_loaded(ipython):
            return lines
        load(ipython)
        return transform(lines)  # IPython has chosen this cell's transformers already

    look.has_side_effects = True  # type: ignore[attr-defined]
    ipython.input_transformer_manager.cleanup_transforms.append(look)


def _is_ours(text: str, names: dict[str, Any]) -> bool:
    if _MAGIC.search(text) or _C.search(text):
        return True
    # A function of that name may be the notebook's own.
    return any(not (match[1] in names or hasattr(builtins, match[1])) for match in _CALL.finditer(text))
