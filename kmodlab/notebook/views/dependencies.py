"""Draws the dependencies of one module: boxes in layers, with arrows from a module to the modules that it needs."""

from __future__ import annotations

from collections.abc import Sequence

from kmodlab.elf.database_text import name_of
from kmodlab.elf.databases import Databases
from kmodlab.elf.graph import Graph, module_graph
from kmodlab.i18n import _, ngettext
from kmodlab.notebook.render.svg import LETTER, Sheet
from kmodlab.notebook.views.layered import Point, lay_out
from kmodlab.notebook.views.view import Picture

_BOX, _LAYER, _MARGIN = 26, 66, 18  # pixels: the height of a box, of a layer, and the space around all


def dependency_picture(databases: Databases, name: str) -> Picture:
    """A picture of a module and all modules that it needs; an arrow leads from a module to one that it needs."""
    module = name_of(name)
    graph = module_graph(databases, module)
    text = _describe(graph, module)
    if not graph.nodes:
        return Picture(_draw_words(text), text)
    return Picture(_draw(graph, module, text), text)


def _describe(graph: Graph, module: str) -> str:
    """The picture in words: a line for each module that needs others, the topmost first."""
    if not graph.nodes:
        return _("modules.dep does not have {module}.").format(module=module)
    number = len(graph.nodes) - 1
    if not number:
        return _("{module} needs no other module.").format(module=module)
    heading = ngettext(
        "{module} needs {number} other module, directly or not:",
        "{module} needs {number} other modules, directly or not:",
        number,
    )
    above = sorted((node for node in graph.nodes if graph.needs[node]), key=lambda node: (-graph.depths[node], node))
    lines = (f"  {node} → {', '.join(graph.needs[node])}" for node in above)
    return "\n".join([heading.format(module=module, number=number), *lines])


def _draw(graph: Graph, module: str, text: str) -> str:
    layout = lay_out(graph, {node: len(node) * LETTER + 16 for node in graph.nodes})
    height = max(graph.depths.values()) * _LAYER + _BOX + 2 * _MARGIN
    title = _("What {module} needs").format(module=module)
    sheet = Sheet(max(layout.width + 2 * _MARGIN, 260), height, title, text)

    def on_sheet(point: Point) -> Point:
        return point[0] + _MARGIN, point[1] * _LAYER + _BOX / 2 + _MARGIN

    for route in layout.routes:
        _arrow(sheet, [on_sheet(point) for point in route])
    for node, centre in layout.centres.items():
        _node(sheet, node, on_sheet(centre), is_asked=node == module)
    return sheet.render_file()


def _arrow(sheet: Sheet, route: Sequence[Point]) -> None:
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


def _node(sheet: Sheet, name: str, centre: Point, *, is_asked: bool) -> None:
    x, y = centre
    width = len(name) * LETTER + 16
    sheet.box(x - width / 2, y - _BOX / 2, width, _BOX, "chosen" if is_asked else "box", round_by=4)
    sheet.text(x, y + 4.5, name, "mono middle bold" if is_asked else "mono middle")


def _draw_words(text: str) -> str:
    sheet = Sheet(len(text) * 7 + 40, 50, text, text)
    sheet.text(20, 30, text)
    return sheet.render_file()
