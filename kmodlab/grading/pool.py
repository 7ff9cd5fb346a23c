"""Runs tasks on several worker processes of this machine, and reports each result at once.

A worker that dies is replaced, and another worker gets its task, up to three times; then the task is lost, and its
checks are errored. If a task exceeds its time limit, only its worker is killed. A worker dies with the process that
started it, and its guests die with the worker.
"""

from __future__ import annotations

import asyncio
import queue
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import replace
from typing import Any, Protocol

from kmodlab.checks.check_result import CheckResult
from kmodlab.errors import KmodlabError, SetupError
from kmodlab.grading.models import Ending, GradingProgress, Setting, Task, check_from_dict
from kmodlab.grading.worker import frame, receive_frame
from kmodlab.i18n import _
from kmodlab.process import run_sync, start, stop, submit
from kmodlab.settings import own_environment

TRIES = 3
START_S = 120.0  # for a worker to start, on a machine that is busy with other workers
_STDERR_KEPT = 4000  # bytes from the end of a worker's stderr


class Pool(Protocol):
    """Runs tasks: in processes of this machine, or on a cluster."""

    def find_setting(self) -> Setting:
        """The setting of the workers, which results depend on.

        Raises:
            SetupError: The workers cannot work, or differ.
        """

    def run(self, tasks: Iterable[Task]) -> Generator[GradingProgress]:
        """Run all tasks; yields each check's result, and each task's ending. Closing the generator ends all tasks."""


# ---- the pool ------------------------------------------------------------------------------------------------------


class LocalPool:
    """`jobs` worker processes on this machine, which live as long as `run` does."""

    def __init__(self, setting: Setting, *, jobs: int, deadline_s: float) -> None:
        self._setting, self._jobs, self._deadline_s = setting, jobs, deadline_s
        self._events: queue.SimpleQueue[GradingProgress | None] = queue.SimpleQueue()
        self._waiting: deque[tuple[Task, int]] = deque()  # each with the number of the next attempt
        self._workers: dict[int, LocalWorker] = {}

    def find_setting(self) -> Setting:
        """The setting of this machine."""
        return self._setting

    def launch(self) -> None:
        """Start all workers now, and wait until they are ready; otherwise `run` starts those that it needs."""
        run_sync(self._launch())

    async def _launch(self) -> None:
        await asyncio.gather(*(self._worker(slot) for slot in range(self._jobs)))

    def run(self, tasks: Iterable[Task]) -> Generator[GradingProgress]:
        """Run all tasks, roughly in order, as `Pool.run` does."""
        self._waiting.extend((task, 1) for task in tasks)
        future = submit(self._serve_all())
        future.add_done_callback(lambda _future: self._events.put(None))
        try:
            while (event := self._events.get()) is not None:
                yield event
            future.result()
        finally:
            self._waiting.clear()
            future.cancel()
            run_sync(self._stop())

    async def _serve_all(self) -> None:
        # Not a TaskGroup, which would wrap the exception. The first slot that fails ends the others.
        slots = [asyncio.create_task(self._serve(slot)) for slot in range(min(self._jobs, len(self._waiting)))]
        try:
            await asyncio.gather(*slots)
        finally:
            for slot in slots:
                slot.cancel()
            await asyncio.gather(*slots, return_exceptions=True)
            await self._stop()

    async def _stop(self) -> None:
        workers, self._workers = list(self._workers.values()), {}
        await asyncio.gather(*(worker.stop() for worker in workers))

    async def _serve(self, slot: int) -> None:
        while self._waiting:
            task, tries = self._waiting.popleft()
            done = set(task.done)
            ending, reason = await self._try(slot, task, done)
            if ending is Ending.LOST and tries < TRIES:
                self._waiting.appendleft((replace(task, done=frozenset(done)), tries + 1))
            else:
                self._events.put(GradingProgress(task.digest, ending=ending, reason=reason))

    async def _try(self, slot: int, task: Task, done: set[str]) -> tuple[Ending, str]:
        def report(check: CheckResult) -> None:
            done.add(check.id)
            self._events.put(GradingProgress(task.digest, check))

        try:
            worker = await self._worker(slot)
            await worker.run(task, self._deadline_s, report)
        except OverdueError:
            return Ending.OVERDUE, ""
        except WorkerLostError as error:
            return Ending.LOST, str(error)
        return Ending.DONE, ""

    async def _worker(self, slot: int) -> LocalWorker:
        """The slot's worker; a new one if it has ended."""
        worker = self._workers.get(slot)
        if worker is None or not worker.is_alive:
            worker = self._workers[slot] = await LocalWorker.launch()
        if worker.setting != self._setting:
            sentence = _("The lab was changed while grading; no result is lost.")
            raise KmodlabError(sentence, hint=_("Go on with --resume."))
        return worker


