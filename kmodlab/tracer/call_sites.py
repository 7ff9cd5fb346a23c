"""Finds the instructions of a module that call the kernel: an imported function, or a function through a pointer.

The compiler writes `call 0` and a relocation that names the symbol. So each call is known before the module is loaded,
with its line of C. `pointer_calls` finds calls through a pointer, whose function is known only at run time.

Only for x86-64: call (E8) and jump (E9) with a 32-bit displacement. Format: System V ABI, AMD64 supplement.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from kmodlab.crash.report import Frame
from kmodlab.crash.source_location import CodePlace, ModuleSource, SourceLine
from kmodlab.elf.contents import MalformedError
from kmodlab.elf.object_file import ObjectFile, Symbol, parse_object
from kmodlab.tracer.pointer_calls import CallSite, find_pointer_calls, is_conditional_jump

CALL_LENGTH = 5
_CALL, _JUMP = 0xE8, 0xE9
_ENDBR64 = b"\xf3\x0f\x1e\xfa"
_RELOCATIONS = ("R_X86_64_PC32", "R_X86_64_PLT32")
_INIT, _EXIT = "init_module", "cleanup_module"  # their names after module_init and module_exit (include/linux/module.h)
# Functions whose calls the compiler or the kernel's build inserts; no source line calls them.
_NOT_CALLED = re.compile(r"__fentry__|__x86_|__SCT__|__stack_chk_fail|__asan_|__ubsan_|__tsan_|__sanitizer_|__cfi_")
_LIMIT = 512  # MAX_SITES of the tracer


@dataclass(frozen=True)
class CodeSection:
    """A section with code. `symbol` is the index in the symbol table of one symbol in it, `value` its offset."""

    name: str
    number: int
    symbol: int
    value: int
    size: int


@dataclass(frozen=True)
class _Symbol:
    start: int
    size: int
    name: str


@dataclass
class Code:
    """A module's code, read once. A damaged file has no sections and no calls.

    `sources` are the texts that it was built from, by file name, if known.
    """

    ko: bytes
    sources: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    _source: ModuleSource | None = field(default=None, repr=False)

    @cached_property
    def _elf(self) -> _Elf:
        try:
            return _Elf(parse_object(self.ko))
        except MalformedError:
            return _Elf(None)

    @property
    def sections(self) -> tuple[CodeSection, ...]:
        """The sections with code that have symbols."""
        return self._elf.sections

    @property
    def sites(self) -> tuple[CallSite, ...]:
        """The calls that the tracer can follow, in the order of the file."""
        return self._elf.sites

    @property
    def untraced(self) -> tuple[CallSite, ...]:
        """The calls that the tracer cannot follow: unusual instructions, or more calls than it has room for."""
        return self._elf.untraced

    @property
    def imports(self) -> frozenset[str]:
        """The names of all functions and variables that the module needs."""
        return self._elf.imports

    @property
    def exit_place(self) -> tuple[int, int] | None:
        """Section and offset of the exit function; None if the module has no exit function."""
        return self._elf.exit_place

    @property
    def init_place(self) -> tuple[int, int] | None:
        """Section and offset of the init function; None if the module has no init function."""
        return self._elf.init_place

    def tail_jumps(self, section: int, offset: int) -> list[tuple[int, int]]:
        """Section and offset of each jump through a pointer that ends the function at this section and offset."""
        function = self._elf.function_at(section, offset)
        jumps = [site for site in self.sites if site.is_jump and site.pointer and site.section == section]
        return [
            (jump.section, jump.offset)
            for jump in jumps
            if function and 0 <= jump.offset - function.start < function.size
        ]

    @cached_property
    def name(self) -> str:
        """The module's name, as in lsmod; empty if the file does not have it."""
        return self.source.name or ""

    @property
    def source(self) -> ModuleSource:
        """The module's debugging information."""
        if self._source is None:
            self._source = ModuleSource.read(self.ko)
        return self._source

    def frame(self, section: int, offset: int) -> Frame | None:
        """The stack frame of an instruction; None if it is in no function."""
        function = self._elf.function_at(section, offset)
        if function is None:
            return None
        return Frame(function.name, offset - function.start, function.size, self.name, exact=True)

    def lines(self, section: int, offset: int) -> tuple[SourceLine, ...]:
        """The lines of C of an instruction, the innermost first, then its inlined callers; empty if unknown."""
        if self._elf.function_at(section, offset) is None:
            return ()
        place = self._code_place(section, offset)
        return self.source.lines_at([place, *self._known_places])[place]

    @cached_property
    def _known_places(self) -> list[CodePlace]:
        """All places whose lines may be needed, so that one run of addr2line finds them."""
        ends = [place for place in (self.init_place, self.exit_place) if place]
        sites = [(site.section, site.offset) for site in (*self.sites, *self.untraced)]
        return [self._code_place(*place) for place in (*ends, *sites)]

    def _code_place(self, section: int, offset: int) -> CodePlace:
        return CodePlace(self.sections[section].name, offset)

    def line(self, section: int, offset: int) -> SourceLine | None:
        """The innermost line of an instruction in the module's own sources; None if it has no such line."""
        return next((line for line in self.lines(section, offset) if line.own), None)

    def text(self, line: SourceLine, before: int = 0, after: int = 0) -> list[str]:
        """The text of a line, with up to `before` and `after` lines around it; empty if the source is unknown."""
        lines = self.sources.get(line.file, b"").decode("utf-8", "replace").split("\n")
        return lines[max(0, line.line - 1 - before) : line.line + after] if line.own else []


