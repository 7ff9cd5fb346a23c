"""One QEMU process with a guest in it, from start to reaped: launched, spoken to, watched, ended.

A guest can end at any moment by what a module does. `Machine` notices it from outside (QEMU's events, the agent's
port, the process, a deadline), says how it ended, and keeps the console's last words. All of it runs on the I/O
thread; `session` is the face for everybody else.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import socket
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

from qemu.qmp import EventListener, QMPClient, QMPError

from kmodlab.errors import EndKind, GuestEnd, GuestError, GuestLostError
from kmodlab.guest.agent.client import Agent, PortClosedError, ProtocolError, Result
from kmodlab.guest.qemu import CONSOLE, CONSOLE_KIB, Descriptors, qemu_argv
from kmodlab.kernel.arch import Arch, Registers
from kmodlab.process import Deadline, start, stop
from kmodlab.sandbox.limits import GUEST
from kmodlab.sandbox.sandbox import find_sandbox, open_box

T = TypeVar("T")

PING_S = 2.0  # an agent that does not answer a greeting for so long is taken for dead
SHUTDOWN_S = 3.0  # from closing its devices to its end, for a guest that shuts itself down under emulation
# A processor seen with interrupts off so many times running, three seconds long, will not turn them on again. What a
# kernel does without interrupts takes microseconds; on a crowded host, by the guest's own clock, all the less.
LOOKS_BEGIN_S, LOOKS_EVERY_S, LOOKS = 2.0, 0.2, 15
# QEMU translates code when it is met for the first time, which makes the first start of a program ten times as slow as
# the next. So, while nobody asks for anything, these are met; at the lowest priority, so that nobody waits for them.
_WARM_UP = ("nice", "-n", "19", "sh", "-c", "insmod /none; cat /dev/null; test -e /none")


@dataclass(frozen=True)
class Hardware:
    """What a machine is made of besides its memory: architecture, accelerator, QEMU binary, and the modules' disk."""

    arch: Arch
    accel: str
    qemu: str
    disk: Path


