"""A console: `kmodlab shell --attach` on a terminal, in the guest of a notebook that runs cells."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from cells import Run

from kmodlab.guest import attach

pytestmark = pytest.mark.lab
ATTACH = [sys.executable, "-m", "kmodlab", "shell", "--attach"]


class Terminal:
    """A terminal with a shell that is attached to this process's guest."""

    def __init__(self) -> None:
        self.end, theirs = pty.openpty()
        argv = [*ATTACH, str(os.getpid())]
        self.child = subprocess.Popen(argv, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
        os.close(theirs)
        self.unread = b""

    def type(self, keys: str) -> None:
        os.write(self.end, keys.encode())

    def read_until(self, wanted: str) -> str:
        """What appears up to the wanted text; what comes after it, in the same read, is left for the next call."""
        while wanted.encode() not in self.unread:
            assert select.select([self.end], [], [], 300)[0], self.unread
            self.unread += os.read(self.end, 4096)
        end = self.unread.index(wanted.encode()) + len(wanted.encode())
        seen, self.unread = self.unread[:end], self.unread[end:]
        return seen.decode()


@contextmanager
def attached() -> Iterator[Terminal]:
    terminal = Terminal()
    try:
        terminal.read_until("guest # ")
        yield terminal
    finally:
        terminal.child.kill()
        terminal.child.wait()
        os.close(terminal.end)


def test_console_and_cells_share_a_guest_and_do_not_wait_for_each_other(run: Run) -> None:
    run("%guest touch /root/by-cell")
    with attached() as terminal:
        terminal.type("ls /root; touch /root/by-console\n")
        terminal.read_until("by-cell")
        terminal.type("echo it sle''eps; sleep 1000\n")
        terminal.read_until("it sleeps")
        assert "by-console" in run("%guest ls /root").stdout
        terminal.type("\x03")
        terminal.read_until("guest # ")
        terminal.type("exit 6\n")
        assert terminal.child.wait(30) == 6
    assert "by-console" in run("%guest ls /root").stdout


def test_a_console_gets_the_next_guest_and_the_next_cell_hears_of_a_crash(run: Run) -> None:
    run("%guest touch /root/by-cell")
    with attached() as terminal:
        run("%reset_guest")
        terminal.read_until("Press Enter for a fresh guest.")
        terminal.type("\r")
        terminal.read_until("guest # ")
        terminal.type("ls /root | wc -l; echo c >/proc/sysrq-trigger\n")
        terminal.read_until("\n0\r")
        terminal.read_until("panicked. Press Enter for a fresh guest.")
        terminal.type("\r")
        terminal.read_until("guest # ")
        assert "The guest ended by itself since the last command" in run("%guest true").text
        terminal.type("kill -9 $$\n")
        terminal.read_until("Press Enter for another one.")
        terminal.type("\r")
        terminal.read_until("guest # ")


def test_a_terminal_that_is_closed_leaves_no_shell_in_the_guest(run: Run) -> None:
    with attached() as terminal:
        terminal.type("sleep 1234\n")
        terminal.read_until("1234")
    run("%guest while pidof sleep; do usleep 100000; done")
    processes = run("%guest ps").stdout
    assert " ps\n" in processes and " sh -l\n" not in processes


def test_a_notebook_of_another_user_is_not_attached_to(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run("%guest true")
    assert os.getpid() in [guest.pid for guest in attach.attachable_guests()]
    monkeypatch.setattr(attach.os, "getuid", lambda: 4711)  # type: ignore[attr-defined]
    done = subprocess.run([*ATTACH, str(os.getpid())], capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 2 and "No " in done.stderr
    assert attach.attachable_guests() == []
