"""From a stack frame inside a module to the line of C that it came from.

A log says `hello_init+0x11/0x1000 [hello]`; the module's own .ko knows, in its debugging information (DWARF), that
this is line 14 of hello.c, in `count`, which the compiler inlined into `hello_init`. Gives the course that line and
the chain of inlined callers. Which lines of a log are frames is left to `evidence.oops`.

A .ko is not linked yet: each of its sections starts at address 0, so an address alone says nothing. Before the
relocations are applied, the sections are therefore laid out one after the other, as the kernel's loader does it.
"""

from __future__ import annotations

import io
import os
import struct
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

from elftools.dwarf.compileunit import CompileUnit
from elftools.dwarf.die import DIE
from elftools.dwarf.dwarfinfo import DWARFInfo
from elftools.dwarf.ranges import BaseAddressEntry
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from kmodlab.evidence.oops.types import Frame

MAX_BYTES = 64 * 2**20
# A small module needs one million, one that includes half of the kernel's headers six; a file made to keep us busy is
# dropped after some seconds.
MAX_CALLS = 30_000_000
_MAX_DEPTH = 100
_MAX_CHILDREN = 200_000
_SECTION_GAP = 1 << 24
_EXECUTABLE = 0x4
_COMPRESSED = 0x800
_RELOCATABLE = "ET_REL"

T = TypeVar("T")


@dataclass(frozen=True)
class SourceLine:
    """A line of C that was being executed.

    `file` is relative to the module's own folder where it lies in there, else as the compiler recorded it; `path` is
    always the latter. `line` and `column` count from 1; `column` is None where the compiler recorded none.
    `inlined` says that `function` has no code of its own here: the next entry is the function that contains it. `own`
    tells the module's sources from the kernel's headers.
    """

    file: str
    line: int
    column: int | None
    function: str
    inlined: bool
    own: bool
    path: str


class _TooMuchWorkError(Exception):
    """The file keeps its reader busier than any honest one."""


def _bounded(work: Callable[[], T], default: T) -> T:
    """The result of `work`, or `default` if it fails in any way or goes on for too long.

    The file comes out of a build that a learner controls, and pyelftools trusts what it reads: a table may claim 2^60
    entries of no size. Counting calls stops that, whatever the loop, without a process of its own.
    """
    calls = 0
    previous = sys.getprofile()

    def count(_frame: FrameType, _event: str, _argument: object) -> None:
        nonlocal calls
        calls += 1
        if calls > MAX_CALLS:
            raise _TooMuchWorkError

    sys.setprofile(count)
    try:
        return work()
    except Exception:  # whatever garbage does to a parser: the frame stays unresolved
        return default
    finally:
        sys.setprofile(previous)


@dataclass(frozen=True)
class _Function:
    """A function's symbol: its laid-out address and its size, both in bytes."""

    address: int
    size: int


@dataclass
class ModuleSource:
    """A module's debugging information, ready to be asked; open one per .ko and keep it.

    Never raises for what the file contains: a frame that cannot be resolved gives an empty tuple.
    """

    image: bytes
    _functions: dict[str, list[_Function]] = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, ko: Path | bytes) -> ModuleSource:
        """Open a .ko by its path or its content; OSError where the path cannot be read."""
        if isinstance(ko, bytes):
            return cls(ko[: MAX_BYTES + 1])
        with ko.open("rb") as file:
            return cls(file.read(MAX_BYTES + 1))

    def lines(self, frame: Frame) -> tuple[SourceLine, ...]:
        """The frame's line, innermost inlined function first, the frame's own function last; empty if unknown."""
        dwarf = self._dwarf
        if frame.offset is None or dwarf is None:
            return ()
        return _bounded(lambda: self._lines(dwarf, frame), ())

    @cached_property
    def name(self) -> str | None:
        """The module's name as a log writes it, from its .modinfo section; None where there is none."""
        return _bounded(lambda: _module_name(self.image), None)

    @cached_property
    def _dwarf(self) -> DWARFInfo | None:
        return _bounded(self._open, None)

    def _open(self) -> DWARFInfo | None:
        if len(self.image) > MAX_BYTES:
            return None
        elf = ELFFile(io.BytesIO(self.image))
        if elf["e_type"] != _RELOCATABLE or any(section["sh_flags"] & _COMPRESSED for section in elf.iter_sections()):
            return None
        laid_out = ELFFile(io.BytesIO(_lay_out(self.image, elf)))
        for symbol in _symbols(laid_out).iter_symbols():
            if symbol["st_info"]["type"] == "STT_FUNC" and isinstance(symbol["st_shndx"], int):
                function = _Function(symbol["st_value"], symbol["st_size"])
                self._functions.setdefault(symbol.name, []).append(function)
        return laid_out.get_dwarf_info(relocate_dwarf_sections=True) if laid_out.has_dwarf_info() else None

    def _address(self, frame: Frame) -> int | None:
        """Where the frame's instruction lies; None where the module has no such function, or several alike."""
        assert frame.offset is not None
        known = self._functions.get(frame.function, [])
        # The kernel gives a function's size as the distance to the next symbol, which may be more than its own.
        fitting = [function for function in known if function.size == frame.size] or known
        # A call's return address is the instruction after it, which may be another line's, or another function's.
        offset = frame.offset if frame.exact else frame.offset - 1
        if len(fitting) != 1 or not 0 <= offset <= fitting[0].size:
            return None
        return fitting[0].address + offset

    def _lines(self, dwarf: DWARFInfo, frame: Frame) -> tuple[SourceLine, ...]:
        address = self._address(frame)
        if address is None:
            return ()
        units = list(islice(dwarf.iter_CUs(), _MAX_CHILDREN))
        home = _common_folder([_unit_path(unit) for unit in units])
        for unit in units:
            chain = _enclosing(dwarf, unit, address)
            if chain:
                return tuple(_SourceNames(dwarf, unit, home).resolve(chain, address))
        return ()


