"""From a place in a module's code to the line of C that it came from.

A log says `hello_init+0x11/0x1000 [hello]`; the module's own .ko knows, in its debugging information (DWARF), that
this is line 14 of hello.c, in `count`, which the compiler inlined into `hello_init`. The toolchain's addr2line reads
that; the file comes out of a build that a learner controls, so it does so in the sandbox.

A .ko is not linked yet: each of its sections starts at address 0, so an address alone says nothing. Its sections are
therefore laid out one after the other first, as the kernel's loader does it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby, pairwise
from pathlib import Path

from kmodlab.crash.report import Frame, Report
from kmodlab.elf.contents import MalformedError, read_contents
from kmodlab.elf.module import KernelModule, read_module
from kmodlab.elf.object_file import ObjectFile, Symbol
from kmodlab.errors import SetupError
from kmodlab.files import MIB
from kmodlab.process import Deadline, run_async, run_sync
from kmodlab.sandbox.limits import READER
from kmodlab.sandbox.sandbox import OUTSIDE, find_sandbox, open_box

MAX_PLACES = 2000  # that are asked for at once
_FOLDER = "/tmp"  # noqa: S108 (a place in the sandbox)
# The answers to the addresses on stdin; the compilation units; the table of lines, which says more than addr2line.
_SCRIPT = """
addr2line --addresses --functions --inlines --exe="$0"
echo units
readelf --debug-dump=info --dwarf-depth=1 "$0" 2>/dev/null
echo rows
objdump --dwarf=decodedline --wide "$0" 2>/dev/null
"""
_UNIT = re.compile(r"DW_AT_(name|comp_dir)\s*:(?: \(indirect[^)]*\):)?\s*(.*\S)")
_PLACE = re.compile(r"(?P<path>.+):(?P<line>\d+)(?: \(discriminator \d+\))?")
_ROW = re.compile(r"(?P<file>\S.*?)\s+(?P<line>\d+|-)\s+(?P<address>0x[0-9a-f]+)(?:\[\d+\])?(?:\s+\d+)?\s*(?P<stmt>x)?")
_SECTION_ROOM = 1 << 24  # bytes of addresses for each section
# What a call and a jump at a function's end are, by the kind of relocation: on x86 the opcode before it tells (E9 is
# a jump; System V ABI, AMD64 supplement), on arm64 the kind itself (ELF for the Arm 64-bit Architecture).
_X86_CALLS = {"R_X86_64_PLT32", "R_X86_64_PC32"}
_X86_JUMP, _ARM64_JUMP = 0xE9, "R_AARCH64_JUMP26"
_EXIT = "cleanup_module"  # what module_exit() calls it too (include/linux/module.h)


@dataclass(frozen=True)
class SourceLine:
    """A line of C that was being executed.

    `file` is relative to the module's own folder where it lies in there, else as the compiler recorded it; `path` is
    always the latter. `line` counts from 1. `inlined` says that `function` has no code of its own here: the next entry
    is the function that contains it. `own` tells the module's sources from the kernel's headers.
    """

    file: str
    line: int
    function: str
    inlined: bool
    own: bool
    path: str


@dataclass(frozen=True)
class CodePlace:
    """A place in a .ko: the section's name, and an offset in it, in bytes."""

    section: str
    offset: int


