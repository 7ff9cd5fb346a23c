"""Tasks on several worker processes of this machine; results come as they are made.

A worker that dies is replaced, and its task goes to another: twice at most, then the task is lost, which is ours and
errored. A task whose time is up costs its worker, and nobody else anything.
"""

from __future__ import annotations

import asyncio
import queue
from collections import deque
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from kmodlab.errors import KmodlabError
from kmodlab.grading.models import CheckGrade
from kmodlab.grading.task import Setting, Task
from kmodlab.grading.worker_process import LocalWorker, OverdueError, WorkerLostError
from kmodlab.process import run_sync, submit

TRIES = 3


class Ending(StrEnum):
    """How a task ended."""

    DONE = "done"
    OVERDUE = "overdue"
    LOST = "lost"


@dataclass(frozen=True)
class Event:
    """A check of a task was made, or (`ending`) the task ended; `reason` says why where it was lost."""

    digest: str
    check: CheckGrade | None = None
    ending: Ending | None = None
    reason: str = ""


@dataclass(frozen=True)
class Order:
    """A task to do, and the checks of it that are done already."""

    task: Task
    done: frozenset[str]


class Pool(Protocol):
    """Whatever does tasks: processes here, or a cluster."""

    def find_setting(self) -> Setting:
        """What results will depend on; SetupError where the workers cannot work, or differ."""

    def run(self, orders: Iterable[Order]) -> Generator[Event]:
        """Do all of them, and tell what happens; closing the iterator ends whatever is under way."""


class LocalPool:
    """`jobs` worker processes on this machine, which live as long as `run` does."""

    def __init__(self, setting: Setting, *, jobs: int, deadline_s: float) -> None:
        self._setting, self._jobs, self._deadline_s = setting, jobs, deadline_s
        self._events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._waiting: deque[tuple[Order, int]] = deque()
        self._workers: dict[int, LocalWorker] = {}

    def find_setting(self) -> Setting:
        """What results will depend on."""
        return self._setting

    @property
    def pids(self) -> list[int]:
        """The worker processes that live now."""
        return [worker.pid for worker in self._workers.values() if worker.is_alive]

    def launch(self) -> None:
        """Start all workers now, and wait until they are ready; `run` starts those that it needs by itself."""
        run_sync(self._launch())

    async def _launch(self) -> None:
        await asyncio.gather(*(self._worker(slot) for slot in range(self._jobs)))

    def run(self, orders: Iterable[Order]) -> Generator[Event]:
        """Do all tasks, in about their order."""
        self._waiting.extend((order, 1) for order in orders)
        future = submit(self._serve_all())
        future.add_done_callback(lambda _: self._events.put(None))
        try:
            while (event := self._events.get()) is not None:
                yield event
            future.result()
        finally:
            self._waiting.clear()
            future.cancel()
            run_sync(self._stop())

    async def _serve_all(self) -> None:
        # The first that fails ends the others: TaskGroup would wrap what it raises.
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
            order, tries = self._waiting.popleft()
            done = set(order.done)
            ending, reason = await self._try(slot, order.task, done)
            if ending is Ending.LOST and tries < TRIES:
                self._waiting.appendleft((Order(order.task, frozenset(done)), tries + 1))
            else:
                self._events.put(Event(order.task.digest, ending=ending, reason=reason))

    async def _try(self, slot: int, task: Task, done: set[str]) -> tuple[Ending, str]:
        def report(check: CheckGrade) -> None:
            done.add(check.id)
            self._events.put(Event(task.digest, check))

        try:
            worker = await self._worker(slot)
            await worker.run(task, done, self._deadline_s, report)
        except OverdueError:
            return Ending.OVERDUE, ""
        except WorkerLostError as error:
            return Ending.LOST, str(error)
        return Ending.DONE, ""

    async def _worker(self, slot: int) -> LocalWorker:
        """The slot's worker, or a new one where it is gone."""
        worker = self._workers.get(slot)
        if worker is None or not worker.is_alive:
            worker = self._workers[slot] = await LocalWorker.launch()
        if worker.setting != self._setting:
            raise KmodlabError("The lab was changed while grading; nothing is lost.", hint="Go on with --resume.")
        return worker
