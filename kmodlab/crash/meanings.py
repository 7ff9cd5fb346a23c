"""The mistakes that some reports are known for, beyond the kernel's own sentence."""

from __future__ import annotations

import re

from kmodlab.crash.log_lines import clean_line
from kmodlab.crash.report import Kind, Report
from kmodlab.i18n import N_, _

# Functions that call a file's operations: fs/open.c, fs/file_table.c, fs/read_write.c, fs/ioctl.c, fs/select.c.
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
_LIST_POISON = range(0xDEAD000000000100, 0xDEAD000000000140)  # include/linux/poison.h, LIST_POISON1 and LIST_POISON2
# Warnings of the kernel's own functions, by their names and the begin of the warning: fs/proc/generic.c
# (remove_proc_entry, __xlate_proc_name), mm/page_alloc.c (__alloc_pages).
_BY_FUNCTION = (
    ("remove_proc_entry", "name '", N_("there is no entry of this name to remove from this folder of /proc")),
    ("__xlate_proc_name", "name '", N_("a folder that is in this name does not exist in /proc")),
    ("__alloc_pages", "WARNING: ", N_(
        "this is more memory than the kernel gives in one piece (4 MiB at most); `vmalloc()` and `kvmalloc()` put it "
        "together from pages"
    )),
)  # fmt: skip
# Kinds of reports of the debug kernel, by their sentences: kernel/locking/lockdep.c, kernel/sched/core.c
# (__might_resched), mm/kmemleak.c, lib/debugobjects.c (debug_print_object).
_BY_SENTENCE = (
    (Kind.LOCKDEP, "circular", N_(
        "two locks are taken in one order here, and in the other order elsewhere: if both happen at once, each waits "
        "for the other"
    )),
    (Kind.LOCKDEP, "recursive", N_("a lock like this one is held already: to take the same one again waits for ever")),
    (Kind.LOCKDEP, "inconsistent", N_(
        "an interrupt takes this lock, too: wherever else it is held, interrupts must be off, as by "
        "`spin_lock_irqsave()`"
    )),
    (Kind.LOCKDEP, "non-static key", N_("the lock was not initialized, as by `spin_lock_init()` or `mutex_init()`")),
    (Kind.LOCKDEP, "held lock freed", N_("the freed memory holds a lock that is taken")),
    (Kind.SLEEPING_IN_ATOMIC, "sleeping function", N_(
        "what is called here may sleep, and it must not: a spinlock is held, or interrupts or preemption are off"
    )),
    (Kind.MEMORY_LEAK, "", N_("no pointer to this memory is left, and nobody has freed it")),
    (Kind.WARNING, "ODEBUG: free active", N_("what is freed here is in use: a timer that is pending, or queued work")),
)  # fmt: skip
# mm/kasan/report.c, describe_object_addr: "located 0 bytes to the right of\n 13-byte region"; since 6.3 with the state.
# Before 6.3 the region is the whole object, which may be larger than the size that the module asked for.
_IN_OBJECT = re.compile(
    r"located (?P<distance>\d+) bytes (?P<where>inside of|to the (?:right|left) of)\s+"
    r"(?:allocated |freed )?(?P<size>\d+)-byte region"
)
_ACCESSES = {
    ("use-after-free", "inside of"): N_("this is byte {distance}, counted from 0, of memory that was freed before"),
    ("out-of-bounds", "inside of"): N_("this is byte {distance}, counted from 0, of memory that has fewer bytes"),
    ("out-of-bounds", "to the right of"): N_("this is {distance} bytes beyond the end of {size} bytes of memory"),
    ("out-of-bounds", "to the left of"): N_("this is {distance} bytes before the begin of {size} bytes of memory"),
}
_UNDEFINED = re.compile(r"(?:shift exponent|left shift|index|load of|(?:un)?signed|division|member access|.*overflow)")
# Reports of the use of a freed task_struct: by get_task_struct() (include/linux/sched/task.h), by to_kthread()
# (kernel/kthread.c) if it belongs to another task now, then of any kind.
_AFTER_FREE = {Kind.REFCOUNT, Kind.WARNING, Kind.NULL_DEREFERENCE, Kind.PAGE_FAULT, Kind.GENERAL_PROTECTION}


