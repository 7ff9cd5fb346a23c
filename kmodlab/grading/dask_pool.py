"""Runs tasks on a running Dask cluster (dask.distributed), and reports each result at once.

Each thread of each Dask worker gets one task at a time, pinned to it, so the pool always knows which worker has which
task: if a Dask worker is lost, another worker gets its task, up to three times, as in `pool`. On a Dask worker, a
`LocalWorker` process runs the task: it sets up its lab once, and can be killed after a timeout. Dask workers may join
and leave at any time.

Results are streamed by `client.log_event`: a worker's log_event reaches all clients that subscribed to the topic.
"""

from __future__ import annotations

import asyncio
import queue
import time
import uuid
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from distributed import Client, Future, get_worker

from kmodlab.checks.check_result import CheckResult
from kmodlab.errors import KmodlabError, SetupError
from kmodlab.grading.models import Ending, GradingProgress, Setting, Task, check_as_dict, check_from_dict
from kmodlab.grading.pool import TRIES, LocalWorker, OverdueError, WorkerLostError
from kmodlab.grading.worker import find_setting
from kmodlab.guest.lab import load_lab
from kmodlab.i18n import _
from kmodlab.process import run_sync
from kmodlab.settings import get_settings

CONNECT_S = 10.0
ANSWER_S = 60.0
ALONE_S = 300.0  # the longest time without any worker
_TICK_S = 0.5
_UNFIT = "unfit"  # the answer of a worker that has no lab, or a different one

# ---- on a Dask worker ----------------------------------------------------------------------------------------------

_idle: list[LocalWorker] = []


def find_setting_here() -> dict[str, Any]:
    """The setting of this Dask worker, as JSON data; or why it cannot work."""
    try:
        return asdict(find_setting(load_lab(get_settings())))
    except KmodlabError as error:
        return {"reason": str(error), "hint": error.hint}


def run_task_here(topic: str, message: dict[str, Any], deadline_s: float) -> dict[str, Any]:
    """Run a task in a `LocalWorker`, and send each result at once."""
    dask_worker = get_worker()
    results: list[dict[str, Any]] = []

    def report(check: CheckResult) -> None:
        results.append(check_as_dict(check))
        dask_worker.log_event(topic, {"digest": message["digest"], "result": results[-1]})

    ending, reason = run_sync(_run_task(Task.from_message(message), deadline_s, report))
    return {"ending": ending, "reason": reason, "results": results}


async def _run_task(task: Task, deadline_s: float, report: Callable[[CheckResult], None]) -> tuple[str, str]:
    try:
        worker = await _take_worker()
        if worker.setting != task.setting:
            await worker.stop()
            sentence = _("Its lab is a different one (Linux {kernel}, checks {code}).")
            return _UNFIT, sentence.format(kernel=worker.setting.kernel, code=worker.setting.code)
        await worker.run(task, deadline_s, report)
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
    """End the idle processes."""
    workers, _idle[:] = list(_idle), []
    run_sync(_stop(workers))


async def _stop(workers: list[LocalWorker]) -> None:
    await asyncio.gather(*(worker.stop() for worker in workers))


# ---- at the grader -------------------------------------------------------------------------------------------------


@dataclass
class _RunningTask:
    """A task that a Dask worker has, and the number of the attempt."""

    task: Task
    tries: int
    address: str
    future: Future[Any]
    done: set[str] = field(default_factory=set)


