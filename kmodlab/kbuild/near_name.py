"""The name that a misspelt one may stand for."""

from __future__ import annotations

from collections.abc import Iterable


def nearest_name(name: str, candidates: Iterable[str]) -> str:
    """The candidate that differs by one or two typing errors; empty if none does."""
    if len(name) > 60:
        return ""
    most = 1 if len(name) < 6 else 2
    near = [(_typing_errors(name, each), each) for each in candidates if 0 <= abs(len(name) - len(each)) <= most]
    near = [(errors, each) for errors, each in near if 0 < errors <= most and len(each) > 2]
    return min(near)[1] if near else ""


def _typing_errors(first: str, second: str) -> int:
    """The number of letters left out, added, changed or swapped: the optimal string alignment distance."""
    before: list[int] = []
    above = list(range(len(second) + 1))
    for row, letter in enumerate(first, 1):
        current = [row]
        for column, other in enumerate(second, 1):
            cost = min(above[column] + 1, current[-1] + 1, above[column - 1] + (letter != other))
            if row > 1 and column > 1 and letter == second[column - 2] and first[row - 2] == other:
                cost = min(cost, before[column - 2] + 1)
            current.append(cost)
        before, above = above, current
    return above[-1]
