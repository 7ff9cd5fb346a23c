"""The crash reader under damage, in odd surroundings, and its rules: what is a report, and what belongs to it."""

from __future__ import annotations

import itertools
import resource
import string
from collections.abc import Iterator

import pytest
from crashes import DATA
from hypothesis import given, settings
from hypothesis import strategies as st

from kmodlab.crash.guilty import find_guilty
from kmodlab.crash.reader import INTERLEAVED, MAX_REPORTS, MISSING_TRACE, find_reports
from kmodlab.crash.report import Frame, Kind, ReportSeverity

NULL = (DATA / "linux-6.1" / "nullinit.txt").read_text()
TIMER = (DATA / "linux-6.1" / "nulltimer.txt").read_text()
WARNING = (DATA / "linux-6.1" / "warnexit.txt").read_text()
LOGS = [path.read_text() for path in sorted(DATA.glob("*/*.txt"))]
DUMP = """\
[    1.000001] hello: here we are
[    1.000002] CPU: 0 PID: 84 Comm: insmod Tainted: G           O      6.1.0 #1
[    1.000003] Call Trace:
[    1.000004]  <TASK>
[    1.000005]  dump_stack_lvl+0x44/0x5c
[    1.000006]  hello_init+0x10/0x1000 [hello]
[    1.000007]  do_one_initcall+0x59/0x220
[    1.000008]  </TASK>
"""


def test_a_log_without_a_crash_has_no_report() -> None:
    assert find_reports("") == ()
    assert find_reports("[    1.0] hello: loading out-of-tree module taints kernel.\n[    1.1] hello init\n") == ()


HARMLESS = """\
[Firmware Bug]: TSC_DEADLINE disabled due to Errata
ACPI BIOS Error (bug): Could not resolve symbol
a.out[123]: segfault at 0 ip 000055d0 sp 00007ffe error 4 in a.out[55d0+1000]
traps: a.out[123] general protection fault ip:55d0 sp:7ffe error:0 in a.out[1000]
hello: BUG: this is what a module says
hello: WARNING: at line 3 of my plan
hello: Oops, I did it again
usb 1-1: 1234 [5] done
systemd[1]: BUG: unit is broken
Out of memory: Killed process 123 (a.out) total-vm:4kB
hello: refcount_t: is the name of a type
hello: kernel panic is what I am here for
INFO: lockdep is turned off.
watchdog: Disabling watchdog on nohz_full cores by default
BUG: a sentence that no trace follows
"""


@pytest.mark.parametrize("line", HARMLESS.splitlines())
def test_what_only_sounds_like_a_crash_is_none(line: str) -> None:
    assert find_reports(f"[    1.0] before\n[    1.1] {line}\n[    1.2] after\n") == ()


def test_a_trace_that_a_module_prints_is_shown_and_is_no_crash() -> None:
    (report,) = find_reports(DUMP)
    assert (report.kind, report.severity, report.is_crash) == (Kind.TRACE, ReportSeverity.TRACE, False)
    assert find_guilty(report) == Frame("hello_init", 0x10, 0x1000, "hello")
    assert "here we are" not in report.raw


def test_a_trace_of_the_kernel_alone_is_no_report() -> None:
    assert find_reports(DUMP.replace(" [hello]", "")) == ()


def test_a_listing_of_tasks_that_somebody_asked_for_is_no_report() -> None:
    task = "[    1.0] task:kworker/0:1 state:D stack:0 pid:9 ppid:2 flags:0x00004000"
    assert find_reports(f"[    0.9] sysrq: Show State\n{task}\n" + DUMP[DUMP.index("[    1.000003]") :]) == ()


def test_reports_end_where_the_next_one_begins() -> None:
    kinds = [report.kind for report in find_reports(NULL + WARNING + TIMER + DUMP)]
    assert kinds == [Kind.NULL_DEREFERENCE, Kind.WARNING, Kind.NULL_DEREFERENCE, Kind.TRACE]


def test_a_log_that_is_there_twice_has_each_report_once() -> None:
    assert len(find_reports(NULL + NULL)) == 1


def test_the_panic_that_a_crash_brings_about_belongs_to_it() -> None:
    end = "---[ end trace 0000000000000000 ]---"
    panic = "Kernel panic - not syncing: kernel: panic_on_warn set ..."
    (report,) = find_reports(WARNING.replace(end, f"{panic}\n[    4.0] ---[ end {panic} ]---"))
    assert (report.kind, report.severity) == (Kind.WARNING, ReportSeverity.FATAL)
    assert [report.kind for report in find_reports(NULL + "[    9.0] Kernel panic - not syncing: enough\n")] == [
        Kind.NULL_DEREFERENCE,
        Kind.PANIC,
    ]


