"""Finds what modules leave behind when they are unloaded, by one more run of each, under the tracer, in another guest.

The learner's own guest is not used, so nothing of the tracer shows in it. Only modules with calls that could leave
something behind are run, in the background. If the tracer is unavailable, nothing is reported.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future

from kmodlab.errors import KmodlabError
from kmodlab.guest.lab import Lab
from kmodlab.guest.session import COMMAND_S
from kmodlab.kbuild.result import Build
from kmodlab.tracer.call_sites import Code
from kmodlab.tracer.failed_call import Circumstances
from kmodlab.tracer.fault_injection import RunPool
from kmodlab.tracer.kernel_api import Function, known_functions
from kmodlab.tracer.leaks import Leak, find_leaks
from kmodlab.tracer.observe import Observation, RunTask, Subject
from kmodlab.tracer.resources import LOCKS, MODULE_REFERENCE, THREAD, ResourceList, parse_resources
from kmodlab.tracer.run import Leftover
from kmodlab.tracer.wire_format import Callback, RecordKind

# Kinds of resources that do not affect others when they leak.
_OWN = {"memory", MODULE_REFERENCE, *LOCKS}


def may_run_later(function: Function) -> bool:
    """Whether a call of this function starts something that runs a module's code later: a timer, work, a thread."""
    return function.callback is not Callback.NOTHING or any(handle.kind == THREAD for handle in function.acquires)


def may_stay(function: Function) -> bool:
    """Whether a call of this function starts or registers something that could disturb the module's next version."""
    return may_run_later(function) or any(handle.kind not in _OWN for handle in function.acquires)


def may_call(code: Code, matches: Callable[[Function], bool]) -> bool:
    """Whether a module has a call of a function that matches."""
    functions = known_functions()
    return any((known := functions.find(site.symbol)) and matches(known) for site in code.sites)


def is_running(leak: Leak) -> bool:
    """Whether a leak can still run the module's code."""
    return leak.kind in ("timer", "work", THREAD)


def find_subjects(
    build: Build, circumstances: Circumstances, could_leave: Callable[[Function], bool]
) -> tuple[Subject, ...]:
    """The modules of a build that call a function for which `could_leave` is True."""
    subjects = map(circumstances.subject, build.modules)
    return tuple(subject for subject in subjects if may_call(subject.code, could_leave))


def running_after(pool: RunPool, subject: Subject, observation: Observation) -> tuple[Leak, ...]:
    """The leaks that could still run a module's code after it was unloaded, from all loads of a run."""
    unloads = (load for load in observation.records.by_load if load.first(RecordKind.GOING))
    leaks = (find_leaks(subject.code, pool.functions, load, ResourceList(frozenset()), None) for load in unloads)
    return tuple(leak for of_load in leaks for leak in of_load if is_running(leak))


def leaks_after(pool: RunPool, subject: Subject, observation: Observation) -> tuple[Leak, ...]:
    """The leaks of a module in a run in which it was unloaded, or in which its init failed."""
    before, after = (observation.step("resources", when) for when in ("before", "after"))
    records = observation.records
    if before is None or not records.first_load.first(RecordKind.GOING):
        return ()
    listed = parse_resources(after.text) if after else None
    return find_leaks(subject.code, pool.functions, records, parse_resources(before.text), listed)


class LeftoverSearch:
    """Runs modules under the tracer in the background; `result` waits for the end."""

    def __init__(self, lab: Lab, subjects: Sequence[Subject], timeout_s: float = COMMAND_S) -> None:
        self._lab, self._subjects, self._timeout_s = lab, subjects, timeout_s
        self._future: Future[tuple[Leftover, ...]] = Future()
        if subjects:
            threading.Thread(target=self._run, daemon=True).start()
        else:
            self._future.set_result(())

    def result(self) -> tuple[Leftover, ...]:
        """What each module left behind, except for memory; first what can still run its code."""
        return tuple(sorted(self._future.result(), key=lambda leftover: not leftover.is_running))

    def _run(self) -> None:
        try:
            self._future.set_result(tuple(self._search()))
        except KmodlabError:
            self._future.set_result(())
        except BaseException as error:
            self._future.set_exception(error)

    def _search(self) -> Iterable[Leftover]:
        task = RunTask(timeout_s=self._timeout_s, reload=False)
        with RunPool(self._lab, guests=1) as pool:
            for subject in self._subjects:
                leaks = leaks_after(pool, subject, pool.observe(subject, task))
                yield from (as_leftover(subject, leak) for leak in leaks if leak.kind not in _OWN)


def as_leftover(subject: Subject, leak: Leak) -> Leftover:
    """A leak of a module as a `Leftover`, with the module's name."""
    return Leftover(subject.code.name, leak.sentence, next(iter(leak.seen), ""), leak.line, is_running(leak))
