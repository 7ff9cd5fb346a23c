"""The same source built in and as a module, and a shared library, by kbuild itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from kmodlab.elf.builtin import builtin_file, builtin_makefile, compare_builtin
from kmodlab.elf.module import read_module
from kmodlab.elf.shared import compare_shared, read_shared
from kmodlab.kbuild.build import build
from kmodlab.kbuild.result import Build
from kmodlab.kbuild.sources import Sources
from kmodlab.kernel.tree import KernelTree

DATA = Path(__file__).parents[1] / "data/anatomy"


@pytest.fixture(scope="module")
def hello(tree: KernelTree) -> Build:
    files = {"hello.c": (DATA / "hello.c").read_text(), "Makefile": builtin_makefile("hello")}
    return build(tree, Sources.of("hello", files))


def test_kbuild_compiles_it_twice(hello: Build) -> None:
    assert hello.passed, hello.transcript
    assert "  CC [M]  /tmp/hello.o\n" in hello.transcript
    assert "  CC      /tmp/builtin/hello.o\n" in hello.transcript
    assert builtin_file("hello") in hello.files


def test_only_the_modules_command_has_the_macro_that_makes_it_one(hello: Build) -> None:
    assert b" -DMODULE " in hello.files[".hello.o.cmd"]


def test_what_is_built_in_has_an_initcall_and_no_struct_module(hello: Build) -> None:
    assert hello.ko is not None
    comparison = compare_builtin(hello.files[builtin_file("hello")], hello.ko)
    alone = {pair.name for pair in comparison.sections if pair.right is None}
    assert {".initcall6.init", ".exitcall.exit"} <= alone
    first = comparison.facets[0]
    assert "`hello_init` (level 6" in first.left
    assert "`hello_init`, by its second name `init_module`" in first.right


def test_what_is_built_in_keeps_the_modules_name(hello: Build) -> None:
    assert read_module(hello.files[builtin_file("hello")]).modinfo.owner == "hello"


SHARED = """\
obj-m += greet.o greet_user.o
always-y += libgreet.so
$(obj)/libgreet.so: $(src)/libgreet.c FORCE
\t$(CC) -shared -fPIC -O2 -o $@ $<
"""


def test_a_shared_library_from_the_same_makefile(tree: KernelTree) -> None:
    names = ("greet.c", "greet_user.c", "libgreet.c")
    files = {name: (DATA / name).read_text() for name in names}
    built = build(tree, Sources.of("greet", {**files, "Makefile": SHARED}))
    assert built.passed, built.transcript
    library = built.files["libgreet.so"]
    assert read_shared(library).needed == ("libc.so.6",)
    answers = {facet.question: facet.right for facet in compare_shared(library, built.modules["greet_user"]).facets}
    assert answers["From whom?"] == "the kernel, and `greet`"
    exports = {export.name: export for export in read_module(built.modules["greet"]).exports}
    assert exports["greet_quietly"].gpl_only
    assert exports["greet_quietly"].namespace == "GREETINGS"
