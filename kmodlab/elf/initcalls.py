"""The init functions of a kernel, in the order in which it calls them while it boots.

include/linux/init.h, ___define_initcall(), names a pointer to each: __initcall__kmod_hello__230_17_hello_init6 is that
of hello_init() in line 17 of the object hello, at the level 6; the linker sorts them by level, and within a level they
keep the order of the Makefiles (include/asm-generic/vmlinux.lds.h, INIT_CALLS).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice

from kmodlab.elf.object_file import ObjectFile

_PREFIX = "__initcall__kmod_"
_LONGEST = 512  # characters of a name (KSYM_NAME_LEN in include/linux/kallsyms.h)
_MOST = 20_000  # a distribution's kernel has two thousand
_POINTER = re.compile(
    r"__initcall__kmod_(?P<kmod>\w+?)__\d+_(?P<line>\d+)_(?P<function>\w+?)(?P<level>early|rootfs|con|[0-7])s?"
)


@dataclass(frozen=True)
class Initcall:
    """One init function; `kmod` is the name of its driver, as KBUILD_MODNAME has it."""

    level: str
    function: str
    kmod: str
    line: int


def find_initcalls(elf: ObjectFile) -> tuple[Initcall, ...]:
    """The init functions of a vmlinux, or of one object, in the order of their pointers.

    Raises: MalformedError.
    """
    found = []
    names = (symbol for symbol in elf.symbols if symbol.name.startswith(_PREFIX) and len(symbol.name) < _LONGEST)
    for symbol in islice(names, _MOST):
        match = _POINTER.fullmatch(symbol.name)
        if match:
            call = Initcall(match["level"], match["function"], match["kmod"], int(match["line"]))
            found.append((symbol.section.index if symbol.section else 0, symbol.value, call))
    return tuple(call for _section, _value, call in sorted(found, key=lambda row: row[:2]))
