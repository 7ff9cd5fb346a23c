"""Modules that crash, each in its own way, and the report that is expected of each.

`EXPECTED` has the expected reports; the mark `/* here */` in a module's source is the expected line. The table is used
for logs of several kernels, stored ones and new ones.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from kmodlab.crash.records import format_log
from kmodlab.crash.report import Kind
from kmodlab.guest.lab import Lab
from kmodlab.guest.session import Session
from kmodlab.kbuild.build import build
from kmodlab.kbuild.result import Build
from kmodlab.kbuild.sources import Sources
from kmodlab.sandbox.limits import BUILD
from kmodlab.tracer.run import load, take_step, unload

DATA = Path(__file__).parents[1] / "data" / "crash"
MODULES = DATA / "modules"
DEBUG_MODULES = DATA / "debug"
MARK = "/* here */"


@dataclass(frozen=True)
class Expected:
    """The possible kinds of the report, a pattern for its sentence, and the module's functions, innermost first."""

    kinds: tuple[Kind, ...]
    sentence: str
    functions: tuple[str, ...]


def _case(kind: Kind | tuple[Kind, ...], sentence: str, *functions: str) -> Expected:
    return Expected(kind if isinstance(kind, tuple) else (kind,), sentence, functions)


_NULL = r"BUG: kernel NULL pointer dereference, address: 0{15}"
_FAULT = r"BUG: unable to handle page fault for address: "
_OOPS = r"(Oops: )?"
EXPECTED = {
    "badpage": _case(Kind.BAD_PAGE, r"BUG: Bad page state in process insmod  pfn:", "badpage_init"),
    "breakpoint": _case(Kind.TRAP, _OOPS + r"int3: 0000 \[#1\]", "look", "breakpoint_init"),
    "bugon": _case(Kind.BUG, r"kernel BUG at \S*bugon\.c:9!", "check_level", "bugon_init"),
    "divzero": _case(Kind.DIVIDE_ERROR, _OOPS + r"divide error: 0000 \[#1\]", "divzero_init"),
    "doublefree": _case(Kind.BUG, r"kernel BUG at mm/slub\.c:\d+!", "doublefree_exit"),
    "doublefree-slub_debug": _case(Kind.SLAB_CORRUPTION, r"BUG kmalloc-192 \(Tainted: ", "doublefree_exit"),
    "dumps": _case(Kind.TRACE, r"Call Trace:", "show_me", "dumps_init"),
    "dupclass": _case(Kind.DUPLICATE_NAME, r"sysfs: cannot create duplicate filename '/class/input'", "dupclass_init"),
    "exposes": _case(Kind.BUG, r"usercopy: Kernel memory exposure attempt detected from SLUB object", "on_read"),
    "forgotten": _case(Kind.LIST_CORRUPTION, r"list_del corruption, \w+->next is NULL"),
    "freesirq": _case(Kind.WARNING, r"Trying to free already-free IRQ 5", "freesirq_init"),
    "freesmiddle": _case(Kind.PAGE_FAULT, _FAULT, "freesmiddle_init"),
    "gpf": _case(Kind.GENERAL_PROTECTION, _OOPS + r"general protection fault, ", "look", "gpf_init"),
    "hungtask": _case(Kind.HUNG_TASK, r"INFO: task greedy:85 blocked for more than 10 s", "take_again", "worker"),
    "initobject": _case(Kind.WARNING, r"kobject.*tried to init an initialized object", "initobject_init"),
    "inlined": _case(Kind.WARNING, r"WARNING: CPU: 0 PID: \d+ at /tmp/inlined\.c:9 inlined_init", "inlined_init"),
    "interrupted": _case(Kind.NULL_DEREFERENCE, _NULL + "0", "on_timer", "interrupted_init"),
    "kobjtwice": _case(Kind.DUPLICATE_NAME, r"proc_dir_entry '/proc/kobjtwice_dir' already", "kobjtwice_init"),
    "listbad": _case(Kind.LIST_CORRUPTION, r"list_del corruption, \w+->next is LIST_POISON1", "drop", "listbad_init"),
    "norelease": _case(Kind.WARNING, r"Device 'norelease' does not have a release\(\)", "norelease_exit"),
    "nullcall": _case(Kind.NULL_DEREFERENCE, _NULL + "0", "nullcall_init"),
    "nullinit": _case(Kind.NULL_DEREFERENCE, _NULL + "4", "nullinit_init"),
    "nullread": _case(Kind.NULL_DEREFERENCE, _NULL + "0", "on_read"),
    "nulltimer": _case(Kind.NULL_DEREFERENCE, _NULL + "0", "look_up", "on_timer"),
    "nullwork": _case(Kind.NULL_DEREFERENCE, _NULL + "0", "on_work"),
    "overrun-slub_debug": _case(Kind.SLAB_CORRUPTION, r"BUG kmalloc-64 \(.*\): Right Redzone over", "overrun_init"),
    "pagefault": _case(Kind.PAGE_FAULT, _FAULT + "ffff999900000000", "pagefault_init"),
    "panics": _case(Kind.PANIC, r"Kernel panic - not syncing: this module knows no further", "panics_init"),
    "putobject": _case(Kind.WARNING, r"kobject: .*is not initialized, yet kobject_put\(\) is", "putobject_init"),
    "rcustall": _case(Kind.RCU_STALL, r"rcu: INFO: rcu_preempt self-det", "read_for_ever", "rcustall_init"),
    "readonly": _case(Kind.PAGE_FAULT, _FAULT, "change", "readonly_init"),
    "refbad": _case(Kind.REFCOUNT, r"refcount_t: underflow; use-after-free\.", "refbad_init"),
    "remaining": _case(Kind.SLAB_CORRUPTION, r"BUG remaining \(.*\): Objects remaining", "remaining_exit"),
    "schedatomic": _case(Kind.SCHEDULING_WHILE_ATOMIC, r"BUG: scheduling while atomic: insmod/", "schedatomic_init"),
    "smash": _case(Kind.STACK_CORRUPTION, r"Kernel panic .*: Kernel stack is corrupted in: parse\+", "parse"),
    "softlock": _case(Kind.SOFT_LOCKUP, r"watchdog: BUG: soft lockup - CPU#0 stuck for 13s! \[insm", "softlock_init"),
    "stackover": _case(Kind.STACK_OVERFLOW, r"BUG: TASK stack guard page was hit at", "descend", "descend"),
    # The content of a freed task_struct is random.
    "stopsdead": _case((Kind.REFCOUNT, Kind.WARNING), r"refcount_t: addition on 0; use|WARNING: .* kthread_stop\+"),
    # Since 6.9 the kernel prints a longer warning before the BUG.
    "toolong": _case((Kind.BUG, Kind.WARNING), r"(strcpy: )?detected buffer overflow", "toolong_init"),
    "trap": _case(Kind.TRAP, _OOPS + r"invalid opcode: 0000 \[#1\]", "never", "trap_init"),
    "twofiles": _case(Kind.NULL_DEREFERENCE, _NULL + "0", "twofiles_work"),
    "userspace": _case(Kind.PAGE_FAULT, _FAULT + "00007fff12345000", "look", "userspace_init"),
    "usefree-slub_debug": _case(Kind.SLAB_CORRUPTION, r"BUG kmalloc-128 \(.*\): Poison overwritten", "usefree_init"),
    "vfrees": _case(Kind.WARNING, r"Trying to vfree\(\) bad address", "vfrees_init"),
    "warnexit": _case(Kind.WARNING, r"1 users left$", "warnexit_exit"),
    "warnstext": _case(Kind.WARNING, r"3 users left$", "warnstext_init"),
}  # fmt: skip
# Modules in the folder debug, whose mistakes only the debug kernel finds, each with the functions of its report.
DEBUG = {
    "crosswise": _case(Kind.LOCKDEP, r"WARNING: possible circular locking dependency", "wash_up", "crosswise_init"),
    "freedtwice": _case(Kind.KASAN, r"BUG: KASAN: double-free in ", "freedtwice_exit"),
    "freestimer": _case(Kind.WARNING, r"ODEBUG: free active .* object type: timer_list", "freestimer_exit"),
    "lockslater": _case(Kind.LOCKDEP, r"INFO: trying to register non-static key", "lockslater_init"),
    "neverfreed": _case(Kind.MEMORY_LEAK, r"unreferenced object 0x[0-9a-f]{16} \(size", "neverfreed_init"),
    "outofbounds": _case(Kind.KASAN, r"BUG: KASAN: slab-out-of-bounds in fill\+", "fill", "fill", "outofbounds_init"),
    "pastarray": _case(Kind.UBSAN, r"UBSAN: array-index-out-of-bounds in \S*pastarray\.c:12:", "pastarray_init"),
    "shiftsfar": _case(Kind.UBSAN, r"UBSAN: shift-out-of-bounds in \S*shiftsfar\.c:8:", "shiftsfar_init"),
    "sleepslocked": _case(Kind.SLEEPING_IN_ATOMIC, r"BUG: sleeping function called from inv", "sleepslocked_init"),
    "usedinexit": _case(Kind.KASAN, r"BUG: KASAN: (slab-)?use-after-free in usedinexit_exit\+", "usedinexit_exit"),
}
EXPECTED |= DEBUG
# Exit ends with these calls, which are tail calls, so exit is not in the trace.
LAST_CALLS = {"forgotten": "misc_deregister", "stopsdead": "kthread_stop"}
# These hang the guest, or need a kernel with more checks; only their stored logs are used.
NOT_RUN = {"badpage", "hungtask", "nosymbol", "overrun", "rcustall", "softlock", "usefree"}
# Commands that cause the crash, for modules whose load and unload do not.
SCRIPTS = {"nullread": "cat /dev/nullread", "exposes": "cat /dev/exposes"}
TWO_FILES = {"twofiles": ("twofiles_main.o", "twofiles_work.o")}


