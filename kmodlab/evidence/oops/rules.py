"""Which sentence of the kernel is which crash, and under which title it is filed.

One table. A `Rule` says: where this sentence stands, the crash is of this kind, is titled so, and its guilty function
is searched for there. Titles follow the convention of syzbot's reports, so that a learner can look one up on the
kernel's mailing lists; the sentences are those of the kernel's own sources. How a rule is applied is left to `titles`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from kmodlab.evidence.oops.culprit import STACK, Search, Step, before_anchor, who_waits
from kmodlab.evidence.oops.frames import CALL_TRACE, PROGRAM_COUNTER, pattern
from kmodlab.evidence.oops.types import Kind


@dataclass(frozen=True)
class Rule:
    """A sentence, the title's template and the kind; `then` are lines that must follow, one after the other.

    The template's numbers are the groups of the sentence, then those of the following lines, then the functions that
    `search` finds. `traceless`: such a report needs no stack. `damaged`: whoever sees only this has lost the start.
    `verbatim`: the numbers in the title matter.
    """

    sentence: re.Pattern[str]
    title: str
    kind: Kind
    then: tuple[re.Pattern[str], ...] = ()
    search: Search | None = None
    traceless: bool = False
    damaged: bool = False
    verbatim: bool = False


@dataclass(frozen=True, eq=False)
class Family:
    """The rules that share a word by which a line is recognised, and what takes the word in vain.

    `kind` is for a sentence with that word which no rule knows. Anybody may print the word: such a sentence counts only
    if a call trace follows, or if it looks as only the kernel's own do (`OWN_WORDS`).
    """

    word: re.Pattern[str]
    rules: tuple[Rule, ...]
    kind: Kind
    unless: re.Pattern[str] | None = None


# How only the kernel begins a line; a subsystem may put its name before.
OWN_WORDS = re.compile(r"(?:[\w.\- ]{1,30}: )?BUG: |WARNING: CPU: \d+ PID: \d+ at ")


# A line is asked about again by every report that it may belong to.
@lru_cache(maxsize=8192)
def known_rules(family: Family, text: str) -> tuple[Rule, ...]:
    """The family's rules whose sentence stands in this line, in order."""
    return tuple(rule for rule in family.rules if rule.sentence.search(text))


def _rule(
    sentence: str,
    title: str,
    kind: Kind,
    *then: str,
    search: Search | None = None,
    traceless: bool = False,
    damaged: bool = False,
) -> Rule:
    return Rule(pattern(sentence), title, kind, tuple(map(pattern, then)), search, traceless, damaged)


def _traced(*skip: str) -> Search:
    return Search((CALL_TRACE, STACK), skip=skip)


def _named(sentence: str, *skip: str) -> Search:
    return Search((pattern(sentence), CALL_TRACE, STACK), skip=skip)


def _kfence(sentence: str) -> Search:
    return Search((pattern(sentence), STACK))


def _warned(*skip: str) -> Search:
    """Where the warning trapped; on kernels that warn by a call, and past helpers, the trace."""
    trapped: Step = pattern(f"(?:{PROGRAM_COUNTER.pattern}|--- interrupt: \\d+ at <func>)")
    return Search((trapped, STACK), (CALL_TRACE, STACK), skip)


