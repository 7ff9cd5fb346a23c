"""How large the sections are, as a picture: what takes memory once loaded, and what is only in the file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kmodlab.elf.object_file import ObjectFile, Section, read_object
from kmodlab.elf.signature import find_signature
from kmodlab.notebook.render.svg import LETTER, Sheet
from kmodlab.notebook.views.table import sized
from kmodlab.notebook.views.view import Picture, Source, source_of

_ROW, _BARS, _TOP, _WIDTH = 20, 330, 34, 700

# Classes of the sheet's style, and what they mean.
_GROUPS = {
    "code": "code",
    "data": "data",
    "self": "what makes it a module",
    "trade": "imports and exports",
    "list": "lists of places for the kernel",
    "tool": "for tools",
    "rest": "all others",
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
    """A bar for each of the `most` largest sections that are to be loaded, and for what stays in the file."""
    elf = read_object(source_of(source))
    loaded = [Bar(found.name, found.size, _group(found)) for found in elf.sections if found.in_memory and found.size]
    panels = (("To be loaded", _largest(loaded, most)), ("Only in the file", _file_only(elf)))
    return _draw(name, panels, _given_back(loaded))


def _largest(bars: list[Bar], most: int) -> list[Bar]:
    """The largest bars in the order of the file, and one for all others."""
    if len(bars) <= most:
        return bars
    shown = sorted(bars, key=lambda bar: -bar.size)[: most - 1]
    rest = [bar for bar in bars if bar not in shown]
    return [*(bar for bar in bars if bar in shown), Bar(f"{len(rest)} smaller ones", sum(map(_size, rest)), "rest")]


def _size(bar: Bar) -> int:
    return bar.size


def _given_back(bars: list[Bar]) -> str:
    """What the kernel keeps only while it loads (rewrite_section_headers() and do_init_module() of its loader)."""
    size = sum(bar.size for bar in bars if bar.name.startswith((".init.", ".modinfo", "__version")))
    if not size:
        return ""
    return f"Of what is loaded, {sized(size)} bytes are given back when init is done: .init.*, .modinfo, __versions."


def _group(section: Section) -> str:
    if section.is_executable:
        return "code"
    if section.name.startswith(_SELF):
        return "self"
    if section.name.startswith(_TRADE):
        return "trade"
    return "data" if section.name.startswith(_DATA) else "list"


def _file_only(elf: ObjectFile) -> list[Bar]:
    rest = [found for found in elf.sections if not found.in_memory and found.kind != "NOBITS"]
    patches = [
        found
        for found in rest
        if found.kind in ("RELA", "REL") and not found.name.startswith((".rela.debug", ".rel.debug"))
    ]
    tables = [found for found in rest if found.kind in ("SYMTAB", "STRTAB")]
    debugging = [found for found in rest if found.name.removeprefix(".rela").startswith((".debug", ".BTF"))]
    known = {found.index for found in (*patches, *tables, *debugging)}
    signature = find_signature(elf.image)
    bars = (
        Bar("relocations", _sum(patches), "list"),
        Bar("symbols and names", _sum(tables), "tool"),
        Bar("debugging information", _sum(debugging), "tool"),
        Bar("others", _sum([found for found in rest if found.index not in known]), "tool"),
        Bar("signature", signature.size if signature else 0, "self"),
    )
    return [bar for bar in bars if bar.size]


def _sum(sections: Sequence[Section]) -> int:
    return sum(found.size for found in sections)


def _draw(name: str, panels: Sequence[tuple[str, list[Bar]]], note: str) -> Picture:
    text = "\n".join([*(line for title, bars in panels for line in _lines(title, bars)), *filter(None, [note])])
    rows = sum(len(bars) for _, bars in panels)
    labels = max((len(bar.name) for _, bars in panels for bar in bars), default=10) * LETTER + 24
    height = _TOP + rows * _ROW + len(panels) * 40 + 66
    title = f"Sizes of the sections{f' of {name}' if name else ''}"
    sheet = Sheet(max(labels + _BARS + 110, _WIDTH), height, title, text)
    sheet.text(16, 24, title, "bold")
    y: float = _TOP
    for heading, bars in panels:
        y = _panel(sheet, y, f"{heading}: {sized(sum(bar.size for bar in bars))} bytes", bars, labels)
    sheet.text(16, y + 12, note, "small soft")
    _legend(sheet, y + 34, {bar.group for _, bars in panels for bar in bars})
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
        width = 30 + len(_GROUPS[group]) * 6.2
        if x + width > sheet.width - 10:
            x, y = 16, y + 18
        sheet.box(x, y - 9, 10, 10, group)
        sheet.text(x + 15, y, _GROUPS[group], "small")
        x += width


def _lines(title: str, bars: list[Bar]) -> list[str]:
    width = max((len(bar.name) for bar in bars), default=0)
    total = sum(bar.size for bar in bars)
    rows = [f"  {bar.name:<{width}}  {sized(bar.size):>9}  {_GROUPS[bar.group]}" for bar in bars]
    return [f"{title}: {sized(total)} bytes", *rows]
