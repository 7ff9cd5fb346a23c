"""Crashes that really happened: guests with small modules of ours, one file a case in tests/data/oops."""

from __future__ import annotations

from pathlib import Path

import pytest

from kmodlab.evidence.oops.parser import parse_oopses
from kmodlab.evidence.oops.types import Kind

CASES = Path(__file__).parent.parent / "data" / "oops"


def read_case(name: str) -> tuple[dict[str, str], str]:
    """The expected fields of a case, and its raw text."""
    head, _, text = (CASES / name).read_text().partition("\n\n")
    return dict(line.split(": ", 1) for line in head.split("\n")), text


def names() -> list[str]:
    return sorted(path.name for path in CASES.glob("*.txt"))


@pytest.mark.parametrize("name", names())
def test_a_real_crash_is_decoded(name: str) -> None:
    expected, text = read_case(name)
    reports = parse_oopses(text)
    first = reports[0]
    found = {
        "title": first.title,
        "kind": str(first.kind),
        "function": first.function,
        "module": first.module,
        "rip": first.rip,
        "process": first.process,
        "cpu": None if first.cpu is None else str(first.cpu),
        "taint": "".join(taint.letter for taint in first.taint) or None,
        "corrupted": "yes" if first.corrupted else "no",
        "reports": str(len(reports)),
    }
    calls = expected.pop("calls", "").split()
    assert {key: value for key, value in found.items() if value is not None} == expected
    assert list(dict.fromkeys(frame.function for frame in first.trace if frame.reliable))[: len(calls)] == calls


def test_the_culprit_has_its_place_in_the_function() -> None:
    report = parse_oopses(read_case("list_corruption.txt")[1])[0]
    assert (report.function, report.offset, report.size, report.module) == ("drop", 0x11, 0xFFB, "listbad")


def test_the_faulting_address_is_among_the_registers() -> None:
    registers = parse_oopses(read_case("page_fault.txt")[1])[0].registers
    assert registers["CR2"].startswith("ffff9999")
    assert {"RAX", "RSP", "R15", "EFLAGS"} <= registers.keys()
    assert registers["RSP"].startswith("ff")  # the kernel's, not the program's


def test_taint_letters_come_with_words() -> None:
    words = {taint.letter: taint.meaning for taint in parse_oopses(read_case("bug_on.txt")[1])[0].taint}
    assert words["O"] == "a module built outside the kernel tree is loaded"


def test_a_report_knows_its_lines_in_the_log() -> None:
    _, text = read_case("warning_in_exit.txt")
    report = parse_oopses(text)[0]
    assert report.raw == "\n".join(text.split("\n")[report.first_line - 1 : report.last_line])
    assert "WARNING: CPU: 0 PID:" in report.raw.split("\n")[0]


def test_doubted_stack_entries_are_kept_apart() -> None:
    trace = parse_oopses(read_case("panic.txt")[1])[0].trace
    assert any(not frame.reliable for frame in trace)
    assert [frame.function for frame in trace if frame.module == "panics"] == ["panics_init"]


def test_a_panic_that_ends_a_crash_is_no_crash_of_its_own() -> None:
    _, text = read_case("bug_on.txt")
    text += "[   99.000000] Kernel panic - not syncing: Fatal exception\n"
    assert [report.kind for report in parse_oopses(text)] == [Kind.BUG]


def test_a_log_without_a_crash_has_no_reports() -> None:
    assert parse_oopses("[    1.000000] hello: loading out-of-tree module taints kernel.\n[    1.1] hello init\n") == ()
    assert parse_oopses("") == ()


def test_a_module_may_print_the_words_of_a_report() -> None:
    idle = "".join(f"[    2.{number:06}] INFO: step {number} WARNING: not really\n" for number in range(300))
    assert parse_oopses(idle) == ()
    _, text = read_case("divide_error.txt")
    assert [report.kind for report in parse_oopses(idle + text)] == [Kind.DIVIDE_ERROR]


def test_each_of_several_crashes_is_reported_in_order() -> None:
    logs = [read_case(name)[1] for name in ("warning_in_exit.txt", "divide_error.txt", "unknown_symbol.txt")]
    assert [report.kind for report in parse_oopses("".join(logs))] == [
        Kind.WARNING,
        Kind.DIVIDE_ERROR,
        Kind.UNKNOWN_SYMBOL,
    ]


def test_what_a_case_expects_is_not_taken_for_a_log() -> None:
    (report,) = parse_oopses((CASES / "bug_on.txt").read_text())
    assert "kernel BUG at bugon.c" in report.raw.split("\n")[0]


def test_a_refusal_that_is_printed_twice_counts_once() -> None:
    line = "[    1.0] hello: Unknown symbol nope (err -2)\n"
    assert len(parse_oopses(line + line.replace("1.0", "1.1"))) == 1
