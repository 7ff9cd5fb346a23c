"""From a place in a module's code to its line of C.

A log says `hello_init+0x11/0x1000 [hello]`; the debugging information (DWARF) in the module's .ko says that this is
line 14 of hello.c, in `count`, which the compiler inlined into `hello_init`. The toolchain's addr2line, readelf and
objdump read it, in the sandbox, since a learner controls the build that the file comes from.

A .ko is not linked yet: each of its sections starts at address 0, so an address does not identify a section. Therefore
the sections first get different addresses, as in the kernel's loader.
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
from kmodlab.files import MIB, read_regular
from kmodlab.i18n import _
from kmodlab.process import Deadline, run_async, run_sync
from kmodlab.sandbox.limits import READER
from kmodlab.sandbox.sandbox import OUTSIDE, find_sandbox, open_box

MAX_PLACES = 2000  # addresses in one run of addr2line
_LARGEST = 256 * MIB  # bytes of a .ko
_FOLDER = "/tmp"  # noqa: S108 (a place in the sandbox)
# Prints the lines for the addresses on stdin, the compilation units, and the table of lines, which has statements.
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
# How to tell a jump at a function's end from a call: on x86 by the opcode before the relocation (E9 is a jump; System V
# ABI, AMD64 supplement), on arm64 by the kind of relocation (ELF for the Arm 64-bit Architecture).
_X86_CALLS = {"R_X86_64_PLT32", "R_X86_64_PC32"}
_X86_JUMP, _ARM64_JUMP = b"\xe9", "R_AARCH64_JUMP26"
_EXIT = "cleanup_module"  # the alias that module_exit() makes (include/linux/module.h)


@dataclass(frozen=True)
class SourceLine:
    """A line of C that was being executed.

    `path` is the file as the compiler recorded it; `file` is the path relative to the module's folder if the file is in
    it, otherwise equal to `path`. `line` counts from 1. `inlined` means that the compiler inlined `function` into the
    function of the next entry. `own` is False for the kernel's headers.
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
    """A module's debugging information. It caches lines, so keep the object for all questions about a .ko.

    A damaged file raises no exception: frames then have no lines, and `complaint` says why.
    """

    image: bytes = field(repr=False)
    _lines: dict[CodePlace, tuple[SourceLine, ...]] = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, ko: Path | bytes) -> ModuleSource:
        """Open a .ko by its path or its content.

        Raises:
            UsageError: The path is not a regular file, or cannot be read.
        """
        return cls(ko if isinstance(ko, bytes) else read_regular(ko, _LARGEST, follow=True))

    @cached_property
    def module(self) -> KernelModule | None:
        """The file as a module; None if it is not a module, or damaged."""
        try:
            module = read_module(read_contents(self.image))
            _symbols = module.elf.symbols  # reads the table, so that damage is found here
        except MalformedError:
            return None
        return module

    @cached_property
    def name(self) -> str | None:
        """The module's name, as in a log; None if the file does not contain it."""
        try:
            return (self.module.modinfo.get("name") or None) if self.module else None
        except MalformedError:
            return None

    def lines(self, frame: Frame) -> tuple[SourceLine, ...]:
        """The frame's lines: that of the innermost inlined function first, the frame's own last; empty if unknown."""
        place = self.code_place(frame)
        return self.lines_at([place])[place] if place else ()

    def own_line(self, frame: Frame) -> SourceLine | None:
        """The innermost of the frame's lines in the module's own sources; None if there is no such line."""
        return next((line for line in self.lines(frame) if line.own), None)

    def code_place(self, frame: Frame) -> CodePlace | None:
        """The place of the frame's instruction; None if the module has no such function, or several of that name."""
        if frame.offset is None or self.module is None:
            return None
        functions = self._functions.get(frame.function, [])
        # A frame's size is the distance to the next symbol, which may be larger than the function.
        functions = [symbol for symbol in functions if symbol.size == frame.size] or functions
        # A return address is that of the instruction after the call, which may belong to another line or function.
        offset = frame.offset if frame.exact else frame.offset - 1
        if len(functions) != 1 or not 0 <= offset <= functions[0].size:
            return None
        section = functions[0].section
        return CodePlace(section.name, functions[0].value + offset) if section else None

    @cached_property
    def _functions(self) -> dict[str, list[Symbol]]:
        by_name: dict[str, list[Symbol]] = {}
        for symbol in self.module.elf.symbols if self.module else ():
            if symbol.kind == "func" and symbol.section is not None and symbol.section.is_executable:
                by_name.setdefault(symbol.name, []).append(symbol)
        return by_name

    def lines_at(self, places: Iterable[CodePlace]) -> Mapping[CodePlace, tuple[SourceLine, ...]]:
        """The lines of C at some places, from one run of addr2line; empty for a place without a known line."""
        new_places = [place for place in dict.fromkeys(places) if place not in self._lines][:MAX_PLACES]
        numbers = self._section_numbers
        addresses = {
            place: numbers[place.section] * _SECTION_ROOM + place.offset
            for place in new_places
            if place.section in numbers and 0 <= place.offset < _SECTION_ROOM
        }
        if addresses and self.has_debug_info:
            assert self.module is not None
            lines = _parse(run_sync(_ask_lines(_lay_out(self.module.elf), addresses.values())))
            self._lines |= {place: lines.get(address, ()) for place, address in addresses.items()}
        self._lines |= {place: () for place in new_places if place not in self._lines}
        return self._lines

    @cached_property
    def _section_numbers(self) -> dict[str, int]:
        sections = self.module.elf.sections if self.module else ()
        return {section.name: section.index for section in sections if section.is_executable}

    @property
    def has_debug_info(self) -> bool:
        """Whether the file has a table of lines (DWARF's .debug_line)."""
        elf = self.module.elf if self.module else None
        return elf is not None and elf.kind == "relocatable" and elf.section(".debug_line") is not None

    # ---- the last call of exit ----

    def last_calls(self) -> dict[str, CodePlace]:
        """The tail calls of exit: name of the called function -> place of the jump at exit's end."""
        elf = self.module.elf if self.module else None
        exit_function = next(iter(self._functions.get(_EXIT, ())), None)
        if elf is None or exit_function is None or exit_function.section is None:
            return {}
        try:
            relocations = elf.relocations_in({exit_function.section.index})
        except MalformedError:
            return {}
        start, end = exit_function.value, exit_function.value + exit_function.size
        places = {}
        for relocation in relocations:
            offset = relocation.offset - (1 if relocation.kind in _X86_CALLS else 0)
            if not start <= offset < end:
                continue
            if relocation.kind == _ARM64_JUMP or (
                relocation.kind in _X86_CALLS and elf.content_at(relocation.section, offset, 1) == _X86_JUMP
            ):
                places[relocation.symbol.name] = CodePlace(exit_function.section.name, offset)
        return places

    # ---- does the file fit the log? ----

    def complaint(self, report: Report, *, has_line: bool) -> str:
        """Why the lines of a report are unknown or may be wrong, in a sentence; empty if there is no such reason.

        The file may be another module than the crashed one, another build of it, for another architecture, or without
        debugging information. `has_line` says whether a line was found.
        """
        if self.module is None:
            return _("The file is not a kernel module, or it is damaged.")
        frames = [frame for frame in _all_frames(report) if frame.module and frame.module == self.name]
        if reason := self._other_architecture(report):
            return reason
        if not frames and not has_line:
            return self._other_module(report)
        if reason := self._other_build(report, frames):
            return reason
        if not self.has_debug_info and not has_line:
            return _(
                "The module has no debugging information: build it with the kernel's headers, and do not strip it."
            )
        return ""

    def _other_architecture(self, report: Report) -> str:
        assert self.module is not None
        machine = _MACHINES.get(self.module.elf.machine, self.module.elf.machine)
        architecture = next((name for register, name in _REGISTERS.items() if register in report.registers), machine)
        if machine == architecture:
            return ""
        text = _("The module is built for {machine}; the log is of a kernel for {architecture}.")
        return text.format(machine=machine, architecture=architecture)

    def _other_module(self, report: Report) -> str:
        others = ", ".join(dict.fromkeys(frame.module for frame in _all_frames(report) if frame.module))
        text = _("This report is not about the module {name}: it names no module's function.")
        if others:
            text = _("This report is not about the module {name}: it names {others}.")
        return text.format(name=self.name or "?", others=others)

    def _other_build(self, report: Report, frames: list[Frame]) -> str:
        assert self.module is not None
        build_id = next((frame.build_id for frame in frames if frame.build_id), "")
        if build_id and (own_id := self.module.build_id) and not own_id.startswith(build_id):
            text = _("The module is another build than the one that crashed: {own}…, not {crashed}….")
            return text.format(own=own_id[:12], crashed=build_id[:12])
        vermagic = self.module.modinfo.vermagic
        if report.kernel and vermagic and vermagic.release != report.kernel:
            text = _("The module is built for Linux {release}; the log is of {kernel}: lines may be wrong.")
            return text.format(release=vermagic.release, kernel=report.kernel)
        unknown = next((frame for frame in frames if frame.offset is not None and self.code_place(frame) is None), None)
        if unknown and len(self._functions.get(unknown.function, ())) < 2:
            text = _("The module is another build than the one that crashed: it has no place {place}.")
            return text.format(place=unknown)
        return ""


