"""Two ELF files side by side: which sections and symbols each has, and the answers to questions about both.

What to ask is left to `builtin` (a driver built in, or as a module) and `shared` (a shared library, or a module).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from kmodlab.elf.object_file import ObjectFile, Section, Symbol

# The kernel's __UNIQUE_ID() counts on, so the same thing has another number in another build (linux/compiler.h).
_NUMBERED = re.compile(r"(__UNIQUE_ID_\w*?)\d+")


@dataclass(frozen=True)
class Facet:
    """A question, and the answer for either side; `code` stands in backquotes."""

    question: str
    left: str
    right: str


@dataclass(frozen=True)
class SectionPair:
    """A section by name, in both files; None on the side that has none."""

    name: str
    left: Section | None
    right: Section | None


@dataclass(frozen=True)
class SymbolPair:
    """A symbol by name, in both files; None on the side that has none."""

    name: str
    left: Symbol | None
    right: Symbol | None


@dataclass(frozen=True)
class Comparison:
    """Two files side by side. Names come in the order of the left file, then those that only the right one has."""

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
    """Two ELF files side by side; `names` say what each of them is.

    With `shared` only those symbols are compared that a file needs from others, or that others may use.
    """
    lefts, rights = _sections(left), _sections(right)
    left_symbols, right_symbols = _symbols(left, shared=shared), _symbols(right, shared=shared)
    return Comparison(
        *names,
        facets,
        tuple(SectionPair(name, lefts.get(name), rights.get(name)) for name in lefts | rights),
        tuple(
            SymbolPair(name, left_symbols.get(name), right_symbols.get(name)) for name in left_symbols | right_symbols
        ),
    )


def _sections(elf: ObjectFile) -> dict[str, Section]:
    return {section.name: section for section in elf.sections if section.name}


def _symbols(elf: ObjectFile, *, shared: bool) -> dict[str, Symbol]:
    """The symbols that somebody named, or only those that it shares with others; never those of sections and files."""
    found = elf.dynamic_symbols if elf.kind == "shared" else elf.symbols
    named = (symbol for symbol in found if symbol.name and symbol.kind not in ("section", "file"))
    return {plain_name(symbol.name): symbol for symbol in named if not shared or symbol.binding != "local"}


def plain_name(name: str) -> str:
    """A symbol's name without the number that the compiler gave it."""
    found = _NUMBERED.fullmatch(name)
    return found[1] if found else name


def quote(names: Iterable[str], *, most: int = 4) -> str:
    """A list of names in words, each as `code`; the first ones, and how many more there are."""
    shown = list(names)
    more = f" and {len(shown) - most} more" if len(shown) > most else ""
    return ", ".join(f"`{name}`" for name in shown[:most]) + more