@dataclass
class ModuleSource:
    """A module's debugging information, ready to be asked; open one for each .ko and keep it.

    Never raises for what the file contains: a frame that cannot be resolved gives an empty tuple, and `complaint` says
    why.
    """

    image: bytes = field(repr=False)
    _lines: dict[CodePlace, tuple[SourceLine, ...]] = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, ko: Path | bytes) -> ModuleSource:
        """Open a .ko by its path or its content.

        Raises:
            OSError: The path cannot be read.
        """
        return cls(ko if isinstance(ko, bytes) else ko.read_bytes())

    @cached_property
    def module(self) -> KernelModule | None:
        """The file as a module; None where it is damaged."""
        try:
            module = read_module(read_contents(self.image))
            _ = module.elf.symbols
        except MalformedError:
            return None
        return module

    @cached_property
    def name(self) -> str | None:
        """The module's name as a log writes it; None where there is none."""
        try:
            return (self.module.modinfo.get("name") or None) if self.module else None
        except MalformedError:
            return None

    def lines(self, frame: Frame) -> tuple[SourceLine, ...]:
        """The frame's line, innermost inlined function first, the frame's own function last; empty if unknown."""
        place = self.place(frame)
        return self.lines_at([place])[place] if place else ()

    def own_line(self, frame: Frame) -> SourceLine | None:
        """The innermost of the frame's lines that is in the module's own sources."""
        return next((line for line in self.lines(frame) if line.own), None)

    def place(self, frame: Frame) -> CodePlace | None:
        """Where the frame's instruction lies; None where the module has no such function, or several alike."""
        if frame.offset is None or self.module is None:
            return None
        known = self._functions.get(frame.function, [])
        # The kernel gives a function's size as the distance to the next symbol, which may be more than its own.
        fitting = [symbol for symbol in known if symbol.size == frame.size] or known
        # A call's return address is the instruction after it, which may be another line's, or another function's.
        offset = frame.offset if frame.exact else frame.offset - 1
        if len(fitting) != 1 or not 0 <= offset <= fitting[0].size:
            return None
        section = fitting[0].section
        return CodePlace(section.name, fitting[0].value + offset) if section else None

    @cached_property
    def _functions(self) -> dict[str, list[Symbol]]:
        found: dict[str, list[Symbol]] = {}
        for symbol in self.module.elf.symbols if self.module else ():
            if symbol.kind == "func" and symbol.section is not None and symbol.section.is_executable:
                found.setdefault(symbol.name, []).append(symbol)
        return found

    def lines_at(self, places: Iterable[CodePlace]) -> Mapping[CodePlace, tuple[SourceLine, ...]]:
        """The lines of C at some places: all of them are looked up in one go. Empty for one that is not known."""
        wanted = [place for place in dict.fromkeys(places) if place not in self._lines][:MAX_PLACES]
        numbers = self._section_numbers
        addresses = {
            place: numbers[place.section] * _SECTION_ROOM + place.offset
            for place in wanted
            if place.section in numbers and 0 <= place.offset < _SECTION_ROOM
        }
        if addresses and self.has_debug_info:
            assert self.module is not None
            found = _parse(run_sync(_ask(_lay_out(self.module.elf), addresses.values())))
            self._lines |= {place: found.get(address, ()) for place, address in addresses.items()}
        self._lines |= {place: () for place in wanted if place not in self._lines}
        return self._lines

    @cached_property
    def _section_numbers(self) -> dict[str, int]:
        sections = self.module.elf.sections if self.module else ()
        return {section.name: section.index for section in sections if section.is_executable}

    @property
    def has_debug_info(self) -> bool:
        """Whether the file tells lines at all."""
        elf = self.module.elf if self.module else None
        return elf is not None and elf.kind == "relocatable" and elf.section(".debug_line") is not None

    # ---- the last call of exit ----

    def last_calls(self) -> dict[str, CodePlace]:
        """The functions that exit calls by jumping to them, at its end: the place of each jump, by the target."""
        elf = self.module.elf if self.module else None
        exit_function = next(iter(self._functions.get(_EXIT, ())), None)
        if elf is None or exit_function is None or exit_function.section is None:
            return {}
        try:
            relocations = elf.relocations
        except MalformedError:
            return {}
        start, end = exit_function.value, exit_function.value + exit_function.size
        found = {}
        for relocation in relocations:
            at = relocation.offset - (1 if relocation.kind in _X86_CALLS else 0)
            if relocation.section != exit_function.section or not start <= at < end:
                continue
            if relocation.kind == _ARM64_JUMP or (
                relocation.kind in _X86_CALLS and elf.content_at(relocation.section, at, 1) == bytes([_X86_JUMP])
            ):
                found[relocation.symbol.name] = CodePlace(exit_function.section.name, at)
        return found

    # ---- why not ----

    def complaint(self, report: Report, *, found: bool) -> str:
        """Why the lines of a report are not known, or not to be relied on, in a sentence; empty where nothing is wrong.

        The file may be another module than the crashed one, another build of it, for another architecture, or without
        debugging information. `found` tells whether a line was found all the same.
        """
        if self.module is None:
            return "The file is not a kernel module, or it is damaged."
        elf = self.module.elf
        machine = _MACHINES.get(elf.machine, elf.machine)
        architecture = next((name for register, name in _REGISTERS.items() if register in report.registers), machine)
        if machine != architecture:
            return f"The module is built for {machine}; the log is of a kernel for {architecture}."
        frames = [frame for frame in _all_frames(report) if frame.module and frame.module == self.name]
        if not frames and not found:
            others = ", ".join(dict.fromkeys(frame.module for frame in _all_frames(report) if frame.module))
            named = f"it names {others}" if others else "it names no module's function"
            return f"This report is not about the module {self.name or '?'}: {named}."
        build_id = next((frame.build_id for frame in frames if frame.build_id), "")
        if build_id and (own := self.module.build_id) and not own.startswith(build_id):
            return f"The module is another build than the one that crashed: {own[:12]}…, not {build_id[:12]}…."
        vermagic = self.module.modinfo.vermagic
        if report.kernel and vermagic and vermagic.release != report.kernel:
            return (
                f"The module is built for Linux {vermagic.release}; the log is of {report.kernel}: lines may be wrong."
            )
        strange = next((frame for frame in frames if frame.offset is not None and self.place(frame) is None), None)
        if strange and len(self._functions.get(strange.function, ())) < 2:
            return f"The module is another build than the one that crashed: it has no place {strange}."
        if not self.has_debug_info and not found:
            return "The module has no debugging information: build it with the kernel's headers, and do not strip it."
        return ""


