"""One QEMU process with a guest: starts it, runs commands in it, notices its end.

A module can end its guest at any moment. `Machine` notices this from outside (QEMU's events, the agent's port, the
process, a deadline), and keeps the reason and the console's last output. All methods run on the I/O thread; other
folders use `session`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import socket
from collections.abc import Awaitable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

from qemu.qmp import EventListener, QMPClient, QMPError

from kmodlab.errors import DamagedLabError, EndKind, GuestEnd, GuestError, GuestLostError
from kmodlab.guest.agent.client import Agent, PortClosedError, ProtocolError, Result
from kmodlab.guest.processor_time import ProcessorTime
from kmodlab.guest.qemu import CONSOLE, CONSOLE_KIB, Descriptors, qemu_argv
from kmodlab.guest.registers import are_interrupts_off, describe_registers
from kmodlab.i18n import _
from kmodlab.kernel.arch import Arch
from kmodlab.process import Deadline, start, stop
from kmodlab.sandbox.limits import GUEST
from kmodlab.sandbox.sandbox import find_sandbox, open_box

T = TypeVar("T")

PING_S = 2.0  # for QEMU to answer
# A guest hangs if it has used this much processor time without answering a hello, which is sent after half of it. Clock
# time does not count: on a busy host it passes while the guest waits for a processor.
STUCK_S, LOOK_EVERY_S = 10.0, 0.5
SILENT_S = 60.0  # after a command's time limit, for a guest that waits for a processor
REPORT_S = 5.0  # for a guest that hangs to report where
STACKS_S, STACKS_LIMIT = 10.0, 1 << 18  # for the stacks of a guest's tasks, and their maximal size in bytes
SHUTDOWN_S = 3.0  # for an emulated guest that shuts down, after it has closed its devices
# A processor whose interrupts are off in all samples, over three seconds of its own time, will not turn them on again:
# the kernel turns them off for microseconds.
SAMPLES_BEGIN_S, SAMPLES_EVERY_S, SAMPLES = 2.0, 0.2, 15
# QEMU translates code when it runs for the first time, so a program's first start takes ten times as long as the next.
# An idle guest runs these commands in advance, at the lowest priority, so that nobody waits for them.
_WARM_UP = ("nice", "-n", "19", "sh", "-c", "insmod /none; cat /dev/null; test -e /none")


@dataclass(frozen=True)
class Hardware:
    """A virtual machine without its memory: architecture, accelerator, QEMU binary, and the disk with modules."""

    arch: Arch
    accel: str
    qemu: str
    disk: Path


class Machine:
    """A running guest. `launch` makes one; `stop` may be called at any time, any number of times."""

    def __init__(
        self, stack: AsyncExitStack, child: asyncio.subprocess.Process, monitor: QMPClient, arch: Arch
    ) -> None:
        self._stack, self._child, self.monitor, self._arch = stack, child, monitor, arch
        self._end: asyncio.Future[GuestEnd] = asyncio.get_running_loop().create_future()
        self._port_opened, self._opens = False, 0
        self._hang = ""  # the sentence about a guest that hangs; it got an NMI, to report where
        self._processor = ProcessorTime(child.pid)
        self.agent: Agent

    @property
    def pid(self) -> int:
        """The process id of QEMU, or of the sandbox around it."""
        return self._child.pid

    @property
    def end(self) -> GuestEnd | None:
        """How the guest ended; None while it runs."""
        return self._end.result() if self._end.done() else None

    @classmethod
    async def launch(
        cls,
        hardware: Hardware,
        *,
        ram: int,
        deadline: Deadline,
        kernel: Path | None = None,
        initramfs: Path | None = None,
        options: Sequence[str] = (),
    ) -> Machine:
        """Start QEMU. It boots `kernel`, with more `options`; if `kernel` is None, it waits for a snapshot.

        `ram` is the descriptor of the guest's memory. After a failure, nothing is left running.


        Raises: GuestError, SandboxError.
        """
        async with AsyncExitStack() as stack:
            (monitor_socket, qemu_monitor), (agent_socket, qemu_agent) = _connection(stack), _connection(stack)
            fds = Descriptors(
                ram=ram,
                disk=_open(stack, hardware.disk),
                monitor=qemu_monitor.fileno(),
                agent=qemu_agent.fileno(),
                kernel=_open(stack, kernel) if kernel else None,
                initramfs=_open(stack, initramfs) if initramfs else None,
            )
            devices = [Path("/dev/kvm")] if hardware.accel == "kvm" else []
            verdict = await find_sandbox()
            box = stack.enter_context(open_box(verdict, limits=GUEST, binds={}, tmpfs={}, devices=devices))
            argv = qemu_argv(hardware.arch, hardware.accel, hardware.qemu, fds, options)
            child = await start(
                box.argv(argv, cwd="/", environment={}),
                pass_fds=(*fds.numbers, *box.pass_fds),
                stdout=asyncio.subprocess.DEVNULL,
            )
            stack.push_async_callback(stop, child)
            qemu_monitor.close()
            qemu_agent.close()
            machine = cls(stack, child, QMPClient("guest"), hardware.arch)
            await machine._attach(monitor_socket, agent_socket, deadline)
            machine._stack = stack.pop_all()
            return machine

    async def _attach(self, monitor_socket: socket.socket, agent_socket: socket.socket, deadline: Deadline) -> None:
        listener = self._stack.enter_context(self.monitor.listener())
        errors = _LastLines()
        watchers = [
            asyncio.create_task(self._watch_events(listener)),
            asyncio.create_task(self._watch_process(errors)),
            asyncio.create_task(errors.drain(self._child.stderr)),
        ]
        self._stack.push_async_callback(_cancel, watchers)
        try:
            async with asyncio.timeout(deadline.left_s):
                await self.until_end(self.monitor.connect(monitor_socket))
        except (TimeoutError, QMPError, OSError) as exc:
            # If QEMU refuses its command line, it prints why and exits: a better reason than the closed monitor.
            await asyncio.wait({self._end}, timeout=min(1.0, deadline.left_s))
            reason = errors.text or str(exc) or _("no answer on its monitor")
            raise GuestError(
                _("QEMU did not start: {reason}.").format(reason=reason), hint=_("`kmodlab doctor` checks QEMU.")
            ) from exc
        self._stack.push_async_callback(_disconnect, self.monitor)
        self.agent = await Agent.connect(agent_socket)
        self._stack.push_async_callback(self.agent.close)

    # ---- the guest's end ----

    async def _watch_events(self, listener: EventListener) -> None:
        async for event in listener:
            name, data = event["event"], cast(dict[str, Any], event.get("data") or {})
            if name == "SHUTDOWN" and data.get("guest"):
                await self._ended_by_itself(str(data.get("reason")))
            elif name == "VSERPORT_CHANGE":
                self._opens += bool(data["open"])
                # QEMU reports a port's state at most once a second. If another program opens the port within that
                # second after the agent has ended, QEMU only reports "open" again. The agent itself opens it once.
                if self._opens > 1 or (self._port_opened and not data["open"]):
                    task = asyncio.create_task(self._agent_gone())
                    self._stack.push_async_callback(_cancel, [task])
                self._port_opened = bool(data["open"])

    async def _agent_gone(self) -> None:
        # A guest that reboots or powers off closes its devices first, and QEMU's event follows.
        await asyncio.sleep(SHUTDOWN_S)
        console = await self.console()
        if "reboot: System halted" in console:  # kernel/reboot.c, kernel_halt(): QEMU runs on, without an event
            await self._finish(EndKind.POWER_OFF, _("The guest was halted."), console)
        else:
            await self._finish(EndKind.AGENT_KILLED, _("The guest's agent was killed."), console)

    async def _ended_by_itself(self, reason: str) -> None:
        console = await self.console()
        if self._hang:
            await self._finish(EndKind.HANG, self._hang, console)
        elif "Attempted to kill init!" in console and self._port_opened:  # the first process ends when the agent does
            await self._finish(EndKind.AGENT_KILLED, _("The guest's agent was killed."), "")
        elif reason == "guest-panic" or "Kernel panic" in console:
            await self._finish(EndKind.PANIC, _("The guest's kernel panicked."), console)
        elif reason == "guest-reset":
            await self._finish(EndKind.REBOOT, _("The guest rebooted."), console)
        else:
            await self._finish(EndKind.POWER_OFF, _("The guest powered off."), console)

    async def _watch_process(self, errors: _LastLines) -> None:
        status = await self._child.wait()
        sentence = _("QEMU ended (status {status}): {reason}.") if errors.text else _("QEMU ended (status {status}).")
        await self._finish(EndKind.QEMU_DIED, sentence.format(status=status, reason=errors.text), "")

    async def _finish(self, kind: EndKind, sentence: str, console: str | None = None) -> None:
        if console is None:
            console = await self.console()
        if not self._end.done():
            self._end.set_result(GuestEnd(kind, sentence, console))

    async def console(self) -> str:
        """The console's output since the last call, at most its last `CONSOLE_KIB` KiB; empty if QEMU has ended."""
        with contextlib.suppress(QMPError, TimeoutError, OSError):
            async with asyncio.timeout(PING_S):
                arguments = {"device": CONSOLE, "size": CONSOLE_KIB << 10, "format": "utf8"}
                return str(await self.monitor.execute("ringbuf-read", arguments))
        return ""

    async def until_end(self, work: Awaitable[T]) -> T:
        """Wait for a coroutine or for the guest's end, whichever comes first. Raises: GuestLostError."""
        task = asyncio.ensure_future(work)
        try:
            futures: set[asyncio.Future[Any]] = {task, self._end}
            await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise GuestLostError(self._end.result())
            return task.result()
        except (PortClosedError, ProtocolError) as exc:
            await asyncio.wait({self._end}, timeout=SHUTDOWN_S)
            if not self._end.done():
                sentence = _("The guest's agent does not follow the protocol any more: {error}").format(error=exc)
                await self._finish(EndKind.AGENT_KILLED, sentence)
            raise GuestLostError(self._end.result()) from exc
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    # ---- requests ----

    async def greet(self, deadline: Deadline) -> None:
        """Wait until the agent answers. Raises: GuestLostError."""
        late = _("The guest did not answer in time.")
        await self._ask(self.agent.hello(), deadline, late)  # not `ask`: a boot uses processor time without answers
        self._port_opened = True  # QEMU reports it a moment later if the guest was resumed

    def warm_up(self) -> None:
        """Run common commands in the background, so that QEMU translates their code before it is needed."""
        self._stack.push_async_callback(_cancel, [asyncio.create_task(self._warm_up())])

    async def _warm_up(self) -> None:
        with contextlib.suppress(GuestError):  # the next command reports the same problem
            await self.agent.execute(list(_WARM_UP))

    async def ask(self, work: Awaitable[T], deadline: Deadline, timeout_message: str) -> T:
        """Wait for an answer of the agent. A guest that does not answer in time counts as lost.

        `timeout_message` is the sentence for that. Raises: GuestLostError.
        """
        watcher = asyncio.create_task(self._watch_processor())
        try:
            return await self._ask(work, deadline, timeout_message)
        finally:
            await _cancel([watcher])

    async def _ask(self, work: Awaitable[T], deadline: Deadline, timeout_message: str) -> T:
        try:
            async with asyncio.timeout(deadline.left_s):
                return await self.until_end(work)
        except TimeoutError:
            await self._finish_hung(timeout_message, await self._registers())
            raise GuestLostError(self._end.result()) from None

    async def execute(self, argv: list[str], deadline: Deadline, **options: Any) -> Result:
        """Run a command. If it does not end in time, it is killed: status -9 and `timed_out`.

        Raises: GuestLostError if the guest does not answer after that, or ends.
        """
        printed: dict[bytes, bytearray] = {b"o": bytearray(), b"e": bytearray()}
        forward = options.pop("on_output", None)

        def keep(kind: bytes, data: bytes) -> None:
            printed[kind] += data
            if forward:
                forward(kind, data)

        watchers = [asyncio.create_task(self._watch_interrupts()), asyncio.create_task(self._watch_processor())]
        command = asyncio.create_task(self.until_end(self.agent.execute(argv, on_output=keep, **options)))
        try:
            await asyncio.wait({command}, timeout=deadline.left_s)
            if command.done():
                return command.result()
            stacks = await self._stacks()
            await _cancel([command])
            await self.greet(Deadline.after(SILENT_S))
            return Result(-9, bytes(printed[b"o"]), bytes(printed[b"e"]), timed_out=True, stacks=stacks)
        finally:
            await _cancel([*watchers, command])

    async def _stacks(self) -> str:
        """The stacks of the guest's tasks; empty if it does not list them in time."""
        with contextlib.suppress(GuestError, TimeoutError):
            async with asyncio.timeout(STACKS_S):
                listed = await self.until_end(self.agent.execute(["stacks"], in_agent=True, limit=STACKS_LIMIT))
                return listed.stdout.decode("utf-8", "replace")
        return ""

    async def _watch_processor(self) -> None:
        """Return when the guest has hung for `STUCK_S` of processor time; then it has been ended."""
        await asyncio.sleep(LOOK_EVERY_S)
        greeting, answered_at = None, self._processor.seconds
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            used_s = self._processor.seconds - answered_at
            if greeting and greeting.done():
                greeting.exception()  # retrieved, so that asyncio does not warn: the command reports a closed port
                greeting, answered_at = None, self._processor.seconds
            elif greeting is None and used_s >= STUCK_S / 2:
                greeting = asyncio.create_task(self.agent.hello())
                self._stack.push_async_callback(_cancel, [greeting])
            elif used_s >= STUCK_S:
                await self._finish_hung(_("The guest hangs."), await self._registers())
                return

    async def _watch_interrupts(self) -> None:
        """Return when the guest's interrupts have stayed off, so that it will never answer; then it has been ended.

        The guest cannot report this itself, because its watchdogs need interrupts, but QEMU shows its registers.
        """
        await asyncio.sleep(SAMPLES_BEGIN_S)
        off, on_at = 0, 0.0
        while off < SAMPLES or self._processor.seconds - on_at < SAMPLES * SAMPLES_EVERY_S / 2:
            await asyncio.sleep(SAMPLES_EVERY_S)
            registers = await self._registers()
            off = off + 1 if are_interrupts_off(self._arch.registers, registers) else 0
            on_at = on_at if off else self._processor.seconds
        await self._finish_hung(_("The guest hangs."), registers)

    async def _finish_hung(self, sentence: str, registers: str) -> None:
        if not registers:  # a QEMU that runs always answers, whatever its guest does
            silent = _("QEMU does not answer on its monitor: it was stopped, or gets no processor time.")
            await self._finish(EndKind.QEMU_SILENT, silent, "")
            return
        state = describe_registers(self._arch.registers, registers)
        self._hang = f"{sentence} {state}" if state else sentence
        with contextlib.suppress(QMPError, TimeoutError, OSError):
            async with asyncio.timeout(REPORT_S):
                await self.monitor.execute("inject-nmi")  # the kernel's panic shows where the processor is
                await asyncio.shield(self._end)
        await self._finish(EndKind.HANG, self._hang)

    async def _registers(self) -> str:
        """QEMU's "info registers", which works even while the guest's interrupts are off; empty if QEMU is silent."""
        with contextlib.suppress(QMPError, TimeoutError, OSError):
            async with asyncio.timeout(PING_S):
                arguments = {"command-line": "info registers"}
                return str(await self.monitor.execute("human-monitor-command", arguments))
        return ""

    async def stop(self) -> None:
        """End the guest: QEMU is killed and reaped. A disposable guest needs no orderly shutdown."""
        if not self._end.done():
            self._end.set_result(GuestEnd(EndKind.STOPPED, _("The guest was stopped.")))
        await self._stack.aclose()


class _LastLines:
    """Keeps the last lines of QEMU's stderr."""

    def __init__(self) -> None:
        self._tail = b""

    @property
    def text(self) -> str:
        lines = self._tail.decode("utf-8", "replace").strip().splitlines()
        return re.sub(r"^\S*qemu-system-\S+?: ", "", lines[-1]) if lines else ""

    async def drain(self, stream: asyncio.StreamReader | None) -> None:
        while stream and (chunk := await stream.read(4096)):
            self._tail = (self._tail + chunk)[-4096:]


def _connection(stack: AsyncExitStack) -> tuple[socket.socket, socket.socket]:
    ours, theirs = socket.socketpair()
    for end in (ours, theirs):
        stack.callback(end.close)
    return ours, theirs


def _open(stack: AsyncExitStack, path: Path) -> int:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as exc:
        raise DamagedLabError(path) from exc
    stack.callback(os.close, descriptor)
    return descriptor


async def _cancel(tasks: Sequence[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _disconnect(monitor: QMPClient) -> None:
    with contextlib.suppress(Exception):  # QEMU is killed anyway, so errors here do not matter
        async with asyncio.timeout(PING_S):
            await monitor.disconnect()
