"""Watches a box from outside: memory of all its processes together, their number, its files, what it prints.

The kernel bounds each process by itself; only somebody outside can add them up.
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
_LAST_WORDS_S = 1.0
_OURS = 8  # processes of the box itself


class Overrun(StrEnum):
    """The limit that a box went beyond."""

    MEMORY = "memory"
    PROCESSES = "processes"
    DISK = "disk"
    OUTPUT = "output"


class Guard:
    """Counts what a box uses. Give `count` to `run_async` as `on_output`, and `watch` as `watch`.

    `rooms` are the places of the box's own folders, or `folder` is what stands for them where there is no real box.
    `overrun` says afterwards which limit ended it, or None.
    """

    def __init__(self, limits: Limits, *, rooms: Sequence[str] = (), folder: Path | None = None) -> None:
        self.overrun: Overrun | None = None
        self._limits, self._rooms, self._folder = limits, rooms, folder
        self._printed = 0

    def count(self, chunk: bytes) -> None:
        """Add up what the box prints."""
        self._printed += len(chunk)

    async def watch(self, pid: int) -> None:
        """Return as soon as the processes below `pid` go beyond a limit, or soon after `pid` is no more."""
        with contextlib.suppress(psutil.Error):
            parent = psutil.Process(pid)
            while parent.status() != psutil.STATUS_ZOMBIE:
                await asyncio.sleep(_INTERVAL_S)
                self.overrun = self._look(parent.children(recursive=True))
                if self.overrun:
                    return
        # What it printed last is still on its way; but a process that it left behind may hold the pipe for ever.
        await asyncio.sleep(_LAST_WORDS_S)

    def _look(self, processes: list[psutil.Process]) -> Overrun | None:
        if self._printed > self._limits.output_mib * MIB:
            return Overrun.OUTPUT
        if len(processes) > self._limits.processes + _OURS:
            return Overrun.PROCESSES
        if sum(map(_resident, processes)) > self._limits.memory_mib * MIB:
            return Overrun.MEMORY
        files, size = (
            _folder_use(self._folder, self._limits.files) if self._folder else (_file_count(processes, self._rooms), 0)
        )
        if files > self._limits.files or size > self._limits.disk_mib * MIB:
            return Overrun.DISK
        return None


def _resident(process: psutil.Process) -> int:
    with contextlib.suppress(psutil.Error):
        return int(process.memory_info().rss)
    return 0


def _file_count(processes: Iterable[psutil.Process], rooms: Sequence[str]) -> int:
    """Files in a box's rooms, seen through one of its processes; their inodes are memory that no size limit counts."""
    for process in processes:
        with contextlib.suppress(OSError):
            inside = [Path(f"/proc/{process.pid}/root{room}") for room in rooms]
            if any(path.stat().st_dev == _device(room) for path, room in zip(inside, rooms, strict=True)):
                return 0  # bubblewrap is not that far yet, and these are the host's
            return sum(seen.f_files - seen.f_ffree for seen in map(os.statvfs, inside))
    return 0


def _device(room: str) -> int | None:
    return Path(room).stat().st_dev if Path(room).exists() else None


def _folder_use(folder: Path, most: int) -> tuple[int, int]:
    """Files below a folder, and their size in bytes on disk; counting ends soon after `most` files."""
    count = size = 0
    for path, folders, files in os.walk(folder):
        for name in (*folders, *files):
            count += 1
            with contextlib.suppress(OSError):
                size += Path(path, name).lstat().st_blocks * 512
            if count > most:
                return count, size
    return count, size
