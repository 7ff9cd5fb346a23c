"""Reads a notebook cell as data: its magic, the name after it, and the text below. No cell is ever run as Python here.

Any text can be read; the result is None for a cell that does not begin with one of our magics. `learner_sources` and
the checks interpret the text.
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
_EMPTY_LINES = re.compile(r"\A(?:[ \t]*\n)+")


class CellKind(StrEnum):
    """The magics of the cells that a learner writes."""

    KMOD = "kmod"
    MAKEFILE = "makefile"
    KFILE = "kfile"
    KSCRIPT = "kscript"
    ANSWER = "answer"


@dataclass(frozen=True)
class LearnerCell:
    """A learner's cell: its magic, the name after it, the files named with -f, and the text below the first line."""

    kind: CellKind
    name: str
    body: str
    files: tuple[str, ...] = ()


class _Options(ArgumentParser):
    """Parses the options of all magics; only the files are used."""

    def __init__(self) -> None:
        super().__init__(add_help=False, allow_abbrev=False, exit_on_error=False)
        self.add_argument("name", nargs="?")
        self.add_argument("-f", "--file", action="append", default=[])
        for option, name in (("-a", "--after"), ("-p", "--param"), ("-t", "--timeout")):
            self.add_argument(option, name, action="append")
        for option in ("-b", "-u", "-v", "-n"):
            self.add_argument(option, action="store_true")

    def error(self, message: str) -> NoReturn:
        raise ArgumentError(None, message)


_OPTIONS = _Options()


def split_magic(source: str) -> tuple[str, str]:
    """A cell's first line and the text below it, if that line is a cell magic; otherwise "" and the whole text."""
    line, _, body = source.partition("\n")
    return (line.rstrip(), body) if line.startswith("%%") else ("", source)


def read_cell(source: str) -> LearnerCell | None:
    """A cell's magic, name, files and text; None if it begins with none of our magics, or has no name."""
    if len(source) > LONGEST:
        return None
    source = source.encode("utf-8", "replace").decode()  # JSON can contain half of a surrogate pair
    line, body = split_magic(_EMPTY_LINES.sub("", source))  # IPython ignores empty lines above a magic
    match = _MAGIC.fullmatch(line)
    if not match or match[1] not in list(CellKind):
        return None
    try:
        options, _others = _OPTIONS.parse_known_args(shlex.split(match[2]))
    except (ArgumentError, ValueError):
        return None
    if not options.name:
        return None
    return LearnerCell(CellKind(match[1]), options.name, body, tuple(options.file))
