"""Every sentence by which the kernel reports trouble: its title, its kind and the function that the title names."""

from __future__ import annotations

import pytest

from kmodlab.evidence.oops.parser import parse_oopses
from kmodlab.evidence.oops.types import Kind, Oops

PC = "RIP: 0010:fill+0x1c/0x40 [hello]\n"
TRACE = """Call Trace:
 <TASK>
 dump_stack_lvl+0x36/0x50
 fill+0x1c/0x40 [hello]
 hello_init+0x12/0x1000 [hello]
 do_one_initcall+0x59/0x220
 entry_SYSCALL_64_after_hwframe+0x76/0xe0
 </TASK>
"""
FAULT = PC + TRACE
ORIGIN = """
Uninit was created at:
 __kmalloc+0x1/0x2
 hello_init+0x12/0x1000 [hello]
 entry_SYSCALL_64_after_hwframe+0x76/0xe0
"""
LOOPING = """Call Trace:
 <IRQ>
 tick_sched_handle+0x22/0x60
 asm_sysvec_apic_timer_interrupt+0x1a/0x20
RIP: 0010:cpu_relax+0x3/0x10
 spin+0x10/0x20 [hello]
 drain+0x30/0x50 [hello]
 process_one_work+0x1a0/0x3c0
 worker_thread+0x4d/0x3c0
 kthread+0xd0/0x100
 ret_from_fork+0x31/0x50
"""
DEADLOCK = """insmod/81 is trying to acquire lock:
ffffffffc0a1 (first){+.+.}-{3:3}, at: fill+0x1c/0x40 [hello]

but task is already holding lock:
ffffffffc0b2 (second){+.+.}-{3:3}, at: drain+0x3/0x40 [hello]

stack backtrace:
"""


def stamped(text: str) -> str:
    return "".join(f"[   12.{number:06}][  T81] {line}\n" for number, line in enumerate(text.rstrip("\n").split("\n")))


def first(text: str) -> Oops:
    return parse_oopses(stamped(text))[0]


