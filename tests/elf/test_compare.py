"""Side by side: a driver built in and as a module, a shared library and a module."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from kmodlab.elf.builtin import builtin_makefile, compare_builtin
from kmodlab.elf.compare import Comparison, plain_name
from kmodlab.elf.contents import MalformedError
from kmodlab.elf.exports import parse_symvers
from kmodlab.elf.module import read_module
from kmodlab.elf.shared import DynamicImport, compare_shared, find_providers, read_shared

DATA = Path(__file__).parents[1] / "data/anatomy"


@pytest.fixture(scope="module")
def both() -> Comparison:
    return compare_builtin(DATA / "hello.builtin.o", DATA / "hello.ko")


def answers(comparison: Comparison) -> dict[str, tuple[str, str]]:
    return {facet.question: (facet.left, facet.right) for facet in comparison.facets}


def test_only_what_is_built_in_has_initcalls(both: Comparison) -> None:
    pairs = {pair.name: (pair.left is not None, pair.right is not None) for pair in both.sections}
    assert pairs[".initcall6.init"] == (True, False)
    assert pairs[".exitcall.exit"] == (True, False)
    assert pairs[".gnu.linkonce.this_module"] == (False, True)
    assert pairs["__versions"] == (False, True)
    assert pairs[".init.text"] == pairs[".exit.text"] == pairs[".modinfo"] == (True, True)


def test_only_a_module_has_the_loaders_names_for_init_and_exit(both: Comparison) -> None:
    pairs = {pair.name: (pair.left is not None, pair.right is not None) for pair in both.symbols}
    assert pairs["init_module"] == pairs["cleanup_module"] == (False, True)
    assert pairs["hello_init"] == pairs["_printk"] == pairs["__UNIQUE_ID_license"] == (True, True)


def test_how_the_kernel_finds_init(both: Comparison) -> None:
    builtin, module = answers(both)["How does the kernel find init?"]
    assert builtin.startswith("`.initcall6.init` points to `hello_init` (level 6, device")
    assert module == "`struct module` points to `hello_init`, by its second name `init_module`"


def test_nobody_calls_the_exit_of_what_is_built_in(both: Comparison) -> None:
    assert answers(both)["How does the kernel find exit?"][0] == "`.exitcall.exit` points to `hello_exit`"
    assert answers(both)["When does that run?"][0].startswith("never")


def test_who_finds_what_it_needs(both: Comparison) -> None:
    builtin, module = answers(both)["Who finds what it needs?"]
    assert "linker" in builtin
    assert "`_printk`" in builtin
    assert "when the module is loaded" in module


def test_the_makefile_builds_both(tmp_path: Path) -> None:
    makefile = builtin_makefile("hello")
    assert makefile.startswith("obj-m += hello.o\n")
    assert "always-y += builtin/hello.o hello.builtin.o" in makefile


def test_numbers_of_the_compiler_do_not_tell_symbols_apart() -> None:
    assert plain_name("__UNIQUE_ID_license220") == plain_name("__UNIQUE_ID_license198") == "__UNIQUE_ID_license"
    assert plain_name("hello_init2") == "hello_init2"


# ---- shared libraries ----------------------------------------------------------------------------------------------


def test_a_library_says_what_it_needs_and_of_whom() -> None:
    library = read_shared(DATA / "libgreet.so")
    assert library.needed == ("libc.so.6",)
    assert DynamicImport("printf", "GLIBC_2.2.5", "libc.so.6", False) in library.imports
    assert library.exports == ("greet",)
    assert not library.binds_at_once


# Two notes of the kind that systemd's libraries and kmod have since Debian 13.
OPENER = r"""
#define NOTE(text) __asm__(".pushsection .note.dlopen, \"a\", @note\n.balign 4\n.long 4, 2f - 1f, 0x407c0c0a\n" \
    ".asciz \"FDO\"\n1: .asciz " #text "\n2: .balign 4\n.popsection")
NOTE("[{'feature':'xz','soname':['liblzma.so.5']}]");
NOTE("[{'soname':['libzstd.so.1','libzstd.so.0']}]");
""".replace("'", r"\"")


def test_a_library_says_what_it_may_open(tmp_path: Path) -> None:
    (tmp_path / "opener.c").write_text(OPENER)
    subprocess.run(["gcc", "-shared", "-o", "opener.so", "opener.c"], cwd=tmp_path, check=True)
    assert read_shared(tmp_path / "opener.so").opened == ("liblzma.so.5", "libzstd.so.1", "libzstd.so.0")
    assert read_shared(DATA / "libgreet.so").opened == ()


def test_a_module_is_no_library() -> None:
    with pytest.raises(MalformedError, match="not a shared library"):
        read_shared(DATA / "hello.ko")


SYMVERS = parse_symvers(
    b"0xf93ca6c5\tgreet\tmisc/greet\tEXPORT_SYMBOL\t\n"
    b"0xa7f05e22\tgreet_quietly\tmisc/greet\tEXPORT_SYMBOL_GPL\tGREETINGS\n"
    b"0xbdfb6dbb\t__fentry__\tvmlinux\tEXPORT_SYMBOL\t\n"
)


def test_who_has_what_a_module_needs() -> None:
    providers = find_providers(read_module(DATA / "greet_user.ko"), SYMVERS)
    assert providers == {
        "__fentry__": "vmlinux",
        "__x86_return_thunk": "",
        "greet": "greet",
        "greet_quietly": "greet",
    }


def test_a_library_beside_a_module() -> None:
    facets = answers(compare_shared(DATA / "libgreet.so", DATA / "greet_user.ko", SYMVERS))
    assert facets["From whom?"] == ("`libc.so.6`", "`greet` (2), the kernel (1), nobody (1)")
    assert facets["When?"][0] == "data when it is loaded, functions at their first call"
    assert "refused" in facets["When?"][1]
    assert facets["What runs when it is loaded?"] == ("the functions in `.init_array`", "`greet_user_init`")
    assert facets["What must fit?"][0] == "the symbols' versions: `GLIBC_2.2.5`"


def test_without_symvers_the_module_says_itself_whom_it_needs() -> None:
    facets = answers(compare_shared(DATA / "libgreet.so", DATA / "greet_user.ko"))
    assert facets["From whom?"][1] == "the kernel, and `greet`"
