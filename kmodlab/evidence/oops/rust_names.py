"""Names of Rust functions as the kernel prints them, read back into what stands in the source.

Drivers written in Rust appear in traces as `_RNvNtCs1a_5hello4ring4push`; `hello::ring::push` is what a reader looks
for. Format: the compiler's v0 symbol mangling (RFC 2603). What it says of types beyond their names is not needed to
name a function: a symbol with that stays as it is.
"""

from __future__ import annotations

import re
from functools import lru_cache

_BASIC = {
    "a": "i8", "b": "bool", "c": "char", "d": "f64", "e": "str", "f": "f32", "h": "u8", "i": "isize", "j": "usize",
    "l": "i32", "m": "u32", "n": "i128", "o": "u128", "s": "i16", "t": "u16", "u": "()", "v": "...", "x": "i64",
    "y": "u64", "z": "!", "p": "_",
}  # fmt: skip
_POINTERS = {"R": "&", "Q": "&mut ", "P": "*const ", "O": "*mut "}
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_BASE_62 = re.compile("([0-9A-Za-z]*)_")
_LENGTH = re.compile("(0|[1-9][0-9]{0,3})_?")
# No name needs more; one that does was made up, or runs in a circle.
_MAX_STEPS = 200


class _UnreadableError(Exception):
    """The symbol is not of this format, or says what this does not read."""


class _Reader:
    """One symbol, read from left to right; a back reference repeats what stands at an earlier place."""

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.position = 0
        self.steps = 0

    def _matched(self, pattern: re.Pattern[str]) -> re.Match[str]:
        found = pattern.match(self.symbol, self.position)
        if found is None:
            raise _UnreadableError
        self.position = found.end()
        return found

    def _starts(self, letter: str) -> bool:
        if not self.symbol.startswith(letter, self.position):
            return False
        self.position += 1
        return True

    def _take(self) -> str:
        self.steps += 1
        if self.steps > _MAX_STEPS or self.position >= len(self.symbol):
            raise _UnreadableError
        self.position += 1
        return self.symbol[self.position - 1]

    def _base_62(self) -> int:
        digits = self._matched(_BASE_62).group(1)
        value = 0
        for digit in digits:
            value = value * 62 + _DIGITS.index(digit)
        return value + 1 if digits else 0

    def _discriminator(self) -> int:
        return self._base_62() + 1 if self._starts("s") else 0

    def _identifier(self) -> tuple[str, int]:
        number = self._discriminator()
        if self._starts("u"):
            raise _UnreadableError  # letters beyond ASCII
        length = int(self._matched(_LENGTH).group(1))
        self.position += length
        if self.position > len(self.symbol):
            raise _UnreadableError
        return self.symbol[self.position - length : self.position], number

    def _name(self) -> str:
        name = self._identifier()[0]
        if not name:
            raise _UnreadableError
        return name

    def _repeated(self, *, as_type: bool) -> str:
        place, back = self._base_62(), self.position
        if place >= back:
            raise _UnreadableError
        self.position = place
        name = self._type() if as_type else self.path()
        self.position = back
        return name

    def _several(self) -> str:
        names = []
        while not self._starts("E"):
            names.append(self._type())
        return ", ".join(names)

    def path(self) -> str:
        """The path that starts here."""
        kind = self._take()
        if kind == "C":
            return self._name()
        if kind == "N":
            return self._nested(self._take())
        if kind in "MX":
            self._discriminator()
            self.path()  # where the implementation stands
        if kind == "M":
            return f"<{self._type()}>"
        if kind in "XY":
            return f"<{self._type()} as {self.path()}>"
        if kind == "I":
            return f"{self.path()}::<{self._several()}>"
        if kind == "B":
            return self._repeated(as_type=False)
        raise _UnreadableError

    def _nested(self, space: str) -> str:
        parent = self.path()
        if space.islower():
            return f"{parent}::{self._name()}"
        name, number = self._identifier()
        what = {"C": "closure", "S": "shim"}.get(space, space)
        return f"{parent}::{{{what}{':' if name else ''}{name}#{number}}}"

    def _type(self) -> str:
        kind = self._take()
        if kind in _BASIC:
            return _BASIC[kind]
        if kind in _POINTERS:
            return _POINTERS[kind] + self._type()
        if kind == "S":
            return f"[{self._type()}]"
        if kind == "T":
            return f"({self._several()})"
        if kind == "B":
            return self._repeated(as_type=True)
        self.position -= 1
        return self.path()


@lru_cache(maxsize=4096)
def readable(symbol: str) -> str:
    """`hello::ring::push` for `_RNvNtCs1a_5hello4ring4push`; any other symbol as it is."""
    if not symbol.startswith("_R"):
        return symbol
    try:
        return _Reader(symbol[2:]).path()
    except _UnreadableError:
        return symbol
