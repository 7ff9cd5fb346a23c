"""Hints on code that is not C: what was copied along with it, and words of other languages."""

from __future__ import annotations

import re
import unicodedata

from kmodlab.i18n import N_, _
from kmodlab.kbuild.spot import Hint, Spot

_NUMBERED = re.compile(r"\s*(\d{1,5})[:.|)]?(?:\s|$)")
_ENTITY = re.compile(r"&(?:lt|gt|amp|quot|nbsp|#\d{2,4});")
_PATCHED = re.compile(r"(?:[+-](?![+-])|@@ -)")
_PROMPT = re.compile(r"\s*(?:\$|\w+@[\w.-]+:\S*[$#])\s")
_PYTHON = re.compile(r"\s*(?:def\s+\w+\s*\(.*\)\s*:|(?:from\s+\w+\s+)?import\s+\w+|elif\b.*:)\s*$")

# Words of C++ and other languages: how they are used there, and what the kernel has in their place.
_NULL = N_("It is called NULL here.")
_EXCEPTIONS = N_("It has no exceptions: a function returns a negative error, such as -EINVAL.")
_TEXT = N_("A string is a char * or an array of char.")
_OPERATORS = N_("It writes && for and, || for or, and ! for not.")
_ELSE_IF = N_("It writes else if, in two words.")
_WORDS = {
    "new": (r"new\s+\w", N_("Memory comes from kmalloc(size, GFP_KERNEL).")),
    "delete": (r"delete\s*(?:\[\s*\]\s*|\s)\w", N_("What kmalloc() returned is given back with kfree().")),
    "class": (r"class\s+\w+\s*[:{]", N_("A structure is called struct here, and has no functions.")),
    "template": (r"template\s*<", N_("Macros and void * take the place of templates.")),
    "using": (r"using\s+namespace", N_("It has no namespaces.")),
    "namespace": (r"namespace\s+\w+\s*\{", N_("It has no namespaces.")),
    "std": (r"std\s*::", _TEXT),
    "cout": (r"cout\s*<<", N_('A module logs with pr_info("…\\n").')),
    "cin": (r"cin\s*>>", N_("A module has no terminal: module_param() gives it a value when it is loaded.")),
    "try": (r"try\s*\{", _EXCEPTIONS),
    "throw": (r"throw\b", _EXCEPTIONS),
    "string": (r"string\s+\w", _TEXT),
    "String": (r"String\s+\w", _TEXT),
    "boolean": (r"boolean\s+\w", N_("This type is called bool.")),
    "then": (r"\w+", N_("What is done if the condition is true comes right after its parenthesis.")),
    **dict.fromkeys(("nullptr", "null", "None"), (r"\w+", _NULL)),
    **dict.fromkeys(("and", "or", "not"), (r"\w+\s*[\w(!]", _OPERATORS)),
    **dict.fromkeys(("elseif", "elsif", "elif"), (r"\w+\s*\(", _ELSE_IF)),
}
_NAMED = re.compile(
    r"'(?P<a>\w+)' undeclared|(?:implicit declaration of function|unknown type name) '(?P<b>\w+)'"
    r"|expected .* before '(?P<c>\w+)'$"
)


def _copied(message: str, spot: Spot) -> Hint | None:
    """What stands in front of code in a listing, a patch, a terminal or a web page, and how a web page writes < and >.

    It is looked for where gcc stumbles, and only what no C code has is evidence.
    """
    line = spot.raw_line
    is_outside = message.startswith("expected identifier or '('")
    if is_outside and (number := _NUMBERED.match(line)):
        around = (_NUMBERED.match(spot.raw_line_at(spot.line + step)) for step in (-1, 1))
        if any(other and abs(int(other[1]) - int(number[1])) == 1 for other in around):
            return Hint("copied", _("The lines begin with their numbers, as in a listing: remove the numbers."))
    if entity := _ENTITY.search(spot.source.line(spot.line)):
        text = _("{entity} is how the source of a web page writes a character: copy the text from the page itself.")
        return Hint("copied", text.format(entity=entity[0]))
    if line.lstrip().startswith("```"):
        return Hint("copied", _("``` marks the beginning and the end of code in Markdown: remove these lines."))
    if _PROMPT.match(line):
        return Hint("copied", _("This line is a command for a shell, with its prompt, and not C: remove it."))
    if is_outside and _PATCHED.match(line):
        return Hint("copied", _("The line begins with {sign}, as in a patch: remove that.").format(sign=line[:1]))
    if _PYTHON.match(line):
        return Hint("copied", _("This line is Python. A module is written in C."))
    return None


def _character(message: str, spot: Spot) -> Hint | None:
    """A character that C does not have, by its name: most look like one that it has."""
    stray = re.match(r"stray '(.*)' in program", message)
    if stray and len(stray[1]) == 1 and stray[1].isascii() and stray[1] != "#":
        return Hint("stray-character", _("C does not know the character {character} here.").format(character=stray[1]))
    found = next((character for character in spot.source.line(spot.line) if ord(character) > 127), "")
    if not found or not (stray or re.search(r"\\u[0-9a-f]{4}", message)):
        return None
    kind, name = unicodedata.category(found), unicodedata.name(found, f"U+{ord(found):04X}").lower()
    if kind in ("Zs", "Cf"):
        text = _("What looks like a space here, or is invisible, is not a plain space ({name}): type it again.")
    elif kind == "Pd" or found == "\N{MINUS SIGN}":
        text = _("C does not know the dash {character} ({name}): type a plain - in its place.")
    elif kind in ("Pi", "Pf", "Ps", "Pe") or found in "\N{PRIME}\N{DOUBLE PRIME}":
        text = _("C does not know the quote {character} ({name}): type a plain one in its place.")
    else:
        text = _("C does not know the character {character} ({name}).")
    return Hint("stray-character", text.format(character=found, name=name))


def _word(message: str, spot: Spot) -> Hint | None:
    match = _NAMED.search(message)
    word = next(filter(None, match.groups()), "") if match else ""
    if word not in _WORDS or spot.source.declaration_of(word) is not None:
        return None
    usage, instead = _WORDS[word]
    if not re.search(rf"\b(?={word}\b){usage}", spot.source.line(spot.line)):
        return None
    text = _('C, in which the kernel is written, does not have "{word}". {instead}')
    return Hint("other-language", text.format(word=word, instead=_(instead)))


LANGUAGE_FINDERS = (_copied, _character, _word)
