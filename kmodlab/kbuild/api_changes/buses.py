"""API changes of buses and their devices: PCI, USB, I2C, SPI, terminals and input devices."""

from __future__ import annotations

from kmodlab.i18n import N_
from kmodlab.kbuild.api_changes.change import MANY, Change, changes, types

CHANGES: tuple[Change, ...] = (
    *changes(
        "gone",
        "2.6.35–3.2",
        "linux/pci.h",
        (
            "pci_find_device()",
            N_("use pci_get_device(), and pci_dev_put() when done"),
            "pdev = pci_get_device(0x8086, 0x100e, NULL);",
        ),
    ),
    *changes(
        "gone",
        "2.6.20–2.6.23",
        "linux/pci.h",
        ("pci_module_init()", N_("use pci_register_driver()"), "int error = pci_register_driver(&my_driver);"),
    ),
    *changes(
        "gone",
        "4.8",
        "linux/pci.h",
        (
            "DEFINE_PCI_DEVICE_TABLE()",
            N_("write the array"),
            "static const struct pci_device_id ids[] = { { PCI_DEVICE(0x8086, 0x100e) }, { } };",
        ),
    ),
    *changes(
        "gone",
        "4.12",
        "linux/pci.h",
        (
            "pci_enable_msix()",
            N_("use pci_alloc_irq_vectors()"),
            "int vectors = pci_alloc_irq_vectors(pdev, 1, 4, PCI_IRQ_MSIX);",
        ),
    ),
    *changes(
        "gone",
        "6.8–6.12",
        "linux/pci.h",
        ("PCI_IRQ_LEGACY", N_("write PCI_IRQ_INTX"), "int vectors = pci_alloc_irq_vectors(pdev, 1, 1, PCI_IRQ_INTX);"),
    ),
    *changes(
        "changed",
        "2.6.10",
        "linux/pci.h",
        ("pci_save_state()", N_("it takes the device only"), "pci_save_state(pdev);", MANY),
    ),
    *changes(
        "gone",
        "2.6.35",
        "linux/usb.h",
        (
            "usb_buffer_alloc()",
            N_("the function is called usb_alloc_coherent()"),
            "buffer = usb_alloc_coherent(udev, 64, GFP_KERNEL, &address);",
        ),
        (
            "usb_buffer_free()",
            N_("the function is called usb_free_coherent()"),
            "usb_free_coherent(udev, 64, buffer, address);",
        ),
    ),
    *changes(
        "changed",
        "2.6.19",
        "linux/usb.h",
        (
            "urb.complete",
            N_("the function gets the urb only"),
            "static void my_complete(struct urb *done) { }",
            types(r"struct urb \*, *struct pt_regs \*", r"\(\*\)\(struct urb \*\)", r"."),
        ),
    ),
    *changes(
        "gone",
        "2.6.16",
        "linux/usb.h",
        (
            "usb_driver.owner",
            N_("remove it; usb_register() adds it"),
            'static struct usb_driver my_usb = { .name = "mine" };',
        ),
    ),
    *changes(
        "changed",
        "5.19–6.0",
        "linux/usb.h",
        ("usb_maxpacket()", N_("it takes the device and the pipe"), "u16 size = usb_maxpacket(udev, 0);", MANY),
    ),
    *changes(
        "gone",
        "3.6–4.20",
        "linux/i2c.h",
        (
            "i2c_driver.attach_adapter",
            N_("use probe and remove"),
            'static struct i2c_driver my_i2c = { .driver = { .name = "mine" }, .id_table = ids };',
        ),
    ),
    *changes(
        "gone",
        "2.6.31–3.2",
        "linux/i2c.h",
        (
            "i2c_driver.detach_client",
            N_("use probe and remove"),
            'static struct i2c_driver my_i2c = { .driver = { .name = "mine" }, .id_table = ids };',
        ),
        ("i2c_attach_client()", N_("use i2c_new_client_device()"), "client = i2c_new_client_device(adapter, &info);"),
    ),
    *changes(
        "gone",
        "5.8–5.10",
        "linux/i2c.h",
        (
            "i2c_new_device()",
            N_("use i2c_new_client_device(), which returns an error pointer"),
            "client = i2c_new_client_device(adapter, &info);",
        ),
    ),
    *changes(
        "changed",
        "6.1",
        "linux/i2c.h",
        (
            "i2c_driver.remove",
            N_("it returns nothing"),
            "static void my_remove(struct i2c_client *c) { }",
            types(r"int \(\*\)\(struct i2c_client \*\)", r"void \(\*\)\(struct i2c_client \*\)"),
        ),
    ),
    *changes(
        "changed",
        "6.3",
        "linux/i2c.h",
        (
            "i2c_driver.probe",
            N_("it gets the client only; i2c_client_get_device_id() has the id"),
            "static int my_probe(struct i2c_client *c) { return 0; }",
            types(r"struct i2c_client \*, *const struct i2c_device_id \*", r"\(\*\)\(struct i2c_client \*\)"),
        ),
    ),
    *changes(
        "gone",
        "6.3–6.12",
        "linux/i2c.h",
        (
            "i2c_driver.probe_new",
            N_("the member is called probe again"),
            "static struct i2c_driver my_i2c = { .probe = my_probe };",
        ),
    ),
    *changes(
        "changed",
        "5.18",
        "linux/spi/spi.h",
        (
            "spi_driver.remove",
            N_("it returns nothing"),
            "static void my_remove(struct spi_device *s) { }",
            types(r"int \(\*\)\(struct spi_device \*\)", r"void \(\*\)\(struct spi_device \*\)"),
        ),
    ),
    *changes(
        "gone",
        "5.15",
        "linux/tty_driver.h",
        (
            "alloc_tty_driver()",
            N_("use tty_alloc_driver() with flags; it returns an error pointer"),
            "driver = tty_alloc_driver(1, TTY_DRIVER_REAL_RAW);",
        ),
        ("put_tty_driver()", N_("use tty_driver_kref_put()"), "tty_driver_kref_put(driver);"),
    ),
    *changes(
        "changed",
        "3.9",
        "linux/tty_flip.h",
        (
            "tty_flip_buffer_push()",
            N_("it takes the port"),
            "tty_flip_buffer_push(&port);",
            types(r"struct tty_struct \*", r"struct tty_port \*", r"\btty_flip_buffer_push\b"),
        ),
        (
            "tty_insert_flip_char()",
            N_("it takes the port"),
            "tty_insert_flip_char(&port, 'x', TTY_NORMAL);",
            types(r"struct tty_struct \*", r"struct tty_port \*", r"\btty_insert_flip_char\b"),
        ),
    ),
    *changes(
        "changed",
        "5.14",
        "linux/tty_ldisc.h",
        ("tty_register_ldisc()", N_("the number is the member num"), "int error = tty_register_ldisc(&ldisc);", MANY),
    ),
    *changes(
        "changed",
        "5.14",
        "linux/tty_driver.h",
        (
            "tty_operations.write_room",
            N_("it returns unsigned int"),
            "static unsigned int my_write_room(struct tty_struct *t) { return 64; }",
            types(r"^int \(\*\)\(struct tty_struct \*\)", r"unsigned int \(\*\)\(struct tty_struct \*\)"),
        ),
    ),
    *changes(
        "changed",
        "2.6.39",
        "linux/tty_driver.h",
        (
            "tty_operations.ioctl",
            N_("it gets no file"),
            "static int my_ioctl(struct tty_struct *t, unsigned int command, unsigned long argument) "
            "{ return -ENOIOCTLCMD; }",
            types(r"struct tty_struct \*, *struct file \*", r"struct tty_struct \*, *unsigned int"),
        ),
    ),
    *changes(
        "gone",
        "2.6.26",
        "linux/tty_driver.h",
        ("tty_driver.write", N_("the operations are in ops"), 'tty->ops->write(tty, "x", 1);'),
    ),
    *changes(
        "gone",
        "2.6.23–2.6.32",
        "linux/input.h",
        ("input_dev.private", N_("use input_set_drvdata() and input_get_drvdata()"), "input_set_drvdata(input, NULL);"),
    ),
    *changes(
        "gone",
        "2.6.15–2.6.16",
        "linux/input.h",
        ("init_input_dev()", N_("use input_allocate_device()"), "input = input_allocate_device();"),
    ),
    *changes(
        "gone",
        "4.5",
        "linux/gpio/driver.h",
        ("gpio_chip.dev", N_("the member is called parent"), "chip.parent = NULL;"),
    ),
    *changes(
        "gone",
        "4.16–4.19",
        "linux/pci.h",
        (
            "pci_get_bus_and_slot()",
            N_("use pci_get_domain_bus_and_slot()"),
            "struct pci_dev *found = pci_get_domain_bus_and_slot(0, 0, PCI_DEVFN(1, 0));",
        ),
    ),
    *changes(
        "gone",
        "2.6.26–3.2",
        "linux/pci.h",
        (
            "pci_find_slot()",
            N_("use pci_get_domain_bus_and_slot(), and pci_dev_put() after it"),
            "struct pci_dev *found = pci_get_domain_bus_and_slot(0, 0, PCI_DEVFN(1, 0));",
        ),
    ),
    *changes(
        "gone",
        "2.6.26–2.6.32",
        "linux/usb.h",
        ("info()", N_("use pr_info(), or dev_info() with the device"), 'pr_info("found\\n");'),
    ),
    *changes(
        "gone",
        "3.2–3.16",
        "linux/usb.h",
        ("err()", N_("use pr_err(), or dev_err() with the device"), 'pr_err("failed\\n");'),
        ("dbg()", N_("use pr_debug(), or dev_dbg() with the device"), 'pr_debug("there\\n");'),
    ),
    *changes(
        "gone",
        "2.6.18",
        "linux/tty_driver.h",
        ("tty_driver.devfs_name", N_("remove it"), 'driver->name = "mine";'),
        ("TTY_DRIVER_NO_DEVFS", N_("write TTY_DRIVER_DYNAMIC_DEV"), "driver->flags = TTY_DRIVER_DYNAMIC_DEV;"),
    ),
    *changes(
        "changed",
        "3.7",
        "linux/tty.h",
        (
            "tty_struct.termios",
            N_("it is no pointer"),
            'pr_info("%x\\n", tty->termios.c_cflag);',
            types(r"struct ktermios", "", r"\btermios\s*->"),
        ),
    ),
    *changes(
        "gone",
        "2.6.30",
        "linux/tty_driver.h",
        (
            "tty_operations.read_proc",
            N_("use proc_show, whose function writes into a seq_file"),
            "static int my_proc_show(struct seq_file *file, void *data) { return 0; }",
        ),
    ),
    *changes(
        "gone",
        "2.6.16",
        "linux/tty.h",
        (
            "tty_struct.flip",
            N_("the port has the buffer, which tty_insert_flip_char() fills"),
            "tty_insert_flip_char(&port, 97, TTY_NORMAL);",
        ),
    ),
)
