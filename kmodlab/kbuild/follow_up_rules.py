"""The rules by which one diagnostic of gcc follows from an earlier one: what gcc then misunderstands, and how.

A diagnostic counts as a follow-up only on evidence: the same name, the same line, a recovery of the parser that the
source contradicts. In doubt it is shown.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from kmodlab.kbuild.code_text import CodeText
from kmodlab.kbuild.hints import plain_quotes
from kmodlab.kbuild.message_kinds import MessageKind, find_kind

if TYPE_CHECKING:
    from kmodlab.kbuild.diagnostics import Diagnostic


_SUGGESTION = re.compile(r"did you mean '(\w+)'")
_INCLUDE = re.compile(r"#include <([^>]+)>")
# With these hints, two diagnostics on one line are one mistake: a macro of the kernel makes several messages of it.
_ONE_MACRO = (
    *("two-inits", "wrong-init", "wrong-exit", "parameter-type", "parameter-permissions", "module-macro"),
    *("called-in-macro", "parameter-name"),
)
# After these, nothing that gcc says of the same line has another cause.
_ONE_SLIP = (
    *("other-language", "single-quotes", "macro-body", "no-parentheses", "comment", "nested-comment", "typed-argument"),
    *("untyped-parameter", "void-pointer", "operator"),
)
_FAR_LINES = 200  # between two statements outside of functions that have one cause
_DECLARED = re.compile(r"\w+[\s*]+(\w+)")
_PASSED = re.compile(r"&?\w+(?:(?:->|\.)\w+)*")
_COMPLETE = (";", "{", "}")  # after these, nothing is missing


@dataclass(frozen=True)
class Reported:
    """A diagnostic of a build, with the answers to the questions that the rules ask."""

    diagnostic: Diagnostic
    source: CodeText

    @cached_property
    def text(self) -> str:
        """The message, with plain quotes."""
        return plain_quotes(self.diagnostic.message)

    @cached_property
    def _kind_and_name(self) -> tuple[MessageKind, str]:
        return find_kind(self.text) if self.diagnostic.tool == "gcc" else (MessageKind.OTHER, "")

    @property
    def kind(self) -> MessageKind:
        """What the message is about; OTHER for a tool that is not gcc."""
        return self._kind_and_name[0]

    @property
    def name(self) -> str:
        """The name that the message is about; empty if there is none."""
        return self._kind_and_name[1]

    @property
    def line(self) -> int:
        """The line; 0 if it is unknown."""
        return self.diagnostic.line or 0

    @property
    def function(self) -> str:
        """The function that gcc was compiling; empty outside of functions."""
        return self.diagnostic.function

    @cached_property
    def suggestion(self) -> str:
        """The name that gcc suggests; empty if it suggests none."""
        match = _SUGGESTION.search(self.text)
        return match[1] if match else ""

    @cached_property
    def offset(self) -> int:
        """The offset of the place in the source's code."""
        return self.source.offset(self.line, self.diagnostic.column or 1)

    @cached_property
    def uses(self) -> list[int]:
        """The lines that have the name."""
        return self.source.uses(self.name.split()[-1]) if self.name else []

    @cached_property
    def words(self) -> list[str]:
        """The words of its line of code."""
        return re.findall(r"\w+", self.source.line(self.line))

    @cached_property
    def end_of_declaration(self) -> int:
        """The line where the declaration or statement at the place ends."""
        return self.source.end_of_declaration(self.offset)

    @cached_property
    def braces_are_balanced(self) -> bool:
        """Whether the braces of a function that gcc takes for unclosed are balanced."""
        begin = self.source.definition_of(self.function) if self.function else None
        return begin is not None and not self.source.open_braces(begin, self.source.offset(self.line))

    @property
    def is_error(self) -> bool:
        """Whether it ends the build, or makes gcc miss code."""
        return self.diagnostic.severity == "error" or self.kind is MessageKind.UNCLOSED

    @property
    def breaks_syntax(self) -> bool:
        """Whether gcc skips code after it."""
        return self.kind in (MessageKind.UNCLOSED, MessageKind.OPEN, MessageKind.OUTSIDE, MessageKind.SYNTAX) or (
            self.kind is MessageKind.UNKNOWN and "unknown type name" in self.text
        )

    def same_line(self, other: Reported) -> bool:
        """Whether both are about the same line."""
        return bool(self.line) and (self.line, self.diagnostic.file) == (other.line, other.diagnostic.file)


