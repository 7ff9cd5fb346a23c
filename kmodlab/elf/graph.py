"""The dependencies of one module, or of all modules of a kernel, as a graph.

modules.dep lists for each module all modules that it needs, directly or not. The graph omits the edges that follow from
others (it is the transitive reduction), so a picture shows every chain once.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

from kmodlab.elf.database_text import name_of
from kmodlab.elf.databases import Databases


@dataclass(frozen=True)
class Graph:
    """`nodes` are modules in alphabetical order; an edge goes from a module to one that it needs."""

    nodes: tuple[str, ...]
    edges: tuple[tuple[str, str], ...]

    @cached_property
    def needs(self) -> Mapping[str, tuple[str, ...]]:
        """For each module the modules that it needs."""
        needs: defaultdict[str, list[str]] = defaultdict(list)
        for node, other in self.edges:
            needs[node].append(other)
        return {node: tuple(needs[node]) for node in self.nodes}

    @cached_property
    def depths(self) -> Mapping[str, int]:
        """For each module the length of the longest chain below it; 0 for a module that needs no other."""
        depths: dict[str, int] = {}
        visited: set[str] = set()
        pending = [(node, False) for node in self.nodes]
        while pending:
            node, is_ready = pending.pop()
            if is_ready:
                # In a damaged file, two modules may need each other; the first one counts as the upper one.
                depths[node] = max((depths[other] + 1 for other in self.needs[node] if other in depths), default=0)
            elif node not in visited:
                visited.add(node)
                pending.append((node, True))
                pending += [(other, False) for other in self.needs[node] if other in self.needs]
        return depths

    def chain(self) -> tuple[str, ...]:
        """A longest chain, from its uppermost module down to one that needs no other."""
        chain: list[str] = []
        candidates = self.nodes
        while candidates:
            chain.append(max(candidates, key=lambda node: (self.depths[node], node)))
            candidates = tuple(other for other in self.needs[chain[-1]] if self.depths[other] < self.depths[chain[-1]])
        return tuple(chain)


@dataclass(frozen=True)
class TreeSummary:
    """The modules of a kernel in numbers.

    `depths[n]` is the number of modules whose longest chain of dependencies has n edges. `most_needed` are pairs: a
    module, and how many others need it, directly or not. `chain` is a longest chain.
    """

    modules: int
    edges: int
    depths: tuple[int, ...]
    most_needed: tuple[tuple[str, int], ...]
    chain: tuple[str, ...]


def module_graph(databases: Databases, name: str) -> Graph:
    """The graph of a module and all modules that it needs; empty if modules.dep does not have the module."""
    path = databases.paths.get(name_of(name))
    if path is None:
        return Graph((), ())
    return _graph(databases, (path, *databases.dep[path]))


def tree_graph(databases: Databases) -> Graph:
    """The graph of all modules of a kernel."""
    return _graph(databases, tuple(databases.dep))


def _graph(databases: Databases, paths: tuple[str, ...]) -> Graph:
    nodes = {name_of(path) for path in paths}
    edges = {(name_of(path), name_of(other)) for path in paths for other in _direct(databases, path)}
    return Graph(tuple(sorted(nodes)), tuple(sorted(edge for edge in edges if edge[1] in nodes)))


def _direct(databases: Databases, path: str) -> list[str]:
    """The modules that a module needs directly: those that none of its other dependencies needs."""
    needed = databases.dep.get(path, ())
    indirect = {other for via in needed for other in databases.dep.get(via, ()) if via != other}
    return [other for other in needed if other not in indirect and other != path]


def summarize_tree(databases: Databases, *, most: int = 10) -> TreeSummary:
    """The modules of a kernel in numbers, with the `most` modules that are needed most."""
    graph = tree_graph(databases)
    counts = Counter(name_of(needed) for needs in databases.dep.values() for needed in needs)
    tally = Counter(graph.depths.values())
    return TreeSummary(
        modules=len(graph.nodes),
        edges=len(graph.edges),
        depths=tuple(tally[depth] for depth in range(max(tally, default=-1) + 1)),
        most_needed=tuple(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:most]),
        chain=graph.chain(),
    )


def folder_of(path: str) -> str:
    """The part of the kernel's source that a module belongs to: kernel/drivers/usb/… is "drivers"."""
    parts = PurePosixPath(path).parent.parts
    return next((part for part in parts if part != "kernel"), "")
