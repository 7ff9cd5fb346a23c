"""Where the boxes of a layered drawing go: igraph finds an order without many crossings, and the spacing is done here.

igraph takes all boxes for equally wide, which would spread a drawing with a few long names over several screens.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from kmodlab.elf.graph import Graph

_GAP, _BEND = 18.0, 6.0
_SWEEPS = 40

Place = tuple[float, float]


@dataclass(frozen=True)
class Layout:
    """The centre of each node, and for each edge the places that it leads through; y counts layers from the top."""

    places: Mapping[str, Place]
    routes: Sequence[Sequence[Place]]
    width: float


def lay_out(graph: Graph, widths: Mapping[str, float]) -> Layout:
    """Place the nodes of a graph in layers, each above all that it needs; x in the unit of `widths`, from 0 on."""
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
    centres = _spread(rows, sizes, [piece for route in routes for piece in pairwise(route)])
    places = [(x, float(row)) for x, row in zip(centres, rows, strict=True)]
    right = max(x + size / 2 for x, size in zip(centres, sizes, strict=True))
    return Layout(
        {node: places[number] for node, number in numbers.items()},
        [[places[at] for at in route] for route in routes],
        right,
    )


def _spread(rows: Sequence[int], sizes: Sequence[float], pieces: Sequence[tuple[int, int]]) -> list[float]:
    """The x of each box: as near to its neighbours' in other layers as the boxes beside it allow."""
    import igraph  # takes a moment, and only pictures need it

    layout = igraph.Graph(n=len(rows), edges=pieces, directed=True).layout_sugiyama(layers=rows, maxiter=500)
    centres = [x * (sum(sizes) / len(sizes) + _GAP) for x, _ in layout.coords]
    layers = [
        sorted((at for at, row in enumerate(rows) if row == layer), key=centres.__getitem__) for layer in set(rows)
    ]
    neighbours: list[list[int]] = [[] for _ in rows]
    for upper, lower in pieces:
        neighbours[upper].append(lower)
        neighbours[lower].append(upper)
    for _ in range(_SWEEPS):
        for layer in layers:
            wished = [_mean([centres[other] for other in neighbours[at]] or [centres[at]]) for at in layer]
            for at, x in zip(layer, _apart(wished, [sizes[at] for at in layer]), strict=True):
                centres[at] = x
    left = min(x - size / 2 for x, size in zip(centres, sizes, strict=True))
    return [x - left for x in centres]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _apart(wished: Sequence[float], sizes: Sequence[float]) -> list[float]:
    """Places in this order that keep their distance and lie as near as possible to those wished for (least squares)."""
    offsets = [0.0, *accumulate((one + other) / 2 + _GAP for one, other in pairwise(sizes))]
    # Isotonic regression: boxes that would overlap form a block, which lies where they wish on average.
    blocks: list[list[float]] = []
    for wish, offset in zip(wished, offsets, strict=True):
        blocks.append([wish - offset])
        while len(blocks) > 1 and _mean(blocks[-2]) > _mean(blocks[-1]):
            last = blocks.pop()
            blocks[-1] += last
    starts = [_mean(block) for block in blocks for _ in block]
    return [start + offset for start, offset in zip(starts, offsets, strict=True)]
