"""The verdict on a run, from what was observed of it: what init returned, what it left, whether it crashed or hung."""

from __future__ import annotations

from dataclasses import replace
from errno import EUSERS
from typing import Any

import pytest
from trace_factory import (
    BOX,
    CODE,
    EBUSY,
    ENOMEM,
    FUNCTIONS,
    MISC,
    SOURCE,
    SUBJECT,
    TIMER,
    call,
    gone,
    init,
    line_of,
    loaded_and_unloaded,
    observed,
    record,
    resources,
    site,
)

from kmodlab.errors import EndKind, GuestEnd
from kmodlab.tracer.call_log import calls_made
from kmodlab.tracer.call_sites import Code
from kmodlab.tracer.leaks import left_after_cycles, level_after_cycles
from kmodlab.tracer.observe import RunStep
from kmodlab.tracer.return_check import check_return, return_line
from kmodlab.tracer.trace_records import Record, Records
from kmodlab.tracer.troubles import Verdict
from kmodlab.tracer.verdict import Finding, find_verdict
from kmodlab.tracer.wire_format import Flag, Phase, RecordKind

INJECTED = Flag.RETURNED | Flag.OWN_TASK | Flag.INJECTED


PLAIN = find_verdict(SUBJECT, FUNCTIONS, observed(loaded_and_unloaded()))


def verdict(records: list[Record], log: str = "", **more: Any) -> Finding:
    return find_verdict(SUBJECT, FUNCTIONS, observed(records, log, **more), PLAIN)


def failed(symbol: str, result: int, returns: int, *others: Record) -> list[Record]:
    return [*init(call(symbol, result=result, flags=INJECTED), *others, returns=returns), *gone()]


def oops(title: str, function: str = "steps_init", cr2: int = 0) -> str:
    time_s = record(RecordKind.LIVE).time_s
    lines = [
        title,
        f"RIP: 0010:{function}+0x12/0x7f [steps]" if function in SOURCE else f"RIP: 0010:{function}",
        f"CR2: {cr2:016x}",
        "Call Trace:",
        " <TASK>",
        " do_one_initcall+0x56/0x230",
        " </TASK>",
        "---[ end trace 0000000000000000 ]---",
    ]
    return "\n".join([f"[{0.0001:12.6f}] kmodlab: load", *(f"[{time_s:12.6f}] {line}" for line in lines)])


NULL = "BUG: kernel NULL pointer dereference, address: 0000000000000008"


def test_a_life_without_trouble_is_clean() -> None:
    finding = verdict(loaded_and_unloaded())
    assert (finding.verdict, finding.init_returned, finding.troubles, finding.exit_ran) == (Verdict.CLEAN, 0, (), False)


@pytest.mark.parametrize(
    ("symbol", "result", "returns", "wanted", "says"),
    [
        ("misc_register", -EBUSY, -EBUSY, Verdict.CLEAN, ""),
        ("kmalloc_trace", 0, -ENOMEM, Verdict.CLEAN, ""),
        ("misc_register", -EBUSY, 0, Verdict.WRONG_RETURN, "0 although misc_register failed"),
        ("misc_register", -EBUSY, EBUSY, Verdict.WRONG_RETURN, "the sign is missing (-EBUSY is -16)"),
        ("misc_register", -EBUSY, -1, Verdict.WRONG_RETURN, "a bare -1 (-EPERM)"),
        ("misc_register", -EBUSY, -22, Verdict.WRONG_RETURN, "-EBUSY would be right"),
        ("kmalloc_trace", 0, -5, Verdict.WRONG_RETURN, "-ENOMEM would be right"),
        ("misc_register", -EUSERS, -EUSERS, Verdict.CLEAN, ""),
        ("misc_register", -EUSERS, -EBUSY, Verdict.WRONG_RETURN, "misc_register failed with -EUSERS; its own error"),
        ("misc_register", -EBUSY, -100_000, Verdict.WRONG_RETURN, "not an errno"),
    ],
)
def test_init_must_return_the_errno_that_it_got(
    symbol: str, result: int, returns: int, wanted: Verdict, says: str
) -> None:
    finding = verdict(failed(symbol, result, returns))
    assert finding.verdict is wanted and says in finding.sentence
    assert finding.init_returned == returns
    if says:
        assert finding.line is not None and finding.line.line == line_of(
            "return kmalloc_trace" if symbol[0] == "k" else "= misc_"
        )