# The report without its stack, the stack, the title up to the function's name, the kind.
IN_FUNCTION = [
    ("BUG: KASAN: slab-use-after-free in strlen+0x1/0x2\nRead of size 1 at addr ffff888004a1c2e0", TRACE,
     "KASAN: slab-use-after-free Read", Kind.KASAN),
    ("BUG: KASAN: invalid-access in fill+0x1/0x2\nWrite at addr f7ff888004a1c2e0 by task insmod/81", TRACE,
     "KASAN: invalid-access Write", Kind.KASAN),
    ("BUG: KASAN: double-free or invalid-free in kfree+0x1/0x2", TRACE, "KASAN: invalid-free", Kind.KASAN),
    ("BUG: KMSAN: uninit-value in fill+0x1/0x2\n fill+0x1/0x2 [hello]\n hello_init+0x1/0x2 [hello]", ORIGIN,
     "KMSAN: uninit-value", Kind.KMSAN),
    ("BUG: KMSAN: kernel-usb-infoleak in usb_submit_urb+0x1/0x2\n usb_submit_urb+0x1/0x2\n fill+0x1/0x2 [hello]",
     ORIGIN, "KMSAN: kernel-usb-infoleak", Kind.KMSAN),
    ("BUG: KCSAN: assert: race in fill+0x1/0x2", "", "KCSAN: assert: race", Kind.KCSAN),
    ("BUG: KFENCE: use-after-free read in fill+0x1c/0x40 [hello]\n\n fill+0x1c/0x40 [hello]", TRACE,
     "KFENCE: use-after-free read", Kind.KFENCE),
    ("BUG: KFENCE: out-of-bounds write in memset+0x1/0x2\n\n memset+0x1/0x2\n fill+0x1c/0x40 [hello]", TRACE,
     "KFENCE: out-of-bounds write", Kind.KFENCE),
    ("BUG: KFENCE: invalid read in fill+0x1c/0x40 [hello]\n\n fill+0x1c/0x40 [hello]", TRACE,
     "KFENCE: invalid read", Kind.KFENCE),
    ("BUG: KFENCE: invalid free in fill+0x1c/0x40 [hello]\n\n fill+0x1c/0x40 [hello]", "",
     "KFENCE: invalid free", Kind.KFENCE),
    ("BUG: KFENCE: memory corruption in kfree+0x1/0x2\n\n kfree+0x1/0x2\n fill+0x1c/0x40 [hello]", "",
     "KFENCE: memory corruption", Kind.KFENCE),
    ("BUG: unable to handle page fault for address: ffffc90000a01000", FAULT,
     "BUG: unable to handle kernel paging request", Kind.PAGE_FAULT),
    ("BUG: Unable to handle kernel data access at 0xc00a000000000000", "NIP: c0080000 fill+0x1/0x2\n" + TRACE,
     "BUG: unable to handle kernel paging request", Kind.PAGE_FAULT),
    ("BUG: Kernel NULL pointer dereference on read at 0x00000008", "NIP [c008000000000] fill+0x1/0x2\n" + TRACE,
     "BUG: unable to handle kernel NULL pointer dereference", Kind.NULL_DEREFERENCE),
    ("Unable to handle kernel access to user memory outside uaccess routines at virtual address 0000000020000000",
     "pc : fill+0x1c/0x40 [hello]\n" + TRACE, "BUG: unable to handle kernel access to user memory", Kind.PAGE_FAULT),
    ("BUG: rwlock trylock failure on UP on CPU#0, insmod/81", TRACE, "BUG: rwlock trylock failure on UP", Kind.LOCKDEP),
    ("BUG: spinlock wrong owner on CPU#1, insmod/81", TRACE, "BUG: spinlock wrong owner", Kind.LOCKDEP),
    ("BUG: scheduling while atomic: insmod/81/0x00000002", TRACE, "BUG: scheduling while atomic",
     Kind.SCHEDULING_WHILE_ATOMIC),
    ("BUG: sleeping function called from invalid context at kernel/locking/mutex.c:580", TRACE,
     "BUG: sleeping function called from invalid context", Kind.SLEEPING_IN_ATOMIC),
    ("BUG: using smp_processor_id() in preemptible [00000000] code: insmod/81", TRACE,
     "BUG: using smp_processor_id() in preemptible code", Kind.LOCKDEP),
    ("BUG: lock held when returning to user space!\ninsmod/81 is leaving the kernel with locks still held!\n"
     "1 lock held by insmod/81:\n #0: ffffffffc0a1 (first){+.+.}-{3:3}, at: fill+0x1c/0x40 [hello]", "",
     "BUG: lock held when returning to user space", Kind.LOCKDEP),
    ("BUG: bad unlock balance detected!\ninsmod/81 is trying to release lock (first) at:\n"
     "[<ffffffffc0a1c01c>] fill+0x1c/0x40 [hello]\nbut there are no more locks to release!", TRACE,
     "BUG: bad unlock balance", Kind.LOCKDEP),
    ("BUG: held lock freed!\n #0: (first){+.+.}, at: [<ffffffffc0a1c01c>] fill+0x1c/0x40 [hello]", TRACE,
     "BUG: held lock freed", Kind.LOCKDEP),
    ("[ BUG: insmod/81 still has locks held! ]\n #0: (first){+.+.}, at: [<ffffffffc0a1c01c>] fill+0x1c/0x40", TRACE,
     "BUG: still has locks held", Kind.LOCKDEP),
    ("[ BUG: Invalid wait context ]", TRACE, "WARNING: locking bug", Kind.LOCKDEP),
    ("BUG: workqueue leaked lock or atomic: kworker/0:1/0x00000001/81\n     last function: fill", "",
     "BUG: workqueue leaked lock or atomic", Kind.LOCKDEP),
    ("BUG: workqueue lockup - pool cpus=0 node=0 flags=0x0 nice=0 stuck for 35s!\nWorkqueue: events fill [hello]", "",
     "BUG: workqueue lockup", Kind.SOFT_LOCKUP),
    ("BUG: Bad page state in process insmod  pfn:04a1c\npage last allocated via order 0\n"
     " get_page_from_freelist+0x1/0x2\n fill+0x1c/0x40 [hello]", TRACE, "BUG: Bad page state", Kind.BUG),
    ("WARNING: CPU: 0 PID: 81 at lib/debugobjects.c:514 debug_print_object+0x1/0x2",
     "RIP: 0010:debug_print_object+0x1/0x2\n" + TRACE, "WARNING: ODEBUG bug", Kind.WARNING),
    ("WARNING: CPU: 0 PID: 81 at mm/usercopy.c:81 usercopy_warn+0x1/0x2", "RIP: 0010:usercopy_warn+0x1/0x2\n" + TRACE,
     "WARNING: bad usercopy", Kind.WARNING),
    ("WARNING: CPU: 0 PID: 81 at lib/kobject.c:718 kobject_get+0x1/0x2", "RIP: 0010:kobject_get+0x1/0x2\n" + TRACE,
     "WARNING: kobject bug", Kind.WARNING),
    ("WARNING: CPU: 0 PID: 81 at fs/proc/generic.c:377 proc_register+0x1/0x2",
     "RIP: 0010:proc_register+0x1/0x2\n" + TRACE, "WARNING: proc registration bug", Kind.WARNING),
    ("WARNING: lib/refcount.c:28 at refcount_warn_saturate+0x1/0x2, CPU#1: insmod/81",
     "RIP: 0010:refcount_warn_saturate+0x1/0x2\n" + TRACE, "WARNING: refcount bug", Kind.REFCOUNT_CORRUPTION),
    ("WARNING: CPU: 0 PID: 81 at kernel/locking/lockdep.c:705 look_up_lock_class+0x1/0x2",
     "RIP: 0010:look_up_lock_class+0x1/0x2\n" + TRACE, "WARNING: locking bug", Kind.LOCKDEP),
    ("WARNING: CPU: 0 PID: 81 at mm/slab_common.c:935 kmalloc_slab+0x1/0x2", "RIP: 0010:kmalloc_slab+0x1/0x2\n" + TRACE,
     "WARNING: kmalloc bug", Kind.WARNING),
    ("WARNING: CPU: 0 PID: 81 at mm/vmalloc.c:2873 __vmalloc_node_range+0x1/0x2", FAULT,
     "WARNING: zero-size vmalloc", Kind.WARNING),
    ("WARNING: CPU: 0 PID: 81 at hello.c:12 fill+0x1c/0x40 [hello]", FAULT, "WARNING", Kind.WARNING),
    ("WARNING: hello.c:12 at fill+0x1c/0x40 [hello], CPU#0: insmod/81", FAULT, "WARNING", Kind.WARNING),
    ("WARNING: hello.c:12 at 0x0, CPU#0: insmod/81", FAULT, "WARNING", Kind.WARNING),
    ("WARNING: possible circular locking dependency detected\n" + DEADLOCK, TRACE, "possible deadlock", Kind.LOCKDEP),
    ("WARNING: possible recursive locking detected\n" + DEADLOCK, TRACE, "possible deadlock", Kind.LOCKDEP),
    ("WARNING: possible irq lock inversion dependency detected\ninsmod/81 just changed the state of lock:\n"
     "ffffffffc0a1 (first){+.+.}-{3:3}, at: fill+0x1c/0x40 [hello]", TRACE, "possible deadlock", Kind.LOCKDEP),
    ("WARNING: HARDIRQ-safe -> HARDIRQ-unsafe lock order detected\n... which became HARDIRQ-irq-safe at:\n"
     "  lock_acquire+0x1/0x2\n  fill+0x1c/0x40 [hello]\n", TRACE, "possible deadlock", Kind.LOCKDEP),
    ("[ INFO: possible recursive locking detected ]\ninsmod/81 is trying to acquire lock:\n"
     " (first){+.+.}, at: [<ffffffffc0a1c01c>] fill+0x1c/0x40 [hello]", TRACE, "possible deadlock", Kind.LOCKDEP),
    ("WARNING: inconsistent lock state\ninsmod/81 [HC0[0]:SC1[1]:HE1:SE0] takes:\n"
     "ffffffffc0a1 (first){+.?.}-{2:2}, at: hold+0x1/0x2 [hello]", TRACE, "inconsistent lock state", Kind.LOCKDEP),
    ("WARNING: suspicious RCU usage\nhello.c:12 suspicious rcu_dereference_check() usage!", TRACE,
     "WARNING: suspicious RCU usage", Kind.LOCKDEP),
    ("WARNING: Nested lock was not taken", TRACE, "WARNING: nested lock was not taken", Kind.LOCKDEP),
    ("WARNING: insmod/81 still has locks held!\n #0: ffffffffc0a1 (first){+.+.}-{3:3}, at: fill+0x1c/0x40", TRACE,
     "WARNING: still has locks held", Kind.LOCKDEP),
    ("WARNING: held lock freed!\nffffffffc0a1 (first){+.+.}-{3:3}, at: fill+0x1c/0x40 [hello]", TRACE,
     "WARNING: held lock freed", Kind.LOCKDEP),
    ("INFO: trying to register non-static key.", TRACE, "INFO: trying to register non-static key", Kind.LOCKDEP),
    ("INFO: task insmod:81 blocked for more than 120 seconds.", TRACE, "INFO: task hung", Kind.HUNG_TASK),
    ("INFO: task insmod:81 can't die for more than 143 seconds.", TRACE, "INFO: task can't die", Kind.HUNG_TASK),
    ("general protection fault, probably for non-canonical address 0xdffffc0000000000: 0000 [#1] SMP", FAULT,
     "general protection fault", Kind.GENERAL_PROTECTION),
    ("stack segment: 0000 [#1] SMP", FAULT, "stack segment fault", Kind.GENERAL_PROTECTION),
    ("divide error: 0000 [#1] SMP", FAULT, "divide error", Kind.DIVIDE_ERROR),
    ("divide_error: 0000 [#1] SMP", FAULT, "divide error", Kind.DIVIDE_ERROR),
    ("invalid opcode: 0000 [#1] SMP", FAULT, "invalid opcode", Kind.INVALID_OPCODE),
    ("PANIC: double fault, error_code: 0x0", FAULT, "PANIC: double fault", Kind.DOUBLE_FAULT),
    ("kernel BUG at mm/usercopy.c:102!", "RIP: 0010:usercopy_abort+0x1/0x2\n" + TRACE, "BUG: bad usercopy", Kind.BUG),
    ("kernel BUG at lib/list_debug.c:29!", "RIP: 0010:__list_add_valid+0x1/0x2\n" + TRACE, "BUG: corrupted list",
     Kind.LIST_CORRUPTION),
    ("kernel BUG at net/core/skbuff.c:109!", "RIP: 0010:skb_panic+0x1/0x2\n" + TRACE, "kernel BUG", Kind.BUG),
    ("UBSAN: Undefined behaviour in hello.c:3:4", TRACE, "UBSAN: undefined-behaviour", Kind.UBSAN),
    ("UBSAN: array-index-out-of-bounds in hello.c:3:4", TRACE, "UBSAN: array-index-out-of-bounds", Kind.UBSAN),
    ("Internal error: synchronous external abort: 0000000096000210 [#1] SMP", "pc : fill+0x1c/0x40 [hello]\n" + TRACE,
     "Internal error", Kind.OTHER),
    ("Unhandled fault: page domain fault (0x01b) at 0x00000008", "PC is at fill+0x1c/0x40 [hello]\n" + TRACE,
     "Unhandled fault", Kind.PAGE_FAULT),
    ("Alignment trap: not handling instruction e1932f9f at [<bf8a1008>]", "PC is at fill+0x8/0x14 [hello]\n" + TRACE,
     "Alignment trap", Kind.OTHER),
    ("Kernel panic - not syncing: stack-protector: Kernel stack is corrupted in: fill+0x1c/0x40 [hello]", TRACE,
     "kernel panic: stack is corrupted", Kind.STACK_PROTECTOR),
    ("Kernel panic - not syncing: stack-protector: Kernel stack is corrupted in: ffffffffc0a1c01c", TRACE,
     "kernel panic: stack is corrupted", Kind.STACK_PROTECTOR),
    ("rust_kernel: panicked at hello.rs:12:9:\nindex out of bounds", TRACE, "index out of bounds", Kind.PANIC),
]  # fmt: skip


