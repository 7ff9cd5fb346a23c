"""How grader and worker talk: a length of four bytes, the lowest last, then as many bytes of JSON."""

from __future__ import annotations

import asyncio
import json
import struct
from typing import Any, Protocol

_LENGTH = struct.Struct(">I")
_LARGEST = 1 << 28


def frame(message: dict[str, Any]) -> bytes:
    """A message as it is sent."""
    body = json.dumps(message).encode()
    return _LENGTH.pack(len(body)) + body


class Readable(Protocol):
    """A stream whose `read` gives all that it is asked for, unless it ends."""

    def read(self, size: int, /) -> bytes:
        """So many bytes."""


def read_frame(stream: Readable) -> dict[str, Any] | None:
    """The next message; None where the other side is gone."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    body = stream.read(_LENGTH.unpack(head)[0])
    message: dict[str, Any] = json.loads(body)
    return message


async def receive_frame(stream: asyncio.StreamReader) -> dict[str, Any]:
    """The next message; EOFError where the other side is gone, ValueError where it talks nonsense."""
    (length,) = _LENGTH.unpack(await stream.readexactly(_LENGTH.size))
    if length > _LARGEST:
        raise ValueError("a message beyond all bounds")
    message: dict[str, Any] = json.loads(await stream.readexactly(length))
    return message
