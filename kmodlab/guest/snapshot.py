"""Snapshots: a guest boots once, its memory and device state are saved, and many guests resume from them.

The memory is loaded once per process into a sealed memfd, which every guest maps privately: no guest, and no
compromised QEMU, can alter it for the next guest. With the capability "x-ignore-shared" (QEMU's docs/devel/migration),
memory that is shared through a file is not written into the state.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import threading
import time
import zlib
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

from qemu.qmp import QMPError

from kmodlab.errors import DamagedLabError, GuestError, SetupError
from kmodlab.files import MIB, read_file
from kmodlab.guest.machine import Hardware, Machine
from kmodlab.guest.qemu import MEMORY_MIB
from kmodlab.i18n import _
from kmodlab.process import Deadline

_MEMORY_SIZE = MEMORY_MIB * MIB
_BLOCK = MIB
_IGNORE_SHARED = {"capabilities": [{"capability": "x-ignore-shared", "state": True}]}
# Runs before the snapshot is taken, so that kmod, its libraries and the shell are in the page cache.
_WARM_UP = "lsmod && modinfo squashfs && modprobe --show-depends usb_storage && insmod /none; dmesg -n 7; sync"
# A kernel calibrates the TSC in the background, and logs a message when it is done (arch/x86/kernel/tsc.c,
# tsc_refine_calibration_work). After that, this message is in no later log.
SETTLE = """
clock=/sys/devices/system/clocksource/clocksource0/current_clocksource
for i in $(seq 100); do case $(cat $clock) in *-early) sleep 0.05 ;; *) break ;; esac; done
"""


@dataclass(frozen=True)
class Snapshot:
    """A saved guest: the folder with `ram` (sparse) and `state`, and the checksums (CRC-32) of both."""

    folder: Path
    ram_crc: int
    state_crc: int


def load_snapshot(folder: Path) -> Snapshot:
    """Read a snapshot's folder. Raises: SetupError if it is damaged."""
    try:
        snapshot = Snapshot(folder, **json.loads(read_file(folder / "snapshot.json")))
        damaged = zlib.crc32(read_file(folder / "state")) != snapshot.state_crc
    except (OSError, ValueError, TypeError):
        damaged = True
    if damaged:
        raise _damaged_error(folder)
    return snapshot


def _damaged_error(folder: Path) -> DamagedLabError:
    return DamagedLabError(folder, _("The lab's snapshot is damaged."))


async def take_snapshot(hardware: Hardware, kernel: Path, initramfs: Path, into: Path, deadline: Deadline) -> Snapshot:
    """Boot a guest, wait for its agent, and save it in the folder `into`. Raises: GuestError, SetupError."""
    state = os.memfd_create("kmodlab-state", os.MFD_CLOEXEC)
    try:
        async with _booted(hardware, kernel, initramfs, deadline) as (machine, ram):
            await machine.execute(["sh", "-c", _WARM_UP + SETTLE], deadline)
            await machine.agent.log()  # so that a fork's first request for the log returns only the fork's records
            await _save_state(machine, state, deadline)
            return _write(into, ram, state)
    finally:
        os.close(state)


async def boot_once(hardware: Hardware, kernel: Path, initramfs: Path, timeout_s: float = 300.0) -> float:
    """Boot a guest and end it when its agent answers; returns the seconds from power-on to the answer."""
    began = time.perf_counter()
    async with _booted(hardware, kernel, initramfs, Deadline.after(timeout_s)):
        return time.perf_counter() - began


async def boot(
    hardware: Hardware, kernel: Path, initramfs: Path, options: Sequence[str], deadline: Deadline
) -> Machine:
    """Boot a guest, with more options for its kernel, and wait until its agent answers. Raises: GuestError."""
    ram = _new_ram()
    try:
        machine = await Machine.launch(
            hardware, ram=ram, kernel=kernel, initramfs=initramfs, options=options, deadline=deadline
        )
    finally:
        os.close(ram)  # QEMU has mapped it
    try:
        await machine.greet(deadline)
    except BaseException:
        await machine.stop()
        raise
    return machine


@contextlib.asynccontextmanager
async def _booted(
    hardware: Hardware, kernel: Path, initramfs: Path, deadline: Deadline
) -> AsyncIterator[tuple[Machine, int]]:
    """A context with a booted guest whose agent answers, and the descriptor of its memory."""
    ram = _new_ram()
    try:
        machine = await Machine.launch(hardware, ram=ram, kernel=kernel, initramfs=initramfs, deadline=deadline)
        try:
            await machine.greet(deadline)
            yield machine, ram
        finally:
            await machine.stop()
    finally:
        os.close(ram)


def _new_ram() -> int:
    ram = os.memfd_create("kmodlab-ram", os.MFD_CLOEXEC)
    os.ftruncate(ram, _MEMORY_SIZE)
    let_others_open(ram)
    return ram


