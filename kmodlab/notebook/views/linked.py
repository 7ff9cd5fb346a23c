"""Shows a driver's object in the kernel that it was linked into: what stays, what is freed, what the linker drops."""

from __future__ import annotations

from kmodlab.elf.linked import Fate, Linked, LinkedSymbol, find_linked
from kmodlab.elf.object_file import read_object
from kmodlab.elf.purposes import init_level_purpose
from kmodlab.i18n import N_, _
from kmodlab.notebook.views.table import Column, ColumnKind, Table, sized
from kmodlab.notebook.views.view import Source, View, source_of

_AROUND = 2  # init functions that are shown on each side of the driver's
_MOST = 30  # symbols that are shown at first
_MINOR = (".discard.", ".modinfo", "__param", ".rodata.str", ".note", "__ksymtab_strings")

_FATES = {
    Fate.DROPPED: N_("nothing: the linker drops it"),
    Fate.FREED: N_("freed when the kernel has booted"),
    Fate.STAYS: N_("stays"),
}


def in_kernel(built: Source, vmlinux: Source) -> View:
    """An object that is built in, symbol by symbol, and the kernel's list of init functions around its own."""
    linked = find_linked(read_object(source_of(built)), read_object(source_of(vmlinux)))
    return View([_symbols(linked), *([_list(linked)] if linked.own else [])])


def _symbols(linked: Linked) -> Table:
    fates = list(_FATES)  # symbols that do not stay come first
    shown = [symbol for symbol in linked.symbols if not symbol.section.startswith(_MINOR)]
    shown.sort(key=lambda symbol: fates.index(symbol.fate))
    rows = [_row(symbol) for symbol in shown]
    columns = (
        Column(_("symbol"), ColumnKind.CODE),
        Column(_("in its object"), ColumnKind.CODE),
        Column(_("bytes"), ColumnKind.NUMBER),
        Column(_("in the kernel"), ColumnKind.CODE),
        Column(_("what becomes of it")),
    )
    bold = frozenset(number for number, symbol in enumerate(shown) if symbol.fate is Fate.DROPPED)
    return Table(_("Linked into the kernel; bold: what the linker drops"), columns, rows, _MOST, bold)


def _row(symbol: LinkedSymbol) -> tuple[str, ...]:
    where = "–" if symbol.address is None else f"{symbol.kernel_section} {symbol.address:016x}"
    return symbol.name, symbol.section, sized(symbol.size), where, _(_FATES[symbol.fate])


def _list(linked: Linked) -> Table:
    around = {number + step for number in linked.own for step in range(-_AROUND, _AROUND + 1)}
    numbers = sorted(number for number in around if 0 <= number < len(linked.initcalls))
    rows = []
    for number in numbers:
        call = linked.initcalls[number]
        purpose = init_level_purpose(call.level).partition(":")[0]
        rows.append((str(number + 1), call.function, call.kmod, f"{call.level} ({purpose})" if purpose else call.level))
    caption = _("The kernel's list of {number} init functions, around the driver's").format(
        number=len(linked.initcalls)
    )
    columns = (
        Column(_("no."), ColumnKind.NUMBER),
        Column(_("function"), ColumnKind.CODE),
        Column(_("driver"), ColumnKind.CODE),
        Column(_("level")),
    )
    bold = frozenset(row for row, number in enumerate(numbers) if number in linked.own)
    return Table(caption, columns, rows, bold=bold)
