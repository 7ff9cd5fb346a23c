"""Devices that are plugged into a running guest and pulled out again, so that probe() and remove() can be seen.

QEMU plays the hand that plugs; the guest's own hotplug drivers notice it, as on a real machine. `plug` and `unplug`
return when the guest is done with it: the device is there or gone, and the drivers' functions have returned.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from qemu.qmp import ExecuteError

from kmodlab.errors import GuestError, UsageError
from kmodlab.guest.qemu import SLOT
from kmodlab.guest.session import Session

T = TypeVar("T")

SETTLE_S = 20.0  # for a guest to notice a device, and for its drivers to do their work; usually under a second


@dataclass(frozen=True)
class Device:
    """A device that can be plugged in: QEMU's name of it, the bus that it goes to, and what it is."""

    name: str
    bus: str  # "pci" or "usb": also the name of the folder below /sys/bus
    purpose: str


DEVICES = {
    device.name: device
    for device in (
        Device("edu", "pci", "QEMU's PCI device for teaching: it computes factorials (ID 1234:11e8)"),
        Device("pci-testdev", "pci", "QEMU's PCI device for tests (ID 1b36:0005)"),
        Device("usb-kbd", "usb", "a USB keyboard (ID 0627:0001)"),
        Device("usb-mouse", "usb", "a USB mouse (ID 0627:0001)"),
        Device("usb-tablet", "usb", "a USB tablet (ID 0627:0001)"),
    )
}

# The driver of the USB controller is a module, and nothing in a guest loads it by itself.
CONTROLLER = "xhci_pci"
_NO_CONTROLLER = 42

# What `sh -c` runs in the guest: $1 is the bus, $2 a file with what was there before. Waits for a change in that list,
# then for those who work on it. Both waits take the lock that the kernel holds meanwhile: pciehp's is taken by a
# rescan (drivers/pci/pci-sysfs.c), the hub's by reading what it is configured to (drivers/usb/core/sysfs.c). Last, who
# autoloads modules gets the time to do so. The shell does nearly all of it itself: in an emulated guest, the start of
# each program costs as much as the kernel's work on a device.
_BEFORE = f"""
[ "$1" = pci ] || [ -e /sys/bus/pci/drivers/xhci_hcd ] || exit {_NO_CONTROLLER}
echo /sys/bus/"$1"/devices/* >"$2"
"""
_AFTER = """
bus=$1
read -r before <"$2"
settle() {
    case $bus in
    pci) echo 1 >/sys/bus/pci/rescan ;;
    usb) for hub in /sys/bus/usb/devices/usb*; do read -r _ <"$hub/bConfigurationValue"; done ;;
    esac
}
until set -- /sys/bus/$bus/devices/* && [ "$*" != "$before" ]; do usleep 10000; done
settle
seen=
while read -r now </sys/kernel/uevent_seqnum; now="$now $(pidof modprobe)"; [ "$seen" != "$now" ]; do
    seen=$now
    pidof mdev >/dev/null && usleep 300000
    settle
done
for device in /sys/bus/$bus/devices/*; do
    case " $before " in
    *" $device "*) ;;
    *) echo "${device##*/}" ;;
    esac
done
"""
_NOTE = "/run/devices"  # the list of before


def get_device(name: str) -> Device:
    """The device of that name; UsageError where there is none."""
    if name in DEVICES:
        return DEVICES[name]
    raise UsageError(f"There is no device {name!r} to plug in.", hint=f"There are: {', '.join(DEVICES)}.")


# Runs a command in the guest, right after having called what makes it end: what happens then belongs to the command.
Act = Callable[[list[str], Callable[[], None]], T]


def plug(session: Session, name: str, act: Act[T]) -> T:
    """Plug a device in and wait until the guest is done with it; returns what `act` makes of the waiting command.

    That prints the new devices, as they are called in /sys/bus/pci/devices or /sys/bus/usb/devices, a line for each.
    UsageError where the device is there already, and where a USB device would be seen by no driver of the controller.
    """
    device = get_device(name)
    _look(session, device)
    arguments = {"driver": device.name, "id": device.name}
    arguments["bus"] = _free_slot(session) if device.bus == "pci" else "usb.0"
    add = partial(_tell, session, "device_add", arguments, f"{name} is plugged in already.")
    return act(_waiting(device), add)


def unplug(session: Session, name: str, act: Act[T]) -> T:
    """Pull a device out and wait until the guest is done with it; UsageError where it is not plugged in."""
    device = get_device(name)
    _look(session, device)
    delete = partial(_tell, session, "device_del", {"id": device.name}, f"{name} is not plugged in.")
    return act(_waiting(device), delete)


def _waiting(device: Device) -> list[str]:
    return ["sh", "-c", _AFTER, "sh", device.bus, _NOTE]


def _look(session: Session, device: Device) -> None:
    done = session.run(["sh", "-c", _BEFORE, "sh", device.bus, _NOTE])
    if done.status == _NO_CONTROLLER:
        raise UsageError(
            "The guest has no driver for its USB controller, so it cannot see USB devices.",
            hint=f"Load it first: %modprobe {CONTROLLER}",
        )
    if not done.ok:
        raise GuestError("The guest's devices cannot be listed.", details=done.text)


def _tell(session: Session, command: str, arguments: dict[str, str], otherwise: str) -> None:
    try:
        session.monitor(command, arguments)
    except ExecuteError as error:
        raise UsageError(otherwise, hint=f"QEMU says: {error}") from error


def _free_slot(session: Session) -> str:
    """The first PCIe slot with nothing in it."""
    for bus in session.monitor("query-pci"):
        for found in bus["devices"]:
            if found["qdev_id"].startswith(SLOT) and not found["pci_bridge"].get("devices"):
                return str(found["qdev_id"])
    raise UsageError("All PCIe slots are taken.", hint="Unplug a device first: %unplug edu")
