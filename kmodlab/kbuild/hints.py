"""What to do about a complaint, in one or two plain sentences, found by the tool's own words.

The words themselves stay as they are; the sentences are in `rules`, the names that learners miss in `names`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from kmodlab.kbuild.hint_rules import RULES
from kmodlab.kbuild.names import HEADER_OF, USERSPACE

_QUOTES = str.maketrans({"\u2018": "'", "\u2019": "'", "`": "'"})


def plain_quotes(text: str) -> str:
    """The same text with one kind of quote: which kinds gcc, ld and as use depends on the locale, and on them."""
    return text.translate(_QUOTES)


@dataclass(frozen=True)
class Hint:
    """A hint: a name for it, and its text."""

    key: str
    text: str


_COMPILED = tuple((re.compile(rule.pattern), rule) for rule in RULES)


def find_hint(tool: str, message: str, *, macros: Sequence[str] = (), excerpt: str = "") -> Hint | None:
    """The hint for a complaint in the tool's own words; None where there is none."""
    message = plain_quotes(message)
    if named := _for_name(message):
        return named
    for pattern, rule in _COMPILED:
        found = pattern.search(message)
        if not found or (rule.tool and rule.tool != tool) or (rule.macro and rule.macro not in macros):
            continue
        if not rule.excerpt or re.search(rule.excerpt, excerpt):
            return Hint(rule.key, _fill(rule.text, found))
    return None


def _fill(text: str, found: re.Match[str]) -> str:
    for number, group in enumerate(found.groups()):
        text = text.replace(f"{{{number}}}", group or "")
    return text


_NAMED = re.compile(r"(?:implicit declaration of function|unknown type name) '(?P<a>\w+)'|'(?P<b>\w+)' undeclared")


def _for_name(message: str) -> Hint | None:
    """A hint that knows the very name that is missing."""
    found = _NAMED.search(message)
    name = (found["a"] or found["b"]) if found else ""
    if name in USERSPACE and "function" in message:
        return Hint("userspace-function", f"{name}() is a function of userspace. In the kernel: {USERSPACE[name]}.")
    if name in HEADER_OF:
        return Hint("missing-kernel-header", f"{name} needs its header: add #include <{HEADER_OF[name]}>.")
    return None
