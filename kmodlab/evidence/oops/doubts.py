"""What speaks against believing a decoded report: cut off, run into by other lines, or without a stack.

Doubt is a field of the result, never an error: the course shows the report and says what is wrong with it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from kmodlab.evidence.oops import frames
from kmodlab.evidence.oops.titles import Heading

_NO_STACK = "(stack is not available)"
# A trace that goes on this long without a frame has lost them.
_FRAME_WITHIN = 15
_ROOTS = re.compile(
    r"^ret_|entry_(?:SYSCALL|SYSENTER|INT80)|sysenter|system_call|do_syscall|do_fast_syscall|el0t?_|handle_exception|"
    r"startup|start_(?:secondary|kernel)|^asm_|kthread|_common$"
)
_BETWEEN_FRAMES = re.compile(
    r"^\s*$|^ *</?[A-Z]+>|^ *[RE][A-Z0-9]{2}: |^ *[RE]?IP|^Code:|^[FCD][SR]\d?: |^ *R\d\d: |^ORIG_RAX|^---\[|"
    r"^ *(?:\[<[0-9a-f]+>\] )?(?:\? )?0x[0-9a-f]+(?:/0x[0-9a-f]+)?$|^[ -]*interrupt|^ *Exception stack|"
    r"^ *[0-9a-f]{4}:|^ *r\d+:|^ *LR = |\(null\)|\[inline\]$|^ *(?:[0-9a-f]{8,16}(?: |$))+$"
)


def _trace_doubt(texts: Sequence[str]) -> str | None:
    """The first list of frames that was announced but never came, or None."""
    announced = False
    for place, text in enumerate(texts):
        if not frames.starts_trace(text):
            continue
        following = texts[place + 1 : place + 1 + _FRAME_WITHIN]
        found = any(frames.named_functions(line) or _NO_STACK in line for line in following)
        if not (found or frames.RISCV_REGISTERS.search(text)):
            return (
                "a call trace is announced but has no frames" if len(following) > 2 else "the log ends at a call trace"
            )
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
        if frames.CALL_TRACE.search(text):
            if inside:
                return False
            inside = True
        elif inside and frames.ends_trace(text):
            return False
        elif inside and not _BETWEEN_FRAMES.search(text):
            strange = True
    return False


def _cut_off(details: Sequence[tuple[str, bool]]) -> bool:
    """Whether the report's last line is a frame that nothing calls."""
    text, unsure = next(((text, unsure) for text, unsure in reversed(details) if text.strip()), ("", False))
    frame = frames.parse_frame(text, unsure=unsure)
    return frame is not None and not _ROOTS.search(frame.function)


def find_doubt(
    heading: Heading, texts: Sequence[str], details: Sequence[tuple[str, bool]], *, ends_log: bool
) -> str | None:
    """Why the report should not be trusted, in a few words; None where nothing speaks against it.

    `ends_log`: nothing follows the report's last line.
    """
    if heading.doubt or heading.rule is None or heading.rule.traceless:
        return heading.doubt
    doubt = _trace_doubt(texts)
    if doubt is None and ends_log and _cut_off(details):
        doubt = "the log ends in the middle of the call trace"
    if doubt is None and _interleaved(details):
        doubt = "other lines stand between the frames of the call trace"
    return doubt
