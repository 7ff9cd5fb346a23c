"""API changes of the driver model and of sysfs."""

from __future__ import annotations

from kmodlab.i18n import N_
from kmodlab.kbuild.api_changes.change import FEW, VALUE, Change, changes, types

CHANGES: tuple[Change, ...] = (
    *changes(
        "gone",
        "6.13",
        "linux/platform_device.h",
        (
            "platform_driver.remove_new",
            N_("use remove, which returns nothing"),
            "static struct platform_driver mine = { .remove = my_remove };",
        ),
    ),
    *changes(
        "gone",
        "2.6.30",
        "linux/device.h",
        ("device.bus_id", N_("ask with dev_name(), set it with dev_set_name()"), 'pr_info("%s\\n", dev_name(dev));'),
    ),
    *changes(
        "gone",
        "2.6.26",
        "linux/device.h",
        ("struct class_device", N_("use struct device"), "struct device *mine;"),
    ),
    *changes(
        "changed",
        "2.6.13",
        "linux/device.h",
        (
            "device_attribute.show",
            N_("it gets the attribute as well"),
            "static ssize_t level_show(struct device *d, struct device_attribute *a, char *text) { "
            'return sysfs_emit(text, "1\\n"); }',
            types(r"\(\*\)\(struct device \*, *char \*\)", r"struct device_attribute \*", r"."),
        ),
    ),
    *changes(
        "gone",
        "4.13–4.14",
        "linux/device.h",
        (
            "DRIVER_ATTR()",
            N_("use DRIVER_ATTR_RO(), DRIVER_ATTR_WO() or DRIVER_ATTR_RW()"),
            "static DRIVER_ATTR_RO(level);",
        ),
    ),
    *changes(
        "gone",
        "5.0–5.1",
        "linux/device/bus.h",
        ("BUS_ATTR()", N_("use BUS_ATTR_RO(), BUS_ATTR_WO() or BUS_ATTR_RW()"), "static BUS_ATTR_WO(level);"),
    ),
    *changes(
        "gone",
        "4.13–4.14",
        "linux/device/class.h",
        ("CLASS_ATTR()", N_("use CLASS_ATTR_RO(), CLASS_ATTR_WO() or CLASS_ATTR_RW()"), "static CLASS_ATTR_WO(level);"),
    ),
    *changes(
        "changed",
        "6.11",
        "linux/device/bus.h",
        (
            "bus_type.match",
            N_("it gets a const struct device_driver"),
            "static int my_match(struct device *d, const struct device_driver *driver) { return 1; }",
            types(r"\(\*\)\(struct device \*, *struct device_driver \*\)", r"const struct device_driver \*"),
        ),
    ),
    *changes(
        "changed",
        "6.3",
        "linux/device/bus.h",
        (
            "bus_type.uevent",
            N_("it gets a const struct device"),
            "static int my_uevent(const struct device *d, struct kobj_uevent_env *env) { return 0; }",
            types(r"\(\*\)\(struct device \*, *struct kobj_uevent_env \*\)", r"const struct device \*"),
        ),
    ),
    *changes(
        "changed",
        "5.15",
        "linux/device/bus.h",
        (
            "bus_type.remove",
            N_("it returns nothing"),
            "static void my_remove(struct device *d) { }",
            types(r"int \(\*\)\(struct device \*\)", r"void \(\*\)\(struct device \*\)"),
        ),
    ),
    *changes(
        "gone",
        "2.6.25",
        "linux/kobject.h",
        (
            "kobject_register()",
            N_("use kobject_init_and_add()"),
            'int error = kobject_init_and_add(&kobj, &type, NULL, "mine");',
        ),
        ("kobject_unregister()", N_("use kobject_put()"), "kobject_put(&kobj);"),
    ),
    *changes(
        "changed",
        "2.6.25",
        "linux/kobject.h",
        ("kobject_init()", N_("it takes the type as well"), "kobject_init(&kobj, &type);", FEW),
        (
            "kobject_add()",
            N_("it takes the parent and the name as well"),
            'int error = kobject_add(&kobj, NULL, "mine");',
            FEW,
        ),
    ),
    *changes(
        "gone",
        "5.18",
        "linux/kobject.h",
        (
            "kobj_type.default_attrs",
            N_("use default_groups; ATTRIBUTE_GROUPS() makes them"),
            "static struct kobj_type my_type = { .default_groups = mine_groups };",
        ),
    ),
    *changes(
        "gone",
        "2.6.36",
        "linux/sysfs.h",
        ("attribute.owner", N_("remove it"), 'static struct attribute level = { .name = "level", .mode = 0444 };'),
    ),
    *changes(
        "gone",
        "2.6.23–2.6.25",
        "linux/kobject.h",
        (
            "subsystem_register()",
            N_("use kset_create_and_add()"),
            'struct kset *set = kset_create_and_add("mine", NULL, NULL);',
        ),
        (
            "decl_subsys()",
            N_("use kset_create_and_add()"),
            'struct kset *set = kset_create_and_add("mine", NULL, NULL);',
        ),
    ),
    *changes(
        "changed",
        "6.11",
        "linux/platform_device.h",
        (
            "platform_driver.remove",
            N_("it returns nothing"),
            "static void my_remove(struct platform_device *p) { }",
            types(r"int \(\*\)\(struct platform_device \*\)", r"void \(\*\)\(struct platform_device \*\)"),
        ),
    ),
    *changes(
        "gone",
        "5.6",
        "linux/io.h",
        (
            "devm_ioremap_nocache()",
            N_("devm_ioremap() is never cached"),
            "void __iomem *registers = devm_ioremap(dev, 0xfebc0000, 4096);",
        ),
    ),
    *changes(
        "changed",
        "5.6–5.10",
        "linux/debugfs.h",
        (
            "debugfs_create_u8()",
            N_("it returns nothing"),
            'debugfs_create_u8("mine", 0444, NULL, &number);',
            VALUE,
        ),
        (
            "debugfs_create_u16()",
            N_("it returns nothing"),
            'debugfs_create_u16("mine", 0444, NULL, &number);',
            VALUE,
        ),
        (
            "debugfs_create_u64()",
            N_("it returns nothing"),
            'debugfs_create_u64("mine", 0444, NULL, &number);',
            VALUE,
        ),
        (
            "debugfs_create_x8()",
            N_("it returns nothing"),
            'debugfs_create_x8("mine", 0444, NULL, &number);',
            VALUE,
        ),
        (
            "debugfs_create_x16()",
            N_("it returns nothing"),
            'debugfs_create_x16("mine", 0444, NULL, &number);',
            VALUE,
        ),
        (
            "debugfs_create_x32()",
            N_("it returns nothing"),
            'debugfs_create_x32("mine", 0444, NULL, &number);',
            VALUE,
        ),
        (
            "debugfs_create_x64()",
            N_("it returns nothing"),
            'debugfs_create_x64("mine", 0444, NULL, &number);',
            VALUE,
        ),
    ),
    *changes(
        "changed",
        "2.6.34",
        "linux/device/class.h",
        (
            "class_attribute.show",
            N_("it gets the attribute as well"),
            "static ssize_t my_show(struct class *c, struct class_attribute *a, char *text) { return 0; }",
            types(r"struct class \*, *char \*", r"struct class_attribute \*"),
        ),
    ),
    *changes(
        "gone",
        "2.6.16",
        "linux/device/bus.h",
        (
            "bus_type.hotplug",
            N_("use uevent, which gets a struct kobj_uevent_env"),
            'static struct bus_type mine = { .name = "mine", .uevent = NULL };',
        ),
    ),
    *changes(
        "later",
        "6.4",
        "linux/device/class.h",
        (
            "class_register()",
            N_("it writes to the class, which must not be const"),
            'static struct class mine = { .name = "mine" };',
            types(r"const struct class \*", r"^struct class \*"),
        ),
        (
            "bus_register()",
            N_("it writes to the bus, which must not be const"),
            'static struct bus_type mine = { .name = "mine" };',
            types(r"const struct bus_type \*", r"^struct bus_type \*"),
        ),
    ),
    *changes(
        "later",
        "6.13–6.17",
        "linux/sysfs.h",
        (
            "bin_attribute.read",
            N_("its struct bin_attribute is not const"),
            "static ssize_t my_read(struct file *f, struct kobject *k, struct bin_attribute *a, char *text, loff_t p, "
            "size_t n) { return 0; }",
            types(r"const struct bin_attribute \*", r"kobject \*, *struct bin_attribute \*"),
        ),
    ),
    *changes(
        "gone",
        "3.12–3.14",
        "linux/device.h",
        (
            "bus_type.bus_attrs",
            N_("bus_groups takes groups of attributes, as ATTRIBUTE_GROUPS() defines them"),
            'static struct bus_type mine = { .name = "mine", .bus_groups = my_groups };',
        ),
        (
            "bus_type.dev_attrs",
            N_("dev_groups takes groups of attributes, as ATTRIBUTE_GROUPS() defines them"),
            'static struct bus_type mine = { .name = "mine", .dev_groups = my_groups };',
        ),
        (
            "bus_type.drv_attrs",
            N_("drv_groups takes groups of attributes, as ATTRIBUTE_GROUPS() defines them"),
            'static struct bus_type mine = { .name = "mine", .drv_groups = my_groups };',
        ),
        (
            "class.dev_attrs",
            N_("dev_groups takes groups of attributes, as ATTRIBUTE_GROUPS() defines them"),
            'static struct class mine = { .name = "mine", .dev_groups = my_groups };',
        ),
    ),
    *changes(
        "gone",
        "4.10–4.14",
        "linux/device.h",
        (
            "class.class_attrs",
            N_("class_groups takes groups of attributes, as ATTRIBUTE_GROUPS() defines them"),
            'static struct class mine = { .name = "mine", .class_groups = my_groups };',
        ),
    ),
)
