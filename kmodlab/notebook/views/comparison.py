"""Two files side by side: a driver built in and as a module, or a shared library and a module."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kmodlab.elf.builtin import compare_builtin
from kmodlab.elf.compare import Comparison, SectionPair, SymbolPair
from kmodlab.elf.exports import Exported
from kmodlab.elf.object_file import Section, Symbol
from kmodlab.elf.purposes import section_purpose
from kmodlab.elf.shared import compare_shared
from kmodlab.i18n import _
from kmodlab.notebook.render.parts import Part
from kmodlab.notebook.views.elf import is_minor
from kmodlab.notebook.views.table import Column, ColumnKind, Table, sized
from kmodlab.notebook.views.view import Source, View, source_of

_MOST = 30  # rows that are shown at first

ASPECTS = ("questions", "sections", "symbols")


def builtin_beside_module(builtin: Source, module: Source, aspects: Sequence[str] = ASPECTS) -> View:
    """A driver that is built in (left) beside the same source as a module (right)."""
    return side_by_side(compare_builtin(source_of(builtin), source_of(module)), aspects)


def so_beside_ko(
    library: Source,
    module: Source,
    symvers: Mapping[str, Exported] | None = None,
    aspects: Sequence[str] = ASPECTS,
) -> View:
    """A shared library of userspace (left) beside a kernel module (right); `symvers` says who exports a symbol."""
    return side_by_side(compare_shared(source_of(library), source_of(module), symvers), aspects)


def side_by_side(comparison: Comparison, aspects: Sequence[str] = ASPECTS) -> View:
    """A comparison as tables, one for each of the `aspects` (of `ASPECTS`); rows that only one side has are bold."""
    parts: list[Part] = [_questions(comparison)] if "questions" in aspects else []
    parts += [_sections(comparison)] if "sections" in aspects else []
    parts += [_symbols(comparison)] if "symbols" in aspects else []
    return View(parts)


def _questions(comparison: Comparison) -> Table:
    rows = [(facet.question, facet.left, facet.right) for facet in comparison.facets]
    columns = (Column(_("question")), Column(comparison.left_name), Column(comparison.right_name))
    return Table("", columns, rows)


def _sections(comparison: Comparison) -> Table:
    pairs = [pair for pair in comparison.sections if not (_is_minor(pair.left) and _is_minor(pair.right))]
    rows = [(pair.name, _size(pair.left), _size(pair.right), section_purpose(pair.name)) for pair in pairs]
    columns = (
        Column(_("section"), ColumnKind.CODE),
        Column(_("{side}, bytes").format(side=comparison.left_name), ColumnKind.NUMBER),
        Column(_("{side}, bytes").format(side=comparison.right_name), ColumnKind.NUMBER),
        Column(_("what it is for")),
    )
    return Table(_("Sections; bold: only one side has it"), columns, rows, _MOST, _one_sided(pairs))


def _is_minor(section: Section | None) -> bool:
    return section is None or is_minor(section)


def _size(section: Section | None) -> str:
    return "–" if section is None else sized(section.size)


def _symbols(comparison: Comparison) -> Table:
    rows = [(pair.name, _state(pair.left), _state(pair.right)) for pair in comparison.symbols]
    columns = (
        Column(_("symbol"), ColumnKind.CODE),
        Column(comparison.left_name, ColumnKind.CODE),
        Column(comparison.right_name, ColumnKind.CODE),
    )
    return Table(_("Symbols; bold: only one side has it"), columns, rows, _MOST, _one_sided(comparison.symbols))


def _state(symbol: Symbol | None) -> str:
    if symbol is None:
        return ""
    if symbol.is_undefined:
        return _("needed")
    return f"{symbol.section.name if symbol.section else symbol.kind}, {symbol.binding}"


def _one_sided(pairs: Sequence[SectionPair | SymbolPair]) -> frozenset[int]:
    return frozenset(number for number, pair in enumerate(pairs) if pair.left is None or pair.right is None)
