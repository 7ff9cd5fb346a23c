"""The mistakes that modpost, the linker, make and the assembler report, and the headers of names.

The mistakes that gcc reports are in `hint_rules_gcc`.
"""

from __future__ import annotations

from dataclasses import dataclass

from kmodlab.i18n import N_


@dataclass(frozen=True)
class Rule:
    """A mistake and its hint. The rule fits a message if all its patterns match.

    `pattern` is for the message, `macro` for the names of the macros used there, `excerpt` for the lines shown. `text`
    has placeholders for the pattern's groups. It is marked for the catalogue, and not yet translated.
    """

    key: str
    pattern: str
    text: str
    tool: str = ""
    macro: str = ""
    excerpt: str = ""


FLOATING_POINT = N_(
    "The kernel does no floating point: its registers belong to userspace. Calculate with integers, for instance in "
    "thousandths."
)

KBUILD_RULES = (
    # ---- modpost ----
    Rule(
        "missing-licence",
        r"missing MODULE_LICENSE\(\)",
        N_(
            'Every module must name its licence, or no .ko is made: add MODULE_LICENSE("GPL"); at the end of the file.',
        ),
    ),
    Rule(
        "floating-point",
        # The names of libgcc's routines: GCC internals manual, "Soft float library routines".
        r'"__(?:add|sub|mul|div|neg|fix|float|extend|trunc|eq|ne|lt|le|gt|ge)\w*[sdt][if]f?[23]?" .*undefined',
        FLOATING_POINT,
    ),
    Rule(
        "device-table-type",
        # scripts/mod/file2alias.c, device_id_check
        r"sizeof\(struct (?P<type>\w+)\)=\d+ is not a modulo of the size of section __mod_(?P<kind>[a-z]+)__",
        N_("MODULE_DEVICE_TABLE({kind}, …) takes a table of struct {type}, and this table is of another type."),
    ),
    Rule(
        "undefined-symbol",
        r'"(?P<symbol>\w+)" \[\S+\] undefined!',
        N_(
            "Neither the kernel nor a module it knows exports {symbol}. Check the spelling; if it is your own "
            "function, its file must be part of the module (name-y := a.o b.o)."
        ),
    ),
    Rule(
        "undefined-reference",
        r"undefined reference to '(?P<symbol>\w+)'",
        N_(
            "{symbol}() is declared, but no file of the kernel that is built defines it. Check the spelling; if it is "
            "your own function, the Makefile must name its file; if it is the kernel's, what it needs may be off."
        ),
    ),
    Rule(
        "gpl-only-symbol",
        r"uses GPL-only symbol '(?P<symbol>\w+)'",
        N_(
            "{symbol} is exported with EXPORT_SYMBOL_GPL, for modules whose licence is compatible with the GPL. Change "
            "the licence, or do without {symbol}."
        ),
    ),
    Rule(
        "namespace",
        r"uses symbol (?P<symbol>\w+) from namespace (?P<namespace>\w+), but does not import it",
        N_(
            "{symbol} is exported into the namespace {namespace}. Add MODULE_IMPORT_NS({namespace}); beside the "
            'licence (since Linux 6.13: MODULE_IMPORT_NS("{namespace}");).'
        ),
    ),
    Rule(
        "section-mismatch",
        r"section mismatch in reference: .*-> .*\.(?P<mark>init|exit)\.",
        N_(
            "What is marked __{mark} or __{mark}data is not always in memory: init code and data are freed after init, "
            "exit code may be left out. Remove the mark, or use it only from a function with the same mark."
        ),
    ),
    Rule(
        "static-export",
        r"local symbol '?(?P<symbol>\w+)'? was exported",
        N_("{symbol} is static, so no other module could use it. Remove static, or do not export it."),
    ),
    Rule(
        "object-names",
        "not ELF|input truncated",
        N_("A Makefile names the object file, not the source: obj-m += hello.o, and kbuild finds hello.c."),
    ),
    # ---- ld ----
    Rule(
        "multiple-definition",
        "multiple definition of '(?P<name>.*?)'",
        N_(
            "All files of a module share one set of names. Define {name} in one file and declare it extern in a "
            "header, or make it static if only one file uses it."
        ),
    ),
    # ---- make ----
    Rule(
        "makefile-name",
        r"No rule to make target '(?:\S*/)?Makefile'",
        N_(
            "kbuild reads only a file that is called Makefile, with a capital M, or Kbuild: rename yours. make alone "
            "also finds makefile and GNUmakefile, but hands the work to kbuild."
        ),
    ),
    Rule(
        "no-rule",
        r"No rule to make target '(?:\S*/)?(?P<stem>[^/']+)\.o'",
        N_(
            "The Makefile asks for {stem}.o, but there is no {stem}.c. The name after obj-m += must be that of the "
            "source."
        ),
    ),
    Rule("obj-m", "empty variable name", N_("A variable's name has no space in it: obj-m."), tool="make"),
    Rule(
        "compiler-option",
        "unrecognized command-line option '(?P<option>[^']*)'",
        N_("The compiler has no option {option}. Look at ccflags-y, EXTRA_CFLAGS and CFLAGS_ in the Makefile."),
    ),
    Rule(
        "missing-separator",
        "missing separator",
        N_("A recipe's lines in a Makefile begin with a tab character, not with spaces."),
    ),
    Rule(
        "circular",
        "Circular .* dependency dropped|same as output file",
        N_(
            "A module cannot be a part of itself: in hello-y := …, hello.o may not appear. Give the source another "
            "name."
        ),
    ),
    # ---- as and objtool ----
    Rule(
        "assembler",
        "no such instruction|operand (?:type|size) mismatch|bad register name",
        N_(
            "The assembler does not know this instruction on this processor; the C compiler passes asm() on without "
            "reading it."
        ),
        tool="as",
    ),
    Rule(
        "magic-name",
        r"^init_module\(\): (?:Magic|not an indirect call target)",
        N_(
            "This kernel does not take a function because it is called init_module. Give it another name, static int "
            "__init hello_init(void), and register it: module_init(hello_init);"
        ),
        tool="objtool",
    ),
    Rule(
        "magic-name",
        r"^cleanup_module\(\): (?:Magic|not an indirect call target)",
        N_(
            "This kernel does not take a function because it is called cleanup_module. Give it another name, static "
            "void __exit hello_exit(void), and register it: module_exit(hello_exit);"
        ),
        tool="objtool",
    ),
    Rule(
        "falls-through-function",
        "falls through to next function|unexpected end of section",
        N_(
            "A function's code runs past its end into what follows: a return is missing, or the compiler found that "
            "the behaviour is always undefined on this path."
        ),
    ),
)