class Machine:
    """A running guest. Make one with `launch`; `stop` may be called at any time, any number of times."""

    def __init__(
        self, stack: AsyncExitStack, child: asyncio.subprocess.Process, monitor: QMPClient, arch: Arch
    ) -> None:
        self._stack, self._child, self.monitor, self._arch = stack, child, monitor, arch
        self._end: asyncio.Future[GuestEnd] = asyncio.get_running_loop().create_future()
        self._port_opened, self._opens = False, 0
        self.agent: Agent

    @property
    def pid(self) -> int:
        """The id of the process that holds QEMU: QEMU's own, or its sandbox's."""
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
    ) -> Machine:
        """Start QEMU: it boots where a kernel is given, else it waits for a snapshot. Half a start unwinds itself."""
        async with AsyncExitStack() as stack:
            ours = [_connection(stack), _connection(stack)]
            fds = Descriptors(
                ram=ram,
                disk=_open(stack, hardware.disk),
                monitor=ours[0][1].fileno(),
                agent=ours[1][1].fileno(),
                kernel=_open(stack, kernel) if kernel else None,
                initramfs=_open(stack, initramfs) if initramfs else None,
            )
            devices = [Path("/dev/kvm")] if hardware.accel == "kvm" else []
            verdict = await find_sandbox()
            box = stack.enter_context(open_box(verdict, limits=GUEST, binds={}, tmpfs={}, devices=devices))
            argv = qemu_argv(hardware.arch, hardware.accel, hardware.qemu, fds)
            child = await start(
                box.argv(argv, cwd="/", environment={}),
                pass_fds=(*fds.numbers, *box.pass_fds),
                stdout=asyncio.subprocess.DEVNULL,
            )
            stack.push_async_callback(stop, child)
            for _, theirs in ours:
                theirs.close()
            monitor = QMPClient("guest")
            machine = cls(stack, child, monitor, hardware.arch)
            await machine._attach(ours[0][0], ours[1][0], deadline)
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
            # Where QEMU refuses its command line it says why and exits; that says more than a closed monitor.
            await asyncio.wait({self._end}, timeout=min(1.0, deadline.left_s))
            said = errors.text or str(exc) or "no answer on its monitor"
            raise GuestError(f"QEMU did not start: {said}.", hint="`kmodlab doctor` checks QEMU.") from exc
        self._stack.push_async_callback(_disconnect, self.monitor)
        self.agent = await Agent.connect(agent_socket)
        self._stack.push_async_callback(self.agent.close)

    # ---- how it ends ----

    async def _watch_events(self, listener: EventListener) -> None:
        async for event in listener:
            name, data = event["event"], cast(dict[str, Any], event.get("data") or {})
            if name == "SHUTDOWN" and data.get("guest"):
                await self._ended_by_itself(str(data.get("reason")))
            elif name == "VSERPORT_CHANGE":
                self._opens += bool(data["open"])
                # QEMU tells of a port once a second at most: of one that was closed and opened again meanwhile, by
                # another agent, only that it is open. The true one opens it once.
                if self._opens > 1 or (self._port_opened and not data["open"]):
                    task = asyncio.create_task(self._agent_gone())
                    self._stack.push_async_callback(_cancel, [task])
                self._port_opened = bool(data["open"])

    async def _agent_gone(self) -> None:
        # A guest that reboots or powers off closes its devices first; if it is that, the event that says so follows.
        await asyncio.sleep(SHUTDOWN_S)
        await self._finish(EndKind.AGENT_KILLED, "The guest's agent was killed.")

    async def _ended_by_itself(self, reason: str) -> None:
        console = await self.console()
        if "Attempted to kill init!" in console:  # which the agent's first process does when the agent has ended
            await self._finish(EndKind.AGENT_KILLED, "The guest's agent was killed.", "")
        elif reason == "guest-panic" or "Kernel panic" in console:
            await self._finish(EndKind.PANIC, "The guest's kernel panicked.", console)
        elif reason == "guest-reset":
            await self._finish(EndKind.REBOOT, "The guest rebooted.", console)
        else:
            await self._finish(EndKind.POWER_OFF, "The guest powered off.", console)

    async def _watch_process(self, errors: _LastLines) -> None:
        status = await self._child.wait()
        said = f": {errors.text}" if errors.text else ""
        await self._finish(EndKind.QEMU_DIED, f"QEMU ended (status {status}){said}.", "")

    async def _finish(self, kind: EndKind, sentence: str, console: str | None = None) -> None:
        if console is None:
            console = await self.console()
        if not self._end.done():
            self._end.set_result(GuestEnd(kind, sentence, console))

    async def console(self) -> str:
        """The last output of the guest's console (at most `CONSOLE_KIB`); it is consumed. Empty when QEMU is gone."""
        with contextlib.suppress(QMPError, TimeoutError, OSError):
            async with asyncio.timeout(PING_S):
                arguments = {"device": CONSOLE, "size": CONSOLE_KIB << 10, "format": "utf8"}
                return str(await self.monitor.execute("ringbuf-read", arguments))
        return ""

    async def until_end(self, work: Awaitable[T]) -> T:
        """Wait for work, but not longer than the guest lives."""
        task = asyncio.ensure_future(work)
        try:
            either: set[asyncio.Future[Any]] = {task, self._end}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise GuestLostError(self._end.result())
            return task.result()
        except (PortClosedError, ProtocolError) as exc:
            await asyncio.wait({self._end}, timeout=SHUTDOWN_S)
            if not self._end.done():
                await self._finish(EndKind.AGENT_KILLED, f"The guest's agent cannot be understood any more: {exc}")
            raise GuestLostError(self._end.result()) from exc
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    # ---- what can be asked of it ----

    async def greet(self, deadline: Deadline) -> None:
        """Wait until the agent answers; GuestLostError when it does not in time."""
        await self.ask(self.agent.hello(), deadline, "answer")
        self._port_opened = True  # of a resumed guest QEMU says so only a moment later

    def warm_up(self) -> None:
        """Let the emulator meet what is usually run first, while nothing else is to be done."""
        self._stack.push_async_callback(_cancel, [asyncio.create_task(self._warm_up())])

    async def _warm_up(self) -> None:
        with contextlib.suppress(GuestError):  # who asks for something next learns what is the matter
            await self.agent.execute(list(_WARM_UP))

    async def ask(self, work: Awaitable[T], deadline: Deadline, what: str) -> T:
        """Wait for an answer of the agent; a silent guest is taken for hanging, and lost."""
        try:
            async with asyncio.timeout(deadline.left_s):
                return await self.until_end(work)
        except TimeoutError:
            await self._give_up(f"The guest did not {what} in time")
            raise GuestLostError(self._end.result()) from None

    async def execute(self, argv: list[str], deadline: Deadline, **options: Any) -> Result:
        """Run a command. One that does not end in time is killed: status -9 and `timed_out`, if the guest lives."""
        printed: dict[bytes, bytearray] = {b"o": bytearray(), b"e": bytearray()}
        forward = options.pop("on_output", None)

        def keep(kind: bytes, data: bytes) -> None:
            printed[kind] += data
            if forward:
                forward(kind, data)

        watcher = asyncio.create_task(self._watch_interrupts())
        try:
            async with asyncio.timeout(deadline.left_s):
                return await self.until_end(self.agent.execute(argv, on_output=keep, **options))
        except TimeoutError:
            await self.greet(Deadline.after(PING_S))
            return Result(-9, bytes(printed[b"o"]), bytes(printed[b"e"]), timed_out=True)
        finally:
            await _cancel([watcher])

    async def _watch_interrupts(self) -> None:
        """Call a guest lost whose interrupts stay off: it can never answer, so nobody need wait for the deadline.

        The guest itself cannot report it (its watchdogs run on interrupts), but its processor can be looked at.
        """
        await asyncio.sleep(LOOKS_BEGIN_S)
        off = 0
        while off < LOOKS:
            await asyncio.sleep(LOOKS_EVERY_S)
            registers = await self._registers()
            off = off + 1 if are_interrupts_off(self._arch.registers, registers) else 0
        await self._finish(EndKind.HANG, f"The guest hangs{describe_registers(self._arch.registers, registers)}.")

    async def _give_up(self, sentence: str) -> None:
        """The guest is silent: look at its processor from outside, which works even when its interrupts are off."""
        where = describe_registers(self._arch.registers, await self._registers())
        await self._finish(EndKind.HANG, f"{sentence}{where}.")

    async def _registers(self) -> str:
        with contextlib.suppress(QMPError, TimeoutError, OSError):
            async with asyncio.timeout(PING_S):
                arguments = {"command-line": "info registers"}
                return str(await self.monitor.execute("human-monitor-command", arguments))
        return ""

    async def stop(self) -> None:
        """End it. Nothing in a disposable guest is worth a polite shutdown, so QEMU is killed and reaped."""
        if not self._end.done():
            self._end.set_result(GuestEnd(EndKind.STOPPED, "The guest was stopped."))
        await self._stack.aclose()


