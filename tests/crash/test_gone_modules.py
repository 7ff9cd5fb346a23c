"""Crashes because of a module that is gone: who is named, and who is not blamed for it; threads that have ended."""

from __future__ import annotations

import pytest

from kmodlab.crash.guilty import find_guilty, find_guilty_line
from kmodlab.crash.meanings import gone_module
from kmodlab.crash.reader import find_reports
from kmodlab.crash.report import Report

# Linux 6.1, a timer of an unloaded module in the same list as that of the agent's port (arch/x86/mm/fault.c).
STALE = """\
[    3.182868] BUG: unable to handle page fault for address: {address}
[    3.182982] #PF: supervisor write access in kernel mode
[    3.183048] #PF: error_code(0x0002) - {present}
[    3.183122] PGD a214067 P4D a215067 PUD a217067 PMD 18da067 PTE 0
[    3.183679] Oops: 0002 [#1] PREEMPT SMP NOPTI
[    3.183796] CPU: 0 PID: 103 Comm: agent Tainted: G           OE      6.1.0-57-amd64 #1  Debian 6.1.192-3
[    3.183996] RIP: 0010:{place}
[    3.184665] RSP: 0018:ff5062b3c0083db0 EFLAGS: 00000082
[    3.184931] CR2: {address} CR3: 0000000002a8e000 CR4: 0000000000751ef0
[    3.185123] Call Trace:
[    3.185594]  <TASK>
[    3.185825]  __mod_timer+0x291/0x3b0
[    3.185935]  out_intr+0x8f/0x150 [virtio_console]
[    3.186221]  ret_from_fork+0x22/0x30
[    3.186310]  </TASK>
[    3.186361] Modules linked in: overlay squashfs virtio_console{last}
[    3.186588] CR2: {address}
[    3.186755] ---[ end trace 0000000000000000 ]---
"""
LAST = " [last unloaded: wq(OE)]"
IN_MODULES = "ffffffffc04a4028"
STOPPED = """\
[    4.215847] BUG: kernel NULL pointer dereference, address: {address}
[    4.215953] #PF: supervisor read access in kernel mode
[    4.215978] #PF: error_code(0x0000) - not-present page
[    4.216146] Oops: 0000 [#1] PREEMPT SMP NOPTI
[    4.216179] CPU: 0 PID: 114 Comm: rmmod Tainted: G        W  OE      6.1.0-57-amd64 #1  Debian 6.1.192-3
[    4.216243] RIP: 0010:kthread_stop+0x43/0x170
[    4.216522] Call Trace:
[    4.216536]  <TASK>
[    4.216551]  __do_sys_delete_module+0x1b9/0x330
[    4.216578]  do_syscall_64+0x5d/0xb0
[    4.217153]  </TASK>
[    4.217170] Modules linked in: th(OE-) overlay squashfs
[    4.217518] ---[ end trace 0000000000000000 ]---
"""


def stale(
    address: str = IN_MODULES,
    present: str = "not-present page",
    place: str = "enqueue_timer+0x24/0x100",
    last: str = LAST,
) -> Report:
    (report,) = find_reports(STALE.format(address=address, present=present, place=place, last=last))
    return report


def test_what_a_module_that_is_gone_left_behind_is_no_other_modules_fault() -> None:
    report = stale()
    guilty = find_guilty(report)
    assert gone_module(report) == "wq"
    assert guilty is not None and (guilty.function, guilty.module) == ("enqueue_timer", None)
    assert find_guilty_line(report, {"virtio_console": b""}) is None
    assert "a removed module, probably of `wq`, which left something behind" in report.cause


@pytest.mark.parametrize(
    "report",
    [
        stale(address="ff3f6cd78ea20cf8"),  # somewhere else
        stale(present="permissions violation"),  # a write to constant data
        stale(last=""),  # nothing was unloaded
        stale(place="out_intr+0x24/0x100 [virtio_console]"),  # a module's own bad pointer
    ],
    ids=["elsewhere", "read-only", "none-unloaded", "in-a-module"],
)
def test_a_module_that_is_gone_is_not_suspected_without_evidence(report: Report) -> None:
    guilty = find_guilty(report)
    assert gone_module(report) == "" and report.cause == ""
    assert guilty is not None and guilty.module == "virtio_console"


def test_a_warning_without_an_address_is_explained_by_nothing() -> None:
    log = (
        "[    4.1] ------------[ cut here ]------------\n"
        "[    4.1] WARNING: CPU: 0 PID: 114 at fs/proc/generic.c:376 proc_register+0x14f/0x190\n"
        "[    4.1] Modules linked in: overlay squashfs [last unloaded: wq(OE)]\n"
        "[    4.1] Call Trace:\n[    4.1]  proc_mkdir+0x4c/0x60\n[    4.1] ---[ end trace 0000000000000000 ]---\n"
    )
    (report,) = find_reports(log)
    assert report.address is None and report.cause == ""


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("0000000000000000", "a thread that has ended already"),
        ("0000000000000028", "was called with NULL"),
        ("ffffffffffffff9c", "was called with NULL or an error pointer"),
    ],
)
def test_a_crash_in_kthread_stop_says_what_is_wrong_with_the_thread(address: str, words: str) -> None:
    (report,) = find_reports(STOPPED.format(address=address))
    assert words in report.cause
