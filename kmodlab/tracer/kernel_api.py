"""A table of kernel functions that modules call: how each fails, what it acquires and what it releases.

The table is in `kernel_api.txt`, whose first lines explain the format. Nothing is assumed about other functions.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from importlib.resources import files

from kmodlab.crash.errnos import KERNEL_ERRNOS, MAX_ERRNO, errno_name
from kmodlab.tracer.wire_format import Allocates, Callback, Frees, Naming

TABLE = files("kmodlab.tracer") / "kernel_api.txt"
RETURN = "return"
ANY = "any"


class How(StrEnum):
    """How a function's result shows a failure."""

    NEVER = "never"
    NULL = "NULL"
    ERRNO = "errno"
    POINTER = "pointer"
    ALL_ONES = "all-ones"


HALVES = {"device_register": 1, "kobject_init_and_add": 2, "platform_device_register": 3}  # as in injection.c


@dataclass(frozen=True)
class FailureValue:
    """The result of a function when it fails; `number` is the errno, 0 if the result has no errno."""

    how: How
    number: int = 0

    @property
    def value(self) -> int:
        """The signed value of the result's register."""
        return -1 if self.how is How.ALL_ONES else -self.number

    @property
    def text(self) -> str:
        """The value as written in C."""
        name = f"-{errno_name(self.number)}"
        return {How.NULL: "NULL", How.ERRNO: name, How.POINTER: f"ERR_PTR({name})", How.ALL_ONES: "~0"}.get(
            self.how, ""
        )

    def errno_in(self, result: int) -> int | None:
        """The errno in a result (an unsigned register); 0 for a failure without an errno, None for success."""
        if self.how is How.NULL:
            return 0 if result == 0 else None
        if self.how is How.ALL_ONES:
            return 0 if result == (1 << 64) - 1 else None
        bits = 64 if self.how is How.POINTER else 32  # the upper half of an int's register is undefined
        signed = as_signed(result, bits)
        return -signed if self.how is not How.NEVER and -MAX_ERRNO <= signed < 0 else None


def as_signed(value: int, bits: int) -> int:
    """The lowest `bits` bits of a register, as a signed number."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def return_text(returned: int) -> str:
    """init's return value as text, with the errno's name: "-EBUSY (-16)"."""
    return f"-{errno_name(-returned)} ({returned})" if returned < 0 else str(returned)


def errno_number(name: str) -> int:
    """The positive errno of that name. Raises: KeyError if no errno has it."""
    number = getattr(errno, name, None) or {known: number for number, known in KERNEL_ERRNOS.items()}[name]
    return int(number)


@dataclass(frozen=True)
class Handle:
    """A resource that a call acquires or releases: its kind, and which one.

    `key` has the alternatives for each part of the key: numbers of parameters, or `return`. An empty key means any
    resource of the kind.
    """

    kind: str
    key: tuple[tuple[int | str, ...], ...]

    def values(self, arguments: tuple[int, ...], result: int) -> tuple[int, ...]:
        """The key of the resource in one call."""
        return tuple(self._part(part, arguments, result) for part in self.key)

    @staticmethod
    def _part(part: tuple[int | str, ...], arguments: tuple[int, ...], result: int) -> int:
        values = [result if name == RETURN else arguments[int(name)] for name in part]
        if len(part) > 1:  # an int: the requested number, or the number that the kernel chose
            values = [value & 0xFFFFFFFF for value in values]
        return next((value for value in values if value), 0)


@dataclass(frozen=True)
class Function:
    """A row of the table. `kernel_api.txt` explains the fields; arguments are numbers of parameters."""

    name: str
    header: str
    failure: FailureValue = field(default_factory=lambda: FailureValue(How.NEVER))
    acquires: tuple[Handle, ...] = ()
    releases: tuple[Handle, ...] = ()
    allocates: Allocates = Allocates.NOTHING
    frees: Frees = Frees.NOTHING
    frees_argument: int = 0
    callback: Callback = Callback.NOTHING
    callback_argument: int = 0
    naming: Naming = Naming.NONE
    name_argument: int = 0
    size: int | None = None
    gfp: int | None = None
    fence: bool = False
    sleeps: bool = False
    sleeps_by: int | None = None
    expect: frozenset[int] = frozenset()
    optional: bool = False
    half: int = 0
    called: tuple[str, ...] = ()

    @property
    def can_fail(self) -> bool:
        """Whether one of its results means that it failed."""
        return self.failure.how is not How.NEVER

    @property
    def is_tracked(self) -> bool:
        """Whether the tracer must know its calls: it can be made to fail, or is about memory or callbacks."""
        kinds = (self.allocates, self.frees, self.callback, self.naming)
        return self.can_fail or any(kinds)

    @property
    def has_effect(self) -> bool:
        """Whether a verdict may depend on calls of it."""
        return self.is_tracked or bool(self.acquires or self.releases)

    @property
    def good_errnos(self) -> frozenset[int]:
        """The positive errnos that init may return after this function failed with the table's value."""
        own = {self.failure.number} if self.failure.number else set()
        return self.expect | own or frozenset({errno.ENOMEM})