def are_interrupts_off(registers: Registers, text: str) -> bool:
    """Whether QEMU's "info registers" shows a running processor that takes no interrupts."""
    flags = re.search(registers.flags, text)
    return flags is not None and not _interrupts_on(registers, flags) and not re.search(registers.halted, text)


def _interrupts_on(registers: Registers, flags: re.Match[str]) -> bool:
    return int(flags[1], 16) & registers.interrupt_bits == registers.interrupts_on


def describe_registers(registers: Registers, text: str) -> str:
    """What QEMU's "info registers" says of a silent guest, as the end of a sentence; empty when it says nothing."""
    flags, counter = re.search(registers.flags, text), re.search(registers.counter, text)
    if not flags or not counter:
        return ""
    interrupts = "on" if _interrupts_on(registers, flags) else "off"
    place = "in a module's code" if int(counter[1], 16) >= registers.modules_begin else "in the kernel"
    halted = ", halted" if re.search(registers.halted, text) else ""
    name = registers.counter_name
    return f": its processor is {place} with interrupts {interrupts}{halted} ({name} {counter[1]})"


class _LastLines:
    """The last of what QEMU prints on stderr, kept small."""

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
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    stack.callback(os.close, descriptor)
    return descriptor


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _disconnect(monitor: QMPClient) -> None:
    with contextlib.suppress(Exception):  # QEMU is killed already or next; its last words here do not matter
        async with asyncio.timeout(PING_S):
            await monitor.disconnect()
