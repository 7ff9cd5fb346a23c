"""A worker process: `python -m kmodlab.grading.worker`, with messages on its standard streams.

    worker: {"kind": "ready", "kernel", "code", "sandboxed"}, or {"kind": "unable", "reason", "hint"}
    grader: a task (`Task.as_message`)
    worker: {"kind": "check", "result"} for each check, then {"kind": "done"}

A message is a frame: its length in four bytes, big-endian, and then the JSON. A worker loads its lab once. It ends with
its grader (its input ends, or it gets the parent-death signal), or when it is idle. The learner's text is only data in
this process: the sandbox builds it, and a guest runs it.
"""

from __future__ import annotations

import asyncio
import json
import os
import select
import struct
from functools import lru_cache
from typing import IO, Any

from kmodlab.checks.check_result import CheckResult
from kmodlab.checks.runner import CheckRunner
from kmodlab.errors import KmodlabError
from kmodlab.grading.models import Setting, Task, check_as_dict
from kmodlab.grading.task import judging_digest, run_task, unpack_exercise
from kmodlab.guest.lab import Lab, load_lab
from kmodlab.sandbox.sandbox import check_sandbox
from kmodlab.settings import get_settings

IDLE_S = 60.0  # time without a task after which a worker ends

_LENGTH = struct.Struct(">I")
_LARGEST = 1 << 28  # bytes of a message

# ---- in the worker -------------------------------------------------------------------------------------------------


def find_setting(lab: Lab) -> Setting:
    """The setting of this process, which its results depend on."""
    return Setting(lab.file.release, judging_digest(), check_sandbox().works)


def serve(requests: _ExactReader, answers: IO[bytes]) -> None:
    """Run one task after the other until no more come."""

    def send(message: dict[str, Any]) -> None:
        answers.write(frame(message))
        answers.flush()

    try:
        lab = load_lab(get_settings())
        setting = find_setting(lab)
    except KmodlabError as error:
        send({"kind": "unable", "reason": str(error), "hint": error.hint})
        return
    read_exercise = lru_cache(unpack_exercise)
    with CheckRunner(lab, guests=1) as runner:
        runner.prepare()
        send({"kind": "ready", "kernel": setting.kernel, "code": setting.code, "sandboxed": setting.sandboxed})
        while message := _next(requests):
            task = Task.from_message(message)

            def report(check: CheckResult) -> None:
                send({"kind": "check", "result": check_as_dict(check)})

            run_task(task, read_exercise(task.exercise), runner, report)
            send({"kind": "done"})


def _next(requests: _ExactReader) -> dict[str, Any] | None:
    """The next task; None if no task arrives for `IDLE_S`, or the grader has ended."""
    if not select.select([requests], [], [], IDLE_S)[0]:
        return None
    head = requests.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    message: dict[str, Any] = json.loads(requests.read(_LENGTH.unpack(head)[0]))
    return message


class _ExactReader:
    """A raw stream whose `read` waits for all bytes. It has no buffer, whose contents `select` would not see."""

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw = raw

    def fileno(self) -> int:
        """The file descriptor, for select."""
        return self._raw.fileno()

    def read(self, size: int) -> bytes:
        """Read `size` bytes; fewer if the stream ends."""
        data = bytearray()
        while len(data) < size and (chunk := self._raw.read(size - len(data))):
            data += chunk
        return bytes(data)


def main() -> None:
    """Serve on the standard streams; other output of this process goes to standard error."""
    answers = os.dup(1)
    os.dup2(2, 1)
    with os.fdopen(answers, "wb") as out, os.fdopen(0, "rb", buffering=0, closefd=False) as requests:
        serve(_ExactReader(requests), out)


# ---- frames, on both sides -----------------------------------------------------------------------------------------


def frame(message: dict[str, Any]) -> bytes:
    """The frame of a message."""
    body = json.dumps(message).encode()
    return _LENGTH.pack(len(body)) + body


async def receive_frame(stream: asyncio.StreamReader) -> dict[str, Any]:
    """Receive a worker's next message.

    Raises:
        EOFError: The worker has ended.
        ValueError: This is not a message.
    """
    (length,) = _LENGTH.unpack(await stream.readexactly(_LENGTH.size))
    if length > _LARGEST:
        raise ValueError(f"a message of {length} bytes")
    message: dict[str, Any] = json.loads(await stream.readexactly(length))
    return message


if __name__ == "__main__":
    main()
