"""The init functions of a kernel, in the order in which it calls them while it boots.

___define_initcall() in include/linux/init.h makes a pointer to each: __initcall__kmod_hello__230_17_hello_init6 points
to hello_init(), in line 17 of the object hello, at level 6. The linker sorts the pointers by level; within a level they
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
    """One init function; `kmod` is the KBUILD_MODNAME of its driver, `line` the line of its module_init()."""

    level: str
    function: str
    kmod: str
    line: int


def find_initcalls(elf: ObjectFile) -> tuple[Initcall, ...]:
    """The init functions of a vmlinux, or of one object, in the order of their pointers.

    Raises: MalformedError if the table of symbols is damaged.
    """
    pointers = []
    names = (symbol for symbol in elf.symbols if symbol.name.startswith(_PREFIX) and len(symbol.name) < _LONGEST)
    for symbol in islice(names, _MOST):
        match = _POINTER.fullmatch(symbol.name)
        if match:
            call = Initcall(match["level"], match["function"], match["kmod"], int(match["line"]))
            pointers.append((symbol.section.index if symbol.section else 0, symbol.value, call))
    return tuple(call for _section, _value, call in sorted(pointers, key=lambda row: row[:2]))
