"""Hints on unknown names that depend on the source: missing headers, similar names, definitions further below."""

from __future__ import annotations

import re
from itertools import islice

from kmodlab.i18n import _
from kmodlab.kbuild.code_text import code_text
from kmodlab.kbuild.hint_rules import HEADER_OF
from kmodlab.kbuild.near_name import nearest_name
from kmodlab.kbuild.spot import Hint, Spot

KEYWORDS = (
    *("static", "const", "struct", "union", "enum", "return", "void", "int", "char", "long", "short", "unsigned"),
    *("signed", "extern", "inline", "while", "switch", "case", "break", "continue", "sizeof", "typedef", "default"),
)
_UNKNOWN = re.compile(
    r"(?:implicit declaration of function|unknown type name) '(?P<a>\w+)'|'(?P<b>\w+)' undeclared"
    r"|in declaration of '(?P<c>\w+)'|'struct (?P<d>\w+)' declared inside parameter list"
    r"|(?:undefined|incomplete) type '(?:const )?struct (?P<e>\w+)'"
)
ANNOTATIONS = (
    *("__init", "__exit", "__initdata", "__exitdata", "__initconst", "__always_inline", "__must_check", "__packed"),
    *("__user", "__iomem", "__rcu", "__percpu", "__maybe_unused", "__always_unused"),
    *("noinline", "asmlinkage", "volatile"),
)
_LEVELS = ("kern_", "gfp_", "irqf_")
_SHORT = 6  # letters; of two shorter names, one differing letter says nothing
# include/linux/module.h includes them, and a module needs it anyway.
_BROUGHT_BY_MODULE_H = ("linux/moduleparam.h", "linux/init.h")
_MOST_STRUCTS = 100  # structs of the learner's that are compared with a misspelt one
_SUGGESTED = re.compile(r"did you mean '(\w+)'")


def _header(message: str, spot: Spot) -> Hint | None:
    match = _UNKNOWN.search(message)
    if not match:
        return None
    name = next(filter(None, match.groups()), "")
    return header_hint(name, spot, shown=f"struct {name}" if match["d"] or match["e"] else "")


def header_hint(name: str, spot: Spot, *, shown: str = "") -> Hint | None:
    """The hint about a name's header: it is missing, included too late, or lacks the name in this kernel.

    None if the name's header is unknown. `shown` is how the hint calls the name, if not by `name`.
    """
    header = HEADER_OF.get(name)
    if header is None:
        return None
    name = shown or name
    if header in _BROUGHT_BY_MODULE_H and spot.include_line(header) is None:
        header = "linux/module.h"
    return _header_text(name, header, spot)


def _header_text(name: str, header: str, spot: Spot) -> Hint:
    line = spot.include_line(header)
    if line is None:
        key = "missing-module-header" if header == "linux/module.h" else "missing-kernel-header"
        text = _("{name} needs its header: add #include <{header}>.")
        return Hint(key, text.format(name=name, header=header))
    if line > spot.line:
        text = _("{name} is used above its header: move #include <{header}> from line {line} to the top of the file.")
        return Hint("missing-kernel-header", text.format(name=name, header=header, line=line))
    text = _(
        "<{header}> is included, but in this kernel it does not have {name}. Names change between kernel versions: "
        "look for its successor in the header."
    )
    return Hint("not-in-header", text.format(name=name, header=header))


def _kernel_header(message: str, spot: Spot) -> Hint | None:
    """A name that is in no table of ours, but in a header of this kernel's."""
    match = _UNKNOWN.search(message)
    if not match or spot.headers is None or match["c"]:
        return None
    name = next(filter(None, match.groups()), "")
    if match["b"] and (("_" not in name and name != name.upper()) or name in ("TRUE", "FALSE")):
        return None  # a variable of the learner's own, or what drivers define for themselves
    header = spot.headers.header_of(name)
    if not header or _own_definition(name, spot):
        return None
    return _header_text(f"struct {name}" if match["d"] or match["e"] else name, header, spot)


def _own_definition(function: str, spot: Spot) -> str:
    """The learner's file that defines a function."""
    sources = ((file, content) for file, content in spot.files.items() if file.endswith((".c", ".h")))
    return next((file for file, content in sources if code_text(content).definition_of(function) is not None), "")


def _unknown_to_this_kernel(message: str, spot: Spot) -> Hint | None:
    match = re.search(r"implicit declaration of function '(\w+)'", message)
    if not match or spot.headers is None:
        return None
    function = match[1]
    if file := _own_definition(function, spot):
        text = _("{function}() is defined in {file}: declare it above this use, or in a header of yours.")
        return Hint("implicit-function", text.format(function=function, file=file))
    text = _(
        "Neither your files nor the headers of this kernel have {function}(). Check the spelling; code for an older or "
        "a newer kernel calls functions that this one does not have."
    )
    return Hint("implicit-function", text.format(function=function))


_MISSING_HEADER = re.compile(r"^((?!sys/)\S+/\S+\.h): No such file")


def _near_header(message: str, spot: Spot) -> Hint | None:
    match = _MISSING_HEADER.search(message)
    near = spot.headers.near(match[1]) if match and spot.headers else ""
    if not match or not near:
        return None
    text = _("This kernel has no header <{header}>. Did you mean <{near}>?")
    return Hint("missing-header", text.format(header=match[1], near=near))