_FAULT_STEPS = (PROGRAM_COUNTER, CALL_TRACE, STACK)
_FAULT = Search(_FAULT_STEPS)
_LOOP = Search(_FAULT_STEPS, pick=before_anchor)
_TRACE = _traced()
_ONLY_PC = Search((PROGRAM_COUNTER,))
_KMSAN_STEPS = (STACK, pattern("(Local variable .* created at:|Uninit was created at:)"), STACK)
_USB_CALLS = ("usb_submit_urb", "usb_start_wait_urb", "usb_bulk_msg", "usb_interrupt_msg", "usb_control_msg")
_AT = r"at: (?:<pc> +)?<func>"
_OLD_AT = r"at: <pc> +<func>"
_STALL = Search(
    (pattern("apic_timer_interrupt"), PROGRAM_COUNTER, STACK),
    (pattern("apic_timer_interrupt|Exception stack|el1h_64_irq"), STACK),
    ("apic_timer_interrupt", "rcu"),
    before_anchor,
)
_LEAK_SKIP = (
    "kmemleak", "mmap", "kmem", "slab", "alloc", "create_object", "idr_get", "list_lru_init", "kasprintf", "kvasprintf",
    "pcpu_create", "strdup", "strndup", "memdup",
)  # fmt: skip
LEAK = Search((pattern(r"backtrace(?: \(crc [0-9a-fA-F]*\))?:"), STACK), skip=_LEAK_SKIP)
_PAGE_SKIP = (
    "(free|put|get|update|release)_page", "free_unref", "^_*folio", "truncate_inode_pages", "page_frag_free", "alloc",
    "vmap", "page_owner",
)  # fmt: skip
_ODEBUG_SKIP = (
    "debug_", "rcu", "hrtimer_", "timer_", "work_", "percpu_", "vunmap", "vfree", "__free_", "debug_check", "kobject_",
)  # fmt: skip
_BAD_FREE = r"BUG: KASAN: (?:double-free or invalid-free|double-free|invalid-free) in <func>"

_SANITIZERS = (
    _rule(
        r"BUG: KASAN: ([a-z\-]+) in <func>", "KASAN: {0} {2} in {3}", Kind.KASAN,
        r"(Read|Write) (?:of size|at addr) [0-9a-f]+",
        search=_named(r"BUG: KASAN: [a-z\-]+ in <func>", "kernel_fault", "tag_check", "mem_abort", "^el1_", "^el1h_"),
    ),
    _rule(_BAD_FREE, "KASAN: invalid-free in {1}", Kind.KASAN,
          search=_named(_BAD_FREE, "slab_", "kfree", "vunmap", "vfree")),
    _rule(r"BUG: KASAN: ([a-z\-]+) on address", "KASAN: {0} {1}", Kind.KASAN, r"(Read|Write) of size \d+"),
    _rule(r"BUG: KASAN: (.*)", "KASAN: {0}", Kind.KASAN, damaged=True),
    _rule(r"BUG: KMSAN: kernel-usb-infoleak in <func>", "KMSAN: kernel-usb-infoleak in {1}", Kind.KMSAN,
          search=Search(_KMSAN_STEPS, skip=("alloc_skb", *_USB_CALLS)), traceless=True),
    _rule(
        r"BUG: KMSAN: ([a-z\-]+) in <func>", "KMSAN: {0} in {2}", Kind.KMSAN, traceless=True,
        # Encryption is where foreign garbage is first looked at; whoever handed it in is elsewhere.
        search=Search(_KMSAN_STEPS, skip=("alloc_skb", "netlink_ack", "netlink_rcv_skb", "_encrypt$",
                                          "^(?:crypto|cipher|drbg|rng)_")),
    ),
    _rule(r"BUG: KCSAN: (.*)", "KCSAN: {0}", Kind.KCSAN, traceless=True),
    _rule(r"BUG: KFENCE: (use-after-free|out-of-bounds) (read|write) in <func>", "KFENCE: {0} {1} in {3}", Kind.KFENCE,
          search=_kfence(r"BUG: KFENCE: [a-z\- ]+ in <func>")),
    _rule(r"BUG: KFENCE: (invalid free|memory corruption) in <func>", "KFENCE: {0} in {2}", Kind.KFENCE,
          search=_kfence(r"BUG: KFENCE: [a-z\- ]+ in <func>"), traceless=True),
    _rule(r"BUG: KFENCE: invalid (read|write) in <func>", "KFENCE: invalid {0} in {2}", Kind.KFENCE,
          search=_kfence(r"BUG: KFENCE: [a-z\- ]+ in <func>")),
)  # fmt: skip