# A register by which an architecture is recognised in a log, and pyelftools' name of the architecture.
_REGISTERS = {"RAX": "x86-64", "EAX": "x86", "x29": "arm64", "psr": "arm"}
_MACHINES = {"x64": "x86-64", "x86": "x86", "AArch64": "arm64", "ARM": "arm"}


def _all_frames(report: Report) -> Iterator[Frame]:
    yield from (*report.frames, *report.trace, *(frame for stack in report.stacks for frame in stack.frames))


# ---- addr2line -----------------------------------------------------------------------------------------------------


def _lay_out(elf: ObjectFile) -> bytes:
    """A copy of the file in which each section with code has an address range of its own."""
    code = [section.index for section in elf.sections if section.is_executable]
    return elf.with_addresses({number: number * _SECTION_ROOM for number in code})


async def _ask_lines(image: bytes, addresses: Iterable[int]) -> str:
    return await ask_binutils(image, _SCRIPT, "".join(f"{address:#x}\n" for address in addresses).encode())


async def ask_binutils(image: bytes, script: str, stdin: bytes = b"") -> str:
    """Run a shell script that calls binutils on an ELF file in the sandbox, and return its output; $0 is the path.

    Raises:
        SetupError: binutils is not installed.
    """
    descriptor = os.memfd_create("module")
    try:
        with os.fdopen(os.dup(descriptor), "wb") as file:
            file.write(image)
        with open_box(await find_sandbox(), limits=READER, binds={}, tmpfs={_FOLDER: READER.disk_mib}) as box:
            guard = box.guard()
            argv = ["sh", "-c", script, f"/proc/self/fd/{descriptor}"]
            finished = await run_async(
                box.argv(argv, cwd=_FOLDER, environment={"LC_ALL": "C.UTF-8"}),
                deadline=Deadline.after(READER.wall_s or 60),
                stdin=stdin,
                environment=OUTSIDE,
                pass_fds=(*box.pass_fds, descriptor),
                output_limit=READER.output_mib * MIB,
                on_output=guard.count,
                watch=guard.watch,
            )
    finally:
        os.close(descriptor)
    if re.search(rb"(?:addr2line|objdump): not found", finished.stderr):
        raise SetupError(_("addr2line is not installed."), hint=_("Install it: apt install binutils."))
    return finished.stdout.decode("utf-8", "replace")


