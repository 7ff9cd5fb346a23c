"""Checks whether init returned the right value after a call in it failed.

The right value is the errno that the call failed with; after a call that fails with NULL, the errno that is usual for
it. Another value is accepted if a comment near it says that it is intended ("mapped", "deliberate", "on purpose",
"instead of").
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from kmodlab.crash.errnos import MAX_ERRNO, errno_name
from kmodlab.crash.source_location import SourceLine
from kmodlab.i18n import _
from kmodlab.kbuild.locate import code_of
from kmodlab.tracer.call_log import Call
from kmodlab.tracer.call_sites import Code
from kmodlab.tracer.remarks import describe_positive
from kmodlab.tracer.wire_format import Allocates

_EPERM = 1
_INTENDED = re.compile(r"\bmap(s|ped|ping)?\b|\bdeliberate|\bon purpose\b|\binstead\b|\bintentional", re.IGNORECASE)
_COMMENT = re.compile(r"//.*|/\*.*")
_LINES_AFTER = 20  # lines after a call that may handle its error
# Kinds of resources that may be missing on a machine; a module may work without them.
_MAY_BE_MISSING = {"file", "crypto", "clock", "gpiod", "regulator", "reset", "pwm", "adapter-reference", "dma-channel"}


@dataclass(frozen=True)
class WrongReturn:
    """Why init's return value is wrong, in a sentence. `is_success` says whether it means success to the kernel.

    `line` is the line of the failed call, or of the return statement.
    """

    sentence: str
    is_success: bool
    line: SourceLine | None = None


def check_return(returned: int, calls: Sequence[Call], code: Code) -> WrongReturn | None:
    """What is wrong with init's return value; None if it is right. `calls` are all recorded calls."""
    call = _decisive_failure(calls)
    wrong = _never_right(returned) or (_without_failure(returned, calls) if call is None else None)
    if wrong:  # finding the line is slow: it needs all debugging information
        return replace(wrong, line=call.line if call else return_line(code, returned))
    if call is None:
        return None
    if call.in_callback:
        return None  # the call was in a callback: the kernel function that called it decides what init gets
    if returned == 0:
        return _after_success(call, calls)
    return _other_errno(returned, call, calls)


def _never_right(returned: int) -> WrongReturn | None:
    if returned > 0:
        return WrongReturn(describe_positive(returned), True)
    if returned < -MAX_ERRNO:
        return WrongReturn(_("init returned {value}, which is not an errno").format(value=returned), False)
    return None


def _decisive_failure(calls: Sequence[Call]) -> Call | None:
    """The call that was made to fail; else the last call in init that failed by itself and has no fallback."""
    injected = next((call for call in calls if call.injected), None)
    if injected:
        return injected
    failed = [call for call in calls if call.in_init and not call.in_callback and call.failed and _is_needed(call)]
    return failed[-1] if failed else None


def _is_needed(call: Call) -> bool:
    kinds = {handle.kind for handle in call.function.acquires}
    acquires = bool(kinds) or call.function.allocates is not Allocates.NOTHING
    return acquires and not kinds & _MAY_BE_MISSING and not call.function.optional


def _without_failure(returned: int, calls: Sequence[Call]) -> WrongReturn | None:
    errnos = {call.errno for call in calls if call.in_init}
    if returned == -_EPERM and _EPERM not in errnos:
        return WrongReturn(_("init returned a bare -1, which is -EPERM: operation not permitted"), False)
    return None


def _after_success(call: Call, calls: Sequence[Call]) -> WrongReturn | None:
    if call.function.optional or _has_fallback(call, calls) or _is_intended(call, "0"):
        return None
    return WrongReturn(_("init returned 0 although {function} failed").format(function=call.name), True, call.line)


def _has_fallback(failed: Call, calls: Sequence[Call]) -> bool:
    """Whether a later call in init acquired a resource of the same kind."""
    kinds = {handle.kind for handle in failed.function.acquires}
    later = calls[calls.index(failed) + 1 :]
    return any(
        call.in_init
        and call.returned
        and not call.failed
        and (
            call.name == failed.name
            or kinds & {handle.kind for handle in call.function.acquires}
            or (failed.function.allocates and call.function.allocates)
        )
        for call in later
    )


def _other_errno(returned: int, call: Call, calls: Sequence[Call]) -> WrongReturn | None:
    name, right = errno_name(-returned), call.function.good_errnos
    errnos = {other.errno for other in calls if other.in_init and other.errno}
    if call.injected and call.errno:
        right = call.function.expect | {call.errno}
    if -returned in right | errnos or _is_intended(call, f"-{name}"):
        return None
    expected = f"-{errno_name(call.errno or min(right))}"
    if returned == -_EPERM:
        sentence = _("init returned a bare -1 (-EPERM) when {function} failed; {expected} would be right")
    elif call.errno and call.errno != call.function.failure.number:
        sentence = _("init returned {value} when {function} failed with {expected}; its own error would be right")
    else:
        sentence = _("init returned {value} when {function} failed; {expected} would be right")
    sentence = sentence.format(value=f"-{name}", function=call.name, expected=expected)
    return WrongReturn(sentence, False, call.line)


def _is_intended(call: Call, value: str) -> bool:
    """Whether a comment near the call, or the return statement, says that this value is returned on purpose."""
    lines = call.code.text(call.line, before=1, after=_LINES_AFTER) if call.line else []
    for number, line in enumerate(lines):
        if re.search(rf"(?<![\w-]){re.escape(value)}\b", line):
            comments = _COMMENT.findall(line) + (_COMMENT.findall(lines[number - 1]) if number else [])
            if any(_INTENDED.search(comment) for comment in comments):
                return True
    return False


# ---- the statement that returned -----------------------------------------------------------------------------------

_RETURN = re.compile(r"\breturn\b\s*\(?([^;]*?)\)?\s*;")


def return_line(code: Code, returned: int) -> SourceLine | None:
    """The last return statement of init that may have returned this value; None without the source."""
    place = code.init_place
    start = code.line(*place) if place else None
    bare = code_of(code.sources.get(start.file, b"")) if start else ""
    if start is None or not bare:
        return None
    begin = bare.find("{", sum(len(line) + 1 for line in bare.split("\n")[: start.line - 1]))
    returns = list(_RETURN.finditer(bare, begin, _end_of_block(bare, begin))) if begin >= 0 else []
    matching = [match for match in returns if _constant(match[1]) == returned]
    matching = matching or [match for match in returns if _constant(match[1]) is None]
    if not matching:
        return start
    return replace(start, line=bare.count("\n", 0, matching[-1].start()) + 1)


def _end_of_block(text: str, begin: int) -> int:
    depth = 0
    for match in re.finditer(r"[{}]", text[begin:]):
        depth += 1 if match[0] == "{" else -1
        if depth == 0:
            return begin + match.end()
    return len(text)


def _constant(expression: str) -> int | None:
    """The value of an expression that is a number or an errno; None for another expression."""
    if re.fullmatch(r"-?\d+", expression):
        return int(expression)
    match = re.fullmatch(r"(-?)(E[A-Z0-9]+)", expression)
    number = next((number for number in range(1, MAX_ERRNO + 1) if match and errno_name(number) == match[2]), None)
    return None if match is None or number is None else -number if match[1] else number
