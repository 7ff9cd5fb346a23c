"""What is accepted as sources, and what is refused in one sentence."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kmodlab.errors import UsageError
from kmodlab.kbuild.sources import Sources, check_name, kmod_name, make_makefile, read_sources

NAMES = [
    "",
    "../x",
    "/x",
    "a b",
    "-rf",
    "-o",
    "a\nb",
    "$(shell x)",
    "a;x",
    "x" * 300,
    "x" * 56,
    "a.b",
    "ä",
    "a\0b",
    "`x`",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_cannot_be_built_is_refused_in_one_line(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        Sources.of(name, {"hello.c": "int x;"})
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 120
    assert "hello-1" in caught.value.hint


@pytest.mark.parametrize("name", ["hello", "hello-1", "_", "1st", "x" * 55, "Hello_World"])
def test_a_name_that_can_be_built_is_accepted(name: str) -> None:
    assert Sources.of(name, {f"{name}.c": "int x;"}).makefile == f"obj-m += {name}.o\n"


@pytest.mark.parametrize("name", ["vmlinux", "obj", "real-obj", "dtb", "built-in", "virtio_blk", "virtio-blk"])
def test_a_name_that_is_taken_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="is taken"):
        check_name(name, reserved={"virtio_blk"})


def test_the_kernel_knows_a_module_by_underscores() -> None:
    assert kmod_name("hello-1-a") == "hello_1_a"


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({"hello.c": ""}, "There is nothing to build: the source is empty."),
        ({"hello.c": " \n\t\n"}, "There is nothing to build: the source is empty."),
        ({}, "There is nothing to build: the source is empty."),
        ({"hello.h": "int x;"}, "There is nothing to build: the source is empty."),
        ({"hello.c": "int x;\0"}, "hello.c has NUL bytes in it, so it is not source text."),
        ({"hello.c": b"\xff\xfe"}, "hello.c is not UTF-8 text."),
        ({"hello.c": "\ud800"}, "hello.c is not UTF-8 text."),
        ({"hello.c": "x" * (10 << 20)}, "hello.c is larger than 1 MiB, the limit for a source file."),
        ({"hello.c": "x", "../a.h": "x"}, "'../a.h' cannot be the name of a source file."),
        ({"hello.c": "x", "a\nb.h": "x"}, "'a\\nb.h' cannot be the name of a source file."),
        ({"hello.c": "x", "hello.ko": "x"}, "hello.ko is a file that the build itself makes."),
        ({"hello.c": "x", "Module.symvers": ""}, "Module.symvers is a file that the build itself makes."),
        ({"hello.c": "x", "hello.S": "x"}, "hello.c and hello.S would both become hello.o."),
        ({f"a{n}.c": "x" for n in range(100)}, "These are too many files: at most 64, and 4 MiB in all."),
        ({f"a{n}.c": "x" * (1 << 20) for n in range(5)}, "These are too many files: at most 64, and 4 MiB in all."),
    ],
)
def test_what_cannot_be_a_source_is_refused(files: dict[str, str | bytes], sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        Sources.of("hello", files)
    assert str(caught.value) == sentence


def test_a_makefile_lists_the_parts_of_a_module() -> None:
    assert make_makefile("hello", ["hello.c"]) == "obj-m += hello.o\n"
    assert make_makefile("hello", ["a.c", "b.S"]) == "obj-m += hello.o\nhello-y := a.o b.o\n"


def test_a_part_that_is_called_like_the_module_gets_a_rule_of_its_own() -> None:
    makefile = make_makefile("hello", ["hello.c", "hello-main.c"])
    assert "hello-y := hello-main0.o hello-main.o\n" in makefile
    assert "$(obj)/hello-main0.o: $(src)/hello.c FORCE\n\t$(call if_changed_rule,cc_o_c)\n" in makefile


def test_symbols_of_other_modules_are_named_in_the_makefile() -> None:
    sources = Sources.of("user", {"user.c": "int x;", "maker.symvers": ""})
    assert sources.makefile == "obj-m += user.o\nKBUILD_EXTRA_SYMBOLS := $(src)/maker.symvers\n"


def test_a_makefile_of_ones_own_is_left_alone() -> None:
    sources = Sources.of("hello", {"hello.c": "int x;", "Makefile": "obj-m += hello.o # mine\n"})
    assert sources.makefile == "obj-m += hello.o # mine\n" and not sources.generated


def test_kbuild_comes_before_makefile_as_for_make() -> None:
    sources = Sources.of("hello", {"hello.c": "int x;", "Makefile": "a\n", "Kbuild": "b\n"})
    assert sources.makefile == "b\n"


def test_files_are_read_and_the_first_names_the_module(tmp_path: Path) -> None:
    (tmp_path / "a.h").write_text("int x;")
    (tmp_path / "b.c").write_text("int y;")
    sources = read_sources([tmp_path / "a.h", tmp_path / "b.c"])
    assert (sources.name, set(sources.files)) == ("b", {"a.h", "b.c", "Makefile"})
    assert read_sources([tmp_path / "b.c"], name="other").makefile == "obj-m += other.o\nother-y := b.o\n"


def test_links_folders_and_pipes_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "real.c").write_text("int x;")
    (tmp_path / "link.c").symlink_to("real.c")
    (tmp_path / "folder.c").mkdir()
    os.mkfifo(tmp_path / "pipe.c")
    for name, sentence in (
        ("link.c", "is a symbolic link."),
        ("folder.c", "is not a regular file."),
        ("pipe.c", "is not a regular file."),
        ("missing.c", "cannot be read: No such file or directory."),
    ):
        with pytest.raises(UsageError) as caught:
            read_sources([tmp_path / name])
        assert str(caught.value) == f"{tmp_path / name} {sentence}"


def test_files_that_would_overwrite_each_other_are_refused(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.c").write_text("int x;")
    with pytest.raises(UsageError, match=r"Two of the files are called x\.c"):
        read_sources([tmp_path / "a" / "x.c", tmp_path / "b" / "x.c"])


def test_without_a_c_file_there_is_nothing_to_name_the_module_after(tmp_path: Path) -> None:
    (tmp_path / "a.h").write_text("int x;")
    with pytest.raises(UsageError, match="no C file"):
        read_sources([tmp_path / "a.h"])