def test_another_errno_that_is_meant_is_right() -> None:
    text = SOURCE.replace("\treturn error;", "\treturn -22; /* mapped: -22, -EINVAL */")
    records = Records(tuple(failed("misc_register", -EBUSY, -22)))
    for name in ("-EINVAL", "-E2BIG"):
        code = Code(CODE.ko, {"steps.c": text.replace("-EINVAL", name).encode()})
        wrong = check_return(-22, calls_made(code, FUNCTIONS, records), code)
        assert (wrong is None) is (name == "-EINVAL")


def test_a_call_that_is_made_again_is_a_second_try() -> None:
    again = call("misc_register", MISC)
    assert verdict([*failed("misc_register", -EBUSY, 0, again)[:-2], *gone()]).verdict is Verdict.CLEAN


def test_the_return_statement_is_found_in_the_text() -> None:
    def line(returned: int) -> int:
        source_line = return_line(CODE, returned)
        assert source_line is not None
        return source_line.line

    assert line(-12) == line_of("return -12;")
    assert line(0) == line_of("return 0;")
    assert line(-999) == line_of("return error;")
    assert return_line(Code(CODE.ko), 0) is None
    assert return_line(Code(b""), 0) is None


# ---- crashes and hangs ---------------------------------------------------------------------------------------------


def test_a_crash_is_put_on_its_line() -> None:
    finding = verdict(init()[:-1], oops(NULL))
    assert finding.verdict is Verdict.CRASHES and finding.init_returned is None
    assert finding.line is not None and finding.line.line == line_of("init_code int steps_init") + 4


def test_a_crash_in_freed_memory_tells_where_it_was_freed() -> None:
    got = call("kmalloc_trace", 0, 0xCC0, 64, result=BOX)
    log = oops("BUG: unable to handle page fault for address: x", cr2=BOX + 4)
    line = line_of("kfree(box);")
    finding = verdict(init(got, call("kfree", BOX))[:-1], log)
    assert finding.sentence.startswith(f"use after free: the memory was freed on line {line}")
    unsure = [verdict(init(call("kfree", BOX))[:-1], log), verdict(init(got, call("kfree", BOX - 4096))[:-1], log)]
    for finding in unsure:
        assert finding.sentence.startswith(f"perhaps a use after free: line {line} freed memory near this address")


def test_a_crash_behind_memory_tells_who_got_it() -> None:
    got = call("kmalloc_trace", 0, 0xCC0, 64, result=BOX + 4096 - 64)
    finding = verdict(init(got)[:-1], oops("BUG: unable to handle page fault for address: x", cr2=BOX + 4096))
    assert finding.sentence.startswith("an access beyond the end of the 64 bytes that line")
    got = call("kmalloc_trace", 0, 0x820, 64, result=BOX + 4096 - 64)  # GFP_ATOMIC: no page after it is unmapped
    finding = verdict(init(got)[:-1], oops("BUG: unable to handle page fault for address: x", cr2=BOX + 4096))
    assert finding.sentence.startswith("perhaps an access beyond the end of the memory that line")