# The headers of names that a learner's first modules use.
_HEADERS = {
    "linux/printk.h": "printk pr_info pr_err pr_warn pr_debug pr_notice KERN_INFO KERN_DEBUG KERN_ERR KERN_ALERT",
    "linux/slab.h": "kmalloc kzalloc kcalloc krealloc kfree kmem_cache_create GFP_KERNEL GFP_ATOMIC",
    "linux/vmalloc.h": "vmalloc vzalloc vfree",
    "linux/delay.h": "msleep mdelay udelay usleep_range ssleep",
    "linux/uaccess.h": "copy_to_user copy_from_user get_user put_user",
    "linux/fs.h": "register_chrdev unregister_chrdev alloc_chrdev_region register_chrdev_region "
    "unregister_chrdev_region file file_operations inode simple_read_from_buffer simple_write_to_buffer",
    "linux/cdev.h": "cdev cdev_init cdev_add cdev_del cdev_alloc",
    "linux/device.h": "class_create class_destroy device_create device_destroy",
    "linux/miscdevice.h": "misc_register misc_deregister miscdevice MISC_DYNAMIC_MINOR",
    "linux/proc_fs.h": "proc_create proc_remove remove_proc_entry proc_mkdir proc_ops",
    "linux/seq_file.h": "seq_printf seq_puts single_open single_release seq_read",
    "linux/debugfs.h": "debugfs_create_dir debugfs_create_file debugfs_create_u32 debugfs_remove",
    "linux/kthread.h": "kthread_run kthread_create kthread_stop kthread_should_stop",
    "linux/timer.h": "timer_setup mod_timer del_timer del_timer_sync timer_list",
    "linux/jiffies.h": "jiffies msecs_to_jiffies HZ time_after",
    "linux/workqueue.h": "schedule_work INIT_WORK DECLARE_WORK flush_work work_struct schedule_delayed_work",
    "linux/interrupt.h": "request_irq free_irq tasklet_schedule IRQ_HANDLED irqreturn_t",
    "linux/mutex.h": "mutex_lock mutex_unlock mutex_init DEFINE_MUTEX",
    "linux/spinlock.h": "spin_lock spin_unlock spin_lock_init spin_lock_irqsave DEFINE_SPINLOCK",
    "linux/wait.h": "wake_up wake_up_interruptible wait_event wait_event_interruptible DECLARE_WAIT_QUEUE_HEAD",
    "linux/sched.h": "current schedule task_struct",
    "linux/sched/signal.h": "for_each_process",
    "linux/errno.h": "ENOMEM EINVAL EFAULT EBUSY ENODEV EIO EPERM EAGAIN",
    "linux/list.h": "list_add list_del list_for_each_entry LIST_HEAD INIT_LIST_HEAD",
    "linux/kobject.h": "kobject_create_and_add kobject_put kernel_kobj",
    "linux/io.h": "ioremap iounmap ioread32 iowrite32 readl writel inb outb inw outw inl outl",
    "linux/ioport.h": "request_region release_region request_mem_region release_mem_region",
    "linux/pci.h": "pci_register_driver pci_unregister_driver pci_enable_device pci_driver module_pci_driver",
    "linux/usb.h": "usb_register usb_deregister usb_driver module_usb_driver",
    "linux/platform_device.h": "platform_driver_register platform_driver_unregister module_platform_driver",
    "linux/random.h": "get_random_bytes get_random_u32",
    "linux/string.h": "kmemdup strscpy strlen strcmp memcpy memset kstrdup",
    "linux/notifier.h": "notifier_block NOTIFY_OK",
    "linux/reboot.h": "register_reboot_notifier unregister_reboot_notifier",
    "linux/kprobes.h": "register_kprobe unregister_kprobe kprobe",
    "linux/moduleparam.h": "module_param module_param_array module_param_named",
    "linux/module.h": "module_init module_exit MODULE_LICENSE MODULE_AUTHOR MODULE_DESCRIPTION THIS_MODULE",
    "linux/init.h": "__init __exit __initdata",
}
HEADER_OF = {name: header for header, names in _HEADERS.items() for name in names.split()}
