"""The processor time that a guest has had: what its processes on this machine have used.

The guest's own clock goes on while a busy host lets it wait, so it does not tell how much a guest could do.
"""

from __future__ import annotations

import contextlib

import psutil


class ProcessorTime:
    """Counts the processor time of a process and of those below it, which are looked for once."""

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
