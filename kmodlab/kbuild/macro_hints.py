"""Hints on the macros of modules, by what stands in their parentheses; gcc stumbles over what they are made of."""

from __future__ import annotations

import re

from kmodlab.i18n import _
from kmodlab.kbuild.near_name import nearest_name
from kmodlab.kbuild.spot import Hint, Spot

_TYPES = ("bool", "int", "uint", "long", "ulong", "short", "ushort", "byte", "charp", "hexint", "ullong", "invbool")
_C_TYPES = {
    "uint": "unsigned int",
    "ulong": "unsigned long",
    "ushort": "unsigned short",
    "byte": "unsigned char",
    "hexint": "unsigned int",
    "ullong": "unsigned long long",
    "invbool": "bool",
}
_PARAMETER = re.compile(r"\bmodule_param(?P<kind>|_array|_named)\s*\(\s*(?P<arguments>[^()]*)\)")
_QUOTED = re.compile(r"\b(?P<macro>module_param\w*|MODULE_PARM_DESC)\s*\(\s*\"(?P<name>\w+)\"")
_DESCRIBED = re.compile(r"\bMODULE_PARM_DESC\s*\(\s*(?P<name>\w+)\s*\"")
_LICENCE = re.compile(
    r"\bMODULE_(?P<what>LICENSE|AUTHOR|DESCRIPTION|VERSION|ALIAS)\s*\(\s*(?P<value>[A-Za-z][^\"()]*)\)"
)
_CALLED = re.compile(r"\b(?P<macro>module_(?:init|exit))\s*\(\s*(?P<function>\w+)\s*\(\s*\)\s*\)")
_MODULE_MACRO = re.compile(r"\b(MODULE_\w+)\s*\(")
_MACROS = (
    *("MODULE_LICENSE", "MODULE_AUTHOR", "MODULE_DESCRIPTION", "MODULE_VERSION", "MODULE_ALIAS", "MODULE_PARM_DESC"),
    *("MODULE_DEVICE_TABLE", "MODULE_FIRMWARE", "MODULE_SOFTDEP", "MODULE_IMPORT_NS", "MODULE_INFO"),
)
_TABLE = re.compile(r"\bMODULE_DEVICE_TABLE\s*\(\s*\w+\s*,\s*(?P<name>\w+)\s*\)")
_TABLE_HERE = re.compile(r"\bstruct\s+\w+_device_id\s+(\w+)\s*\[")
_UNDECLARED = re.compile(r"'(?P<name>\w+)' undeclared")
_MAKER = re.compile(r"\b([A-Z]\w*[A-Z])\s*\(")
_PROC_MEMBER = re.compile(r"'(?:const )?struct proc_ops' has no member named '(?P<member>\w+)'")
_PROC_NAMES = {"unlocked_ioctl": "proc_ioctl", "llseek": "proc_lseek"}


def _parameter(message: str, spot: Spot) -> Hint | None:
    """A parameter's type that does not exist, is not that of its variable, or a count that is no address."""
    match = _PARAMETER.search(spot.source.line(spot.line))
    arguments = [each.strip() for each in match["arguments"].split(",")] if match else []
    if match and not match["kind"] and len(arguments) == 2 and message.startswith('macro "'):
        text = _("The permissions of the parameter's file in /sys come last: module_param({name}, {type}, 0444);")
        return Hint("parameter-permissions", text.format(name=arguments[0], type=arguments[1]))
    if not match or len(arguments) < 3 or "negative width" in message:
        return None
    if arguments[1].isdigit() and not match["kind"]:
        text = _("The type of the parameter comes before its permissions: module_param({name}, {type}, {number});")
        values = {"name": arguments[0], "type": arguments[2], "number": arguments[1]}
        return Hint("parameter-type", text.format(**values))
    named = match["kind"] == "_named"
    name, kind = arguments[1 if named else 0], arguments[2 if named else 1]
    if kind not in _TYPES and f"param_ops_{kind}" not in spot.source.code:
        text = _("There is no parameter type {type}. For a text, take charp, with a variable of type char *.")
        other = _("There is no parameter type {type}. Take one of {types}.")
        text = text if "str" in kind or "char" in kind else other
        return Hint("parameter-type", text.format(type=kind, types=", ".join(_TYPES[:9])))
    if "incompatible return type" in message or "incompatible pointer" in message:
        text = _("The parameter's type is {type}, but the variable {name} has another one: the two must agree.")
        return Hint("parameter-type", text.format(type=kind, name=name))
    if match["kind"] == "_array" and arguments[2].isdigit():
        text = _("module_param_array() takes the address of a variable for the number of values, or NULL.")
        return Hint("parameter-count", text)
    if match["kind"] == "_array" and re.fullmatch(r"[a-z_]\w*", arguments[2]) and arguments[2] != "NULL":
        text = _("module_param_array() writes to the number of values, so it takes its address: &{name}.")
        return Hint("parameter-count", text.format(name=arguments[2]))
    return None