_BUGS = (
    *_SANITIZERS,
    _rule("BUG: (?:unable to handle kernel paging request|unable to handle page fault for address|"
          "Unable to handle kernel data access)",
          "BUG: unable to handle kernel paging request in {0}", Kind.PAGE_FAULT, search=_FAULT),
    _rule("BUG: (?:unable to handle kernel|kernel|Kernel) NULL pointer dereference",
          "BUG: unable to handle kernel NULL pointer dereference in {0}", Kind.NULL_DEREFERENCE, search=_FAULT),
    # The kernel prints the rest of this sentence by a second call, which may be lost.
    _rule("BUG: [uU]nable to handle kernel", "BUG: unable to handle kernel", Kind.PAGE_FAULT, damaged=True),
    _rule("BUG: (spinlock|rwlock) (lockup suspected|already unlocked|recursion|cpu recursion|bad magic|wrong owner|"
          "wrong CPU|trylock failure on UP)",
          "BUG: {0} {1} in {2}", Kind.LOCKDEP, search=_traced("spin_", "_lock", "_unlock")),
    _rule("BUG: soft lockup", "BUG: soft lockup in {0}", Kind.SOFT_LOCKUP, search=_LOOP),
    _rule("BUG: .*still has locks held!", "BUG: still has locks held in {0}", Kind.LOCKDEP, "<pc> +<func>"),
    _rule("BUG: scheduling while atomic", "BUG: scheduling while atomic in {0}", Kind.SCHEDULING_WHILE_ATOMIC,
          search=_traced("schedule")),
    _rule("BUG: lock held when returning to user space", "BUG: lock held when returning to user space in {0}",
          Kind.LOCKDEP, "leaving the kernel with locks still held", _AT, traceless=True),
    _rule("BUG: bad unlock balance detected!", "BUG: bad unlock balance in {0}", Kind.LOCKDEP,
          search=_named("<pc> +<func>")),
    _rule("BUG: held lock freed!", "BUG: held lock freed in {0}", Kind.LOCKDEP, "<pc> +<func>"),
    _rule("BUG: Bad rss-counter state", "BUG: Bad rss-counter state", Kind.BUG, traceless=True),
    _rule("BUG: non-zero nr_(pte|pmd)s on freeing mm", "BUG: non-zero nr_{0}s on freeing mm", Kind.BUG,
          traceless=True),
    _rule(r"BUG: Dentry .* still in use \(\d+\) \[(unmount) of [^\]]+\]", "BUG: Dentry still in use in {0}",
          Kind.BUG),
    _rule("BUG: Bad page (state|cache)", "BUG: Bad page {0} in {1}", Kind.BUG,
          search=Search((pattern("page last allocated"), STACK), skip=_PAGE_SKIP)),
    _rule("BUG: Bad page map", "BUG: Bad page map", Kind.BUG),
    _rule("BUG: workqueue lockup", "BUG: workqueue lockup in {0}", Kind.SOFT_LOCKUP, r"Workqueue:\s+\S+\s+(\w+)",
          traceless=True),
    _rule("BUG: workqueue lockup", "BUG: workqueue lockup", Kind.SOFT_LOCKUP, traceless=True),
    _rule("BUG: sleeping function called from invalid context at ",
          "BUG: sleeping function called from invalid context in {0}", Kind.SLEEPING_IN_ATOMIC, search=_TRACE),
    _rule(r"BUG: using ([a-z_]+)\(\) in preemptible", "BUG: using {0}() in preemptible code in {1}", Kind.LOCKDEP,
          search=_traced("dump_stack", "preemption", "preempt", "debug_", "processor_id", "this_cpu")),
    _rule("BUG: workqueue leaked lock or atomic", "BUG: workqueue leaked lock or atomic in {0}", Kind.LOCKDEP,
          r"last function: (\w+)$", traceless=True),
    _rule("BUG: memory leak", "memory leak in {0}", Kind.MEMORY_LEAK, search=LEAK),
    _rule("BUG: .*stack guard page was hit at", "BUG: stack guard page was hit in {0}", Kind.STACK_OVERFLOW,
          search=_LOOP),
    # What arm reports so, x86 reports as the warning whose title this is.
    _rule("BUG: Invalid wait context", "WARNING: locking bug in {0}", Kind.LOCKDEP,
          search=_traced("lock_sock", "release_sock")),
    _rule(r"BUG:\s*$", "BUG: corrupted", Kind.BUG, damaged=True),
)  # fmt: skip