def test_a_jump_to_nowhere_at_the_end_of_exit_is_put_on_its_line() -> None:
    life = loaded_and_unloaded()[:-2]
    finding = verdict(life, oops(NULL, "0x0").replace("load", "unload"))
    assert finding.line is not None and finding.line.line == line_of("last_word();")


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        (RecordKind.DOUBLE_FREE, "a double free of memory"),
        (RecordKind.INVALID_FREE, "not the beginning of the memory"),
        (RecordKind.OVERRUN, "beyond the end of the 64 bytes"),
        (RecordKind.WRITE_AFTER_FREE, "use after free: a write to the memory that line"),
        (RecordKind.FREED_ACTIVE, "memory is freed while the timer in it is pending"),
    ],
)
def test_damage_that_the_kernel_does_not_notice_is_a_crash(kind: RecordKind, says: str) -> None:
    first = 1 if kind is RecordKind.FREED_ACTIVE else BOX
    damage = record(kind, first, 64, site("kmalloc_trace"), site=site("kfree"))
    finding = verdict([*loaded_and_unloaded(), damage])
    assert finding.verdict is Verdict.CRASHES and says in finding.sentence
    assert finding.line is not None and finding.line.line == line_of("kfree(box);")


def test_what_is_released_twice_is_a_crash() -> None:
    back = call("misc_deregister", MISC)
    finding = verdict(loaded_and_unloaded(call("misc_register", MISC), in_exit=[back, back]))
    assert finding.verdict is Verdict.CRASHES
    assert finding.sentence.startswith("the misc device is released twice; line")


def test_an_init_that_never_ends_hangs_where_it_waits() -> None:
    waiting = replace(call("mutex_lock", flags=Flag.OWN_TASK))
    elsewhere = call("kfree", BOX, flags=Flag(0))
    records = init(waiting, elsewhere)[:-1]
    finding = verdict(records, timed_out=True, steps=(RunStep("resources", ("before",), resources()), RunStep("load")))
    assert (finding.verdict, finding.sentence) == (Verdict.HANGS, "init never ends")
    assert finding.line is not None and finding.line.line == line_of("mutex_lock(lock);")


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [(EndKind.HANG, Verdict.HANGS), (EndKind.POWER_OFF, Verdict.CRASHES), (EndKind.REBOOT, Verdict.CRASHES)],
)
def test_a_guest_that_ended_is_never_clean(kind: EndKind, wanted: Verdict) -> None:
    steps = (RunStep("resources", ("before",), resources()), RunStep("load"))
    finding = verdict(init(call("unheard_of", flags=Flag.OWN_TASK))[:-1], end=GuestEnd(kind, ""), steps=steps)
    assert finding.verdict is wanted
    assert finding.line is not None and finding.line.line == line_of("unheard_of();")


def test_what_the_loader_refuses_did_not_run() -> None:
    steps = (RunStep("load", (), "insmod: Unknown symbol"), RunStep("loaded", ("1",)), RunStep("end"))
    finding = find_verdict(SUBJECT, FUNCTIONS, observed((), steps=steps))
    assert (finding.verdict, finding.sentence) == (Verdict.REFUSED, "it cannot be loaded: insmod: Unknown symbol")


@pytest.mark.parametrize("last", ["where", "load", "settle", "unload"])
def test_a_run_that_broke_off_is_not_clean(last: str) -> None:
    finding = find_verdict(SUBJECT, FUNCTIONS, observed(init(), steps=(RunStep(last, (), "zz"),)))
    assert finding.verdict is Verdict.UNSEEN
    assert last in finding.sentence


def test_records_that_were_dropped_are_said_to_be_missing() -> None:
    observation = observed(loaded_and_unloaded())
    finding = find_verdict(SUBJECT, FUNCTIONS, replace(observation, records=replace(observation.records, dropped=9)))
    assert "9 of its calls" in finding.doubt
    assert finding.verdict is Verdict.UNSEEN


def test_exit_that_ran_although_init_failed_is_told() -> None:
    exit_called = record(RecordKind.EXIT)
    finding = verdict([*init(exit_called, returns=-12), *gone()])
    assert finding.exit_ran and finding.init_returned == -12


# ---- the second load -----------------------------------------------------------------------------------------------

