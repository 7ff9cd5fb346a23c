"""Whether what init returned was right, given the calls that failed in it.

Right is the errno that the call failed with, or for a call that fails with NULL the one that its kind calls for. Any
other must be meant: a comment on the line that names it says so ("mapped", "deliberate", "on purpose", "instead of").
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from kmodlab.crash.source_location import SourceLine
from kmodlab.kbuild.locate import code_of
from kmodlab.tracer.call_log import Call
from kmodlab.tracer.call_sites import Code
from kmodlab.tracer.kernel_api import MAX_ERRNO, Gives, errno_name

_EPERM = 1
_MEANT = re.compile(r"\bmap(s|ped|ping)?\b|\bdeliberate|\bon purpose\b|\binstead\b|\bintentional", re.IGNORECASE)
_COMMENT = re.compile(r"//.*|/\*.*")
_LINES_AFTER = 20  # after the call in which its error is looked at
# What a module may well look for in vain, and then do without.
_MAY_BE_MISSING = {"file", "crypto", "clock", "gpiod", "regulator", "reset", "pwm", "adapter-reference", "dma-channel"}


@dataclass(frozen=True)
class WrongReturn:
    """Why it is wrong, in a sentence; `is_success` where the kernel took it for one.

    `line` is the failed call's, or that of the return statement.
    """

    sentence: str
    is_success: bool
    line: SourceLine | None = None


def check_return(returned: int, calls: Sequence[Call], code: Code) -> WrongReturn | None:
    """What is wrong with init's return value; None where nothing is. `calls` are all that were recorded."""
    call = _decisive_failure(calls)
    wrong = _never_right(returned) or (_without_failure(returned, calls) if call is None else None)
    if wrong:  # only now: to find the line, all that the compiler noted has to be read
        return replace(wrong, line=call.line if call else return_line(code, returned))
    if call is None:
        return None
    if call.in_callback:
        return None  # the kernel's own function stands between: it decides what init gets to see
    if returned == 0:
        return _after_success(call, calls)
    return _other_errno(returned, call, calls)


def _never_right(returned: int) -> WrongReturn | None:
    if returned > 0:
        return WrongReturn(f"init returned {returned}: a positive number is no error, so the module stays loaded", True)
    if returned < -MAX_ERRNO:
        return WrongReturn(f"init returned {returned}, which is no errno", False)
    return None


def _decisive_failure(calls: Sequence[Call]) -> Call | None:
    """The call that was made to fail; else the last in init that failed by itself and that init cannot do without."""
    injected = next((call for call in calls if call.injected), None)
    if injected:
        return injected
    by_itself = [call for call in calls if call.in_init and not call.in_callback and call.failed and _matters(call)]
    return by_itself[-1] if by_itself else None


def _matters(call: Call) -> bool:
    kinds = {handle.kind for handle in call.function.opens}
    gets_something = bool(kinds) or call.function.gives is not Gives.NOTHING
    return gets_something and not kinds & _MAY_BE_MISSING and not call.function.optional


def _without_failure(returned: int, calls: Sequence[Call]) -> WrongReturn | None:
    given = {call.errno for call in calls if call.in_init}
    if returned == -_EPERM and _EPERM not in given:
        return WrongReturn("init returned a bare -1, which is -EPERM: operation not permitted", False)
    return None


def _after_success(call: Call, calls: Sequence[Call]) -> WrongReturn | None:
    if call.function.optional or _has_fallback(call, calls) or _is_meant(call, "0"):
        return None
    return WrongReturn(f"init returned 0 although {call.name} failed", True, call.line)


def _has_fallback(failed: Call, calls: Sequence[Call]) -> bool:
    """Whether init then got the same sort of thing by another call."""
    kinds = {handle.kind for handle in failed.function.opens}
    later = calls[calls.index(failed) + 1 :]
    return any(
        call.in_init
        and call.returned
        and not call.failed
        and (
            call.name == failed.name
            or kinds & {handle.kind for handle in call.function.opens}
            or (failed.function.gives and call.function.gives)
        )
        for call in later
    )


def _other_errno(returned: int, call: Call, calls: Sequence[Call]) -> WrongReturn | None:
    name, right = errno_name(-returned), call.function.good_errnos
    given = {other.errno for other in calls if other.in_init and other.errno}
    if -returned in right | given or _is_meant(call, f"-{name}"):
        return None
    expected = f"-{errno_name(call.errno or min(right))}"
    if returned == -_EPERM:
        said = f"a bare -1 (-EPERM) when {call.name} failed; {expected} would be right"
    else:
        said = f"-{name} when {call.name} failed; {expected} would be right"
    return WrongReturn(f"init returned {said}", False, call.line)


def _is_meant(call: Call, value: str) -> bool:
    """Whether a comment near the call says that this value is returned on purpose."""
    near = call.code.text(call.line, before=1, after=_LINES_AFTER) if call.line else []
    for number, here in enumerate(near):
        if re.search(rf"(?<![\w-]){re.escape(value)}\b", here):
            comments = _COMMENT.findall(here) + (_COMMENT.findall(near[number - 1]) if number else [])
            if any(_MEANT.search(comment) for comment in comments):
                return True
    return False


# ---- the statement that returned -----------------------------------------------------------------------------------

_RETURN = re.compile(r"\breturn\b\s*\(?([^;]*?)\)?\s*;")


def return_line(code: Code, returned: int) -> SourceLine | None:
    """The last return statement of init that may have returned this, as far as its text tells; None without a text."""
    place = code.init_place
    start = code.line(*place) if place else None
    bare = code_of(code.sources.get(start.file, b"")) if start else ""
    if start is None or not bare:
        return None
    begin = bare.find("{", sum(len(line) + 1 for line in bare.split("\n")[: start.line - 1]))
    found = list(_RETURN.finditer(bare, begin, _end_of_block(bare, begin))) if begin >= 0 else []
    exact = [match for match in found if _constant(match[1]) == returned]
    chosen = exact or [match for match in found if _constant(match[1]) is None]
    if not chosen:
        return start
    return replace(start, line=bare.count("\n", 0, chosen[-1].start()) + 1)


def _end_of_block(text: str, begin: int) -> int:
    depth = 0
    for match in re.finditer(r"[{}]", text[begin:]):
        depth += 1 if match[0] == "{" else -1
        if depth == 0:
            return begin + match.end()
    return len(text)


def _constant(expression: str) -> int | None:
    """The number that an expression is; None where it is more than a number or an errno."""
    if re.fullmatch(r"-?\d+", expression):
        return int(expression)
    match = re.fullmatch(r"(-?)(E[A-Z0-9]+)", expression)
    number = next((number for number in range(1, MAX_ERRNO + 1) if match and errno_name(number) == match[2]), None)
    return None if match is None or number is None else -number if match[1] else number
