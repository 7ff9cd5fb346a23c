"""Random values, different in each run, so that a learner's module cannot contain the answer.

    loads("hello", count=a_number(2, 9)), logs("hello", times="{count}")

Each value has a name. In the texts that follow, `{name}` is replaced by the value, and `{2*name}` by twice the number.
"""

from __future__ import annotations

import re
import secrets
import string
from dataclasses import dataclass


@dataclass(frozen=True)
class Number:
    """A random whole number from `low` to `high`, both included."""

    low: int
    high: int

    def draw(self) -> str:
        """Choose a number, as text."""
        return str(self.low + secrets.randbelow(self.high - self.low + 1))


@dataclass(frozen=True)
class Word:
    """A random word of small letters."""

    length: int

    def draw(self) -> str:
        """Choose a word."""
        return "".join(secrets.choice(string.ascii_lowercase) for _ in range(self.length))


_PLACE = re.compile(r"\{((?P<factor>[0-9]{1,3})\*)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)\}")

Value = Number | Word | str | int


def a_number(low: int, high: int) -> Number:
    """A whole number from `low` to `high`, a different one in each run."""
    return Number(low, high)


def a_word(length: int = 6) -> Word:
    """A word of small letters, a different one in each run."""
    return Word(length)


class RandomValues:
    """The values of one check, by name."""

    def __init__(self) -> None:
        self._values: dict[str, str] = {}

    def draw(self, **values: Value) -> dict[str, str]:
        """Choose the random values, remember all values, and return them as text."""
        drawn = {
            name: value.draw() if isinstance(value, Number | Word) else str(value) for name, value in values.items()
        }
        self._values |= drawn
        return drawn

    def fill(self, text: str | int) -> str:
        """The text with `{name}` replaced by the value of that name, `{2*name}` by its double; other braces stay."""

        def value_of(match: re.Match[str]) -> str:
            value = self._values.get(match["name"])
            if value is None or (match["factor"] and not value.isdecimal()):
                return match[0]
            return str(int(match["factor"]) * int(value)) if match["factor"] else value

        return _PLACE.sub(value_of, str(text))
