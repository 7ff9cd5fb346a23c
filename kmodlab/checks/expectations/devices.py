"""Words about devices that are plugged into the guest and pulled out again."""

from __future__ import annotations

from kmodlab.checks.check import Expectation
from kmodlab.checks.context import CheckContext
from kmodlab.checks.result import Failure
from kmodlab.guest.devices import CONTROLLER, SETTLE_S, get_device, plug, unplug
from kmodlab.kbuild.sources import kmod_name


def plugs(device: str) -> Expectation:
    """The checker plugs the device in (`edu`, `usb-mouse`, ...), and waits until its driver's probe has returned."""
    known = get_device(device)

    def examine(context: CheckContext) -> Failure | None:
        if known.bus == "usb":
            context.look(["modprobe", CONTROLLER])
        return context.watch(lambda session, run: plug(session, device, run), f"plugging in {device}", SETTLE_S)

    return Expectation(examine)


def unplugs(device: str) -> Expectation:
    """The checker pulls the device out, and waits until its driver's remove or disconnect has returned."""
    get_device(device)

    def examine(context: CheckContext) -> Failure | None:
        return context.watch(lambda session, run: unplug(session, device, run), f"pulling out {device}", SETTLE_S)

    return Expectation(examine)


# Each driver of a module has a folder, with a link for each device that it drives: 0000:01:00.0, 1-1:1.0.
_BOUND = 'ls -d /sys/module/"$1"/drivers/*/*:*'


def drives(name: str) -> Expectation:
    """A driver of the module's is bound to a device: its probe was called, and returned 0."""

    def examine(context: CheckContext) -> Failure | None:
        return None if _bound(context, name) else Failure(f"No device is bound to a driver of `{name}`.")

    return Expectation(examine)


def drives_nothing(name: str) -> Expectation:
    """No driver of the module's is bound to a device."""

    def examine(context: CheckContext) -> Failure | None:
        return Failure(f"A device is still bound to a driver of `{name}`.") if _bound(context, name) else None

    return Expectation(examine)


def _bound(context: CheckContext, name: str) -> bool:
    return bool(context.look(["sh", "-c", _BOUND, "sh", kmod_name(name)]).strip())
