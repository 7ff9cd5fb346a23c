"""The ipykernel's side of the lab panel: a comm through which the panel gets the guest's state and log.

State and log are read on the I/O thread, so that they arrive while a cell runs. The panel's requests (a fresh guest, a
device) are commands like those of cells; while a cell runs, they are refused.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import sys
from collections import deque
from pathlib import Path
from typing import Any

from kmodlab.crash.records import LogRecord, parse_kmsg
from kmodlab.errors import GuestError, KmodlabError
from kmodlab.guest.attach import ConsoleServer
from kmodlab.guest.devices import DEVICES
from kmodlab.guest.machine import Machine
from kmodlab.i18n import _
from kmodlab.notebook.guest import change_device
from kmodlab.notebook.guest_state import read_state
from kmodlab.notebook.render.log import Log
from kmodlab.notebook.render.parts import join_texts
from kmodlab.notebook.state import NotebookState
from kmodlab.process import submit
from kmodlab.settings import notebook_name

PANEL_COMM = "kmodlab.panel"
_EVERY_S = 1.0
_KEPT = 500  # records of the log
# Only devices that QEMU plugs in: for the others, the guest does not show which one is plugged in.
_OFFERED = [device for device in DEVICES.values() if not device.gadget]


class GuestLog:
    """The log of one guest, as far as it has been read; all panels of a notebook share it.

    Once a second, the agent sends all new records together. If it sent each record at once, it would take a tenth of
    the guest's processor time while a module logs a thousand lines a second.
    """

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self._records: deque[LogRecord] = deque(maxlen=_KEPT)
        self._request: asyncio.Task[bytes] | None = None

    async def after(self, sequence: int) -> list[LogRecord]:
        """The latest records after a sequence number; empty while a guest hangs, which may send them later."""
        request = self._request = self._request or asyncio.create_task(self.machine.agent.follow_log())
        await asyncio.wait({request}, timeout=_EVERY_S)
        if request.done() and request is self._request:
            self._request = None
            with contextlib.suppress(GuestError):  # the guest has ended
                self._records.extend(parse_kmsg(request.result()))
        return [record for record in self._records if record.sequence > sequence]


class Panel:
    """One open panel."""

    def __init__(self, comm: Any, panels: Panels) -> None:
        self._comm, self._panels, self._state = comm, panels, panels.state
        comm.on_msg(self._take_wish)
        comm.on_close(lambda _message: self.close())
        devices = [[device.name, _(device.purpose)] for device in _OFFERED]
        comm.send({"labels": _labels(), "devices": devices, "console": console_command()})
        self._task = submit(self._push())

    def close(self) -> None:
        """Stop sending."""
        self._task.cancel()

    async def _push(self) -> None:
        shown: tuple[Machine | None, int] = None, -1  # the guest, and the last record of its log
        while True:
            machine = self._state.machine
            guest = await read_state(machine) if machine else None
            self._comm.send({"state": guest.data if guest else None, "busy": self._panels.is_busy})
            if machine and shown[0] is not machine:
                shown = machine, -1
                self._comm.send({"log": [], "fresh": True})  # clears the log of the last guest
            if machine and (records := await self._panels.log_of(machine).after(shown[1])):
                shown = machine, records[-1].sequence
                self._comm.send({"log": [_line(record) for record in records]})
            await asyncio.sleep(_EVERY_S)

    def _take_wish(self, message: Any) -> None:
        data = message["content"].get("data") or {}
        if self._panels.is_busy:
            self._comm.send({"said": _("A cell is running. Press again when it has ended.")})
            return
        try:
            said = self._do(str(data.get("wish")), str(data.get("device")))
        except KmodlabError as error:
            said = f"{error} {error.hint}".strip()
        self._comm.send({"said": said})

    def _do(self, wish: str, device: str) -> str:
        if wish == "reset":
            self._state.reset()
            self._state.start()
            return _("A fresh guest runs.")
        if wish in ("plug", "unplug"):
            parts = change_device(self._state, device, wish)
            return join_texts([part for part in parts if not isinstance(part, Log)]).replace("`", "")
        return ""


def _line(record: LogRecord) -> list[Any]:
    return [f"{record.time_s:.6f}", record.level, record.level_name.lower(), record.text]


def console_command() -> str:
    """The command line that opens this notebook's console, for any shell; it waits after the last message."""
    script = f'"$@"; [ $? != {KmodlabError.exit_status} ] || read -r _'
    command = [sys.executable, "-m", "kmodlab", "shell", "--attach", str(os.getpid())]
    return shlex.join(["exec", "sh", "-c", script, "console", *command])


def _labels() -> dict[str, str]:
    return {
        "none": _("No guest is running: the next command starts one."),
        "kernel": _("Linux {release}, running for {uptime}"),
        "clean": _("not tainted"),
        "tainted": _("tainted:"),
        "reset": _("Fresh guest"),
        "console": _("Console"),
        "console_title": _("The guest's shell, in a terminal"),
        "no_terminal": _("JupyterLab cannot open a terminal here. Run this in a shell: {command}").format(
            command=f"kmodlab shell --attach {os.getpid()}"
        ),
        "devices": _("Devices"),
        "modules": _("Modules"),
        "module": _("module"),
        "bytes": _("bytes"),
        "uses": _("uses"),
        "users": _("used by"),
        "log": _("Kernel log"),
        "filter": _("Filter"),
        "level": _("Up to level"),
        "busy": _("A cell is running."),
    }


class Panels:
    """All open panels and consoles of one notebook; `is_busy` says whether a cell is running."""

    def __init__(self, state: NotebookState) -> None:
        self.state, self.is_busy = state, False
        self._open: list[Panel] = []
        self._log: GuestLog | None = None
        self._consoles = ConsoleServer(state, notebook_name() or str(Path.cwd()))

    def answer_comm(self, comm: Any, _message: Any) -> None:
        """Serve a panel that the front end has opened."""
        self._consoles.open()
        self._open.append(Panel(comm, self))

    def log_of(self, machine: Machine) -> GuestLog:
        """The log of a guest."""
        if self._log is None or self._log.machine is not machine:
            self._log = GuestLog(machine)
        return self._log

    def begin_cell(self, _info: Any = None) -> None:
        """Record that a cell runs; IPython calls this before each cell."""
        self.is_busy = True
        self._consoles.open()

    def end_cell(self, _result: Any = None) -> None:
        """Record that the cell has ended; IPython calls this after each cell."""
        self.is_busy = False

    def close(self) -> None:
        """Stop serving panels and consoles."""
        for panel in self._open:
            panel.close()
        self._open.clear()
        self._consoles.close()
