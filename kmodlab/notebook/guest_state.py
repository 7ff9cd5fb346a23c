"""The state of the notebook's guest: kernel, uptime, taint, modules, devices; for `%lab` and for the lab panel."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from qemu.qmp import QMPError

from kmodlab.crash.processor_state import taints_of
from kmodlab.elf.modprobe import LoadedModule, parse_proc_modules
from kmodlab.errors import GuestError, UsageError
from kmodlab.guest.devices import DEVICES
from kmodlab.guest.machine import Machine
from kmodlab.i18n import _
from kmodlab.notebook.magic import show_view
from kmodlab.notebook.render.parts import Level, Message, Part
from kmodlab.notebook.state import NotebookState
from kmodlab.notebook.views.table import Column, ColumnKind, Table
from kmodlab.notebook.views.view import View
from kmodlab.process import run_sync

_ANSWER_S = 5.0
_LIMIT = 1 << 18  # bytes of one file in /proc
_PERIPHERALS = "/machine/peripheral"  # QEMU's folder of devices that have an id

LAB_HELP = _("""\
Show the state of the guest: its kernel and uptime, what taints the kernel, which modules are loaded and who uses them.

    %lab

JupyterLab shows the same at its right edge, and follows it while cells run. In a terminal, `kmodlab shell --attach`
opens the guest's shell.
""")


@dataclass(frozen=True)
class GuestState:
    """The state of a running guest. `taint` maps letters to meanings; `devices` are the names of plugged in devices."""

    release: str
    uptime_s: float
    taint: Mapping[str, str]
    modules: tuple[LoadedModule, ...]
    devices: tuple[str, ...]

    @property
    def parts(self) -> list[Part]:
        """The state as parts of a view."""
        running = _("Linux {release}, running for {uptime}.").format(release=self.release, uptime=self.uptime)
        letters = "; ".join(f"{letter}: {meaning}" for letter, meaning in self.taint.items())
        tainted = _("The kernel is tainted. {letters}.").format(letters=letters)
        parts: list[Part] = [
            Message(running),
            Message(tainted, Level.NOTE) if self.taint else Message(_("The kernel is not tainted."), Level.GOOD),
        ]
        if self.devices:
            parts.append(Message(_("Plugged in: {devices}.").format(devices=", ".join(self.devices))))
        columns = [
            Column(_("module"), ColumnKind.CODE),
            Column(_("bytes"), ColumnKind.NUMBER),
            Column(_("uses"), ColumnKind.NUMBER),
            Column(_("used by")),
        ]
        rows = [[module.name, str(module.size), str(module.refcount), users_of(module)] for module in self.modules]
        return [*parts, Table(_("Modules, the latest first"), columns, rows)]

    @property
    def uptime(self) -> str:
        """The uptime as minutes and seconds."""
        minutes, seconds = divmod(int(self.uptime_s), 60)
        return _("{minutes} min {seconds} s").format(minutes=minutes, seconds=seconds)

    @property
    def data(self) -> dict[str, Any]:
        """The state for the panel."""
        modules = [[module.name, module.size, module.refcount, users_of(module)] for module in self.modules]
        taint = [f"{letter}: {meaning}" for letter, meaning in self.taint.items()]
        return {
            "release": self.release,
            "uptime": self.uptime,
            "taint": taint,
            "modules": modules,
            "devices": list(self.devices),
        }


def users_of(module: LoadedModule) -> str:
    """The users of a module, as text; it says so if the module cannot be unloaded at all."""
    names = [user for user in module.users if user != "[permanent]"]
    return ", ".join([*names, *([_("permanent: it has no exit")] if module.is_permanent else [])])


async def read_state(machine: Machine) -> GuestState | None:
    """Read the state of a guest while commands may run in it; None if it ends or does not answer soon."""
    try:
        async with asyncio.timeout(_ANSWER_S):
            files = ["/proc/sys/kernel/osrelease", "/proc/uptime", "/proc/sys/kernel/tainted", "/proc/modules"]
            release, uptime, tainted, modules = [await machine.agent.get(file, _LIMIT) for file in files]
            plugged: Any = await machine.monitor.execute("qom-list", {"path": _PERIPHERALS})
    except (GuestError, QMPError, OSError, TimeoutError):
        return None
    names = {str(entry.get("name")) for entry in plugged if isinstance(entry, dict)}
    words = uptime.split()
    return GuestState(
        release=release[:80].decode("utf-8", "replace").strip(),
        uptime_s=float(words[0]) if words and words[0].replace(b".", b"").isdigit() else 0.0,
        taint=taints_of(int(tainted) if tainted.strip().isdigit() else 0),
        modules=tuple(parse_proc_modules(modules).values()),
        devices=tuple(name for name in DEVICES if name in names),
    )


def lab(state: NotebookState, line: str, _cell: str | None) -> None:
    """Run `%lab`. Raises: UsageError."""
    if line.strip():
        raise UsageError(_("%lab takes no arguments."))
    machine = state.session.machine
    guest = run_sync(read_state(machine)) if machine else None
    if guest is None:
        show_view(View([Message(_("No guest is running: the next command starts one."))]))
    else:
        show_view(View(guest.parts))
