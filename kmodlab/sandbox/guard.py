"""Watches a box from outside: its processes and their total memory, its files and its output.

The kernel's own limits are for each process, not for all processes of a box together.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Iterable, Sequence
from enum import StrEnum
from pathlib import Path

import psutil

from kmodlab.files import MIB
from kmodlab.sandbox.limits import Limits

_INTERVAL_S = 0.1
_LAST_OUTPUT_S = 1.0
_BOX_PROCESSES = 8  # of bubblewrap, sh and the like


class Overrun(StrEnum):
    """The limit that a box exceeded."""

    MEMORY = "memory"
    PROCESSES = "processes"
    DISK = "disk"
    OUTPUT = "output"


class Guard:
    """Counts what a box uses. Pass `count` to `run_async` as `on_output`, and `watch` as `watch`.

    `tmpfs` are the paths of the box's own folders; without bubblewrap, they are in `folder`. Afterwards `overrun` is
    the limit that ended the box, or None.
    """

    def __init__(self, limits: Limits, *, tmpfs: Sequence[str] = (), folder: Path | None = None) -> None:
        self.overrun: Overrun | None = None
        self._limits, self._tmpfs, self._folder = limits, tmpfs, folder
        self._printed = 0

    def count(self, chunk: bytes) -> None:
        """Add a chunk to the box's output."""
        self._printed += len(chunk)

    async def watch(self, pid: int) -> None:
        """Return as soon as the processes below `pid` exceed a limit, or soon after `pid` has ended."""
        with contextlib.suppress(psutil.Error):
            parent = psutil.Process(pid)
            while parent.status() != psutil.STATUS_ZOMBIE:
                await asyncio.sleep(_INTERVAL_S)
                self.overrun = self._look(parent.children(recursive=True))
                if self.overrun:
                    return
        # The last output is still in the pipe. Do not wait for its end: a process left behind may keep the pipe open.
        await asyncio.sleep(_LAST_OUTPUT_S)

    def _look(self, processes: list[psutil.Process]) -> Overrun | None:
        if self._printed > self._limits.output_mib * MIB:
            return Overrun.OUTPUT
        if len(processes) > self._limits.processes + _BOX_PROCESSES:
            return Overrun.PROCESSES
        if sum(map(_resident, processes)) > self._limits.memory_mib * MIB:
            return Overrun.MEMORY
        files, size = (
            _folder_use(self._folder, self._limits.files) if self._folder else (_file_count(processes, self._tmpfs), 0)
        )
        if files > self._limits.files or size > self._limits.disk_mib * MIB:
            return Overrun.DISK
        return None


def _resident(process: psutil.Process) -> int:
    with contextlib.suppress(psutil.Error):
        return int(process.memory_info().rss)
    return 0


def _file_count(processes: Iterable[psutil.Process], tmpfs: Sequence[str]) -> int:
    """Number of files in a box's own folders, counted through /proc/PID/root of one of its processes.

    A limit on the size of a tmpfs does not count the memory of its inodes, so their number is limited.
    """
    for process in processes:
        with contextlib.suppress(OSError):
            inside = [Path(f"/proc/{process.pid}/root{folder}") for folder in tmpfs]
            if any(path.stat().st_dev == _device(folder) for path, folder in zip(inside, tmpfs, strict=True)):
                return 0  # bubblewrap has not mounted them yet: these are the host's folders
            return sum(usage.f_files - usage.f_ffree for usage in map(os.statvfs, inside))
    return 0


def _device(folder: str) -> int | None:
    return Path(folder).stat().st_dev if Path(folder).exists() else None


def _folder_use(folder: Path, most: int) -> tuple[int, int]:
    """Number of files below a folder, and their size in bytes on disk; counting ends soon after `most` files."""
    count = size = 0
    for path, folders, files in os.walk(folder):
        for name in (*folders, *files):
            count += 1
            with contextlib.suppress(OSError):
                size += Path(path, name).lstat().st_blocks * 512
            if count > most:
                return count, size
    return count, size
