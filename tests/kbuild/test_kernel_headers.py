"""Which header of the kernel has a name, on the lab's kernel."""

from __future__ import annotations

import pytest

from kmodlab.kbuild.hints import find_hint
from kmodlab.kbuild.kernel_headers import KernelHeaders
from kmodlab.kbuild.spot import Spot
from kmodlab.kernel.tree import KernelTree

CODE = b"#include <linux/module.h>\nint f(void)\n{\n    something();\n    return 0;\n}\n"


@pytest.fixture(scope="module")
def headers(tree: KernelTree) -> KernelHeaders:
    return KernelHeaders(tree)


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("hrtimer_start", "linux/hrtimer.h"),
        ("sprintf", "linux/kernel.h"),
        ("filp_open", "linux/fs.h"),
        ("spinlock_t", "linux/spinlock.h"),
        ("loff_t", "linux/types.h"),
        ("atomic_set", "linux/atomic.h"),
        ("ENOTTY", "linux/errno.h"),
        ("IRQF_SHARED", "linux/interrupt.h"),
        ("udelay", "linux/delay.h"),
        ("timer_list", "linux/timer.h"),
        ("_IOR", "linux/ioctl.h"),
        ("init_timer", ""),
        ("such_a_name", ""),
        ("x", ""),
        ("y" * 1000, ""),
        (".*", ""),
    ],
)
def test_the_header_of_a_name_is_the_one_to_include(name: str, header: str, headers: KernelHeaders) -> None:
    assert headers.header_of(name) == header


def test_a_header_that_is_not_there_has_a_namesake_or_a_neighbour(headers: KernelHeaders) -> None:
    assert headers.near("linux/kthreads.h") == "linux/kthread.h"
    assert headers.near("linux/usb/usb.h") == "linux/usb.h"
    assert headers.near("linux/nothing_like_it.h") == ""


def test_the_declaration_of_a_function_is_one_line(headers: KernelHeaders) -> None:
    assert headers.declaration_of("cdev_add") == "int cdev_add(struct cdev *, dev_t, unsigned);"
    assert headers.declaration_of("kmalloc") == "void *kmalloc(size_t size, gfp_t flags);"
    assert headers.declaration_of("such_a_name") == ""


def test_a_structure_is_told_from_other_names(headers: KernelHeaders) -> None:
    assert headers.has_struct("file_operations")
    assert not headers.has_struct("kmalloc")


def hint_for(message: str, headers: KernelHeaders | None) -> str:
    hint = find_hint("gcc", message, spot=Spot({"a.c": CODE}, "a.c", 4, 5, "f", headers=headers))
    return hint.text if hint else ""


def test_a_name_is_told_its_header_and_one_that_no_header_has_is_not(headers: KernelHeaders) -> None:
    words = "implicit declaration of function '{}'"
    assert "#include <linux/completion.h>" in hint_for(words.format("wait_for_completion"), headers)
    assert "Neither your files nor the headers of this kernel have" in hint_for(words.format("something_else"), headers)
    assert "the headers of this kernel have" not in hint_for(words.format("something_else"), None)
    assert "header" not in hint_for("'buffer' undeclared", headers).replace("include the header that has it", "")


def test_a_call_is_told_the_declaration(headers: KernelHeaders) -> None:
    assert "int cdev_add(struct cdev *, dev_t, unsigned);" in hint_for(
        "too few arguments to function 'cdev_add'", headers
    )


def test_a_macro_is_shown_with_its_parameters(headers: KernelHeaders) -> None:
    assert headers.macro_of("module_param") == "module_param(name, type, perm)"
    assert headers.macro_of("get_user") == "get_user(x, ptr)"
    assert headers.macro_of("HZ") == headers.macro_of("no_such_macro") == ""
