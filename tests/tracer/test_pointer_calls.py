"""Calls through a pointer, as an assembler encodes them: each is found, with the place of its pointer."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from kmodlab.tracer.call_sites import Code
from kmodlab.tracer.pointer_calls import CallSite, Pointer
from kmodlab.tracer.wire_format import BASE_NEXT

NUMBERS = {
    "rax": 0,
    "rcx": 1,
    "rdx": 2,
    "rbx": 3,
    "rbp": 5,
    "rsi": 6,
    "rdi": 7,
    "r8": 8,
    "r12": 12,
    "r13": 13,
    "r15": 15,
}
MEMORY: dict[str, Pointer] = {
    "(%rax)": Pointer(0, True, 0),
    "8(%rdi)": Pointer(7, True, 1),
    "-8(%r13)": Pointer(13, True, 1),
    "(%r13)": Pointer(13, True, 1),
    "0x1000(%rbx)": Pointer(3, True, 4),
    "(%rsp)": Pointer(4, True, 0),
    "8(%r12)": Pointer(12, True, 1),
    "(%rbp)": Pointer(5, True, 1),
    "table(%rip)": Pointer(BASE_NEXT, True, 4),
}
OTHERS = ("call *(%rax,%rbx,8)", "call *table", "jmp *8(%rsp,%rsi,1)", "jne kfree", "je __x86_indirect_thunk_rax")
NO_CALLS = ("mov $-48, %eax", "incl 16(%rax)", "pushq 16(%rax)", "mov $0xd0ff, %ax", "jmp 1f\n1:", "ret")


def assembled(folder: Path, *lines: str) -> Code:
    """A .ko's code, made of these instructions."""
    text = "\n".join(
        ["\t.text", "\t.globl start", "\t.type start, @function", "start:", *lines, "\t.size start, . - start"]
    )
    source, target = folder / "code.s", folder / "code.o"
    source.write_text(f"{text}\n\t.data\ntable:\t.quad 0\n")
    subprocess.run(["as", "-o", target, source], check=True, timeout=600)
    return Code(target.read_bytes())


def only(code: Code) -> CallSite:
    (site,) = (*code.sites, *code.untraced)
    return site


@pytest.mark.parametrize("mnemonic", ["call", "jmp"])
def test_a_pointer_in_any_register_is_found(tmp_path: Path, mnemonic: str) -> None:
    code = assembled(tmp_path, *(f"{mnemonic} *%{register}" for register in NUMBERS))
    assert [site.pointer for site in code.sites] == [Pointer(number) for number in NUMBERS.values()]
    assert {site.is_jump for site in code.sites} == {mnemonic == "jmp"}
    assert [site.next_offset for site in code.sites][:-1] == [site.offset for site in code.sites][1:]
    assert code.untraced == ()


def test_a_pointer_in_memory_is_found_by_its_base_and_displacement(tmp_path: Path) -> None:
    code = assembled(tmp_path, *(f"call *{operand}" for operand in MEMORY), *(f"jmp *{operand}" for operand in MEMORY))
    assert [site.pointer for site in code.sites] == [*MEMORY.values(), *MEMORY.values()]
    assert [site.is_jump for site in code.sites] == [False] * len(MEMORY) + [True] * len(MEMORY)


@pytest.mark.parametrize("instruction", OTHERS)
def test_what_cannot_be_followed_is_known_as_such(tmp_path: Path, instruction: str) -> None:
    code = assembled(tmp_path, instruction)
    assert code.sites == ()
    assert len(code.untraced) == 1


def test_other_instructions_with_the_same_bytes_are_no_calls(tmp_path: Path) -> None:
    code = assembled(tmp_path, *NO_CALLS)
    assert (*code.sites, *code.untraced) == ()


def test_a_thunk_tells_the_register(tmp_path: Path) -> None:
    code = assembled(tmp_path, "call __x86_indirect_thunk_rax", "nop", "jmp __x86_indirect_thunk_r13")
    first, last = code.sites
    assert (first.pointer, first.offset, first.length, first.is_jump) == (Pointer(0), 0, 5, False)
    assert (last.pointer, last.offset, last.is_jump) == (Pointer(13), 6, True)


def test_a_prefix_belongs_to_the_call_if_objtool_says_so(tmp_path: Path) -> None:
    lines = [".byte 0x2e", "call __x86_indirect_thunk_r11"]
    assert only(assembled(tmp_path, *lines)).offset == 1
    listed = ["1:", *lines, '.pushsection .retpoline_sites,"a"', ".long 1b - .", ".popsection"]
    site = only(assembled(tmp_path, *listed))
    assert (site.offset, site.length) == (0, 6)


def test_a_static_call_of_the_modules_own_is_a_call_and_the_kernels_is_none(tmp_path: Path) -> None:
    own = '.pushsection .static_call.text,"ax"\n.globl __SCT__own\n__SCT__own:\njmp kfree\n.popsection'
    code = assembled(tmp_path, own, "call __SCT__own", "call __SCT__cond_resched")
    assert [(site.symbol, site.pointer) for site in code.sites] == [("", Pointer(None)), ("kfree", None)]