async def _save_state(machine: Machine, state: int, deadline: Deadline) -> None:
    monitor = machine.monitor
    # The migration stops the guest. If we stopped it before, it would not run after a resume.
    await monitor.execute("migrate-set-capabilities", _IGNORE_SHARED)
    await _hand_over(machine, state)
    await monitor.execute("migrate", {"uri": "fd:state"})
    while (status := await _migration_status(machine)) != "completed":
        if status == "failed" or deadline.expired:
            raise SetupError(_("QEMU could not save the guest (migration {status}).").format(status=status))
        await asyncio.sleep(0.01)


async def _migration_status(machine: Machine) -> str:
    answer = cast(dict[str, Any], await machine.monitor.execute("query-migrate"))
    return str(answer["status"])


async def _hand_over(machine: Machine, state: int) -> None:
    """Pass QEMU the state's descriptor; `exec:` would start a process, which QEMU's sandbox denies."""
    machine.monitor.send_fd_scm(state)
    await machine.monitor.execute("getfd", {"fdname": "state"})


def _write(folder: Path, ram: int, state: int) -> Snapshot:
    state_bytes = os.pread(state, os.fstat(state).st_size, 0)
    (folder / "state").write_bytes(state_bytes)
    crc = 0
    with (folder / "ram").open("wb") as file:
        file.truncate(_MEMORY_SIZE)
        for offset, block in _blocks(ram):
            crc = zlib.crc32(block, crc)
            file.seek(offset)
            file.write(block)
    snapshot = Snapshot(folder, ram_crc=crc, state_crc=zlib.crc32(state_bytes))
    fields = {name: value for name, value in asdict(snapshot).items() if name != "folder"}
    (folder / "snapshot.json").write_text(json.dumps(fields))
    return snapshot


def _blocks(descriptor: int) -> Iterator[tuple[int, bytes]]:
    """The blocks of a file that are not all zeros: offset and bytes."""
    zero = bytes(_BLOCK)
    for offset in range(0, _MEMORY_SIZE, _BLOCK):
        block = os.pread(descriptor, _BLOCK, offset)
        if block != zero:
            yield offset, block


_rams: dict[Snapshot, int] = {}
_rams_lock = threading.Lock()


def get_ram(snapshot: Snapshot) -> int:
    """The descriptor of the snapshot's memory, shared by all guests of this process and never closed."""
    with _rams_lock:
        if snapshot not in _rams:
            _rams[snapshot] = load_ram(snapshot)
        return _rams[snapshot]


def load_ram(snapshot: Snapshot) -> int:
    """A sealed memfd with the snapshot's memory, which the caller closes. Raises: SetupError if it is damaged."""
    ram = os.memfd_create("kmodlab-ram", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        os.ftruncate(ram, _MEMORY_SIZE)
        if _copy_ram(snapshot.folder / "ram", ram) != snapshot.ram_crc:
            raise _damaged_error(snapshot.folder)
        let_others_open(ram)
        seals = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
        fcntl.fcntl(ram, fcntl.F_ADD_SEALS, seals)
    except BaseException:
        os.close(ram)
        raise
    return ram


def _copy_ram(path: Path, ram: int) -> int:
    """Copy a saved memory to the descriptor `ram`; returns its CRC-32, or -1 if unreadable or of another size."""
    try:
        saved = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return -1
    try:
        if os.fstat(saved).st_size != _MEMORY_SIZE:
            return -1
        crc = 0
        for offset, block in _blocks(saved):
            crc = zlib.crc32(block, crc)
            os.pwrite(ram, block, offset)
        return crc
    finally:
        os.close(saved)


def let_others_open(descriptor: int) -> None:
    """Let every user who has the descriptor open its file."""
    # QEMU opens the file again through /proc/self/fd, as another user. Only processes with the descriptor can reach it.
    os.fchmod(descriptor, 0o666)


async def resume(hardware: Hardware, snapshot: Snapshot, ram: int, deadline: Deadline) -> Machine:
    """Fork a fresh guest from the snapshot, and wait until its agent answers. Raises: GuestError."""
    try:
        state = os.open(snapshot.folder / "state", os.O_RDONLY | os.O_CLOEXEC)
    except OSError as exc:
        raise _damaged_error(snapshot.folder) from exc
    try:
        machine = await Machine.launch(hardware, ram=ram, deadline=deadline)
        try:
            await machine.monitor.execute("migrate-set-capabilities", _IGNORE_SHARED)
            await _hand_over(machine, state)
            with machine.monitor.listener(("RESUME",)) as resumed:
                await machine.monitor.execute("migrate-incoming", {"uri": "fd:state"})
                # Wait until the guest runs: input that reaches the port before would not wake the agent.
                await machine.ask(resumed.get(), deadline, _("The guest did not resume in time."))
            await machine.greet(deadline)
        except QMPError as exc:
            await machine.stop()
            raise GuestError(
                _("The snapshot could not be resumed: {error}.").format(error=exc),
                hint=_("It was made by another QEMU; `kmodlab setup` takes a new one."),
            ) from exc
        except BaseException:
            await machine.stop()
            raise
        return machine
    finally:
        os.close(state)
