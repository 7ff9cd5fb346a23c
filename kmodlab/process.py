"""Child processes: started, streamed and stopped, each with a deadline. Only this file uses subprocess.

No child outlives this process, not even after SIGKILL: each is started through `setpriv --pdeathsig`, and holds a
lifeline (below) as well. One thread, which lives as long as this process, starts all of them, because a parent-death
signal is sent when the *thread* that started the child ends (prctl(2)). Each child has a session of its own, so that
Ctrl-C in a notebook cell reaches only this process, and the child's whole process group can be killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from kmodlab.errors import SetupError
from kmodlab.i18n import _

T = TypeVar("T")

_CHUNK = 1 << 16


@dataclass(frozen=True)
class Deadline:
    """A point in time that all waits of one action share; `Deadline.after(seconds)` makes one."""

    at_s: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """The deadline `seconds` from now, on the monotonic clock."""
        return cls(time.monotonic() + seconds)

    @property
    def left_s(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self.at_s - time.monotonic())

    @property
    def expired(self) -> bool:
        """Whether no time is left."""
        return self.left_s == 0.0


# ---- the thread that owns the children -----------------------------------------------------------------------------


class _Owner:
    """The event loop and its thread, and the pipe that all children hold; each is made at its first use."""

    def __init__(self) -> None:
        self._lock = threading.RLock()  # reentrant, because a signal handler may interrupt its own thread here
        self._loop: asyncio.AbstractEventLoop | None = None
        self.pipe: tuple[int, int] | None = None  # reading and writing end
        self.watcher: subprocess.Popen[bytes] | None = None  # kept: Popen warns if it is collected while it runs

    def loop(self) -> asyncio.AbstractEventLoop:
        with self._lock:  # several threads may call this at the same time
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._loop.run_forever, name="kmodlab-io", daemon=True).start()
            return self._loop


_owner = _Owner()


def _loop() -> asyncio.AbstractEventLoop:
    return _owner.loop()


def _forget_after_fork() -> None:
    """Start without children in a forked process: they belong to the parent, and the I/O thread does not exist here."""
    global _owner
    inherited, _owner = _owner, _Owner()
    for end in inherited.pipe or ():
        os.close(end)  # the watcher waits until nobody holds the writing end
    if inherited.watcher:
        inherited.watcher.returncode = 0  # the parent waits for it, not this process


os.register_at_fork(after_in_child=_forget_after_fork)


def run_sync(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on the I/O thread and return its result; an interrupt cancels it and waits for its clean-up."""
    future = asyncio.run_coroutine_threadsafe(work, _loop())
    try:
        return future.result()
    except BaseException:
        if not future.done():
            done = threading.Event()
            _loop().call_soon_threadsafe(_cancel_then, future, done)
            done.wait(10)
        raise


def _cancel_then(future: Any, done: threading.Event) -> None:
    future.cancel()
    # The cancelled task unwinds in the loop's next turns; give its `finally` blocks time to end their children.
    _loop().create_task(_settle(done))


async def _settle(done: threading.Event) -> None:
    await asyncio.sleep(0)
    pending = [task for task in asyncio.all_tasks() if task.cancelling() and task is not asyncio.current_task()]
    if pending:
        await asyncio.wait(pending, timeout=9)
    done.set()


def submit(work: Coroutine[Any, Any, T]) -> Any:
    """Start a coroutine on the I/O thread without waiting; returns a `concurrent.futures.Future`."""
    return asyncio.run_coroutine_threadsafe(work, _loop())


# ---- one child -----------------------------------------------------------------------------------------------------


def owned_argv(argv: Sequence[str]) -> list[str]:
    """The command line for a child that dies with this process (setpriv is in Debian's essential util-linux)."""
    return ["setpriv", "--pdeathsig", "KILL", "--", *argv]


