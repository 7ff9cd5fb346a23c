"""API changes of library functions: random numbers, text and other helpers."""

from __future__ import annotations

from kmodlab.i18n import N_
from kmodlab.kbuild.api_changes.change import Change, changes

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
)
