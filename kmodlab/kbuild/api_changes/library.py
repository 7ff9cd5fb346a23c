"""API changes of library functions: random numbers, text and other helpers."""

from __future__ import annotations

from kmodlab.i18n import N_
from kmodlab.kbuild.api_changes.change import MANY, Change, changes, types

CHANGES: tuple[Change, ...] = (
    *changes(
        "gone",
        "3.8–3.16",
        "linux/random.h",
        ("random32()", N_("use get_random_u32()"), "u32 n = get_random_u32();"),
    ),
    *changes(
        "gone",
        "6.1",
        "linux/random.h",
        ("prandom_u32()", N_("use get_random_u32()"), "u32 n = get_random_u32();"),
        ("prandom_bytes()", N_("use get_random_bytes()"), "get_random_bytes(buffer, sizeof(buffer));"),
    ),
    *changes(
        "gone",
        "6.0–6.1",
        "linux/random.h",
        ("get_random_int()", N_("use get_random_u32()"), "u32 n = get_random_u32();"),
    ),
    *changes(
        "gone",
        "3.14",
        "linux/random.h",
        ("net_random()", N_("use get_random_u32()"), "u32 n = get_random_u32();"),
    ),
    *changes(
        "gone",
        "6.2",
        "linux/random.h",
        ("prandom_u32_max()", N_("use get_random_u32_below()"), "u32 n = get_random_u32_below(6);"),
    ),
    *changes(
        "moved",
        "5.14",
        "linux/panic_notifier.h",
        ("panic_notifier_list", N_("add its new header"), "#include <linux/panic_notifier.h>"),
    ),
    *changes(
        "gone",
        "2.6.17",
        "linux/notifier.h",
        (
            "notifier_chain_register()",
            N_("there are chains of three kinds: atomic, blocking and raw"),
            "blocking_notifier_chain_register(&chain, &block);",
        ),
    ),
    *changes(
        "gone",
        "3.10–4.9",
        "linux/idr.h",
        ("idr_pre_get()", N_("idr_alloc() does both"), "int id = idr_alloc(&ids, &thing, 0, 0, GFP_KERNEL);"),
        ("idr_get_new()", N_("idr_alloc() does both"), "int id = idr_alloc(&ids, &thing, 0, 0, GFP_KERNEL);"),
        ("idr_get_new_above()", N_("idr_alloc() does both"), "int id = idr_alloc(&ids, &thing, 0, 0, GFP_KERNEL);"),
    ),
    *changes(
        "gone",
        "6.8",
        "linux/string.h",
        (
            "strlcpy()",
            N_("use strscpy(), which returns a negative error if the text is too long"),
            'strscpy(name, "mine", sizeof(name));',
        ),
    ),
    *changes(
        "gone",
        "3.18–4.1",
        "linux/string.h",
        ("strnicmp()", N_("use strncasecmp()"), 'if (!strncasecmp(name, "mine", 4)) pr_info("mine\\n");'),
    ),
    *changes(
        "gone",
        "3.16–3.19",
        "linux/kstrtox.h",
        ("strict_strtoul()", N_("use kstrtoul()"), "int error = kstrtoul(name, 10, &number);"),
        ("strict_strtol()", N_("use kstrtol()"), "int error = kstrtol(name, 10, &number);"),
    ),
    *changes(
        "gone",
        "3.19–4.9",
        "linux/percpu.h",
        ("__get_cpu_var()", N_("use this_cpu_ptr() or this_cpu_read()"), "int n = this_cpu_read(counter);"),
    ),
    *changes(
        "gone",
        "4.18–5.0",
        "linux/idr.h",
        ("ida_pre_get()", N_("remove it; ida_alloc() gets memory itself"), "int id = ida_alloc(&ids, GFP_KERNEL);"),
        ("ida_get_new()", N_("use ida_alloc(), which returns the number"), "int id = ida_alloc(&ids, GFP_KERNEL);"),
        ("ida_remove()", N_("use ida_free()"), "ida_free(&ids, 0);"),
    ),
    *changes(
        "changed",
        "3.9",
        "linux/list.h",
        (
            "hlist_for_each_entry_safe()",
            N_("it needs no struct hlist_node but the one that keeps the next item"),
            "hlist_for_each_entry_safe(item, next, &items, node) hlist_del(&item->node);",
            MANY,
        ),
    ),
    *changes(
        "changed",
        "2.6.33",
        "linux/kfifo.h",
        (
            "kfifo_put()",
            N_("it puts one item; kfifo_in() puts several"),
            "unsigned int n = kfifo_in(&fifo, text, sizeof(text));",
            MANY,
        ),
        (
            "kfifo_get()",
            N_("it gets one item; kfifo_out() gets several"),
            "unsigned int n = kfifo_out(&fifo, text, sizeof(text));",
            MANY,
        ),
        (
            "kfifo_alloc()",
            N_("it takes the fifo, which is a struct kfifo of yours, and no lock"),
            "int error = kfifo_alloc(&fifo, PAGE_SIZE, GFP_KERNEL);",
            types(r"^(?:long unsigned )?int$", r"", r"\bkfifo_alloc\("),
        ),
    ),
    *changes(
        "came",
        "6.6–6.7",
        "linux/array_size.h",
        ("linux/array_size.h", N_("<linux/kernel.h> has ARRAY_SIZE()"), "#include <linux/kernel.h>"),
        ("linux/sprintf.h", N_("<linux/kernel.h> has sprintf() and its like"), "#include <linux/kernel.h>"),
    ),
    *changes(
        "came",
        "6.9–6.10",
        "linux/string.h",
        (
            "kmemdup_array()",
            N_("use kmemdup() with the size of the array"),
            "char *copy = kmemdup(text, sizeof(text), GFP_KERNEL);",
        ),
    ),
    *changes(
        "came",
        "6.13",
        "linux/jiffies.h",
        ("secs_to_jiffies()", N_("multiply with HZ"), "unsigned long delay = 5 * HZ;"),
    ),
    *changes(
        "gone",
        "5.5–5.6",
        "linux/printk.h",
        ("pr_warning()", N_("use pr_warn()"), 'pr_warn("too hot\\n");'),
    ),
    *changes(
        "gone",
        "4.15–4.17",
        "linux/kallsyms.h",
        ("print_symbol()", N_("printk() writes an address as a symbol with %pS"), 'pr_info("%pS\\n", address);'),
    ),
    *changes(
        "gone",
        "5.2",
        "linux/stacktrace.h",
        (
            "save_stack_trace()",
            N_("stack_trace_save() fills an array of addresses, and returns their number"),
            "unsigned int number = stack_trace_save(addresses, 16, 0);",
        ),
        ("print_stack_trace()", N_("use stack_trace_print()"), "stack_trace_print(addresses, 16, 0);"),
        (
            "struct stack_trace",
            N_("stack_trace_save() fills an array of addresses, and returns their number"),
            "unsigned int number = stack_trace_save(addresses, 16, 0);",
        ),
    ),
    *changes(
        "gone",
        "2.6",
        "linux/capability.h",
        ("suser()", N_("ask for a capability with capable()"), "if (!capable(CAP_SYS_ADMIN)) return -EPERM;"),
    ),
    *changes(
        "gone",
        "2.6",
        "linux/uaccess.h",
        (
            "memcpy_fromfs()",
            N_("copy_from_user() copies, and returns how many bytes it could not copy"),
            "if (copy_from_user(text, from, 4)) return -EFAULT;",
        ),
        (
            "memcpy_tofs()",
            N_("copy_to_user() copies, and returns how many bytes it could not copy"),
            "if (copy_to_user(to, text, 4)) return -EFAULT;",
        ),
    ),
    *changes(
        "gone",
        "2.6.28–4.1",
        "linux/cpumask.h",
        (
            "cpu_online_map",
            N_("the set is cpu_online_mask, a pointer"),
            'pr_info("%u\\n", cpumask_weight(cpu_online_mask));',
        ),
    ),
    *changes(
        "gone",
        "4.1",
        "linux/cpumask.h",
        (
            "cpus_weight()",
            N_("use cpumask_weight(), which takes a pointer"),
            'pr_info("%u\\n", cpumask_weight(cpu_online_mask));',
        ),
        ("cpu_set()", N_("use cpumask_set_cpu(), which takes a pointer"), "cpumask_set_cpu(0, &mine);"),
        ("cpu_clear()", N_("use cpumask_clear_cpu(), which takes a pointer"), "cpumask_clear_cpu(0, &mine);"),
        ("cpus_clear()", N_("use cpumask_clear(), which takes a pointer"), "cpumask_clear(&mine);"),
    ),
    *changes(
        "gone",
        "4.16",
        "asm/processor.h",
        (
            "cpuinfo_x86.x86_mask",
            N_("the member is called x86_stepping"),
            'pr_info("%d\\n", boot_cpu_data.x86_stepping);',
        ),
    ),
)
