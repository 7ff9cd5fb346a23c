"""API changes of kinds of devices: sound, video, sensors, power supplies, ACPI, terminals."""

from __future__ import annotations

from kmodlab.i18n import N_
from kmodlab.kbuild.api_changes.change import FEW, Change, changes, types

CHANGES: tuple[Change, ...] = (
    *changes(
        "gone",
        "3.15–3.16",
        "sound/core.h",
        (
            "snd_card_create()",
            N_("use snd_card_new(), which takes the parent"),
            "int error = snd_card_new(parent, -1, NULL, THIS_MODULE, 0, &card);",
        ),
    ),
    *changes(
        "gone",
        "5.7",
        "media/v4l2-dev.h",
        (
            "VFL_TYPE_GRABBER",
            N_("the kind is called VFL_TYPE_VIDEO"),
            "int error = video_register_device(video, VFL_TYPE_VIDEO, -1);",
        ),
    ),
    *changes(
        "gone",
        "5.17–5.18",
        "acpi/acpi_bus.h",
        (
            "acpi_bus_get_device()",
            N_("use acpi_fetch_acpi_dev()"),
            "struct acpi_device *found = acpi_fetch_acpi_dev(handle);",
        ),
    ),
    *changes(
        "changed",
        "4.1",
        "linux/power_supply.h",
        (
            "power_supply_register()",
            N_("it takes a description and a configuration, and returns the power supply"),
            "supply = power_supply_register(parent, &description, &config);",
            FEW,
        ),
    ),
    *changes(
        "gone",
        "4.14–4.15",
        "linux/iio/iio.h",
        (
            "iio_info.driver_module",
            N_("leave it out: iio_device_register() knows its caller"),
            "int error = iio_device_register(sensor);",
        ),
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
