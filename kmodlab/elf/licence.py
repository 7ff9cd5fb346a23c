"""The licence of a module, as the kernel judges it.

The kernel knows six licences that are compatible with the GPL, and compares whole strings. Any other licence taints it.
If a module states several licences, the kernel uses the first in .modinfo, whose order the compiler decides
(kernel/module/main.c, set_license). modpost demands that all of them are compatible, or the module may not use symbols
exported with EXPORT_SYMBOL_GPL (scripts/mod/modpost.c, read_symbols).
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
PROPRIETARY = "Proprietary"  # for all other licences, according to include/linux/module.h


def is_gpl_compatible(licence: str) -> bool:
    """Whether the kernel counts a licence as compatible with the GPL."""
    return licence in GPL_COMPATIBLE


def licence_of(modinfo: Modinfo) -> str | None:
    """The licence that the kernel uses; None if the module states none."""
    return modinfo.get("license")


def quote_licences() -> str:
    """The compatible licences, each in the quotes of a C string."""
    return ", ".join(f'"{licence}"' for licence in GPL_COMPATIBLE)