@pytest.mark.parametrize(("sentence", "stack", "title", "kind"), IN_FUNCTION)
def test_a_report_is_titled_by_its_sentence_and_the_function_to_blame(
    sentence: str, stack: str, title: str, kind: Kind
) -> None:
    report = first(sentence + "\n" + stack)
    assert (report.title, report.kind) == (f"{title} in fill", kind)
    assert report.function == "fill"
    assert not report.corrupted


@pytest.mark.parametrize(
    ("sentence", "title", "kind"),
    [
        ("watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [kworker/0:1:9]", "BUG: soft lockup", Kind.SOFT_LOCKUP),
        ("rcu: INFO: rcu_preempt self-detected stall on CPU", "INFO: rcu detected stall", Kind.RCU_STALL),
        ("BUG: TASK stack guard page was hit at ffffc900a0000ff8", "BUG: stack guard page was hit",
         Kind.STACK_OVERFLOW),
        ("Kernel panic - not syncing: kernel stack overflow", "kernel stack overflow", Kind.STACK_OVERFLOW),
        ("Kernel panic - not syncing: corrupted stack end detected inside scheduler",
         "kernel panic: corrupted stack end", Kind.STACK_OVERFLOW),
    ],
)  # fmt: skip
def test_a_loop_is_named_after_what_its_dispatcher_called(sentence: str, title: str, kind: Kind) -> None:
    stack = LOOPING if "rcu" in sentence else LOOPING.replace(" tick_sched_handle", " fill").replace(" <IRQ>\n", "")
    report = first(f"{sentence}\nRIP: 0010:cpu_relax+0x3/0x10\n{stack}")
    assert (report.title, report.kind, report.function) == (f"{title} in drain", kind, "drain")


