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
_LAST_UNLOADED = re.compile(r"\[last unloaded: ([\w-]+)")  # kernel/module/main.c, print_modules
_NOT_MAPPED = re.compile(r"error_code\(0x[0-9a-f]+\) - not-present page")  # arch/x86/mm/fault.c, show_fault_oops
_MODULES = range(0xFFFFFFFFA0000000, 0xFFFFFFFFFF000000)  # Documentation/arch/x86/x86_64/mm.rst
_MAX_ERRNO = 4095
# What follows when a thread's memory has been freed: include/linux/sched/task.h, get_task_struct, and then anything.
_AFTER_FREE = {Kind.REFCOUNT, Kind.NULL_DEREFERENCE, Kind.PAGE_FAULT, Kind.GENERAL_PROTECTION}


def explain_report(report: Report) -> str:
    """The mistake, without a full stop; empty if it is not known."""
    if report.kind is Kind.MEMORY_LEAK:
        return _("no pointer to this memory is left, and nobody has freed it")
    if report.kind in _AFTER_FREE and any(frame.function == "kthread_stop" for frame in report.frames[:2]):
        return _explain_kthread_stop(report)
    gone = gone_module(report)
    if gone and report.place is not None and report.place.function in _FILE_USERS:
        message = _(
            "a file of a removed module, probably of `{module}`, is still open in a program: rmmod refuses to remove a "
            "module only if the `.owner` of its file_operations says whose they are"
        )
        return message.format(module=gone)
    if gone:
        message = _(
            "the address is that of a removed module, probably of `{module}`, which left something behind: a timer, "
            "work, a thread, or what it had registered"
        )
        return message.format(module=gone)
    return ""


def _explain_kthread_stop(report: Report) -> str:
    """kernel/kthread.c: it takes a reference to the thread, and then sets a bit in the first word of its kthread."""
    address = report.address
    if report.kind is not Kind.REFCOUNT and address and (address <= _MAX_ERRNO or address >> 12 == (1 << 52) - 1):
        return _("`kthread_stop()` was called with NULL or an error pointer")
    # The kernel frees a thread when it has ended.
    return _("`kthread_stop()` was called for a thread that has ended already")


def gone_module(report: Report) -> str:
    """The name of a removed module if the kernel crashed because it used an address of that module; empty otherwise.

    Code and data of a removed module are not mapped any more. If several were removed, it may be another one.
    """
    last = _LAST_UNLOADED.search(report.raw)
    is_kernels = report.place is None or report.place.module is None
    is_modules = report.address is not None and report.address in _MODULES
    return last[1] if last and is_kernels and is_modules and _NOT_MAPPED.search(report.raw) else ""
