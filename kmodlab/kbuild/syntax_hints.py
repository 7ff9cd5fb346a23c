"""Hints on punctuation that depend on the source: what is really missing, and where."""

from __future__ import annotations

import re

from kmodlab.i18n import _
from kmodlab.kbuild.hint_rules import HEADER_OF
from kmodlab.kbuild.name_hints import KEYWORDS, header_hint, misspelt
from kmodlab.kbuild.near_name import nearest_name
from kmodlab.kbuild.spot import Hint, Spot

_BEFORE = re.compile(r"expected (?P<wanted>.*) (?:before '?(?P<token>[^' ]+)|at end of input)")
_SPECIFIERS = ("static", "const", "extern", "inline", "unsigned", "signed", "long", "short")
_WORD = re.compile(r"[A-Za-z_]\w*")


def _open_function(message: str, spot: Spot) -> Hint | None:
    if not re.search("invalid storage class|expected declaration or statement at end of input", message):
        return None
    begin = spot.source.definition_of(spot.function) if spot.function else None
    end = spot.source.offset(spot.line)
    if "at end of input" in message:
        end = len(spot.source.code)
    braces = spot.source.open_braces(begin, end) if begin is not None else []
    if begin is None or not braces:
        return None
    brace = spot.source.suspicious_brace(begin, end) or spot.source.line_of(braces[-1])
    text = _(
        "{function}(), which begins in line {begin}, is still open here: a }} is missing above. Look first at the {{ "
        "in line {brace}, which has no }} at its own indentation."
    )
    begin_line = spot.source.line_of(begin)
    if brace == spot.source.line_of(braces[0]):
        text = _("{function}(), which begins in line {begin}, is still open here: the }} at its end is missing.")
    return Hint("end-of-input", text.format(function=spot.function, begin=begin_line, brace=brace))


def _semicolon(message: str, spot: Spot) -> Hint | None:
    match = _BEFORE.search(message)
    if not match or "';'" not in match["wanted"]:
        return None
    at_end = match["token"] is None
    before = spot.source.token_before(len(spot.source.code) if at_end else spot.offset)
    if at_end and spot.source.open_braces(0, len(spot.source.code)):
        return None
    while before and before.text in _SPECIFIERS:  # gcc notices the mistake only after these words
        before = spot.source.token_before(before.start)
    if before is None or before.text in (";", "{", ","):
        return None
    if before.text == "}" and not spot.source.closes_a_type_or_value(before.start):
        return None
    after = None if at_end else spot.source.token_at(spot.offset)
    # gcc points to the token that it did not expect, or after the token that the semicolon must follow.
    if after is None or after.line > before.line:
        text = _("A semicolon is missing at the end of line {line}.")
        return Hint("missing-semicolon", text.format(line=before.line))
    if re.match(r"\s*for\s*\(", spot.statement):
        return Hint("missing-semicolon", _("Semicolons separate the three parts of for (start; condition; step)."))
    if after.text == ":":
        return Hint("missing-semicolon", _("Write a semicolon in place of this colon."))
    text = _("Something is missing between {before} and {after}: an operator, a comma or a semicolon.")
    return Hint("missing-semicolon", text.format(before=before.text, after=after.text))


def _unknown_word(message: str, spot: Spot) -> Hint | None:
    """A word that is neither a type nor a keyword, before another word on the same line."""
    match = _BEFORE.search(message)
    if not match or not match["token"] or not _WORD.fullmatch(match["token"]) or "';'" not in match["wanted"]:
        return None
    word = spot.before
    if not _WORD.fullmatch(word) or word in KEYWORDS:
        return None
    if header := header_hint(word, spot):
        return header
    if near := nearest_name(word, KEYWORDS):
        return misspelt(word, near)
    if not (word.startswith("__") or re.search(rf"\b{re.escape(match['token'])}\s*\(", spot.source.line(spot.line))):
        return None
    text = _("The compiler does not know the word {word} before {next}. Check its spelling, or remove it.")
    return Hint("unknown-word", text.format(word=word, next=match["token"]))


def _unknown_macro(message: str, spot: Spot) -> Hint | None:
    """An unknown macro: outside of functions, a line NAME(…) with balanced parentheses."""
    if not message.startswith(("expected ')' before", "expected declaration specifiers or")) or spot.function:
        return None
    match = re.match(r"\s*(?P<macro>[A-Za-z_]\w*)\s*\(", spot.statement)
    if not match or spot.statement.count("(") != spot.statement.count(")"):
        return None
    macro = match["macro"]
    if macro in HEADER_OF:
        hint = header_hint(macro, spot)
        return hint if hint and hint.key != "not-in-header" else None
    if macro.startswith("MODULE_") and message.startswith("expected declaration"):
        return None
    if macro != macro.upper() and not macro.startswith(("module_", "DEFINE_", "DECLARE_")):
        return None
    text = _("The compiler does not know {macro}(). Check its spelling, or include the header that defines it.")
    return Hint("unknown-macro", text.format(macro=macro))


def _comma(message: str, spot: Spot) -> Hint | None:
    """A comma is missing in a list: of arguments, of values, of members."""
    if re.search(r"did you mean to use '->'|expected '\}' before|request for member", message):
        before, after = spot.source.token_before(spot.offset), spot.source.token_at(spot.offset)
        if before and after and before.text not in (",", "{", "(", ";", "}") and before.line < spot.line:
            return _comma_in(before.line)
    match = _BEFORE.search(message)
    if not match or match["wanted"] != "')'" or not match["token"] or not spot.function:
        return None
    inside = spot.statement
    is_value = match["token"] in ("numeric", "string") or _WORD.fullmatch(match["token"])
    if not is_value or match["token"] in KEYWORDS or inside.count("(") != inside.count(")"):
        return None
    name = match["token"] if match["token"] not in ("numeric", "string") else ""
    if name:
        text = _("The parentheses are complete. Before {name} something is missing: a comma, or an operator.")
        return Hint("missing-comma", text.format(name=name))
    text = _("The parentheses are complete. Something is missing before this constant: a comma, or an operator.")
    return Hint("missing-comma", text)


def _comma_in(line: int) -> Hint:
    return Hint("missing-comma", _("A comma is missing at the end of line {line}.").format(line=line))


SYNTAX_FINDERS = (_open_function, _unknown_word, _unknown_macro, _comma, _semicolon)
