"""`%plug` and `%unplug`: devices come and go in the running guest, and the kernel's log says what the drivers did."""

from __future__ import annotations

from collections.abc import Callable

from kmodlab.errors import UsageError
from kmodlab.guest.devices import DEVICES, SETTLE_S, plug, unplug
from kmodlab.notebook.arguments import split
from kmodlab.notebook.render.action import action_parts
from kmodlab.notebook.render.parts import Level, Message, Part
from kmodlab.notebook.show import show
from kmodlab.notebook.state import Action, NotebookState

_LIST = "\n".join(f"    {device.name:12} {device.purpose}" for device in DEVICES.values())

PLUG_HELP = f"""\
Plug a device into the running guest, wait until its drivers are done with it, and show what the kernel logged.

    %plug edu

{_LIST}

USB devices need a driver of the USB controller first: %modprobe xhci_pci
"""
UNPLUG_HELP = """\
Pull a device out of the running guest, and show what the kernel logged.

    %unplug edu
"""


def plug_in(place: NotebookState, line: str, _cell: str | None) -> None:
    """Run `%plug`."""
    name = _named(line, "plug")
    action = plug(place.session, name, _act(place))
    show(*_told(action, place, f"`{name}` is plugged in"))


def pull_out(place: NotebookState, line: str, _cell: str | None) -> None:
    """Run `%unplug`."""
    name = _named(line, "unplug")
    action = unplug(place.session, name, _act(place))
    show(*_told(action, place, f"`{name}` is unplugged"))


def _named(line: str, magic: str) -> str:
    words = split(line)
    if len(words) != 1:
        raise UsageError(f"%{magic} takes the name of one device.", hint=f"There are: {', '.join(DEVICES)}.")
    return words[0]


def _act(place: NotebookState) -> Callable[[list[str], Callable[[], None]], Action]:
    return lambda argv, trigger: place.act(argv, timeout_s=SETTLE_S, trigger=trigger)


def _told(action: Action, place: NotebookState, what: str) -> list[Part]:
    """What happened; the waiting command is our own affair, and its output are the names of new devices."""
    parts: list[Part] = []
    if action.ok and action.step.result is not None:
        names = ", ".join(f"`{name}`" for name in action.step.result.text.split())
        parts.append(Message(f"{what}: {names}." if names else f"{what}.", Level.GOOD))
    return [*parts, *action_parts(action, "", place.made, with_output=False)]