def explain_report(report: Report) -> str:
    """The mistake that a report is known for, without a full stop; empty if unknown."""
    for kind, words, meaning in _BY_SENTENCE:
        if report.kind is kind and words in report.sentence:
            return _(meaning)
    if report.kind is Kind.KASAN:
        return _explain_access(report)
    if report.kind is Kind.UBSAN:
        return _explain_undefined(report)
    if report.kind is Kind.SCHEDULING_WHILE_ATOMIC:
        return _(
            "what is called here sleeps, and must not: a spinlock is held, or a timer or an interrupt runs this code"
        )
    if report.kind is Kind.HUNG_TASK and any("mutex_lock" in frame.function for frame in report.frames):
        return _("the task waits for a mutex that nobody has unlocked in this time")
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
    return _explain_place(report) or _explain_address(report)


def _explain_place(report: Report) -> str:
    """A warning of one of the kernel's functions, or a trap in the module's code."""
    place = report.place
    if place is None:
        return ""
    if report.kind is Kind.WARNING and place.module is None:
        function = place.function.removesuffix("_noprof")
        for name, begin, meaning in _BY_FUNCTION:
            if function == name and report.sentence.startswith(begin):
                return _(meaning)
    if place.function == "sysfs_delete_link" and any(frame.function == "device_del" for frame in report.frames[:2]):
        # drivers/base/core.c, device_remove_class_symlinks
        return _("the class of this device is gone already: destroy the devices of a class before the class")
    if report.kind is Kind.TRAP and place.module and report.sentence.startswith("invalid opcode"):
        return _("the compiler puts such a trap where the code does what is undefined in C, such as a division by 0")
    return ""


def _explain_address(report: Report) -> str:
    """The address that the code used, if it tells what the mistake is."""
    address = report.address
    if address is None or report.kind not in (Kind.NULL_DEREFERENCE, Kind.PAGE_FAULT, Kind.GENERAL_PROTECTION):
        return ""
    if address in _LIST_POISON:
        return _("`list_del()` wrote this address into the element: it is used after it was removed from its list")
    if address > (1 << 64) - 1 - _MAX_ERRNO:
        return _("this is no address, but an error pointer: `IS_ERR()` tells, before it is used")
    if report.kind is Kind.NULL_DEREFERENCE and address:
        message = _(
            "the code uses what is {distance} bytes after NULL, such as a member of a struct: the pointer is NULL, or "
            "an error pointer"
        )
        return message.format(distance=address)
    return ""


def _explain_access(report: Report) -> str:
    match = _IN_OBJECT.search(_without_prefixes(report.raw))
    for (mistake, where), meaning in _ACCESSES.items():
        if match and mistake in report.sentence and where == match["where"]:
            return _(meaning).format(**match.groupdict())
    return ""


def _explain_undefined(report: Report) -> str:
    """The kernel's sentence below UBSAN's headline: lib/ubsan.c, __ubsan_handle_shift_out_of_bounds and others."""
    lines = _without_prefixes(report.raw).split("\n")
    headline = next((number for number, line in enumerate(lines) if line.strip() == report.sentence), len(lines))
    below = " ".join(lines[headline + 1 : headline + 2]).strip()
    return below if _UNDEFINED.match(below) else ""


def _without_prefixes(raw: str) -> str:
    return "\n".join(clean_line(number, line).text for number, line in enumerate(raw.split("\n")))


def _explain_kthread_stop(report: Report) -> str:
    """A crash in kthread_stop() of a thread that has ended.

    kthread_stop() (kernel/kthread.c) gets a reference to the thread, and then sets a bit in its struct kthread.
    """
    address = report.address
    if report.kind is not Kind.REFCOUNT and address and (address <= _MAX_ERRNO or address >> 12 == (1 << 52) - 1):
        return _("`kthread_stop()` was called with NULL or an error pointer")
    if report.kind is Kind.WARNING:
        return _("`kthread_stop()` was called for a thread that has ended already, or for what is no kernel thread")
    # The kernel frees a thread's task_struct after the thread has ended.
    return _("`kthread_stop()` was called for a thread that has ended already")


def gone_module(report: Report) -> str:
    """The name of an unloaded module if the kernel crashed because it used an address of that module; empty otherwise.

    Code and data of an unloaded module are not mapped any more. The name is that of the last unloaded module, which may
    be the wrong one if several were unloaded.
    """
    last = _LAST_UNLOADED.search(report.raw)
    is_kernels = report.place is None or report.place.module is None
    is_modules = report.address is not None and report.address in _MODULES
    return last[1] if last and is_kernels and is_modules and _NOT_MAPPED.search(report.raw) else ""