def _parameter_name(message: str, spot: Spot) -> Hint | None:
    """A parameter's name in quotes, without a comma after it, or without a variable."""
    if quoted := _QUOTED.search(spot.raw_line):
        text = _("The parameter's name stands without quotes: {macro}({name}, …).")
        return Hint("parameter-name", text.format(macro=quoted["macro"], name=quoted["name"]))
    described = _DESCRIBED.search(spot.raw_line)
    if described and message.startswith('macro "MODULE_PARM_DESC"'):
        text = _("A comma is missing after {name}.")
        return Hint("missing-comma", text.format(name=described["name"]))
    match, unknown = _PARAMETER.search(spot.source.line(spot.line)), _UNDECLARED.search(message)
    arguments = [each.strip() for each in match["arguments"].split(",")] if match else []
    if not match or match["kind"] or not unknown or unknown["name"] != arguments[0] or len(arguments) < 3:
        return None
    name, kind = arguments[:2]
    declared = f"char *{name}" if kind == "charp" else f"{_C_TYPES.get(kind, kind)} {name}"
    text = _("A parameter is a variable, which must be declared above this line: static {declared};")
    return Hint("parameter-name", text.format(declared=declared))


def _text(message: str, spot: Spot) -> Hint | None:
    """A licence that is no text."""
    match = _LICENCE.search(spot.source.line(spot.line))
    if not match or not message.startswith(("expected ", "'")) or '"' in spot.raw_line:
        return None
    text = _('MODULE_{what}() takes a text in quotes: MODULE_{what}("{value}");')
    return Hint("no-text", text.format(what=match["what"], value=match["value"].strip()))


def _called(_message: str, spot: Spot) -> Hint | None:
    """module_init(hello_init()), which calls the function instead of naming it."""
    match = _CALLED.search(spot.source.line(spot.line))
    if not match:
        return None
    text = _("{macro}() takes the function's name, without parentheses after it: {macro}({function});")
    return Hint("called-in-macro", text.format(**match.groupdict()))


def _misspelt(message: str, spot: Spot) -> Hint | None:
    """A macro of modules that does not exist, such as MODULE_LICENCE()."""
    match = _MODULE_MACRO.search(spot.source.line(spot.line))
    near = nearest_name(match[1], _MACROS) if match else ""
    if not match or not near or match[1] in _MACROS or not message.startswith("expected declaration specifiers"):
        return None
    return Hint("module-macro", _("There is no macro {name}. Did you mean {near}?").format(name=match[1], near=near))


def _two_words(_message: str, spot: Spot) -> Hint | None:
    match = re.search(r"\bMODULE\s+([A-Z_]+)\s*\(", spot.source.line(spot.line))
    if not match:
        return None
    return Hint("module-macro", _("The macro's name is one word: MODULE_{name}.").format(name=match[1]))


def _no_parentheses(message: str, spot: Spot) -> Hint | None:
    """A macro, or printk(), whose arguments do not stand in parentheses."""
    match = _UNDECLARED.search(message) or re.search(r"unknown type name '(?P<name>\w+)'", message)
    if not match or spot.headers is None:
        return None
    name = match["name"]
    is_before_its_argument = re.search(rf"\b{name}\s+[\w\"]", spot.raw_line)
    if not is_before_its_argument or not spot.headers.macro_of(name):
        return None
    text = _("What {name} is given stands in parentheses: {name}(…);")
    return Hint("no-parentheses", text.format(name=name))


def _called_in_table(_message: str, spot: Spot) -> Hint | None:
    """A function that is called where a structure is to get its address."""
    match = re.search(r"\.(?P<member>\w+)\s*=\s*&?(?P<function>[a-z]\w*)\s*\(\s*\)", spot.source.line(spot.line))
    if not match or spot.function:
        return None
    text = _("A member takes the function's name, without parentheses after it: .{member} = {function},")
    return Hint("called-in-macro", text.format(**match.groupdict()))


def _undeclared_in_macro(message: str, spot: Spot) -> Hint | None:
    """A name that a macro is given, or that it makes of what it is given: level_show, of DEVICE_ATTR_RO(level)."""
    match, line = _UNDECLARED.search(message), spot.source.line(spot.line)
    if not match:
        return None
    here = _TABLE_HERE.search(spot.source.code)
    if (table := _TABLE.search(line)) and table["name"] == match["name"] and here:
        text = _("MODULE_DEVICE_TABLE() takes the name of the table, which is {table} here.")
        return Hint("undeclared", text.format(table=here[1]))
    macro = _MAKER.search(line)
    if not macro or spot.source.mentions(match["name"]):
        return None
    text = _("{macro}() makes the name {name} of its argument, and nothing here is called that.")
    return Hint("made-by-macro", text.format(macro=macro[1], name=match["name"]))


def _divided(message: str, spot: Spot) -> Hint | None:
    """do_div() of what is no variable: it is a macro that assigns to its first argument."""
    if not message.startswith("lvalue required") or not re.search(r"\bdo_div\s*\(", spot.source.line(spot.line)):
        return None
    text = _("do_div() divides its first argument, a variable of type u64, and returns the remainder.")
    return Hint("no-variable", text)


def _proc_member(message: str, _spot: Spot) -> Hint | None:
    match = _PROC_MEMBER.search(message)
    if not match:
        return None
    member = match["member"]
    text = _("The members of struct proc_ops have names of their own: write .{name} instead of .{member}.")
    return Hint("no-member", text.format(name=_PROC_NAMES.get(member, f"proc_{member}"), member=member))


MACRO_FINDERS = (
    *(_two_words, _no_parentheses, _called_in_table, _parameter_name, _parameter, _text, _called, _misspelt),
    *(_undeclared_in_macro, _divided, _proc_member),
)