@pytest.mark.parametrize(
    ("text", "title", "kind"),
    [
        ("BUG: Bad rss-counter state mm:00000000a1b2c3d4 type:MM_FILEPAGES val:1", "BUG: Bad rss-counter state",
         Kind.BUG),
        ("BUG: non-zero nr_pmds on freeing mm: 2", "BUG: non-zero nr_pmds on freeing mm", Kind.BUG),
        ("BUG: Dentry 00000000a1b2c3d4{i=1,n=/}  still in use (1) [unmount of ext4 sda1]\n" + TRACE,
         "BUG: Dentry still in use in unmount", Kind.BUG),
        ("BUG: Bad page map in process insmod  pte:04a1c025 pmd:04a1d067\n" + TRACE, "BUG: Bad page map", Kind.BUG),
        ("WARNING: kernel stack regs at ffffc90000a00ff8 in insmod:81 has bad 'bp' value 0000000000000000",
         "WARNING: kernel stack regs has bad 'bp' value", Kind.WARNING),
        ("WARNING: kernel stack frame pointer at ffffc90000a00ff8 in insmod:81 has bad value 0000000000000000",
         "WARNING: kernel stack frame pointer has bad value", Kind.WARNING),
        ("WARNING: CPU: 0 PID: 81 at drivers/usb/core/urb.c:478 usb_submit_urb+0x1/0x2\n"
         "RIP: 0010:usb_submit_urb+0x1/0x2\n" + TRACE, "WARNING in fill/usb_submit_urb", Kind.WARNING),
        ("BUG: KCSAN: data-race in fill / drain", "KCSAN: data-race in fill / drain", Kind.KCSAN),
        ("Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000009\n" + TRACE,
         "kernel panic: Attempted to kill init!", Kind.PANIC),
        ("Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)\n" + TRACE,
         "kernel panic: VFS: Unable to mount root fs on unknown-block(NUM,NUM)", Kind.PANIC),
        ("WARNING: CPU: 0 PID: 81 at hello.c:12", "WARNING: CPU: NUM PID: NUM at hello.c:LINE", Kind.WARNING),
        ("SYZFAIL: tun: can't open /dev/net/tun", "SYZFAIL: tun: can't open /dev/net/tun", Kind.OTHER),
        ("VFS: Close: file count is 0", "VFS: Close: file count is zero (use-after-free)", Kind.OTHER),
        ("VFS: Busy inodes after unmount of sda1. Self-destruct in 5 seconds.",
         "VFS: Busy inodes after unmount (use-after-free)", Kind.OTHER),
        ("IPv6: BUG: Address fe80::1 on device lo is missing its host route.",
         "BUG: Address IPV6ADDR on device lo is missing its host route.", Kind.BUG),
        ("IPv6: BUG: Address 2001:db8:0:0:0:0:0:12 on device lo is missing its host route.",
         "BUG: Address IPV6ADDR on device lo is missing its host route.", Kind.BUG),
    ],
)  # fmt: skip
def test_some_reports_are_filed_by_their_sentence_alone(text: str, title: str, kind: Kind) -> None:
    report = first(text)
    assert (report.title, report.kind, report.corrupted) == (title, kind, False)


