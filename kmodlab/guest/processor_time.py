"""The processor time that a guest has had: the time that QEMU's processes on this machine have used.

Clock time passes while a guest waits for a processor of a busy host, so it does not tell how much the guest could do.
"""

from __future__ import annotations

import contextlib

import psutil


class ProcessorTime:
    """Counts the processor time of a process and of its descendants, which are determined once."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._processes: list[psutil.Process] = []

    @property
    def seconds(self) -> float:
        """The time used so far; 0 if the processes have ended."""
        with contextlib.suppress(psutil.Error):
            if not self._processes:
                parent = psutil.Process(self._pid)
                self._processes = [parent, *parent.children(recursive=True)]
            times = [process.cpu_times() for process in self._processes]
            return sum(float(time.user + time.system) for time in times)
        return 0.0