_WARNINGS = (
    _rule(r"WARNING: .*lib/debugobjects\.c.* (?:debug_print|debug_check|at)", "WARNING: ODEBUG bug in {0}",
          Kind.WARNING, search=_warned(*_ODEBUG_SKIP)),
    _rule(r"WARNING: .*mm/usercopy\.c.* (?:usercopy_warn|at)", "WARNING: bad usercopy in {0}", Kind.WARNING,
          search=_warned("usercopy", "__check")),
    _rule(r"WARNING: .*lib/kobject\.c.* (?:kobject_|at)", "WARNING: kobject bug in {0}", Kind.WARNING,
          search=_warned("kobject_")),
    _rule(r"WARNING: .*fs/proc/generic\.c.* (?:proc_register|at)", "WARNING: proc registration bug in {0}",
          Kind.WARNING, search=_warned("proc_")),
    _rule(r"WARNING: .*lib/refcount\.c.* (?:refcount_|at)", "WARNING: refcount bug in {0}", Kind.REFCOUNT_CORRUPTION,
          search=_warned("refcount", "kobject_")),
    _rule(r"WARNING: .*kernel/locking/lockdep\.c.*lock_", "WARNING: locking bug in {0}", Kind.LOCKDEP,
          search=_warned("lock_sock", "release_sock")),
    _rule("WARNING: .*still has locks held!", "WARNING: still has locks held in {0}", Kind.LOCKDEP, "at: <func>"),
    _rule("WARNING: Nested lock was not taken", "WARNING: nested lock was not taken in {0}", Kind.LOCKDEP,
          search=_warned()),
    _rule("WARNING: lock held when returning to user space", "WARNING: lock held when returning to user space in {0}",
          Kind.LOCKDEP, "leaving the kernel with locks still held", _AT, traceless=True),
    _rule(r"WARNING: .*mm/[^ ]*\.c[^ ]*(?: at)? k?.?malloc", "WARNING: kmalloc bug in {0}", Kind.WARNING,
          search=_warned("kmalloc", "krealloc", "slab", "kmem")),
    _rule("WARNING: .*mm/vmalloc.c.*__vmalloc_node", "WARNING: zero-size vmalloc in {0}", Kind.WARNING,
          search=_warned()),
    _rule("WARNING: .* usb_submit_urb", "WARNING in {0}/usb_submit_urb", Kind.WARNING, search=_warned(*_USB_CALLS)),
    # From 6.19 on some warnings name no function.
    _rule(r"WARNING: <src> at 0x\d+, CPU#\d+", "WARNING in {1}", Kind.WARNING, search=_warned()),
    _rule(r"WARNING: (?:.* at |\[.*\] )?<src>(?: at)? <func>", "WARNING in {2}", Kind.WARNING, search=_warned()),
    _rule("WARNING: possible circular locking dependency detected", "possible deadlock in {0}", Kind.LOCKDEP,
          "is trying to acquire lock",
          search=Search((pattern(_AT), pattern(_AT), STACK),
                        # Work queues take locks that stand for their work; the work is to blame.
                        skip=("process_one_work", "flush_workqueue", "drain_workqueue", "destroy_workqueue"))),
    _rule("WARNING: possible irq lock inversion dependency detected", "possible deadlock in {0}", Kind.LOCKDEP,
          "just changed the state of lock", _AT),
    _rule("WARNING: .*-safe -> .*-unsafe lock order detected", "possible deadlock in {0}", Kind.LOCKDEP,
          search=Search((pattern("which became (?:.*) at:"), STACK))),
    _rule("WARNING: possible recursive locking detected", "possible deadlock in {0}", Kind.LOCKDEP,
          "is trying to acquire lock", _AT),
    _rule("WARNING: inconsistent lock state", "inconsistent lock state in {1}", Kind.LOCKDEP, "takes", _AT,
          search=_TRACE),
    _rule("WARNING: suspicious RCU usage", "WARNING: suspicious RCU usage in {1}", Kind.LOCKDEP, "<src>",
          search=_traced("rcu", "kmem", "slab")),
    _rule("WARNING: kernel stack regs at [0-9a-f]+ in [^ ]* has bad '([^']+)' value",
          "WARNING: kernel stack regs has bad '{0}' value", Kind.WARNING, traceless=True),
    _rule("WARNING: kernel stack frame pointer at [0-9a-f]+ in [^ ]* has bad value",
          "WARNING: kernel stack frame pointer has bad value", Kind.WARNING, traceless=True),
    _rule("WARNING: bad unlock balance detected!", "WARNING: bad unlock balance in {0}", Kind.LOCKDEP,
          search=_named("<pc> +<func>")),
    _rule("WARNING: held lock freed!", "WARNING: held lock freed in {0}", Kind.LOCKDEP, "at:(?: <pc>)? +<func>"),
    _rule("WARNING: kernel stack (?:regs .* has bad 'bp'|frame pointer .* has bad) value",
          "WARNING: kernel stack regs has bad value", Kind.WARNING, traceless=True),
    _rule(r"WARNING:\s*$", "WARNING: corrupted", Kind.WARNING, damaged=True),
)  # fmt: skip

