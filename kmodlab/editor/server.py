"""A language server as a child process: requests and notifications over its pipes.

JSON-RPC 2.0 with a header before each message (Language Server Protocol 3.17, "Base Protocol"). The server is not
trusted: the size of messages is bounded, and a server that breaks the protocol is ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Sequence
from typing import Any

from kmodlab.errors import SandboxError
from kmodlab.files import MIB
from kmodlab.i18n import _
from kmodlab.process import start, stop

_LONGEST = 16 * MIB
_HEADER = b"Content-Length: "


class ServerError(SandboxError):
    """The language server has ended, or did not answer in time."""


class LanguageServer:
    """One running server. All methods belong to the I/O thread.

    `on_notification(method, parameters)` is called for each notification of the server, and `on_end()` when it has
    ended.
    """

    def __init__(self, on_notification: Callable[[str, Any], None], on_end: Callable[[], None]) -> None:
        self._on_notification, self._on_end = on_notification, on_end
        self._has_ended = False
        self._child: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._last_id = 0

    async def start(self, argv: Sequence[str], *, environment: dict[str, str], pass_fds: Sequence[int] = ()) -> None:
        """Start the server. Raises: SetupError if the command is not installed."""
        pipe, nothing = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
        self._child = await start(
            argv, environment=environment, pass_fds=pass_fds, stdin=pipe, stdout=pipe, stderr=nothing
        )
        self._reader = asyncio.create_task(self._read())

    @property
    def is_running(self) -> bool:
        """Whether the server runs and accepts requests."""
        return self._reader is not None and not self._has_ended

    async def close(self) -> None:
        """End the server; requests in progress fail."""
        if self._reader:
            self._reader.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reader
        if self._child:
            await stop(self._child)
            self._child._transport.close()  # type: ignore[attr-defined]  # see kmodlab.process

    async def ask(self, method: str, parameters: Any, *, timeout_s: float) -> Any:
        """Send a request and wait for its result.

        Raises: ServerError if the server has ended, refuses the request, or does not answer in time.
        """
        self._last_id += 1
        answer = self._answers[self._last_id] = asyncio.get_running_loop().create_future()
        try:
            self._send({"id": self._last_id, "method": method, "params": parameters})
            return await asyncio.wait_for(answer, timeout_s)
        except TimeoutError:
            raise ServerError(_("The language server did not answer in time.")) from None
        finally:
            self._answers.pop(self._last_id, None)

    def tell(self, method: str, parameters: Any) -> None:
        """Send a notification. Raises: ServerError if the server has ended."""
        self._send({"method": method, "params": parameters})

    def _send(self, message: dict[str, Any]) -> None:
        if not self.is_running or self._child is None or self._child.stdin is None:
            raise _ended()
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._child.stdin.write(_HEADER + b"%d\r\n\r\n" % len(body) + body)

    async def _read(self) -> None:
        assert self._child is not None and self._child.stdout is not None
        try:
            # The server is ended if its stream ends or breaks the protocol.
            with contextlib.suppress(EOFError, ValueError, asyncio.LimitOverrunError):
                while True:
                    self._take(await _read_message(self._child.stdout))
        finally:
            self._has_ended = True
            self._on_end()
            for answer in self._answers.values():
                if not answer.done():
                    answer.set_exception(_ended())

    def _take(self, message: Any) -> None:
        if not isinstance(message, dict):
            return
        if "method" in message:
            self._on_notification(str(message["method"]), message.get("params"))
        elif (answer := self._answers.get(message.get("id", 0))) and not answer.done():
            if "error" in message:
                answer.set_exception(ServerError(_("The language server refused a request.")))
            else:
                answer.set_result(message.get("result"))


def _ended() -> ServerError:
    return ServerError(_("The language server has ended."))


async def _read_message(stream: asyncio.StreamReader) -> Any:
    length = 0
    while (line := await stream.readline()).strip():
        if line.startswith(_HEADER):
            length = int(line[len(_HEADER) :])
    if not line or length > _LONGEST:
        raise EOFError
    return json.loads(await stream.readexactly(length))
