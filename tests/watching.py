"""Looking at processes from outside, for tests that check that none is left."""

from __future__ import annotations

import contextlib

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


def qemus_below(process: psutil.Process) -> list[psutil.Process]:
    """The QEMU processes below a process, which may be inside their sandboxes' processes."""
    return [one for one in descendants(process) if is_qemu(one)]


def wait_until_gone(processes: list[psutil.Process]) -> None:
    """Fails unless all of them end soon; the bound is generous, a good run is over at once."""
    _, alive = psutil.wait_procs(processes, timeout=30)
    assert not alive, alive
