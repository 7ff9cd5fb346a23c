"""Finds the calls in a module whose function is known only at run time: calls through a pointer, and static calls.

- With retpolines, the compiler writes `call __x86_indirect_thunk_rax` (arch/x86/lib/retpoline.S), where the name tells
  the register. objtool lists the beginnings of these instructions in .retpoline_sites.
- A static call (linux/static_call.h) is a call of a trampoline in the module, `__SCT__name`; the kernel replaces it by
  a call of the function.
- `call *%rax` and `call *8(%rax)`, without retpolines, have no relocation: objdump finds them, in the sandbox.

Encoding of instructions: Intel SDM vol. 2, chapter 2.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kmodlab.crash.source_location import ask_binutils
from kmodlab.elf.object_file import ObjectFile, Relocation
from kmodlab.process import run_sync
from kmodlab.tracer.wire_format import BASE_NEXT

_RELOCATIONS = ("R_X86_64_PC32", "R_X86_64_PLT32")
_CALL, _JUMP, _PREFIX = 0xE8, 0xE9, 0x2E  # the prefix: gcc's -mindirect-branch-cs-prefix
_THUNK = re.compile(r"__x86_indirect_thunk_(\w+)")
_STATIC_CALL = "__SCT__"  # STATIC_CALL_TRAMP_PREFIX
_REGISTERS = ["rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", *(f"r{number}" for number in range(8, 16))]
_CALL_GROUP, _CALL_NEAR, _JUMP_NEAR = 0xFF, 2, 4  # opcode, and its extensions in the ModR/M byte
# The beginning of such an instruction, after its prefixes: the opcode, and a ModR/M byte with one of the extensions.
_MAY_BE_PLAIN = re.compile(rb"\xff[\x10-\x17\x20-\x27\x50-\x57\x60-\x67\x90-\x97\xa0-\xa7\xd0-\xd7\xe0-\xe7]")
_PARAVIRT = "pv_ops"  # calls through it are in the kernel's headers, and it patches them (arch/x86/kernel/paravirt.c)
_DISASSEMBLE = 'objdump --disassemble --wide "$0"'
_SECTION = re.compile(r"Disassembly of section (\S+):")
_INSTRUCTION = re.compile(r" *(?P<address>[0-9a-f]+):\t(?P<code>(?:[0-9a-f]{2} )+) *\t.*\*")


@dataclass(frozen=True)
class Pointer:
    """The operand with the address that an instruction calls: the register `base`, by its number, or memory.

    In memory, the operand is at the register plus a displacement, which is in the last bytes of the instruction;
    BASE_NEXT stands for the address of the next instruction. `base` is None for a static call.
    """

    base: int | None
    in_memory: bool = False
    displacement: int = 0


@dataclass(frozen=True)
class CallSite:
    """A call of an imported function, or through a `pointer`; then `symbol` is empty.

    `section` is an index in `Code.sections`, `offset` is in bytes. The tracer cannot follow a call that is not
    `is_traceable`.
    """

    section: int
    offset: int
    symbol: str
    is_jump: bool
    pointer: Pointer | None = None
    length: int = 5
    is_traceable: bool = True

    @property
    def next_offset(self) -> int:
        """The offset of the instruction after the call."""
        return self.offset + self.length


def is_conditional_jump(opcode: bytes) -> bool:
    """Whether two bytes are the opcode of a conditional jump with a 32-bit displacement."""
    return len(opcode) == 2 and opcode[0] == 0x0F and opcode[1] & 0xF0 == 0x80


def find_pointer_calls(elf: ObjectFile, indexes: Mapping[int, int]) -> Iterator[CallSite]:
    """The calls in the sections with these numbers; `indexes` maps them to indexes in `Code.sections`."""
    relocations = elf.relocations_in(indexes)
    starts = _retpoline_sites(elf)
    for relocation in relocations:
        pointer = _pointer_of(relocation)
        if pointer and relocation.offset:
            yield _replaced_call(elf, relocation, pointer, indexes[relocation.section.index], starts)
    yield from _plain_calls(elf, indexes, relocations)


# ---- calls with a relocation ---------------------------------------------------------------------------------------


def _pointer_of(relocation: Relocation) -> Pointer | None:
    if relocation.kind not in _RELOCATIONS:
        return None
    thunk = _THUNK.fullmatch(relocation.symbol.name)
    if thunk and thunk[1] in _REGISTERS:
        return Pointer(_REGISTERS.index(thunk[1]))
    # The kernel's own static calls are in its headers (cond_resched, tracepoints).
    is_own = relocation.symbol.defined and relocation.symbol.name.startswith(_STATIC_CALL)
    return Pointer(None) if is_own else None


def _retpoline_sites(elf: ObjectFile) -> set[tuple[int, int]]:
    """Number of the section and offset of each instruction that objtool lists."""
    lists = {section.index for section in elf.sections if section.name == ".retpoline_sites"}
    return {
        (relocation.symbol.section.index, relocation.symbol.value + (relocation.addend or 0))
        for relocation in elf.relocations_in(lists)
        if relocation.symbol.section
    }


def _replaced_call(
    elf: ObjectFile, relocation: Relocation, pointer: Pointer, section: int, starts: set[tuple[int, int]]
) -> CallSite:
    before = elf.content_at(relocation.section, max(0, relocation.offset - 2), min(2, relocation.offset))
    offset = relocation.offset - 1
    if before[-1] not in (_CALL, _JUMP):
        return CallSite(section, offset, "", is_jump=True, pointer=pointer, is_traceable=False)
    has_prefix = before[0] == _PREFIX and (relocation.section.index, offset - 1) in starts
    offset, length = (offset - 1, 6) if has_prefix else (offset, 5)
    return CallSite(section, offset, "", before[-1] == _JUMP, pointer, length)


# ---- calls without one ---------------------------------------------------------------------------------------------


def _plain_calls(
    elf: ObjectFile, indexes: Mapping[int, int], relocations: tuple[Relocation, ...]
) -> Iterator[CallSite]:
    kernels = {
        (relocation.section.index, relocation.offset)
        for relocation in relocations
        if relocation.symbol.name == _PARAVIRT
    }
    by_name = {section.name: section for section in elf.sections if section.index in indexes}
    may_have_calls = any(
        not kernels.intersection((section.index, match.end() + at) for at in (0, 1))  # 1 after a SIB byte
        for section in by_name.values()
        for match in _MAY_BE_PLAIN.finditer(elf.content(section))
    )
    if not may_have_calls:
        return
    name = ""
    for line in run_sync(ask_binutils(elf.image, _DISASSEMBLE)).split("\n"):
        if header := _SECTION.fullmatch(line):
            name = header[1]
        elif name in by_name and (match := _INSTRUCTION.match(line)):
            section, code, offset = by_name[name], bytes.fromhex(match["code"]), int(match["address"], 16)
            is_kernels = any((section.index, offset + at) in kernels for at in range(len(code)))
            site = None if is_kernels else _plain_call(code, indexes[section.index], offset)
            if site:
                yield site


def _plain_call(code: bytes, section: int, offset: int) -> CallSite | None:
    """The call in the bytes of an instruction; None if it is another instruction."""
    rest, rex = code.lstrip(b"\x2e\x3e\x66\xf2"), 0
    if rest[:1] and rest[0] & 0xF0 == 0x40:
        rex, rest = rest[0] & 0xF, rest[1:]
    if len(rest) < 2 or rest[0] != _CALL_GROUP or rest[1] >> 3 & 7 not in (_CALL_NEAR, _JUMP_NEAR):
        return None if _CALL_GROUP not in code else CallSite(section, offset, "", is_jump=False, is_traceable=False)
    pointer = _operand(rest[1:], rex)
    is_jump = rest[1] >> 3 & 7 == _JUMP_NEAR
    return CallSite(section, offset, "", is_jump, pointer, len(code), is_traceable=pointer is not None)


def _operand(code: bytes, rex: int) -> Pointer | None:
    """The operand that a ModR/M byte and the following bytes describe; None if it has an index or no base register."""
    mode, register = code[0] >> 6, code[0] & 7
    high = 8 if rex & 1 else 0
    if mode == 3:
        return Pointer(register + high)
    if mode == 0 and register == 5:
        return Pointer(BASE_NEXT, in_memory=True, displacement=4)
    if register == 4:
        if len(code) < 2 or code[1] >> 3 & 7 != 4 or rex & 2:
            return None
        register = code[1] & 7
        if mode == 0 and register == 5:
            return None
    return Pointer(register + high, in_memory=True, displacement=(0, 1, 4)[mode])
