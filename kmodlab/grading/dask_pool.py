"""The same tasks on a running Dask cluster (dask.distributed): results stream back as they are made.

Each thread of each Dask worker gets one task at a time, pinned to it, so it is always known who has what: when a Dask
worker is lost, its task goes to another, twice at most, as with the processes of `pool`. On a Dask worker, the task is
done by a process of `local`, which sets up its lab once and whose time can be ended. Workers may come and go.

`client.log_event` is how results stream: a worker's log_event reaches all clients that subscribed to the topic.
"""

from __future__ import annotations

import asyncio
import queue
import time
import uuid
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from typing import Any

from distributed import Client, Future, get_worker

from kmodlab.errors import KmodlabError, SetupError
from kmodlab.grading.models import CheckGrade
from kmodlab.grading.pool import TRIES, Ending, Event, Order
from kmodlab.grading.task import Setting, Task, pack_check, read_message, unpack_check
from kmodlab.grading.worker import find_setting
from kmodlab.grading.worker_process import LocalWorker, OverdueError, WorkerLostError
from kmodlab.guest.lab import load_lab
from kmodlab.process import run_sync
from kmodlab.settings import get_settings

CONNECT_S = 10.0
ANSWER_S = 60.0
ALONE_S = 300.0  # without any worker
_TICK_S = 0.5
_UNFIT = "unfit"  # a worker whose lab is another one

# ---- on a Dask worker ----------------------------------------------------------------------------------------------

_idle: list[LocalWorker] = []


def find_setting_here() -> dict[str, Any]:
    """What results of this Dask worker depend on, or why it can give none."""
    try:
        return asdict(find_setting(load_lab(get_settings())))
    except KmodlabError as error:
        return {"reason": str(error), "hint": error.hint}


def do_task_here(topic: str, message: dict[str, Any], deadline_s: float) -> dict[str, Any]:
    """Do a task in a process of our own, and tell each result at once."""
    dask_worker = get_worker()
    results: list[dict[str, Any]] = []

    def report(check: CheckGrade) -> None:
        results.append(pack_check(check))
        dask_worker.log_event(topic, {"digest": message["digest"], "result": results[-1]})

    ending, reason = run_sync(_do_task(message, deadline_s, report))
    return {"ending": ending, "reason": reason, "results": results}


async def _do_task(message: dict[str, Any], deadline_s: float, report: Callable[[CheckGrade], None]) -> tuple[str, str]:
    task, done = read_message(message)
    try:
        worker = await _take_worker()
        if worker.setting != task.setting:
            await worker.stop()
            return _UNFIT, f"its lab is another one (Linux {worker.setting.kernel}, kmodlab {worker.setting.code})"
        await worker.run(task, done, deadline_s, report)
    except OverdueError:
        return Ending.OVERDUE, ""
    except WorkerLostError as error:
        return Ending.LOST, str(error)
    except SetupError as error:
        return _UNFIT, str(error)
    _idle.append(worker)
    return Ending.DONE, ""


async def _take_worker() -> LocalWorker:
    while _idle:
        worker = _idle.pop()
        if worker.is_alive:
            return worker
    return await LocalWorker.launch()


def close_here() -> None:
    """End the processes that wait for more."""
    workers, _idle[:] = list(_idle), []
    run_sync(_stop(workers))


async def _stop(workers: list[LocalWorker]) -> None:
    await asyncio.gather(*(worker.stop() for worker in workers))


# ---- at the grader -------------------------------------------------------------------------------------------------


@dataclass
class _Running:
    """A task that a Dask worker has: which, for the how-manieth time."""

    order: Order
    tries: int
    address: str
    future: Future[Any]
    done: set[str] = field(default_factory=set)


