"""What speaks against believing a decoded report: cut off, run into by other lines, or without a stack.

Doubt is a field of the result, never an error: the course shows the report and says what is wrong with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import takewhile

from kmodlab.evidence.oops import frames
from kmodlab.evidence.oops.titles import Heading
from kmodlab.evidence.oops.types import Kind

# What the serial console of a rented machine says last, often with part of a report still under way.
HUNG_UP = "serialport: VM disconnected."
_NO_STACK = "(stack is not available)"
# A trace that goes on this long without a frame has lost them.
_FRAME_WITHIN = 15
_LINES_AT_LEAST = 2
_ROOTS = re.compile(
    r"^ret_|entry_(?:SYSCALL|SYSENTER|INT80)|sysenter|system_call|tracesys|do_syscall|do_fast_syscall|el0t?_|handle_exception|"
    r"startup|start_(?:secondary|kernel)|^asm_|kthread|_common$"
)
_BETWEEN_FRAMES = re.compile(
    r"^\s*$|^ *</?[A-Z]+>|^ *[RE][A-Z0-9]{2}: |^ *[RE]?IP|^Code:|^[FCD][SR]\d?: |^ *R\d\d: |^ORIG_RAX|^---\[|"
    r"^ *(?:\[<[0-9a-f]+>\] )?(?:\? )?0x[0-9a-f]+(?:/0x[0-9a-f]+)?$|^[ -]*interrupt|^ *Exception stack|"
    r"^ *[0-9a-f]{4}:|^ *r\d+:|^ *LR = |\(null\)|\[inline\]$|^ *(?:[0-9a-f]{8,16}(?: |$))+$"
)


def _announcements(texts: Sequence[str]) -> Iterator[int]:
    """Where lists of frames are announced: the first place for each of the ways to do so."""
    for start in frames.TRACE_STARTS:
        place = next((place for place, text in enumerate(texts) if start.search(text)), None)
        if place is not None:
            yield place


def _trace_doubt(texts: Sequence[str]) -> str | None:
    """What is wrong with a list of frames that was announced, or None."""
    announced = False
    for place in _announcements(texts):
        following = texts[place + 1 : place + 1 + _FRAME_WITHIN]
        if len(following) < _LINES_AT_LEAST:
            return "the log ends at a call trace"
        own = takewhile(lambda text: not frames.starts_trace(text), following)
        found = any(frames.named_functions(text) or _NO_STACK in text for text in own)
        if not (found or frames.RISCV_REGISTERS.search(texts[place])):
            return "a call trace is announced but has no frames"
        announced = announced or found
    return None if announced else "the report has no call trace"


def _interleaved(details: Sequence[tuple[str, bool]]) -> bool:
    """Whether strange lines stand between the frames of the first trace."""
    strange = inside = False
    for text, unsure in details:
        if frames.parse_frame(text, unsure=unsure) or frames.parse_program_counter(text):
            if inside and strange:
                return True
            continue
        if frames.starts_trace(text):
            if inside:
                return False
            inside = frames.CALL_TRACE.search(text) is not None
        elif inside and frames.ends_trace(text):
            return False
        elif inside and not _BETWEEN_FRAMES.search(text):
            strange = True
    return False


def _cut_off(details: Sequence[tuple[str, bool]]) -> bool:
    """Whether the report's last line is a frame that nothing calls; kmemleak keeps no more than sixteen on purpose."""
    text, unsure = next(((text, unsure) for text, unsure in reversed(details) if text.strip()), ("", False))
    frame = frames.parse_frame(text, unsure=unsure)
    return frame is not None and not _ROOTS.search(frame.function)


def find_doubt(
    heading: Heading, texts: Sequence[str], details: Sequence[tuple[str, bool]], *, ends_log: bool, hung_up: bool
) -> str | None:
    """Why the report should not be trusted, in a few words; None where nothing speaks against it.

    `ends_log`: nothing follows the report's last line. `hung_up`: the console lost its machine (`HUNG_UP`).
    """
    if heading.doubt or hung_up:
        return heading.doubt or "the console lost its connection to the machine"
    if heading.rule is None or heading.rule.traceless:
        return None
    doubt = _trace_doubt(texts)
    if doubt is None and ends_log and heading.kind is not Kind.MEMORY_LEAK and _cut_off(details):
        doubt = "the log ends in the middle of the call trace"
    if doubt is None and _interleaved(details):
        doubt = "other lines stand between the frames of the call trace"
    return doubt
