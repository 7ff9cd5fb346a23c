"""Finds memory that modules leaked, with the kernel's kmemleak, after they were unloaded.

kmemleak prints the backtrace of each allocation. The modules are unloaded by then, so their frames are bare addresses
(lib/vsprintf.c, symbol_string). Therefore the addresses of a module's sections are recorded while it is loaded. Only
objects that code of the modules allocated count, not objects that the kernel itself leaked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from kmodlab.crash.reader import find_reports
from kmodlab.crash.records import LogRecord
from kmodlab.crash.report import Report
from kmodlab.elf.contents import MalformedError
from kmodlab.elf.module import read_module
from kmodlab.elf.object_file import ObjectFile
from kmodlab.errors import GuestError, GuestLostError
from kmodlab.guest.machine import Machine
from kmodlab.guest.session import Session
from kmodlab.i18n import _
from kmodlab.kbuild.sources import kmod_name
from kmodlab.process import Deadline

_FILE = "/sys/kernel/debug/kmemleak"
_AGE_MS = 6000  # an object is not reported before it is MSECS_MIN_AGE old, which is 5000 (mm/kmemleak.c)
_SCAN_S = 60.0
_LIMIT = 1 << 20  # bytes of kmemleak's report that are read
# "    [<000000005f2b3a1c>] 0xffffffffa0000018": mm/kmemleak.c, print_unreferenced
_ADDRESS = re.compile(r"(?<=\s)0x([0-9a-f]{16})$", re.MULTILINE)
_OBJECT = re.compile(r"^(?=unreferenced object )", re.MULTILINE)


@dataclass
class LoadedCode:
    """The addresses of modules' code in a guest, also of unloaded modules; `generation` is that of the session."""

    generation: int = 0
    _ranges: list[tuple[int, ObjectFile, int, str]] = field(default_factory=list)  # start, file, section, module

    def note(self, session: Session, ko: bytes) -> None:
        """Record the addresses of a module's sections while it is loaded. Raises: GuestLostError."""
        try:
            module = read_module(ko)
            sections = [section for section in module.elf.sections if section.is_executable and section.size]
        except MalformedError:
            return
        name = kmod_name(module.name)
        for section in sections:
            try:
                start = int(session.get(f"/sys/module/{name}/sections/{section.name}", 64), 16)
            except GuestLostError:
                raise
            except (GuestError, ValueError):
                continue
            self._ranges.append((start, module.elf, section.index, name))

    @property
    def modules(self) -> frozenset[str]:
        """The names of the modules."""
        return frozenset(module for _start, _elf, _index, module in self._ranges)

    def name_addresses(self, text: str) -> str:
        """A kernel's report with symbols of the modules instead of bare addresses, such as those of freed init code."""
        return _ADDRESS.sub(lambda match: self.name_address(int(match[1], 16)) or match[0], text)

    def name_address(self, address: int) -> str:
        """An address as the kernel prints it, such as "hello_init+0x18/0x40 [hello]"; empty outside of the modules."""
        for start, elf, index, module in self._ranges:
            section = elf.sections[index]
            symbol = elf.symbol_at(section, address - start) if start <= address < start + section.size else None
            if symbol:
                return f"{symbol.name}+{address - start - symbol.value:#x}/{symbol.size:#x} [{module}]"
        return ""


def find_unreferenced(session: Session, code: LoadedCode) -> tuple[Report, ...]:
    """Reports of the memory that the modules leaked. A few seconds of the guest's time pass. Raises: GuestError."""
    session.run(["jump", str(_AGE_MS)], timeout_s=_SCAN_S, in_agent=True)
    for _scan in range(2):  # the first scan only takes checksums: an object that changes is in use (update_checksum)
        session.with_machine(_scan_once)
    text = session.get(_FILE, _LIMIT).decode("utf-8", "replace")
    session.put(_FILE, b"clear")  # so that each object is reported once
    return tuple(_reports(text, code))


async def _scan_once(machine: Machine) -> None:
    # Not `machine.execute`: a scan has interrupts off nearly all the time, so the guest would seem to hang.
    late = _("The guest did not look for lost memory in time.")
    await machine.ask(machine.agent.execute(["sh", "-c", f"echo scan >{_FILE}"]), Deadline.after(_SCAN_S), late)


def _reports(text: str, code: LoadedCode) -> Iterator[Report]:
    for paragraph in _OBJECT.split(text):
        named = code.name_addresses(paragraph)
        if any(f" [{module}]" in named for module in code.modules):
            yield from find_reports(named)


def is_scan(record: LogRecord) -> bool:
    """Whether a record only says that a scan has found something (mm/kmemleak.c, kmemleak_scan)."""
    return record.text.startswith("kmemleak: ")
