"""What comes out of the box is read strictly: damaged or forged archives and modules give nothing, and no exception."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kmodlab.kbuild.outputs import link_names, load_order, read_archive, what_is_wrong


def archive(*members: tuple[str, bytes, bytes], form: int = tarfile.USTAR_FORMAT) -> bytes:
    """An archive of (name, kind, content)."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=form) as out:
        for name, kind, content in members:
            member = tarfile.TarInfo(name)
            member.type, member.size, member.linkname = kind, len(content), "/etc/passwd"
            out.addfile(member, io.BytesIO(content))
    return stream.getvalue()


NOT_ELF = "This is not an ELF file: it does not begin with the bytes 7f 45 4c 46."
CUT_SHORT = "The ELF file's table of sections is not in the file; it may have been cut short."
NOT_RELOCATABLE = "This is not a kernel module: a module is a relocatable ELF file, but this one is"


def ko(*, kind: int = 1, order: str = "<", **modinfo: str) -> bytes:
    """The smallest file that is taken for a module: an ELF header, three sections, their names, .modinfo."""
    names = b"\0.shstrtab\0.modinfo\0"
    info = b"".join(f"{key}={value}\0".encode() for key, value in modinfo.items())
    header = b"\x7fELF\x02" + (b"\x01" if order == "<" else b"\x02") + b"\x01"
    header = header.ljust(16, b"\0") + struct.pack(
        f"{order}HHIQQQIHHHHHH", kind, 62, 1, 0, 0, 64, 0, 64, 0, 0, 64, 3, 1
    )
    start = 64 + 3 * 64
    sections = bytes(64)
    sections += struct.pack(f"{order}IIQQQQ", 1, 3, 0, 0, start, len(names)).ljust(64, b"\0")
    sections += struct.pack(f"{order}IIQQQQ", 11, 1, 0, 0, start + len(names), len(info)).ljust(64, b"\0")
    return header + sections + names + info


def test_plain_files_at_the_top_come_out() -> None:
    data = archive(("./hello.ko", b"0", b"x" * 1000), ("./.hello.o.cmd", b"0", b""), ("plain.o", b"0", b"y"))
    assert read_archive(data) == {"hello.ko": b"x" * 1000, ".hello.o.cmd": b"", "plain.o": b"y"}


def test_everything_else_stays_out() -> None:
    data = archive(
        ("./link.ko", tarfile.SYMTYPE, b""),
        ("./hard.ko", tarfile.LNKTYPE, b""),
        ("./pipe.ko", tarfile.FIFOTYPE, b""),
        ("./zero.ko", tarfile.CHRTYPE, b""),
        ("./folder.ko", tarfile.DIRTYPE, b""),
        ("./folder/x.ko", b"0", b"x"),
        ("../up.ko", b"0", b"x"),
        ("/abs.ko", b"0", b"x"),
        ("./-rf", b"0", b"x"),
        ("./a b", b"0", b"x"),
        ("./new\nline", b"0", b"x"),
        (f"./{'x' * 90}/{'y' * 90}.ko", b"0", b"x"),
    )
    assert read_archive(data) == {}
    assert {"link.ko", "hard.ko", "pipe.ko", "zero.ko"} <= link_names(data)


def test_extensions_of_the_format_are_not_followed() -> None:
    data = archive(("x" * 200 + ".ko", b"0", b"x"), form=tarfile.PAX_FORMAT)
    assert all(len(name) <= 100 for name in read_archive(data))


@pytest.mark.parametrize("size", [b"-0000000001\0", b"\xff" * 12, b"99999999999\0", b"77777777777\0", b"           \0"])
def test_a_forged_size_ends_the_reading(size: bytes) -> None:
    data = archive(("good", b"0", b"x"), ("bad", b"0", b"x"), ("after", b"0", b"x"))
    forged = data[: 1024 + 124] + size + data[1024 + 136 :]
    assert read_archive(forged) == {"good": b"x"}


def test_a_cut_archive_gives_what_is_whole() -> None:
    data = archive(("a", b"0", b"x" * 600), ("b", b"0", b"y" * 600))
    assert read_archive(data[:2000]) == {"a": b"x" * 600}
    assert read_archive(b"") == {} and read_archive(b"bwrap: oh\n") == {}


@given(st.binary(max_size=3000), st.integers(0, 2000))
def test_no_bytes_make_the_archive_reader_stumble(noise: bytes, place: int) -> None:
    data = archive(("a", b"0", b"x" * 600), ("b", b"0", b"y" * 600))
    for name, content in read_archive(data[:place] + noise + data[place + len(noise) :]).items():
        assert "/" not in name and len(content) <= 10_000


def test_nothing_is_wrong_with_a_module_for_this_kernel() -> None:
    assert what_is_wrong(ko(vermagic="6.1.0-56-amd64 SMP", depends="", license="GPL"), "6.1.0-56-amd64") == ""


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", NOT_ELF),
        (b"hello\n", NOT_ELF),
        (gzip.compress(ko(vermagic="6.1.0"), mtime=0), NOT_ELF),
        (b"\x7fELF\x01\x01" + bytes(100), CUT_SHORT),
        (b"\x7fELF\x02\x01" + bytes(100), CUT_SHORT),
        (ko(vermagic="6.1.0", kind=0), f"{NOT_RELOCATABLE} ET_NONE."),
        (ko(vermagic="6.1.0", kind=3), f"{NOT_RELOCATABLE} shared."),
        (ko(vermagic="6.1.0", order=">"), "It is not a module for a 64-bit little-endian machine."),
        (b"\x7fELF\x02\x01", "The ELF file is damaged."),
        (ko(vermagic="x")[:100], CUT_SHORT),
        (
            ko(vermagic="x").replace(b".modinfo", b".modxxxx"),
            "This is not a kernel module: it has no .modinfo section.",
        ),
        (ko(), "Its vermagic is '', but the kernel is 6.1.0."),
        (ko(vermagic="5.9.16 SMP"), "Its vermagic is '5.9.16 SMP', but the kernel is 6.1.0."),
        (ko(vermagic="6.1.0-56-amd64 SMP"), "Its vermagic is '6.1.0-56-amd64 SMP', but the kernel is 6.1.0."),
    ],
)
def test_what_is_no_module_is_told_apart(data: bytes, sentence: str) -> None:
    assert what_is_wrong(data, "6.1.0") == sentence


@given(st.binary(max_size=80), st.integers(0, 300))
def test_no_bytes_make_the_module_reader_stumble(noise: bytes, place: int) -> None:
    data = ko(vermagic="6.1.0 SMP", depends="a,b")
    what_is_wrong(data[:place] + noise + data[place + len(noise) :], "6.1.0")


def test_modules_load_after_those_that_they_need() -> None:
    modules = {"c": ko(depends="b"), "b": ko(depends="a-1,elsewhere"), "a-1": ko(depends=""), "d": ko()}
    order = load_order(modules)
    assert order.index("a-1") < order.index("b") < order.index("c")
    assert set(order) == set(modules)


def test_modules_that_need_each_other_keep_their_order() -> None:
    assert load_order({"a": ko(depends="b"), "b": ko(depends="a")}) == ("a", "b")
