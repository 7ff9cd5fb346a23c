"""The regions of an answer cell: between BEGIN SOLUTION and END SOLUTION stands what a learner is to write.

    /* BEGIN SOLUTION */            # BEGIN SOLUTION
    /* BEGIN STARTER                #| obj-m +=
        return -1;                  obj-m += hello.o
    END STARTER */                  # END SOLUTION
        return 0;
    /* END SOLUTION */

A learner gets the starter instead, or a stub in the cell's own language where there is none. What stands outside of
all regions is the learner's as it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from kmodlab.submission.cells import CellKind, read_cell

_BEGIN, _END = "BEGIN SOLUTION", "END SOLUTION"
_STARTER, _STARTER_END = "BEGIN STARTER", "END STARTER"
_QUOTED = re.compile(r"\s*#\| ?(.*)")


class RegionError(ValueError):
    """The marks of a cell do not fit together; the sentence says which."""


@dataclass(frozen=True)
class Region:
    """A region's place, from its first mark's line to its last one's, from 0; what learners get, and the solution."""

    first: int
    last: int
    starter: tuple[str, ...]
    solution: tuple[str, ...]


def read_regions(source: str) -> tuple[Region, ...]:
    """The regions of a cell; RegionError where a mark is missing."""
    lines = source.split("\n")
    marks = [number for number, line in enumerate(lines) if _BEGIN in line or _END in line]
    begins, ends = marks[::2], marks[1::2]
    if len(marks) % 2 or any(_BEGIN not in lines[one] for one in begins) or any(_END not in lines[one] for one in ends):
        raise RegionError(f"{_BEGIN} and {_END} do not come in pairs")
    stub = _stub(source)
    return tuple(_region(lines, first, last, stub) for first, last in zip(begins, ends, strict=True))


def has_marks(source: str) -> bool:
    """Whether any mark of a region is in a cell."""
    return _BEGIN in source or _END in source


def starter_of(source: str) -> str:
    """The cell as learners get it."""
    lines = source.split("\n")
    for region in reversed(read_regions(source)):
        lines[region.first : region.last + 1] = region.starter
    return "\n".join(lines)


def _region(lines: Sequence[str], first: int, last: int, stub: str) -> Region:
    inner = lines[first + 1 : last]
    starter, solution = _split(inner)
    if starter is None:
        mark = lines[first]
        starter = [f"{mark[: len(mark) - len(mark.lstrip())]}{stub}"]
    if not any(line.strip() for line in solution):
        raise RegionError("a region has no solution in it")
    return Region(first, last, tuple(starter), tuple(solution))


def _split(inner: Sequence[str]) -> tuple[list[str] | None, list[str]]:
    """The starter, None where there is none, and the solution."""
    begin = next((number for number, line in enumerate(inner) if _STARTER in line), None)
    if begin is not None:
        end = next((number for number, line in enumerate(inner) if _STARTER_END in line and number > begin), None)
        if end is None:
            raise RegionError(f"{_STARTER} has no {_STARTER_END}")
        return list(inner[begin + 1 : end]), [*inner[:begin], *inner[end + 1 :]]
    quoted = [_QUOTED.fullmatch(line) for line in inner]
    starter = [match[1] for match in quoted if match]
    return starter or None, [line for line, match in zip(inner, quoted, strict=True) if not match]


def _stub(source: str) -> str:
    """What says that something is to be written here, in the cell's own language."""
    cell = read_cell(source)
    is_c = cell is not None and (
        cell.kind is CellKind.KMOD or (cell.kind is CellKind.KFILE and cell.name.endswith((".c", ".h")))
    )
    if is_c:
        return "/* YOUR CODE HERE */"
    return "# YOUR ANSWER HERE" if cell and cell.kind is CellKind.ANSWER else "# YOUR CODE HERE"
