"""The table of the kernel's functions: each line has a source and a sense, and nothing is guessed."""

from __future__ import annotations

import errno

import pytest

from kmodlab.crash.errnos import errno_name
from kmodlab.tracer.kernel_api import (
    RETURN,
    TABLE,
    FailureValue,
    How,
    as_signed,
    errno_number,
    known_functions,
    parse_functions,
)
from kmodlab.tracer.releases import COMPLETE, COUNTED
from kmodlab.tracer.resources import LOCKS, MODULE_REFERENCE, THREAD
from kmodlab.tracer.wire_format import Allocates, Callback, Frees

ROWS = list(parse_functions(TABLE.read_text()))


def test_every_line_names_the_header_that_it_is_from() -> None:
    assert len(ROWS) > 1000
    without = [row.name for row in ROWS if not row.header.endswith(".h")]
    assert without == []


def test_no_function_has_two_lines() -> None:
    names = [row.name for row in ROWS]
    assert len(names) == len(set(names))


def test_what_can_be_released_can_be_acquired() -> None:
    acquired = {handle.kind for row in ROWS for handle in row.acquires}
    released = {handle.kind for row in ROWS for handle in row.releases}
    assert released <= acquired
    assert acquired >= {THREAD, MODULE_REFERENCE, *LOCKS, *COMPLETE}
    assert {kind for kind in COUNTED if kind not in acquired} == set()


def test_every_kind_of_memory_and_callback_is_in_the_table() -> None:
    assert {row.allocates for row in ROWS} == set(Allocates)
    assert {row.frees for row in ROWS} == set(Frees)
    assert {row.callback for row in ROWS} == set(Callback)


def test_arguments_are_those_in_registers() -> None:
    for row in ROWS:
        numbers = [
            row.frees_argument,
            row.callback_argument,
            row.name_argument,
            row.size or 0,
            row.gfp or 0,
            row.sleeps_by or 0,
        ]
        parts = [part for handle in (*row.acquires, *row.releases) for part in handle.key]
        numbers += [int(number) for part in parts for number in part if number != RETURN]
        assert max(numbers) < 6, row.name
        assert not row.fence or row.size is not None or row.allocates is Allocates.CACHED, row.name


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("kmalloc_trace", 0, "NULL"),
        ("__kmalloc_noprof", 0, "NULL"),
        ("misc_register", -errno.EBUSY, "-EBUSY"),
        ("__class_create", -errno.ENOMEM, "ERR_PTR(-ENOMEM)"),
        ("kthread_create_on_node", -errno.ENOMEM, "ERR_PTR(-ENOMEM)"),
        ("__register_chrdev", -errno.EBUSY, "-EBUSY"),
        ("try_module_get", 0, "NULL"),
        ("dma_map_page_attrs", -1, "~0"),
    ],
)
def test_a_function_fails_as_its_header_says(name: str, value: int, text: str) -> None:
    row = known_functions().find(name)
    assert row is not None and row.can_fail
    assert (row.failure.value, row.failure.text) == (value, text)


def test_a_function_that_is_not_there_is_not_guessed() -> None:
    assert known_functions().find("frobnicate_register") is None
    assert known_functions().find("kmalloc_tracer") is None


def test_a_star_stands_for_all_that_begin_so() -> None:
    row = known_functions().find("_raw_spin_lock_irqsave")
    assert row is not None and not row.can_fail


@pytest.mark.parametrize(
    "line",
    [
        "nonsense",
        "f(a) -ENOSUCH",
        "f(a) perhaps",
        "f(a) NULL acquires=thing@b",
        "f(a) NULL word",
        "f(a) NULL allocates=x",
    ],
)
def test_a_line_without_sense_is_refused(line: str) -> None:
    with pytest.raises((ValueError, KeyError)):
        list(parse_functions(f"[include/linux/f.h]\n{line}\n"))


def test_failures_are_recognised_in_registers() -> None:
    assert FailureValue(How.NULL).errno_in(0) == 0
    assert FailureValue(How.NULL).errno_in(5) is None
    number = FailureValue(How.ERRNO, errno.EBUSY)
    assert number.errno_in(0xFFFFFFF0) == errno.EBUSY
    assert number.errno_in(0xDEADBEEF_00000000) is None
    pointer = FailureValue(How.POINTER, errno.ENOMEM)
    assert pointer.errno_in(2**64 - 12) == errno.ENOMEM
    assert pointer.errno_in(0xFFFFFFF0) is None
    assert pointer.errno_in(2**64 - 4096) is None
    assert FailureValue(How.ALL_ONES).errno_in(2**64 - 1) == 0
    assert FailureValue(How.NEVER).errno_in(2**64 - 1) is None


def test_numbers_and_names_of_errnos_belong_together() -> None:
    assert errno_number(errno_name(errno.ENODEV)) == errno.ENODEV
    assert (errno_name(517), errno_name(3999)) == ("EPROBE_DEFER", "3999")
    assert as_signed(0xFFFFFFFE, 32) == -2
    assert as_signed(2**64 - 2, 64) == -2
