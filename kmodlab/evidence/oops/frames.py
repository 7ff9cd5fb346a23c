"""Stack frames: how the kernel writes `function+offset/size [module]`, on every architecture and since 4.x.

Gives the course the instruction that trapped and the calls that led to it. Formats: `%pS` in the kernel's
lib/vsprintf.c, `show_trace_log_lvl` and its siblings under arch/. Which frame is to blame is left to `culprit`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice

from kmodlab.evidence.oops.types import Frame

MAX_FRAMES = 300
# Registers and code bytes stand between the frames of older kernels' traces; more strange lines than this end one.
_MAX_GAP = 25


def pattern(text: str) -> re.Pattern[str]:
    """Compile a regular expression in which `<pc>`, `<func>` and `<src>` stand for how the kernel writes these.

    `<func>` captures a function's name without what the compiler hangs on it (`.isra.0`, `.part.3`, `.cold`).
    """
    text = text.replace("<pc>", r"\[<?(?:0x)?[0-9a-f]+>?\]")
    text = text.replace("<func>", r"([A-Za-z0-9_]+)[.+]")
    return re.compile(text.replace("<src>", r"([\w\-/.]+\.[a-z]+:\d+)"))


# A line that names where the processor was: x86 old and new, arm, arm64, riscv, powerpc; also without any function,
# when it jumped to an address where there is none.
PROGRAM_COUNTER = pattern(
    r"(?:PC is at|pc |N?IP):? (?:(?:\d+:)?(?:<pc> +){0,2}<func>|(?:\d+:)?0x[0-9a-f]+"
    r"|(?:\d+:)?<pc> +\[< *\(null\)>\] +\(null\)|\d+: +\(null\))"
)
CALL_TRACE = re.compile(r"Call [Tt]race:|Backtrace:")
# riscv dumps the stack without a headline, right after this last line of its registers.
RISCV_REGISTERS = re.compile(r"status: [0-9a-f]{16} badaddr: [0-9a-f]{16} cause: [0-9a-f]{16}")
# kmemleak's "backtrace:" but not lockdep's "stack backtrace:", which a "Call Trace:" follows.
TRACE_STARTS = (
    re.compile(r"Call [Tt]race"),
    re.compile(r"Allocated:"),
    re.compile(r"Allocated by task \d+:"),
    re.compile(r"Freed:"),
    re.compile(r"Freed by task \d+:"),
    re.compile(r"[^k] backtrace(?: \(crc [0-9a-fA-F]*\))?:"),
    re.compile(r"Backtrace:"),
    re.compile(r"Uninit was stored to memory at"),
    RISCV_REGISTERS,
)
_ANY_TRACE_START = re.compile("|".join(start.pattern for start in TRACE_STARTS))
_STACK_LINE = pattern(r"^ *(?:<pc> ){0,2}<func>")
# 32-bit arm names a frame together with its caller.
_ARM_LINE = pattern(r"^ *<pc> \(([A-Za-z0-9_.]+)\) from <pc> \(<func>")

_PLACE = r"([A-Za-z_$][\w.$]*)\+0x([0-9a-f]{1,16})/0x([0-9a-f]{1,16})(?: \[([\w.\-]+)[^\]]*\])?"
_FRAME_LINE = re.compile(r"^(?: |<[A-Z]+>|\[<?(?:0x)?[0-9a-f]+>?\])*+(\? |\? +\d+:)? *(?:\(?\d+:)?" + _PLACE)
# 32-bit arm shows a function and where its caller is; the brackets went away with 5.15.
_ARM_FRAME = re.compile(r"^ *(?:\[<[0-9a-f]+>\] )?\(?[A-Za-z_][^()]{0,200}\)? from (?:\[<[0-9a-f]+>\] )?\(?" + _PLACE)
_PC_FRAME = re.compile(r"(?:PC is at|pc |N?IP):? (?:\d+:)?(?:\[<?(?:0x)?[0-9a-f]+>?\] +){0,2}" + _PLACE)
_PC_ADDRESS = re.compile(r"\b(?:RIP|EIP|epc ?|NIP|pc ?|PC is at):? (?:[0-9]+:)?(?:\[<)?(0x[0-9a-f]+|[0-9a-f]{8,16})\b")
_USER_MODE = ("RIP: 0033:", "RIP: 0023:", "EIP: 0073:", "EIP: 0023:")
_TRACE_END = re.compile(
    r"---\[ end |^Modules linked in|^CPU: \d|^Sending NMI|^NMI backtrace|^Kernel (?:panic|Offset)|^RIP: 00[23]3:|"
    r"^ </TASK>|^=====|(?:Allocated|Freed) by task|^Memory state around|^Rebooting in|^\d+ locks? held by|created at:$"
)


def starts_trace(text: str) -> bool:
    """Whether this line announces a list of stack frames."""
    return _ANY_TRACE_START.search(text) is not None


def named_functions(text: str) -> list[str]:
    """The function of a stack line (on arm its caller too), without suffixes; empty for any other line."""
    found = _STACK_LINE.search(text) or _ARM_LINE.search(text)
    return list(found.groups()) if found else []


def ends_trace(text: str) -> bool:
    """Whether this line closes a list of stack frames."""
    return _TRACE_END.search(text) is not None


def bare_name(function: str) -> str:
    """`foo` for `foo.isra.0.cold`: the name in the source."""
    return function.split(".", 1)[0]


def _frame(groups: Sequence[str | None], *, reliable: bool = True, exact: bool = False) -> Frame:
    function, offset, size, module = groups
    assert function and offset and size
    return Frame(function, int(offset, 16), int(size, 16), module, reliable, exact)


def parse_frame(text: str, *, unsure: bool = False) -> Frame | None:
    """The frame on a stack line, or None where the line shows none."""
    found = _FRAME_LINE.search(text)
    if found:
        return _frame(found.groups()[1:], reliable=not (unsure or found.group(1)))
    found = _ARM_FRAME.search(text)
    return _frame(found.groups(), reliable=not unsure) if found else None


def parse_program_counter(text: str) -> Frame | None:
    """The place on a line such as `RIP: 0010:func+0x12/0x40 [mod]`, or None."""
    found = _PC_FRAME.search(text)
    return _frame(found.groups(), exact=True) if found else None


def parse_bare_address(text: str) -> str | None:
    """The address on such a line that names no function, or None; user space's own is left out."""
    if text.startswith(_USER_MODE):
        return None
    found = _PC_ADDRESS.search(text)
    return found.group(1) if found else None


