"""Folds the diagnostics that only follow from an earlier one, so that one mistake gives one complaint.

gcc goes on after an error and reports what it then misunderstands; `follow_up_rules` recognises that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

from kmodlab.kbuild.code_text import code_text
from kmodlab.kbuild.follow_up_rules import RULES, Reported, comes_before_its_cause, is_repeated

if TYPE_CHECKING:
    from kmodlab.kbuild.diagnostics import Diagnostic

# With these hints, all diagnostics of a build that have the hint have the same remedy.
_ONE_REMEDY = ("circular", "source-left-out", "not-exported")
_MOST = 60  # diagnostics that are compared with each other


def fold_follow_ups(diagnostics: Sequence[Diagnostic], files: Mapping[str, bytes]) -> tuple[Diagnostic, ...]:
    """The diagnostics that are causes, in order, each with those that follow from it as its `follow_ups`.

    A cause is an error if one of its follow-ups is.
    """
    messages = [Reported(each, code_text(files.get(each.file, b""))) for each in diagnostics[:_MOST]]
    causes: dict[int, int] = {}
    for number, (message, after) in enumerate(pairwise(messages)):
        if message.diagnostic.unit == after.diagnostic.unit and comes_before_its_cause(message, after):
            causes[number] = number + 1
    for number, message in enumerate(messages):
        if number not in causes:
            cause = next((n for n in range(number) if n not in causes and _follows(messages[n], message)), None)
            if cause is None:
                earlier = (n for n in range(number) if n in causes and _root(n, causes) != number)
                cause = next((n for n in earlier if _follows(messages[n], message)), None)
            if cause is not None:
                causes[number] = cause
    return _group(diagnostics, causes)


def _follows(earlier: Reported, later: Reported) -> bool:
    first, second = earlier.diagnostic, later.diagnostic
    if is_repeated(earlier, later) or (first.hint_key in _ONE_REMEDY and first.hint == second.hint):
        return True
    if first.hint_key == second.hint_key == "gpl-only-symbol":
        return first.message.split(" uses ")[0] == second.message.split(" uses ")[0]  # the licence of one module
    if first.unit != second.unit:
        return False
    if first.hint_key in ("copied", "header-end"):  # all the code after it suffers
        return True
    if "old-style parameter declarations" in earlier.text:  # a ; is missing after the declaration before this code
        return earlier.function == later.function
    return first.file == second.file and any(rule(earlier, later) for rule in RULES)


def _group(diagnostics: Sequence[Diagnostic], causes: Mapping[int, int]) -> tuple[Diagnostic, ...]:
    follow_ups: dict[int, list[Diagnostic]] = {}
    for number in sorted(causes):
        follow_ups.setdefault(_root(number, causes), []).append(diagnostics[number])
    shown = [
        _with_follow_ups(diagnostic, follow_ups.get(number, []))
        for number, diagnostic in enumerate(diagnostics)
        if number not in causes
    ]
    return tuple(map(_without_repeated_hint, shown, (None, *shown)))


def _without_repeated_hint(diagnostic: Diagnostic, before: Diagnostic | None) -> Diagnostic:
    """The diagnostic without its hint if the one before, on the same line, has it: two arguments of printk()."""
    if before is None or (diagnostic.file, diagnostic.line, diagnostic.hint) != (before.file, before.line, before.hint):
        return diagnostic
    return replace(diagnostic, hint="")


def _root(number: int, causes: Mapping[int, int]) -> int:
    """The number of the first diagnostic in a chain of causes, which has no cycle."""
    return _root(causes[number], causes) if number in causes else number


def _with_follow_ups(cause: Diagnostic, follow_ups: Sequence[Diagnostic]) -> Diagnostic:
    if not follow_ups:
        return cause
    severity = next((each.severity for each in follow_ups if each.severity == "error"), cause.severity)
    return replace(cause, severity=severity, follow_ups=tuple(follow_ups))