def resolve(ko: Path | bytes, frame: Frame) -> tuple[SourceLine, ...]:
    """The C lines of one frame, innermost first, inlined callers included; empty where they cannot be known."""
    return ModuleSource.read(ko).lines(frame)


def _module_name(image: bytes) -> str | None:
    section = ELFFile(io.BytesIO(image)).get_section_by_name(".modinfo")
    assert section is not None
    entries = (entry.partition(b"=") for entry in section.data().split(b"\0"))
    return next((value.decode("utf-8", "replace") for key, _, value in entries if key == b"name"), None)


def _symbols(elf: ELFFile) -> SymbolTableSection:
    section = elf.get_section_by_name(".symtab")
    assert isinstance(section, SymbolTableSection)
    return section


def _lay_out(image: bytes, elf: ELFFile) -> bytes:
    """The same file with every symbol in executable sections moved to an address that no other section has."""
    symbols = _symbols(elf)
    width, position, order = symbols["sh_entsize"], 8 if elf.elfclass == 64 else 4, "<" if elf.little_endian else ">"
    value = struct.Struct(order + ("Q" if elf.elfclass == 64 else "I"))
    executable = [bool(section["sh_flags"] & _EXECUTABLE) for section in elf.iter_sections()]
    moved = bytearray(image)
    for number, symbol in enumerate(symbols.iter_symbols()):
        section = symbol["st_shndx"]
        if isinstance(section, int) and executable[section]:
            place = symbols["sh_offset"] + number * width + position
            value.pack_into(moved, place, symbol["st_value"] + section * _SECTION_GAP)
    return bytes(moved)


def _unit_path(unit: CompileUnit) -> str:
    attributes = unit.get_top_DIE().attributes
    name, folder = (_text(attributes.get(key)) for key in ("DW_AT_name", "DW_AT_comp_dir"))
    return os.path.normpath(str(Path(folder) / name))


def _text(attribute: Any) -> str:
    return attribute.value.decode("utf-8", "replace") if attribute is not None else ""


def _common_folder(paths: list[str]) -> str:
    folders = {str(Path(path).parent) for path in paths}
    return os.path.commonpath(folders) if folders else ""


def _covers(dwarf: DWARFInfo, unit: CompileUnit, die: DIE, address: int) -> bool:
    """Whether the code of this entry includes the address."""
    attributes = die.attributes
    if "DW_AT_ranges" in attributes:
        lists, top = dwarf.range_lists(), unit.get_top_DIE().attributes
        assert lists is not None
        base = top["DW_AT_low_pc"].value if "DW_AT_low_pc" in top else 0
        for entry in lists.get_range_list_at_offset(attributes["DW_AT_ranges"].value, cu=unit):
            if isinstance(entry, BaseAddressEntry):
                base = entry.base_address
                continue
            start = 0 if entry.is_absolute else base
            if start + entry.begin_offset <= address < start + entry.end_offset:
                return True
        return False
    if "DW_AT_low_pc" not in attributes or "DW_AT_high_pc" not in attributes:
        return False
    low, high = attributes["DW_AT_low_pc"].value, attributes["DW_AT_high_pc"]
    # From DWARF 4 on the upper end is usually a length.
    end = high.value if high.form == "DW_FORM_addr" else low + high.value
    return bool(low <= address < end)


