"""Lays out boxes in layers: igraph orders them with few crossings (Sugiyama's method), this file spaces them.

igraph assumes that all boxes are equally wide, which would spread a drawing with a few long names over several screens.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from kmodlab.elf.graph import Graph

_GAP = 18.0  # between two boxes
_BEND = 6.0  # width of the space for an edge that passes a layer
_SWEEPS = 40

Point = tuple[float, float]


@dataclass(frozen=True)
class Layout:
    """The centre of each node, and the points of each edge; y is the number of the layer, from the top."""

    centres: Mapping[str, Point]
    routes: Sequence[Sequence[Point]]
    width: float


def lay_out(graph: Graph, widths: Mapping[str, float]) -> Layout:
    """Put the nodes of a graph into layers, each node above all nodes that it needs.

    x starts at 0, in the unit of `widths`, which has the width of each node.
    """
    top = max(graph.depths.values())
    numbers = {node: number for number, node in enumerate(graph.nodes)}
    rows = [top - graph.depths[node] for node in graph.nodes]
    sizes = [widths[node] for node in graph.nodes]
    routes = []
    for node, other in graph.edges:
        # An edge that skips layers gets a bend in each, for which the boxes make room.
        between = range(rows[numbers[node]] + 1, rows[numbers[other]])
        routes.append([numbers[node], *range(len(rows), len(rows) + len(between)), numbers[other]])
        rows += between
        sizes += [_BEND] * len(between)
    xs = _spread(rows, sizes, [piece for route in routes for piece in pairwise(route)])
    points = [(x, float(row)) for x, row in zip(xs, rows, strict=True)]
    right = max(x + size / 2 for x, size in zip(xs, sizes, strict=True))
    return Layout(
        {node: points[number] for node, number in numbers.items()},
        [[points[number] for number in route] for route in routes],
        right,
    )


def _spread(rows: Sequence[int], sizes: Sequence[float], pieces: Sequence[tuple[int, int]]) -> list[float]:
    """The x of each box: as near to its neighbours in other layers as the boxes beside it allow."""
    import igraph  # takes a moment, and only pictures need it

    layout = igraph.Graph(n=len(rows), edges=pieces, directed=True).layout_sugiyama(layers=rows, maxiter=500)
    xs = [x * (sum(sizes) / len(sizes) + _GAP) for x, _y in layout.coords]
    layers = [
        sorted((number for number, row in enumerate(rows) if row == layer), key=xs.__getitem__) for layer in set(rows)
    ]
    neighbours: list[list[int]] = [[] for _ in rows]
    for upper, lower in pieces:
        neighbours[upper].append(lower)
        neighbours[lower].append(upper)
    for _ in range(_SWEEPS):
        for layer in layers:
            wishes = [_mean([xs[other] for other in neighbours[number]] or [xs[number]]) for number in layer]
            for number, x in zip(layer, _apart(wishes, [sizes[number] for number in layer]), strict=True):
                xs[number] = x
    left = min(x - size / 2 for x, size in zip(xs, sizes, strict=True))
    return [x - left for x in xs]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _apart(wishes: Sequence[float], sizes: Sequence[float]) -> list[float]:
    """Positions in this order that keep their distance and are as near as possible to the wishes (least squares)."""
    offsets = [0.0, *accumulate((left + right) / 2 + _GAP for left, right in pairwise(sizes))]
    # Isotonic regression: boxes that would overlap form a block, which is put where they wish on average.
    blocks: list[list[float]] = []
    for wish, offset in zip(wishes, offsets, strict=True):
        blocks.append([wish - offset])
        while len(blocks) > 1 and _mean(blocks[-2]) > _mean(blocks[-1]):
            last = blocks.pop()
            blocks[-1] += last
    starts = [_mean(block) for block in blocks for _ in block]
    return [start + offset for start, offset in zip(starts, offsets, strict=True)]
