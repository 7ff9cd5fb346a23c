"""A module as data: what it says about itself, what it offers, what it needs, who signed it."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from kmodlab.elf.contents import MalformedError
from kmodlab.elf.exports import Export, Exported, Version, find_versions, parse_symvers
from kmodlab.elf.modinfo import (
    Parameter,
    explain_vermagic_word,
    parse_modinfo,
)
from kmodlab.elf.module import ThisModule, read_module
from kmodlab.elf.object_file import ObjectFile, Section
from kmodlab.elf.signature import Signature

DATA = Path(__file__).parents[1] / "data/anatomy"
VERMAGIC = "6.1.0-56-amd64 SMP preempt mod_unload modversions"


# ---- modinfo -------------------------------------------------------------------------------------------------------


def test_modinfo_keeps_the_files_order() -> None:
    modinfo = read_module(DATA / "hello.ko").modinfo
    assert modinfo.entries[:2] == (("license", "GPL"), ("description", "Says hello"))
    assert modinfo.get("license") == "GPL"
    assert modinfo.get("author") is None
    assert modinfo.parameters == (Parameter("times", "int", "how often to say it"),)


def test_modinfo_of_a_module_that_needs_others() -> None:
    modinfo = read_module(DATA / "greet_user.ko").modinfo
    assert modinfo.depends == ("greet",)
    assert modinfo.all("import_ns") == ("GREETINGS",)
    assert modinfo.get("softdep") == "pre: hello"


def test_modinfo_of_what_is_built_in_has_the_drivers_name_before_each_key() -> None:
    modinfo = read_module(DATA / "hello.builtin.o").modinfo
    assert modinfo.owner == "hello"
    assert modinfo.get("license") == "GPL"
    assert modinfo.get("vermagic") is None


def test_a_parameter_without_a_type_or_without_a_description_is_kept() -> None:
    modinfo = parse_modinfo(b"parm=a:for a\0parmtype=b:int\0parm=b:for: b\0")
    assert modinfo.parameters == (Parameter("b", "int", "for: b"), Parameter("a", "", "for a"))


def test_vermagic_word_by_word() -> None:
    vermagic = read_module(DATA / "hello.ko").modinfo.vermagic
    assert str(vermagic) == VERMAGIC
    assert vermagic is not None
    assert vermagic.release == "6.1.0-56-amd64"
    assert all(explain_vermagic_word(word) for word in vermagic.words)
    assert "shuffled" in explain_vermagic_word("RANDSTRUCT_0123")
    assert explain_vermagic_word("new_word") == ""


# ---- the module itself ---------------------------------------------------------------------------------------------


def test_struct_module_is_read() -> None:
    assert read_module(DATA / "hello.ko").this_module == ThisModule("hello", 896, "hello_init", "hello_exit")
    assert read_module(DATA / "greet.ko").this_module == ThisModule("greet", 896, None, None)


def test_what_is_built_in_has_no_struct_module() -> None:
    module = read_module(DATA / "hello.builtin.o")
    assert module.this_module is None
    assert module.name == "hello"


def test_exports_have_namespace_checksum_and_terms() -> None:
    assert read_module(DATA / "greet.ko").exports == (
        Export("greet_count", True, "", 0x3ADF36B9),
        Export("greet", False, "", 0xF93CA6C5),
        Export("greet_quietly", True, "GREETINGS", 0xA7F05E22),
    )


def test_imports_have_the_checksum_that_is_expected() -> None:
    imports = {symbol.name: symbol for symbol in read_module(DATA / "greet_user.ko").imports}
    assert imports["greet"].crc == 0xF93CA6C5
    assert not imports["greet"].weak
    assert list(imports) == sorted(imports)


def test_versions_name_the_symbol_of_struct_module_too() -> None:
    assert "module_layout" in {version.symbol for version in read_module(DATA / "hello.ko").versions}


def test_a_shared_library_is_no_module() -> None:
    with pytest.raises(MalformedError, match="this one is shared"):
        read_module(DATA / "libgreet.so")


def fake_elf(**sections: bytes) -> ObjectFile:
    """An object of nothing but these sections."""
    image = b""
    table: list[Section] = []
    for name, content in sections.items():
        table.append(Section(len(table), name, "PROGBITS", 2, len(content), len(image), 1, 0, 0, 0))
        image += content
    return ObjectFile(image, "relocatable", "x64", 64, True, tuple(table), None)  # type: ignore[arg-type]


def test_extended_versions_go_before_the_old_ones() -> None:
    names = [b"_printk", b"a_name_that_is_much_longer_than_the_fifty_six_bytes_that_the_old_form_has_for_it"]
    elf = fake_elf(
        __versions=struct.pack("<Q56s", 1, b"_printk"),
        __version_ext_crcs=struct.pack("<II", 7, 8),
        __version_ext_names=b"".join(name + b"\0" for name in names),
    )
    assert find_versions(elf) == (Version("_printk", 7), Version(names[1].decode(), 8))
    assert find_versions(fake_elf(__versions=struct.pack("<Q56s", 1, b"_printk"))) == (Version("_printk", 1),)


def test_versions_that_do_not_fit_each_other_are_refused() -> None:
    with pytest.raises(MalformedError, match="do not fit"):
        find_versions(fake_elf(__version_ext_crcs=b"1234", __version_ext_names=b"a\0b\0"))
    with pytest.raises(MalformedError, match="wrong size"):
        find_versions(fake_elf(__versions=b"1234"))


# ---- signature -----------------------------------------------------------------------------------------------------


def test_a_signature_names_its_signer() -> None:
    signed = read_module(DATA / "hello_signed.ko")
    assert signed.signature == Signature(433, "A key for tests", "01:23:45:67:89:AB:CD:EF", "sha256")
    assert signed.modinfo == read_module(DATA / "hello.ko").modinfo


def test_a_module_without_a_signature_has_none() -> None:
    assert read_module(DATA / "hello.ko").signature is None


# ---- Module.symvers ------------------------------------------------------------------------------------------------

SYMVERS = (
    b"0x3adf36b9\tgreet_count\tmisc/greet\tEXPORT_SYMBOL_GPL\t\n"
    b"0xf93ca6c5\tgreet\tmisc/greet\tEXPORT_SYMBOL\t\n"
    b"0xa7f05e22\tgreet_quietly\tmisc/greet\tEXPORT_SYMBOL_GPL\tGREETINGS\n"
    b"0x92997ed8\t_printk\tvmlinux\tEXPORT_SYMBOL\t\n"
)


def test_symvers_says_who_exports_what() -> None:
    symvers = parse_symvers(SYMVERS)
    assert symvers["greet_quietly"] == Exported("greet_quietly", 0xA7F05E22, "misc/greet", True, "GREETINGS")
    assert symvers["_printk"].is_builtin


def test_symvers_of_old_kernels_has_no_namespace() -> None:
    assert parse_symvers(b"0x1\tf\tvmlinux\tEXPORT_SYMBOL\n")["f"].namespace == ""


@pytest.mark.parametrize("line", [b"hello", b"0x1\tf\tvmlinux\tSOMETHING\t", b"zero\tf\tvmlinux\tEXPORT_SYMBOL\t"])
def test_a_line_that_is_none_is_refused_by_its_number(line: bytes) -> None:
    with pytest.raises(MalformedError, match="Line 5"):
        parse_symvers(SYMVERS + line)
