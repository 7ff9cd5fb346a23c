"""What is left of a module: calls and resource lists combined, and the line that acquired what is left."""

from __future__ import annotations

from dataclasses import replace

import pytest
from trace_factory import (
    BOX,
    CODE,
    FUNCTIONS,
    LOCK,
    MISC,
    TIMER,
    call,
    gone,
    init,
    line_of,
    loaded_and_unloaded,
    record,
    resources,
    site,
)

from kmodlab.tracer.call_log import Call, calls_made
from kmodlab.tracer.kernel_api import Function
from kmodlab.tracer.leaks import Leak, find_leaks, new_entries, unwaited_timers
from kmodlab.tracer.releases import double_releases
from kmodlab.tracer.resources import ResourceList, name_pattern, parse_resources, resource_kind, resource_title
from kmodlab.tracer.trace_records import PER_SITE, Record, Records
from kmodlab.tracer.wire_format import Flag, Phase, RecordKind

TEXT = """\
==> /proc/devices <==
Character devices:
  1 mem
240 probe_chr

Block devices:
259 blkext
==> /proc/filesystems <==
nodev\tproc
\text4
==> /proc/iomem <==
00000000-00000fff : Reserved
  fed00000-fed003ff : HPET 0
==> names <==
/dev/null
nonsense
==> /proc/modules <==
probe 16384 0 - Live 0xffffffffc0000000 (OE)
"""


def left(records: list[Record], *new: str) -> list[Leak]:
    before, after = parse_resources(resources()), parse_resources(resources(*new))
    return list(find_leaks(CODE, FUNCTIONS, Records(tuple(records)), before, after))


def misc(**more: int) -> Record:
    return call("misc_register", MISC, text="probe_misc", **more)


def test_resources_are_read_entry_by_entry() -> None:
    assert parse_resources(TEXT).entries == {
        "char device 1 mem",
        "char device 240 probe_chr",
        "block device 259 blkext",
        "filesystem proc",
        "filesystem ext4",
        "memory region 00000000-00000fff : Reserved",
        "memory region fed00000-fed003ff : HPET 0",
        "/dev/null",
        "module probe",
    }


@pytest.mark.parametrize("text", ["", "garbage", "==> names <==", "==> /proc/devices <==\n1 mem\n", "==> x <==\n\0\n"])
def test_a_list_without_sense_is_empty(text: str) -> None:
    assert parse_resources(text).entries == frozenset()


def test_two_lists_are_compared() -> None:
    before, after = ResourceList(frozenset({"a", "b"})), ResourceList(frozenset({"b", "c", "module x", "/proc/irq/5"}))
    assert after.since(before) == ("/proc/irq/5", "c", "module x")
    assert new_entries(after, before) == ["c"]


def test_what_the_list_still_shows_is_left_with_the_line_that_got_it() -> None:
    (leak,) = left(loaded_and_unloaded(misc()), "/dev/probe_misc", "/sys/class/misc/probe_misc")
    assert (leak.kind, leak.what, leak.function) == ("misc", "the misc device probe_misc", "misc_register")
    assert leak.line is not None and leak.line.line == line_of("= misc_register")
    assert leak.seen == ("/dev/probe_misc", "/sys/class/misc/probe_misc")
    assert leak.sentence == f"the misc device probe_misc (misc_register), from steps.c:{leak.line.line}"


def test_what_the_list_does_not_show_any_more_was_released_by_the_kernel() -> None:
    assert left(loaded_and_unloaded(misc())) == []


def test_what_was_released_is_not_left_even_if_the_name_is_seen() -> None:
    life = loaded_and_unloaded(misc(), in_exit=[call("misc_deregister", MISC)])
    (leak,) = left(life, "/dev/probe_misc")
    assert (leak.kind, leak.function) == ("entry", None)


def test_a_call_that_failed_acquired_nothing() -> None:
    assert left([*init(misc(result=-16), returns=-16), *gone()]) == []


def test_a_mutex_that_is_still_locked_is_left() -> None:
    (leak,) = left(loaded_and_unloaded(call("mutex_lock", LOCK)))
    assert leak.kind == "mutex" and "still locked" in leak.what
    assert left(loaded_and_unloaded(call("mutex_lock", LOCK), call("mutex_unlock", LOCK))) == []


def test_calls_without_a_record_make_no_false_alarm() -> None:
    often = replace(call("mutex_lock", LOCK), nth=PER_SITE + 1)
    assert left(loaded_and_unloaded(often)) == []


def test_memory_is_listed_by_the_line_that_got_it() -> None:
    pieces = [record(RecordKind.LEAKED, BOX + 4096 * at, 64, 1, site=site("kmalloc_trace")) for at in range(3)]
    (leak,) = left([*loaded_and_unloaded(), *pieces])
    assert leak.what == "3 times 64 bytes of memory"
    assert leak.line is not None and leak.line.line == line_of("return kmalloc_trace")


def test_memory_that_an_unknown_function_got_may_be_kept_by_it() -> None:
    piece = record(RecordKind.LEAKED, BOX, 64, 1, site=site("kmalloc_trace"))
    (leak,) = left([*loaded_and_unloaded(call("unheard_of", BOX)), piece])
    assert leak.sentence.endswith(", unless unheard_of() keeps it")
    (leak,) = left([*loaded_and_unloaded(call("misc_register", BOX), call("misc_deregister", BOX)), piece])
    assert "unless" not in leak.sentence