# A process whose parent has died before it asks for the parent-death signal never gets one, which may happen to any of
# the programs between this process and QEMU. So all children also hold the reading end of one pipe, whose other end
# only this process has. When that closes, this script kills all processes that hold the pipe. It stops after ten scans
# that find none: during a scan, a process that was not yet scanned may start another, which the scan misses, and end.
_WATCH = """
read -r _
exec </dev/null
holders() { find /proc/[0-9]*/fd -maxdepth 1 -lname "pipe:\\[$1\\]" 2>/dev/null | cut -d/ -f3 | sort -u; }
empty=0
while [ $empty -lt 10 ]; do
    pids=$(holders "$1")
    if [ "$pids" ]; then
        kill -s KILL $pids
        empty=0
    fi
    empty=$((empty + 1))
    sleep 0.05
done
"""


def _lifeline() -> int:
    """The reading end of the pipe; its watcher is started before the first child. Used on the I/O thread only."""
    if _owner.pipe is None:
        reading_end, writing_end = os.pipe()  # children inherit only descriptors that are passed explicitly
        inode = str(os.fstat(reading_end).st_ino)
        quiet = subprocess.DEVNULL
        _owner.watcher = subprocess.Popen(
            ["/bin/sh", "-c", _WATCH, "watch", inode],
            stdin=reading_end,
            stdout=quiet,
            stderr=quiet,
            start_new_session=True,
        )
        _owner.pipe = reading_end, writing_end
    return _owner.pipe[0]


async def start(
    argv: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    environment: dict[str, str] | None = None,
    pass_fds: Sequence[int] = (),
    stdin: int = asyncio.subprocess.DEVNULL,
    stdout: int = asyncio.subprocess.PIPE,
    stderr: int = asyncio.subprocess.PIPE,
) -> asyncio.subprocess.Process:
    """Start a child in a session of its own, which dies with this process.

    `environment` None means the environment of this process, with the locale C.UTF-8.

    Raises:
        SetupError: The command is not installed.
    """
    words = [str(word) for word in argv]
    if shutil.which(words[0]) is None:
        raise SetupError(
            _("The command {command} is not installed.").format(command=words[0]),
            hint=_("Run `kmodlab doctor` to see what to install."),
        )
    if environment is None:
        words = ["env", "LC_ALL=C.UTF-8", *words]
    return await asyncio.create_subprocess_exec(
        *owned_argv(words),
        cwd=cwd,
        env=environment,
        pass_fds=(*pass_fds, _lifeline()),
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        start_new_session=True,
    )


async def stop(child: asyncio.subprocess.Process, *, grace_s: float = 0.0) -> None:
    """Kill a child's whole process group and reap it; with a grace period, SIGTERM comes before SIGKILL."""
    if child.returncode is None and grace_s:
        _signal_group(child, signal.SIGTERM)
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(_exited(child), grace_s)
    _signal_group(child, signal.SIGKILL)
    await _exited(child)


async def _exited(child: asyncio.subprocess.Process) -> None:
    """Wait until a child is reaped.

    `child.wait()` returns only when its pipes are closed too, and a process that the child left behind may hold them
    open forever.
    """
    while child.returncode is None:
        await asyncio.sleep(0.002)


def _signal_group(child: asyncio.subprocess.Process, number: signal.Signals) -> None:
    # After the child has been reaped, its id may belong to another process.
    if child.returncode is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, number)


# ---- a command from start to end -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class CompletedProcess:
    """A command that has ended. `status` is the exit status, or minus the signal that ended it."""

    argv: tuple[str, ...]
    status: int
    stdout: bytes = b""
    stderr: bytes = b""
    timed_out: bool = False
    output_truncated: bool = False

    @property
    def ok(self) -> bool:
        """Whether it ended by itself with status 0, and all its output was kept."""
        return self.status == 0 and not self.timed_out and not self.output_truncated

    @property
    def text(self) -> str:
        """Stdout and stderr, decoded, for a message."""
        return (self.stdout + self.stderr).decode("utf-8", "replace")


@dataclass
class _Sink:
    """Collects a stream up to a limit (in bytes), and sets an event when the stream exceeds it."""

    limit: int
    limit_exceeded: asyncio.Event
    on_output: Callable[[bytes], None] | None
    chunks: list[bytes] = field(default_factory=list)
    size: int = 0

    async def drain(self, stream: asyncio.StreamReader | None) -> None:
        while stream and (chunk := await stream.read(_CHUNK)):
            room = max(0, self.limit - self.size)
            self.chunks.append(chunk[:room])
            self.size += len(chunk)
            if self.on_output:
                self.on_output(chunk[:room])
            if self.size > self.limit:
                # Continue to read and discard, because the child has ended only when its pipes have.
                self.limit_exceeded.set()