class Functions:
    """The table, searched by the name that a module imports.

    `tracked` has the functions that the tracer must know, in the order of their numbers in a plan.
    """

    def __init__(self, rows: tuple[Function, ...]) -> None:
        self._exact = {row.name: row for row in rows if not row.name.endswith("*")}
        self._prefixes = [row for row in rows if row.name.endswith("*")]
        self.tracked = tuple(row for row in self._exact.values() if row.is_tracked)

    def find(self, symbol: str) -> Function | None:
        """The function of an imported symbol; None if it is not in the table."""
        name = symbol.removesuffix("_noprof")
        if name in self._exact:
            return self._exact[name]
        return next((row for row in self._prefixes if name.startswith(row.name[:-1])), None)

    def by_macro(self, name: str) -> Function | None:
        """The function that sources call by the macro `name`; None if it is not in the table."""
        return next((row for row in self._exact.values() if name in row.called), None)


@cache
def known_functions() -> Functions:
    """The table that comes with kmodlab."""
    return Functions(tuple(parse_functions(TABLE.read_text())))


_LINE = re.compile(r"(\w+)\(([^)]*)\)\s+(\S+)\s*(.*)")


def parse_functions(text: str) -> Iterator[Function]:
    """Parse the text of a table.

    Raises:
        ValueError, KeyError: A line is invalid.
    """
    header = ""
    for line in text.splitlines():
        if line.startswith("["):
            header = line.strip("[]")
        elif line.startswith("never "):
            yield from (Function(name, header) for name in line.split()[1:])
        elif line and not line.startswith("#"):
            yield _parse_line(line, header)


def _parse_line(line: str, header: str) -> Function:
    match = _LINE.fullmatch(line)
    if match is None:
        raise ValueError(f"invalid line: {line}")
    parameters = {name.strip(): number for number, name in enumerate(match[2].split(",")) if name.strip()}
    fields: dict[str, object] = {"failure": _parse_failure(match[3])}
    for word in match[4].split():
        name, _, value = word.partition("=")
        _WORDS[name](fields, value, parameters)
    return Function(match[1], header, **fields)  # type: ignore[arg-type]


def _parse_failure(text: str) -> FailureValue:
    if text in ("NULL", "0", "false"):
        return FailureValue(How.NULL)
    if text == "never":
        return FailureValue(How.NEVER)
    if text == "~0":
        return FailureValue(How.ALL_ONES)
    match = re.fullmatch(r"(ERR_PTR\()?-(\w+)\)?", text)
    if match is None:
        raise ValueError(f"invalid failure: {text}")
    return FailureValue(How.POINTER if match[1] else How.ERRNO, errno_number(match[2]))


Fields = dict[str, object]
Parameters = Mapping[str, int]


def _handle(value: str, parameters: Parameters) -> Handle:
    kind, _, key = value.partition("@")
    if key == ANY:
        return Handle(kind, ())
    parts = (tuple(name if name == RETURN else parameters[name] for name in part.split("|")) for part in key.split("+"))
    return Handle(kind, tuple(parts))


def _acquires(fields: Fields, value: str, parameters: Parameters) -> None:
    fields["acquires"] = (*fields.get("acquires", ()), _handle(value, parameters))  # type: ignore[misc]


def _releases(fields: Fields, value: str, parameters: Parameters) -> None:
    fields["releases"] = (*fields.get("releases", ()), _handle(value, parameters))  # type: ignore[misc]


def _allocates(fields: Fields, value: str, _parameters: Parameters) -> None:
    fields["allocates"] = Allocates[_member(value)]


def _frees(fields: Fields, value: str, parameters: Parameters) -> None:
    kind, _, name = value.partition("@")
    fields.update(frees=Frees[_member(kind)], frees_argument=parameters[name])


def _callback(fields: Fields, value: str, parameters: Parameters) -> None:
    kind, _, name = value.partition("@")
    fields.update(callback=Callback[_member(kind)], callback_argument=parameters[name])


def _member(word: str) -> str:
    return word.upper().replace("-", "_")


def _name(fields: Fields, value: str, parameters: Parameters) -> None:
    naming, colon, name = value.rpartition(":")
    fields.update(naming=Naming[naming.upper()] if colon else Naming.TEXT, name_argument=parameters[name])


def _sleeps(fields: Fields, value: str, parameters: Parameters) -> None:
    fields.update({"sleeps_by": parameters[value]} if value else {"sleeps": True})


def _expect(fields: Fields, value: str, _parameters: Parameters) -> None:
    fields["expect"] = frozenset(errno_number(name) for name in value.split(","))


_WORDS: dict[str, Callable[[Fields, str, Parameters], None]] = {
    "acquires": _acquires,
    "releases": _releases,
    "allocates": _allocates,
    "frees": _frees,
    "callback": _callback,
    "name": _name,
    "sleeps": _sleeps,
    "expect": _expect,
    "size": lambda fields, value, parameters: fields.update(size=parameters[value]),
    "gfp": lambda fields, value, parameters: fields.update(gfp=parameters[value]),
    "fence": lambda fields, _value, _parameters: fields.update(fence=True),
    "optional": lambda fields, _value, _parameters: fields.update(optional=True),
    "called": lambda fields, value, _parameters: fields.update(called=tuple(value.split(","))),
    "half": lambda fields, value, _parameters: fields.update(half=HALVES[value]),
}
