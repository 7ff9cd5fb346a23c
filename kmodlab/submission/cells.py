"""A cell as data: which magic it begins with, and the text below that. Nothing of a cell is ever run as Python here.

Tolerant and bounded: what is no cell of ours is None, however it is made. What the text is worth is for
`learner_sources` and the checks.
"""

from __future__ import annotations

import re
import shlex
from argparse import ArgumentError, ArgumentParser
from dataclasses import dataclass
from enum import StrEnum
from typing import NoReturn

from kmodlab.files import MIB

LONGEST = MIB  # characters of a cell
_MAGIC = re.compile(r"%%(\w+)[ \t]*(.*)")


class CellKind(StrEnum):
    """The magics whose cells a learner writes."""

    KMOD = "kmod"
    MAKEFILE = "makefile"
    KFILE = "kfile"
    KSCRIPT = "kscript"
    ANSWER = "answer"


@dataclass(frozen=True)
class LearnerCell:
    """A cell that was read: its magic, the name behind that, the files named with -f, and the text below."""

    kind: CellKind
    name: str
    body: str
    files: tuple[str, ...] = ()


class _Options(ArgumentParser):
    """What may stand behind the name; only the files matter."""

    def __init__(self) -> None:
        super().__init__(add_help=False, allow_abbrev=False, exit_on_error=False)
        self.add_argument("name", nargs="?")
        self.add_argument("-f", "--file", action="append", default=[])
        for option in ("-p", "-t"):
            self.add_argument(option, {"-p": "--param", "-t": "--timeout"}[option], action="append")
        for option in ("-b", "-u", "-v", "-n"):
            self.add_argument(option, action="store_true")

    def error(self, message: str) -> NoReturn:
        raise ArgumentError(None, message)


_OPTIONS = _Options()


def split_magic(source: str) -> tuple[str, str]:
    """The first line of a cell where that is a magic, else an empty one; and the text below, or all of it."""
    line, _, body = source.partition("\n")
    return (line.rstrip(), body) if line.startswith("%%") else ("", source)


def read_cell(source: str) -> LearnerCell | None:
    """A cell's magic, name and text; None where it is none that a learner writes, or has no name."""
    if len(source) > LONGEST:
        return None
    line, body = split_magic(source.encode("utf-8", "replace").decode())  # JSON can hold halves of characters
    found = _MAGIC.fullmatch(line)
    if not found or found[1] not in list(CellKind):
        return None
    try:
        options, _others = _OPTIONS.parse_known_args(shlex.split(found[2]))
    except (ArgumentError, ValueError):
        return None
    if not options.name:
        return None
    return LearnerCell(CellKind(found[1]), options.name, body, tuple(options.file))
