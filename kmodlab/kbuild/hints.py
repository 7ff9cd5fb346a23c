"""What to do about a diagnostic, in one or two plain sentences, found by the tool's own words.

The tables of mistakes are `hint_rules` and `hint_rules_gcc`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from kmodlab.i18n import _
from kmodlab.kbuild.hint_rules import HEADER_OF, KBUILD_RULES, USERSPACE
from kmodlab.kbuild.hint_rules_gcc import GCC_RULES

RULES = (*KBUILD_RULES, *GCC_RULES)

_QUOTES = str.maketrans({"\u2018": "'", "\u2019": "'", "`": "'"})


def plain_quotes(text: str) -> str:
    """The text with one kind of quote; which kind gcc, ld and as use depends on the tool and on the locale."""
    return text.translate(_QUOTES)


@dataclass(frozen=True)
class Hint:
    """A hint: the key of the mistake, and the text in the reader's language."""

    key: str
    text: str


_COMPILED = tuple((re.compile(rule.pattern), rule) for rule in RULES)


def find_hint(tool: str, message: str, *, macros: Sequence[str] = (), excerpt: str = "") -> Hint | None:
    """The hint for a message in the tool's own words; None if there is no hint for it."""
    message = plain_quotes(message)
    if hint := _hint_for_name(message):
        return hint
    for pattern, rule in _COMPILED:
        match = pattern.search(message)
        if not match or (rule.tool and rule.tool != tool) or (rule.macro and rule.macro not in macros):
            continue
        if not rule.excerpt or re.search(rule.excerpt, excerpt):
            return Hint(rule.key, _(rule.text).format(**match.groupdict()))
    return None


_UNKNOWN_NAME = re.compile(
    r"(?:implicit declaration of function|unknown type name) '(?P<a>\w+)'|'(?P<b>\w+)' undeclared"
)


def _hint_for_name(message: str) -> Hint | None:
    match = _UNKNOWN_NAME.search(message)
    name = (match["a"] or match["b"]) if match else ""
    if name in USERSPACE and "function" in message:
        text = _("{name}() is a function of userspace. In the kernel: {replacement}.")
        return Hint("userspace-function", text.format(name=name, replacement=_(USERSPACE[name])))
    if name in HEADER_OF:
        text = _("{name} needs its header: add #include <{header}>.")
        return Hint("missing-kernel-header", text.format(name=name, header=HEADER_OF[name]))
    return None