class DaskPool:
    """A pool on a running cluster; a context manager."""

    def __init__(self, scheduler: str, *, deadline_s: float) -> None:
        self._deadline_s = deadline_s
        try:
            self._client = Client(scheduler, timeout=CONNECT_S, set_as_default=False)
        except (OSError, ValueError, TimeoutError) as error:
            sentence = _("There is no Dask scheduler at {address}.").format(address=scheduler)
            raise SetupError(sentence, hint=_("Is it running? Its address is like tcp://HOST:8786.")) from error
        self._topic = f"kmodlab-{uuid.uuid4().hex}"
        self._events: queue.SimpleQueue[GradingProgress | None] = queue.SimpleQueue()
        self._waiting: deque[tuple[Task, int]] = deque()  # each with the number of the next attempt
        self._running: dict[str, _RunningTask] = {}  # by digest
        self._unfit: dict[str, str] = {}  # reasons by address
        self._client.subscribe_topic(self._topic, self._receive)

    def __enter__(self) -> DaskPool:
        return self

    def __exit__(self, *exc: object) -> None:
        with suppress(Exception):  # the cluster may have ended; its processes end when they are idle
            self._on_all(close_here, 10)
        self._client.close(timeout=5)

    def find_setting(self) -> Setting:
        """The setting of all present workers. Raises: SetupError if they differ, or no worker can work."""
        with _scheduler():
            self._client.wait_for_workers(1, timeout=ANSWER_S)
            answers = self._on_all(find_setting_here, 120)
        for address, answer in answers.items():
            if "reason" in answer:
                sentence = _("The Dask worker {address} cannot work: {reason}")
                raise SetupError(sentence.format(address=address, reason=answer["reason"]), hint=answer["hint"])
        settings = {Setting(**answer) for answer in answers.values()}
        if len(settings) > 1:
            about = _("Linux {kernel}, checks {code}")
            kernels = ", ".join(sorted({about.format(kernel=each.kernel, code=each.code) for each in settings}))
            sentence = _("The Dask workers differ: {kernels}.").format(kernels=kernels)
            raise SetupError(sentence, hint=_("Set up all of them alike."))
        return settings.pop()

    def run(self, tasks: Iterable[Task]) -> Generator[GradingProgress]:
        """Run all tasks on the present workers, as `Pool.run` does. Raises: SetupError if all workers stay away."""
        self._waiting.extend((task, 1) for task in tasks)
        last_seen = time.monotonic()  # when any worker was present
        try:
            while self._waiting or self._running:
                with _scheduler():
                    threads: dict[str, int] = self._client.nthreads()
                yield from self._give_up_on_lost(threads)
                self._hand_out(threads)
                last_seen = time.monotonic() if threads else last_seen
                if time.monotonic() - last_seen > ALONE_S:
                    sentence = _("The Dask cluster has no workers any more.")
                    raise SetupError(sentence, hint=_("Go on with --resume."))
                yield from self._take_events()
            yield from self._take_events(wait_s=0)
        finally:
            self._waiting.clear()
            with suppress(Exception):  # the cluster may have ended
                self._client.cancel([running.future for running in self._running.values()], force=True)

    def _on_all(self, function: Callable[[], Any], timeout_s: float) -> dict[str, Any]:
        """The results of a function on every worker, in task threads; `Client.run` would block their event loops."""
        addresses = list(self._client.nthreads())
        futures = [self._submit(address, function) for address in addresses]
        return dict(zip(addresses, [future.result(timeout=timeout_s) for future in futures], strict=True))

    def _submit(self, address: str, function: Callable[..., Any], *words: Any) -> Future[Any]:
        return self._client.submit(function, *words, workers=[address], pure=False, allow_other_workers=False)

    # ---- giving out ----

    def _hand_out(self, threads: dict[str, int]) -> None:
        fit = {address: count for address, count in threads.items() if address not in self._unfit}
        if threads and not fit and not self._running:
            sentence = _("No Dask worker can work: {reason}").format(reason=next(iter(self._unfit.values())))
            raise SetupError(sentence, hint=_("Set up all of them alike; then --resume."))
        for address, count in fit.items():
            busy = sum(running.address == address for running in self._running.values())
            for _slot in range(min(count - busy, len(self._waiting))):
                task, tries = self._waiting.popleft()
                future = self._submit(address, run_task_here, self._topic, task.as_message(), self._deadline_s)
                self._running[task.digest] = _RunningTask(task, tries, address, future, set(task.done))
                future.add_done_callback(lambda _future: self._events.put(None))

    def _give_up_on_lost(self, threads: dict[str, int]) -> Iterator[GradingProgress]:
        for running in list(self._running.values()):
            if running.address not in threads and not running.future.done():
                self._client.cancel([running.future], force=True)
                reason = _("the Dask worker {address} was lost").format(address=running.address)
                yield from self._end(running, Ending.LOST, reason)

    # ---- taking back ----

    def _receive(self, event: tuple[float, dict[str, Any]]) -> None:
        message = event[1]
        self._events.put(GradingProgress(message["digest"], check_from_dict(message["result"])))

    def _take_events(self, wait_s: float = _TICK_S) -> Iterator[GradingProgress]:
        """The streamed results, without duplicates, and the endings of tasks whose futures are done."""
        with suppress(queue.Empty):
            while True:
                event = self._events.get(timeout=wait_s) if wait_s else self._events.get_nowait()
                wait_s = 0
                if event is None:
                    yield from self._take_back()
                elif self._is_new(event):
                    yield event

    def _is_new(self, event: GradingProgress) -> bool:
        running = self._running.get(event.digest)
        if running is None or event.check is None or event.check.id in running.done:
            return False
        running.done.add(event.check.id)
        return True

    def _take_back(self) -> Iterator[GradingProgress]:
        for running in [running for running in self._running.values() if running.future.done()]:
            try:
                answer: dict[str, Any] = running.future.result(timeout=ANSWER_S)
            except Exception:  # the worker raised an exception, or was lost
                reason = _("the Dask worker {address} failed").format(address=running.address)
                yield from self._end(running, Ending.LOST, reason)
                continue
            events = [GradingProgress(running.task.digest, check_from_dict(fields)) for fields in answer["results"]]
            yield from filter(self._is_new, events)  # streamed events may be late or lost
            if answer["ending"] == _UNFIT:
                self._unfit[running.address] = answer["reason"]
                self._again(running, running.tries)
            else:
                yield from self._end(running, Ending(answer["ending"]), answer["reason"])

    def _end(self, running: _RunningTask, ending: Ending, reason: str) -> Iterator[GradingProgress]:
        if ending is Ending.LOST and running.tries < TRIES:
            self._again(running, running.tries + 1)
            return
        del self._running[running.task.digest]
        yield GradingProgress(running.task.digest, ending=ending, reason=reason)

    def _again(self, running: _RunningTask, tries: int) -> None:
        del self._running[running.task.digest]
        # At the end of the queue, so that most likely another worker gets it.
        self._waiting.append((replace(running.task, done=frozenset(running.done)), tries))


@contextmanager
def _scheduler() -> Iterator[None]:
    try:
        yield
    except (OSError, TimeoutError) as error:
        raise SetupError(_("The Dask scheduler does not answer."), hint=_("Go on with --resume.")) from error