def timer_call(symbol: str, result: int = 0, *, phase: Phase = Phase.EXIT, interrupts: bool = False) -> Call:
    made = record(RecordKind.CALL, TIMER, phase=phase, result=result & (2**64 - 1))
    flags = Flag.RETURNED | (Flag.IN_INTERRUPT if interrupts else Flag(0))
    place = replace(CODE.sites[site("mod_timer")], symbol=symbol)
    return Call(CODE, place, FUNCTIONS.find(symbol) or Function(symbol, ""), replace(made, flags=flags))


def at(call: Call, time_s: float, ended_s: float = 0.0) -> Call:
    return replace(call, record=replace(call.record, time_s=time_s, ended_s=ended_s))


START = timer_call("mod_timer", phase=Phase.INIT)
AGAIN = timer_call("mod_timer", phase=Phase.LOADED, interrupts=True)


@pytest.mark.parametrize(
    ("calls", "blamed"),
    [
        ([START], "mod_timer"),
        ([START, timer_call("del_timer_sync")], ""),
        ([START, AGAIN, timer_call("timer_delete_sync", 1)], ""),
        ([START, timer_call("del_timer")], "del_timer"),
        ([timer_call("del_timer")], ""),
        ([START, timer_call("del_timer"), timer_call("del_timer_sync")], ""),
        ([START, timer_call("del_timer"), timer_call("synchronize_rcu")], ""),
        ([START, AGAIN, timer_call("timer_delete"), timer_call("synchronize_rcu")], "timer_delete"),
        ([START, timer_call("try_to_del_timer_sync", -1)], "mod_timer"),
        ([START, timer_call("try_to_del_timer_sync", -1), timer_call("try_to_del_timer_sync", 1)], ""),
        ([START, at(timer_call("del_timer_sync"), 4.0, 6.0), at(AGAIN, 5.0)], ""),
        ([START, at(timer_call("del_timer_sync"), 4.0, 6.0), at(AGAIN, 7.0)], "mod_timer"),
    ],
    ids=[f"timer-{number}" for number in range(12)],
)
def test_a_timers_function_must_be_waited_for(calls: list[Call], blamed: str) -> None:
    assert [call.symbol for call in unwaited_timers(calls).values()] == ([blamed] if blamed else [])


def test_what_may_still_run_is_left() -> None:
    start = record(RecordKind.SECTION, 0, 0xFFFFFFFFC0000000)
    active = record(RecordKind.ACTIVE, 1, TIMER, 0xFFFFFFFFC0000000, site=site("mod_timer"))
    thread = record(RecordKind.THREAD, 99, 0, 0x1234, text="probe_thread")
    timer, other = left([start, *loaded_and_unloaded(), active, thread])
    assert timer.what == "the timer that calls steps_init, still pending"
    assert timer.line is not None and timer.line.line == line_of("mod_timer(timer, 100)")
    assert other.what == "the kernel thread probe_thread, still running"


def test_a_module_that_cannot_be_unloaded_is_left_itself() -> None:
    (leak,) = left([*init(), record(RecordKind.LIVE)])
    assert leak.what == "the module itself, still loaded"


def test_new_entries_that_nothing_explains_are_listed_once_for_each_folder() -> None:
    leaks = left(loaded_and_unloaded(), "/proc/probe", "/proc/probe/value")
    assert [leak.what for leak in leaks] == ["the entry /proc/probe"]


def test_only_the_first_load_counts() -> None:
    assert left([*loaded_and_unloaded(), *init(misc()), *gone()], "/dev/probe_misc")[0].kind == "entry"


def test_names_of_printf_match_what_comes_of_them() -> None:
    device = resource_kind("device")
    assert device.matches("/sys/class/probe/probe12", "probe%d")
    assert not device.matches("/sys/class/probe/other", "probe%d")
    assert device.matches("/dev/bus!probe", "bus/probe") and name_pattern("a.b") == "a\\.b"
    assert resource_title("frobnicator") == "the frobnicator"


# ---- released twice -------------------------------------------------------------------------------------------------


def released_twice(*records: Record) -> list[str]:
    calls = calls_made(CODE, FUNCTIONS, Records(records))
    return [f"{release.kind} {release.first.symbol}" for release in double_releases(calls)]


def test_what_is_released_twice_is_noticed() -> None:
    back = call("misc_deregister", MISC)
    assert released_twice(misc(), back, back) == ["misc misc_deregister"]


def test_what_was_acquired_again_may_be_released_again() -> None:
    back = call("misc_deregister", MISC)
    assert released_twice(misc(), back, misc(), back) == []
    assert released_twice(back, back) == []  # somebody else may have registered it
    assert released_twice(misc(), back, call("misc_deregister", MISC + 64)) == []


def test_locks_may_be_released_by_others() -> None:
    back = call("mutex_unlock", LOCK)
    assert released_twice(call("mutex_lock", LOCK), back, back) == []


def test_a_call_that_never_returned_acquired_nothing() -> None:
    pending = replace(misc(), flags=Flag.OWN_TASK, phase=Phase.INIT)
    assert released_twice(pending, call("misc_deregister", MISC)) == []
