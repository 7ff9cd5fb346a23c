"""Client of the guest agent: asks it to run commands and transfer files. `protocol.h` describes the protocol.

All input from the port is untrusted: a learner's module has all rights in the guest, and can write anything to the
port. So frames have a maximal length, answers to unknown requests are dropped, and outputs have limits.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from kmodlab.errors import GuestError
from kmodlab.files import MIB
from kmodlab.i18n import _

MAX_PAYLOAD = 65536
HEADER = struct.Struct("<IIB")
_LOG_NEW, _LOG_FOLLOW = (1 << 64) - 1, (1 << 64) - 2
OUTPUT_LIMIT = 16 * MIB  # bytes of one command's stdout or stderr


class ProtocolError(GuestError):
    """The bytes from the port are not a frame: another program in the guest writes to it."""


class PortClosedError(GuestError):
    """The agent's port is closed: the agent or its QEMU is gone."""


def pack_frame(request: int, kind: bytes, payload: bytes = b"") -> bytes:
    """One frame, as `protocol.h` describes it."""
    if len(payload) > MAX_PAYLOAD:
        raise ValueError(f"a frame holds at most {MAX_PAYLOAD} bytes, not {len(payload)}")
    return HEADER.pack(len(payload), request, kind[0]) + payload


def pack_input(request: int, data: bytes) -> list[bytes]:
    """The frames with standard input or a file's content, and the frame that ends it."""
    chunks = (data[start : start + MAX_PAYLOAD] for start in range(0, len(data), MAX_PAYLOAD))
    return [*(pack_frame(request, b"I", chunk) for chunk in chunks), pack_frame(request, b"I")]


@dataclass(frozen=True)
class Result:
    """A command that ended in the guest: its exit status (or minus the signal's number), its stdout and stderr.

    If it did not end in time, `stacks` has the stacks of all tasks before it was killed, as the agent's builtin command
    prints them.
    """

    status: int
    stdout: bytes = b""
    stderr: bytes = b""
    output_truncated: bool = False  # it wrote more than the limit, and was killed
    timed_out: bool = False  # it did not end in time, and was killed; the guest still runs
    stacks: str = ""

    @property
    def ok(self) -> bool:
        """Whether it ended by itself, with status 0."""
        return self.status == 0 and not self.output_truncated and not self.timed_out

    @property
    def text(self) -> str:
        """Both outputs, decoded: stdout, then stderr."""
        return (self.stdout + self.stderr).decode("utf-8", "replace")


@dataclass
class _Request:
    """A request whose answer is not complete yet."""

    answer: asyncio.Future[tuple[bytes, bytes]]  # the last frame's type and payload
    limit: int
    on_output: Callable[[bytes, bytes], None] | None = None
    parts: dict[bytes, bytearray] = field(default_factory=lambda: {b"o": bytearray(), b"e": bytearray()})
    truncated: bool = False

    def take(self, kind: bytes, payload: bytes) -> None:
        part = self.parts[kind]
        kept = payload[: self.limit - len(part)]
        part += kept
        if self.on_output and kept:
            self.on_output(kind, kept)
        self.truncated = self.truncated or len(kept) < len(payload)


