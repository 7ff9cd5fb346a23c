"""What the kernel's functions do that modules call: how each fails, what it acquires, what it gives back.

Says which calls can be made to fail, and with which value, and which call undoes which other; a function that is not in
the table is never guessed. The table itself is `functions.txt`, with the headers that its facts are from.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from functools import cache
from importlib.resources import files

RETURN = "return"
ANY = "any"
# Linux keeps a few errnos from user space (include/linux/errno.h); an init may return them all the same.
KERNEL_ERRNOS = {512: "ERESTARTSYS", 517: "EPROBE_DEFER", 524: "ENOTSUPP"}
MAX_ERRNO = 4095  # include/linux/err.h


class How(StrEnum):
    """What a function's failure looks like."""

    NEVER = "never"
    NULL = "NULL"
    ERRNO = "errno"
    POINTER = "pointer"
    ALL_ONES = "all-ones"


class Gives(IntEnum):
    """Memory that is followed by its address (numbers: tracer.h)."""

    NOTHING = 0
    MEMORY = 1
    CACHED = 2
    PAGE = 3
    PAGE_ADDRESS = 4


class Takes(IntEnum):
    """Memory that is given back (numbers: tracer.h)."""

    NOTHING = 0
    MEMORY = 1
    CACHED = 2
    RCU = 3
    PAGE = 4
    PAGE_ADDRESS = 5


class Sees(IntEnum):
    """What may run the module's code later (numbers: tracer.h)."""

    NOTHING = 0
    TIMER = 1
    HRTIMER = 2
    WORK = 3
    DELAYED_WORK = 4
    TASKLET = 5
    RCU = 6


class Naming(IntEnum):
    """Where in an argument a name is found (numbers: tracer.h)."""

    NONE = 0
    TEXT = 1
    FIRST = 2
    MISC = 3
    NETDEV = 4
    PLATFORM = 5
    PCI = 6


HALVES = {"device_register": 1, "kobject_init_and_add": 2, "platform_device_register": 3}  # as in tracer/calls.c


@dataclass(frozen=True)
class FailureValue:
    """What a function returns when it fails; `number` is the errno, 0 where the value has none in it."""

    how: How
    number: int = 0

    @property
    def value(self) -> int:
        """The value for the register, signed."""
        return -1 if self.how is How.ALL_ONES else -self.number

    @property
    def text(self) -> str:
        """The value as C has it."""
        name = f"-{errno_name(self.number)}"
        return {How.NULL: "NULL", How.ERRNO: name, How.POINTER: f"ERR_PTR({name})", How.ALL_ONES: "~0"}.get(
            self.how, ""
        )

    def errno_in(self, result: int) -> int | None:
        """The errno in what a function returned (a register, unsigned), 0 for a failure without one; else None."""
        if self.how is How.NULL:
            return 0 if result == 0 else None
        if self.how is How.ALL_ONES:
            return 0 if result == (1 << 64) - 1 else None
        bits = 64 if self.how is How.POINTER else 32  # an int's upper half is not defined
        signed = as_signed(result, bits)
        return -signed if self.how is not How.NEVER and -MAX_ERRNO <= signed < 0 else None


def as_signed(value: int, bits: int) -> int:
    """The low bits of a register as a signed number."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def errno_name(number: int) -> str:
    """A positive errno's name, or the number where it has none."""
    return errno.errorcode.get(number) or KERNEL_ERRNOS.get(number) or str(number)


def errno_number(name: str) -> int:
    """The positive errno behind a name."""
    number = getattr(errno, name, None) or {known: number for number, known in KERNEL_ERRNOS.items()}[name]
    return int(number)


@dataclass(frozen=True)
class Handle:
    """Something that is acquired or given back: its kind, and which of them.

    `key` is a tuple of alternatives for each part: parameters by number, or `return`; empty means any of the kind.
    """

    kind: str
    key: tuple[tuple[int | str, ...], ...]

    def values(self, arguments: tuple[int, ...], result: int) -> tuple[int, ...]:
        """The key's value for one call."""
        return tuple(self._part(part, arguments, result) for part in self.key)

    @staticmethod
    def _part(part: tuple[int | str, ...], arguments: tuple[int, ...], result: int) -> int:
        values = [result if name == RETURN else arguments[int(name)] for name in part]
        if len(part) > 1:  # a number: either the one that was asked for, or the one that was found
            values = [value & 0xFFFFFFFF for value in values]
        return next((value for value in values if value), 0)


