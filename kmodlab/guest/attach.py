"""Attaches a terminal to the guest of another process of the same user: a console of a notebook's guest.

The process that has the guest listens on a socket in Linux's abstract namespace (unix(7)). Such a socket has no file:
it is gone with the process, however that ends, and a sandbox without a network cannot reach it. Both sides ask the
kernel whose process the other one is (SO_PEERCRED).

They send frames as `protocol.h` describes them, all with the id 0. The process sends 'h' with a JSON object about its
guest; the terminal sends 'T', which asks for a shell, then 'I' (input) and 'Z' (size). The process sends 'o' (output),
and last 'x' with the shell's exit status as i32.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import os
import secrets
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from kmodlab.errors import GuestError, GuestLostError, KmodlabError
from kmodlab.guest.agent.client import HEADER, MAX_PAYLOAD, pack_frame
from kmodlab.guest.machine import Machine
from kmodlab.i18n import _
from kmodlab.process import Deadline, run_sync

Keys = asyncio.Queue[tuple[bytes, bytes]]  # what `Agent.terminal` takes

_PREFIX = "kmodlab.guest."
_LISTENING = "00010000"  # flags in /proc/net/unix: __SO_ACCEPTCON of linux/net.h
_ANSWER_S = 3.0  # for the other process to describe its guest
_LOOK_S = 0.3  # how often a terminal without a guest looks for a new guest
_UNREAD = 1 << 18  # bytes of output that wait for a slow terminal; more is dropped
_END = struct.Struct("<i")


async def run_shell(machine: Machine, keys: Keys, show: Callable[[bytes], None]) -> int:
    """Run a shell on a terminal in the guest, and return its exit status. `show` is called with its output.

    Raises: GuestLostError.
    """
    terminal = machine.agent.terminal(["sh", "-l"], keys, lambda _stream, data: show(data))
    return await machine.ask(terminal, Deadline.after(math.inf), "")  # a guest that hangs is noticed there


# ---- the process that has the guest ----


class GuestOwner(Protocol):
    """An object that has a guest and can start one, such as a notebook's state."""

    @property
    def machine(self) -> Machine | None:
        """The running guest; None while no guest runs."""

    def start(self) -> None:
        """Start a guest unless one runs; called on a thread of its own. Raises: KmodlabError."""


