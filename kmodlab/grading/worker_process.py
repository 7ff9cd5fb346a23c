"""One worker process, as seen by who gives it tasks: started, fed, watched, and killed when its time is up.

A worker dies with the process that started it, and its guests die with the worker.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Collection
from typing import Any

from kmodlab.errors import SetupError
from kmodlab.grading.ipc import frame, receive_frame
from kmodlab.grading.models import CheckGrade
from kmodlab.grading.task import Setting, Task, unpack_check
from kmodlab.process import start, stop

START_S = 120.0  # on a machine that is busy with other workers
_KEPT = 4000  # bytes of what it says of its troubles


class WorkerLostError(Exception):
    """The worker died, or talks nonsense; the task may be given to another."""


class OverdueError(Exception):
    """The task's time was up, and its worker was killed."""


class LocalWorker:
    """A worker process; made by `launch`. Used on the I/O thread only."""

    def __init__(self, child: asyncio.subprocess.Process) -> None:
        self._child = child
        self._tail = b""
        self._drain = asyncio.create_task(self._drain_errors())
        self.setting = Setting("", "", sandboxed=False)

    @classmethod
    async def launch(cls) -> LocalWorker:
        """A worker that is ready; SetupError where it says that it cannot, WorkerLostError where it dies."""
        # -P: a random.py in the folder that we were started in is none of ours.
        argv = [sys.executable, "-P", "-m", "kmodlab.grading.worker"]
        worker = cls(await start(argv, stdin=asyncio.subprocess.PIPE))
        try:
            async with asyncio.timeout(START_S):
                message = await worker._receive()
        except TimeoutError:
            await worker.stop()
            raise SetupError(f"A worker was not ready within {START_S:.0f} s.") from None
        except BaseException:
            await worker.stop()
            raise
        if message["kind"] != "ready":
            await worker.stop()
            raise SetupError(str(message.get("reason")), hint=str(message.get("hint")))
        worker.setting = Setting(message["kernel"], message["code"], message["sandboxed"])
        return worker

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._child.pid

    @property
    def is_alive(self) -> bool:
        """Whether it still runs."""
        return self._child.returncode is None

    async def run(
        self, task: Task, done: Collection[str], deadline_s: float, report: Callable[[CheckGrade], None]
    ) -> None:
        """Give it a task and report each check as it comes. Unless it ends well, the worker is gone afterwards."""
        try:
            async with asyncio.timeout(deadline_s):
                await self._send(task.as_message(done))
                while (message := await self._receive())["kind"] == "check":
                    report(unpack_check(message["result"]))
        except TimeoutError:
            await self.stop()
            raise OverdueError from None
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Kill it, and so its guests."""
        await stop(self._child)
        self._drain.cancel()
        await asyncio.gather(self._drain, return_exceptions=True)

    async def _send(self, message: dict[str, Any]) -> None:
        assert self._child.stdin is not None
        try:
            self._child.stdin.write(frame(message))
            await self._child.stdin.drain()
        except (BrokenPipeError, ConnectionResetError) as error:
            raise self._lost() from error

    async def _receive(self) -> dict[str, Any]:
        assert self._child.stdout is not None
        try:
            message = await receive_frame(self._child.stdout)
        except (EOFError, ValueError, ConnectionResetError) as error:
            await asyncio.wait({self._drain}, timeout=1)  # its last words
            raise self._lost() from error
        return message

    def _lost(self) -> WorkerLostError:
        said = self._tail.decode("utf-8", "replace").strip().splitlines()
        return WorkerLostError(f"a worker died{f': {said[-1][:200]}' if said else ''}")

    async def _drain_errors(self) -> None:
        while self._child.stderr and (chunk := await self._child.stderr.read(4096)):
            self._tail = (self._tail + chunk)[-_KEPT:]
