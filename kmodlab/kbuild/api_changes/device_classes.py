"""API changes of kinds of devices: sound, video, sensors, power supplies, ACPI."""

from __future__ import annotations

from kmodlab.i18n import N_
from kmodlab.kbuild.api_changes.change import FEW, Change, changes

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
)