def parse_any_frame(text: str) -> Frame | None:
    """The place that a line of either sort names, or None."""
    return parse_program_counter(text) or parse_frame(text)


def _trace_frames(lines: Iterator[tuple[str, bool]]) -> Iterator[Frame]:
    gap = 0
    for text, unsure in lines:
        frame = parse_program_counter(text) or parse_frame(text, unsure=unsure)
        if frame:
            gap = 0
            yield frame
            continue
        gap += 1
        if gap > _MAX_GAP or ends_trace(text) or starts_trace(text):
            return


def parse_trace(lines: Sequence[tuple[str, bool]], start: int = 0) -> tuple[Frame, ...]:
    """The first list of frames in `lines` (text and whether the kernel doubts it) from `start`, innermost first.

    Most reports announce it with "Call Trace:"; where nothing does, the first frames found are taken.
    """
    announced = (number for number in range(start, len(lines)) if starts_trace(lines[number][0]))
    for number in announced:
        frames = tuple(islice(_trace_frames(iter(lines[number + 1 :])), MAX_FRAMES))
        if frames:
            return frames
    bare = (number for number in range(max(start, 1), len(lines)) if parse_frame(lines[number][0]))
    first = next(bare, len(lines))
    return tuple(islice(_trace_frames(iter(lines[first:])), MAX_FRAMES))
