"""Mistakes that reports are known for: said of these reports, and of no similar ones."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from crashes import DATA

from kmodlab.crash.meanings import explain_report
from kmodlab.crash.reader import find_crashes
from kmodlab.crash.report import group_repeated

OPEN_FILE = """\
[    3.295116] BUG: unable to handle page fault for address: ffffffffc0488118
[    3.295386] #PF: supervisor read access in kernel mode
[    3.295421] #PF: error_code(0x0000) - not-present page
[    3.301732] Oops: 0000 [#1] PREEMPT SMP NOPTI
[    3.301856] CPU: 0 PID: 113 Comm: rmmod Tainted: G           OE      6.1.0-57-amd64 #1  Debian 6.1.192-3
[    3.302096] RIP: 0010:filp_close+0x1d/0x70
[    3.303143] CS:  0010 DS: 0000 ES: 0000 CR0: 0000000080050033
[    3.303168] CR2: ffffffffc0488118 CR3: 000000000a210000 CR4: 0000000000751ef0
[    3.303350] Call Trace:
[    3.303856]  <TASK>
[    3.304131]  put_files_struct+0x78/0xd0
[    3.304211]  do_exit+0x363/0xb10
[    3.304493]  do_syscall_64+0x5d/0xb0
[    3.305879]  </TASK>
[    3.305932] Modules linked in: overlay squashfs virtio_console [last unloaded: op(OE)]
[    3.306217] CR2: ffffffffc0488118
[    3.306392] ---[ end trace 0000000000000000 ]---"""
OTHERS = {
    "no module was removed": (" [last unloaded: op(OE)]", ""),
    "not in a module's memory": ("ffffffffc0488118", "ff3f6cd782a03800"),
    "in a module": ("filp_close+0x1d/0x70", "filp_close+0x1d/0x70 [op]"),
}


def cause(log: str) -> str:
    (report,) = find_crashes(log)
    assert report.words.endswith(f"{report.cause[1:]}." if report.cause else ".")
    return report.cause


@pytest.mark.parametrize("function", ["filp_close", "__fput", "vfs_read"])
def test_an_open_file_of_a_removed_module_is_traced_to_a_missing_owner(function: str) -> None:
    words = cause(OPEN_FILE.replace("filp_close", function))
    assert "probably of `op`" in words and "`.owner`" in words


def test_what_is_no_file_of_a_removed_module_may_be_anything_else_of_it() -> None:
    words = cause(OPEN_FILE.replace("filp_close", "process_one_work"))
    assert "a removed module, probably of `op`, which left something behind" in words and ".owner" not in words


@pytest.mark.parametrize(("right", "wrong"), OTHERS.values(), ids=OTHERS)
def test_another_fault_has_another_cause(right: str, wrong: str) -> None:
    assert right in OPEN_FILE
    assert cause(OPEN_FILE.replace(right, wrong)) == ""


CAUSES = {
    "kasan": "this is byte 0, counted from 0, of memory that was freed before",
    "kmemleak": "no pointer to this memory is left, and nobody has freed it",
    "lockdep": "two locks are taken in one order here, and in the other order elsewhere",
    "might-sleep": "what is called here may sleep, and it must not",
    "ubsan": "shift exponent 40 is too large for 32-bit type 'int'",
}


@pytest.mark.parametrize("name", CAUSES)
def test_what_a_debug_kernel_reports_is_said_in_words(name: str) -> None:
    (report,) = find_crashes((DATA / "constructed" / f"{name}.txt").read_text().partition("\n\n")[2])
    assert report.cause.startswith(CAUSES[name])


MEANINGS = {
    "nullinit": "the code uses what is 4 bytes after NULL",
    "nullread": "",
    "schedatomic": "what is called here sleeps, and must not",
    "trap": "the compiler puts such a trap",
    "hungtask": "the task waits for a mutex that nobody has unlocked in this time",
    "bugon": "",
    "pagefault": "",
}


@pytest.mark.parametrize("name", MEANINGS)
def test_what_a_report_means_is_said_if_it_is_certain(name: str) -> None:
    report = find_crashes((DATA / "linux-6.1" / f"{name}.txt").read_text())[0]
    assert report.cause.startswith(MEANINGS[name]) and bool(report.cause) is bool(MEANINGS[name])


LINES = {
    "general protection fault, probably for non-canonical address 0xdead000000000100: 0000 [#1]": "`list_del()` wrote",
    "general protection fault, probably for non-canonical address 0xdeae000000000100: 0000 [#1]": "",
    "BUG: unable to handle page fault for address: fffffffffffffff4": "this is no address, but an error pointer",
    "BUG: unable to handle page fault for address: ffffffffffff0ff4": "",
}


@pytest.mark.parametrize("line", LINES)
def test_some_addresses_tell_what_the_mistake_is(line: str) -> None:
    log = OPEN_FILE.replace("BUG: unable to handle page fault for address: ffffffffc0488118", line)
    assert cause(log.replace(" [last unloaded: op(OE)]", "")).startswith(LINES[line])
    assert LINES[line] or not cause(log.replace(" [last unloaded: op(OE)]", ""))


WARNINGS = {
    ("name 'mine'", "remove_proc_entry"): "there is no entry of this name",
    ("remove_proc_entry: removing non-empty directory '/proc/mine', leaking at least 'x'", "remove_proc_entry"): "",
    ("name 'a/b'", "__xlate_proc_name"): "a folder that is in this name",
}


@pytest.mark.parametrize(("sentence", "function"), WARNINGS)
def test_a_warning_is_explained_by_what_it_says_and_where(sentence: str, function: str) -> None:
    (report,) = find_crashes((DATA / "linux-6.1" / "warnexit.txt").read_text())[:1]
    assert report.place is not None
    place = replace(report.place, function=function, module=None)
    assert explain_report(replace(report, sentence=sentence, place=place)).startswith(WARNINGS[sentence, function])
    assert bool(explain_report(replace(report, sentence=sentence, place=place))) is bool(WARNINGS[sentence, function])


def test_reports_that_say_the_same_are_shown_once() -> None:
    log = (DATA / "linux-6.1" / "schedatomic.txt").read_text()
    (report, *others) = find_crashes(log)
    again = replace(report, sentence=re.sub(r"\d+", "7", report.sentence))
    assert group_repeated([report, again, *others, again]) == [(report, 2), *((other, 0) for other in others)]
    assert group_repeated([report, replace(report, trace=report.trace[1:], place=None)]) != [(report, 1)]


@pytest.mark.parametrize(
    ("sentence", "place", "cause"),
    [
        (
            "slab-out-of-bounds",
            "3 bytes to the right of\n 13-byte region",
            "this is 3 bytes beyond",
        ),
        (
            "slab-out-of-bounds",
            "3 bytes to the right of allocated 13-byte region",
            "this is 3 bytes beyond",
        ),
        (
            "slab-out-of-bounds",
            "8 bytes to the left of\n 64-byte region",
            "this is 8 bytes before",
        ),
        (
            "slab-out-of-bounds",
            "13 bytes inside of\n 16-byte region",
            "this is byte 13, counted from 0",
        ),
        (
            "slab-use-after-free",
            "4 bytes inside of freed 64-byte region",
            "this is byte 4, counted from 0",
        ),
        ("double-free", "0 bytes inside of\n 64-byte region", ""),
        ("global-out-of-bounds", "in a variable", ""),
    ],
)
def test_a_kasan_report_says_where_in_the_memory_it_is(sentence: str, place: str, cause: str) -> None:
    head, _, log = (DATA / "constructed" / "kasan.txt").read_text().partition("\n\n")
    assert head and "0 bytes inside of\n[    5.000032]  64-byte region" in log
    log = log.replace("use-after-free", sentence)
    log = log.replace("0 bytes inside of\n[    5.000032]  64-byte region", place.replace("\n", "\n[    5.000032] "))
    (report,) = find_crashes(log)
    assert report.cause.startswith(cause) and bool(report.cause) == bool(cause)


CLASS_GONE = """\
[   11.778863] BUG: kernel NULL pointer dereference, address: 0000000000000070
[   11.779395] #PF: supervisor read access in kernel mode
[   11.779458] #PF: error_code(0x0000) - not-present page
[   11.780442] Oops: 0000 [#1] PREEMPT SMP NOPTI
[   11.780666] CPU: 0 PID: 116 Comm: rmmod Tainted: G           OE      6.1.0-57-amd64 #1  Debian 6.1.192-3
[   11.781086] RIP: 0010:sysfs_delete_link+0x2b/0x60
[   11.783329] CR2: 0000000000000070 CR3: 0000000002a10000 CR4: 0000000000751ef0
[   11.783717] Call Trace:
[   11.784602]  <TASK>
[   11.785147]  device_del+0xe9/0x410
[   11.785370]  device_unregister+0x13/0x60
[   11.785610]  __do_sys_delete_module+0x1b9/0x330
[   11.787063]  </TASK>
[   11.787176] Modules linked in: order(OE-) overlay squashfs
[   11.788092] CR2: 0000000000000070
[   11.788435] ---[ end trace 0000000000000000 ]---"""


def test_a_device_that_is_destroyed_after_its_class_has_its_reason() -> None:
    assert cause(CLASS_GONE).endswith("destroy the devices of a class before the class")
    assert "after NULL" in cause(CLASS_GONE.replace("device_del+0xe9", "bus_remove_device+0xe9"))