_REGISTERS = {"RAX": "x86-64", "EAX": "x86", "x29": "arm64", "psr": "arm"}
_MACHINES = {"x64": "x86-64", "x86": "x86", "AArch64": "arm64", "ARM": "arm"}


def _all_frames(report: Report) -> Iterator[Frame]:
    yield from (*report.frames, *report.trace, *(frame for stack in report.stacks for frame in stack.frames))


# ---- addr2line -----------------------------------------------------------------------------------------------------


def _lay_out(elf: ObjectFile) -> bytes:
    """The file with every section that holds code at an address that no other section has."""
    code = [section.index for section in elf.sections if section.is_executable]
    return elf.with_addresses({number: number * _SECTION_ROOM for number in code})


async def _ask(image: bytes, addresses: Iterable[int]) -> str:
    descriptor = os.memfd_create("module")
    try:
        with os.fdopen(os.dup(descriptor), "wb") as file:
            file.write(image)
        with open_box(await find_sandbox(), limits=READER, binds={}, tmpfs={_FOLDER: READER.disk_mib}) as box:
            guard = box.guard()
            argv = ["sh", "-c", _SCRIPT, f"/proc/self/fd/{descriptor}"]
            finished = await run_async(
                box.argv(argv, cwd=_FOLDER, environment={"LC_ALL": "C.UTF-8"}),
                deadline=Deadline.after(READER.wall_s or 60),
                stdin="".join(f"{address:#x}\n" for address in addresses).encode(),
                environment=OUTSIDE,
                pass_fds=(*box.pass_fds, descriptor),
                output_limit=READER.output_mib * MIB,
                on_output=guard.count,
                watch=guard.watch,
            )
    finally:
        os.close(descriptor)
    if b"addr2line: not found" in finished.stderr:
        raise SetupError("addr2line is not installed.", hint="Install it: apt install binutils.")
    return finished.stdout.decode("utf-8", "replace")


def _parse(text: str) -> dict[int, tuple[SourceLine, ...]]:
    """What the script has printed: for each address, pairs of function and place, the innermost first."""
    answers, _, rest = f"\n{text}".partition("\nunits\n")
    units, _, table = rest.partition("\nrows\n")
    home, rows = _home(units), list(_rows(table))
    lines = answers.split("\n")
    starts = [number for number, line in enumerate(lines) if re.fullmatch(r"0x[0-9a-f]{8,16}", line)]
    found = {}
    for start, end in pairwise([*starts, len(lines)]):
        address = int(lines[start], 16)
        found[address] = tuple(_source_lines(lines[start + 1 : end], home, _statement(rows, address)))
    return found


def _source_lines(answer: list[str], home: str, statement: tuple[str, int] | None) -> Iterator[SourceLine]:
    pairs = [(answer[at], _PLACE.fullmatch(answer[at + 1])) for at in range(0, len(answer) - 1, 2)]
    known = [(function, place) for function, place in pairs if place]
    for number, (function, place) in enumerate(known):
        path, line = os.path.normpath(place["path"].replace("\0", "")), int(place["line"])
        if number == 0 and statement and statement[0] == Path(path).name:
            line = statement[1]
        own = bool(home) and path.startswith(home + os.sep)
        yield SourceLine(
            os.path.relpath(path, home) if own else path, line, function, number < len(known) - 1, own, path
        )


@dataclass(frozen=True)
class _Row:
    """A row of the table of lines: from which address on the code is that of a line. `line` 0 ends a sequence."""

    address: int
    file: str
    line: int
    begins_statement: bool


def _rows(table: str) -> Iterator[_Row]:
    for text in table.split("\n"):
        if found := _ROW.fullmatch(text.rstrip()):
            line = 0 if found["line"] == "-" else int(found["line"])
            yield _Row(int(found["address"], 16), Path(found["file"]).name, line, bool(found["stmt"]))


def _statement(rows: list[_Row], address: int) -> tuple[str, int] | None:
    """File name and line of the statement that the code at an address belongs to.

    For `return *p;` gcc writes two rows with one address: the statement's, and one for the function's last line where
    no statement begins. addr2line takes the last one.
    """
    groups = [list(group) for _, group in groupby(rows, key=lambda row: row.address)]
    for group, following in pairwise(groups):
        if group[0].address <= address < following[0].address:
            code = [row for row in group if row.line]
            chosen = ([row for row in code if row.begins_statement] or code)[-1:]
            return (chosen[0].file, chosen[0].line) if chosen else None
    return None


def _home(units: str) -> str:
    """The folder that all the module's own sources lie in: what its compilation units have in common.

    Those that kbuild adds count only where they are alone (scripts/mod/modpost.c, scripts/module-common.c).
    """
    paths, name = set[Path](), ""
    for key, value in _UNIT.findall(units):
        if key == "name":
            name = value
        else:
            paths.add(Path(os.path.normpath(Path(value) / name)))
    own = {path for path in paths if not path.name.endswith((".mod.c", "module-common.c"))} or paths
    folders = {str(path.parent) for path in own if path.is_absolute()}
    return os.path.commonpath(folders) if folders else ""