class _Elf:
    """The parts of the ELF file that `Code` needs."""

    def __init__(self, elf: ObjectFile | None) -> None:
        self.sections: tuple[CodeSection, ...] = ()
        self.sites: tuple[CallSite, ...] = ()
        self.exit_place: tuple[int, int] | None = None
        self.init_place: tuple[int, int] | None = None
        self.untraced: tuple[CallSite, ...] = ()
        self.imports: frozenset[str] = frozenset()
        self._functions: list[list[_Symbol]] = []
        if elf:
            self._read(elf)

    def _read(self, elf: ObjectFile) -> None:
        self.sections = tuple(_find_sections(elf))
        indexes = {section.number: index for index, section in enumerate(self.sections)}
        self._functions = [[] for _ in self.sections]
        for symbol in elf.symbols:
            index = indexes.get(symbol.section.index) if symbol.section else None
            if index is None or symbol.kind != "func":
                continue
            self._functions[index].append(_Symbol(symbol.value, symbol.size, symbol.name))
            if symbol.name == _EXIT:
                self.exit_place = index, symbol.value + _endbr_length(elf, symbol)
            elif symbol.name == _INIT:
                self.init_place = index, symbol.value
        for functions in self._functions:
            # If a function has two names, a search finds the last one: the author's, not the alias of module_init().
            functions.sort(key=lambda function: (function.start, function.name not in (_EXIT, _INIT)))
        self.imports = frozenset(symbol.name for symbol in elf.symbols if symbol.is_undefined)
        sites = [*_find_sites(elf, indexes), *find_pointer_calls(elf, indexes)]
        sites.sort(key=lambda site: (site.section, site.offset))
        traceable = [site for site in sites if site.is_traceable]
        self.sites = tuple(traceable[:_LIMIT])
        self.untraced = (*(site for site in sites if not site.is_traceable), *traceable[_LIMIT:])

    def function_at(self, section: int, offset: int) -> _Symbol | None:
        functions = self._functions[section]
        number = bisect_right(functions, offset, key=lambda function: function.start) - 1
        inside = number >= 0 and offset < functions[number].start + functions[number].size
        return functions[number] if inside else None


def _endbr_length(elf: ObjectFile, symbol: Symbol) -> int:
    """The length of the endbr64 at a function's beginning, after which a breakpoint can be set; 0 without one."""
    start = elf.content_at(symbol.section, symbol.value, len(_ENDBR64))
    return len(_ENDBR64) if start == _ENDBR64 else 0


def _find_sections(elf: ObjectFile) -> Iterator[CodeSection]:
    first: dict[int, tuple[int, Symbol]] = {}
    # The symbol table begins with an empty entry, which is not among the symbols.
    for number, symbol in enumerate(elf.symbols, 1):
        if symbol.section:
            first.setdefault(symbol.section.index, (number, symbol))
    for section in elf.sections:
        # Alternatives are copied over other code when the module is loaded, and never run in their own section.
        is_code = section.is_executable and not section.name.startswith(".altinstr")
        if is_code and section.size and section.index in first:
            number, symbol = first[section.index]
            yield CodeSection(section.name, section.index, number, symbol.value, section.size)


def _find_sites(elf: ObjectFile, indexes: Mapping[int, int]) -> Iterator[CallSite]:
    for relocation in elf.relocations_in(indexes):
        symbol = relocation.symbol
        if symbol.defined or relocation.kind not in _RELOCATIONS or _NOT_CALLED.match(symbol.name):
            continue
        before = elf.content_at(relocation.section, relocation.offset - 2, 2) if relocation.offset >= 2 else b""
        before = before or elf.content_at(relocation.section, 0, relocation.offset)
        section, offset = indexes[relocation.section.index], relocation.offset - 1
        if before[-1:] in (bytes([_CALL]), bytes([_JUMP])):
            yield CallSite(section, offset, symbol.name, before[-1] == _JUMP)
        elif is_conditional_jump(before):
            yield CallSite(section, offset - 1, symbol.name, is_jump=True, is_traceable=False)
