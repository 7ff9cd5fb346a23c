"""What a message of gcc is about, and which name, as far as this decides whether it follows from another message."""

from __future__ import annotations

import re
from enum import Enum, auto


class MessageKind(Enum):
    """What a message of gcc is about."""

    UNCLOSED = auto()  # a string, comment, condition or macro call: gcc reads on to the end of the line or the file
    OPEN = auto()  # a function that is not closed
    OUTSIDE = auto()  # a statement outside of functions
    SYNTAX = auto()
    ARGUMENTS = auto()  # a macro that is given too few or too many
    UNKNOWN = auto()  # a name
    INCOMPLETE = auto()  # a type
    MEMBER = auto()
    NO_RETURN = auto()
    UNUSED = auto()
    REDECLARED = auto()
    NOT_A_FUNCTION = auto()
    NO_EFFECT = auto()
    OTHER = auto()


_KINDS = tuple(
    (kind, re.compile(pattern))
    for kind, pattern in (
        (MessageKind.UNCLOSED, r"missing terminating|unterminated (?:argument list|comment|#)"),
        (
            MessageKind.OPEN,
            r"invalid storage class for function '(?P<name>\w+)'|expected declaration or statement at end of",
        ),
        (
            MessageKind.OUTSIDE,
            r"expected identifier or '\(' before|expected declaration specifiers or|data definition has no type"
            r"|type defaults to 'int' in declaration of '(?P<name>\w+)'|parameter names \(without types\)",
        ),
        (MessageKind.SYNTAX, r"^expected |^stray |old-style parameter declarations|^'else' without"),
        (MessageKind.ARGUMENTS, r'^macro "(?P<name>\w+)" (?:passed|requires) \d+ argument'),
        (
            MessageKind.UNKNOWN,
            r"'(?P<name>\w+)' undeclared|implicit declaration of function '(?P<function>\w+)'"
            r"|unknown type name '(?P<type>\w+)'|aliased to undefined symbol '(?P<alias>\w+)'",
        ),
        (
            MessageKind.INCOMPLETE,
            r"'(?P<name>\w+)' has (?:initializer but|an) incomplete type|storage size of '(?P<object>\w+)' isn't known"
            r"|(?:undefined|incomplete) type '(?:const )?(?P<type>[\w ]+)'"
            r"|'(?P<scoped>struct \w+)' declared inside parameter list",
        ),
        (MessageKind.MEMBER, r"'(?:const )?(?P<name>[\w ]+)' has no member named"),
        (MessageKind.NO_RETURN, r"no return statement in function|control reaches end of non-void"),
        (
            MessageKind.UNUSED,
            r"'(?P<name>\w+)' defined but not used|unused variable '(?P<variable>\w+)'"
            r"|variable '(?P<set>\w+)' set but not used|'(?P<declared>\w+)' declared 'static' but never defined",
        ),
        (
            MessageKind.REDECLARED,
            r"(?:conflicting types for|static declaration of|redefinition of|declaration of built-in function) '(\w+)'",
        ),
        (MessageKind.NOT_A_FUNCTION, r"called object .*is not a function"),
        (
            MessageKind.NO_EFFECT,
            r"has no effect|with no effect|^format '|too many arguments for format|value computed is not used",
        ),
    )
)


def find_kind(text: str) -> tuple[MessageKind, str]:
    """The kind of a message with plain quotes, and the name that it is about; empty if it has none."""
    for kind, pattern in _KINDS:
        if match := pattern.search(text):
            return kind, next(filter(None, match.groups()), "")
    return MessageKind.OTHER, ""
