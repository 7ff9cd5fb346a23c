"""Mistakes that reports are known for: said of these reports, and of no similar ones."""

from __future__ import annotations

import pytest

from kmodlab.crash.reader import find_crashes

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
    assert report.words.endswith(f"{report.cause}." if report.cause else ".")
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
