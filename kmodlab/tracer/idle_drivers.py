"""Finds the drivers of a module that have no device yet, so that the kernel has not called their probe()."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import PurePosixPath

from kmodlab.guest.agent.client import Result
from kmodlab.guest.session import Session
from kmodlab.i18n import _
from kmodlab.kbuild.locate import find_code
from kmodlab.kbuild.sources import kmod_name

# On these buses, a driver without a device is normal: devices may be plugged in later.
_PLUGGABLE = {"pci", "usb", "usb-serial", "hid", "virtio"}
# A driver with one of these members is not only matched by its name (drivers/base/platform.c, platform_match).
_OTHER_MATCHES = r"\.\s*(?:id_table|of_match_table|acpi_match_table)\b"
_MOST = 100  # names that are compared
# Prints for each driver of the module its bus and name, then the names of the bus's devices. In a driver's folder, each
# link except `module` is a device that is bound to the driver (drivers/base/bus.c).
_LIST = r"""
for driver in "$1"/*:*; do
    name=${driver##*/} bound=
    for link in "$driver"/*; do
        [ -L "$link" ] && [ "${link##*/}" != module ] && bound=1
    done
    [ "$bound" ] || echo "$name" $(ls "/sys/bus/${name%%:*}/devices")
done
"""


@dataclass(frozen=True)
class IdleDriver:
    """A registered driver without a device. `devices` are the names of all devices of its bus."""

    bus: str
    name: str
    devices: tuple[str, ...] = ()


def find_idle_drivers(session: Session, argv: Sequence[str], result: Result) -> tuple[IdleDriver, ...]:
    """The drivers without a device in the module that a command has loaded; empty if the command is not insmod."""
    if not result.ok or len(argv) < 2 or argv[0] != "insmod":
        return ()
    folder = f"/sys/module/{kmod_name(PurePosixPath(argv[1]).name.removesuffix('.ko'))}/drivers"
    if not session.run(["stat", folder], in_agent=True).ok:
        return ()
    listed = session.run(["sh", "-c", _LIST, "sh", folder])
    lines = (line.split(" ") for line in listed.stdout.decode("utf-8", "replace").splitlines())
    return tuple(IdleDriver(*driver.partition(":")[::2], tuple(devices)) for driver, *devices in lines)


def describe_idle(drivers: Iterable[IdleDriver], sources: Mapping[str, bytes]) -> Iterator[str]:
    """A sentence for each driver whose probe() was certainly not called, with the reason."""
    by_name = find_code(_OTHER_MATCHES, sources) is None
    for driver in drivers:
        names = dict.fromkeys(re.sub(r"\.\d+(\.auto)?$", "", device) for device in driver.devices)
        if driver.bus == "platform" and by_name and driver.name not in names:
            message = _(
                "`{name}` is registered as a platform driver, but there is no platform device of this name, so its "
                "probe() has not been called. {hint}"
            )
            yield message.format(name=driver.name, hint=_near(driver.name, list(names)[:_MOST])).rstrip()
        elif driver.bus not in _PLUGGABLE and not names:
            message = _(
                "`{name}` is registered as a driver of the bus {bus}, which has no devices, so its probe() has not "
                "been called."
            )
            yield message.format(name=driver.name, bus=driver.bus)


def _near(name: str, names: Sequence[str]) -> str:
    near = get_close_matches(name, names, n=1, cutoff=0.7)
    return _("The device `{near}` has almost the same name.").format(near=near[0]) if near else ""