_INFOS = (
    _rule(r"INFO: possible (?:circular|recursive) locking(?: dependency)? detected", "possible deadlock in {0}",
          Kind.LOCKDEP, "is trying to acquire lock", _OLD_AT),
    _rule("INFO: possible irq lock inversion dependency detected", "possible deadlock in {0}", Kind.LOCKDEP,
          "just changed the state of lock", _OLD_AT),
    _rule("INFO: SOFTIRQ-safe -> SOFTIRQ-unsafe lock order detected", "possible deadlock in {0}", Kind.LOCKDEP,
          "is trying to acquire", _OLD_AT),
    _rule("INFO: inconsistent lock state", "inconsistent lock state in {0}", Kind.LOCKDEP, "takes", _OLD_AT),
    _rule("INFO: rcu_(?:preempt|sched|bh|tasks) (?:self-)?detected(?: expedited)? stall",
          "INFO: rcu detected stall in {0}", Kind.RCU_STALL, search=_STALL),
    _rule("INFO: trying to register non-static key", "INFO: trying to register non-static key in {0}", Kind.LOCKDEP,
          search=_traced("stack", "lock", "IRQ")),
    _rule("INFO: suspicious RCU usage", "INFO: suspicious RCU usage in {1}", Kind.LOCKDEP, "<src>",
          search=_traced("rcu", "kmem", "slab")),
    _rule(r"INFO: task .*?:\d+ blocked (?:in I/O wait )?for more than \d+ seconds", "INFO: task hung in {0}",
          Kind.HUNG_TASK, search=Search((CALL_TRACE, STACK), pick=who_waits)),
    # A task may have a line break in its name.
    _rule(r"INFO: task (?:.*[^ -~])?$", "INFO: task hung in {0}", Kind.HUNG_TASK,
          r":\d+ blocked (?:in I/O wait )?for more than \d+ seconds",
          search=Search((CALL_TRACE, STACK), pick=who_waits)),
    _rule(r"INFO: task .*?:\d+ can't die for more than .* seconds", "INFO: task can't die in {0}", Kind.HUNG_TASK,
          search=_traced("schedule")),
    _rule("INFO: (Freed|Allocated) in (.*)", "INFO: {0} in {1}", Kind.KASAN, damaged=True),
    _rule(r"INFO:\s*$", "INFO: corrupted", Kind.OTHER, damaged=True),
)  # fmt: skip

_PANICS = (
    _rule("Kernel panic - not syncing: stack-protector: Kernel stack is corrupted in: <func>",
          "kernel panic: stack is corrupted in {0}", Kind.STACK_PROTECTOR, traceless=True),
    _rule("Kernel panic - not syncing: stack-protector: Kernel stack is corrupted in: [a-f0-9]+",
          "kernel panic: stack is corrupted in {0}", Kind.STACK_PROTECTOR, search=_traced("stack_chk")),
    _rule("Kernel panic - not syncing: corrupted stack end detected inside scheduler",
          "kernel panic: corrupted stack end in {0}", Kind.STACK_OVERFLOW,
          search=Search((CALL_TRACE, STACK), skip=("schedule", "retint_kernel"), pick=before_anchor)),
    _rule("Kernel panic - not syncing: kernel stack overflow", "kernel stack overflow in {0}", Kind.STACK_OVERFLOW,
          search=Search((CALL_TRACE, STACK), skip=("bad_stack",), pick=before_anchor)),
    _rule("Kernel panic - not syncing: Attempted to kill init!", "kernel panic: Attempted to kill init!", Kind.PANIC),
    _rule("Kernel panic - not syncing: Couldn't open N_TTY ldisc for [^ ]+ --- error -[0-9]+",
          "kernel panic: Couldn't open N_TTY ldisc", Kind.PANIC),
    # Each of these follows another report, whose start must have been lost if this comes first.
    _rule("Kernel panic - not syncing: (Fatal exception|panic_on_warn set|hung_task: blocked tasks)",
          "kernel panic: {0}", Kind.PANIC, damaged=True),
    _rule("Kernel panic - not syncing: (.*)", "kernel panic: {0}", Kind.PANIC),
)  # fmt: skip

