"""Hints on punctuation that depend on the source: what is really missing, and where."""

from __future__ import annotations

import re

from kmodlab.i18n import _
from kmodlab.kbuild.code_text import code_text
from kmodlab.kbuild.hint_rules import HEADER_OF
from kmodlab.kbuild.name_hints import ANNOTATIONS, KEYWORDS, header_hint, misspelt
from kmodlab.kbuild.near_name import nearest_name
from kmodlab.kbuild.spot import Hint, Spot

_BEFORE = re.compile(r"expected (?P<wanted>.*) (?:before '?(?P<token>[^' ]+)|at end of input)")
_SPECIFIERS = ("static", "const", "extern", "inline", "unsigned", "signed", "long", "short")
_LOGGED = re.compile(r"\b(?P<function>pr_\w+|printk)\s*\(\s*(?:KERN_\w+\s+)?(?P<text>[A-Za-z_]\w*)\s*\)")
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


def _own_header(message: str, spot: Spot) -> Hint | None:
    """A header of the learner's whose last declaration has no end, so gcc reads on in the file that includes it."""
    if not message.startswith("expected "):
        return None
    for header, content in spot.files.items():
        include = re.search(rf'^[ \t]*#[ \t]*include[ \t]*"{re.escape(header)}"', spot.source.raw, re.MULTILINE)
        if not header.endswith(".h") or not include or spot.source.line_of(include.start()) >= spot.line:
            continue
        text = code_text(content)
        last = text.token_before(len(text.code))
        if last and last.text != ";" and (last.text != "}" or text.closes_a_type_or_value(last.start)):
            message = _(
                "A semicolon is missing at the end of line {line} of {header}; the compiler notices it only here."
            )
            return Hint("header-end", message.format(line=last.line, header=header))
    return None


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
    if not spot.function and after.text in ".-[+":
        return None  # a statement outside of functions
    if after.text == ")" and spot.statement.count(")") > spot.statement.count("("):
        return Hint("missing-parenthesis", _("There is one ) more than there are ( before it."))
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
    if near := nearest_name(word, (*KEYWORDS, *ANNOTATIONS)):
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


def _quotes(message: str, spot: Spot) -> Hint | None:
    """A message whose text is not in quotes, or is in a variable."""
    match = _LOGGED.search(spot.source.line(spot.line))
    if not match or not message.startswith("expected ')' before"):
        return None
    text = _('A message begins with a string in quotes: {function}("{text}\\n"), or {function}("%s\\n", {text}).')
    return Hint("missing-quotes", text.format(function=match["function"], text=match["text"]))


def _after_head(message: str, spot: Spot) -> Hint | None:
    """The { of a function's body is missing, or there is a semicolon before it."""
    before, after = spot.source.token_before(spot.offset), spot.source.token_at(spot.offset)
    is_brace = after and after.text == "{" and message.startswith("expected identifier or '(' before '{'")
    if is_brace and before and before.text == ";":
        head = spot.source.token_before(before.start)
        if head and head.text == ")":
            text = _("The semicolon at the end of line {line} ends the function before its body: remove it.")
            return Hint("semicolon-after-head", text.format(line=before.line))
    if message.startswith("expected declaration specifiers before") and before and before.text == ")":
        text = _("The {{ is missing after line {line}, with which the function's body begins.").format(line=before.line)
        return Hint("missing-open-brace", text)
    return None


def _empty_statement(message: str, spot: Spot) -> Hint | None:
    """A semicolon that ends an if or a loop before its statement, or its else; statements that need braces."""
    if match := re.match("this '(if|while|for|else)' clause does not guard", message):
        if re.search(r"\)\s*;\s*$", spot.source.line(spot.line)):
            text = _("The semicolon at the end of this line is all that the {word} does: remove it.")
        else:
            text = _("Only the first statement belongs to the {word}: put {{ before it and }} after the last one.")
        return Hint("empty-statement", text.format(word=match[1]))
    before = spot.source.token_before(spot.offset)
    closing = spot.source.token_before(before.start) if before and before.text == ";" else None
    if message.startswith("'else' without a previous 'if'") and before and closing and closing.text == "}":
        text = _("The semicolon after the }} in line {line} ends the if before its else: remove it.")
        return Hint("else-without-if", text.format(line=closing.line))
    return None


