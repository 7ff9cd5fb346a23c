"""What is known of a kernel's names without clangd, and the flags that clangd gets."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from kmodlab.editor.clang_flags import parse_command
from kmodlab.editor.facts import facts_of
from kmodlab.editor.names import find_names
from kmodlab.editor.server import LanguageServer, ServerError
from kmodlab.kernel.tree import KernelTree
from kmodlab.process import run_sync

TEXT = """
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/miscdevice.h>
static int counter_value;
"""


@pytest.mark.parametrize(
    ("prefix", "name"),
    [
        ("pr_inf", "pr_info"),
        ("misc_reg", "misc_register"),
        ("kzal", "kzalloc"),
        ("counter_v", "counter_value"),
        ("usb_submit", "usb_submit_urb"),
    ],
    ids=["macro", "function", "inline function", "own", "exported by a module"],
)
def test_names_come_from_the_included_headers_and_module_symvers(tree: KernelTree, prefix: str, name: str) -> None:
    assert name in find_names(tree, TEXT, prefix)


def test_nothing_is_offered_for_no_word_and_for_headers_that_do_not_exist(tree: KernelTree) -> None:
    assert find_names(tree, TEXT, "") == []
    assert find_names(tree, "#include <linux/no_such.h>\n", "pr_inf") == []


def test_facts_name_header_export_and_sleep(tree: KernelTree) -> None:
    assert list(facts_of("misc_register", tree, "linux/miscdevice.h")) == [
        "Header: #include <linux/miscdevice.h>",
        "Exported with EXPORT_SYMBOL by the kernel itself.",
        "It may sleep: do not call it in an interrupt handler or with a spinlock held.",
    ]
    assert list(facts_of("no_such_name", tree)) == []


def test_what_decides_how_c_is_read_is_kept_of_kbuilds_command() -> None:
    command = (
        "savedcmd_/tmp/a.o := gcc-12 -Wp,-MMD,/tmp/.a.o.d -nostdinc -I./include -I/usr/src/x/include "
        "-include ./a.h -D__KERNEL__ -fconserve-stack -mindirect-branch=thunk-extern -std=gnu11 -Wall "
        "-DKBUILD_MODNAME='\"a\"' -c -o /tmp/a.o /tmp/a.c ; ./tools/objtool/objtool /tmp/a.o\n\nsource := a.c\n"
    )
    expected = ["-nostdinc", "-I/h/include", "-I/usr/src/x/include", "-include", "/h/a.h", "-D__KERNEL__"]
    assert list(parse_command(command, "/h")) == [*expected, "-std=gnu11", "-Wall", '-DKBUILD_MODNAME="a"']


@pytest.mark.parametrize(
    "script",
    ["exit 0", "printf 'no protocol\\n\\n'; sleep 100", "printf 'Content-Length: 99999999999\\r\\n\\r\\n'; sleep 100"],
    ids=["ends", "no protocol", "too long"],
)
def test_a_server_that_ends_or_breaks_the_protocol_is_an_error(script: str, tmp_path: Path) -> None:
    async def ask() -> None:
        server = LanguageServer(lambda _method, _parameters: None, lambda: None)
        await server.start(["sh", "-c", script], environment={"PATH": "/usr/bin:/bin"})
        try:
            await asyncio.wait_for(server.ask("initialize", {}, timeout_s=30), 20)
        finally:
            await server.close()

    with pytest.raises(ServerError):
        run_sync(ask())
