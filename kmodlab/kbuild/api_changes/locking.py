"""API changes of interrupts, locks and waiting."""

from __future__ import annotations

from kmodlab.i18n import N_
from kmodlab.kbuild.api_changes.change import FEW, Change, changes, types

CHANGES: tuple[Change, ...] = (
    *changes(
        "gone",
        "2.6.22–2.6.25",
        "linux/interrupt.h",
        ("SA_SHIRQ", N_("write IRQF_SHARED"), 'int error = request_irq(7, handler, IRQF_SHARED, "mine", &cookie);'),
        ("SA_INTERRUPT", N_("remove the flag"), 'int error = request_irq(7, handler, IRQF_SHARED, "mine", &cookie);'),
        (
            "SA_SAMPLE_RANDOM",
            N_("remove the flag"),
            'int error = request_irq(7, handler, IRQF_SHARED, "mine", &cookie);',
        ),
    ),
    *changes(
        "gone",
        "4.1",
        "linux/interrupt.h",
        (
            "IRQF_DISABLED",
            N_("remove the flag; interrupts are always disabled in a handler"),
            'int error = request_irq(7, handler, IRQF_SHARED, "mine", &cookie);',
        ),
    ),
    *changes(
        "gone",
        "3.6",
        "linux/interrupt.h",
        (
            "IRQF_SAMPLE_RANDOM",
            N_("remove the flag; interrupts feed the random numbers anyway"),
            'int error = request_irq(7, handler, IRQF_SHARED, "mine", &cookie);',
        ),
    ),
    *changes(
        "changed",
        "2.6.19",
        "linux/interrupt.h",
        (
            "request_irq()",
            N_("a handler gets the number and the cookie only; get_irq_regs() has the registers"),
            "static irqreturn_t my_handler(int irq, void *cookie) { return IRQ_HANDLED; }",
            types(r"\(\*\)\(int, *void \*, *struct pt_regs \*\)", r"\(\*\)\(int, *void \*\)", r"."),
        ),
    ),
    *changes(
        "gone",
        "2.6.24–2.6.32",
        "linux/interrupt.h",
        (
            "cli()",
            N_("no function stops the interrupts of all processors; protect the data with a spin lock"),
            "spin_lock_irqsave(&lock, flags);",
        ),
        (
            "save_and_cli()",
            N_("no function stops the interrupts of all processors; protect the data with a spin lock"),
            "spin_lock_irqsave(&lock, flags);",
        ),
        ("sti()", N_("protect the data with a spin lock, and release that"), "spin_unlock_irqrestore(&lock, flags);"),
        (
            "restore_flags()",
            N_("protect the data with a spin lock, and release that"),
            "spin_unlock_irqrestore(&lock, flags);",
        ),
        ("save_flags()", N_("a spin lock saves them itself"), "spin_lock_irqsave(&lock, flags);"),
    ),
    *changes(
        "gone",
        "2.6.39",
        "linux/irq.h",
        (
            "set_irq_type()",
            N_("the function is called irq_set_irq_type()"),
            "irq_set_irq_type(7, IRQ_TYPE_EDGE_RISING);",
        ),
        ("set_irq_wake()", N_("the function is called irq_set_irq_wake()"), "irq_set_irq_wake(7, 1);"),
        ("set_irq_chip_data()", N_("the function is called irq_set_chip_data()"), "irq_set_chip_data(7, NULL);"),
        ("set_irq_data()", N_("the function is called irq_set_handler_data()"), "irq_set_handler_data(7, NULL);"),
    ),
    *changes(
        "gone",
        "5.8",
        "linux/irq.h",
        ("setup_irq()", N_("use request_irq()"), 'int error = request_irq(7, handler, IRQF_SHARED, "mine", &cookie);'),
        ("remove_irq()", N_("use free_irq()"), "free_irq(7, &cookie);"),
    ),
    *changes(
        "gone",
        "2.6.37",
        "linux/semaphore.h",
        ("init_MUTEX()", N_("use a mutex, or sema_init() for a semaphore"), "sema_init(&sem, 1);"),
        ("init_MUTEX_LOCKED()", N_("use a completion, or sema_init() with 0"), "sema_init(&sem, 0);"),
        ("DECLARE_MUTEX()", N_("use a mutex"), "static DEFINE_MUTEX(lock);"),
    ),
    *changes(
        "gone",
        "2.6.39",
        "linux/spinlock_types.h",
        (
            "SPIN_LOCK_UNLOCKED",
            N_("use DEFINE_SPINLOCK(), or spin_lock_init() in a function"),
            "static DEFINE_SPINLOCK(lock);",
        ),
    ),
    *changes(
        "gone",
        "2.6.39",
        "linux/rwlock_types.h",
        ("RW_LOCK_UNLOCKED", N_("use DEFINE_RWLOCK(), or rwlock_init() in a function"), "static DEFINE_RWLOCK(lock);"),
    ),
    *changes(
        "gone",
        "2.6.39",
        "linux/mutex.h",
        ("lock_kernel()", N_("the big kernel lock is gone; use a mutex of your own"), "mutex_lock(&my_lock);"),
        ("unlock_kernel()", N_("the big kernel lock is gone; use a mutex of your own"), "mutex_unlock(&my_lock);"),
    ),
    *changes(
        "gone",
        "4.15",
        "linux/compiler.h",
        ("ACCESS_ONCE()", N_("use READ_ONCE() and WRITE_ONCE()"), "n = READ_ONCE(shared);"),
    ),
    *changes(
        "gone",
        "3.18–4.9",
        "linux/atomic.h",
        ("smp_mb__before_clear_bit()", N_("use smp_mb__before_atomic()"), "smp_mb__before_atomic();"),
        ("smp_mb__after_clear_bit()", N_("use smp_mb__after_atomic()"), "smp_mb__after_atomic();"),
        ("smp_mb__before_atomic_dec()", N_("use smp_mb__before_atomic()"), "smp_mb__before_atomic();"),
        ("smp_mb__after_atomic_inc()", N_("use smp_mb__after_atomic()"), "smp_mb__after_atomic();"),
    ),
    *changes(
        "gone",
        "5.9",
        "asm/barrier.h",
        ("smp_read_barrier_depends()", N_("READ_ONCE() orders what depends on the value"), "n = READ_ONCE(shared);"),
    ),
    *changes(
        "gone",
        "3.13",
        "linux/completion.h",
        ("INIT_COMPLETION()", N_("use reinit_completion(), which takes a pointer"), "reinit_completion(&done);"),
    ),
    *changes(
        "gone",
        "3.15",
        "linux/wait.h",
        (
            "sleep_on()",
            N_("it could miss the wake-up; use wait_event(), which checks the condition"),
            "wait_event(queue, ready);",
        ),
        (
            "interruptible_sleep_on()",
            N_("it could miss the wake-up; use wait_event_interruptible(), which checks the condition"),
            "wait_event_interruptible(queue, ready);",
        ),
        (
            "sleep_on_timeout()",
            N_("it could miss the wake-up; use wait_event_timeout(), which checks the condition"),
            "wait_event_timeout(queue, ready, HZ);",
        ),
        (
            "interruptible_sleep_on_timeout()",
            N_("it could miss the wake-up; use wait_event_interruptible_timeout(), which checks the condition"),
            "wait_event_interruptible_timeout(queue, ready, HZ);",
        ),
    ),
    *changes(
        "gone",
        "4.13",
        "linux/wait.h",
        ("wait_queue_t", N_("the type is called wait_queue_entry_t"), "wait_queue_entry_t entry;"),
        (
            "wait_queue_head.task_list",
            N_("ask with waitqueue_active()"),
            "if (waitqueue_active(&queue)) wake_up(&queue);",
        ),
    ),
    *changes(
        "changed",
        "6.4",
        "linux/semaphore.h",
        ("DEFINE_SEMAPHORE()", N_("it takes the count as well"), "static DEFINE_SEMAPHORE(gate, 1);", FEW),
    ),
    *changes(
        "gone",
        "2.6.39–3.0",
        "linux/irq.h",
        ("set_irq_handler()", N_("the function is called irq_set_handler()"), "irq_set_handler(7, handle_simple_irq);"),
        ("set_irq_chip()", N_("the function is called irq_set_chip()"), "irq_set_chip(7, &dummy_irq_chip);"),
        (
            "set_irq_chip_and_handler()",
            N_("the function is called irq_set_chip_and_handler()"),
            "irq_set_chip_and_handler(7, &dummy_irq_chip, handle_simple_irq);",
        ),
    ),
    *changes(
        "gone",
        "4.3–4.9",
        "linux/atomic.h",
        ("atomic_set_mask()", N_("use atomic_or()"), "atomic_or(1, &flags);"),
        ("atomic_clear_mask()", N_("use atomic_andnot()"), "atomic_andnot(1, &flags);"),
    ),
    *changes(
        "gone",
        "2.6",
        "linux/wait.h",
        (
            "struct wait_queue",
            N_("a queue is a wait_queue_head_t"),
            "static DECLARE_WAIT_QUEUE_HEAD(my_queue);",
            types(r"struct wait_queue \*", r"struct wait_queue_head"),
        ),
    ),
)