def _last_comma(message: str, spot: Spot) -> Hint | None:
    """A comma after which nothing more comes."""
    before, after = spot.source.token_before(spot.offset), spot.source.token_at(spot.offset)
    if not message.startswith("expected expression before"):
        return None
    if before and after and before.text == "," and after.line > before.line and after.text != ")":
        return Hint("last-comma", _("Line {line} ends with a comma: write a semicolon.").format(line=before.line))
    if not re.search(r",\s*\)", spot.statement):
        return None
    return Hint("last-comma", _("Nothing comes after the comma: remove it, or add what is missing."))


def _operator(message: str, spot: Spot) -> Hint | None:
    """An operator that C writes in another way, and a comment as other languages have it."""
    line = spot.source.line(spot.line)
    for written, right in (("=>", ">="), ("=<", "<="), ("<>", "!=")):
        if written in line and message.startswith("expected expression before"):
            return Hint("operator", _("C writes {right}, not {written}.").format(right=right, written=written))
    is_comment = re.match(r"stray '#' in program|expected expression before '/' token", message)
    if is_comment and re.search(r"[;{}]\s*[#/]\s*\w", line):
        return Hint("comment", _("In C, a comment begins with // or stands between /* and */."))
    return None


def _list_semicolon(message: str, spot: Spot) -> Hint | None:
    if not re.match("expected (?:',' or )?'}' before ';'", message) or not spot.source.open_braces(0, spot.offset):
        return None
    return Hint("list-semicolon", _("Commas separate what stands between { and } here: write one for the semicolon."))


def _typed_argument(message: str, spot: Spot) -> Hint | None:
    """The type of an argument in a call."""
    match = re.match(r"expected expression before '(\w+)'", message)
    called = re.search(
        r"\b(\w+)\s*\((?:[^()]*,)?\s*(?:const\s+)?(?:void|int|char|long|unsigned|struct)\b", spot.statement
    )
    if not match or match[1] not in (*KEYWORDS, "bool") or not called or called[1] in KEYWORDS:
        return None
    return Hint("typed-argument", _("A call has values in its parentheses, without their types."))


def _case_colon(message: str, spot: Spot) -> Hint | None:
    line = spot.source.line(spot.line)
    match = re.match(r"\s*(?P<case>case\s+\w+|default)\s*$", line)
    if not match or not re.search("called object|expected ':'", message):
        return None
    return Hint("case-colon", _("A colon is missing at the end of line {line}.").format(line=spot.line))


def _no_call(message: str, spot: Spot) -> Hint | None:
    """A function's name without the parentheses that call it."""
    value = re.search(r"=\s*(\w+)\s*[;,]", spot.source.line(spot.line))
    alone = re.fullmatch(r"\s*(\w+)\s*", spot.statement)
    is_value = re.search(r"from '[^']*\(\*\)\([^']*' makes integer from pointer", message)
    match = value if is_value else alone if message == "statement with no effect" else None
    if not match or not (is_value or _is_function(match[1], spot)):
        return None
    text = _("{name} without parentheses is the function's address: {name}() calls it.")
    return Hint("not-called", text.format(name=match[1]))


def _is_function(name: str, spot: Spot) -> bool:
    is_own = spot.source.definition_of(name) is not None
    return is_own or (spot.headers is not None and spot.headers.declaration_of(name) != "")


def _comma_in(line: int) -> Hint:
    return Hint("missing-comma", _("A comma is missing at the end of line {line}.").format(line=line))


SYNTAX_FINDERS = (
    *(
        _open_function,
        _own_header,
        _after_head,
        _unknown_word,
        _unknown_macro,
        _quotes,
        _comma,
        _case_colon,
        _semicolon,
    ),
    *(_empty_statement, _last_comma, _no_call, _operator, _list_semicolon, _typed_argument),
)