@pytest.mark.parametrize(
    ("frame", "name"),
    [("__x64_sys_swap", "sys_swap"), ("__se_sys_swap", "swap"), ("__do_sys_swap", "swap"), ("___sys_swap", "swap"),
     ("SyS_swap", "swap"), ("ksys_swap", "swap")],
)  # fmt: skip
def test_a_system_call_loses_the_prefixes_that_differ_between_kernels(frame: str, name: str) -> None:
    report = first(f"general protection fault: 0000 [#1] SMP\nRIP: 0010:{frame}+0x1/0x2\n{TRACE}")
    assert report.function == name


def test_a_console_that_lost_its_machine_is_not_trusted() -> None:
    text = stamped("kernel BUG at hello.c:12!\n" + FAULT)
    assert not parse_oopses(text)[0].corrupted
    report = parse_oopses(text + "serialport: VM disconnected.\n")[0]
    assert report.corrupted
    assert report.reason == "the console lost its connection to the machine"


def test_each_kind_of_trace_must_have_a_frame_before_the_next_begins() -> None:
    text = "BUG: KASAN: slab-out-of-bounds in fill+0x1/0x2\nRead of size 1 at addr ffff888004a1c2e0\n"
    freed = "Freed by task 81:\n kfree+0x1/0x2\n fill+0x1/0x2 [hello]\n\nMemory state around the buggy address:\n"
    assert not first(text + TRACE + "Allocated by task 80:\n fill+0x1/0x2 [hello]\n" + freed).corrupted
    assert first(text + TRACE + "Allocated by task 80:\n" + freed).reason is not None
