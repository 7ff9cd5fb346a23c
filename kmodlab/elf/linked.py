"""Finds the symbols of a driver's object in the linked kernel: the address of each, or that the linker dropped it.

include/asm-generic/vmlinux.lds.h says what the linker drops (DISCARDS), and what lies between __init_begin and
__init_end, which the kernel frees after the boot (free_initmem()).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from kmodlab.elf.compare import plain_name
from kmodlab.elf.initcalls import Initcall, find_initcalls
from kmodlab.elf.object_file import ObjectFile, Symbol

_INIT = ("__init_begin", "__init_end")


class Fate(StrEnum):
    """The fate of a symbol: it stays while the kernel runs, it is freed after the boot, or the linker drops it."""

    STAYS = "stays"
    FREED = "freed"
    DROPPED = "dropped"


@dataclass(frozen=True)
class LinkedSymbol:
    """A symbol of an object, with its section and address in the kernel; "" and None if it is dropped."""

    name: str
    section: str
    size: int
    fate: Fate
    kernel_section: str = ""
    address: int | None = None


@dataclass(frozen=True)
class Linked:
    """An object in the kernel.

    `initcalls` are all init functions of the kernel; `own` are the indices of the object's own ones in it.
    """

    symbols: tuple[LinkedSymbol, ...]
    initcalls: tuple[Initcall, ...]
    own: tuple[int, ...]


def find_linked(built: ObjectFile, kernel: ObjectFile) -> Linked:
    """Find the symbols of the object `built` in `kernel`, the kernel's vmlinux.

    Raises: MalformedError if a table of symbols is damaged.
    """
    there = _symbols_of(built, kernel)
    edges = {symbol.name: symbol.value for symbol in kernel.symbols if symbol.name in _INIT}
    begin, end = (edges.get(name, 0) for name in _INIT)
    symbols = []
    for symbol in built.symbols:
        if symbol.kind in ("section", "file") or symbol.section is None or not symbol.name:
            continue
        in_kernel = there.get(plain_name(symbol.name))
        if in_kernel is None:
            fate, section, address = Fate.DROPPED, "", None
        else:
            fate = Fate.FREED if begin <= in_kernel.value < end else Fate.STAYS
            section, address = in_kernel.section.name if in_kernel.section else "", in_kernel.value
        symbols.append(LinkedSymbol(symbol.name, symbol.section.name, symbol.size, fate, section, address))
    calls = find_initcalls(kernel)
    mine = {(call.kmod, call.function) for call in find_initcalls(built)}
    own = tuple(number for number, call in enumerate(calls) if (call.kmod, call.function) in mine)
    return Linked(tuple(symbols), calls, own)


def _symbols_of(built: ObjectFile, kernel: ObjectFile) -> dict[str, Symbol]:
    """The kernel's symbols that come from an object, by name.

    In a table of symbols, a file's local symbols follow the symbol of the file (gABI, "Symbol Table").
    """
    sources = {symbol.name for symbol in built.symbols if symbol.kind == "file"}
    names = {plain_name(symbol.name): symbol.binding for symbol in built.symbols if symbol.section}
    groups: list[dict[str, Symbol]] = []
    others: dict[str, Symbol] = {}
    is_own = False
    for symbol in kernel.symbols:
        if symbol.kind == "file":
            is_own = symbol.name in sources
            if is_own:
                groups.append({})
        elif (name := plain_name(symbol.name)) in names and symbol.section:
            if symbol.binding == "local" and is_own:
                groups[-1].setdefault(name, symbol)
            elif symbol.binding != "local" and names[name] != "local":
                others[name] = symbol
    # Several source files may have the same name: the object's is the file with most of its symbols.
    return others | max(groups, key=len, default={})