# ---- rules: whether `later` follows from `earlier`, in one file ----------------------------------------------------


def is_repeated(earlier: Reported, later: Reported) -> bool:
    """Whether it is the same message at the same place."""
    return earlier.diagnostic.place == later.diagnostic.place and earlier.text == later.text and later.line > 0


def _same_remedy(earlier: Reported, later: Reported) -> bool:
    """The same header is missing, or one call of a macro of the kernel is wrong."""
    first, second = earlier.diagnostic, later.diagnostic
    if earlier.same_line(later) and first.hint_key == second.hint_key and first.hint_key in _ONE_MACRO:
        return True
    if earlier.same_line(later) and first.hint_key == "parameter-count":
        return True
    headers = [_INCLUDE.search(each.hint) for each in (first, second)]
    return bool(headers[0] and headers[1] and headers[0][1] == headers[1][1])


def _no_code(earlier: Reported, later: Reported) -> bool:
    """gcc goes on after something that is not C, or that is not the word it is meant to be."""
    key, next_key = earlier.diagnostic.hint_key, later.diagnostic.hint_key
    if key == "directive" and earlier.text.startswith(("#include", "invalid preprocessing")):
        return next_key in ("missing-module-header", "missing-kernel-header") or "without #if" in later.text
    if key == "single-character" and later.text.startswith("format '%s'"):
        return earlier.function == later.function
    if key == "parameter-name" and later.kind is MessageKind.UNUSED:
        return f'"{later.name}"' in earlier.source.raw_lines[earlier.line - 1]
    if key == "missing-open-brace":  # gcc takes all that comes for parameters
        return True
    if key == "semicolon-after-head":
        return re.search("never defined|aliased to|attribute", later.text) is not None
    if key == "no-return-type":
        return next_key == "wrong-exit" or (later.kind is MessageKind.NO_RETURN and later.function in earlier.words)
    if not earlier.same_line(later):
        return False
    is_syntax = key == "misspelt" and later.kind is MessageKind.SYNTAX
    are_foreign = key.startswith("userspace-") and next_key.startswith("userspace-")
    return key in _ONE_SLIP or is_syntax or are_foreign


def _same_name(earlier: Reported, later: Reported) -> bool:
    if earlier.kind is MessageKind.REDECLARED:
        is_called = f"arguments to function '{earlier.name}'" in later.text
        return is_called or (later.kind is MessageKind.UNUSED and later.name == earlier.name)
    if "implicit declaration" in earlier.text and re.search("makes pointer from integer|^format '.*'int'$", later.text):
        # gcc takes an unknown function for one that returns int.
        called = re.search(rf"\b{earlier.name}\s*\(", later.source.line(later.line)) if earlier.name else None
        return earlier.same_line(later) or called is not None
    if earlier.text.startswith("unknown conversion") and later.text.startswith("too many arguments for format"):
        return earlier.same_line(later)
    if earlier.kind is MessageKind.MEMBER and later.text.startswith("initialization of "):
        return earlier.same_line(later)  # gcc takes the value for the next member's
    if not earlier.name or earlier.kind not in (MessageKind.UNKNOWN, MessageKind.INCOMPLETE):
        return False
    if later.kind is MessageKind.UNUSED:
        # A variable may be unused because its type is incomplete; an unknown name itself is never reported as unused.
        return earlier.kind is MessageKind.INCOMPLETE and later.name == earlier.name
    if later.kind is MessageKind.REDECLARED:
        return later.name == earlier.name and earlier.kind is MessageKind.UNKNOWN
    if "__builtin" in later.text:  # an unknown name in a macro of the kernel
        return earlier.same_line(later)
    if later.kind is MessageKind.NOT_A_FUNCTION or later.text.startswith("expected ';' before '{'"):
        # The unknown name is a macro's: a loop such as for_each_process().
        return earlier.kind is MessageKind.UNKNOWN and earlier.same_line(later) and later.offset >= earlier.offset
    return later.kind in (MessageKind.UNKNOWN, MessageKind.INCOMPLETE) and later.name == earlier.name