class ConsoleServer:
    """Lets terminals attach to an owner's guest, from `open` to `close`. `title` names the owner for the user."""

    def __init__(self, owner: GuestOwner, title: str) -> None:
        self._owner, self._title = owner, title
        self._server: asyncio.Server | None = None
        self._served: set[asyncio.Task[None]] = set()

    def open(self) -> None:
        """Begin to listen."""
        if self._server is None:
            run_sync(self._open())

    async def _open(self) -> None:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(f"\0{_PREFIX}{os.getpid()}.{secrets.token_hex(8)}")
        self._server = await asyncio.start_unix_server(self._serve, sock=listener)

    def close(self) -> None:
        """Stop listening, and end all shells."""
        if self._server is not None:
            run_sync(self._close(self._server))
            self._server = None

    async def _close(self, server: asyncio.Server) -> None:
        server.close()
        for task in self._served:
            task.cancel()
        await asyncio.gather(*self._served, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._served.add(task)
        try:
            if _user_of(writer.get_extra_info("socket")) == os.getuid():
                about = {"pid": os.getpid(), "title": self._title, "runs": self._owner.machine is not None}
                writer.write(pack_frame(0, b"h", json.dumps(about).encode()))
                if (await _read_frame(reader))[0] == b"T":
                    await _Console(self._owner, reader, writer).run()
        except (OSError, asyncio.IncompleteReadError):
            pass  # the terminal is gone
        finally:
            self._served.discard(task)
            writer.close()


class _Console:
    """One attached terminal: runs a shell in the guest, and another one after the guest was replaced."""

    def __init__(self, owner: GuestOwner, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._owner, self._reader, self._writer = owner, reader, writer
        self._keys: Keys = asyncio.Queue()
        self._size = b""
        self._left_out = False

    async def run(self) -> None:
        """Serve the terminal until it is closed, or the shell has ended."""
        tasks = [asyncio.create_task(self._receive()), asyncio.create_task(self._run_shells())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _receive(self) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                kind, data = await _read_frame(self._reader)
                if kind == b"Z":
                    self._size = data
                if kind in (b"I", b"Z"):
                    self._keys.put_nowait((kind, data))

    async def _run_shells(self) -> None:
        status: int | None = None
        while status is None:
            machine = self._owner.machine
            try:
                if machine is None:
                    await asyncio.to_thread(self._owner.start)
                else:
                    status = await self._run_shell(machine)
            except GuestLostError as lost:
                self._say(_("{end} Press Enter for a fresh guest.").format(end=lost.end.sentence))
                await self._wait_for_enter(machine)
            except KmodlabError as error:
                self._say(f"{error} {error.hint}".strip())
                status = error.exit_status
        self._writer.write(pack_frame(0, b"x", _END.pack(status)))
        await self._writer.drain()

    async def _run_shell(self, machine: Machine) -> int | None:
        """Run a shell; returns its exit status, or None if the guest ended, so that another shell follows."""
        if self._size:
            self._keys.put_nowait((b"Z", self._size))
        status = await run_shell(machine, self._keys, self._show)
        if status >= 0:
            return status
        self._say(_("The shell was killed; the kernel's log says more. Press Enter for another one."))
        await self._wait_for_enter(machine)
        return None

    async def _wait_for_enter(self, before: Machine | None) -> None:
        """Wait until Enter is pressed, or another guest runs than `before`."""
        while self._owner.machine in (None, before):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_S):
                    kind, data = await self._keys.get()
                    if kind == b"I" and b"\r" in data:
                        return

    def _show(self, data: bytes) -> None:
        # A guest may print faster than a terminal reads. Output is dropped, because other commands must not wait.
        if self._writer.transport.get_write_buffer_size() > _UNREAD:
            self._left_out = True
            return
        if self._left_out:
            self._left_out = False
            self._say(_("Some of the output was left out."))
        self._writer.write(pack_frame(0, b"o", data))

    def _say(self, sentence: str) -> None:
        self._writer.write(pack_frame(0, b"o", f"\r\n{sentence}\r\n".encode()))


# ---- the process that has the terminal ----


@dataclass(frozen=True)
class AttachableGuest:
    """A process of this user whose guest a terminal can attach to; `runs` says whether its guest runs now."""

    pid: int
    title: str
    runs: bool
    address: str

    async def attach(self, keys: Keys, show: Callable[[bytes], None]) -> int:
        """Run a shell in the guest, like `run_shell`. Raises: GuestError."""
        try:
            reader, writer = await _connect(self.address)
        except OSError as exc:
            raise self._gone() from exc
        feeder = asyncio.create_task(_feed(keys, writer))
        try:
            while True:
                kind, data = await _read_frame(reader)
                if kind == b"o":
                    show(data)
                elif kind == b"x":
                    return int(_END.unpack(data)[0])
        except (OSError, asyncio.IncompleteReadError) as exc:
            raise self._gone() from exc
        finally:
            feeder.cancel()
            await asyncio.gather(feeder, return_exceptions=True)
            writer.close()

    def _gone(self) -> GuestError:
        return GuestError(_("{title} was closed or restarted, and its guest ended with it.").format(title=self.title))


async def _feed(keys: Keys, writer: asyncio.StreamWriter) -> None:
    writer.write(pack_frame(0, b"T"))
    while True:
        writer.write(pack_frame(0, *await keys.get()))
        await writer.drain()


def attachable_guests() -> list[AttachableGuest]:
    """The guests that terminals of this user can attach to, sorted by process id."""
    rows = (line.split() for line in Path("/proc/net/unix").read_text(errors="replace").splitlines())
    names = {row[7][1:] for row in rows if len(row) > 7 and row[3] == _LISTENING and row[7].startswith(f"@{_PREFIX}")}
    guests = [guest for name in names if (guest := run_sync(_ask(f"\0{name}")))]
    return sorted(guests, key=lambda guest: guest.pid)


async def _ask(address: str) -> AttachableGuest | None:
    """The guest at an address; None if its process does not answer, or belongs to another user."""
    with contextlib.suppress(OSError, asyncio.IncompleteReadError, TimeoutError, ValueError, KeyError):
        async with asyncio.timeout(_ANSWER_S):
            reader, writer = await _connect(address)
            try:
                about = json.loads((await _read_frame(reader))[1])
                return AttachableGuest(int(about["pid"]), str(about["title"]), bool(about["runs"]), address)
            finally:
                writer.close()
    return None


async def _connect(address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_unix_connection(address)
    if _user_of(writer.get_extra_info("socket")) != os.getuid():
        writer.close()
        raise PermissionError("the process is another user's")
    return reader, writer


async def _read_frame(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """The type and payload of the next frame. Raises: IncompleteReadError at the end; OSError if it is not a frame."""
    length, _number, kind = HEADER.unpack(await reader.readexactly(HEADER.size))
    if length > MAX_PAYLOAD:
        raise OSError("a frame is too long")
    return bytes([kind]), await reader.readexactly(length)


def _user_of(connection: socket.socket) -> int:
    """The user id of the process at the other end, from struct ucred (linux/socket.h): pid, uid, gid."""
    credentials = struct.Struct("iII")
    packed = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, credentials.size)
    return int(credentials.unpack(packed)[1])