def _check_in(message: Mapping[str, Any]) -> CheckResult | None:
    """The check's result in a worker's message; None at the end of a task.

    Raises:
        WorkerLostError: It is not such a message.
    """
    try:
        return check_from_dict(message["result"]) if message["kind"] == "check" else None
    except (KeyError, TypeError, ValueError) as error:
        raise WorkerLostError(_("a worker sent something else than a result")) from error


# ---- one worker ----------------------------------------------------------------------------------------------------


class WorkerLostError(Exception):
    """The worker died, or sent something that is not a message; another worker may get the task."""


class OverdueError(Exception):
    """The task exceeded its time limit, and its worker was killed."""


class LocalWorker:
    """A worker process; made by `launch`. Used on the I/O thread only."""

    def __init__(self, child: asyncio.subprocess.Process) -> None:
        self._child = child
        self._stderr = b""
        self._drain = asyncio.create_task(self._drain_stderr())
        self.setting = Setting("", "", sandboxed=False)

    @classmethod
    async def launch(cls) -> LocalWorker:
        """Start a worker, and wait until it is ready.

        Raises:
            SetupError: The worker reports that it cannot work.
            WorkerLostError: The worker died.
        """
        # -P: a file such as random.py in the current folder must not be imported.
        argv = [sys.executable, "-P", "-m", "kmodlab.grading.worker"]
        worker = cls(await start(argv, environment=own_environment(), stdin=asyncio.subprocess.PIPE))
        try:
            async with asyncio.timeout(START_S):
                message = await worker._receive()
        except TimeoutError:
            await worker.stop()
            raise SetupError(_("A worker was not ready within {seconds:.0f} s.").format(seconds=START_S)) from None
        except BaseException:
            await worker.stop()
            raise
        if message["kind"] != "ready":
            await worker.stop()
            raise SetupError(str(message.get("reason")), hint=str(message.get("hint")))
        worker.setting = Setting(message["kernel"], message["code"], message["sandboxed"])
        return worker

    @property
    def is_alive(self) -> bool:
        """Whether the process still runs."""
        return self._child.returncode is None

    async def run(self, task: Task, deadline_s: float, report: Callable[[CheckResult], None]) -> None:
        """Run a task, and call `report` with each result at once. If this raises, the worker has ended.

        Raises:
            OverdueError: The task took longer than `deadline_s`.
            WorkerLostError: The worker died.
        """
        try:
            async with asyncio.timeout(deadline_s):
                await self._send(task.as_message())
                while (check := _check_in(await self._receive())) is not None:
                    report(check)
        except TimeoutError:
            await self.stop()
            raise OverdueError from None
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Kill the worker and with it its guests."""
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
            await asyncio.wait({self._drain}, timeout=1)  # its stderr says why it died
            raise self._lost() from error
        return message

    def _lost(self) -> WorkerLostError:
        lines = self._stderr.decode("utf-8", "replace").strip().splitlines()
        if lines:
            return WorkerLostError(_("a worker died: {last_line}").format(last_line=lines[-1][:200]))
        return WorkerLostError(_("a worker died"))

    async def _drain_stderr(self) -> None:
        while self._child.stderr and (chunk := await self._child.stderr.read(4096)):
            self._stderr = (self._stderr + chunk)[-_STDERR_KEPT:]