async def run_async(
    argv: Sequence[str | Path],
    *,
    deadline: Deadline,
    stdin: bytes = b"",
    cwd: Path | None = None,
    environment: dict[str, str] | None = None,
    pass_fds: Sequence[int] = (),
    merge: bool = False,
    output_limit: int = 1 << 24,
    on_output: Callable[[bytes], None] | None = None,
    watch: Callable[[int], Coroutine[Any, Any, None]] | None = None,
) -> CompletedProcess:
    """Run a command to its end, its deadline or its output limit (bytes per stream), whichever comes first.

    `merge` puts stderr into stdout, in the order written. `on_output` gets each chunk of stdout as it comes.
    `watch(pid)` runs beside the child; when that coroutine returns, the child is killed.
    """
    pipe = asyncio.subprocess.PIPE
    child = await start(
        argv,
        cwd=cwd,
        environment=environment,
        pass_fds=pass_fds,
        stdin=pipe if stdin else asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.STDOUT if merge else pipe,
    )
    limit_exceeded = asyncio.Event()
    out, err = _Sink(output_limit, limit_exceeded, on_output), _Sink(output_limit, limit_exceeded, None)
    tasks = [asyncio.create_task(out.drain(child.stdout)), asyncio.create_task(err.drain(child.stderr))]
    if stdin:
        tasks.append(asyncio.create_task(_feed(child, stdin)))
    guards = [asyncio.create_task(limit_exceeded.wait())] + ([asyncio.create_task(watch(child.pid))] if watch else [])
    ended = asyncio.gather(*tasks, child.wait())
    try:
        await asyncio.wait({ended, *guards}, timeout=deadline.left_s, return_when=asyncio.FIRST_COMPLETED)
        timed_out = not ended.done() and not any(guard.done() for guard in guards)
    finally:
        await _unwind(child, [ended, *guards])
    words = tuple(str(word) for word in argv)
    status = child.returncode if child.returncode is not None else -int(signal.SIGKILL)
    return CompletedProcess(
        words, status, b"".join(out.chunks), b"".join(err.chunks), timed_out, limit_exceeded.is_set()
    )


async def _unwind(child: asyncio.subprocess.Process, futures: list[asyncio.Future[Any]]) -> None:
    await stop(child)
    for future in futures:
        future.cancel()
    await asyncio.gather(*futures, return_exceptions=True)
    # Our ends of the pipes are still open if another process holds the other ends. No public method closes them.
    child._transport.close()  # type: ignore[attr-defined]


async def _feed(child: asyncio.subprocess.Process, data: bytes) -> None:
    assert child.stdin is not None
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        child.stdin.write(data)
        await child.stdin.drain()
        child.stdin.close()


def run(argv: Sequence[str | Path], *, timeout_s: float, **options: Any) -> CompletedProcess:
    """Run a command and wait for its end, with the options of `run_async`; not for use on the I/O thread."""
    return run_sync(run_async(argv, deadline=Deadline.after(timeout_s), **options))


def check_run(argv: Sequence[str | Path], *, timeout_s: float, **options: Any) -> CompletedProcess:
    """Run a command that must succeed.

    Raises:
        SetupError: It failed or did not end in time; the message has the last line of its output.
    """
    process = run(argv, timeout_s=timeout_s, **options)
    if process.ok:
        return process
    line = (process.text.strip().splitlines() or [""])[-1].rstrip(": ")
    if process.timed_out:
        with_line = _("{command} did not end within {seconds:.0f} s: {line}.")
        sentence = with_line if line else _("{command} did not end within {seconds:.0f} s.")
    else:
        with_line = _("{command} failed (status {status}): {line}.")
        sentence = with_line if line else _("{command} failed (status {status}).")
    name = Path(argv[0]).name
    sentence = sentence.format(command=name, seconds=timeout_s, status=process.status, line=line)
    raise SetupError(sentence, details=process.text)
