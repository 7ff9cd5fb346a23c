"""The licence of a module, as the kernel judges it.

The kernel knows six licences that are compatible with the GPL, and compares whole strings. Any other licence taints it.
Of several, it uses the first in .modinfo (kernel/module/main.c, set_license), where the compiler decides on the order.
For modpost all of them must be compatible, or the module may not use what is exported with EXPORT_SYMBOL_GPL
(scripts/mod/modpost.c, read_symbols).
"""

from __future__ import annotations

from kmodlab.elf.modinfo import Modinfo

GPL_COMPATIBLE = (  # include/linux/license.h, license_is_gpl_compatible
    "GPL",
    "GPL v2",
    "GPL and additional rights",
    "Dual BSD/GPL",
    "Dual MIT/GPL",
    "Dual MPL/GPL",
)
PROPRIETARY = "Proprietary"  # what include/linux/module.h asks all others to state


def is_gpl_compatible(licence: str) -> bool:
    """Whether the kernel takes a licence for a free one."""
    return licence in GPL_COMPATIBLE


def licence_of(modinfo: Modinfo) -> str | None:
    """The licence that the kernel uses; None if the module states none."""
    return modinfo.get("license")


def quote_licences() -> str:
    """The compatible licences, as one writes them in C."""
    return ", ".join(f'"{licence}"' for licence in GPL_COMPATIBLE)