class Agent:
    """The guest agent at the other end of a port. All methods run on the I/O thread; callers limit the time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        # Ids start at a random number, so that an answer to a request made before the snapshot matches no request.
        self._ids = itertools.count(int.from_bytes(os.urandom(3), "little") << 7)
        self._requests: dict[int, _Request] = {}
        self._failure: GuestError | None = None
        self._task = asyncio.create_task(self._receive())

    @classmethod
    async def connect(cls, sock: socket.socket) -> Agent:
        """Make an Agent from a connected stream socket, which `close` closes."""
        return cls(*await asyncio.open_connection(sock=sock))

    async def close(self) -> None:
        """Close the port; requests in progress end with PortClosedError."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    # ---- requests ----

    async def hello(self) -> None:
        """Wait until the agent answers, and send it the time and fresh entropy. Raises: GuestError."""
        payload = struct.pack("<Q", time.time_ns()) + os.urandom(64)
        request, number = self._begin()
        await self._send(pack_frame(number, b"H", payload))
        kind, echo = await self._end(request, number)
        if (kind, echo) != (b"h", payload):
            raise ProtocolError(_("The agent's answer to the greeting is wrong."))

    async def execute(
        self,
        argv: list[str],
        *,
        stdin: bytes = b"",
        directory: str = "/root",
        limit: int = OUTPUT_LIMIT,
        on_output: Callable[[bytes, bytes], None] | None = None,
        in_agent: bool = False,
    ) -> Result:
        """Run a command; cancelling kills it. `on_output` is called with b"o" (stdout) or b"e" (stderr), and the bytes.

        With `in_agent` the agent runs one of its builtin commands (see `protocol.h`) and starts no program. `limit` is
        in bytes, for each of stdout and stderr.

        Raises: GuestError, PortClosedError, ProtocolError.
        """
        request, number = self._begin(limit, on_output)
        command = b"\0".join(word.encode() for word in (directory, *argv)) + b"\0"
        if len(command) > MAX_PAYLOAD:
            raise GuestError(_("The command line is too long for the guest."))
        try:
            frames = [pack_frame(number, b"O", command)]
            if not in_agent:
                frames = [pack_frame(number, b"X", command), *pack_input(number, stdin)]
            await self._send(*frames)
            answer = await self._end(request, number)
        except asyncio.CancelledError:
            with contextlib.suppress(GuestError):
                await self._send(pack_frame(number, b"K", bytes([9])))
            raise
        wait_status = _check_answer(answer, _("The guest could not run {name}: {reason}."), name=argv[0])
        status = os.waitstatus_to_exitcode(wait_status)
        return Result(status, bytes(request.parts[b"o"]), bytes(request.parts[b"e"]), request.truncated)

    async def put(self, path: str, data: bytes, mode: int = 0o644) -> None:
        """Write a file in the guest. Raises: GuestError."""
        request, number = self._begin()
        await self._send(pack_frame(number, b"W", struct.pack("<I", mode) + path.encode()), *pack_input(number, data))
        answer = await self._end(request, number)
        _check_answer(answer, _("The guest could not write {name}: {reason}."), name=path)

    async def get(self, path: str, limit: int = OUTPUT_LIMIT) -> bytes:
        """Read at most `limit` bytes of a file in the guest. Raises: GuestError."""
        return await self._fetch(b"R", path.encode(), limit, _("The guest could not read {name}: {reason}."), name=path)

    async def log(self, sequence: int | None = None, limit: int = OUTPUT_LIMIT) -> bytes:
        """The records of /dev/kmsg from a sequence number on; None means from the first that `log` has not returned.

        Raises: GuestError.
        """
        return await self._log(_LOG_NEW if sequence is None else sequence, limit)

    async def follow_log(self) -> bytes:
        """The records of /dev/kmsg that `follow_log` has not returned before, independently of `log`.

        Raises: GuestError.
        """
        return await self._log(_LOG_FOLLOW, OUTPUT_LIMIT)

    async def _log(self, first: int, limit: int) -> bytes:
        failure = _("The guest could not read the kernel log: {reason}.")
        return await self._fetch(b"L", struct.pack("<Q", first), limit, failure)

    async def _fetch(self, kind: bytes, payload: bytes, limit: int, failure: str, **values: str) -> bytes:
        request, number = self._begin(limit)
        await self._send(pack_frame(number, kind, payload))
        _check_answer(await self._end(request, number), failure, **values)
        return bytes(request.parts[b"o"])

    async def terminal(
        self, argv: list[str], stdin: asyncio.Queue[tuple[bytes, bytes]], on_output: Callable[[bytes, bytes], None]
    ) -> int:
        """Run a command on a new terminal, and return its exit status. Cancelling kills it.

        `stdin` has pairs: (b"I", input), or (b"Z", u16 rows and u16 columns) for a new size.

        Raises: GuestError.
        """
        request, number = self._begin(1 << 62, on_output)
        await self._send(pack_frame(number, b"T", b"\0".join(word.encode() for word in ("/root", *argv)) + b"\0"))
        feeder = asyncio.create_task(self._feed(number, stdin))
        try:
            answer = await self._end(request, number)
        except asyncio.CancelledError:
            with contextlib.suppress(GuestError):
                await self._send(pack_frame(number, b"K", bytes([9])))
            raise
        finally:
            feeder.cancel()
            await asyncio.gather(feeder, return_exceptions=True)
        wait_status = _check_answer(answer, _("The guest could not run {name}: {reason}."), name=argv[0])
        return os.waitstatus_to_exitcode(wait_status)

    async def _feed(self, number: int, stdin: asyncio.Queue[tuple[bytes, bytes]]) -> None:
        while True:
            kind, data = await stdin.get()
            await self._send(pack_frame(number, kind, data))

    # ---- frames ----

    def _begin(
        self, limit: int = OUTPUT_LIMIT, on_output: Callable[[bytes, bytes], None] | None = None
    ) -> tuple[_Request, int]:
        number = next(self._ids) & 0xFFFFFFFF
        request = _Request(asyncio.get_running_loop().create_future(), limit, on_output)
        if self._failure:
            raise self._failure
        self._requests[number] = request
        return request, number

    async def _end(self, request: _Request, number: int) -> tuple[bytes, bytes]:
        try:
            return await request.answer
        finally:
            self._requests.pop(number, None)

    async def _send(self, *frames: bytes) -> None:
        for frame in frames:
            self._writer.write(frame)
            try:
                await self._writer.drain()
            except OSError as exc:
                raise PortClosedError(_("The agent's port is closed.")) from exc

    async def _receive(self) -> None:
        failure: GuestError = PortClosedError(_("The agent's port is closed."))
        try:
            while True:
                length, number, kind = HEADER.unpack(await self._reader.readexactly(HEADER.size))
                if length > MAX_PAYLOAD:
                    failure = ProtocolError(
                        _("A frame of {length} bytes came through the agent's port.").format(length=length)
                    )
                    return
                await self._dispatch(number, bytes([kind]), await self._reader.readexactly(length))
        except (asyncio.IncompleteReadError, OSError):
            return
        finally:
            self._failure = failure
            for request in self._requests.values():
                if not request.answer.done():
                    request.answer.set_exception(failure)

    async def _dispatch(self, number: int, kind: bytes, payload: bytes) -> None:
        request = self._requests.get(number)
        if request is None or request.answer.done():
            return
        if kind in request.parts:
            was_truncated = request.truncated
            request.take(kind, payload)
            if request.truncated and not was_truncated:
                await self._send(pack_frame(number, b"K", bytes([9])))
        else:
            request.answer.set_result((kind, payload))


def _check_answer(answer: tuple[bytes, bytes], failure: str, **values: str) -> int:
    """The wait status in a request's last frame, 0 for a file or log.

    Raises: GuestError with the message `failure` if the frame has an errno.
    """
    kind, payload = answer
    if kind not in (b"x", b"d") or len(payload) != 4:
        raise ProtocolError(_("The agent's answer has the wrong form."))
    number: int = struct.unpack("<i", payload)[0]
    if kind == b"d" and number:
        raise GuestError(failure.format(reason=os.strerror(number), **values))
    return number
