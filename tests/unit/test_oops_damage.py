"""Damaged logs: never an exception, doubt with a reason, and no more than a linear amount of work."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kmodlab.evidence.oops.parser import parse_oopses
from kmodlab.evidence.oops.reports import MAX_REPORTS

CASES = Path(__file__).parent.parent / "data" / "oops"
LOGS = [path.read_text().partition("\n\n")[2] for path in sorted(CASES.glob("*.txt"))]
PAGE_FAULT = (CASES / "page_fault.txt").read_text().partition("\n\n")[2]
HEADLINE = next(line for line in PAGE_FAULT.split("\n") if "BUG: " in line)


@given(st.sampled_from(LOGS), st.integers(0, 8000), st.integers(0, 8000))
@settings(max_examples=150, deadline=None)
def test_a_log_may_be_cut_anywhere(log: str, start: int, length: int) -> None:
    for report in parse_oopses(log[start : start + length]):
        assert report.corrupted == (report.reason is not None)


@given(st.lists(st.sampled_from(LOGS), min_size=2, max_size=3), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_lines_of_several_logs_may_be_shuffled_together(logs: list[str], random: object) -> None:
    lines = [line for log in logs for line in log.split("\n")]
    random.shuffle(lines)  # type: ignore[attr-defined]
    parse_oopses("\n".join(lines))


@given(st.sampled_from(LOGS), st.lists(st.tuples(st.integers(0, 8000), st.characters()), max_size=40))
@settings(max_examples=100, deadline=None)
def test_characters_may_be_overwritten(log: str, changes: list[tuple[int, str]]) -> None:
    characters = list(log)
    for place, character in changes:
        characters[place % len(characters)] = character
    parse_oopses("".join(characters))


@given(st.text() | st.binary().map(lambda data: data.decode("utf-8", "replace")))
@settings(max_examples=200, deadline=None)
def test_any_text_is_a_log(text: str) -> None:
    parse_oopses(text)


def test_a_log_that_ends_in_the_trace_is_doubted() -> None:
    end = PAGE_FAULT.index("do_init_module+")
    report = parse_oopses(PAGE_FAULT[: PAGE_FAULT.index("\n", end)])[0]
    assert report.function == "pagefault_init"
    assert report.reason == "the log ends in the middle of the call trace"


def test_a_report_without_its_trace_is_doubted() -> None:
    report = parse_oopses(PAGE_FAULT[: PAGE_FAULT.index("Call Trace")])[0]
    assert report.reason == "the report has no call trace"


def test_a_report_without_any_function_says_so_in_its_title() -> None:
    report = parse_oopses(HEADLINE)[0]
    assert report.title == "BUG: unable to handle kernel paging request in corrupted"
    assert report.function is None
    assert report.corrupted


def test_a_report_whose_start_is_lost_is_still_found() -> None:
    lines = PAGE_FAULT.split("\n")
    start = next(number for number, line in enumerate(lines) if "Oops: 0000" in line)
    report = parse_oopses("\n".join(lines[start:]))[0]
    assert report.function == "pagefault_init"
    assert report.reason == "the start of the report is missing"


def test_lines_that_ran_into_the_trace_are_doubted() -> None:
    place = PAGE_FAULT.index("[", PAGE_FAULT.index("do_one_initcall+"))
    torn = f"{PAGE_FAULT[:place]}[    2.345678] usb 1-1: new device\n{PAGE_FAULT[place:]}"
    assert parse_oopses(torn)[0].reason == "other lines stand between the frames of the call trace"


def test_a_headline_with_a_time_stamp_inside_is_doubted() -> None:
    report = parse_oopses("[    1.0] BUG: Bad rss-counter in [    1.1] usb 1-1: new device\n")[0]
    assert report.reason == "two lines of the log ran into each other"


def test_a_headline_that_is_replayed_counts_once() -> None:
    replay = f"{HEADLINE}\n** replaying previous printk message **\n{PAGE_FAULT}"
    assert len(parse_oopses(replay)) == 1


def test_a_flood_of_warnings_is_bounded() -> None:
    assert len(parse_oopses(PAGE_FAULT * (MAX_REPORTS + 10))) == MAX_REPORTS


def effort(text: str) -> int:
    """How many calls it takes to decode a log."""
    calls = 0

    def count(*_event: object) -> None:
        nonlocal calls
        calls += 1

    sys.setprofile(count)
    try:
        parse_oopses(text)
    finally:
        sys.setprofile(None)
    return calls


@pytest.mark.parametrize(
    "text",
    [
        "[    1.0][  T1] WARNING: lib/debugobjects.c at mm/a.c:1 mm/b.c:2 kmalloc " + "mm/x.c " * 100 + "\n",
        "[    1.0][  T1] INFO: task " + ":1 " * 200 + "\n",
        "[    1.0] BUG: x\n[    1.0] Call Trace:\n[    1.0]  foo+0x1/0x2\n",
        "[    1.0] INFO: hello\n[    1.0] WARNING: hello\n",
        "[" * 3000 + "\n",
        PAGE_FAULT,
    ],
    ids=["warning", "task", "trace", "idle talk", "brackets", "page fault"],
)
def test_the_work_is_linear_in_the_size_of_the_log(text: str) -> None:
    # Reports are bounded in number, so from some size on only the reading of lines grows.
    log = text * max(MAX_REPORTS, 200_000 // len(text))
    assert effort(log * 8) < 10 * effort(log)
