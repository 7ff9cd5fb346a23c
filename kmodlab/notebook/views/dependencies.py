"""Who needs whom, as a picture: the dependencies of one module, and the whole tree of a kernel at a glance.

The places are igraph's (Sugiyama's layered layout); the drawing is ours, so that it has words, themes and no scripts.
"""

from __future__ import annotations

from collections.abc import Sequence

from kmodlab.elf.database_text import name_of
from kmodlab.elf.databases import Databases
from kmodlab.elf.graph import Graph, module_graph
from kmodlab.notebook.render.svg import LETTER, Sheet
from kmodlab.notebook.views.layered import Place, lay_out
from kmodlab.notebook.views.view import Picture

_BOX, _LAYER, _MARGIN = 26, 66, 18


def dependency_picture(databases: Databases, name: str) -> Picture:
    """One module above all that it needs: an arrow leads from a module to one that it needs."""
    asked = name_of(name)
    graph = module_graph(databases, asked)
    text = describe(graph, asked)
    if not graph.nodes:
        return Picture(_empty(text), text)
    return Picture(_draw(graph, asked, text), text)


def describe(graph: Graph, asked: str) -> str:
    """The same in words: a line for each module that needs others, those that stand highest first."""
    if not graph.nodes:
        return f"modules.dep does not have {asked}."
    if len(graph.nodes) == 1:
        return f"{asked} needs no other module."
    above = sorted((node for node in graph.nodes if graph.needs[node]), key=lambda node: (-graph.depths[node], node))
    lines = (f"  {node} → {', '.join(graph.needs[node])}" for node in above)
    return "\n".join([f"{asked} needs {len(graph.nodes) - 1} other modules, directly or not:", *lines])


def _draw(graph: Graph, asked: str, text: str) -> str:
    layout = lay_out(graph, {node: len(node) * LETTER + 16 for node in graph.nodes})
    height = max(graph.depths.values()) * _LAYER + _BOX + 2 * _MARGIN
    sheet = Sheet(max(layout.width + 2 * _MARGIN, 260), height, f"What {asked} needs", text)

    def on_paper(place: Place) -> Place:
        return place[0] + _MARGIN, place[1] * _LAYER + _BOX / 2 + _MARGIN

    for route in layout.routes:
        _arrow(sheet, [on_paper(place) for place in route])
    for node, place in layout.places.items():
        _node(sheet, node, on_paper(place), is_asked=node == asked)
    return sheet.render_file()


def _arrow(sheet: Sheet, route: Sequence[Place]) -> None:
    (x, y), *others = route
    y += _BOX / 2
    commands = [f"M{x:.4g} {y:.4g}"]
    for number, (to_x, to_y) in enumerate(others):
        end = to_y - _BOX / 2 - 6 if number == len(others) - 1 else to_y
        middle = (y + end) / 2
        commands.append(f"C{x:.4g} {middle:.4g} {to_x:.4g} {middle:.4g} {to_x:.4g} {end:.4g}")
        x, y = to_x, end
    sheet.path("".join(commands), "line")
    sheet.path(f"M{x - 4:.4g} {y:.4g}h8l-4 6z", "tip")


def _node(sheet: Sheet, name: str, place: Place, *, is_asked: bool) -> None:
    x, y = place
    width = len(name) * LETTER + 16
    sheet.box(x - width / 2, y - _BOX / 2, width, _BOX, "chosen" if is_asked else "box", round_by=4)
    sheet.text(x, y + 4.5, name, "mono middle bold" if is_asked else "mono middle")


def _empty(text: str) -> str:
    sheet = Sheet(len(text) * 7 + 40, 50, text, text)
    sheet.text(20, 30, text)
    return sheet.render_file()
