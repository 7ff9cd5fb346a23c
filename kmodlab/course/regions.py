"""The regions of an answer cell: the code that the learner is to write, between BEGIN SOLUTION and END SOLUTION.

    /* BEGIN SOLUTION */            # BEGIN SOLUTION
    /* BEGIN STARTER                #| obj-m +=
        return -1;                  obj-m += hello.o
    END STARTER */                  # END SOLUTION
        return 0;
    /* END SOLUTION */

A learner gets the starter instead, or, if there is no starter, a stub in the cell's own language. Lines outside of
regions stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from kmodlab.i18n import _
from kmodlab.submission.cells import CellKind, read_cell

_BEGIN, _END = "BEGIN SOLUTION", "END SOLUTION"
_STARTER, _STARTER_END = "BEGIN STARTER", "END STARTER"
_QUOTED = re.compile(r"\s*#\| ?(.*)")


class RegionError(ValueError):
    """The marks of a cell do not fit together; the message is a sentence for the author of the exercise."""


@dataclass(frozen=True)
class Region:
    """One region: the indices (from 0) of the lines with its two marks, the starter, and the solution."""

    first: int
    last: int
    starter: tuple[str, ...]
    solution: tuple[str, ...]


def read_regions(source: str) -> tuple[Region, ...]:
    """The regions of a cell, in order.

    Raises:
        RegionError: A mark is missing, or a region has no solution.
    """
    lines = source.split("\n")
    marks = [index for index, line in enumerate(lines) if _BEGIN in line or _END in line]
    begins, ends = marks[::2], marks[1::2]
    is_paired = all(_BEGIN in lines[index] for index in begins) and all(_END in lines[index] for index in ends)
    if len(marks) % 2 or not is_paired:
        raise RegionError(_("{begin} and {end} do not come in pairs.").format(begin=_BEGIN, end=_END))
    stub = _stub(source)
    return tuple(_region(lines, first, last, stub) for first, last in zip(begins, ends, strict=True))


def has_marks(source: str) -> bool:
    """Whether a cell contains a mark of a region."""
    return _BEGIN in source or _END in source


def starter_of(source: str) -> str:
    """The text of a cell as learners get it."""
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
        raise RegionError(_("There is no solution between {begin} and {end}.").format(begin=_BEGIN, end=_END))
    return Region(first, last, tuple(starter), tuple(solution))


def _split(inner: Sequence[str]) -> tuple[list[str] | None, list[str]]:
    """The lines of the starter, or None without one, and those of the solution."""
    begin = next((index for index, line in enumerate(inner) if _STARTER in line), None)
    if begin is not None:
        end = next((index for index, line in enumerate(inner) if _STARTER_END in line and index > begin), None)
        if end is None:
            raise RegionError(_("{begin} has no {end} after it.").format(begin=_STARTER, end=_STARTER_END))
        return list(inner[begin + 1 : end]), [*inner[:begin], *inner[end + 1 :]]
    quoted = [_QUOTED.fullmatch(line) for line in inner]
    starter = [match[1] for match in quoted if match]
    return starter or None, [line for line, match in zip(inner, quoted, strict=True) if not match]


def _stub(source: str) -> str:
    """A comment in the cell's own language that asks the learner to write something here."""
    # Not messages: they are part of the notebooks that learners hand in.
    cell = read_cell(source)
    is_c = cell is not None and (
        cell.kind is CellKind.KMOD or (cell.kind is CellKind.KFILE and cell.name.endswith((".c", ".h")))
    )
    if is_c:
        return "/* YOUR CODE HERE */"
    return "# YOUR ANSWER HERE" if cell and cell.kind is CellKind.ANSWER else "# YOUR CODE HERE"