FAILED_CLEANLY = ("misc_register", -EBUSY, -EBUSY)


def reloaded(*, returns: int = 0, in_exit: bool = True) -> list[Record]:
    """A second load, whose exit does not return."""
    exits = [record(RecordKind.LIVE), record(RecordKind.EXIT, phase=Phase.EXIT)] if in_exit else []
    return [*init(returns=returns), *exits]


def with_second_load(*ends: RunStep) -> tuple[RunStep, ...]:
    steps = observed(()).steps
    return (*steps[:3], steps[5], RunStep("reload"), *ends)


def later_oops(step: str) -> str:
    """An oops after all records so far, in a step."""
    return oops(NULL, "steps_exit").replace("kmodlab: load", f"kmodlab: {step}")


def test_a_crash_in_the_exit_of_the_second_load_is_not_the_faults() -> None:
    records = [*failed(*FAILED_CLEANLY), *reloaded()]
    finding = verdict(records, later_oops("reloaded"), steps=with_second_load(RunStep("reloaded", ("0",))))
    assert (finding.verdict, finding.troubles, finding.reloads) == (Verdict.CLEAN, (), True)
    (trouble,) = finding.later
    assert trouble.in_exit and trouble.line is not None and trouble.line.line > line_of("exit_code void steps_exit")


def test_an_exit_of_the_second_load_that_never_ends_is_not_the_faults() -> None:
    records = [*failed(*FAILED_CLEANLY), *reloaded()]
    finding = verdict(records, steps=with_second_load(RunStep("reloaded", ("0",))), timed_out=True)
    assert finding.verdict is Verdict.CLEAN
    assert [trouble.sentence for trouble in finding.later if trouble.in_exit] == ["exit never ends"]


def test_a_second_load_that_fails_shows_what_the_fault_left_behind() -> None:
    records = [*failed(*FAILED_CLEANLY), *reloaded(returns=-17, in_exit=False)]
    finding = verdict(records, steps=with_second_load(RunStep("reloaded", ("1",)), RunStep("end")))
    assert finding.verdict is Verdict.LEAKS and "cannot be loaded again" in finding.sentence


def test_without_a_fault_what_is_pending_in_the_second_load_counts() -> None:
    active = record(RecordKind.ACTIVE, 1, TIMER, 0, site=site("mod_timer"))
    freed = record(RecordKind.FREED_ACTIVE, 1, TIMER, 0, site=site("kfree"), phase=Phase.EXIT)
    records = [*loaded_and_unloaded(), *reloaded(), freed, active, *gone(), *reloaded(), freed, active, *gone()]
    steps = (*with_second_load(RunStep("reloaded", ("0",)), RunStep("reunloaded", ("0",)), RunStep("end")),)
    finding = find_verdict(SUBJECT, FUNCTIONS, observed(records, steps=steps))
    assert [trouble.verdict for trouble in finding.troubles] == [Verdict.CRASHES, Verdict.LEAKS]
    assert finding.troubles[0].in_exit
    failing = [*failed(*FAILED_CLEANLY), *reloaded(), freed, active, *gone()]
    finding = verdict(failing, steps=steps)
    assert (finding.verdict, finding.leaks) == (Verdict.CLEAN, ())


def test_without_a_fault_the_second_load_counts() -> None:
    records = [*loaded_and_unloaded(), *reloaded()]
    steps = (*observed(()).steps[:6], RunStep("reload"), RunStep("reloaded", ("0",)))
    finding = find_verdict(SUBJECT, FUNCTIONS, observed(records, later_oops("reloaded"), steps=steps))
    assert finding.verdict is Verdict.CRASHES and finding.troubles[0].in_exit


