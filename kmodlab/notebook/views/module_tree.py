"""Draws all modules of a kernel as dots; the longer a module's chain of dependencies, the higher its dot."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby

from kmodlab.elf.database_text import name_of
from kmodlab.elf.databases import Databases
from kmodlab.elf.graph import TreeSummary, folder_of, summarize_tree, tree_graph
from kmodlab.i18n import N_, _, ngettext
from kmodlab.notebook.render.svg import LETTER, Sheet
from kmodlab.notebook.views.layered import Point
from kmodlab.notebook.views.view import Picture

_WIDTH, _LEFT, _RIGHT, _BAND, _TOP, _BOTTOM = 960, 120, 20, 54, 64, 56
_LEGEND = N_("A dot is a module; a line leads down to a module that it needs. In brackets: how many others need it.")
_ROWS = 6  # rows of dots in a band, so that neighbours do not hide each other


def tree_picture(databases: Databases, *, named: int = 10) -> Picture:
    """Every module as a dot, with a line to each that it needs; the `named` most needed ones are shown with names."""
    summary, graph = summarize_tree(databases, most=named), tree_graph(databases)
    text = _describe(summary)
    height = _TOP + _BAND * max(1, len(summary.depths)) + _BOTTOM
    title = _("All {number} modules of a kernel, and who needs whom").format(number=summary.modules)
    sheet = Sheet(_WIDTH, height, title, text)
    sheet.text(16, 26, title, "bold")
    sheet.text(16, 44, _(_LEGEND), "small soft")
    paths = sorted(databases.dep)
    _bands(sheet, summary)
    _folders(sheet, paths)
    dots = _dots(paths, graph.depths, len(summary.depths))
    sheet.path("".join(_line(dots[node], dots[other]) for node, other in graph.edges), "thin")
    sheet.path("".join(f"M{x:g} {y:g}h0" for x, y in dots.values()), "dots")
    _names(sheet, summary, dots)
    return Picture(sheet.render_file(), text)


def _describe(summary: TreeSummary) -> str:
    """The picture in words and numbers."""
    free = summary.depths[0] if summary.depths else 0
    steps = max(len(summary.chain) - 1, 0)
    longest = _("The longest chain has {steps} steps: {chain}")
    return "\n".join(
        [
            _("{number} modules; {free} of them need no other.").format(number=summary.modules, free=free),
            longest.format(steps=steps, chain=" → ".join(summary.chain)),
            _("Needed by most others, directly or not:"),
            *(f"  {name:<24} {count:>5}" for name, count in summary.most_needed),
        ]
    )


def _y(depth: int, depths: int) -> float:
    """The upper edge of a band; modules that need nothing are at the bottom."""
    return _TOP + (depths - 1 - depth) * _BAND


def _bands(sheet: Sheet, summary: TreeSummary) -> None:
    for depth, count in enumerate(summary.depths):
        y = _y(depth, len(summary.depths))
        sheet.path(f"M16 {y + _BAND:g}H{_WIDTH - 16}", "rule line")
        words = _("{depth} below it").format(depth=depth) if depth else _("needs nothing")
        modules = ngettext("{number} module", "{number} modules", count).format(number=count)
        sheet.text(16, y + 24, words, "small")
        sheet.text(16, y + 40, modules, "small soft")


def _x(number: int, count: int) -> float:
    return round(_LEFT + (_WIDTH - _LEFT - _RIGHT) * number / max(1, count - 1), 1)


def _dots(paths: list[str], depths: Mapping[str, int], bands: int) -> dict[str, Point]:
    """The position of each module's dot: from left to right by path, so that modules of a folder are neighbours."""
    return {
        name_of(path): (_x(number, len(paths)), _y(depths[name_of(path)], bands) + 8 + number % _ROWS * 8)
        for number, path in enumerate(paths)
    }


def _line(start: Point, end: Point) -> str:
    middle = (start[1] + end[1]) / 2
    return f"M{start[0]:g} {start[1]:g}C{start[0]:g} {middle:g} {end[0]:g} {middle:g} {end[0]:g} {end[1]:g}"


def _folders(sheet: Sheet, paths: list[str]) -> None:
    """Draw a scale along the lower edge that shows the folders of the kernel's source."""
    number, y, free = 0, sheet.height - _BOTTOM + 6, 0.0
    for folder, group in groupby(paths, folder_of):
        count = len(list(group))
        left, right = _x(number, len(paths)), _x(number + count, len(paths))
        sheet.path(f"M{left:g} {y:g}v6H{right - 2:g}v-6", "line")
        # The names of small folders would overlap.
        middle, width = (left + right) / 2, len(folder) * 6
        if middle - width / 2 > free:
            sheet.text(middle, y + 20, folder, "small middle")
            free = middle + width / 2 + 4
        number += count


def _names(sheet: Sheet, summary: TreeSummary, dots: Mapping[str, Point]) -> None:
    taken: list[tuple[float, float, float]] = []
    for name, count in summary.most_needed:
        x, y = dots[name]
        words = f"{name} ({count})"
        width = len(words) * LETTER * 11 / 13
        left = min(x + 6, _WIDTH - width - 10)
        while any(abs(y - other) < 13 and left < end and start < left + width for other, start, end in taken):
            y -= 13
        taken.append((y, left, left + width))
        sheet.box(left - 2, y - 9, width + 4, 13, "paper", round_by=3)
        sheet.text(left, y + 1, words, "mono small bold")