@dataclass(frozen=True)
class Function:
    """A line of the table. Arguments are numbers of parameters; see the top of `functions.txt` for their meaning."""

    name: str
    header: str
    failure: FailureValue = field(default_factory=lambda: FailureValue(How.NEVER))
    opens: tuple[Handle, ...] = ()
    closes: tuple[Handle, ...] = ()
    gives: Gives = Gives.NOTHING
    takes: Takes = Takes.NOTHING
    taken: int = 0
    sees: Sees = Sees.NOTHING
    seen: int = 0
    naming: Naming = Naming.NONE
    named: int = 0
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
        """Whether there is a value that says that it failed."""
        return self.failure.how is not How.NEVER

    @property
    def good_errnos(self) -> frozenset[int]:
        """What init may return, as positive numbers, when this function failed with the table's value."""
        own = {self.failure.number} if self.failure.number else set()
        return self.expect | own or frozenset({errno.ENOMEM})


class Functions:
    """The table, asked by the name that a module imports."""

    def __init__(self, rows: tuple[Function, ...]) -> None:
        self._exact = {row.name: row for row in rows if not row.name.endswith("*")}
        self._prefixes = [row for row in rows if row.name.endswith("*")]

    def __iter__(self) -> Iterator[Function]:
        yield from self._exact.values()
        yield from self._prefixes

    def find(self, symbol: str) -> Function | None:
        """The function behind an imported symbol; None where the table says nothing about it."""
        name = symbol.removesuffix("_noprof")
        if name in self._exact:
            return self._exact[name]
        return next((row for row in self._prefixes if name.startswith(row.name[:-1])), None)


@cache
def known_functions() -> Functions:
    """The table that comes with the project."""
    return Functions(tuple(parse_functions((files("kmodlab.tracer") / "kernel_api.txt").read_text())))


_LINE = re.compile(r"(\w+)\(([^)]*)\)\s+(\S+)\s*(.*)")


def parse_functions(text: str) -> Iterator[Function]:
    """The lines of a table; ValueError where one has no sense."""
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
        raise ValueError(f"no line of the table: {line}")
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
        raise ValueError(f"no failure: {text}")
    return FailureValue(How.POINTER if match[1] else How.ERRNO, errno_number(match[2]))


Fields = dict[str, object]
Parameters = Mapping[str, int]


def _handle(value: str, parameters: Parameters) -> Handle:
    kind, _, key = value.partition("@")
    if key == ANY:
        return Handle(kind, ())
    parts = (tuple(name if name == RETURN else parameters[name] for name in part.split("|")) for part in key.split("+"))
    return Handle(kind, tuple(parts))


def _opens(fields: Fields, value: str, parameters: Parameters) -> None:
    fields["opens"] = (*fields.get("opens", ()), _handle(value, parameters))  # type: ignore[misc]


def _closes(fields: Fields, value: str, parameters: Parameters) -> None:
    fields["closes"] = (*fields.get("closes", ()), _handle(value, parameters))  # type: ignore[misc]


def _gives(fields: Fields, value: str, _parameters: Parameters) -> None:
    fields["gives"] = Gives[value.upper().replace("-", "_")]


def _takes(fields: Fields, value: str, parameters: Parameters) -> None:
    kind, _, name = value.partition("@")
    fields.update(takes=Takes[kind.upper().replace("-", "_")], taken=parameters[name])


def _sees(fields: Fields, value: str, parameters: Parameters) -> None:
    kind, _, name = value.partition("@")
    fields.update(sees=Sees[kind.upper().replace("-", "_")], seen=parameters[name])


def _name(fields: Fields, value: str, parameters: Parameters) -> None:
    naming, colon, name = value.rpartition(":")
    fields.update(naming=Naming[naming.upper()] if colon else Naming.TEXT, named=parameters[name])


def _sleeps(fields: Fields, value: str, parameters: Parameters) -> None:
    fields.update({"sleeps_by": parameters[value]} if value else {"sleeps": True})


def _expect(fields: Fields, value: str, _parameters: Parameters) -> None:
    fields["expect"] = frozenset(errno_number(name) for name in value.split(","))


_WORDS: dict[str, Callable[[Fields, str, Parameters], None]] = {
    "opens": _opens,
    "closes": _closes,
    "gives": _gives,
    "takes": _takes,
    "sees": _sees,
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
