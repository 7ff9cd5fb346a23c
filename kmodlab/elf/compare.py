"""Compares two ELF files: the sections and symbols of each, and facets such as how each is loaded.

`builtin` has the facets of a built-in driver and a module, `shared` those of a shared library and a module.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from kmodlab.elf.object_file import ObjectFile, Section, Symbol
from kmodlab.i18n import ngettext

# The kernel's __UNIQUE_ID() appends a counter, so a symbol has different numbers in two builds (linux/compiler.h).
_NUMBERED = re.compile(r"(__UNIQUE_ID_\w*?)\d+")


@dataclass(frozen=True)
class Facet:
    """One aspect of both files: a question, and the answer for each side, with `code` in backquotes."""

    question: str
    left: str
    right: str


@dataclass(frozen=True)
class SectionPair:
    """A section by name, in both files; None on the side that does not have it."""

    name: str
    left: Section | None
    right: Section | None


@dataclass(frozen=True)
class SymbolPair:
    """A symbol by name, in both files; None on the side that does not have it."""

    name: str
    left: Symbol | None
    right: Symbol | None


@dataclass(frozen=True)
class Comparison:
    """Two files side by side. Names are in the order of the left file, then those that only the right one has."""

    left_name: str
    right_name: str
    facets: tuple[Facet, ...]
    sections: tuple[SectionPair, ...]
    symbols: tuple[SymbolPair, ...]


def compare_objects(
    left: ObjectFile,
    right: ObjectFile,
    names: tuple[str, str],
    facets: tuple[Facet, ...] = (),
    *,
    shared: bool = False,
) -> Comparison:
    """Compare two ELF files; `names` are the headings of the two sides.

    With `shared`, only symbols that a file imports or exports are compared, not local ones.
    """
    left_sections, right_sections = _sections(left), _sections(right)
    left_symbols, right_symbols = _symbols(left, shared=shared), _symbols(right, shared=shared)
    section_names, symbol_names = left_sections | right_sections, left_symbols | right_symbols
    return Comparison(
        *names,
        facets,
        tuple(SectionPair(name, left_sections.get(name), right_sections.get(name)) for name in section_names),
        tuple(SymbolPair(name, left_symbols.get(name), right_symbols.get(name)) for name in symbol_names),
    )


def _sections(elf: ObjectFile) -> dict[str, Section]:
    return {section.name: section for section in elf.sections if section.name}


def _symbols(elf: ObjectFile, *, shared: bool) -> dict[str, Symbol]:
    """The symbols by name, except those of sections and files, and with `shared` except local ones."""
    symbols = elf.dynamic_symbols if elf.kind == "shared" else elf.symbols
    named = (symbol for symbol in symbols if symbol.name and symbol.kind not in ("section", "file"))
    return {plain_name(symbol.name): symbol for symbol in named if not shared or symbol.binding != "local"}


def plain_name(name: str) -> str:
    """A symbol's name without the counter of __UNIQUE_ID()."""
    match = _NUMBERED.fullmatch(name)
    return match[1] if match else name


def quote(names: Iterable[str], *, most: int = 4) -> str:
    """A list of names in words, each as `code`; at most the first `most` of them, and the number of the others."""
    names = list(names)
    listed = ", ".join(f"`{name}`" for name in names[:most])
    more = len(names) - most
    if more <= 0:
        return listed
    return ngettext("{names} and {number} more", "{names} and {number} more", more).format(names=listed, number=more)
