"""Hints on types that do not fit: what this kernel wants of a function, and what the learner's is or gives."""

from __future__ import annotations

import re

from kmodlab.i18n import _
from kmodlab.kbuild.kernel_headers import KernelHeaders
from kmodlab.kbuild.spot import Hint, Spot

_AKA = r"(?: \{aka '[^']*'\})?"
_CALLBACK = re.compile(
    rf"(?:initialization of|assignment to) '(?P<returns>[^'(]*)\(\*\)\((?P<takes>[^']*)\)'{_AKA} "
    r"from incompatible pointer type '(?P<given>[^'(]*)\(\*\)\((?P<arguments>[^']*)\)'"
)
_COUNT = re.compile(r"too (?P<wrong>few|many) arguments to function '(?P<function>\w+)'")
_MACRO_COUNT = re.compile(r'^macro "(?P<macro>\w+)" (?:passed|requires) \d+ argument')
_NO_VALUE = re.compile("void value not ignored")
_LONGEST = 300  # a declaration that is shown
_CALLED = re.compile(r"\b(?!if\b|while\b|return\b|switch\b|for\b|sizeof\b)(\w+)\s*\(")


def _callback(message: str, _spot: Spot) -> Hint | None:
    """A function of the learner's that the kernel calls with other arguments, or of which it wants another value."""
    match = _CALLBACK.search(message)
    if not match:
        return None
    wanted, given = _plain(match["takes"]), _plain(match["arguments"])
    returns, returned = match["returns"].strip(), match["given"].strip()
    sentences = []
    if returns != returned:
        text = _("In this kernel such a function returns {wanted}, and yours returns {given}.")
        sentences.append(text.format(wanted=returns, given=returned))
    if wanted != given:
        text = _("In this kernel it is called with ({wanted}), and yours takes ({given}).")
        sentences.append(text.format(wanted=wanted, given=given))
    if not sentences:
        return None
    sentences.append(_("Write yours as this kernel wants it."))
    return Hint("incompatible-pointer", " ".join(sentences))


def _plain(arguments: str) -> str:
    return re.sub(r"\s+", " ", arguments).strip()


def _count(message: str, spot: Spot) -> Hint | None:
    """A function of the kernel's that is called with too few arguments, or too many."""
    match = _COUNT.search(message)
    if not match or spot.headers is None or spot.source.definition_of(match["function"]) is not None:
        return None
    declaration = _declaration(match["function"], spot.headers)
    if not declaration:
        return None
    few = _("{function}() takes more arguments in this kernel: {declaration}")
    many = _("{function}() takes fewer arguments in this kernel: {declaration}")
    text = few if match["wrong"] == "few" else many
    return Hint("argument-count", text.format(function=match["function"], declaration=declaration))


def _macro_count(message: str, spot: Spot) -> Hint | None:
    """A macro of the kernel's that is given too few arguments, or too many."""
    match = _MACRO_COUNT.search(message)
    if not match or spot.headers is None or re.search(rf"#\s*define\s+{match['macro']}\b", spot.source.raw):
        return None
    macro = spot.headers.macro_of(match["macro"])
    if not macro or len(macro) > _LONGEST:
        return None
    text = _("{name}() is a macro that takes these arguments in this kernel: {macro}")
    return Hint("argument-count", text.format(name=match["macro"], macro=macro))


def _declaration(function: str, headers: KernelHeaders) -> str:
    text = headers.declaration_of(function)
    return text if len(text) <= _LONGEST else ""


def _no_value(message: str, spot: Spot) -> Hint | None:
    called = _CALLED.search(spot.source.code, spot.offset) or _CALLED.search(spot.statement)
    if not _NO_VALUE.search(message) or not called or spot.source.definition_of(called[1]) is not None:
        return None
    text = _("{function}() returns nothing in this kernel: call it as a statement of its own.")
    return Hint("no-value", text.format(function=called[1]))


TYPE_FINDERS = (_callback, _count, _macro_count, _no_value)
