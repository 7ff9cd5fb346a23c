"""What some reports mean beyond the kernel's own sentence: the mistake that they are known for."""

from __future__ import annotations

import re

from kmodlab.crash.report import Kind, Report
from kmodlab.i18n import _

# Where the kernel calls a file's operations: fs/open.c, fs/file_table.c, fs/read_write.c, fs/ioctl.c, fs/select.c.
_FILE_USERS = {
    *(
        "filp_close",
        "filp_flush",
        "__fput",
        "vfs_read",
        "vfs_write",
        "vfs_llseek",
        "vfs_ioctl",
        "vfs_poll",
        "do_sys_poll",
    ),
    *("ksys_read", "ksys_write", "ksys_lseek", "__do_sys_ioctl", "__x64_sys_ioctl", "__se_sys_ioctl", "do_select"),
}
_LAST_UNLOADED = re.compile(r"\[last unloaded: ([\w-]+)")
_MODULES = range(0xFFFFFFFFA0000000, 0xFFFFFFFFFF000000)  # Documentation/arch/x86/x86_64/mm.rst


def explain_report(report: Report) -> str:
    """The mistake, without a full stop; empty if it is not known."""
    if report.kind is Kind.REFCOUNT and any(frame.function == "kthread_stop" for frame in report.frames):
        # kernel/kthread.c: it takes a reference to the thread first. The kernel frees a thread when it has ended.
        return _("`kthread_stop()` was called for a thread that has ended already")
    removed = _LAST_UNLOADED.search(report.raw)
    is_user = report.place is not None and report.place.module is None and report.place.function in _FILE_USERS
    if removed and is_user and report.kind is Kind.PAGE_FAULT and report.address in _MODULES:
        message = _(
            "a file of a removed module, probably of `{module}`, is still open in a program: rmmod refuses to remove a "
            "module only if the `.owner` of its file_operations says whose they are"
        )
        return message.format(module=removed[1])
    return ""
