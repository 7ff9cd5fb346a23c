"""Examines processes from outside, for tests which assert that no process is left."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable

import psutil


def descendants(process: psutil.Process) -> list[psutil.Process]:
    """All descendants of a process; empty if it has ended."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.children(recursive=True)
    return []


def is_qemu(process: psutil.Process) -> bool:
    """Whether a process is a QEMU; False if it has ended."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return bool(process.name().startswith("qemu"))
    return False


def is_grading_worker(process: psutil.Process) -> bool:
    """Whether a process is a worker of the grader's; False if it has ended or is ending."""
    with contextlib.suppress(psutil.Error):
        return "kmodlab.grading.worker" in process.cmdline()
    return False


def qemus_below(process: psutil.Process) -> list[psutil.Process]:
    """The QEMU processes among a process's descendants, also those inside sandboxes."""
    return [child for child in descendants(process) if is_qemu(child)]


def is_alive(process: psutil.Process) -> bool:
    """Whether a process still runs; False for a zombie."""
    with contextlib.suppress(psutil.Error, OSError):
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    return False


def wait_until_gone(processes: Iterable[psutil.Process]) -> None:
    """Assert that all processes end soon; the time limit is generous, because normally they end at once.

    Not with psutil.wait_procs, which raises if a process's id now belongs to a thread.
    """
    ends = time.monotonic() + 30
    alive = list(processes)
    while (alive := [process for process in alive if is_alive(process)]) and time.monotonic() < ends:
        time.sleep(0.02)
    assert not alive, alive
