"""Session: a guest that stays alive from one command to the next. Other folders use guests through it.

A session has at most one guest. It forks a guest when a command needs one, replaces a guest that was lost, and ends
it when the session is closed. `prepare` forks in the background, so that a build and a fork overlap. Methods may be
called from any thread, one at a time; an interrupt (Ctrl-C) kills the running command and leaves the guest usable.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import os
import threading
import weakref
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from kmodlab.errors import EndKind, GuestEnd, GuestError, GuestLostError
from kmodlab.guest.agent.client import OUTPUT_LIMIT, Result
from kmodlab.guest.lab import Lab
from kmodlab.guest.machine import Machine
from kmodlab.guest.snapshot import get_ram, resume
from kmodlab.i18n import _
from kmodlab.process import Deadline, run_sync

T = TypeVar("T")

START_S = 20.0  # for a fork to be ready, which usually takes a tenth of a second
COMMAND_S = 20.0  # for a command, unless its caller sets a limit
TRANSFER_S = 60.0


class Session:
    """One guest at a time; a context manager. `generation` counts the guests that were started.

    With `warm`, an idle guest runs common commands in advance, which makes the user's first commands quicker. It costs
    processor time, so it is for sessions that a person works in, not for a grader that keeps all processors busy.
    """

    def __init__(self, lab: Lab, *, warm: bool = False) -> None:
        self.lab = lab
        self.warm = warm
        self.generation = 0
        self._machine: Machine | None = None
        self._starting: asyncio.Task[Machine] | None = None
        self._lock = threading.RLock()
        _sessions.add(self)

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # ---- start and end ----

    def prepare(self) -> None:
        """Fork a guest in the background, unless one runs or is being forked."""
        run_sync(self._prepare())

    def start(self) -> None:
        """Wait until a guest runs. Raises: GuestError, SetupError, and DamagedLabError if the lab is the cause."""
        with self._lock:
            run_sync(self._get())

    async def _prepare(self) -> None:
        if self._machine is None and self._starting is None:
            self._starting = asyncio.create_task(self._start())

    async def _start(self) -> Machine:
        try:
            return await self._resume()
        except GuestError as exc:
            await asyncio.to_thread(self.lab.verify)
            if self.lab.file.accel == "tcg":
                raise
            self.lab = self.lab.demote(str(exc))
            return await self._resume()

    async def _resume(self) -> Machine:
        snapshot = self.lab.snapshot
        ram = await asyncio.to_thread(get_ram, snapshot)
        machine = await resume(self.lab.hardware, snapshot, ram, Deadline.after(START_S))
        if self.warm:
            machine.warm_up()
        return machine

    async def _get(self) -> Machine:
        """The running guest, or a fresh one."""
        if self._machine is not None and self._machine.end is not None:
            await self._discard()
        if self._machine is None:
            await self._prepare()
            assert self._starting is not None
            starting = self._starting
            try:
                self._machine = await asyncio.shield(starting)
                self.generation += 1
            finally:
                if starting.done():
                    self._starting = None
        return self._machine

    async def _discard(self) -> None:
        starting, machine = self._starting, self._machine
        self._starting = self._machine = None
        if starting is not None:
            with contextlib.suppress(GuestError):
                machine = await starting
        if machine is not None:
            await machine.stop()

    def reset(self) -> None:
        """End the guest; the next command gets a fresh one."""
        with self._lock:
            run_sync(self._discard())

    def forget(self) -> None:
        """Forget the guest without ending it, in a forked process."""
        self._lock, self._starting, self._machine = threading.RLock(), None, None

    def close(self) -> None:
        """End the guest. The session can be used again."""
        self.reset()

    @property
    def is_alive(self) -> bool:
        """Whether a guest runs now."""
        return self._machine is not None and self._machine.end is None

    @property
    def machine(self) -> Machine | None:
        """The running guest, for questions on the I/O thread beside the commands; None while no guest runs."""
        return self._machine if self.is_alive else None

    @property
    def end(self) -> GuestEnd | None:
        """How the guest ended; None while it runs and before it starts. The next command gets a fresh guest."""
        return self._machine.end if self._machine is not None else None

    @property
    def pid(self) -> int | None:
        """The process id of QEMU, or of the sandbox around it; None while no guest runs."""
        return self._machine.pid if self._machine is not None and self.is_alive else None

    # ---- commands ----

    def run(
        self,
        argv: list[str],
        *,
        timeout_s: float = COMMAND_S,
        stdin: bytes = b"",
        directory: str = "/root",
        limit: int = OUTPUT_LIMIT,
        on_output: Callable[[bytes, bytes], None] | None = None,
        in_agent: bool = False,
    ) -> Result:
        """Run a command in the guest; with `in_agent`, a builtin command of the agent (see `Agent.execute`).

        Raises: GuestError, and GuestLostError if the guest ends meanwhile or no longer answers.
        """

        async def work(machine: Machine) -> Result:
            deadline = Deadline.after(timeout_s)
            options: dict[str, Any] = {"stdin": stdin, "directory": directory, "limit": limit, "on_output": on_output}
            return await machine.execute(argv, deadline, in_agent=in_agent, **options)

        return self._do(work)

    def put(self, path: str, data: bytes, mode: int = 0o644) -> None:
        """Write a file in the guest. Raises: GuestError."""
        late = _("The guest did not take {path} in time.").format(path=path)
        self._do(lambda machine: machine.ask(machine.agent.put(path, data, mode), _transfer(), late))

    def get(self, path: str, limit: int = OUTPUT_LIMIT) -> bytes:
        """Read at most `limit` bytes of a file in the guest. Raises: GuestError."""
        late = _("The guest did not give {path} in time.").format(path=path)
        return self._do(lambda machine: machine.ask(machine.agent.get(path, limit), _transfer(), late))

    def kmsg(self, sequence: int | None = None) -> bytes:
        """The records of /dev/kmsg from a sequence number on; None: those since the last call. Raises: GuestError."""
        late = _("The guest did not give its log in time.")
        return self._do(lambda machine: machine.ask(machine.agent.log(sequence), _transfer(), late))

    def console(self) -> str:
        """The console's output since the last call."""
        return self._do(lambda machine: machine.console())

    def monitor(self, command: str, arguments: dict[str, Any] | None = None) -> Any:
        """Send QEMU a QMP command, for example to plug in a device, and return its answer. Raises: GuestError."""
        return self._do(lambda machine: machine.monitor.execute(command, arguments))

    def with_machine(self, work: Callable[[Machine], Coroutine[Any, Any, T]]) -> T:
        """Run a coroutine with the guest's machine on the I/O thread, and return its result."""
        return self._do(work)

    def _do(self, work: Callable[[Machine], Coroutine[Any, Any, T]]) -> T:
        async def on_live_guest() -> T:
            machine = await self._get()
            try:
                return await work(machine)
            except GuestLostError:
                await self._discard()
                raise

        with self._lock:
            return run_sync(on_live_guest())


def _transfer() -> Deadline:
    return Deadline.after(TRANSFER_S)


def is_modules_doing(end: GuestEnd) -> bool:
    """Whether code in the guest (a module or a program) ended the guest, rather than QEMU or the host."""
    return end.kind not in (EndKind.QEMU_DIED, EndKind.QEMU_SILENT, EndKind.STOPPED)


_sessions: weakref.WeakSet[Session] = weakref.WeakSet()


def _forget_guests() -> None:
    """In a forked process: its sessions forget the guests, which belong to the parent."""
    for session in list(_sessions):
        session.forget()


os.register_at_fork(after_in_child=_forget_guests)


@atexit.register
def _close_all() -> None:
    for session in list(_sessions):
        with contextlib.suppress(Exception):  # a QEMU that is left gets a signal when this process ends
            session.close()
