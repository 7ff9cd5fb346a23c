"""API changes of tasks, threads and processors."""

from __future__ import annotations

from kmodlab.i18n import N_
from kmodlab.kbuild.api_changes.change import MANY, Change, changes, types

CHANGES: tuple[Change, ...] = (
    *changes(
        "gone",
        "4.11",
        "linux/sched.h",
        (
            "set_task_state()",
            N_("only a task itself may set its state; use set_current_state()"),
            "set_current_state(TASK_INTERRUPTIBLE);",
        ),
    ),
    *changes(
        "gone",
        "5.14",
        "linux/sched.h",
        (
            "task_struct.state",
            N_("the member is called __state; read it with READ_ONCE(), write with set_current_state()"),
            'pr_info("%u\\n", READ_ONCE(current->__state));',
        ),
    ),
    *changes(
        "gone",
        "2.6.29",
        "linux/cred.h",
        (
            "task_struct.uid",
            N_("ask with current_uid(), and make a number of it with from_kuid()"),
            'pr_info("%u\\n", from_kuid(&init_user_ns, current_uid()));',
        ),
        (
            "task_struct.euid",
            N_("ask with current_euid(), and make a number of it with from_kuid()"),
            'pr_info("%u\\n", from_kuid(&init_user_ns, current_euid()));',
        ),
        (
            "task_struct.gid",
            N_("ask with current_gid(), and make a number of it with from_kgid()"),
            'pr_info("%u\\n", from_kgid(&init_user_ns, current_gid()));',
        ),
    ),
    *changes(
        "gone",
        "5.3",
        "linux/sched.h",
        (
            "task_struct.cpus_allowed",
            N_("the member cpus_ptr points to it"),
            'pr_info("%u\\n", cpumask_weight(current->cpus_ptr));',
        ),
    ),
    *changes(
        "gone",
        "2.6.26–2.6.31",
        "linux/sched.h",
        ("find_task_by_pid()", N_("look it up as a struct pid"), "task = get_pid_task(pid, PIDTYPE_PID);"),
    ),
    *changes(
        "gone",
        "2.6.27",
        "linux/sched/signal.h",
        ("kill_proc()", N_("signal a struct pid"), "kill_pid(pid, SIGTERM, 1);"),
    ),
    *changes(
        "gone",
        "3.8",
        "linux/kthread.h",
        (
            "daemonize()",
            N_("kthread_run() starts a thread that has all of this"),
            'thread = kthread_run(work, NULL, "mine");',
        ),
    ),
    *changes(
        "hidden",
        "2.6.39–4.9",
        "linux/kthread.h",
        (
            "kernel_thread()",
            N_("use kthread_run(), and kthread_stop() to end it"),
            'thread = kthread_run(work, NULL, "mine");',
        ),
    ),
    *changes(
        "hidden",
        "5.17",
        "linux/kthread.h",
        (
            "do_exit()",
            N_("return from the function of the thread, or use kthread_complete_and_exit()"),
            "kthread_complete_and_exit(NULL, 0);",
        ),
    ),
    *changes(
        "gone",
        "5.17",
        "linux/kthread.h",
        (
            "complete_and_exit()",
            N_("the function is called kthread_complete_and_exit()"),
            "kthread_complete_and_exit(&done, 0);",
        ),
    ),
    *changes(
        "hidden",
        "2.6.18",
        "kernel/fork.c",
        ("tasklist_lock", N_("read the list of tasks under RCU"), "rcu_read_lock();"),
    ),
    *changes(
        "moved",
        "4.11",
        "linux/sched/signal.h",
        ("signal_pending()", N_("add its new header"), "#include <linux/sched/signal.h>"),
        ("for_each_process()", N_("add its new header"), "#include <linux/sched/signal.h>"),
        ("send_sig()", N_("add its new header"), "#include <linux/sched/signal.h>"),
        ("allow_signal()", N_("add its new header"), "#include <linux/sched/signal.h>"),
        ("flush_signals()", N_("add its new header"), "#include <linux/sched/signal.h>"),
        ("send_sig_info()", N_("add its new header"), "#include <linux/sched/signal.h>"),
    ),
    *changes(
        "hidden",
        "5.9",
        "linux/sched.h",
        (
            "sched_setscheduler()",
            N_("use sched_set_fifo(), sched_set_fifo_low() or sched_set_normal()"),
            "sched_set_fifo(current);",
        ),
    ),
    *changes(
        "gone",
        "5.15–6.1",
        "linux/cpu.h",
        ("get_online_cpus()", N_("the function is called cpus_read_lock()"), "cpus_read_lock();"),
        ("put_online_cpus()", N_("the function is called cpus_read_unlock()"), "cpus_read_unlock();"),
    ),
    *changes(
        "gone",
        "4.10",
        "linux/cpuhotplug.h",
        (
            "register_cpu_notifier()",
            N_("use cpuhp_setup_state(), with a function for each direction"),
            'int state = cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "mine", NULL, NULL);',
        ),
    ),
    *changes(
        "gone",
        "4.1",
        "linux/cpumask.h",
        ("for_each_cpu_mask()", N_("use for_each_cpu(), which takes a pointer"), "for_each_cpu(cpu, cpu_online_mask)"),
        (
            "cpu_isset()",
            N_("use cpumask_test_cpu()"),
            'if (cpumask_test_cpu(0, cpu_online_mask)) pr_info("online\\n");',
        ),
    ),
    *changes(
        "changed",
        "2.6.27",
        "linux/smp.h",
        (
            "on_each_cpu()",
            N_("it takes the function, its argument, and whether to wait"),
            "on_each_cpu(poke, NULL, 1);",
            MANY,
        ),
        (
            "smp_call_function()",
            N_("it takes the function, its argument, and whether to wait"),
            "smp_call_function(poke, NULL, 1);",
            MANY,
        ),
    ),
    *changes(
        "gone",
        "3.3",
        "linux/freezer.h",
        ("refrigerator()", N_("use try_to_freeze()"), "try_to_freeze();"),
    ),
    *changes(
        "gone",
        "4.9",
        "linux/kthread.h",
        ("init_kthread_worker()", N_("the function is called kthread_init_worker()"), "kthread_init_worker(&worker);"),
        (
            "queue_kthread_work()",
            N_("the function is called kthread_queue_work()"),
            "kthread_queue_work(&worker, &job);",
        ),
        (
            "flush_kthread_worker()",
            N_("the function is called kthread_flush_worker()"),
            "kthread_flush_worker(&worker);",
        ),
    ),
    *changes(
        "gone",
        "5.1",
        "linux/rcupdate.h",
        ("synchronize_sched()", N_("use synchronize_rcu()"), "synchronize_rcu();"),
        ("call_rcu_sched()", N_("use call_rcu()"), "call_rcu(&box.head, release);"),
    ),
    *changes(
        "changed",
        "3.9",
        "linux/list.h",
        (
            "hlist_for_each_entry()",
            N_("it takes no struct hlist_node any more"),
            "hlist_for_each_entry(box, &boxes, link)",
            MANY,
        ),
    ),
    *changes(
        "gone",
        "3.11–4.9",
        "linux/mm.h",
        ("num_physpages", N_("ask with totalram_pages()"), 'pr_info("%lu\\n", totalram_pages());'),
    ),
    *changes(
        "gone",
        "6.6–6.7",
        "linux/sched/signal.h",
        ("do_each_thread()", N_("use for_each_process_thread()"), "for_each_process_thread(process, thread)"),
    ),
    *changes(
        "changed",
        "4.20",
        "linux/sched/signal.h",
        (
            "send_sig_info()",
            N_("it takes a struct kernel_siginfo"),
            "struct kernel_siginfo info = { .si_signo = SIGUSR1, .si_code = SI_QUEUE };",
            types(r"struct siginfo|siginfo_t", r"struct kernel_siginfo"),
        ),
    ),
    *changes(
        "gone",
        "2.6.5–2.6.10",
        "linux/sched/signal.h",
        ("task_struct.tty", N_("the terminal is in signal"), 'pr_info("%p\\n", current->signal->tty);'),
    ),
    *changes(
        "gone",
        "3.16–4.9",
        "linux/cpumask.h",
        (
            "cpumask_of_cpu()",
            N_("use cpumask_of(), which gives a pointer"),
            "set_cpus_allowed_ptr(current, cpumask_of(0));",
        ),
        (
            "set_cpus_allowed()",
            N_("use set_cpus_allowed_ptr()"),
            "set_cpus_allowed_ptr(current, cpumask_of(0));",
        ),
    ),
    *changes(
        "changed",
        "3.5",
        "linux/uidgid.h",
        (
            "cred.uid",
            N_("it is a kuid_t: compare it with uid_eq(), and make a number of it with from_kuid()"),
            "bool root = uid_eq(current_uid(), GLOBAL_ROOT_UID);",
            types(r"\bkuid_t\b", r"", r"(?:->|\.)\s*uid\b"),
        ),
        (
            "cred.euid",
            N_("it is a kuid_t: compare it with uid_eq(), and make a number of it with from_kuid()"),
            "bool root = uid_eq(current_euid(), GLOBAL_ROOT_UID);",
            types(r"\bkuid_t\b", r"", r"(?:->|\.)\s*euid\b"),
        ),
        (
            "current_uid()",
            N_("it returns a kuid_t: compare it with uid_eq(), and make a number of it with from_kuid()"),
            "uid_t uid = from_kuid(&init_user_ns, current_uid());",
            types(r"\bkuid_t\b", r"", r"\bcurrent_uid\b"),
        ),
        (
            "current_euid()",
            N_("it returns a kuid_t: compare it with uid_eq(), and make a number of it with from_kuid()"),
            "uid_t uid = from_kuid(&init_user_ns, current_euid());",
            types(r"\bkuid_t\b", r"", r"\bcurrent_euid\b"),
        ),
    ),
    *changes(
        "gone",
        "2.6.25",
        "asm/ptrace.h",
        ("pt_regs.eip", N_("the member is called ip"), 'pr_info("%lx\\n", registers->ip);'),
        ("pt_regs.rip", N_("the member is called ip"), 'pr_info("%lx\\n", registers->ip);'),
        ("pt_regs.esp", N_("the member is called sp"), 'pr_info("%lx\\n", registers->sp);'),
        ("pt_regs.rsp", N_("the member is called sp"), 'pr_info("%lx\\n", registers->sp);'),
        ("pt_regs.eax", N_("the member is called ax"), 'pr_info("%lx\\n", registers->ax);'),
        ("pt_regs.rax", N_("the member is called ax"), 'pr_info("%lx\\n", registers->ax);'),
        ("pt_regs.eflags", N_("the member is called flags"), 'pr_info("%lx\\n", registers->flags);'),
    ),
    *changes(
        "changed",
        "3.17",
        "linux/sched.h",
        (
            "task_struct.start_time",
            N_("it is a number of nanoseconds"),
            "u64 started = current->start_time;",
            types(r"u64", r"timespec", r"\bstart_time\b"),
        ),
    ),
    *changes(
        "gone",
        "2.6",
        "linux/sched.h",
        ("task_struct.p_pptr", N_("the parent is real_parent"), 'pr_info("%d\\n", current->real_parent->pid);'),
        (
            "task_struct.sigmask_lock",
            N_("the lock of the signals is sighand->siglock"),
            "spin_lock_irq(&current->sighand->siglock);",
        ),
    ),
    *changes(
        "hidden",
        "2.6.27–2.6.39",
        "linux/sched.h",
        (
            "find_task_by_vpid()",
            N_("use pid_task() with find_vpid(), between rcu_read_lock() and rcu_read_unlock()"),
            "struct task_struct *task = pid_task(find_vpid(1), PIDTYPE_PID);",
        ),
    ),
    *changes(
        "gone",
        "2.6.11–3.8",
        "linux/kthread.h",
        (
            "reparent_to_init()",
            N_("kthread_run() makes threads whose parent is kthreadd already"),
            'thread = kthread_run(work, NULL, "mine");',
        ),
    ),
)