class DaskPool:
    """A cluster that runs already; a context manager."""

    def __init__(self, scheduler: str, *, deadline_s: float) -> None:
        self._deadline_s = deadline_s
        try:
            self._client = Client(scheduler, timeout=CONNECT_S, set_as_default=False)
        except (OSError, ValueError, TimeoutError) as error:
            hint = "Is it running? Its address is like tcp://HOST:8786."
            raise SetupError(f"There is no Dask scheduler at {scheduler}.", hint=hint) from error
        self._topic = f"kmodlab-{uuid.uuid4().hex}"
        self._events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._waiting: deque[tuple[Order, int]] = deque()
        self._running: dict[str, _Running] = {}  # by digest
        self._unfit: dict[str, str] = {}
        self._client.subscribe_topic(self._topic, self._hear)

    def __enter__(self) -> DaskPool:
        return self

    def __exit__(self, *exc: object) -> None:
        with suppress(Exception):  # the cluster may be gone; what it keeps ends by itself
            self._on_all(close_here, 10)
        self._client.close(timeout=5)

    def find_setting(self) -> Setting:
        """What results will depend on: all workers that are there now must agree."""
        with _scheduler():
            self._client.wait_for_workers(1, timeout=ANSWER_S)
            found = self._on_all(find_setting_here, 120)
        for address, one in found.items():
            if "reason" in one:
                raise SetupError(f"The Dask worker {address} cannot work: {one['reason']}", hint=one["hint"])
        settings = {Setting(**one) for one in found.values()}
        if len(settings) > 1:
            kernels = ", ".join(sorted({f"Linux {one.kernel}, checks {one.code}" for one in settings}))
            raise SetupError(f"The Dask workers differ: {kernels}.", hint="Set up all of them alike.")
        return settings.pop()

    def run(self, orders: Iterable[Order]) -> Generator[Event]:
        """Do all tasks on whatever workers there are."""
        self._waiting.extend((order, 1) for order in orders)
        seen = time.monotonic()
        try:
            while self._waiting or self._running:
                with _scheduler():
                    threads: dict[str, int] = self._client.nthreads()
                yield from self._give_up_on_lost(threads)
                self._hand_out(threads)
                seen = time.monotonic() if threads else seen
                if time.monotonic() - seen > ALONE_S:
                    raise SetupError("The Dask cluster has no workers any more.", hint="Go on with --resume.")
                yield from self._happened()
            yield from self._happened(wait_s=0)
        finally:
            self._waiting.clear()
            with suppress(Exception):  # the cluster may be gone
                self._client.cancel([one.future for one in self._running.values()], force=True)

    def _on_all(self, function: Callable[[], Any], timeout_s: float) -> dict[str, Any]:
        """A function's results on every worker, in a thread that may wait; `Client.run` would hold up their loops."""
        addresses = list(self._client.nthreads())
        futures = [self._submit(address, function) for address in addresses]
        return dict(zip(addresses, [future.result(timeout=timeout_s) for future in futures], strict=True))

    def _submit(self, address: str, function: Callable[..., Any], *words: Any) -> Future[Any]:
        return self._client.submit(function, *words, workers=[address], pure=False, allow_other_workers=False)

    # ---- giving out ----

    def _hand_out(self, threads: dict[str, int]) -> None:
        fit = {address: count for address, count in threads.items() if address not in self._unfit}
        if threads and not fit and not self._running:
            reason = next(iter(self._unfit.values()))
            raise SetupError(f"No Dask worker can work: {reason}", hint="Set up all of them alike; then --resume.")
        for address, count in fit.items():
            busy = sum(one.address == address for one in self._running.values())
            for _ in range(min(count - busy, len(self._waiting))):
                order, tries = self._waiting.popleft()
                message = order.task.as_message(order.done)
                future = self._submit(address, do_task_here, self._topic, message, self._deadline_s)
                self._running[order.task.digest] = _Running(order, tries, address, future, set(order.done))
                future.add_done_callback(lambda _: self._events.put(None))

    def _give_up_on_lost(self, threads: dict[str, int]) -> Iterator[Event]:
        for one in list(self._running.values()):
            if one.address not in threads and not one.future.done():
                self._client.cancel([one.future], force=True)
                yield from self._end(one, Ending.LOST, f"the Dask worker {one.address} was lost")

    # ---- taking back ----

    def _hear(self, event: tuple[float, dict[str, Any]]) -> None:
        message = event[1]
        self._events.put(Event(message["digest"], unpack_check(message["result"])))

    def _happened(self, wait_s: float = _TICK_S) -> Iterator[Event]:
        """What came in, each check once; after that, what ended."""
        with suppress(queue.Empty):
            while True:
                event = self._events.get(timeout=wait_s) if wait_s else self._events.get_nowait()
                wait_s = 0
                if event is None:
                    yield from self._take_back()
                elif self._is_new(event):
                    yield event

    def _is_new(self, event: Event) -> bool:
        one = self._running.get(event.digest)
        if one is None or event.check is None or event.check.id in one.done:
            return False
        one.done.add(event.check.id)
        return True

    def _take_back(self) -> Iterator[Event]:
        for one in [one for one in self._running.values() if one.future.done()]:
            try:
                answer: dict[str, Any] = one.future.result(timeout=ANSWER_S)
            except Exception:  # the worker's words, whatever they are; or it is lost, and its answer with it
                yield from self._end(one, Ending.LOST, f"the Dask worker {one.address} failed")
                continue
            events = [Event(one.order.task.digest, unpack_check(fields)) for fields in answer["results"]]
            yield from filter(self._is_new, events)  # what streams may be late, or lost
            if answer["ending"] == _UNFIT:
                self._unfit[one.address] = answer["reason"]
                self._again(one, one.tries)
            else:
                yield from self._end(one, Ending(answer["ending"]), answer["reason"])

    def _end(self, one: _Running, ending: Ending, reason: str) -> Iterator[Event]:
        if ending is Ending.LOST and one.tries < TRIES:
            self._again(one, one.tries + 1)
            return
        del self._running[one.order.task.digest]
        yield Event(one.order.task.digest, ending=ending, reason=reason)

    def _again(self, one: _Running, tries: int) -> None:
        del self._running[one.order.task.digest]
        task: Task = one.order.task
        # To the end: then it most likely goes to another worker.
        self._waiting.append((Order(task, frozenset(one.done)), tries))


@contextmanager
def _scheduler() -> Iterator[None]:
    try:
        yield
    except (OSError, TimeoutError) as error:
        raise SetupError("The Dask scheduler does not answer.", hint="Go on with --resume.") from error
