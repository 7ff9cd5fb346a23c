"""The only user of subprocess: run, stream, stop, each with a deadline.

All child processes are started by one thread that lives as long as this process does, because a parent-death
signal fires when the *thread* that started the child ends. So no child outlives its owner, not even after SIGKILL:
each is started through `setpriv --pdeathsig`, and holds a lifeline besides. Each has a session of its own, so that a
Ctrl-C meant for a notebook cell reaches us and not the child, and the whole group can be killed.
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
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from kmodlab.errors import SetupError

T = TypeVar("T")

_CHUNK = 1 << 16


@dataclass(frozen=True)
class Deadline:
    """A point in time that every wait of one action shares; build it with `Deadline.after(seconds)`."""

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


@cache
def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="kmodlab-io", daemon=True).start()
    return loop


def run_sync(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on the I/O thread and wait for it; an interrupt cancels it and waits for its clean-up."""
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
    """The command line under which a child dies with this process (setpriv is in Debian's essential util-linux)."""
    return ["setpriv", "--pdeathsig", "KILL", "--", *argv]


# A parent-death signal is of no use to who asks for it when the parent is dead already, and each program between us and
# QEMU has such a moment. So all children also hold the reading end of one pipe, whose other end is ours alone; when
# that closes, this ends whoever still holds the pipe, until nobody does. It looks ten times more: while it looks from
# process to process, one that it has not come to may start another, which it did not know of, and die.
_WATCH = """
read -r _
exec </dev/null
holders() { find /proc/[0-9]*/fd -maxdepth 1 -lname "pipe:\\[$1\\]" 2>/dev/null | cut -d/ -f3 | sort -u; }
empty=0
while [ $empty -lt 10 ]; do
    found=$(holders "$1")
    if [ "$found" ]; then
        kill -s KILL $found
        empty=0
    fi
    empty=$((empty + 1))
    sleep 0.05
done
"""


@cache
def _lifeline() -> int:
    """The reading end of the pipe; who watches over it is started along with the first child."""
    theirs, _ours = os.pipe()  # both are closed in children, unless they are passed on
    inode = str(os.fstat(theirs).st_ino)
    quiet = subprocess.DEVNULL
    _watchers.append(
        subprocess.Popen(
            ["/bin/sh", "-c", _WATCH, "watch", inode], stdin=theirs, stdout=quiet, stderr=quiet, start_new_session=True
        )
    )
    return theirs


_watchers: list[subprocess.Popen[bytes]] = []  # lives as long as we do, and a moment longer


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
    """Start a child in its own session that dies with us. `environment` None: ours, in the C.UTF-8 locale."""
    words = [str(word) for word in argv]
    if shutil.which(words[0]) is None:
        raise SetupError(
            f"The command {words[0]} is not installed.", hint="Run `kmodlab doctor` to see what to install."
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
    """End a child's whole process group and reap it: TERM first where a grace period is given, then KILL."""
    if child.returncode is None and grace_s:
        _signal_group(child, signal.SIGTERM)
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(_exited(child), grace_s)
    _signal_group(child, signal.SIGKILL)
    await _exited(child)


async def _exited(child: asyncio.subprocess.Process) -> None:
    """Wait until a child is reaped.

    Not `child.wait()`: that returns only when its pipes are closed as well, and a process that the child left behind
    may hold them open for ever.
    """
    while child.returncode is None:
        await asyncio.sleep(0.002)


def _signal_group(child: asyncio.subprocess.Process, number: signal.Signals) -> None:
    # Only while it is not reaped: afterwards the id may be another's.
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
        """Whether it ended by itself, with status 0."""
        return self.status == 0 and not self.timed_out and not self.output_truncated

    @property
    def text(self) -> str:
        """Both outputs, decoded, for a message."""
        return (self.stdout + self.stderr).decode("utf-8", "replace")


@dataclass
class _Sink:
    """Collects a stream up to a limit; tells the watcher when the limit is passed."""

    limit: int
    flooded: asyncio.Event
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
                # Read on, and throw it away: whoever waits for the child's end waits for the end of its pipes.
                self.flooded.set()


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

    `merge` sends stderr where stdout goes, in the order written. `on_output` gets each chunk of stdout as it comes.
    `watch(pid)` may guard the child meanwhile; when that coroutine returns, the child is killed.
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
    flooded = asyncio.Event()
    out, err = _Sink(output_limit, flooded, on_output), _Sink(output_limit, flooded, None)
    tasks = [asyncio.create_task(out.drain(child.stdout)), asyncio.create_task(err.drain(child.stderr))]
    if stdin:
        tasks.append(asyncio.create_task(_feed(child, stdin)))
    guards = [asyncio.create_task(flooded.wait())] + ([asyncio.create_task(watch(child.pid))] if watch else [])
    ended = asyncio.gather(*tasks, child.wait())
    try:
        await asyncio.wait({ended, *guards}, timeout=deadline.left_s, return_when=asyncio.FIRST_COMPLETED)
        timed_out = not ended.done() and not any(guard.done() for guard in guards)
    finally:
        await _unwind(child, [ended, *guards])
    words = tuple(str(word) for word in argv)
    status = child.returncode if child.returncode is not None else -int(signal.SIGKILL)
    return CompletedProcess(words, status, b"".join(out.chunks), b"".join(err.chunks), timed_out, flooded.is_set())


async def _unwind(child: asyncio.subprocess.Process, futures: list[asyncio.Future[Any]]) -> None:
    await stop(child)
    for future in futures:
        future.cancel()
    await asyncio.gather(*futures, return_exceptions=True)
    # Closes our ends of the pipes, which are still open where something else holds the others. There is no public
    # way.
    child._transport.close()  # type: ignore[attr-defined]


async def _feed(child: asyncio.subprocess.Process, data: bytes) -> None:
    assert child.stdin is not None
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        child.stdin.write(data)
        await child.stdin.drain()
        child.stdin.close()


def run(argv: Sequence[str | Path], *, timeout_s: float, **options: Any) -> CompletedProcess:
    """`run_async` for callers that are not on the I/O thread; takes the same options."""
    return run_sync(run_async(argv, deadline=Deadline.after(timeout_s), **options))


def check_run(argv: Sequence[str | Path], *, timeout_s: float, **options: Any) -> CompletedProcess:
    """`run`, for commands of ours that must succeed; otherwise SetupError with the command's own words."""
    finished = run(argv, timeout_s=timeout_s, **options)
    if finished.ok:
        return finished
    how = f"did not end within {timeout_s:.0f} s" if finished.timed_out else f"failed (status {finished.status})"
    last_line = (finished.text.strip().splitlines() or [""])[-1]
    raise SetupError(f"{Path(argv[0]).name} {how}: {last_line}".rstrip(": ") + ".", details=finished.text)