def module_names() -> list[str]:
    """The modules that are run."""
    files = {path.stem for path in MODULES.glob("*.c")}
    parts = {part.removesuffix(".o") for objects in TWO_FILES.values() for part in objects}
    return sorted((files - parts - NOT_RUN) | set(TWO_FILES))


def marked_line(name: str) -> tuple[str, int]:
    """File and line of the module's mark."""
    for path in sorted(MODULES.glob(f"{name}*.c")):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if MARK in line:
                return path.name, number
    raise LookupError(name)


def build_modules(lab: Lab) -> Build:
    """Build all modules in one run of kbuild."""
    names = module_names()
    makefile = "".join(f"obj-m += {name}.o\n" for name in names)
    makefile += "".join(f"{name}-y := {' '.join(objects)}\n" for name, objects in TWO_FILES.items())
    makefile += "ccflags-y += -Wno-unused-result\n"
    files = {path.name: path.read_bytes() for path in MODULES.glob("*.c")}
    limits = replace(BUILD, wall_s=600)  # forty modules beside other tests
    return build(lab.tree, Sources.of(names[0], {**files, "Makefile": makefile}), limits=limits)


def run_module(session: Session, name: str, ko: bytes) -> str:
    """Load, use and unload a module in a fresh guest; returns the kernel's log, or the console's last lines."""
    session.reset()
    session.kmsg()
    steps = [load(session, name, ko)]
    if steps[-1].end is None and name in SCRIPTS:
        steps.append(take_step(session, ["sh", "-c", SCRIPTS[name]]))
    loaded = steps[0].result is not None and steps[0].result.ok
    if steps[-1].end is None and loaded and not any(step.crashes for step in steps):
        steps.append(unload(session, name))
    logs = (text for step in steps for text in (format_log(step.earlier), step.log))
    return "\n".join(log for log in logs if log)


def plain_name(function: str) -> str:
    """A function's name without the suffix that a compiler appends."""
    return re.sub(r"\..*", "", function)
