"""Rust's symbols as the compiler mangles them, read back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kmodlab.evidence.oops.parser import parse_oopses
from kmodlab.evidence.oops.rust_names import readable


@pytest.mark.parametrize(
    ("symbol", "name"),
    [
        ("_RNvCs1a_5hello4init", "hello::init"),
        ("_RNvNtCs1a_5hello4ring4push", "hello::ring::push"),
        ("_RNvMNtCs1a_5hello4ringNtB2_4Ring4push", "<hello::ring::Ring>::push"),
        ("_RNvXCs1a_5helloNtB2_5HelloNtCs2b_6kernel6Module4init", "<hello::Hello as kernel::Module>::init"),
        ("_RNCNvCs1a_5hello4init0", "hello::init::{closure#0}"),
        ("_RNCNvCs1a_5hello4inits_0", "hello::init::{closure#1}"),
        ("_RINvCs1a_5hello4swapRShTmQbEE", "hello::swap::<&[u8], (u32, &mut bool)>"),
        ("_RNvCs1a_5hello3_9up", "hello::9up"),
    ],
)
def test_a_mangled_name_becomes_what_stands_in_the_source(symbol: str, name: str) -> None:
    assert readable(symbol) == name


@pytest.mark.parametrize(
    "symbol",
    [
        "hello_init",
        "_R",
        "_RB_",
        "_RNvB_",
        "_RNvC9hello",
        "_RNvC99999_a",
        "_RNvCu5hello1a",
        "_RIC1aANtB_E",
        "_RMMMMMMM",
    ],
)
def test_what_cannot_be_read_stays_as_it_is(symbol: str) -> None:
    assert readable(symbol) == symbol


@given(st.text("NvtCXMYIBE_s0123456789abRSTQ", max_size=60))
def test_no_symbol_is_too_strange(rest: str) -> None:
    assert readable("_R" + rest)


def test_a_function_in_rust_is_named_as_in_its_source() -> None:
    report = parse_oopses("""
[   12.000001] rust_kernel: panicked at hello.rs:12:9:
[   12.000001] attempt to divide by zero
[   12.000002] ------------[ cut here ]------------
[   12.000003] kernel BUG at rust/helpers/bug.c:7!
[   12.000004] Call Trace:
[   12.000005]  <TASK>
[   12.000006]  _RNvCs3c_7___rustc17rust_begin_unwind+0x15b/0x160
[   12.000007]  _RNvNtCs4d_4core9panicking9panic_fmt+0x84/0x90
[   12.000008]  _RNvMNtCs1a_5hello4ringNtB2_4Ring4push+0x44/0x120 [hello]
[   12.000009]  entry_SYSCALL_64_after_hwframe+0x76/0x7e
[   12.000010]  </TASK>
""")[0]
    assert report.title == "attempt to divide by zero in <hello::ring::Ring>::push"
    assert report.function == "<hello::ring::Ring>::push"
    assert (report.offset, report.module) == (0x44, "hello")
