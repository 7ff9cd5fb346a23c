"""Attacks on the sandbox, to see whether it holds on this machine; `kmodlab doctor --sandbox` runs them.

Each is a shell script that does, in a box like a build's, what a hostile Makefile might do. What it reached is observed
from outside: by a canary file, a listening socket, and the processes of this machine.
"""

from __future__ import annotations

import contextlib
import secrets
import socket
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from kmodlab.files import MIB
from kmodlab.i18n import N_, _
from kmodlab.process import CompletedProcess, Deadline, run_async, run_sync
from kmodlab.sandbox.limits import BUILD
from kmodlab.sandbox.sandbox import WORK, Box, SandboxVerdict, open_box
from kmodlab.settings import variable_set

_WALL_S = 20.0


@dataclass(frozen=True)
class Canary:
    """The result of one attack: whether the sandbox `holds`, and a sentence about it."""

    attack: str
    holds: bool
    finding: str


@dataclass(frozen=True)
class _Bait:
    """The targets of an attack: a secret in a file and in the environment, and an open port.

    `mark` is an argument of the attack's process, by which a look at this machine's processes finds it.
    """

    secret: str
    file: Path
    listener: socket.socket
    mark: str

    @property
    def port(self) -> int:
        """The listener's port on 127.0.0.1."""
        return int(self.listener.getsockname()[1])


_Look = Callable[[_Bait, CompletedProcess], str]  # what the attack reached, in a sentence; empty for nothing


def release_canaries(verdict: SandboxVerdict) -> Iterator[Canary]:
    """Run the attacks, one after the other.

    Raises: SandboxError if no box can be made.
    """
    for attack, script, look in _ATTACKS:
        with _bait() as bait, variable_set("KMODLAB_CANARY", bait.secret):
            finished = run_sync(_attack(verdict, script, bait))
            reached = look(bait, finished)
        yield Canary(_(attack), not reached, reached or _("It got nowhere."))


async def _attack(verdict: SandboxVerdict, script: str, bait: _Bait) -> CompletedProcess:
    with open_box(verdict, limits=BUILD, binds={}, tmpfs={WORK: BUILD.disk_mib}) as box:
        guard = box.guard()
        return await run_async(
            box.argv(_argv(box, script, bait), cwd=WORK, environment={}),
            deadline=Deadline.after(_WALL_S),
            pass_fds=box.pass_fds,
            output_limit=MIB,
            on_output=guard.count,
            watch=guard.watch,
        )


def _argv(box: Box, script: str, bait: _Bait) -> list[str]:
    return ["bash", "-c", script, "canary", str(bait.file), str(bait.port), bait.mark, box.path(WORK)]


@contextlib.contextmanager
def _bait() -> Iterator[_Bait]:
    secret, mark = (f"canary-{secrets.token_hex(12)}" for _canary in range(2))
    # In the host's /tmp, and open to every user: only the sandbox protects it.
    with tempfile.TemporaryDirectory(prefix="kmodlab-canary-") as folder, socket.socket() as listener:
        Path(folder).chmod(0o777)
        file = Path(folder, "canary")
        file.write_text(secret)
        file.chmod(0o666)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.setblocking(False)
        yield _Bait(secret, file, listener, mark)


# ---- what an attack reached ----------------------------------------------------------------------------------------


def _read(bait: _Bait, finished: CompletedProcess) -> str:
    return _("It read what it must not see.") if bait.secret in finished.text else ""


def _changed(bait: _Bait, _finished: CompletedProcess) -> str:
    beside = [path for path in bait.file.parent.iterdir() if path != bait.file]
    changed = not bait.file.exists() or bait.file.read_text() != bait.secret
    return _("It changed files of this machine.") if changed or beside else ""


def _connected(bait: _Bait, _finished: CompletedProcess) -> str:
    with contextlib.suppress(BlockingIOError):
        bait.listener.accept()[0].close()
        return _("It reached a port of this machine.")
    return ""


def _outlived(bait: _Bait, _finished: CompletedProcess) -> str:
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if bait.mark in process.cmdline():
                process.kill()
                return _("A process of it went on after the build had ended.")
    return ""


def _unbounded(_bait: _Bait, finished: CompletedProcess) -> str:
    return _("Nothing stopped it.") if b"unbounded" in finished.stdout else ""


_ATTACKS: tuple[tuple[str, str, _Look], ...] = (
    (N_("reads a file of this machine"), 'cat "$1"', _read),
    (N_("changes files of this machine"), 'rm -f "$1"; echo gone >"$1"; touch "$(dirname "$1")/left"', _changed),
    (N_("reads secrets from the environment"), "env; cat /proc/*/environ", _read),
    (N_("connects to a port of this machine"), 'exec 3<>"/dev/tcp/127.0.0.1/$2"', _connected),
    (N_("leaves a process behind"), 'setsid sh -c "sleep 300; exit" "$3" >/dev/null 2>&1 & sleep 0.3', _outlived),
    (
        N_("takes all memory"),
        "set -o pipefail; head -c 3G /dev/zero | tail -c 2G >/dev/null && echo unbounded",
        _unbounded,
    ),
    (N_("fills the disk"), 'head -c 512M /dev/zero >"$4/big" && echo unbounded', _unbounded),
    (
        N_("starts processes without end"),
        "for n in $(seq 500); do sleep 5 & done 2>/dev/null; [ $(jobs -r | wc -l) -ge 400 ] && echo unbounded",
        _unbounded,
    ),
)
