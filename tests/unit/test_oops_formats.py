"""Other architectures, other kernels, other loggers: the same crash in the shapes in which the kernel prints it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kmodlab.evidence.oops.parser import parse_oopses
from kmodlab.evidence.oops.types import Kind, Oops


def stamped(text: str, speaker: str = "") -> str:
    """The text as a console shows it."""
    return "".join(f"[   12.{number:06}]{speaker} {line}\n" for number, line in enumerate(text.strip("\n").split("\n")))


def only(log: str) -> Oops:
    reports = parse_oopses(log)
    assert len(reports) == 1
    return reports[0]


ARM64 = """
Unable to handle kernel NULL pointer dereference at virtual address 0000000000000008
Mem abort info:
  ESR = 0x0000000096000005
Internal error: Oops: 0000000096000005 [#1] SMP
Modules linked in: hello(OE+)
CPU: 1 PID: 312 Comm: insmod Tainted: G           OE      6.1.0-56-arm64 #1 Debian 6.1.192-2
pstate: 60000005 (nZCv daif -PAN -UAO -TCO -DIT -SSBS BTYPE=--)
pc : hello_fill+0x14/0x40 [hello]
lr : hello_init+0x28/0x1000 [hello]
sp : ffff80000a3bbb00
x29: ffff80000a3bbb00 x28: 0000000000000000 x27: ffff8000080e2b30
Call trace:
 hello_fill+0x14/0x40 [hello]
 hello_init+0x28/0x1000 [hello]
 do_one_initcall+0x64/0x220
 el0t_64_sync+0x1a0/0x1a4
Code: d503233f a9bf7bfd 910003fd 52800020 (b9000801)
---[ end trace 0000000000000000 ]---
"""
RISCV = """
Unable to handle kernel NULL pointer dereference at virtual address 0000000000000008
Oops [#1]
Modules linked in: hello(OE+)
CPU: 0 PID: 201 Comm: insmod Tainted: G           OE      6.12.9-riscv64 #1
epc : hello_fill+0x10/0x2a [hello]
 ra : hello_init+0x1c/0x1000 [hello]
epc : ffffffff01a3e010 ra : ffffffff01a4001c sp : ff20000000a8bb50
status: 0000000200000120 badaddr: 0000000000000008 cause: 000000000000000f
[<ffffffff01a3e010>] hello_fill+0x10/0x2a [hello]
[<ffffffff01a4001c>] hello_init+0x1c/0x1000 [hello]
[<ffffffff80002a0c>] do_one_initcall+0x5c/0x1b2
[<ffffffff80003d2e>] ret_from_exception+0x0/0x64
---[ end trace 0000000000000000 ]---
"""
ARM = """
Unable to handle kernel NULL pointer dereference at virtual address 00000004
pgd = d9c30000
Internal error: Oops: 817 [#1] SMP ARM
Modules linked in: hello(O+)
CPU: 0 PID: 90 Comm: insmod Tainted: G           O    4.19.0-6-armmp #1
PC is at hello_fill+0x8/0x14 [hello]
LR is at hello_init+0x10/0x1000 [hello]
pc : [<bf8a1008>]    lr : [<bf8a4010>]    psr: 60000013
sp : d9c2bd68  ip : 00000000  fp : 00000000
Backtrace:
[<bf8a1000>] (hello_fill [hello]) from [<bf8a4010>] (hello_init+0x10/0x1000 [hello])
[<bf8a4000>] (hello_init [hello]) from [<c0302d5c>] (do_one_initcall+0x54/0x1fc)
[<c0302d08>] (do_one_initcall) from [<c03b2a90>] (do_init_module+0x60/0x1f8)
---[ end trace 3a1b2c ]---
"""
X86_4_4 = """
BUG: unable to handle kernel NULL pointer dereference at 0000000000000008
IP: [<ffffffffc0309014>] hello_fill+0x14/0x30 [hello]
PGD 0
Oops: 0002 [#1] SMP
Modules linked in: hello(OE+)
CPU: 2 PID: 1204 Comm: insmod Tainted: G           OE   4.4.0-21-generic #37-Ubuntu
task: ffff880036c41b80 ti: ffff8800378fc000 task.ti: ffff8800378fc000
RIP: 0010:[<ffffffffc0309014>]  [<ffffffffc0309014>] hello_fill+0x14/0x30 [hello]
RSP: 0018:ffff8800378ffcd8  EFLAGS: 00010246
RAX: 0000000000000000 RBX: ffffffff81e17080 RCX: 0000000000000000
Stack:
 ffffffffc030c010 ffffffff81002123 0000000000000000 0000000000000000
Call Trace:
 [<ffffffffc030c010>] hello_init+0x10/0x1000 [hello]
 [<ffffffff81002123>] ? preempt_schedule_common+0x13/0x30
 [<ffffffff81002123>] do_one_initcall+0xb3/0x200
 [<ffffffff81835c36>] entry_SYSCALL_64_fastpath+0x16/0x75
---[ end trace 5c1d2e ]---
"""
X86_6_12 = """
BUG: kernel NULL pointer dereference, address: 0000000000000008
#PF: supervisor write access in kernel mode
#PF: error_code(0x0002) - not-present page
Oops: Oops: 0002 [#1] PREEMPT SMP NOPTI
CPU: 1 UID: 0 PID: 431 Comm: insmod Tainted: G           OE      6.12.57+deb13-amd64 #1  Debian 6.12.57-1
Tainted: [O]=OOT_MODULE, [E]=UNSIGNED_MODULE
RIP: 0010:hello_fill+0x14/0x30 [hello]
RSP: 0018:ffffb1a2c0a3fb28 EFLAGS: 00010246
Call Trace:
 <TASK>
 hello_init+0x10/0xff0 [hello]
 ? __pfx_hello_init+0x10/0x10 [hello]
 do_one_initcall+0x58/0x320
 entry_SYSCALL_64_after_hwframe+0x76/0x7e
 </TASK>
---[ end trace 0000000000000000 ]---
"""


@pytest.mark.parametrize("log", [ARM64, RISCV, ARM, X86_4_4, X86_6_12], ids=["arm64", "riscv", "arm", "4.4", "6.12"])
def test_a_null_dereference_is_the_same_on_every_kernel(log: str) -> None:
    report = only(stamped(log))
    assert report.title == "BUG: unable to handle kernel NULL pointer dereference in hello_fill"
    assert report.kind is Kind.NULL_DEREFERENCE
    assert (report.function, report.module) == ("hello_fill", "hello")
    assert report.rip is not None
    assert report.rip.startswith("hello_fill+0x")
    assert "hello_init" in [frame.function for frame in report.trace if frame.reliable]
    assert [taint.letter for taint in report.taint][:1] == ["O"]
    assert report.process == "insmod"
    assert not report.corrupted


PREFIXES: dict[str, Callable[[str], str]] = {
    "nothing": lambda text: text.lstrip("\n"),
    "time": stamped,
    "task": lambda text: stamped(text, "[  T431]"),
    "level": lambda text: "".join(f"<4>{line}\n" for line in stamped(text).splitlines()),
    "carriage returns": lambda text: stamped(text).replace("\n", "\r\n"),
    "calendar": lambda text: "".join(f"[Sun Nov 22 20:33:48 2026] {line}\n" for line in text.strip("\n").split("\n")),
    "syslog": lambda text: "".join(f"Nov 22 20:33:48 lab kernel: {line}\n" for line in stamped(text).splitlines()),
    "journal": lambda text: "".join(f"Nov 22 20:33:48 lab kernel: {line}\n" for line in text.strip("\n").split("\n")),
    "kmsg": lambda text: "".join(f"4,{n},12000{n},-;{line}\n" for n, line in enumerate(text.strip("\n").split("\n"))),
    "colour": lambda text: "".join(f"\x1b[32m{line}\x1b[0m\n" for line in stamped(text).splitlines()),
    "login prompt": lambda text: "lab login: " + stamped(text),
}


@pytest.mark.parametrize("name", PREFIXES)
def test_what_a_logger_puts_in_front_does_not_matter(name: str) -> None:
    report = only(PREFIXES[name](X86_6_12))
    assert report.function == "hello_fill"
    assert [frame.function for frame in report.trace if frame.reliable][:2] == ["hello_init", "do_one_initcall"]
    assert not report.corrupted


def test_helpers_are_passed_over_for_their_caller() -> None:
    log = X86_6_12.replace("RIP: 0010:hello_fill+0x14/0x30 [hello]", "RIP: 0010:memcpy_orig+0x14/0x30")
    log = log.replace(
        " hello_init", " __mutex_lock.constprop.0+0x10/0x20\n hello_copy.isra.0+0x3/0x9 [hello]\n hello_init"
    )
    report = only(stamped(log))
    assert report.function == "hello_copy"
    assert report.rip == "memcpy_orig+0x14/0x30"


def test_a_jump_to_nowhere_is_blamed_on_the_caller() -> None:
    log = X86_6_12.replace("RIP: 0010:hello_fill+0x14/0x30 [hello]", "RIP: 0010:0x0")
    report = only(stamped(log))
    assert report.function == "hello_init"
    assert report.rip == "0x0"


def test_only_the_task_that_crashed_is_listened_to() -> None:
    lines = stamped(X86_6_12, "[  T431]").splitlines()
    other = "[   12.000003][  T500] Call Trace:\n[   12.000003][  T500]  innocent_bystander+0x1/0x2"
    report = only("\n".join(f"{line}\n{other}" for line in lines))
    assert report.function == "hello_fill"
    assert "innocent_bystander" not in [frame.function for frame in report.trace]


@pytest.mark.parametrize(
    ("headline", "title", "kind"),
    [
        ("BUG: KASAN: slab-out-of-bounds in fill+0x1/0x2\nWrite of size 4 at addr ffff88",
         "KASAN: slab-out-of-bounds Write in fill", Kind.KASAN),
        ("BUG: KASAN: double-free in kfree+0x1/0x2", "KASAN: invalid-free in fill", Kind.KASAN),
        ("BUG: KCSAN: data-race in fill / drain", "KCSAN: data-race in fill / drain", Kind.KCSAN),
        ("BUG: sleeping function called from invalid context at mm/slab.h:1",
         "BUG: sleeping function called from invalid context in fill", Kind.SLEEPING_IN_ATOMIC),
        ("UBSAN: shift-out-of-bounds in fill.c:3:4", "UBSAN: shift-out-of-bounds in fill", Kind.UBSAN),
        ("INFO: task insmod:81 blocked for more than 120 seconds.", "INFO: task hung in fill", Kind.HUNG_TASK),
        ("BUG: spinlock bad magic on CPU#0, insmod/81", "BUG: spinlock bad magic in fill", Kind.LOCKDEP),
        ("WARNING: possible recursive locking detected\ninsmod/81 is trying to acquire lock:\n"
         "ffffffffc0 (lock){+.+.}-{2:2}, at: fill+0x1/0x2 [hello]", "possible deadlock in fill", Kind.LOCKDEP),
        ("unregister_netdevice: waiting for lo to become free. Usage count = 2",
         "unregister_netdevice: waiting for DEV to become free", Kind.OTHER),
        ("watchdog: Watchdog detected hard LOCKUP on cpu 0\nRIP: 0010:fill+0x1/0x2 [hello]",
         "watchdog: hard LOCKUP in fill", Kind.HARD_LOCKUP),
        ("module hello: unsupported RELA relocation: 275", "unsupported RELA relocation 275", Kind.BAD_RELOCATION),
    ],
)  # fmt: skip
def test_a_sentence_gets_the_title_that_mailing_lists_know(headline: str, title: str, kind: Kind) -> None:
    trace = (
        "\nCall Trace:\n dump_stack+0x1/0x2\n fill+0x8/0x9 [hello]\n do_one_initcall+0x1/0x2\n ret_from_fork+0x1/0x2"
    )
    report = parse_oopses(stamped(headline + trace))[0]
    assert (report.title, report.kind) == (title, kind)


def test_a_leak_is_blamed_on_who_asked_the_allocator() -> None:
    log = """
BUG: memory leak
unreferenced object 0xffff888100a3c000 (size 64):
  comm "insmod", pid 81, jiffies 4294937296
  backtrace (crc 5f3d2a1):
    [<00000000a1b2c3d4>] kmalloc_trace+0x26/0x90
    [<00000000a1b2c3d5>] hello_init+0x12/0x1000 [hello]
    [<00000000a1b2c3d6>] do_one_initcall+0x59/0x220
"""
    report = only(stamped(log))
    assert (report.title, report.kind) == ("memory leak in hello_init", Kind.MEMORY_LEAK)
    assert report.trace[1].module == "hello"
