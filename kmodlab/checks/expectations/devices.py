"""Check words about devices that are plugged into the guest and unplugged again."""

from __future__ import annotations

from kmodlab.checks.check import Expectation
from kmodlab.checks.check_result import Failure
from kmodlab.checks.context import CheckContext
from kmodlab.guest.devices import CONTROLLER, SETTLE_S, get_device, plug, unplug
from kmodlab.i18n import _
from kmodlab.kbuild.sources import kmod_name

# Each driver of a module has a folder, with a link for each device that it drives: 0000:01:00.0, 1-1:1.0.
_BOUND = 'ls -d /sys/module/"$1"/drivers/*/*:*'


def plugs(device: str) -> Expectation:
    """The checker plugs the device in (`edu`, `usb-mouse`, ...) and waits until its driver's probe has returned."""
    known = get_device(device)

    def examine(context: CheckContext) -> Failure | None:
        if known.bus == "usb":
            context.look(["modprobe", CONTROLLER])
        return context.watch(lambda session, run: plug(session, device, run), f"%plug {device}", SETTLE_S)

    return Expectation(examine)


def unplugs(device: str) -> Expectation:
    """The checker unplugs the device and waits until its driver's remove or disconnect has returned."""
    get_device(device)

    def examine(context: CheckContext) -> Failure | None:
        return context.watch(lambda session, run: unplug(session, device, run), f"%unplug {device}", SETTLE_S)

    return Expectation(examine)


def drives(name: str) -> Expectation:
    """A driver of the module is bound to a device: its probe was called and returned 0."""

    def examine(context: CheckContext) -> Failure | None:
        if _is_bound(context, name):
            return None
        return Failure(_("No device is bound to a driver of `{name}`.").format(name=name))

    return Expectation(examine)


def drives_nothing(name: str) -> Expectation:
    """No driver of the module is bound to a device."""

    def examine(context: CheckContext) -> Failure | None:
        if not _is_bound(context, name):
            return None
        return Failure(_("A device is still bound to a driver of `{name}`.").format(name=name))

    return Expectation(examine)


def _is_bound(context: CheckContext, name: str) -> bool:
    return bool(context.look(["sh", "-c", _BOUND, "sh", kmod_name(name)]).strip())
