"""Looking at processes from outside, for tests that check that none is left."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable

import psutil


def descendants(process: psutil.Process) -> list[psutil.Process]:
    """All processes below one; none when it is gone."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.children(recursive=True)
    return []


def is_qemu(process: psutil.Process) -> bool:
    """Whether it is a QEMU; what is gone is none."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return bool(process.name().startswith("qemu"))
    return False


def is_grading_worker(process: psutil.Process) -> bool:
    """Whether it is a worker of the grader's; what is gone, or ends just now, is none."""
    with contextlib.suppress(psutil.Error):
        return "kmodlab.grading.worker" in process.cmdline()
    return False


def qemus_below(process: psutil.Process) -> list[psutil.Process]:
    """The QEMU processes below a process, which may be inside their sandboxes' processes."""
    return [one for one in descendants(process) if is_qemu(one)]


def is_alive(process: psutil.Process) -> bool:
    """Whether it still runs; one that has ended and only waits for its parent to look does not."""
    with contextlib.suppress(psutil.Error, OSError):
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    return False


def wait_until_gone(processes: Iterable[psutil.Process]) -> None:
    """Fails unless all of them end soon; the bound is generous, a good run is over at once.

    Not by psutil.wait_procs: a process whose id is a thread's by now makes that raise.
    """
    ends = time.monotonic() + 30
    alive = list(processes)
    while (alive := [process for process in alive if is_alive(process)]) and time.monotonic() < ends:
        time.sleep(0.02)
    assert not alive, alive
