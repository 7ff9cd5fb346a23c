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
_PASSED_FUNCTION = re.compile(
    r"expected '(?:[^']*' \{aka ')?(?P<returns>[^'(]*)\(\*\)\((?P<takes>[^']*)\)'\}? but argument is of type "
    r"'(?P<given>[^'(]*)\(\*\)\((?P<arguments>[^']*)\)'"
)
_PASSED = re.compile(rf"expected '(?P<wanted>[^']*)'{_AKA} but argument is of type '(?P<given>[^']*)'")
_ARGUMENT = re.compile(r"(?:passing|incompatible type for) argument (?P<number>\d+) of '(?P<function>\w+)'")
_COUNT = re.compile(r"too (?P<wrong>few|many) arguments to function '(?P<function>\w+)'")
_MACRO_COUNT = re.compile(r'^macro "(?P<macro>\w+)" (?:passed|requires) \d+ argument')
_FORMAT = re.compile(
    r"^format '%[^']*' expects argument of type '[^']*', but argument \d+ has type "
    r"'(?:const )?(?P<type>[^']*)'(?: \{aka '(?:const )?(?P<plain>[^']*)'\})?"
)
# Documentation/core-api/printk-formats.rst, "Integer types"
_CONVERSIONS = {
    "int": "d",
    "unsigned int": "u",
    "long int": "ld",
    "long unsigned int": "lu",
    "long long int": "lld",
    "long long unsigned int": "llu",
    "size_t": "zu",
    "ssize_t": "zd",
    "char *": "s",
}
_NO_POINTER = re.compile(r"^invalid type argument of '->' \(have 'struct \w+'\)")
_POINTER = re.compile(r"is a pointer; did you mean to use '->'")
_ACCESS = re.compile(r"(?:->|\.)\s*[A-Za-z_]")
_MEMBER = re.compile(r"\b(?P<name>\w+)\s*(?:->|\.)\s*(?P<member>[A-Za-z_]\w*)")
_NO_VALUE = re.compile("void value not ignored")
_LONGEST = 300  # a declaration that is shown
_CALLED = re.compile(r"\b(?!if\b|while\b|return\b|switch\b|for\b|sizeof\b)(\w+)\s*\(")


def _callback(message: str, spot: Spot) -> Hint | None:
    """A function of the learner's that the kernel calls with other arguments, or of which it wants another value."""
    match = _CALLBACK.search(message)
    if not match and message.startswith("passing argument"):
        match = next(filter(None, map(_PASSED_FUNCTION.search, spot.notes)), None)
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
    called = _CALLED.search(spot.statement)
    if not _NO_VALUE.search(message) or not called:
        return None
    text = _("{function}() returns nothing in this kernel: call it as a statement of its own.")
    if spot.source.definition_of(called[1]) is not None:
        text = _("{function}() is a void function, so it returns nothing that could be used here.")
    return Hint("no-value", text.format(function=called[1]))


def _format(message: str, _spot: Spot) -> Hint | None:
    """An argument of printk() of another type than its conversion."""
    match = _FORMAT.search(message)
    if not match:
        return None
    types = (match["type"], match["plain"] or "")
    conversion = next((_CONVERSIONS[each] for each in types if each in _CONVERSIONS), "")
    conversion = conversion or ("p" if types[0].endswith("*") else "")
    if not conversion:
        return None
    kind = re.sub(r"^(long|long long|long unsigned|long long unsigned) int$", r"\1", match["type"])
    kind = re.sub(r"^(long|long long) unsigned$", r"unsigned \1", kind)
    text = _("The conversion for a value of type {type} is %{conversion}.")
    return Hint("format", text.format(type=kind, conversion=conversion))


def _arrow(message: str, spot: Spot) -> Hint | None:
    """A dot after a pointer, or -> after a structure."""
    is_pointer, is_none = _POINTER.search(message), _NO_POINTER.search(message)
    if not (is_pointer or is_none):
        return None
    line = spot.source.line(spot.line)
    found = _MEMBER.search(line)
    if not found or len(_ACCESS.findall(line)) > 1:
        text = _("What stands before this dot is a pointer: write -> in its place.")
        return Hint(
            "member-access",
            text if is_pointer else _("What stands before this -> is not a pointer: write a dot in its place."),
        )
    text = _("{name} is a pointer: write {name}->{member}.")
    text = text if is_pointer else _("{name} is a structure, not a pointer: write {name}.{member}.")
    return Hint("member-access", text.format(name=found["name"], member=found["member"]))


def _array(message: str, spot: Spot) -> Hint | None:
    """A text that is assigned to an array."""
    match = re.search(r"\b(?P<name>\w+)\s*=(?!=)", spot.source.line(spot.line))
    if message != "assignment to expression with array type" or not match:
        return None
    text = _("An array is not assigned as a whole. A string is copied into it: strscpy({name}, …, sizeof({name}));")
    return Hint("array-assignment", text.format(name=match["name"]))


def _single_character(message: str, spot: Spot) -> Hint | None:
    """A text in a variable for one character."""
    match = re.search(r"\bchar\s+(?P<name>\w+)\s*=", spot.source.line(spot.line))
    if not message.startswith("initialization of 'char' from 'char *'") or not match:
        return None
    text = _("{name} has room for one character. For a string, write char *{name}.")
    if one := re.search(r"=\s*\"(\\?.)\"", spot.raw_line):
        text = _("One character stands in single quotes: '{character}'.")
        return Hint("single-quotes", text.format(character=one[1]))
    return Hint("single-character", text.format(name=match["name"]))


def _address(message: str, spot: Spot) -> Hint | None:
    """A variable that is passed where its address is wanted."""
    match = _ARGUMENT.match(message)
    is_value = message.startswith("incompatible type") or "makes pointer from integer" in message
    passed = re.compile(r"[A-Za-z_]\w*(?=\s*[,)])").match(spot.source.code, spot.offset)
    if not match or not is_value or not passed:
        return None
    text = _("{function}() takes a pointer here, and {name} is not one: if its address is meant, write &{name}.")
    return Hint("int-conversion", text.format(function=match["function"], name=passed[0]))


def _passed(message: str, spot: Spot) -> Hint | None:
    """A pointer to something else than the kernel's function takes."""
    match = _ARGUMENT.match(message)
    types = next(filter(None, map(_PASSED.search, spot.notes)), None)
    if not match or not types or "incompatible pointer type" not in message:
        return None
    text = _("Argument {number} of {function}() is of type {wanted}, and what it is given is of type {given}.")
    return Hint("pointer-types", text.format(**match.groupdict(), **types.groupdict()))


TYPE_FINDERS = (
    *(_callback, _count, _macro_count, _no_value, _format, _arrow, _array, _single_character),
    *(_address, _passed),
)
