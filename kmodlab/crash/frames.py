"""Parses the frames of a call trace, and the place where the processor was, as the kernel's architectures print them.

A symbol is printed as `function+0xOFFSET/0xSIZE [module BUILD_ID]` everywhere (kernel/kallsyms.c, `__sprint_symbol`).
The text around it differs: arch/x86/kernel/dumpstack.c (`printk_stack_address`, `show_ip`), arch/arm64/kernel
(stacktrace.c, `dump_backtrace_entry`; process.c, `__show_regs`), arch/arm/kernel/traps.c, arch/powerpc/kernel/process.c
(`show_stack`) and others. Kernels before 4.10 also print the address, `[<ffffffff81234567>]`.
scripts/decode_stacktrace.sh writes `(file:line)` instead of the offset.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from kmodlab.crash.report import Frame

_ADDRESS = r"(?:\(?\[?<?(?:0x)?[0-9a-fA-F]{8,16}>?\]?)"
_MODULE = r"(?P<line>\s[\w./+-]+:\d+)?(?:\s*\[(?P<module>[\w-]+)(?:\s+(?P<build_id>[0-9a-f]{8,}))?(?:\([A-Z+-]+\))?\])?"
_NAME = r"(?P<function>[A-Za-z_.$][\w.$:<>]*)"
# x86-64 before 2.6.25: `:module:function+0x10/0x20`; before 2.6.17: `{:module:function+16}`.
_SYMBOL = rf"(?::(?P<owner>[\w-]+):)?{_NAME}\+(?P<offset>0x[0-9a-f]+)/(?P<size>0x[0-9a-f]+){_MODULE}"
_BRACES = re.compile(rf"<[0-9a-f]{{16}}>\s?\{{(?::(?P<owner>[\w-]+):)?{_NAME}\+(?P<offset>\d+)\}}")
_IN_TEXT = re.compile(_SYMBOL)
_FRAME = re.compile(
    rf"\s*(?:\#\d+:?\s+|Caller\[[0-9a-f]+\]:\s)?(?:{_ADDRESS}\s*){{0,3}}(?P<guess>\?\s+)?\(?<?{_SYMBOL}>?\)?"
    r"(?P<end>\s*(?:\(unreliable\)|\([PLFK]?\))*\s*)$"
)
_RESOLVED = re.compile(
    rf"\s*(?P<guess>\?\s+)?{_NAME}\s+\((?P<location>[\w./+-]+:(?:\d+|\?)"
    r"(?:\s+\(discriminator \d+\)|\s+[\w./+-]+:(?:\d+|\?))*)\)\s*(?P<module>\[?[\w-]+\]?)?\s*$"
)
# 32-bit ARM: `[<c0101234>] (function [module]) from [<c0105678>] (caller+0x10/0x20)`; since 5.19 without addresses.
_ARM = re.compile(
    rf"\s*(?:{_ADDRESS}\s+)?\(?{_NAME}(?:\+(?P<offset>0x[0-9a-f]+)/(?P<size>0x[0-9a-f]+))?{_MODULE}\)?\s+from\s+"
    rf"(?:{_ADDRESS}\s*)?\(?[A-Za-z_.$0-9<]"
)
# Several frames on one line, before 2.6.18.
_SEVERAL = re.compile(rf"(?:\s*(?:{_ADDRESS}\s*)?\(?{re.sub('[?]P<[a-z_]+>', '?:', _SYMBOL)}\)?)+\s*")
# x86; ARM, MIPS, RISC-V, LoongArch, ia64 and alpha; PowerPC, SPARC, s390, PA-RISC.
_PLACE = re.compile(
    r"\s*(?:[RE]IP(?::\s*(?:(?P<segment>[0-9a-f]{4}):)?|\s+is\s+at\s+|\s+)|(?i:pc|epc|era|ip)\s*(?::|\s+is\s+at\s)\s*"
    r"(?:[0-9a-f]{8,16}\s+)?|NIP:?\s+|TPC:\s+|Krnl PSW : [^(]*|IAOQ\[0\]:\s+)"
)
_USER_SEGMENTS = {"0033", "0023", "0073"}  # code segments of programs: arch/x86/include/asm/segment.h


def parse_frames(text: str) -> Iterator[Frame]:
    """The frames in a line of a call trace; empty for any other line."""
    match = (_FRAME.match(text) if "+0x" in text else _RESOLVED.match(text)) or _ARM.match(text)
    if match:
        yield _frame(match)
    elif "+0x" in text and _SEVERAL.fullmatch(text):
        yield from map(_frame, _IN_TEXT.finditer(text))
    elif "}" in text:
        yield from map(_frame, _BRACES.finditer(text))


def _frame(match: re.Match[str]) -> Frame:
    parts = match.groupdict(default="")
    return Frame(
        function=parts["function"],
        offset=int(parts["offset"], 0) if parts.get("offset") else None,
        size=int(parts["size"], 16) if parts.get("size") else None,
        module=parts.get("module", "").strip("[]") or parts.get("owner") or None,
        reliable=not parts.get("guess") and "(unreliable)" not in parts.get("end", ""),
        location=parts.get("location", "") or parts.get("line", "").strip(),
        build_id=parts.get("build_id", ""),
    )


def find_symbol(text: str) -> Frame | None:
    """The first symbol in a text, as a frame with an exact offset; None if it has no symbol."""
    match = _IN_TEXT.search(text)
    return replace(_frame(match), exact=True) if match else None


def parse_place(text: str) -> tuple[bool, Frame | None]:
    """Whether a line says where the processor was, and the kernel's function there; None if it has no symbol."""
    start = _PLACE.match(text)
    if not start or start["segment"] in _USER_SEGMENTS:
        return start is not None, None
    resolved = _RESOLVED.match(text[start.end() :])
    return True, replace(_frame(resolved), exact=True) if resolved else find_symbol(text[start.end() :])
