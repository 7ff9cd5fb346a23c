"""`kmodlab shell`: the guest's own shell, in this terminal."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import struct
import sys
import termios
import threading
import tty
from collections.abc import Iterator
from pathlib import Path

import click

from kmodlab.cli.console import ERR
from kmodlab.cli.module_options import kernel_option
from kmodlab.errors import UsageError
from kmodlab.files import MIB, read_regular
from kmodlab.guest.machine import Machine
from kmodlab.guest.own_lab import choose_lab
from kmodlab.guest.session import Session
from kmodlab.i18n import _
from kmodlab.settings import get_settings

_LARGEST = 64 * MIB  # of a file for the guest, and of a script


@click.command(
    help=_("""Open a shell in a fresh guest; FILES are put into its /root first.

You are root there, and nothing you do outlives the shell: leave with `exit` or Ctrl-D.
""")
)
@kernel_option
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
def shell(files: tuple[Path, ...], kernel: str) -> int:
    """Open a shell in a fresh guest; returns its exit status."""
    contents = {file: _read(file) for file in files}
    with Session(choose_lab(get_settings(), kernel)) as session:
        for file, content in contents.items():
            session.put(f"/root/{file.name}", content, file.stat().st_mode & 0o777)
        with _ended_by_signals():
            if not sys.stdin or not sys.stdin.isatty():
                return _run_script(session)
            words = _("Linux {release}, disposable. Leave with `exit`.").format(release=session.lab.tree.release)
            ERR.print(words, style="dim")
            return _interactive(session)


def _read(file: Path) -> bytes:
    content = read_regular(file, _LARGEST, follow=True)
    if len(content) > _LARGEST:
        raise UsageError(_("{path} is larger than {size} MiB.").format(path=file, size=_LARGEST // MIB))
    return content


def _run_script(session: Session) -> int:
    """Give standard input to a shell in the guest; returns its exit status."""
    script = sys.stdin.buffer.read(_LARGEST + 1) if sys.stdin else b""
    if len(script) > _LARGEST:
        raise UsageError(_("The script is larger than {size} MiB.").format(size=_LARGEST // MIB))
    return session.run(["sh"], stdin=script, timeout_s=3600, on_output=lambda _stream, data: _write(data)).status


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """A context that a signal leaves as an exception, so that the terminal is restored and the guest ended."""

    def end(number: int, _frame: object) -> None:
        if number == signal.SIGPIPE:
            raise BrokenPipeError
        raise SystemExit(128 + number)

    numbers = (signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE)
    previous = [signal.signal(number, end) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, previous, strict=True):
            signal.signal(number, handler)


def _write(data: bytes) -> None:
    """Write output of the guest. If nobody reads it any more, the main thread hears of it: this one is the guest's."""
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        os.kill(os.getpid(), signal.SIGPIPE)


def _interactive(session: Session) -> int:
    keys: asyncio.Queue[tuple[bytes, bytes]] = asyncio.Queue()
    loops: list[asyncio.AbstractEventLoop] = []

    async def work(machine: Machine) -> int:
        loops.append(asyncio.get_running_loop())
        threading.Thread(target=_read_keys, args=(loops[0], keys), daemon=True).start()
        _send_size(loops[0], keys)
        return await machine.until_end(machine.agent.terminal(["sh", "-l"], keys, lambda _stream, data: _write(data)))

    def resized(*_signal: object) -> None:
        if loops:
            _send_size(loops[0], keys)

    previous = signal.signal(signal.SIGWINCH, resized)
    try:
        with _raw_terminal():
            return session.with_machine(work)
    finally:
        signal.signal(signal.SIGWINCH, previous)


@contextlib.contextmanager
def _raw_terminal() -> Iterator[None]:
    """A context in which every key goes to the guest, Ctrl-C included; the terminal is restored afterwards."""
    try:
        saved = termios.tcgetattr(sys.stdin)
    except termios.error as exc:
        raise UsageError(_("This is not a terminal.")) from exc
    tty.setraw(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, saved)


def _read_keys(loop: asyncio.AbstractEventLoop, keys: asyncio.Queue[tuple[bytes, bytes]]) -> None:
    while data := os.read(sys.stdin.fileno(), 4096):
        loop.call_soon_threadsafe(keys.put_nowait, (b"I", data))


def _send_size(loop: asyncio.AbstractEventLoop, keys: asyncio.Queue[tuple[bytes, bytes]]) -> None:
    columns, rows = shutil.get_terminal_size()
    loop.call_soon_threadsafe(keys.put_nowait, (b"Z", struct.pack("<HH", rows, columns)))