def _incomplete_type(earlier: Reported, later: Reported) -> bool:
    if earlier.kind is not MessageKind.INCOMPLETE:
        return False
    if later.kind is MessageKind.MEMBER:
        return re.search(rf"\b{later.name}\b", earlier.source.line(earlier.line)) is not None
    if "declared inside parameter list" in earlier.text and "incompatible pointer type" in later.text:
        return earlier.name in later.text
    if "static assertion" in later.text:
        return earlier.same_line(later)
    notes = " ".join(plain_quotes(note.message) for note in later.diagnostic.notes)
    if "excess elements" in later.text:
        return f"(near initialization for '{earlier.name}'" in notes
    # The variable with this type, which is declared on an earlier line than this message's.
    declared = re.search(rf"\b{re.escape(earlier.name)}\s+\w+", later.source.line(later.line))
    return "storage size of" in later.text and earlier.name.startswith(("struct ", "union ")) and declared is not None


def _unknown_type(earlier: Reported, later: Reported) -> bool:
    """gcc takes a variable of an unknown type for an int, which its initialiser and its uses do not fit."""
    if not earlier.text.startswith("unknown type name"):
        return False
    if later.text.startswith("format ") and later.text.endswith("has type 'int'"):
        declared = _DECLARED.match(earlier.source.code, earlier.offset)
        return declared is not None and re.search(rf"\b{declared[1]}\b", later.source.line(later.line)) is not None
    has_value = re.compile(r"[^;{}()]*=").match(earlier.source.code, earlier.offset)
    return bool(has_value) and earlier.line <= later.line <= earlier.end_of_declaration


def _same_argument(earlier: Reported, later: Reported) -> bool:
    """A variable of the wrong type, which is passed to two functions."""
    both = (earlier, later)
    if not all(re.match("passing argument .* from incompatible pointer type", each.text) for each in both):
        return False
    if any(each.diagnostic.hint_key == "api-change" for each in both):
        return False
    passed = [_PASSED.search(each.source.code, each.offset) for each in both]
    return bool(passed[0] and passed[1] and passed[0][0] == passed[1][0])


def _parser_recovery(earlier: Reported, later: Reported) -> bool:
    """After an error, gcc expects something in the same function where nothing is missing."""
    if not earlier.breaks_syntax or later.kind not in (
        MessageKind.SYNTAX,
        MessageKind.OUTSIDE,
        MessageKind.UNCLOSED,
        MessageKind.NO_EFFECT,
    ):
        return False
    if earlier.same_line(later):
        return True
    if later.kind is MessageKind.NO_EFFECT or earlier.function != later.function or later.line < earlier.line:
        return False
    if earlier.kind is MessageKind.UNCLOSED and later.line <= earlier.line + 1:
        return True
    if earlier.kind is MessageKind.OUTSIDE and later.kind is MessageKind.OUTSIDE:
        if later.line > earlier.line + _FAR_LINES:
            return False
        between = (later.source.line(number) for number in range(earlier.line + 1, later.line + 1))
        return not any(re.match(r"[A-Za-z_#]", line) for line in between)
    if not re.search("[;{}]", later.source.code[earlier.offset : later.offset]):
        return True  # one and the same statement
    before = later.source.token_before(later.offset)
    if "before '}'" in later.text and earlier.kind is MessageKind.SYNTAX and earlier.line + 1 >= later.line:
        return True
    return bool(before and before.text in _COMPLETE and _misses_something(later))


def _misses_something(message: Reported) -> bool:
    """Whether gcc reports a missing ; or expression before a token that is really there."""
    match = re.match(r"expected (?:.*';'|expression).* before '?(?P<token>[^' ]+)", message.text)
    token = message.source.token_at(message.offset)
    return bool(match and token and token.text == match["token"])


def _open_function(earlier: Reported, later: Reported) -> bool:
    """gcc takes a function for unclosed, and all code after it for a part of it."""
    if earlier.function != later.function or not later.function or later.line < earlier.line:
        return False
    if earlier.kind is MessageKind.OPEN:
        nested = "'alias' attribute ignored" in later.text or "initializer element is not constant" in later.text
        return later.kind in (MessageKind.OPEN, MessageKind.NO_RETURN) or nested
    if later.kind is not MessageKind.OPEN or not (earlier.breaks_syntax or earlier.kind is MessageKind.NOT_A_FUNCTION):
        return False
    # If the braces are balanced, the earlier error made gcc skip the closing one.
    return later.braces_are_balanced


