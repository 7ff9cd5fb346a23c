"""What kmemleak prints about memory of a module that is gone: its bare addresses become places in the module."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kmodlab.crash.report import Kind
from kmodlab.errors import GuestError
from kmodlab.tracer.unreferenced import LoadedCode, find_unreferenced

KO = (Path(__file__).parents[1] / "data" / "crash" / "lines" / "lines.ko").read_bytes()
INIT, TEXT = 0xFFFFFFFFA0005000, 0xFFFFFFFFA0000000
ADDRESSES = {"/sys/module/lines/sections/.init.text": INIT, "/sys/module/lines/sections/.text": TEXT}
OBJECT = """\
unreferenced object 0xffff888003d6a0{number:02x} (size 16):
  comm "insmod", pid 84, jiffies 4294894281 (age 12.480s)
  hex dump (first 16 bytes):
    6e 61 6d 65 20 32 00 6b 6b 6b 6b 6b 6b 6b 6b a5  name 2.kkkkkkkk.
  backtrace:
    [<00000000d4d8a2c1>] __kmalloc_node_track_caller+0x4b/0x160
    [<00000000a1c0de5f>] {place}
    [<0000000059b2c3ad>] do_one_initcall+0x87/0x2a0
"""


class Guest:
    """The files of a guest in which the module was loaded and unloaded."""

    def __init__(self, *places: str) -> None:
        self.text = "".join(OBJECT.format(number=number, place=place) for number, place in enumerate(places))
        self.commands: list[str] = []

    def get(self, path: str, _limit: int) -> bytes:
        if path.endswith("kmemleak"):
            return self.text.encode()
        if path not in ADDRESSES:
            raise GuestError(path)
        return f"{ADDRESSES[path]:#018x}\n".encode()

    def run(self, argv: list[str], **_options: Any) -> None:
        self.commands.append(argv[-1])

    def put(self, _path: str, data: bytes) -> None:
        self.commands.append(data.decode())

    def with_machine(self, work: Any) -> None:
        agent = SimpleNamespace(execute=lambda argv: self.commands.append(argv[-1]))
        asyncio.run(work(SimpleNamespace(agent=agent, ask=self.ask)))

    async def ask(self, *_arguments: object) -> None:
        pass


def found(*places: str) -> Any:
    guest: Any = Guest(*places)
    code = LoadedCode()
    code.note(guest, KO)
    return find_unreferenced(guest, code)


def test_a_bare_address_becomes_a_place_in_the_module() -> None:
    (report,) = found(f"0x{INIT + 0x20:x}")
    assert report.kind is Kind.MEMORY_LEAK and report.is_crash and not report.is_fatal
    assert str(report.trace[1]).startswith("lines_init+0x20/0x") and report.trace[1].module == "lines"
    assert "[lines]" in report.raw and "nobody has freed it" in report.words


def test_each_object_is_a_report_of_its_own() -> None:
    reports = found(f"0x{INIT + 0x20:x}", f"0x{TEXT + 4:x}", "lines_timer+0x4/0x20 [lines]")
    assert [report.trace[1].function for report in reports] == ["lines_init", "lines_timer", "lines_timer"]
    assert len({report.sentence for report in reports}) == 3


@pytest.mark.parametrize("place", ["0xffffffffa0009000", "kernfs_create+0x10/0x20", "other_init+0x10/0x20 [other]"])
def test_what_others_have_lost_is_not_the_modules(place: str) -> None:
    assert found(place) == ()


def test_an_object_is_old_enough_and_seen_unchanged() -> None:
    guest: Any = Guest()
    find_unreferenced(guest, LoadedCode())
    assert guest.commands == ["6000", *["echo scan >/sys/kernel/debug/kmemleak"] * 2, "clear"]


def test_a_file_that_is_no_module_has_no_code() -> None:
    code = LoadedCode()
    guest: Any = Guest()
    code.note(guest, b"no module")
    assert code.modules == frozenset() and code.name_address(INIT) == ""