def _children(die: DIE) -> Iterator[DIE]:
    return islice(die.iter_children(), _MAX_CHILDREN)


def _enclosing(dwarf: DWARFInfo, unit: CompileUnit, address: int) -> list[DIE]:
    """The function at the address and, in it, the inlined ones, outermost first; empty if not of this unit."""
    chain: list[DIE] = []
    inside: DIE | None = unit.get_top_DIE()
    wanted = ["DW_TAG_subprogram"]
    for _ in range(_MAX_DEPTH):
        assert inside is not None
        within = (die for die in _children(inside) if die.tag in wanted and _covers(dwarf, unit, die, address))
        inside = next(within, None)
        if inside is None:
            break
        if inside.tag != "DW_TAG_lexical_block":
            chain.append(inside)
        wanted = ["DW_TAG_inlined_subroutine", "DW_TAG_lexical_block"]
    return chain


def _function_name(die: DIE) -> str:
    for _ in range(_MAX_DEPTH):
        if "DW_AT_name" in die.attributes:
            return _text(die.attributes["DW_AT_name"])
        origin = next((key for key in ("DW_AT_abstract_origin", "DW_AT_specification") if key in die.attributes), None)
        if origin is None:
            break
        die = die.get_DIE_from_attribute(origin)
    return "?"


class _SourceNames:
    """Files and lines of one compilation unit."""

    def __init__(self, dwarf: DWARFInfo, unit: CompileUnit, home: str) -> None:
        program = dwarf.line_program_for_CU(unit)
        assert program is not None
        self._program = program
        self._folder = _text(unit.get_top_DIE().attributes.get("DW_AT_comp_dir"))
        self._home = home

    def _path(self, number: int) -> str:
        header = self._program.header
        # Up to DWARF 4 files count from 1, and folder 0 is the one that the compiler ran in.
        old = header["version"] < 5
        entry = header["file_entry"][number - 1 if old else number]
        folders = [folder.decode("utf-8", "replace") for folder in header["include_directory"]]
        folder = ([self._folder, *folders] if old else folders)[entry.dir_index]
        return os.path.normpath(str(Path(self._folder) / folder / entry.name.decode("utf-8", "replace")))

    def _row(self, address: int) -> tuple[int, int, int]:
        """File number, line and column of the instruction at the address."""
        previous = None
        for entry in self._program.get_entries():
            state = entry.state
            if state is None:
                continue
            if previous is not None and previous.address <= address < state.address:
                return previous.file, previous.line, previous.column
            if not _is_afterthought(state, previous):
                previous = None if state.end_sequence else state
        raise LookupError(address)

    def _line(self, place: tuple[int, int, int], function: str, *, inlined: bool) -> SourceLine:
        number, line, column = place
        path = self._path(number)
        inside = path.startswith(self._home + os.sep)
        file = os.path.relpath(path, self._home) if inside else path
        return SourceLine(file, line, column or None, function, inlined, inside, path)

    def resolve(self, chain: list[DIE], address: int) -> Iterator[SourceLine]:
        """The line at the address in the innermost function of the chain, then where each was inlined."""
        place = self._row(address)
        for die in reversed(chain):
            inlined = die is not chain[0]
            yield self._line(place, _function_name(die), inlined=inlined)
            if inlined:
                place = _call_site(die)


def _is_afterthought(row: Any, previous: Any) -> bool:
    """Whether a row at the address of the one before names another line, though no statement begins there.

    For `return *p;` gcc writes two rows at one address: the statement's, and one for the function's last line.
    """
    if previous is None or row.end_sequence or row.address != previous.address:
        return False
    return bool(previous.is_stmt and not row.is_stmt and row.line != previous.line)


def _call_site(die: DIE) -> tuple[int, int, int]:
    keys = ("DW_AT_call_file", "DW_AT_call_line", "DW_AT_call_column")
    file, line, column = (die.attributes[key].value if key in die.attributes else 0 for key in keys)
    return file, line, column
