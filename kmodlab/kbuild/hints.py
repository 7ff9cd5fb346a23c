"""Finds the hint for a diagnostic: what to do about it, in one or two plain sentences.

First `language_hints`, `directive_hints`, `macro_hints`, `syntax_hints`, `name_hints` and `type_hints` look at the
source. Then the rules of `hint_rules`, `hint_rules_names`, `hint_rules_gcc` and `hint_rules_syntax` are compared with
the tool's message.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from kmodlab.i18n import _
from kmodlab.kbuild.directive_hints import DIRECTIVE_FINDERS
from kmodlab.kbuild.hint_rules import HEADER_OF, KBUILD_RULES
from kmodlab.kbuild.hint_rules_gcc import GCC_RULES
from kmodlab.kbuild.hint_rules_names import NAME_RULES
from kmodlab.kbuild.hint_rules_syntax import SYNTAX_RULES
from kmodlab.kbuild.language_hints import LANGUAGE_FINDERS
from kmodlab.kbuild.macro_hints import MACRO_FINDERS
from kmodlab.kbuild.makefile_hints import find_makefile_hint
from kmodlab.kbuild.name_hints import NAME_FINDERS
from kmodlab.kbuild.spot import Hint, Spot
from kmodlab.kbuild.syntax_hints import SYNTAX_FINDERS
from kmodlab.kbuild.type_hints import TYPE_FINDERS
from kmodlab.kbuild.userspace import USERSPACE, USERSPACE_TYPES

RULES = (*KBUILD_RULES, *NAME_RULES, *GCC_RULES, *SYNTAX_RULES)

_QUOTES = str.maketrans({"\u2018": "'", "\u2019": "'", "`": "'"})


def plain_quotes(text: str) -> str:
    """The text with ' for all quotes; gcc, ld and as have different ones, depending on the locale."""
    return text.translate(_QUOTES)


_COMPILED = tuple((re.compile(rule.pattern), rule) for rule in RULES)


def find_hint(
    tool: str, message: str, *, macros: Sequence[str] = (), excerpt: str = "", spot: Spot | None = None
) -> Hint | None:
    """The hint for a tool's message about a spot in the sources; None if no rule fits.

    `macros` are the names of the macros used there, `excerpt` the lines that the tool shows.
    """
    message = plain_quotes(message)
    if hint := _userspace_hint(message):
        return hint
    if spot and tool == "gcc" and (hint := _source_hint(message, spot)):
        return hint
    if spot and tool == "make" and (hint := find_makefile_hint(message, spot)):
        return hint
    if not spot and (hint := _header_hint(message)):
        return hint
    for pattern, rule in _COMPILED:
        match = pattern.search(message)
        if not match or (rule.tool and rule.tool != tool) or (rule.macro and rule.macro not in macros):
            continue
        if not rule.excerpt or re.search(rule.excerpt, excerpt):
            return Hint(rule.key, _(rule.text).format(**match.groupdict()))
    return None


_FINDERS = (
    *(*LANGUAGE_FINDERS, *DIRECTIVE_FINDERS, *MACRO_FINDERS),
    *(*SYNTAX_FINDERS, *NAME_FINDERS, *TYPE_FINDERS),
)
_UNKNOWN_NAME = re.compile(
    r"(?:implicit declaration of function|unknown type name) '(?P<a>\w+)'|'(?P<b>\w+)' undeclared"
)


def _source_hint(message: str, spot: Spot) -> Hint | None:
    """The hint from the functions that look at the source; None if there is none."""
    if not spot.line or spot.file not in spot.files:
        return None
    return next(filter(None, (finder(message, spot) for finder in _FINDERS)), None)


def _userspace_hint(message: str) -> Hint | None:
    name = _unknown_name(message)
    if name in USERSPACE_TYPES and "function" not in message:
        text = _("{name} is a type of userspace. In the kernel: {replacement}.")
        return Hint("userspace-type", text.format(name=name, replacement=_(USERSPACE_TYPES[name])))
    if name not in USERSPACE or "function" not in message:
        return None
    text = _("{name}() is a function of userspace. In the kernel: {replacement}.")
    return Hint("userspace-function", text.format(name=name, replacement=_(USERSPACE[name])))


def _unknown_name(message: str) -> str:
    match = _UNKNOWN_NAME.search(message)
    return (match["a"] or match["b"]) if match else ""


def _header_hint(message: str) -> Hint | None:
    name = _unknown_name(message)
    if name not in HEADER_OF:
        return None
    text = _("{name} needs its header: add #include <{header}>.")
    return Hint("missing-kernel-header", text.format(name=name, header=HEADER_OF[name]))
