"""API changes of modules themselves: their macros, their headers, and the symbols that they may use."""

from __future__ import annotations

from kmodlab.i18n import N_
from kmodlab.kbuild.api_changes.change import Change, changes, types

CHANGES: tuple[Change, ...] = (
    *changes(
        "gone",
        "2.6.17",
        "linux/moduleparam.h",
        (
            "MODULE_PARM()",
            N_("declare the parameter with module_param(), by its type's name and the permissions of its file"),
            "module_param(times, int, 0444);",
        ),
    ),
    *changes(
        "gone",
        "5.12",
        "linux/module.h",
        (
            "MODULE_SUPPORTED_DEVICE()",
            N_("it never did anything, so remove the line; MODULE_DESCRIPTION() may say what the module is for"),
            'MODULE_DESCRIPTION("Driver of my device");',
        ),
        (
            "module_mutex",
            N_("lists of modules are the kernel's own; ask for a module by its name"),
            'request_module("loop");',
        ),
    ),
    *changes(
        "gone",
        "2.6–2.6.10",
        "linux/module.h",
        (
            "MOD_INC_USE_COUNT",
            N_("remove it; the kernel counts the users itself if the operations name their owner"),
            "static const struct file_operations fops = { .owner = THIS_MODULE };",
        ),
        (
            "MOD_DEC_USE_COUNT",
            N_("remove it; the kernel counts the users itself if the operations name their owner"),
            "static const struct file_operations fops = { .owner = THIS_MODULE };",
        ),
    ),
    *changes(
        "gone",
        "2.6.24–2.6.26",
        "linux/module.h",
        (
            "SET_MODULE_OWNER()",
            N_("remove it; operations name their owner instead"),
            "static const struct file_operations fops = { .owner = THIS_MODULE };",
        ),
    ),
    *changes(
        "gone",
        "2.6–2.6.17",
        "linux/module.h",
        (
            "EXPORT_NO_SYMBOLS",
            N_("remove it; a module exports only what EXPORT_SYMBOL() names"),
            "EXPORT_SYMBOL_GPL(my_function);",
        ),
    ),
    *changes(
        "gone",
        "2.6.15–2.6.19",
        "linux/module.h",
        (
            "inter_module_register()",
            N_("export the function; another module that uses it names it, or asks with symbol_get()"),
            "EXPORT_SYMBOL_GPL(my_function);",
        ),
        (
            "inter_module_get()",
            N_("export the function; another module that uses it names it, or asks with symbol_get()"),
            "EXPORT_SYMBOL_GPL(my_function);",
        ),
        (
            "inter_module_put()",
            N_("export the function; another module that uses it names it, or asks with symbol_get()"),
            "EXPORT_SYMBOL_GPL(my_function);",
        ),
        (
            "inter_module_unregister()",
            N_("export the function; another module that uses it names it, or asks with symbol_get()"),
            "EXPORT_SYMBOL_GPL(my_function);",
        ),
    ),
    *changes(
        "gone",
        "3.8",
        "linux/init.h",
        ("__devinit", N_("remove the mark"), "static int my_probe(struct platform_device *pdev) { return 0; }"),
        ("__devexit", N_("remove the mark"), "static void my_shutdown(struct platform_device *pdev) { }"),
        (
            "__devexit_p()",
            N_("name the function itself"),
            "static struct platform_driver driver = { .shutdown = my_shutdown };",
        ),
        ("__devinitdata", N_("remove the mark"), "static int debug = 1;"),
        ("__devinitconst", N_("remove the mark"), "static const int sizes[] = { 1, 2 };"),
    ),
    *changes(
        "gone",
        "3.12–4.9",
        "linux/init.h",
        ("__cpuinit", N_("remove the mark"), "static int my_cpu_online(unsigned int cpu) { return 0; }"),
    ),
    *changes(
        "hidden",
        "5.12",
        "linux/module.h",
        ("find_module()", N_("ask for the module by its name"), 'request_module("loop");'),
    ),
    *changes(
        "gone",
        "6.4",
        "linux/module.h",
        (
            "module.core_layout",
            N_("a module's memory is an array with one element for each type"),
            'pr_info("%px\\n", THIS_MODULE->mem[MOD_TEXT].base);',
        ),
    ),
    *changes(
        "gone",
        "4.5",
        "linux/module.h",
        (
            "module.module_core",
            N_("print a function's address instead: %pS shows name and module"),
            'pr_info("%pS\\n", cleanup_module);',
        ),
    ),
    *changes(
        "hidden",
        "5.7",
        "kernel/kallsyms.c",
        (
            "kallsyms_lookup_name()",
            N_("a kprobe finds the address of a function; register it and read its member addr"),
            'static struct kprobe probe = { .symbol_name = "do_exit" };',
        ),
        (
            "kallsyms_on_each_symbol()",
            N_("a kprobe finds the address of a function; register it and read its member addr"),
            'static struct kprobe probe = { .symbol_name = "do_exit" };',
        ),
    ),
    *changes(
        "gone",
        "4.19",
        "linux/kprobes.h",
        (
            "struct jprobe",
            N_("use a kprobe, whose handler gets the registers"),
            "static struct kprobe probe = { .pre_handler = before };",
        ),
        ("register_jprobe()", N_("use a kprobe, whose handler gets the registers"), "register_kprobe(&probe);"),
        ("unregister_jprobe()", N_("use a kprobe, whose handler gets the registers"), "register_kprobe(&probe);"),
        ("jprobe_return()", N_("use a kprobe, whose handler gets the registers"), "register_kprobe(&probe);"),
    ),
    *changes(
        "gone",
        "5.14",
        "linux/kprobes.h",
        (
            "kprobe.fault_handler",
            N_("remove it; a handler of a kprobe must not fault"),
            "static struct kprobe probe = { .pre_handler = before };",
        ),
    ),
    *changes(
        "gone",
        "5.11",
        "linux/kprobes.h",
        ("kretprobe_instance.rp", N_("ask with get_kretprobe()"), "struct kretprobe *probe = get_kretprobe(ri);"),
    ),
    *changes(
        "gone",
        "2.6.19",
        "linux/utsname.h",
        ("system_utsname", N_("ask with utsname()"), 'pr_info("%s\\n", utsname()->release);'),
    ),
    *changes(
        "changed",
        "4.15",
        "linux/moduleparam.h",
        (
            "module_param_call()",
            N_("the functions get a const struct kernel_param"),
            "static int set_level(const char *text, const struct kernel_param *kp) { return param_set_int(text, kp); }",
            types(r"\(\*\)\(const char \*, +struct kernel_param \*\)", r"const struct kernel_param"),
        ),
    ),
    *changes(
        "gone",
        "2.6.19",
        "linux/kconfig.h",
        (
            "linux/config.h",
            N_("remove the line; kbuild gives every file the configuration"),
            "#if IS_ENABLED(CONFIG_SMP)",
        ),
    ),
    *changes(
        "gone",
        "3.4",
        "asm/barrier.h",
        (
            "asm/system.h",
            N_("barriers are in <asm/barrier.h>, switching tasks in <asm/switch_to.h>, xchg() in <linux/atomic.h>"),
            "#include <asm/barrier.h>",
        ),
    ),
    *changes(
        "gone",
        "2.6.39",
        "linux/mutex.h",
        ("linux/smp_lock.h", N_("the big kernel lock is gone; use a mutex of your own"), "#include <linux/mutex.h>"),
    ),
    *changes(
        "gone",
        "2.6.26–2.6.28",
        "linux/semaphore.h",
        ("asm/semaphore.h", N_("include the header below linux/"), "#include <linux/semaphore.h>"),
    ),
    *changes(
        "gone",
        "2.6",
        "linux/workqueue.h",
        ("linux/tqueue.h", N_("task queues became work queues"), "#include <linux/workqueue.h>"),
    ),
    *changes(
        "gone",
        "2.6",
        "linux/slab.h",
        ("linux/malloc.h", N_("kmalloc() is in <linux/slab.h>"), "#include <linux/slab.h>"),
    ),
    *changes(
        "gone",
        "2.6",
        "linux/mm.h",
        ("linux/wrapper.h", N_("what was in it is in <linux/mm.h>"), "#include <linux/mm.h>"),
    ),
    *changes(
        "gone",
        "2.6",
        "linux/module.h",
        ("linux/modversions.h", N_("remove the line; kbuild adds the versions itself"), "#include <linux/module.h>"),
    ),
    *changes(
        "gone",
        "2.6.33",
        "generated/autoconf.h",
        ("linux/autoconf.h", N_("remove the line, or name its new place"), "#include <generated/autoconf.h>"),
    ),
    *changes(
        "gone",
        "2.6.33",
        "generated/utsrelease.h",
        ("linux/utsrelease.h", N_("it is below generated/"), "#include <generated/utsrelease.h>"),
    ),
    *changes(
        "gone",
        "6.12",
        "linux/unaligned.h",
        ("asm/unaligned.h", N_("include the header below linux/"), "#include <linux/unaligned.h>"),
    ),
    *changes(
        "gone",
        "5.15",
        "linux/stdarg.h",
        ("stdarg.h", N_("the kernel has a header of its own for variable arguments"), "#include <linux/stdarg.h>"),
    ),
    *changes(
        "gone",
        "4.20",
        "linux/memblock.h",
        ("linux/bootmem.h", N_("early memory is in <linux/memblock.h>"), "#include <linux/memblock.h>"),
    ),
    *changes(
        "gone",
        "5.18",
        "linux/blkdev.h",
        ("linux/genhd.h", N_("disks are in <linux/blkdev.h>"), "#include <linux/blkdev.h>"),
    ),
    *changes(
        "gone",
        "5.8",
        "crypto/sha1.h",
        ("linux/cryptohash.h", N_("SHA-1 is in <crypto/sha1.h>, SHA-2 in <crypto/sha2.h>"), "#include <crypto/sha1.h>"),
    ),
    *changes(
        "gone",
        "5.11",
        "crypto/sha2.h",
        ("crypto/sha.h", N_("SHA-1 is in <crypto/sha1.h>, SHA-2 in <crypto/sha2.h>"), "#include <crypto/sha2.h>"),
    ),
    *changes(
        "gone",
        "2.6.38",
        "linux/videodev2.h",
        ("linux/videodev.h", N_("use the second version of the interface"), "#include <linux/videodev2.h>"),
    ),
    *changes(
        "gone",
        "2.6.18",
        "linux/device.h",
        (
            "linux/devfs_fs_kernel.h",
            N_("devfs is gone; device_create() lets udev make the file"),
            "#include <linux/device.h>",
        ),
    ),
    *changes(
        "gone",
        "4.2",
        "asm/fpu/api.h",
        ("asm/i387.h", N_("kernel_fpu_begin() is in <asm/fpu/api.h>"), "#include <asm/fpu/api.h>"),
    ),
    *changes(
        "gone",
        "3.3–3.5",
        "linux/syscore_ops.h",
        ("linux/sysdev.h", N_("use a bus and devices, or syscore_ops"), "#include <linux/syscore_ops.h>"),
    ),
    *changes(
        "gone",
        "4.8",
        "linux/dma-mapping.h",
        ("linux/dma-attrs.h", N_("attributes are bits of an unsigned long"), "#include <linux/dma-mapping.h>"),
    ),
    *changes(
        "gone",
        "5.14",
        "linux/libata.h",
        ("linux/ide.h", N_("drives are libata's"), "#include <linux/libata.h>"),
    ),
    *changes(
        "gone",
        "5.11–6.1",
        "linux/input.h",
        (
            "linux/input-polldev.h",
            N_("an input device can be polled itself: input_setup_polling()"),
            "#include <linux/input.h>",
        ),
    ),
    *changes(
        "changed",
        "6.13",
        "linux/module.h",
        ("MODULE_IMPORT_NS()", N_("write the namespace in quotes"), 'MODULE_IMPORT_NS("DMA_BUF");'),
    ),
    *changes(
        "changed",
        "6.13",
        "linux/export.h",
        ("EXPORT_SYMBOL_NS()", N_("write the namespace in quotes"), 'EXPORT_SYMBOL_NS(my_function, "MINE");'),
        ("EXPORT_SYMBOL_NS_GPL()", N_("write the namespace in quotes"), 'EXPORT_SYMBOL_NS_GPL(my_function, "MINE");'),
    ),
    *changes(
        "gone",
        "4.19",
        "linux/kprobes.h",
        (
            "kprobe.break_handler",
            N_("remove it; it served jprobes, which are gone as well"),
            "static struct kprobe probe = { .pre_handler = before };",
        ),
    ),
    *changes(
        "changed",
        "5.11",
        "linux/ftrace.h",
        (
            "ftrace_ops.func",
            N_("it gets a struct ftrace_regs, from which ftrace_get_regs() makes the registers"),
            "static void traced(ulong ip, ulong parent, struct ftrace_ops *op, struct ftrace_regs *regs) { }",
            types(r"struct pt_regs \*", r"struct ftrace_regs \*"),
        ),
    ),
    *changes(
        "gone",
        "2.6",
        "linux/module.h",
        ("GET_USE_COUNT()", N_("use module_refcount()"), 'pr_info("%d\\n", module_refcount(THIS_MODULE));'),
    ),
)
