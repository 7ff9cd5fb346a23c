"""Hints on Makefiles that depend on their text: what stands where make stumbles, and names that are nearly right."""

from __future__ import annotations

import re

from kmodlab.i18n import _
from kmodlab.kbuild.spot import Hint, Spot

_NO_RULE = re.compile(r"No rule to make target '(?:\S*/)?(?P<target>[^/']+)'")
_LIST = re.compile(r"^\s*(?P<stem>[\w-]+)-(?:objs|y)\s*[:+]?=", re.MULTILINE)
_NEARLY_OBJ_M = re.compile(r"\s*(?:obj\s*[-_]?\s*m|obj-M|OBJ[-_]?M)\s*[:+]?[:=]")


def nearly_obj_m(makefile: str) -> int | None:
    """The line that seems to be meant for obj-m, in a Makefile without it; None if there is none."""
    lines = enumerate(makefile.splitlines(), 1)
    return next((number for number, line in lines if _NEARLY_OBJ_M.match(line)), None)


def _separator(message: str, spot: Spot) -> Hint | None:
    """A line of a Makefile that is no variable, no rule and no recipe."""
    line = spot.raw_line
    if not message.startswith("missing separator") or not line.strip() or line[0].isspace():
        return None
    if line.startswith(("//", "/*")):
        return Hint("missing-separator", _("A comment in a Makefile begins with #."))
    text = _("This line is neither a variable (name = value) nor a rule, whose target ends with a colon (all:).")
    return Hint("missing-separator", text)


def _objects(message: str, spot: Spot) -> Hint | None:
    """A target that is no object file, or that is a module whose parts are listed under another name."""
    match = _NO_RULE.search(message)
    target = match["target"] if match else ""
    if not target or ("modules.order" not in message and not target.endswith((".o", ","))):
        return None
    if target.endswith(","):
        return Hint("object-names", _("Spaces separate the objects in a Makefile, without commas."))
    if not target.endswith(".o"):
        text = _("A Makefile names the object file, and kbuild makes the module of it: obj-m += {stem}.o")
        return Hint("object-names", text.format(stem=target.split(".")[0]))
    stem = target.removesuffix(".o")
    lists = [
        each["stem"] for each in _LIST.finditer(spot.source.raw) if each["stem"] not in ("obj", "ccflags", "asflags")
    ]
    if len(lists) == 1 and lists[0] != stem and f"{stem}.o" in spot.raw_line and "obj-m" in spot.raw_line:
        text = _("{list}-objs lists the objects of a module {list}, and this one is {stem}: call the list {stem}-objs.")
        return Hint("no-rule", text.format(list=lists[0], stem=stem))
    return None


def find_makefile_hint(message: str, spot: Spot) -> Hint | None:
    """The hint for make's message about a spot in a Makefile; None if the text of the Makefile gives none."""
    return _separator(message, spot) or _objects(message, spot)
