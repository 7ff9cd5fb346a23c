"""`kmodlab shell`: the shell of a guest, in this terminal: of a fresh one, or of a notebook's."""

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
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from kmodlab.cli.console import ERR
from kmodlab.cli.module_options import kernel_option
from kmodlab.errors import UsageError
from kmodlab.files import MIB, read_regular
from kmodlab.guest.attach import AttachableGuest, Keys, attachable_guests, run_shell
from kmodlab.guest.own_lab import choose_lab
from kmodlab.guest.session import Session
from kmodlab.i18n import _
from kmodlab.process import run_sync, submit
from kmodlab.settings import get_settings
from kmodlab.text import escape_control_chars

_LARGEST = 64 * MIB  # size limit of a file for the guest, and of a script
_ONLY = "-"  # the value of --attach without an argument


@click.command(
    help=_("""Open a shell in a fresh guest; FILES are put into its /root first.

You are root there, and nothing you do outlives the shell: leave with `exit` or Ctrl-D.

With --attach the shell runs in the guest of a notebook that is open now. Notebook and shell see the same modules, files
and kernel log.
""")
)
@kernel_option
@click.option(
    "--attach",
    metavar="[NOTEBOOK]",
    is_flag=False,
    flag_value=_ONLY,
    help=_("Use the guest of an open notebook: its file name or process ID, or nothing if only one is open."),
)
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
def shell(files: tuple[Path, ...], kernel: str, attach: str | None) -> int:
    """Open a shell in a guest; returns its exit status."""
    if attach is not None:
        if files:
            raise UsageError(_("With --attach, no files are put into the guest."))
        return _attach(_choose(attach))
    contents = {file: _read(file) for file in files}
    with Session(choose_lab(get_settings(), kernel)) as session:
        for file, content in contents.items():
            session.put(f"/root/{file.name}", content, file.stat().st_mode & 0o777)
        with _ended_by_signals():
            if not sys.stdin or not sys.stdin.isatty():
                return _run_script(session)
            words = _("Linux {release}, disposable. Leave with `exit`.").format(release=session.lab.tree.release)
            ERR.print(words, style="dim")
            return _with_keys(lambda keys: session.with_machine(lambda machine: run_shell(machine, keys, _write)))


def _choose(wanted: str) -> AttachableGuest:
    """The notebook's guest that `--attach` names. Raises: UsageError, with a list of the open notebooks."""
    guests = attachable_guests()
    if not guests:
        raise UsageError(
            _("No notebook of yours that uses kmodlab is open."),
            hint=_("Without --attach, the shell gets a guest of its own."),
        )
    chosen = [guest for guest in guests if wanted in (_ONLY, guest.title, Path(guest.title).stem, str(guest.pid))]
    if len(chosen) == 1:
        return chosen[0]
    names = ", ".join(f"{guest.pid} ({guest.title})" for guest in guests)
    several = _("More than one notebook is open.") if chosen else _("No such notebook is open.")
    raise UsageError(several, hint=_("Choose with --attach: {names}.").format(names=names))


def _attach(guest: AttachableGuest) -> int:
    if not sys.stdin or not sys.stdin.isatty():
        raise UsageError(_("--attach needs a terminal."))
    title = escape_control_chars(guest.title)
    ERR.print(_("The guest of {title}. Leave with `exit`; the guest goes on.").format(title=title), style="dim")
    _write(
        f"\033]0;{_('Console: {title}').format(title=title)}\a".encode()
    )  # the terminal's title (xterm's "Operating System Commands")
    with _ended_by_signals():
        return _with_keys(lambda keys: run_sync(guest.attach(keys, _write)))


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
    """Write output of the guest. If the reader has closed it, interrupt the main thread; this is the I/O thread."""
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        os.kill(os.getpid(), signal.SIGPIPE)


def _with_keys(run: Callable[[Keys], int]) -> int:
    """Run a shell that gets the keys pressed in this terminal, and its size; returns the shell's exit status."""
    keys: Keys = asyncio.Queue()

    async def send(kind: bytes, data: bytes) -> None:
        keys.put_nowait((kind, data))

    def send_size(*_signal: object) -> None:
        columns, rows = shutil.get_terminal_size()
        submit(send(b"Z", struct.pack("<HH", rows, columns)))

    def read_keys() -> None:
        while data := os.read(sys.stdin.fileno(), 4096):
            submit(send(b"I", data))

    previous = signal.signal(signal.SIGWINCH, send_size)
    try:
        with _raw_terminal():
            send_size()
            threading.Thread(target=read_keys, daemon=True).start()
            return run(keys)
    finally:
        signal.signal(signal.SIGWINCH, previous)


@contextlib.contextmanager
def _raw_terminal() -> Iterator[None]:
    """A context in which every key goes to the guest, Ctrl-C included; the terminal is restored afterwards."""
    saved = termios.tcgetattr(sys.stdin)
    tty.setraw(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, saved)
