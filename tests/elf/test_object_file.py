"""ELF files as data: sections, symbols, relocations, and what they are for."""

from __future__ import annotations

import gzip
import lzma
from pathlib import Path

import pytest

from kmodlab.elf.contents import MalformedError, read_contents
from kmodlab.elf.object_file import ObjectFile, read_object
from kmodlab.elf.purposes import relocation_purpose, section_purpose

DATA = Path(__file__).parents[1] / "data/anatomy"


@pytest.fixture(scope="module")
def hello() -> ObjectFile:
    return read_object(DATA / "hello.ko")


def test_a_module_is_a_relocatable_file(hello: ObjectFile) -> None:
    assert (hello.kind, hello.machine, hello.bits, hello.little_endian) == ("relocatable", "x64", 64, True)


def test_a_section_has_its_flags_as_letters_and_in_words(hello: ObjectFile) -> None:
    section = hello.section(".init.text")
    assert section is not None
    assert (section.kind, section.size, section.letters) == ("PROGBITS", 40, "AX")
    assert section.words == ("in memory", "executable")
    assert section.in_memory


def test_a_section_that_takes_no_room_has_no_bytes(hello: ObjectFile) -> None:
    bss = hello.section(".bss")
    assert bss is not None
    assert bss.kind == "NOBITS"
    assert hello.content(bss) == b""


def test_a_section_that_is_not_there_has_no_bytes(hello: ObjectFile) -> None:
    assert hello.section(".nonsense") is None
    assert hello.content(".nonsense") == b""


def test_symbols_say_where_they_are(hello: ObjectFile) -> None:
    symbols = {symbol.name: symbol for symbol in hello.symbols}
    init = symbols["hello_init"]
    assert init.section is not None
    assert (init.section.name, init.binding, init.kind, init.size) == (".init.text", "local", "func", 40)
    assert symbols["init_module"].binding == "global"
    assert symbols["_printk"].is_undefined
    assert not init.is_undefined


def test_relocations_say_what_they_patch(hello: ObjectFile) -> None:
    calls = [call for call in hello.relocations if call.symbol.name == "_printk"]
    assert [hello.describe_place(call.section, call.offset) for call in calls] == [
        "hello_init+0x1a",
        "hello_exit+0x8",
    ]
    assert {(call.kind, call.addend, call.target) for call in calls} == {("R_X86_64_PLT32", -4, "_printk-0x4")}


def test_a_place_outside_of_all_symbols_is_the_sections(hello: ObjectFile) -> None:
    section = hello.section(".return_sites")
    assert section is not None
    assert hello.describe_place(section, 0) == ".return_sites+0x0"


def test_every_section_of_the_samples_has_a_purpose() -> None:
    for path in sorted(DATA.glob("*.*o")):
        for section in read_object(path).sections[1:]:
            assert section_purpose(section.name), section.name


def test_every_relocation_of_the_samples_is_explained() -> None:
    for path in sorted(DATA.glob("*.*o")):
        for relocation in read_object(path).relocations:
            assert relocation_purpose(relocation.kind), relocation.kind


def test_purposes_of_families_of_sections() -> None:
    assert "`__param`" in section_purpose(".rela__param")
    assert "level 6" in section_purpose(".initcall6.init")
    assert section_purpose("___ksymtab+greet").startswith("one exported symbol")
    assert section_purpose(".rodata.str1.8") == section_purpose(".rodata.str1.1")
    assert section_purpose(".my_own") == ""


def test_what_is_no_elf_file_is_refused_in_one_sentence() -> None:
    with pytest.raises(MalformedError, match="not an ELF file"):
        read_object(b"hello")


def test_a_file_that_is_cut_short_is_refused_in_one_sentence() -> None:
    data = (DATA / "hello.ko").read_bytes()
    with pytest.raises(MalformedError, match="cut short"):
        read_object(data[: len(data) // 2])


def test_a_compressed_module_is_unpacked(tmp_path: Path) -> None:
    data = (DATA / "hello.ko").read_bytes()
    (tmp_path / "hello.ko.xz").write_bytes(lzma.compress(data))
    (tmp_path / "hello.ko.gz").write_bytes(gzip.compress(data))
    assert read_contents(tmp_path / "hello.ko.xz") == data
    assert read_contents(tmp_path / "hello.ko.gz") == data


def test_a_file_that_cannot_be_read_is_an_error_of_ours(tmp_path: Path) -> None:
    with pytest.raises(MalformedError, match="No such file"):
        read_contents(tmp_path / "nothing.ko")


def test_a_program_is_read_too() -> None:
    library = read_object(DATA / "libgreet.so")
    assert library.kind == "shared"
    assert "greet" in {symbol.name for symbol in library.dynamic_symbols}
    assert {relocation.kind for relocation in library.relocations} >= {"R_X86_64_JUMP_SLOT", "R_X86_64_RELATIVE"}