def test_a_crash_in_exit_that_has_nothing_to_do_with_the_fault_is_told_once() -> None:
    def life(*calls: Record) -> Finding:
        records = [*loaded_and_unloaded(*calls)[:-2]]
        log = oops(NULL, "steps_exit").replace("kmodlab: load", "kmodlab: unload")
        return find_verdict(SUBJECT, FUNCTIONS, observed(records, log, steps=observed(()).steps[:4]), None)

    plain = life()
    assert plain.verdict is Verdict.CRASHES and plain.troubles[0].in_exit
    optional = life(call("kmalloc_trace", result=0, flags=INJECTED)).apart_from(plain)
    assert [trouble.verdict for trouble in optional.troubles] == [Verdict.WRONG_RETURN]


def test_what_crashes_after_a_faulty_exit_is_not_the_faults() -> None:
    active = record(RecordKind.ACTIVE, 1, TIMER, 0, site=site("mod_timer"))
    optional = call("kmalloc_trace", result=0, flags=INJECTED)

    def life(*calls: Record, pending: Record = active) -> tuple[list[Record], str]:
        records = [*loaded_and_unloaded(*calls)[:-2], pending, *gone()]
        return records, oops(NULL, "0x0").replace("kmodlab: load", "kmodlab: resources after")

    plain = find_verdict(SUBJECT, FUNCTIONS, observed(life()[0]))
    assert plain.verdict is Verdict.LEAKS
    records, log = life(optional)
    finding = find_verdict(SUBJECT, FUNCTIONS, observed(records, log), plain)
    assert [trouble.verdict for trouble in finding.troubles] == [Verdict.WRONG_RETURN]
    assert Verdict.CRASHES in {trouble.verdict for trouble in verdict(records, log).troubles}


def test_what_exit_forgets_is_still_missed_when_init_forgets_it_too() -> None:
    leak = call("misc_register", MISC)
    plain = find_verdict(SUBJECT, FUNCTIONS, observed(loaded_and_unloaded(leak), after=resources("/dev/box")))
    records = failed("kmalloc_trace", 0, -ENOMEM, leak)
    finding = find_verdict(SUBJECT, FUNCTIONS, observed(records, after=resources("/dev/box")), plain)
    assert (plain.verdict, finding.verdict) == (Verdict.LEAKS, Verdict.LEAKS)


# ---- many loads in a row -------------------------------------------------------------------------------------------


def test_many_loads_are_level_when_the_resources_are_the_same() -> None:
    observation = observed(loaded_and_unloaded())
    assert observation.cycles_done is None and level_after_cycles(observation) is None

    def after(entries: str) -> bool | None:
        steps = (
            *observation.steps,
            RunStep("cycle"),
            RunStep("cycled", ("100",)),
            RunStep("resources", ("cycled",), entries),
        )
        many = replace(observation, steps=steps)
        assert many.cycles_done == 100
        left.append(left_after_cycles(CODE, FUNCTIONS, many))
        return level_after_cycles(many)

    left: list[str] = []
    assert after(resources()) is True
    assert left_after_cycles(CODE, FUNCTIONS, observation) == ""
    assert after(resources("/sys/kernel/irq/5")) is True
    assert after(resources("/proc/probe", "/dev/probe")) is False
    assert left == ["", "", "the entry /dev/probe, the entry /proc/probe"]


def test_memory_of_many_loads_is_put_on_its_line() -> None:
    leaked = record(RecordKind.LEAKED, BOX, 64, 1, site=site("kmalloc_trace"))
    words = left_after_cycles(CODE, FUNCTIONS, observed([*loaded_and_unloaded(), leaked, leaked]))
    assert words == f"memory (kmalloc_trace), from steps.c:{line_of('return kmalloc_trace')}"


def test_phases_and_steps_agree() -> None:
    sleeping = call("mutex_lock", flags=Flag.RETURNED | Flag.ATOMIC | Flag.OWN_TASK, phase=Phase.LOADED)
    finding = verdict([*loaded_and_unloaded(), sleeping])
    assert finding.troubles[0].step == "settle"
    assert "may sleep, but is called in atomic context" in finding.sentence
