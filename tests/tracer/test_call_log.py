"""Where a module calls the kernel: found in its file, with the line of C, whatever the file is like."""

from __future__ import annotations

import pytest
from trace_factory import BOX, CODE, FOLDER, FUNCTIONS, call, init, line_of

from kmodlab.crash.source_location import SourceLine
from kmodlab.tracer.call_log import calls_made, site_line, source_name
from kmodlab.tracer.call_sites import Code
from kmodlab.tracer.trace_records import Records
from kmodlab.tracer.wire_format import Flag, Phase, RecordKind


def test_every_call_is_found_with_its_line() -> None:
    sites = [(site.symbol, CODE.line(site.section, site.offset)) for site in CODE.sites]
    lines = [(symbol, line.line if line else None) for symbol, line in sites]
    assert lines == [
        ("kmalloc_trace", line_of("return kmalloc_trace")),
        ("misc_register", line_of("= misc_register")),
        ("mutex_lock", line_of("mutex_lock(lock);")),
        ("mod_timer", line_of("mod_timer(timer, 100)")),
        ("unheard_of", line_of("unheard_of();")),
        ("mutex_unlock", line_of("mutex_unlock(lock);")),
        ("kfree", line_of("kfree(box);")),
        ("misc_deregister", line_of("misc_deregister(misc);")),
        ("kfree", line_of("misc_deregister(misc);") + 1),
        ("", line_of("last_word();")),
    ]


def test_the_functions_have_the_names_that_their_author_gave_them() -> None:
    assert CODE.init_place == (0, 0)
    frame = CODE.frame(0, 5)
    assert frame is not None and (frame.function, frame.module) == ("steps_init", "steps")
    assert CODE.frame(0, 10_000) is None


def test_a_jump_to_a_pointer_at_the_end_of_a_function_is_found() -> None:
    assert CODE.exit_place is not None and CODE.init_place is not None
    (place,) = CODE.tail_jumps(*CODE.exit_place)
    line = CODE.line(*place)
    assert line is not None and line.line == line_of("last_word();")
    assert CODE.tail_jumps(*CODE.init_place) == []


def test_damaged_files_have_no_calls() -> None:
    whole = (FOLDER / "steps.ko").read_bytes()
    for size in range(0, len(whole), 401):
        code = Code(whole[:size])
        assert all(isinstance(site.symbol, str) for site in code.sites)
    for at in range(0, len(whole), 509):
        damaged = Code(whole[:at] + b"\xff" * 8 + whole[at + 8 :])
        for site in damaged.sites:
            damaged.line(site.section, site.offset)
    assert Code(b"").sites == Code(b"\x7fELF").sites == ()


def test_a_call_knows_whether_it_failed_and_whose_it_was() -> None:
    records = init(
        call("kmalloc_trace", 0, 0xCC0, 64, result=BOX),
        call("misc_register", result=-16),
        call("mod_timer", flags=Flag.RETURNED | Flag.IN_INTERRUPT),
        call("unheard_of", flags=Flag(0)),
    )
    box, misc, timer, unheard = calls_made(CODE, FUNCTIONS, Records(tuple(records)))
    assert (box.failed, box.errno, box.in_init) == (False, None, True)
    assert (misc.failed, misc.errno) == (True, 16)
    assert not timer.in_init
    assert not unheard.returned and not unheard.failed and not unheard.function.can_fail


@pytest.mark.parametrize(
    ("flags", "gfp", "wrong"),
    [
        (Flag.RETURNED | Flag.ATOMIC, 0xCC0, True),
        (Flag.RETURNED | Flag.ATOMIC, 0x820, False),
        (Flag.RETURNED, 0xCC0, False),
    ],
)
def test_an_allocation_that_may_sleep_is_wrong_only_where_one_must_not(flags: Flag, gfp: int, wrong: bool) -> None:
    records = init(call("kmalloc_trace", 0, gfp, 64, result=BOX, flags=flags))
    (allocation,) = calls_made(CODE, FUNCTIONS, Records(tuple(records)))
    assert allocation.slept_in_atomic is wrong


def test_records_of_sites_that_do_not_exist_are_left_out() -> None:
    forged = [call("kfree", BOX), *init()]
    forged[0] = forged[0].__class__(**{**vars(forged[0]), "site": 500})
    assert calls_made(CODE, FUNCTIONS, Records(tuple(forged))) == ()
    assert site_line(CODE, 500) is None and site_line(CODE, None) is None
    assert forged[0].kind is RecordKind.CALL and forged[0].phase is Phase.INIT


def test_the_name_is_the_one_in_the_source() -> None:
    first = CODE.sites[0]
    assert source_name(CODE, first, FUNCTIONS.find(first.symbol)) == "kmalloc_trace"


class InlinedCode(Code):
    """Code in which a header's function is inlined at every place."""

    def lines(self, section: int, offset: int) -> tuple[SourceLine, ...]:
        header = SourceLine("device.h", 7, "__devm_add_action_or_reset", True, False, "/usr/src/device.h")
        return (header, SourceLine("probe.c", 1, "probe", False, True, "/tmp/probe.c"))


@pytest.mark.parametrize(
    ("text", "name"),
    [("err = devm_add_action_or_reset(dev, undo, NULL);", "devm_add_action_or_reset"), ("err = other_macro(dev);", "")],
)
def test_a_function_that_a_macro_of_its_name_calls_has_the_macros_name(text: str, name: str) -> None:
    code = InlinedCode(b"", {"probe.c": text.encode()})
    assert source_name(code, CODE.sites[0], None) == (name or "__devm_add_action_or_reset")
