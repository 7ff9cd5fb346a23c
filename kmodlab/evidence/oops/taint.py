"""The kernel's taint letters in words.

A tainted kernel has been through something that makes later trouble suspicious: an out-of-tree module (every
learner's), an earlier warning. Letters: the kernel's Documentation/admin-guide/tainted-kernels.rst.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from kmodlab.evidence.oops.types import Taint

MEANINGS = {
    "P": "a module with a proprietary licence is loaded",
    "F": "a module was loaded by force",
    "S": "the processor is out of its specification",
    "R": "a module was unloaded by force",
    "M": "the processor reported a machine check",
    "B": "a page or an object of the memory allocator was found damaged",
    "U": "a program asked for the taint",
    "D": "the kernel has died once already: an earlier oops or BUG",
    "A": "an ACPI table was overridden",
    "W": "the kernel has warned once already",
    "C": "a driver from the staging area is loaded",
    "I": "a firmware bug is being worked around",
    "O": "a module built outside the kernel tree is loaded",
    "E": "a module without a valid signature is loaded",
    "L": "a processor was locked up",
    "K": "the kernel was patched while running",
    "X": "the distribution's own flag",
    "T": "the kernel was built with a randomised layout",
    "N": "an in-kernel test has run",
    "J": "fwctl debugging was used",
}

_TAINTED = re.compile(r"Tainted: ((?:[A-Z]+ +)*[A-Z]+)(?: |$)")


def parse_taint(lines: Iterable[str]) -> tuple[Taint, ...]:
    """The taint letters of the first line that has some, in the kernel's order; empty for "Not tainted"."""
    for text in lines:
        found = _TAINTED.search(text)
        if found:
            letters = dict.fromkeys(letter for letter in found.group(1) if letter in MEANINGS)
            return tuple(Taint(letter, MEANINGS[letter]) for letter in letters)
    return ()
