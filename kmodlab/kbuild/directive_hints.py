"""Hints on lines of the preprocessor, which begin with #."""

from __future__ import annotations

import re

from kmodlab.i18n import _
from kmodlab.kbuild.near_name import nearest_name
from kmodlab.kbuild.spot import Hint, Spot

_DIRECTIVES = (
    *("include", "define", "undef", "ifdef", "ifndef", "if", "elif", "else", "endif", "error", "warning", "pragma"),
)
_HEADER = re.compile(r"\s*#\s*include\s*[<\"']?\s*(?P<name>[\w./-]+\.h)\b")
_MACRO = re.compile(r"\s*#\s*define\s+(?P<name>\w+)(?P<parameters>\([^()]*\))?\s+(?P<body>\S.*?)\s*$")


def _include(message: str, spot: Spot) -> Hint | None:
    if not message.startswith("#include expects"):
        return None
    match = _HEADER.match(spot.raw_line)
    if match:
        text = _("The name of a header stands between < and >: #include <{name}>.").format(name=match["name"])
    else:
        text = _("#include needs the name of a header, as in #include <linux/module.h>.")
    return Hint("directive", text)


def _unknown(message: str, _spot: Spot) -> Hint | None:
    match = re.match(r"invalid preprocessing directive #(\w+)", message)
    near = nearest_name(match[1], _DIRECTIVES) if match else ""
    if not match or not near:
        return None
    return Hint("directive", _("There is no #{word}. Did you mean #{near}?").format(word=match[1], near=near))


def _end(message: str, spot: Spot) -> Hint | None:
    if not message.startswith("extra tokens at end of"):
        return None
    if spot.raw_line.rstrip().endswith(";"):
        return Hint("directive", _("A line that begins with # has no semicolon at its end: remove it."))
    return Hint("directive", _("The line goes on after the end of its directive: remove what stands there."))


def _body(message: str, spot: Spot) -> Hint | None:
    """A macro of the learner's that brings a = or a ; along, to wherever it is used."""
    match = _MACRO.match(spot.raw_line)
    if not match or not message.startswith("expected "):
        return None
    name, body = match["name"], match["body"]
    if body.startswith("=") and not match["parameters"]:
        text = _("A macro gets its value without =: #define {name} {value}")
        return Hint("macro-body", text.format(name=name, value=body.lstrip("= ").rstrip("; ")))
    if body.endswith(";"):
        text = _(
            "The semicolon at the end of this line belongs to {name}, and comes along wherever it is used: remove it."
        )
        return Hint("macro-body", text.format(name=name))
    return None


DIRECTIVE_FINDERS = (_include, _unknown, _end, _body)
