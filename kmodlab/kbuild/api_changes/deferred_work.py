"""API changes of work queues and tasklets."""

from __future__ import annotations

from kmodlab.i18n import N_
from kmodlab.kbuild.api_changes.change import MANY, Change, changes, types

CHANGES: tuple[Change, ...] = (
    *changes(
        "changed",
        "2.6.20",
        "linux/workqueue.h",
        (
            "INIT_WORK()",
            N_("it takes no data; the function gets the work, and container_of() finds what it is in"),
            "INIT_WORK(&work, work_function);",
            MANY,
        ),
        (
            "DECLARE_WORK()",
            N_("it takes no data; the function gets the work, and container_of() finds what it is in"),
            "static DECLARE_WORK(work, work_function);",
            MANY,
        ),
        (
            "work_struct.func",
            N_("the function gets the work_struct instead of a void pointer"),
            "static void my_work(struct work_struct *work) { }",
            types(r"void \(\*\)\(void \*\)", r"struct work_struct \*", r"."),
        ),
        (
            "schedule_delayed_work()",
            N_("it takes a struct delayed_work"),
            "schedule_delayed_work(&later, HZ);",
            types(r"struct work_struct \*", r"struct delayed_work \*"),
        ),
    ),
    *changes(
        "gone",
        "3.7–3.16",
        "linux/workqueue.h",
        ("cancel_rearming_delayed_work()", N_("use cancel_delayed_work_sync()"), "cancel_delayed_work_sync(&later);"),
        ("flush_work_sync()", N_("use flush_work()"), "flush_work(&work);"),
        ("flush_delayed_work_sync()", N_("use flush_delayed_work()"), "flush_delayed_work(&later);"),
        (
            "INIT_DELAYED_WORK_DEFERRABLE()",
            N_("use INIT_DEFERRABLE_WORK()"),
            "INIT_DEFERRABLE_WORK(&later, work_function);",
        ),
    ),
    *changes(
        "gone",
        "3.15",
        "linux/workqueue.h",
        ("PREPARE_WORK()", N_("give each function a work of its own"), "INIT_WORK(&work, work_function);"),
    ),
    *changes(
        "gone",
        "3.15–3.17",
        "linux/workqueue.h",
        (
            "WQ_NON_REENTRANT",
            N_("remove the flag; no work runs twice at once"),
            'queue = alloc_workqueue("mine", WQ_UNBOUND, 0);',
        ),
    ),
    *changes(
        "changed",
        "5.9",
        "linux/interrupt.h",
        (
            "DECLARE_TASKLET()",
            N_("it takes no data; the function gets the tasklet"),
            "static DECLARE_TASKLET(tasklet, my_tasklet);",
            MANY,
        ),
        (
            "tasklet_struct.callback",
            N_("the function gets the tasklet instead of a number"),
            "static void my_tasklet(struct tasklet_struct *t) { }",
            types(r"void \(\*\)\(long unsigned int\)", r"struct tasklet_struct \*", r"."),
        ),
    ),
    *changes(
        "gone",
        "2.6",
        "linux/workqueue.h",
        (
            "struct tq_struct",
            N_("task queues became work queues; use a work_struct"),
            "static DECLARE_WORK(work, work_function);",
        ),
        ("schedule_task()", N_("task queues became work queues"), "schedule_work(&work);"),
    ),
    *changes(
        "gone",
        "2.6",
        "linux/interrupt.h",
        ("init_bh()", N_("bottom halves became tasklets"), "tasklet_schedule(&tasklet);"),
        ("mark_bh()", N_("bottom halves became tasklets"), "tasklet_schedule(&tasklet);"),
    ),
    *changes(
        "gone",
        "2.6",
        "linux/workqueue.h",
        (
            "DECLARE_TASK_QUEUE()",
            N_("task queues became work queues; schedule_work() uses the kernel's own"),
            "schedule_work(&work);",
        ),
        ("queue_task()", N_("task queues became work queues"), "schedule_work(&work);"),
        (
            "run_task_queue()",
            N_("task queues became work queues; a work runs soon after schedule_work()"),
            "schedule_work(&work);",
        ),
        ("tq_immediate", N_("task queues became work queues"), "schedule_work(&work);"),
        ("tq_timer", N_("task queues became work queues"), "schedule_work(&work);"),
        ("tq_scheduler", N_("task queues became work queues"), "schedule_work(&work);"),
    ),
)
