"""What is read out of a guest's memory: records where they make sense, and nothing else, whatever was written there."""

from __future__ import annotations

import asyncio
import random
import struct

from hypothesis import given, settings
from hypothesis import strategies as st
from trace_factory import CODE, FUNCTIONS, SUBJECT, observed

from kmodlab.tracer.plan import Fault, pack_plan
from kmodlab.tracer.step_log import crashes_by_step
from kmodlab.tracer.trace_records import parse_records, read_records
from kmodlab.tracer.troubles import Verdict
from kmodlab.tracer.verdict import find_verdict
from kmodlab.tracer.wire_format import RECORDS_HEAD, Flag, Phase, RecordKind

MAGIC = 0x3152574B
RECORD = struct.Struct("<BBHIQQ6QIBBH40sQ")


def head(count: int, dropped: int = 0, magic: int = MAGIC, size: int = RECORD.size) -> bytes:
    return struct.pack("<6I", magic, size, count, dropped, 3000, 1).ljust(RECORDS_HEAD.size, b"\0")


def packed(kind: int, phase: int = 1, site: int = 0xFFFF, text: bytes = b"") -> bytes:
    return RECORD.pack(kind, phase, site, 7, 1_500_000_000, 3, *range(6), 2, 33, 1, 5, text, 1_500_001_000)


def test_a_record_is_read_field_by_field() -> None:
    (parsed,) = parse_records(head(1), packed(RecordKind.CALL, site=4, text=b"hello\0rest")).all
    assert (parsed.kind, parsed.phase, parsed.site, parsed.pid) == (RecordKind.CALL, Phase.INIT, 4, 7)
    assert (parsed.time_s, parsed.ended_s, parsed.result, parsed.arguments) == (1.5, 1.500001, 3, (0, 1, 2, 3, 4, 5))
    assert (parsed.nth, parsed.flags, parsed.depth, parsed.text) == (2, Flag.RETURNED | Flag.OWN_TASK, 1, "hello")
    assert parsed.function == 5


def test_records_without_sense_are_left_out() -> None:
    body = (
        packed(200) + packed(RecordKind.LIVE, phase=77) + packed(RecordKind.LIVE) + packed(RecordKind.DOUBLE_FREE)[:50]
    )
    records = parse_records(head(9, dropped=5), body)
    assert [record.kind for record in records.all] == [RecordKind.LIVE]
    assert records.dropped == 5


def test_memory_that_holds_something_else_gives_no_records() -> None:
    body = packed(RecordKind.LIVE)
    assert parse_records(b"", body).all == ()
    assert parse_records(head(1, magic=1), body).all == ()
    assert parse_records(head(1, size=8), body).all == ()
    assert len(parse_records(head(2**32 - 1), body * 3).all) == 3


@given(st.binary(max_size=600), st.binary(max_size=2000))
@settings(max_examples=100, deadline=None)
def test_no_bytes_raise_anything(first: bytes, second: bytes) -> None:
    parse_records(first, second)
    forged = parse_records(head(9), second.ljust(RECORD.size * 3, b"\1"))
    find_verdict(SUBJECT, FUNCTIONS, observed(forged.all))


def test_forged_records_of_every_kind_are_judged_without_an_error() -> None:
    dice = random.Random(7)
    for _ in range(60):
        body = b"".join(
            packed(dice.choice(list(RecordKind)), dice.randrange(5), dice.choice([0, 3, 8, 9, 500, 0xFFFF]))
            for _ in range(dice.randrange(40))
        )
        find_verdict(SUBJECT, FUNCTIONS, observed(parse_records(head(40), body).all))


def test_a_guest_without_records_is_never_clean() -> None:
    assert find_verdict(SUBJECT, FUNCTIONS, observed(())).verdict is not Verdict.CLEAN


def test_memory_is_read_as_the_monitor_prints_it() -> None:
    asked = []

    async def monitor(command: str) -> str:
        asked.append(command)
        memory = head(1) if len(asked) == 1 else packed(RecordKind.EXIT)
        words = struct.unpack(f"<{len(memory) // 8}Q", memory)
        lines = [f"{16 * at:016x}: 0x{words[at]:016x} 0x{words[at + 1]:016x}\r\n" for at in range(0, len(words), 2)]
        return "".join(lines)

    records = asyncio.run(read_records(monitor, 0x1000))
    assert [record.kind for record in records.all] == [RecordKind.EXIT]
    assert asked == ["xp/16xg 0x1000", f"xp/{RECORD.size // 8}xg 0x1080"]


def test_a_monitor_that_talks_nonsense_gives_no_records() -> None:
    async def monitor(_command: str) -> str:
        return "0xzz Cannot access memory\r\n0x12"

    assert asyncio.run(read_records(monitor, 0)).all == ()


# ---- crashes -------------------------------------------------------------------------------------------------------


def test_crashes_before_our_first_step_are_not_the_modules() -> None:
    bug = "[ 1.0] divide error: 0000 [#1] PREEMPT SMP\n[ 1.0] RIP: 0010:steps_init+0x5/0x20 [steps]\n"
    assert list(crashes_by_step(bug)) == []
    (crash,) = crashes_by_step(f"{bug}[ 2.0] kmodlab: load\n{bug}")
    assert crash.step == "load"


# ---- the plan ------------------------------------------------------------------------------------------------------


def unpacked(plan: bytes) -> tuple[tuple[int, ...], list[tuple[int, ...]], list[tuple[int, ...]]]:
    header = struct.unpack_from("<I4HIIqI2H56s", plan)
    sections, sites, spots = header[1:4]
    at = struct.calcsize("<I4HIIqI2H56s") + 16 * sections
    site_list = [struct.unpack_from("<14B", plan, at + 14 * number) for number in range(sites)]
    at += 14 * sites
    spot_list = [struct.unpack_from("<IHHHH", plan, at + 12 * number) for number in range(spots)]
    assert len(plan) == at + 12 * spots + 22 * header[9]
    return header, site_list, spot_list


def test_a_plan_watches_every_call_and_what_comes_behind_it() -> None:
    header, sites, spots = unpacked(pack_plan(CODE, FUNCTIONS))
    assert header[0] == 0x314E504B
    assert header[5] == 0xFFFFFFFF and header[11].rstrip(b"\0") == b"steps"  # type: ignore[attr-defined]
    assert len(sites) == len(CODE.sites)
    calls = [spot for spot in spots if spot[3] & 1]
    exits = [spot for spot in spots if spot[3] & 2]
    assert len(calls) == len(sites) and len(exits) == 1
    places = {(spot[1], spot[0]) for spot in spots}
    assert len(places) == len(spots)
    assert all((site.section, site.next_offset) in places for site in CODE.sites if not site.is_jump)


def test_a_fault_is_the_sites_number_its_call_and_the_tables_value() -> None:
    function = FUNCTIONS.find("misc_register")
    assert function is not None
    header, _, _ = unpacked(pack_plan(CODE, FUNCTIONS, Fault(1, 3, function)))
    assert header[5:8] == (1, 3, -16)


def test_a_function_that_is_not_in_the_table_is_only_watched() -> None:
    _, sites, _ = unpacked(pack_plan(CODE, FUNCTIONS))
    unheard = next(number for number, site in enumerate(CODE.sites) if site.symbol == "unheard_of")
    assert sites[unheard][1:8] == (0,) * 7