def test_a_report_tells_the_lines_of_the_log_that_it_stands_on() -> None:
    (report,) = find_reports("nothing\n" * 10 + NULL)
    lines = ("nothing\n" * 10 + NULL).split("\n")
    assert "NULL pointer" in lines[report.first_line - 1]
    assert report.raw.split("\n") == lines[report.first_line - 1 : report.last_line]
    assert report.time_s == pytest.approx(float(lines[report.first_line - 1][1:13]))


def test_registers_are_those_of_the_crash_rather_than_of_the_program() -> None:
    (report,) = find_reports(NULL)
    assert report.registers["RAX"] != "ffffffffffffffda"  # what a system call has failed with
    assert (report.address, report.registers["EFLAGS"]) == (4, "00000246")


def test_the_address_is_that_of_the_fault() -> None:
    """The register dump has another one: looking for the code bytes has faulted too."""
    (report,) = find_reports(TIMER)
    assert report.address == 0
    assert int(report.registers["CR2"], 16) != 0


def test_lines_between_the_frames_are_told() -> None:
    torn = TIMER.replace("]  on_timer", "] usb 1-1: new device\n[    2.4]  on_timer")
    assert torn != TIMER
    clean, doubtful = (
        find_reports(TIMER)[0],
        find_reports(torn.replace("]  __run", "] usb 1-2: new\n[    2.4]  __run"))[0],
    )
    assert clean.doubt == ""
    assert doubtful.doubt == INTERLEAVED
    assert [frame.function for frame in doubtful.trace] == [frame.function for frame in clean.trace]


def test_a_report_that_is_cut_off_says_so() -> None:
    headline = next(line for line in NULL.split("\n") if "NULL pointer" in line)
    assert find_reports(headline)[0].doubt == MISSING_TRACE


def test_no_more_reports_are_read_than_anybody_can_look_at() -> None:
    logs = (NULL.replace("[    ", f"[{number:4}") for number in range(MAX_REPORTS + 20))
    assert len(find_reports("".join(logs))) == MAX_REPORTS


@given(st.sampled_from(LOGS), st.integers(0, 10_000), st.integers(0, 10_000))
@settings(max_examples=150, deadline=None)
def test_any_part_of_a_log_can_be_read(log: str, start: int, length: int) -> None:
    for report in find_reports(log[start : start + length]):
        assert report.sentence and report.first_line <= report.last_line


@given(st.sampled_from(LOGS), st.lists(st.tuples(st.integers(0, 5000), st.sampled_from(string.printable)), max_size=30))
@settings(max_examples=150, deadline=None)
def test_no_damage_raises(log: str, changes: list[tuple[int, str]]) -> None:
    characters = list(log)
    for place, character in changes:
        characters[place % len(characters)] = character
    find_reports("".join(characters))


@given(st.lists(st.sampled_from([line for log in LOGS for line in log.split("\n")]), max_size=80))
@settings(max_examples=100, deadline=None)
def test_lines_in_any_order_can_be_read(lines: list[str]) -> None:
    find_reports(lines)


@given(st.text(max_size=400))
@settings(max_examples=100, deadline=None)
def test_any_text_can_be_read(text: str) -> None:
    find_reports(f"BUG: {text}\nCall Trace:\n{text}")


# Each makes a pattern work hard; all together would take minutes if one of them grew faster than its input.
HOSTILE = [
    "BUG: x " * 500,
    "------------[ cut here ]------------",
    " a+0x1/0x2 " * 300,
    " " * 4000 + "+0x",
    "[<" * 2000 + "+0x",
    "BUG: " + "a: " * 1300,
    "WARNING " + "a b: " * 800,
    "1:00 " * 800 + "Call Trace",
    "BUG [ 1:00" * 400,
    "INFO: inconsistent " + "x " * 2000,
    "CPU: 0 PID: 1 Comm: " + "x " * 2000,
    "CPU: 0 PID: 1 Comm: x Tainted: " + "G " * 2000,
    " f (a:1 " + "b:1 " * 1000,
    "BUG: x in a+0x1/0x2 [" + "a" * 4000,
    ":a" * 2000 + "+0x",
    "<ffffffff81234567>{" * 200,
]


@pytest.mark.parametrize("line", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_lines_take_no_longer_than_others(line: str) -> None:
    """At most a second of processor time for each megabyte."""
    lines = ["BUG: x", "Call Trace:", *[line] * (1_000_000 // len(line))]
    began = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    find_reports(lines)
    assert sum(resource.getrusage(resource.RUSAGE_SELF)[:2]) - began < 3  # a crowded machine is slower


def _endless() -> Iterator[str]:
    for number in itertools.count():
        yield from (f"[{number:5}.123456] usb 1-1: new device number {number}" for _ in range(1000))
        yield from NULL.replace("[    ", f"[{number:4}").split("\n")


def test_a_long_log_needs_the_room_of_one_report() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    reports = find_reports(itertools.islice(_endless(), 300_000))
    assert len(reports) == MAX_REPORTS
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10
