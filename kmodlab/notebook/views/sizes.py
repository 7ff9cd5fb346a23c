"""Draws the sizes of sections: those that take memory when loaded, and those that are only in the file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kmodlab.elf.object_file import ObjectFile, Section, read_object
from kmodlab.elf.signature import find_signature
from kmodlab.i18n import N_, _, ngettext
from kmodlab.notebook.render.svg import LETTER, Sheet
from kmodlab.notebook.views.table import sized
from kmodlab.notebook.views.view import Picture, Source, source_of
from kmodlab.text import align_columns

_ROW, _BARS, _TOP, _WIDTH = 20, 330, 34, 700  # pixels: a row, the longest bar, the space above, the picture at least

# Classes of the sheet's style (render/svg.py), and what they mean.
_GROUPS = {
    "code": N_("code"),
    "data": N_("data"),
    "self": N_("what makes it a module"),
    "trade": N_("imports and exports"),
    "list": N_("lists of places for the kernel"),
    "tool": N_("for tools"),
    "rest": N_("all others"),
}
_SELF = (".modinfo", ".gnu.linkonce.this_module", "__param", ".note.gnu.build-id", ".note.Linux")
_TRADE = ("__ksymtab", "__kcrctab", "__versions", "__version_ext", ".dynsym", ".dynstr", ".gnu.version", ".dynamic")
_DATA = (".data", ".bss", ".rodata", ".init.data", ".init.rodata", ".exit.data", ".ref.data")


@dataclass(frozen=True)
class Bar:
    """A row of the picture: a section, or several that belong together. `group` is one of the sheet's classes."""

    name: str
    size: int
    group: str


def size_picture(source: Source, *, name: str = "", most: int = 24) -> Picture:
    """A bar for each of the `most` largest sections that are loaded, and one for the rest of the file.

    `name` is the file's name for the title; empty if it has none.
    """
    elf = read_object(source_of(source))
    loaded = [
        Bar(section.name, section.size, _group(section))
        for section in elf.sections
        if section.in_memory and section.size
    ]
    panels = ((_("To be loaded"), _largest(loaded, most)), (_("Only in the file"), _file_only(elf)))
    return _draw(name, panels, _given_back(loaded))


def _largest(bars: list[Bar], most: int) -> list[Bar]:
    """The largest bars in the order of the file, and one for all others."""
    if len(bars) <= most:
        return bars
    shown = sorted(bars, key=lambda bar: -bar.size)[: most - 1]
    smaller = [bar for bar in bars if bar not in shown]
    name = ngettext("{number} smaller one", "{number} smaller ones", len(smaller)).format(number=len(smaller))
    return [*(bar for bar in bars if bar in shown), Bar(name, _total(smaller), "rest")]


def _total(sized_things: Iterable[Bar | Section]) -> int:
    return sum(thing.size for thing in sized_things)


def _given_back(bars: list[Bar]) -> str:
    """A sentence about memory that the kernel frees after loading.

    kernel/module/main.c: rewrite_section_headers() and do_init_module().
    """
    size = _total(bar for bar in bars if bar.name.startswith((".init.", ".modinfo", "__version")))
    if not size:
        return ""
    note = _("Of what is loaded, {size} bytes are given back when init is done: .init.*, .modinfo, __versions.")
    return note.format(size=sized(size))


def _group(section: Section) -> str:
    if section.is_executable:
        return "code"
    if section.name.startswith(_SELF):
        return "self"
    if section.name.startswith(_TRADE):
        return "trade"
    return "data" if section.name.startswith(_DATA) else "list"


def _file_only(elf: ObjectFile) -> list[Bar]:
    sections = [section for section in elf.sections if not section.in_memory and section.kind != "NOBITS"]
    patches = [
        section
        for section in sections
        if section.kind in ("RELA", "REL") and not section.name.startswith((".rela.debug", ".rel.debug"))
    ]
    tables = [section for section in sections if section.kind in ("SYMTAB", "STRTAB")]
    debugging = [section for section in sections if section.name.removeprefix(".rela").startswith((".debug", ".BTF"))]
    known = {section.index for section in (*patches, *tables, *debugging)}
    signature = find_signature(elf.image)
    bars = (
        Bar(_("relocations"), _total(patches), "list"),
        Bar(_("symbols and names"), _total(tables), "tool"),
        Bar(_("debugging information"), _total(debugging), "tool"),
        Bar(_("others"), _total(section for section in sections if section.index not in known), "tool"),
        Bar(_("signature"), signature.size if signature else 0, "self"),
    )
    return [bar for bar in bars if bar.size]


def _draw(name: str, panels: Sequence[tuple[str, list[Bar]]], note: str) -> Picture:
    text = "\n".join([*(line for heading, bars in panels for line in _lines(heading, bars)), *filter(None, [note])])
    rows = sum(len(bars) for _heading, bars in panels)
    labels = max((len(bar.name) for _heading, bars in panels for bar in bars), default=10) * LETTER + 24
    height = _TOP + rows * _ROW + len(panels) * 40 + 66
    title = _("Sizes of the sections of {name}").format(name=name) if name else _("Sizes of the sections")
    sheet = Sheet(max(labels + _BARS + 110, _WIDTH), height, title, text)
    sheet.text(16, 24, title, "bold")
    y: float = _TOP
    for heading, bars in panels:
        y = _panel(sheet, y, _sum_words(heading, bars), bars, labels)
    sheet.text(16, y + 12, note, "small soft")
    _legend(sheet, y + 34, {bar.group for _heading, bars in panels for bar in bars})
    return Picture(sheet.render_file(), f"{title}\n{text}")


def _panel(sheet: Sheet, y: float, heading: str, bars: list[Bar], labels: float) -> float:
    largest = max((bar.size for bar in bars), default=1)
    sheet.text(16, y + 20, heading, "soft")
    y += 30
    for bar in bars:
        width = max(1.5, _BARS * bar.size / largest)
        sheet.text(labels, y + 14, bar.name, "mono end" if bar.name[0] in "._" else "end")
        sheet.box(labels + 8, y + 3, width, 14, bar.group, round_by=2)
        sheet.text(labels + 14 + width, y + 14, sized(bar.size), "small soft")
        y += _ROW
    return y + 10


def _legend(sheet: Sheet, y: float, used: set[str]) -> None:
    x: float = 16
    for group in (group for group in _GROUPS if group in used):
        meaning = _(_GROUPS[group])
        width = 30 + len(meaning) * 6.2
        if x + width > sheet.width - 10:
            x, y = 16, y + 18
        sheet.box(x, y - 9, 10, 10, group)
        sheet.text(x + 15, y, meaning, "small")
        x += width


def _sum_words(heading: str, bars: list[Bar]) -> str:
    return _("{heading}: {size} bytes").format(heading=heading, size=sized(_total(bars)))


def _lines(heading: str, bars: list[Bar]) -> list[str]:
    rows = [(bar.name, f"{sized(bar.size):>9}", _(_GROUPS[bar.group])) for bar in bars]
    return [_sum_words(heading, bars), *(f"  {line}" for line in align_columns(rows))]