def _parse(text: str) -> dict[int, tuple[SourceLine, ...]]:
    """Parse the script's output: for each address the lines of C, the innermost function first."""
    answers, _units, dumps = f"\n{text}".partition("\nunits\n")
    units, _rows_mark, table = dumps.partition("\nrows\n")
    home, rows = _home(units), list(_rows(table))
    lines = answers.split("\n")
    starts = [number for number, line in enumerate(lines) if re.fullmatch(r"0x[0-9a-f]{8,16}", line)]
    by_address = {}
    for start, end in pairwise([*starts, len(lines)]):
        address = int(lines[start], 16)
        by_address[address] = tuple(_source_lines(lines[start + 1 : end], home, _statement(rows, address)))
    return by_address


def _source_lines(answer: list[str], home: str, statement: tuple[str, int] | None) -> Iterator[SourceLine]:
    pairs = [(answer[at], _PLACE.fullmatch(answer[at + 1])) for at in range(0, len(answer) - 1, 2)]
    known = [(function, place) for function, place in pairs if place]
    for number, (function, place) in enumerate(known):
        path, line = os.path.normpath(place["path"].replace("\0", "")), int(place["line"])
        if number == 0 and statement and statement[0] == Path(path).name:
            line = statement[1]
        own = bool(home) and path.startswith(home + os.sep)
        file = os.path.relpath(path, home) if own else path
        yield SourceLine(file, line, function, number < len(known) - 1, own, path)


@dataclass(frozen=True)
class _Row:
    """A row of the table of lines: the code from `address` on belongs to `line`; line 0 ends a sequence."""

    address: int
    file: str
    line: int
    begins_statement: bool


def _rows(table: str) -> Iterator[_Row]:
    for text in table.split("\n"):
        if match := _ROW.fullmatch(text.rstrip()):
            line = 0 if match["line"] == "-" else int(match["line"])
            yield _Row(int(match["address"], 16), Path(match["file"]).name, line, bool(match["stmt"]))


def _statement(rows: list[_Row], address: int) -> tuple[str, int] | None:
    """File name and line of the statement that the code at an address belongs to.

    For `return *p;` gcc writes two rows with the same address: a row for the statement, and a row for the function's
    last line, at which no statement begins. addr2line uses the last row.
    """
    groups = [list(group) for _address, group in groupby(rows, key=lambda row: row.address)]
    for group, following in pairwise(groups):
        if group[0].address <= address < following[0].address:
            code = [row for row in group if row.line]
            chosen = ([row for row in code if row.begins_statement] or code)[-1:]
            return (chosen[0].file, chosen[0].line) if chosen else None
    return None


def _home(units: str) -> str:
    """The folder of the module's own sources: the common folder of its compilation units.

    Units that kbuild adds (scripts/mod/modpost.c, scripts/module-common.c) count only if there are no others.
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