# A program's own line has no time stamp of the kernel; it may have one of its own.
_PROGRAM = r"^(?:\d{4}/\d\d/\d\d [\d:]{8} )?"
# The allocator's own functions stand between its complaint and whoever called it.
SLAB = _traced("object_err", "slab", "^_*free_", "^check_", "alloc", "kfree", "trailer", "partial", "on_freelist")
_UBSAN_SKIP = _traced("ubsan", "overflow")


def _family(
    word: str,
    kind: Kind,
    *rules: Rule,
    unless: str | None = None,
    search: Search | None = None,
    title: str = "",
) -> Family:
    if not rules:
        rules = (_rule(word, title, kind, search=search, traceless=search is None),)
    return Family(re.compile(word), rules, kind, re.compile(unless) if unless else None)


# The order decides where a line has the words of two families.
CRASHES = (
    _family("BUG:", Kind.BUG, *_BUGS, unless="DEBUG:|xlog_status:|BUG: no syscalls can create resource"),
    _family("WARNING:", Kind.WARNING, *_WARNINGS, unless=(
        "WARNING: (?:/etc/ssh/moduli does not exist, using fixed modulus|workqueue cpumask: online intersect >|"
        r"[Tt]he mand mount option|Unsupported flag value\(s\) of 0x%x in DT_FLAGS_1|Unprivileged eBPF is enabled|"
        r"fbcon: Driver '.*' missed to adjust virtual screen size|See https.* for mitigation options\.|"
        r"kernel not compiled with CPU_SRSO)|EXT4-[Ff][Ss](?: \(.*\))?:|XFS \(\w+\): WARNING|"
        r"(?i:warning: .* uses (?:deprecated v2 capabilities|wireless extensions))")),
    _family("INFO:", Kind.OTHER, *_INFOS, unless=(
        "INFO: (?:lockdep is turned off|Stall ended before state dump start|NMI handler|"
        "recovery required on readonly filesystem|sys_.* is not present in /proc/kallsyms|"
        "no syscalls can create resource)|(?:handler|interrupt).*took too long|rmt_storage:INFO:|_INFO:")),
    _family("Unable to handle kernel", Kind.PAGE_FAULT,
            _rule("Unable to handle kernel (NULL pointer dereference)", "BUG: unable to handle kernel {0} in {1}",
                  Kind.NULL_DEREFERENCE, search=_FAULT),
            _rule("Unable to handle kernel (paging request|access to user memory)",
                  "BUG: unable to handle kernel {0} in {1}", Kind.PAGE_FAULT, search=_FAULT)),
    _family("general protection fault", Kind.GENERAL_PROTECTION,
            _rule("general protection fault.*:", "general protection fault in {0}", Kind.GENERAL_PROTECTION,
                  search=_FAULT),
            unless=r"general protection fault .* error:\d+ in "),
    _family("stack segment: ", Kind.GENERAL_PROTECTION, search=_FAULT, title="stack segment fault in {0}"),
    _family("Kernel panic", Kind.PANIC, *_PANICS),
    _family("PANIC: double fault", Kind.DOUBLE_FAULT, search=_ONLY_PC, title="PANIC: double fault in {0}"),
    _family("rust_kernel: panicked", Kind.PANIC,
            _rule("rust_kernel: panicked at ", "{0} in {1}", Kind.PANIC, "^(.+)$",
                  search=_traced("rust_begin_unwind"))),
    _family("kernel BUG", Kind.BUG,
            _rule("kernel BUG at mm/usercopy.c", "BUG: bad usercopy in {0}", Kind.BUG,
                  search=_traced("usercopy", "__check")),
            _rule("kernel BUG at lib/list_debug.c", "BUG: corrupted list in {0}", Kind.LIST_CORRUPTION,
                  search=_TRACE),
            # The free list would point at itself: the object being freed is the one freed last.
            _rule("kernel BUG at mm/slub.c", "kernel BUG in {0}", Kind.DOUBLE_FREE,
                  search=Search(_FAULT_STEPS, skip=("^skb_",))),
            # Wrappers around socket buffers check what their caller got wrong.
            _rule("kernel BUG at ", "kernel BUG in {0}", Kind.BUG, search=Search(_FAULT_STEPS, skip=("^skb_",)))),
    _family("Kernel BUG", Kind.BUG, _rule("Kernel BUG (.*)", "kernel BUG {0}", Kind.BUG)),
    _family("BUG kmalloc-", Kind.SLAB_CORRUPTION,
            _rule("BUG kmalloc-.*: Object already free", "BUG: Object already free", Kind.DOUBLE_FREE, search=SLAB),
            _rule("(BUG kmalloc-.*)", "{0}", Kind.SLAB_CORRUPTION, search=SLAB)),
    _family("divide[ _]error:", Kind.DIVIDE_ERROR, search=_ONLY_PC, title="divide error in {0}"),
    _family("invalid opcode:", Kind.INVALID_OPCODE, search=_ONLY_PC, title="invalid opcode in {0}"),
    _family("int3:", Kind.OTHER, search=_FAULT, title="int3 in {0}"),
    _family("UBSAN:", Kind.UBSAN,
            _rule("UBSAN: Undefined behaviour in", "UBSAN: undefined-behaviour in {0}", Kind.UBSAN,
                  search=_UBSAN_SKIP),
            _rule("UBSAN: (.*?) in", "UBSAN: {0} in {1}", Kind.UBSAN, search=_UBSAN_SKIP)),
    _family("Booting the kernel.", Kind.OTHER,
            _rule("^Booting the kernel", "unexpected kernel reboot", Kind.OTHER, traceless=True),
            unless="Parsing ELF|Decompressing Linux|Unknown parameter '"),
    _family("unregister_netdevice: waiting for", Kind.OTHER,
            _rule("unregister_netdevice: waiting for .* to become free",
                  "unregister_netdevice: waiting for DEV to become free", Kind.OTHER, traceless=True)),
    _family("VFS: Close: file count is 0", Kind.OTHER, title="VFS: Close: file count is zero (use-after-free)"),
    _family("VFS: Busy inodes after unmount", Kind.OTHER, title="VFS: Busy inodes after unmount (use-after-free)"),
    _family("Internal error:", Kind.OTHER, search=_FAULT, title="Internal error in {0}"),
    _family("Unhandled fault:", Kind.PAGE_FAULT, search=_FAULT, title="Unhandled fault in {0}"),
    _family("Alignment trap:", Kind.OTHER, search=_FAULT, title="Alignment trap in {0}"),
    # Another kernel beside this one, in the processor's secure world.
    _family("trusty: panic", Kind.OTHER,
            _rule(r"trusty: panic \(.*?\):(?: DEBUG)? ASSERT FAILED at \(.*?\): (.+)",
                  "trusty: ASSERT FAILED: {0}", Kind.OTHER, traceless=True),
            _rule("trusty: panic.* ASSERT FAILED.*: *(.*)", "trusty: ASSERT FAILED: {0}", Kind.OTHER, damaged=True),
            _rule(r"trusty: panic \(.*?\): (.+)", "trusty: panic: {0}", Kind.OTHER, traceless=True)),
    # Programs on the same console.
    _family(_PROGRAM + "fatal error:", Kind.OTHER, title="go runtime error",
            unless="ALSA|fatal error: cannot create timer"),
    _family(_PROGRAM + "panic:|SYZ(?:FAIL|FATAL):", Kind.OTHER,
            _rule("(panic|SYZFAIL|SYZFATAL):(.*)", "{0}:{1}", Kind.OTHER, traceless=True)),
)  # fmt: skip
