"""Names for devices, disks and networks that only newer kernels have, and what to write for an older kernel."""

from __future__ import annotations

from kmodlab.i18n import N_
from kmodlab.kbuild.api_changes.change import FEW, MANY, Change, changes, types

CHANGES: tuple[Change, ...] = (
    *changes(
        "later",
        "6.4",
        "linux/device/class.h",
        ("class_create()", N_("pass the owner as well"), 'my_class = class_create(THIS_MODULE, "mine");', FEW),
        (
            "class_attribute.show",
            N_("its structures are not const"),
            "static ssize_t level_show(struct class *c, struct class_attribute *a, char *text) { return 0; }",
            types(r"const struct class \*", r"\(\*\)\(struct class \*", r"."),
        ),
    ),
    *changes(
        "later",
        "6.11",
        "linux/platform_device.h",
        (
            "platform_driver.remove",
            N_("it returns int"),
            "static int my_remove(struct platform_device *p) { return 0; }",
            types(r"void \(\*\)\(struct platform_device \*\)", r"int \(\*\)\(struct platform_device \*\)"),
        ),
    ),
    *changes(
        "came",
        "6.3",
        "linux/platform_device.h",
        (
            "platform_driver.remove_new",
            N_("use remove, which returns int"),
            "static int my_remove(struct platform_device *p) { return 0; }",
        ),
    ),
    *changes(
        "later",
        "6.3",
        "linux/i2c.h",
        (
            "i2c_driver.probe",
            N_("it gets the id as well; or use probe_new"),
            "static int my_probe(struct i2c_client *c, const struct i2c_device_id *id) { return 0; }",
            types(r"int \(\*\)\(struct i2c_client \*\)", r"struct i2c_device_id \*"),
        ),
    ),
    *changes(
        "later",
        "6.11",
        "linux/device/bus.h",
        (
            "bus_type.match",
            N_("its struct device_driver is not const"),
            "static int my_match(struct device *d, struct device_driver *driver) { return 1; }",
            types(r"const struct device_driver \*", r"\(\*\)\(struct device \*, *struct device_driver \*\)"),
        ),
    ),
    *changes(
        "later",
        "6.3",
        "linux/device/bus.h",
        (
            "bus_type.uevent",
            N_("its struct device is not const"),
            "static int my_uevent(struct device *d, struct kobj_uevent_env *env) { return 0; }",
            types(r"\(\*\)\(const struct device \*", r"\(\*\)\(struct device \*, *struct kobj_uevent_env \*\)"),
        ),
    ),
    *changes(
        "later",
        "6.3",
        "linux/device/class.h",
        (
            "class.dev_uevent",
            N_("its struct device is not const"),
            "static int my_uevent(struct device *d, struct kobj_uevent_env *env) { return 0; }",
            types(r"\(\*\)\(const struct device \*", r"\(\*\)\(struct device \*, *struct kobj_uevent_env \*\)"),
        ),
    ),
    *changes(
        "later",
        "6.2",
        "linux/device/class.h",
        (
            "class.devnode",
            N_("its struct device is not const"),
            "static char *my_devnode(struct device *d, umode_t *mode) { return NULL; }",
            types(r"\(\*\)\(const struct device \*", r"\(\*\)\(struct device \*, *(?:umode_t|short unsigned int) \*\)"),
        ),
    ),
    *changes(
        "came",
        "6.14",
        "linux/device/faux.h",
        (
            "linux/device/faux.h",
            N_("use a platform device: platform_device_register_simple()"),
            "#include <linux/platform_device.h>",
        ),
    ),
    *changes(
        "came",
        "6.9",
        "linux/blk-mq.h",
        ("blk_mq_alloc_queue()", N_("use blk_mq_init_queue()"), "queue = blk_mq_init_queue(&tags);"),
    ),
    *changes(
        "later",
        "6.9",
        "linux/blkdev.h",
        ("blk_alloc_disk()", N_("it takes the node only"), "disk = blk_alloc_disk(NUMA_NO_NODE);", MANY),
    ),
    *changes(
        "later",
        "6.9",
        "linux/blk-mq.h",
        ("blk_mq_alloc_disk()", N_("it takes no limits"), "disk = blk_mq_alloc_disk(&tags, NULL);", MANY),
    ),
    *changes(
        "came",
        "6.11",
        "linux/blkdev.h",
        ("queue_limits.features", N_("set flags of the queue"), "blk_queue_write_cache(queue, true, false);"),
    ),
    *changes(
        "came",
        "6.5",
        "linux/blkdev.h",
        ("blk_mode_t", N_("write fmode_t"), "static int my_open(struct block_device *d, fmode_t mode) { return 0; }"),
    ),
    *changes(
        "later",
        "6.5",
        "linux/blkdev.h",
        (
            "block_device_operations.release",
            N_("it gets the mode as well"),
            "static void my_release(struct gendisk *d, fmode_t mode) { }",
            types(r"\(\*\)\(struct gendisk \*\)", r"struct gendisk \*, *(?:fmode_t|unsigned int)"),
        ),
    ),
    *changes(
        "came",
        "6.9",
        "linux/blkdev.h",
        (
            "bdev_file_open_by_path()",
            N_("use blkdev_get_by_path()"),
            'device = blkdev_get_by_path("/dev/vda", FMODE_READ, NULL);',
        ),
    ),
    *changes(
        "came",
        "6.8",
        "linux/pci.h",
        (
            "PCI_IRQ_INTX",
            N_("write PCI_IRQ_LEGACY"),
            "int vectors = pci_alloc_irq_vectors(pdev, 1, 1, PCI_IRQ_LEGACY);",
        ),
    ),
    *changes(
        "came",
        "6.12",
        "linux/netdevice.h",
        ("net_device.lltx", N_("it is a flag of the features"), "dev->features |= NETIF_F_LLTX;"),
    ),
    *changes(
        "later",
        "6.17",
        "linux/gpio/driver.h",
        (
            "gpio_chip.set",
            N_("it returns nothing"),
            "static void my_set(struct gpio_chip *chip, unsigned int line, int value) { }",
            types(r"^int \(\*\)\(struct gpio_chip", r"^void \(\*\)\(struct gpio_chip"),
        ),
    ),
    *changes(
        "later",
        "6.6",
        "linux/tty_driver.h",
        (
            "tty_operations.write",
            N_("its sizes are int"),
            "static int my_write(struct tty_struct *t, const unsigned char *text, int size) { return size; }",
            types(r"^ssize_t \(\*\)\(struct tty_struct", r"^int \(\*\)\(struct tty_struct"),
        ),
    ),
    *changes(
        "came",
        "6.11–6.13",
        "linux/pci.h",
        (
            "pcim_iomap_region()",
            N_("use pcim_iomap_regions() with a mask of the regions, then pcim_iomap_table()"),
            'int error = pcim_iomap_regions(device, BIT(0), "mine");',
        ),
    ),
    *changes(
        "came",
        "6.16",
        "asm/msr.h",
        ("rdmsrq()", N_("in this kernel the macro is called rdmsrl()"), "rdmsrl(MSR_EFER, value);"),
        ("wrmsrq()", N_("in this kernel the macro is called wrmsrl()"), "wrmsrl(MSR_EFER, value);"),
    ),
    *changes(
        "came",
        "6.6",
        "net/page_pool/helpers.h",
        ("net/page_pool/helpers.h", N_("the header is one"), "#include <net/page_pool.h>"),
        ("net/page_pool/types.h", N_("the header is one"), "#include <net/page_pool.h>"),
    ),
)
