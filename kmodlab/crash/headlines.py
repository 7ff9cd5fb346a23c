"""A table of the sentences with which the kernel begins a report: the kind of report, and the file that prints it."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from kmodlab.crash.report import Kind


class Headline(NamedTuple):
    """A sentence that begins a report.

    `needs_trace`: the sentence may be harmless, so it counts only if a call trace or registers follow.
    `continues`: after another headline, the sentence is about the same event, and the other headline says more.
    """

    kind: Kind
    pattern: str
    needs_trace: bool = False
    continues: bool = False


_IN_DOUBT = _MORE = True  # as `needs_trace` and `continues`
# fmt: off
_TABLE: tuple[tuple[Any, ...], ...] = (
    # arch/x86/mm/fault.c, show_fault_oops; before 5.1 "unable to handle kernel …"; arch/powerpc/mm/fault.c
    (Kind.NULL_DEREFERENCE, r"BUG: (?:[Uu]nable to handle )?[Kk]ernel NULL pointer dereference"),
    (Kind.PAGE_FAULT, r"BUG: [Uu]nable to handle (?:kernel |unknown )?(?:pag(?:e|ing)|data|instruction|unalig)"),
    # arch/arm64/mm/fault.c, die_kernel_fault; arm, mips, riscv, loongarch, s390 and others; arch/parisc/kernel/traps.c
    (Kind.NULL_DEREFERENCE, r"Unable to handle kernel NULL pointer dereference"),
    (Kind.PAGE_FAULT, r"(?:CPU \d+ )?Unable to handle kernel (?:paging|access|pointer|[a-z -]+ at v)|Kernel Fault: C"),
    # arch/x86/kernel/traps.c; since 6.10 "Oops: " stands before each (arch/x86/kernel/dumpstack.c, die);
    # "kernel stack overflow" before 5.16; arch/arm64/kernel/traps.c, panic_bad_stack
    (Kind.GENERAL_PROTECTION, r"(?:Oops: )?general protection(?: fault)?\b.*(?:: [0-9a-f]{4}\b|\[#\d+\])"),
    (Kind.DIVIDE_ERROR, r"(?:Oops: )?divide error: [0-9a-f]{4}\b"),
    (Kind.DOUBLE_FAULT, r"PANIC: double fault, error_code|(?:Oops: )?double fault: [0-9a-f]{4}\b", False, _MORE),
    (Kind.TRAP, r"PANIC: early exception|SError Interrupt on CPU\d|CFI failure at|Missing ENDBR: |BAD KERNEL TRAP"),
    (Kind.TRAP, r"Unhandled (?:fault|prefetch abort): .* at 0x", _IN_DOUBT),
    (Kind.STACK_OVERFLOW, r"BUG: (?:\S+ )?stack guard page was hit|Insufficient stack space|do_IRQ: stack overflow"),
    (Kind.STACK_OVERFLOW, r"(?:Oops: )?stack guard page: [0-9a-f]{4}\b|kernel stack overflow \(", False, _MORE),
    # lib/bug.c, __report_bug; arch/mips/kernel/traps.c; arch/arm64/kernel/traps.c, bug_handler
    (Kind.BUG, r"[Kk]ernel (?:BUG|bug) at \S+|Kernel bug detected|Internal error: Oops - BUG\b", False, _MORE),
    # Before a BUG(): mm/usercopy.c, usercopy_abort; lib/string_helpers.c, fortify_panic; include/linux/bug.h,
    # CHECK_DATA_CORRUPTION, as used in lib/list_debug.c; net/core/skbuff.c, skb_panic; rust/kernel/lib.rs, panic
    (Kind.BUG, r"Kernel memory (?:over|exp)\w+ at|detected buffer overflow|skb_\w+_panic: |panicked at", _IN_DOUBT),
    (Kind.LIST_CORRUPTION, r"list_(?:add|del) (?:corruption|double add)", _IN_DOUBT),
    # arch/*/kernel: __die_header, __die, die. "Oops: 0000 [#1]", "Internal error: Oops: 96000046 [#1]", "Oops[#1]:"
    (Kind.TRAP, r"Internal error: .*\[#\d+\]|cpu 0x[0-9a-f]+: Vector: [0-9a-f]+", False, _MORE),
    (Kind.TRAP, r"(?:\S+[([]\d+[)\]]: )?[A-Za-z][\w #'-]{2,60}(?:: [0-9a-f]{4}(?: ilc:\d)? "
             r"\[#?\d+\]|(?: \d{9,})?!?:? ?\[#\d+\])", _IN_DOUBT, _MORE),
    (Kind.TRAP, r"(?:\S+[([]\d+[)\]]: )?Oops(?: [0-9]+ \[\d+\]|\s?\[#\d+\]|: [0-9a-fA-F]{4,16}\b|(?:: | - ).*"
             r"(?:\[#\d+\]|sig: \d+))", False, _MORE),
    # kernel/panic.c: __stack_chk_fail, panic
    (Kind.STACK_CORRUPTION, r"Kernel panic - not syncing: stack-protector: "),
    (Kind.NMI, r"Kernel panic - not syncing: NMI: Not continuing"),  # arch/x86/kernel/nmi.c, unknown_nmi_error
    (Kind.PANIC, r"Kernel panic - not syncing: "),
    (Kind.PANIC, r"Kernel panic: ", _IN_DOUBT),  # before 2.6
    # kernel/panic.c, __warn: before 3.12 without processor and process, since 6.19 "WARNING: file:line at …"; long ago
    # "Badness". lib/refcount.c, refcount_warn_saturate, by way of WARN().
    (Kind.WARNING, r"WARNING: (?:CPU: ?\d+ PID: ?\d+ |\S+:\d+ )?at \S+|Badness (?:in|at) \S+", _IN_DOUBT),
    (Kind.REFCOUNT, r"refcount_t: ", _IN_DOUBT),
    # kernel/watchdog.c, watchdog_timer_fn; kernel/watchdog_hld.c; arch/powerpc/kernel/watchdog.c
    (Kind.SOFT_LOCKUP, r"BUG: soft lockup\b"),
    (Kind.HARD_LOCKUP, r"(?:CPU\d+: |NMI )?[Ww]atchdog (?:detected (?:hard )?LOCKUP|CPU:)|CPU \d+ .*[Hh]ard LOCKUP"),
    # kernel/rcu/tree_stall.h: print_other_cpu_stall, print_cpu_stall; kernel/rcu/tree_exp.h, tasks.h
    (Kind.RCU_STALL, r"INFO: (?:rcu\w*|RCU) (?:self-)?detected (?:(?:expedited )?stalls? on|CPU \d+ stall)"),
    # kernel/hung_task.c, check_hung_task; kernel/workqueue.c, wq_watchdog_timer_fn
    (Kind.HUNG_TASK, r"INFO: task .{1,40}:\d+ (?:is )?blocked .*for more than"),
    (Kind.WORKQUEUE_LOCKUP, r"BUG: workqueue lockup\b"),
    # kernel/sched/core.c: __schedule_bug, __might_resched, __cant_sleep; lib/smp_processor_id.c
    (Kind.SCHEDULING_WHILE_ATOMIC, r"(?:BUG: |bad: )?scheduling (?:while atomic|in a non-blocking|from the idle)"),
    (Kind.SLEEPING_IN_ATOMIC, r"(?:BUG|Debug): (?:sleeping function called from invalid|assuming (?:atomic|non migr)|"
             r"using \S+ in preemptible)"),
    # mm/kasan/report.c, print_error_description, kasan_non_canonical_hook; mm/kfence/report.c; mm/kmsan/report.c;
    # kernel/kcsan/report.c; lib/ubsan.c, ubsan_prologue; mm/kmemleak.c, print_unreferenced
    (Kind.KASAN, r"BUG: KASAN: "),
    (Kind.KASAN, r"KASAN: .* in range \[", _IN_DOUBT, _MORE),
    (Kind.KFENCE, r"BUG: KFENCE: "),
    (Kind.KMSAN, r"BUG: KMSAN: "),
    (Kind.KCSAN, r"BUG: KCSAN: "),
    (Kind.UBSAN, r"UBSAN: .* in \S+"),
    (Kind.MEMORY_LEAK, r"unreferenced object 0x[0-9a-f]+ \(size \d+\)|\d+ new suspected memory leaks"),
    # mm/slub.c, slab_bug: before 3.x without the taint; mm/slab.c, slab_error
    (Kind.SLAB_CORRUPTION, r"BUG (?!:)\S.{0,60}? \((?:Not tainted|Tainted: [^)]*)\): "),
    (Kind.SLAB_CORRUPTION, r"BUG [\w:.-]+: (?:Object|Poison|\w* ?Redzone|Padding|Freepointer|Wrong)"),
    (Kind.SLAB_CORRUPTION, r"[Ss]lab (?:corruption|error in)\b|.*Slab cache still has|memory corruption$", _IN_DOUBT),
    # mm/page_alloc.c, bad_page; mm/memory.c, print_bad_pte; kernel/fork.c, check_mm
    (Kind.BAD_PAGE, r"(?:BUG: )?(?:Bad (?:page (?:state|map|cache) in process|rss-counter state)|non-zero pgtables)"),
    (Kind.BAD_PAGE, r"BUG: Dentry .* still in use"),  # fs/dcache.c, umount_check
    # kernel/locking/lockdep.c: the print_… functions; before 4.11 in brackets, "[ INFO: … ]"; spinlock_debug.c
    (Kind.LOCKDEP, r"(?:\[ )?(?:WARNING|INFO|BUG): (?:possible (?:circular|recursive|irq)|\S+-safe -> \S+-unsafe|"
             r"inconsistent (?:\S+ )*lock state|bad (?:unlock balance|contention)|held lock freed|suspi|"
             r"Nested lock|Invalid wait con|chain_key|trying to register|.{1,40} still has locks held)", _IN_DOUBT),
    (Kind.LOCKDEP, r"(?:\[ )?(?:WARNING|BUG): lock held (?:when|at)"),
    (Kind.SPINLOCK, r"BUG: (?:spinlock|rwlock) "),
    # fs/sysfs/dir.c, sysfs_warn_dup; lib/kobject.c; fs/proc/generic.c, proc_register; kernel/irq: spurious.c, manage.c
    (Kind.DUPLICATE_NAME, r"(?:cannot create )?duplicate filename '|kobject_add(?:_internal)? failed for .* -EEXIST|"
             r"proc_dir_entry '.*' already registered", _IN_DOUBT),
    (Kind.WARNING, r"kobject:? .*(?:tried to (?:init|add)|not init|attempted)|irq \d+: nobody|Flags mism|unch.*MSR",
     _IN_DOUBT),
    # kernel/module/main.c: simplify_symbols, check_modinfo, elf_validity_check; version.c; arch/*/kernel/module.c
    (Kind.UNKNOWN_SYMBOL, r"Unknown symbol \S+(?: \(err .*\))?$|module .*us(?:es|ing) .*symbol.* import"),
    (Kind.WRONG_VERSION, r"version magic '.*' should|disagrees about version of symbol |no symbol version for "),
    (Kind.BAD_RELOCATION, r"[Uu]n(?:known|supported) (?:\w+ )?relocation\b|Skipping invalid reloc|"
             r"(?:.*'\S+: |overflow in )?relocation (?:\d+ out of range|type \d+)"),
    (Kind.BAD_FORMAT, r"Invalid ELF (?:header|section|sh_link)|module has no symbols|exports duplicate|Loading of "
             r".*module.* is rejected|section size must match|unsigned module loading|No module found in obj"),
    (Kind.BUG, r"BUG: \S", _IN_DOUBT),  # any other bug
)
# fmt: on
# The prefix of a message, from the pr_fmt() of its file, such as a module's name.
_SUBSYSTEM = r"(?:[\w./ -]{1,40}: ){0,2}?"
_HEADLINES = [(Headline(*row), re.compile(f"{_SUBSYSTEM}(?:{row[1]})")) for row in _TABLE]
_ANY = re.compile(_SUBSYSTEM + "(?:" + "|".join(row[1] for row in _TABLE) + ")")
# Panics that follow from an event reported before: arch/x86/kernel/dumpstack.c (oops_end), kernel/exit.c
# (make_task_dead), kernel/panic.c (check_panic_on_warn), kernel/watchdog.c, kernel/hung_task.c,
# kernel/rcu/tree_stall.h, arch/arm64/kernel/traps.c (die).
CONSEQUENCE = re.compile(
    r"Kernel panic(?: - not syncing)?: (?:.*Fatal exception|Aiee, killing|Attempted to kill|.*panic_on_warn|"
    r"Machine halted|.*SError|(?:softlockup|hung_task): |Hard LOCKUP|RCU|Oopsed too|[Kk]ernel (?:stack|Fault)|Oops)"
)
# Lines that may begin a report or a trace. One search skips all others quickly.
WORTH_A_LOOK = re.compile(
    r"BUG|Oops|WARNING|Unable to handle|cut here|[Cc]all [Tt]race|Backtrace|\[#\d|INFO: |LOCKUP|[Kk]ernel (?:pan|sta)|"
    r"Kernel (?:Fault|bug|memory)|general protection|double fault|Internal error|list_(?:add|del) |UBSAN|KASAN|refco|"
    r"unreferenced object|Badness|scheduling while|[Ss]lab (?:corr|err)|Bad (?:page|rss)|Insufficient|ELF|elocation|"
    r"buffer overflow in|duplicate filename|kobject|already registered|version |module|symbol|"
    r"[Pp][Ii][Dd]: \d+,? [Cc]omm: |task:\S|Vector: |\b[RE]IP(?::| is)|\bpc : |[Pp][Cc] is at|stack overflow: |"
    r"fault: |ebug: |bad: |PANIC|SError|CFI|ENDBR|MSR|TRAP|_panic|panicked|new suspected|still |memory corr|nobody|mism"
)


def find_headline(text: str) -> Headline | None:
    """The headline that a line has; None if it has none."""
    text = text.lstrip()
    return next((row for row, pattern in _HEADLINES if pattern.match(text)), None) if _ANY.match(text) else None