def _misspelling(message: str, spot: Spot) -> Hint | None:
    match = _UNKNOWN.search(message)
    if not match or match["d"]:
        return None
    name = next(filter(None, match.groups()), "")
    if spot.source.definition_of(name) is not None:
        return None
    suggested = _SUGGESTED.search(message)
    names = [suggested[1]] if suggested and _is_likely(name, suggested[1], spot) else []
    own = _own_structs(spot) if match["e"] else []
    near = nearest_name(name, [*names, *own, *KEYWORDS])
    prefix = "struct " if match["e"] and near in own else ""
    return misspelt(prefix + name, prefix + near) if near else None


def _is_likely(name: str, suggested: str, spot: Spot) -> bool:
    """Whether gcc's suggestion is worth passing on: it takes the nearest name of thousands in the kernel's headers."""
    is_own = spot.source.mentions(suggested) > 0
    return len(name) >= _SHORT or is_own or suggested in HEADER_OF or name.lower() == suggested.lower()


def _in_capitals(message: str, spot: Spot) -> Hint | None:
    """A constant of the kernel's in small letters."""
    match = re.search(r"'([a-z_0-9]+)' undeclared", message)
    capitals = match[1].upper() if match else ""
    if not match or spot.headers is None or spot.source.declaration_of(match[1]) is not None:
        return None
    is_constant = HEADER_OF.get(capitals) or (match[1].startswith(_LEVELS) and spot.headers.header_of(capitals))
    return misspelt(match[1], capitals) if is_constant else None


def misspelt(name: str, near: str) -> Hint:
    """The hint that `name` may be a misspelt `near`."""
    text = _("{name} is not known here. Did you mean {near}?")
    return Hint("misspelt", text.format(name=name, near=near))


def _own_structs(spot: Spot) -> list[str]:
    texts = map(code_text, spot.files.values())
    matches = (match for text in texts for match in re.finditer(r"struct (\w{1,60})\s{0,9}\{", text.code))
    return [match[1] for match in islice(matches, _MOST_STRUCTS)]


def _defined_below(message: str, spot: Spot) -> Hint | None:
    match = re.search(r"implicit declaration of function '(\w+)'", message)
    definition = spot.source.definition_of(match[1]) if match else None
    if match is None or definition is None or (line := spot.source.line_of(definition)) <= spot.line:
        return None
    text = _("{function}() is defined below, in line {line}. C reads from top to bottom: move it above this function.")
    return Hint("defined-below", text.format(function=match[1], line=line))


def _declared_elsewhere(message: str, spot: Spot) -> Hint | None:
    """A variable that is declared further below, or in another block."""
    match = re.search(r"'(\w+)' undeclared", message)
    declaration = spot.source.declaration_of(match[1]) if match else None
    if match is None or declaration is None:
        return None
    name, line, braces = match[1], spot.source.line_of(declaration), spot.source.open_braces(0, declaration)
    if any(spot.source.opens_a_type(brace) for brace in braces):
        return None
    if braces:
        text = _("{name} is declared in line {line}, between {{ and }}, and is known only there.")
    elif line > spot.line:
        text = _("{name} is declared below, in line {line}. C reads from top to bottom: move the declaration up.")
    else:
        return None
    return Hint("defined-below", text.format(name=name, line=line))


def _struct(message: str, spot: Spot) -> Hint | None:
    """A structure that is named without the word struct, as in C++."""
    match = re.search(r"unknown type name '(\w+)'", message)
    if not match or not (match[1] in _own_structs(spot) or (spot.headers and spot.headers.has_struct(match[1]))):
        return None
    return Hint("struct-word", _("{name} is a structure: write struct {name}.").format(name=match[1]))


def _own_member(message: str, spot: Spot) -> Hint | None:
    """A member that a structure of the learner's own does not have."""
    match = re.search(r"'(?:const )?struct (\w+)' has no member named '(\w+)'(?:; did you mean '(\w+)')?", message)
    if not match or match[1] not in _own_structs(spot):
        return None
    if match[3]:
        return misspelt(match[2], match[3])
    text = _("struct {struct} is your own, and has no member {member}.")
    return Hint("no-member", text.format(struct=match[1], member=match[2]))


def _unknown_size(message: str, spot: Spot) -> Hint | None:
    """A variable of an undefined struct. gcc's message has the variable's name, the source that of the struct."""
    match = re.search(r"'(?P<a>\w+)' has initializer but incomplete|storage size of '(?P<b>\w+)'", message)
    name = (match["a"] or match["b"]) if match else ""
    declaration = re.search(rf"\b(struct|union|enum)\s+(\w+)[\s*]+[^;]*?\b{name}\b", spot.source.line(spot.line)[:500])
    if not name or not declaration:
        return None
    kind, tag = declaration.groups()
    if hint := header_hint(tag, spot, shown=f"{kind} {tag}"):
        return hint
    if near := nearest_name(tag, _own_structs(spot)):
        return misspelt(f"{kind} {tag}", f"{kind} {near}")
    text = _(
        "{type} is named here, but not defined: the compiler does not know how large {name} is. Include the header "
        "that defines it, or check the spelling."
    )
    return Hint("incomplete-type", text.format(type=f"{kind} {tag}", name=name))


def _unused_variable(message: str, spot: Spot) -> Hint | None:
    if "defined but not used" not in message or "variable" not in spot.option:
        return None
    return Hint("unused-variable", _("The variable is never read. Remove it, or use it."))


NAME_FINDERS = (
    *(_own_member, _unknown_size, _declared_elsewhere, _struct, _header, _defined_below, _in_capitals, _kernel_header),
    *(_misspelling, _unknown_to_this_kernel),
    *(_near_header, _unused_variable),
)