def _unclosed(earlier: Reported, later: Reported) -> bool:
    """gcc misses code after an unclosed string, comment or macro call, because it takes this code for a part of it."""
    if not re.match("unterminated (?:argument list|comment)", earlier.text):
        return False
    if later.kind is MessageKind.UNKNOWN:
        macro = re.search(r'invoking macro "(\w+)"', earlier.text)
        return bool(macro and macro[1] == later.name)
    reaches_end = later.kind is MessageKind.OPEN or "at end of input" in later.text
    return reaches_end or (later.kind is MessageKind.NO_RETURN and earlier.function == later.function)


def _wrong_macro_call(earlier: Reported, later: Reported) -> bool:
    """gcc leaves a macro with the wrong number of arguments as it is, and then knows no function of this name."""
    if earlier.kind is not MessageKind.ARGUMENTS:
        return False
    is_next = later.kind is MessageKind.SYNTAX and 0 <= later.line - earlier.line <= 1  # the body of a loop
    return is_next or earlier.same_line(later) or later.name == earlier.name


def _skipped_return(earlier: Reported, later: Reported) -> bool:
    """gcc misses a return statement that it skipped or could not understand."""
    if later.kind is not MessageKind.NO_RETURN or earlier.function != later.function or not earlier.is_error:
        return False
    begin = max(0, later.offset - 1000)
    before = later.source.code[begin : later.offset].rstrip(" \t\n;")
    start = max(before.rfind(mark) for mark in ";{}") + 1
    if earlier.breaks_syntax:
        start = max(start, earlier.offset - begin)
    last_statement = before[start:]
    is_conditional = re.match(r"\s*(?:if|else|while|for|switch)\b", last_statement)
    words = re.findall(r"\w+", last_statement)
    is_misspelt = earlier.diagnostic.hint_key == "misspelt" and earlier.name in words
    return not is_conditional and ("return" in words or "goto" in words or is_misspelt)


def _lost_declaration(earlier: Reported, later: Reported) -> bool:
    """A name is unknown because gcc skipped its declaration."""
    if not earlier.breaks_syntax or later.kind not in (MessageKind.UNKNOWN, MessageKind.INCOMPLETE) or not later.name:
        return False
    first = next(iter(later.uses), 0)
    # gcc may notice the error only after the declaration, where its semicolon is missing.
    before = earlier.source.token_before(earlier.offset)
    begin = before.line if before and before.text not in _COMPLETE else earlier.line
    lost = range(begin, earlier.end_of_declaration + 1)
    return first in lost and first < later.line


def _unused(earlier: Reported, later: Reported) -> bool:
    """A name is unused only because gcc skipped the code that uses it, or because that code misspells the name."""
    if later.kind is not MessageKind.UNUSED or not earlier.is_error:
        return False
    if earlier.suggestion == later.name:
        return True
    if earlier.kind is MessageKind.UNCLOSED:
        return later.source.mentions(later.name) > 1
    if earlier.breaks_syntax and earlier.same_line(later):
        return True
    uses = [line for line in later.uses if line != later.line]
    return any(line >= earlier.line if earlier.breaks_syntax else line == earlier.line for line in uses)


_Rule = Callable[[Reported, Reported], bool]
RULES: tuple[_Rule, ...] = (
    _same_remedy,
    _no_code,
    _same_name,
    _incomplete_type,
    _unknown_type,
    _same_argument,
    _parser_recovery,
    _open_function,
    _unclosed,
    _wrong_macro_call,
    _skipped_return,
    _lost_declaration,
    _unused,
)


def comes_before_its_cause(message: Reported, next_message: Reported) -> bool:
    """Whether gcc reports a consequence first, and its cause in the next message."""
    if message.kind is MessageKind.NO_RETURN and next_message.kind is MessageKind.OUTSIDE:
        # One } too many ends the function early, so its last lines are outside of functions.
        outside = message.source.token_at(message.offset + 1)
        return bool(outside and outside.line == next_message.line and not next_message.function)
    if "clause does not guard" in message.text and next_message.text.startswith("'else' without"):
        return message.function == next_message.function
    if next_message.kind is MessageKind.NOT_A_FUNCTION:  # f() without a semicolon, before ({ … }) of a macro
        return message.text.startswith("expected expression before") and next_message.line < message.line
    if message.kind is MessageKind.NO_EFFECT and next_message.kind is MessageKind.SYNTAX:
        return message.same_line(next_message)
    if next_message.diagnostic.hint_key == "parameter-type":
        return message.kind is MessageKind.SYNTAX and message.same_line(next_message)
    return "data definition" in message.text and message.same_line(next_message) and not message.diagnostic.hint
