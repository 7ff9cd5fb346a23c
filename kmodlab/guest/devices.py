"""Plugs devices into a running guest and pulls them out, so that drivers' probe() and remove() are called.

QEMU adds and removes the device; the guest's own hotplug drivers notice it, as on a real machine. The guest's kernel
emulates USB devices that QEMU does not have, as a gadget on a dummy controller (drivers/usb/gadget/udc/dummy_hcd.c).
`plug` and `unplug` return when the guest has added or removed the device and its drivers' functions have returned.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from qemu.qmp import ExecuteError

from kmodlab.errors import GuestError, UsageError
from kmodlab.guest.machine import Machine
from kmodlab.guest.qemu import SLOT
from kmodlab.guest.session import Session
from kmodlab.i18n import N_, _
from kmodlab.process import Deadline

T = TypeVar("T")

SETTLE_S = 20.0  # for a guest to notice a device, and for its drivers to do their work; usually under a second


@dataclass(frozen=True)
class Device:
    """A device that can be plugged in: its name, its bus, and what it is (`purpose`, not yet translated)."""

    name: str
    bus: str  # "pci" or "usb", the name of its folder in /sys/bus
    purpose: str
    model: str = ""  # QEMU's name for the device, if it is not `name`
    gadget: tuple[str, ...] = ()  # parameters of the module g_serial, if the guest's kernel emulates the device


def _gadget(vendor: int, product: int) -> tuple[str, ...]:
    # drivers/usb/gadget/legacy/serial.c; the IDs are parameters of every legacy gadget (linux/usb/composite.h).
    return (f"idVendor={vendor:#06x}", f"idProduct={product:#06x}", "use_acm=0")


DEVICES = {
    device.name: device
    for device in (
        Device("edu", "pci", N_("QEMU's PCI device for teaching: it computes factorials (ID 1234:11e8)")),
        Device("edu-2", "pci", N_("a second card like edu"), model="edu"),
        Device("pci-testdev", "pci", N_("QEMU's PCI device for tests (ID 1b36:0005)")),
        Device("usb-kbd", "usb", N_("a USB keyboard (ID 0627:0001)")),
        Device("usb-mouse", "usb", N_("a USB mouse (ID 0627:0001)")),
        Device("usb-tablet", "usb", N_("a USB tablet (ID 0627:0001)")),
        Device("usb-wacom-tablet", "usb", N_("a USB tablet of another make (ID 056a:0000)")),
        Device("usb-0627-0002", "usb", N_("another product of the same make (ID 0627:0002)"), gadget=_gadget(0x627, 2)),
        Device("usb-1209-0001", "usb", N_("a product of another make (ID 1209:0001)"), gadget=_gadget(0x1209, 1)),
    )
}

# The driver of the USB controller is a module that no program in the guest loads automatically.
CONTROLLER = "xhci_pci"
_NO_CONTROLLER = 42

# Scripts for `sh -c` in the guest. $1 is the bus, $2 a file with the list of devices before the change. If modprobe
# makes the change, and not QEMU, its arguments follow. _AFTER waits until the list changes, then until the
# drivers are done, by taking the lock that the kernel holds while they run: a rescan takes pciehp's lock
# (drivers/pci/pci-sysfs.c), a read of a hub's configuration takes the hub's lock (drivers/usb/core/sysfs.c). Last, it
# waits for modules that are loaded automatically. The scripts start few programs, because in an emulated guest starting
# a program takes as long as the kernel's work on a device.
_BEFORE = f"""
[ "$1" = pci ] || [ -e /sys/bus/pci/drivers/xhci_hcd ] || exit {_NO_CONTROLLER}
echo /sys/bus/"$1"/devices/* >"$2"
"""
_AFTER = """
bus=$1
read -r before <"$2"
shift 2
[ -z "$1" ] || modprobe "$@" || exit
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
_LIST_FILE = "/run/devices"
_GADGET, _GADGET_NEEDS = "g_serial", ("dummy_hcd", "usb_f_serial")


def get_device(name: str) -> Device:
    """The device of that name. Raises: UsageError."""
    if name in DEVICES:
        return DEVICES[name]
    raise UsageError(
        _("There is no device {name} to plug in.").format(name=repr(name)),
        hint=_("There are: {names}.").format(names=", ".join(DEVICES)),
    )


# Calls the function, which plugs the device in or pulls it out, and runs the command, which waits for the drivers. So
# the kernel's messages in this time belong to the command.
Act = Callable[[list[str], Callable[[], None]], T]


def plug(session: Session, name: str, act: Act[T]) -> T:
    """Plug a device in and wait until its drivers are done; returns what `act` returns for the command that waits.

    The command prints the names of the new devices in /sys/bus/pci/devices or /sys/bus/usb/devices, one per line.

    Raises: UsageError if the device is plugged in already, or no driver of the USB controller is loaded. Only one of
    the devices that the guest's kernel emulates can be plugged in at a time.
    """
    device = get_device(name)
    if device.gadget:
        if _has_gadget(session):
            raise UsageError(_("A device that the guest's kernel emulates is plugged in already."))
        _load_gadget_support(session)
    _list_devices(session, device)
    if device.gadget:
        return act(_wait_argv(device, _GADGET, *device.gadget), _do_nothing)
    message = _("{name} is plugged in already.").format(name=name)
    arguments = {"driver": device.model or device.name, "id": device.name}
    arguments["bus"] = _free_slot(session) if device.bus == "pci" else "usb.0"
    return act(_wait_argv(device), partial(_command_qemu, session, "device_add", arguments, message))


def unplug(session: Session, name: str, act: Act[T]) -> T:
    """Pull a device out and wait until its drivers are done. Raises: UsageError if it is not plugged in."""
    device = get_device(name)
    message = _("{name} is not plugged in.").format(name=name)
    _list_devices(session, device)
    if device.gadget:
        if not _has_gadget(session):
            raise UsageError(message)
        return act(_wait_argv(device, "--remove", _GADGET), _do_nothing)
    return act(_wait_argv(device), partial(_command_qemu, session, "device_del", {"id": device.name}, message))


def _do_nothing() -> None:
    """For a change that the command itself makes."""


def _has_gadget(session: Session) -> bool:
    return session.run(["stat", f"/sys/module/{_GADGET}"], in_agent=True).ok


def _load_gadget_support(session: Session) -> None:
    result = session.run(["modprobe", "--all", *_GADGET_NEEDS])
    if not result.ok:
        raise GuestError(_("The guest's kernel cannot play a USB device."), details=result.text)


async def plug_at_first(machine: Machine, number: int, name: str) -> None:
    """Plug one of QEMU's devices into a fresh guest, as the device with that number, and wait until it is there.

    Raises: GuestError, UsageError.
    """
    device, deadline = get_device(name), Deadline.after(SETTLE_S)
    arguments = {"driver": device.model or device.name, "id": device.name}
    arguments["bus"] = f"{SLOT}{number}" if device.bus == "pci" else "usb.0"
    for argv in (["modprobe", CONTROLLER], _list_argv(device), None, _wait_argv(device)):
        if argv is None:
            await machine.monitor.execute("device_add", arguments)
        elif not (result := await machine.execute(argv, deadline)).ok:
            raise GuestError(_("{name} could not be plugged in.").format(name=name), details=result.text)


def _wait_argv(device: Device, *change: str) -> list[str]:
    return ["sh", "-c", _AFTER, "sh", device.bus, _LIST_FILE, *change]


def _list_argv(device: Device) -> list[str]:
    return ["sh", "-c", _BEFORE, "sh", device.bus, _LIST_FILE]


def _list_devices(session: Session, device: Device) -> None:
    result = session.run(_list_argv(device))
    if result.status == _NO_CONTROLLER:
        raise UsageError(
            _("The guest has no driver for its USB controller, so it cannot see USB devices."),
            hint=_("Load it first: %modprobe {module}").format(module=CONTROLLER),
        )
    if not result.ok:
        raise GuestError(_("The guest's devices cannot be listed."), details=result.text)


def _command_qemu(session: Session, command: str, arguments: dict[str, str], failure: str) -> None:
    try:
        session.monitor(command, arguments)
    except ExecuteError as error:
        raise UsageError(failure, hint=_("QEMU says: {error}").format(error=error)) from error


def _free_slot(session: Session) -> str:
    """The name of the first empty PCIe slot. Raises: UsageError if all are in use."""
    for bus in session.monitor("query-pci"):
        for port in bus["devices"]:
            if port["qdev_id"].startswith(SLOT) and not port["pci_bridge"].get("devices"):
                return str(port["qdev_id"])
    raise UsageError(_("All PCIe slots are taken."), hint=_("Unplug a device first: %unplug edu"))
