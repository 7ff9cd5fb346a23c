"""API changes of interfaces to userspace: /proc, character devices, debugfs and sysctl."""

from __future__ import annotations

from kmodlab.i18n import N_
from kmodlab.kbuild.api_changes.change import FEW, MANY, VALUE, Change, Sign, SignKind, changes, types

CHANGES: tuple[Change, ...] = (
    *changes(
        "gone",
        "3.10",
        "linux/proc_fs.h",
        (
            "create_proc_entry()",
            N_("use proc_create() with a struct proc_ops"),
            'struct proc_dir_entry *entry = proc_create("mine", 0444, NULL, &ops);',
        ),
        (
            "create_proc_read_entry()",
            N_("use proc_create() with a struct proc_ops"),
            'struct proc_dir_entry *entry = proc_create("mine", 0444, NULL, &ops);',
        ),
        ("PDE()", N_("ask for the data with pde_data()"), "void *data = pde_data(inode);"),
        (
            "proc_net_fops_create()",
            N_("work in the folder init_net.proc_net"),
            'remove_proc_entry("mine", init_net.proc_net);',
        ),
        (
            "proc_net_remove()",
            N_("work in the folder init_net.proc_net"),
            'remove_proc_entry("mine", init_net.proc_net);',
        ),
    ),
    *changes(
        "changed",
        "3.10",
        "linux/proc_fs.h",
        (
            "struct proc_dir_entry",
            N_("its members are the kernel's own; give the functions to proc_create() in a struct proc_ops"),
            'struct proc_dir_entry *entry = proc_create("mine", 0444, NULL, &ops);',
        ),
    ),
    *changes(
        "changed",
        "5.6",
        "linux/proc_fs.h",
        (
            "proc_create()",
            N_("it takes a struct proc_ops, whose members are called proc_open, proc_read, proc_write …"),
            "static const struct proc_ops my_ops = { .proc_open = my_open, .proc_read = seq_read };",
            types(r"struct file_operations", r"struct proc_ops"),
        ),
        (
            "proc_ops.owner",
            N_("remove it; the kernel knows who made the file"),
            "static const struct proc_ops my_ops = { .proc_read = seq_read };",
        ),
    ),
    *changes(
        "gone",
        "5.17",
        "linux/proc_fs.h",
        ("PDE_DATA()", N_("the function is called pde_data()"), "void *data = pde_data(inode);"),
    ),
    *changes(
        "gone",
        "2.6.25–2.6.26",
        "linux/proc_fs.h",
        (
            "proc_root",
            N_("write NULL for /proc itself"),
            'struct proc_dir_entry *entry = proc_create("mine", 0444, NULL, &ops);',
        ),
    ),
    *changes(
        "changed",
        "2.6.23–2.6.26",
        "linux/fs.h",
        ("unregister_chrdev()", N_("it returns nothing"), 'unregister_chrdev(240, "mine");', VALUE),
    ),
    *changes(
        "changed",
        "4.3",
        "linux/miscdevice.h",
        ("misc_deregister()", N_("it returns nothing"), "misc_deregister(&my_misc);", VALUE),
    ),
    *changes(
        "gone",
        "2.6.18",
        "linux/device.h",
        (
            "devfs_mk_cdev()",
            N_("device_create() lets udev make the file"),
            'device = device_create(my_class, NULL, MKDEV(240, 0), NULL, "mine");',
        ),
        (
            "devfs_register()",
            N_("device_create() lets udev make the file"),
            'device = device_create(my_class, NULL, MKDEV(240, 0), NULL, "mine");',
        ),
    ),
    *changes(
        "gone",
        "2.6.13",
        "linux/device.h",
        (
            "class_simple_create()",
            N_("use class_create() and device_create()"),
            'device = device_create(my_class, NULL, MKDEV(240, 0), NULL, "mine");',
        ),
        (
            "class_simple_device_add()",
            N_("use class_create() and device_create()"),
            'device = device_create(my_class, NULL, MKDEV(240, 0), NULL, "mine");',
        ),
    ),
    *changes(
        "gone",
        "2.6.26",
        "linux/device.h",
        (
            "class_device_create()",
            N_("use device_create()"),
            'device = device_create(my_class, NULL, MKDEV(240, 0), NULL, "mine");',
        ),
        ("class_device_destroy()", N_("use device_destroy()"), "device_destroy(my_class, MKDEV(240, 0));"),
    ),
    *changes(
        "changed",
        "2.6.27",
        "linux/device.h",
        (
            "device_create()",
            N_("data for the device come before its name; write NULL"),
            'device = device_create(my_class, NULL, MKDEV(240, 0), NULL, "mine");',
            FEW,
        ),
    ),
    *changes(
        "changed",
        "6.4",
        "linux/device/class.h",
        ("class_create()", N_("it takes the name only"), 'my_class = class_create("mine");', MANY),
    ),
    *changes(
        "gone",
        "6.4",
        "linux/device/class.h",
        ("class.owner", N_("remove it"), 'static struct class mine = { .name = "mine" };'),
    ),
    *changes(
        "changed",
        "6.2",
        "linux/device/class.h",
        (
            "class.devnode",
            N_("it gets a const struct device"),
            "static char *my_devnode(const struct device *dev, umode_t *mode) { return NULL; }",
            types(r"\(\*\)\(struct device \*", r"\(\*\)\(const struct device \*"),
        ),
    ),
    *changes(
        "changed",
        "5.6–5.10",
        "linux/debugfs.h",
        (
            "debugfs_create_u32()",
            N_("it returns nothing"),
            'debugfs_create_u32("counter", 0444, folder, &counter);',
            VALUE,
        ),
    ),
    *changes(
        "changed",
        "4.4",
        "linux/debugfs.h",
        (
            "debugfs_create_bool()",
            N_("it takes the address of a bool"),
            'debugfs_create_bool("flag", 0444, folder, &flag);',
            types(r"u32 \*|unsigned int \*", r"bool \*|_Bool \*"),
        ),
    ),
    *changes(
        "changed",
        "4.3–4.9",
        "linux/seq_file.h",
        ("seq_printf()", N_("it returns nothing"), 'seq_printf(seq, "%d\\n", 7);', VALUE),
    ),
    *changes(
        "gone",
        "2.6.33",
        "linux/sysctl.h",
        (
            "ctl_table.ctl_name",
            N_("remove it; the name is procname"),
            'static struct ctl_table table[] = { { .procname = "level", .data = &level, .maxlen = '
            "sizeof(level), .mode = 0644, .proc_handler = proc_dointvec } };",
        ),
    ),
    *changes(
        "gone",
        "6.4–6.6",
        "linux/sysctl.h",
        (
            "register_sysctl_table()",
            N_("use register_sysctl() with the folder's name"),
            'header = register_sysctl("dev/mine", table);',
        ),
    ),
    *changes(
        "gone",
        "4.2",
        "linux/lsm_hooks.h",
        (
            "register_security()",
            N_("security modules are built in; a kprobe can look at a hook"),
            'static struct kprobe probe = { .symbol_name = "security_file_open" };',
        ),
    ),
    *changes(
        "gone",
        "3.18–4.9",
        "linux/ioport.h",
        (
            "check_region()",
            N_("request_region() alone tells whether the ports are free"),
            'if (!request_region(0x378, 8, "mine")) return -EBUSY;',
        ),
    ),
    *changes(
        "gone",
        "2.6.24–3.10",
        "linux/proc_fs.h",
        (
            "create_proc_info_entry()",
            N_("use proc_create_single(), whose function writes into a seq_file"),
            'proc_create_single("mine", 0444, NULL, my_show);',
        ),
    ),
    *changes(
        "gone",
        "2.6",
        "linux/proc_fs.h",
        (
            "proc_register()",
            N_("use proc_create()"),
            'struct proc_dir_entry *entry = proc_create("mine", 0444, NULL, &ops);',
        ),
        ("proc_unregister()", N_("use remove_proc_entry()"), 'remove_proc_entry("mine", NULL);'),
    ),
    *changes(
        "gone",
        "2.6.13–2.6.18",
        "linux/fs.h",
        (
            "devfs_register_chrdev()",
            N_("use register_chrdev()"),
            'int major = register_chrdev(240, "mine", &my_operations);',
        ),
        ("devfs_unregister_chrdev()", N_("use unregister_chrdev()"), 'unregister_chrdev(240, "mine");'),
    ),
    *changes(
        "gone",
        "2.6",
        "linux/types.h",
        ("kdev_t", N_("device numbers are of the type dev_t"), "dev_t number = MKDEV(240, 0);"),
    ),
    *changes(
        "gone",
        "4.1",
        "linux/aio.h",
        ("aio_complete()", N_("call the function in the kiocb"), "iocb->ki_complete(iocb, 4);"),
    ),
    *changes(
        "gone",
        "3.11–4.9",
        "linux/sysctl.h",
        (
            "ctl_table",
            N_("write struct ctl_table"),
            'static struct ctl_table table[] = { { .procname = "mine", .mode = 0444 } };',
            Sign(SignKind.NAME, text=r"(?<!struct )\bctl_table\b"),
        ),
    ),
)
