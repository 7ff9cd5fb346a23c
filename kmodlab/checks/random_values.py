"""Values that are drawn anew in each run, so that no answer can be written down beforehand.

    loads("hello", count=a_number(2, 9)), logs("hello", times="{count}")

Each drawn value has a name, and `{name}` stands for it in the texts that follow.
"""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass


@dataclass(frozen=True)
class Number:
    """A whole number from `low` to `high`, both included."""

    low: int
    high: int

    def draw(self) -> str:
        """One of them, as text."""
        return str(self.low + secrets.randbelow(self.high - self.low + 1))


@dataclass(frozen=True)
class Word:
    """A word of small letters."""

    length: int

    def draw(self) -> str:
        """Such a word."""
        return "".join(secrets.choice(string.ascii_lowercase) for _ in range(self.length))


Value = Number | Word | str | int


def a_number(low: int, high: int) -> Number:
    """A number from `low` to `high`, another one in each run."""
    return Number(low, high)


def a_word(length: int = 6) -> Word:
    """A word of small letters, another one in each run."""
    return Word(length)


class RandomValues:
    """The values of one run, by name."""

    def __init__(self) -> None:
        self._values: dict[str, str] = {}

    def draw(self, **values: Value) -> dict[str, str]:
        """Draw what is to be drawn, remember it, and return it as text."""
        drawn = {
            name: value.draw() if isinstance(value, Number | Word) else str(value) for name, value in values.items()
        }
        self._values |= drawn
        return drawn

    def fill(self, text: str | int) -> str:
        """The text with `{name}` replaced by what was drawn for that name; other braces stay."""
        filled = str(text)
        for name, value in self._values.items():
            filled = filled.replace(f"{{{name}}}", value)
        return filled
