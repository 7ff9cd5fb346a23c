"""The fallback without bubblewrap: limits, another user if we are root, a private folder, and a clean end.

It prevents accidents. It does not prevent a program from reading what the user can read; `check_sandbox` says so.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import psutil

from kmodlab.errors import SandboxError
from kmodlab.i18n import _
from kmodlab.sandbox.host import PATH, Host, demote_argv, limit_argv
from kmodlab.sandbox.limits import Limits

# This script runs beside the command, in a session of its own. If our end of the pipe closes before anything is
# written, we were killed; the script then ends the command's process group and removes the folder. (dash cannot
# redirect from a descriptor above 9 by its number.)
_LEASH = """
setsid sh -c 'read -r _ <"/proc/self/fd/$1" || { kill -s KILL -- "-$2"; rm -rf -- "$3"; }' leash "$1" "$$" "$2" \
    >/dev/null 2>&1 </dev/null &
shift 2
exec "$@"
"""


def bare_argv(
    argv: Sequence[str],
    *,
    host: Host,
    limits: Limits,
    environment: Mapping[str, str],
    cwd: str,
    folder: Path,
    leash_fd: int,
    uid: int | None,
    groups: Sequence[int] = (),
) -> list[str]:
    """The command line that runs `argv` without bubblewrap: under limits, and as another user if `uid` is given.

    `leash_fd` is the read end of a pipe whose other end the owner holds; `folder` is removed if the owner dies.
    """
    return [
        *("env", "-i", f"PATH={PATH}", "sh", "-c", _LEASH, "leash", str(leash_fd), str(folder)),
        *("env", "-i", *(f"{name}={value}" for name, value in environment.items())),
        # Under our own user, the limit on processes would count all that the user runs.
        *limit_argv(limits, host, count_processes=uid is not None),
        *([] if uid is None else demote_argv(uid, groups)),
        *("env", f"--chdir={cwd}"),
        *argv,
    ]


@contextlib.contextmanager
def private_folder() -> Iterator[Path]:
    """A new folder with mode 0711; removed at the end, whatever a command did to it.

    Raises: SandboxError if it cannot be made.
    """
    try:
        folder = Path(tempfile.mkdtemp(prefix="kmodlab-"))
    except OSError as error:
        message = _("No temporary folder could be made: {error}.").format(error=error)
        raise SandboxError(message, hint=_("Is the disk full?")) from error
    try:
        folder.chmod(0o711)
        yield folder
    finally:
        _remove(folder)


def make_subfolder(folder: Path, uid: int | None) -> None:
    """Make a folder in the private one, owned by the user `uid`, or by us."""
    folder.mkdir(mode=0o700)
    os.chown(folder, -1 if uid is None else uid, -1)


def _remove(folder: Path) -> None:
    for path, names, _files in os.walk(folder):
        for name in names:
            # A folder without permissions could not be removed. Links are not followed.
            if not Path(path, name).is_symlink():
                Path(path, name).chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def leash() -> Iterator[int]:
    """The read end of a pipe for the script `_LEASH`. On leaving, a byte is written; without one, we were killed."""
    read_end, write_end = os.pipe()
    try:
        yield read_end
    finally:
        with contextlib.suppress(BrokenPipeError):
            os.write(write_end, b"\n")
        os.close(write_end)
        os.close(read_end)


def open_to_all(path: Path) -> bool:
    """Whether every user can reach the path."""
    return all(folder.stat().st_mode & 0o001 for folder in (path, *path.parents))


def kill_leftovers(folder: Path, uid: int | None) -> None:
    """Kill the processes that a command left behind: those in `folder`, or those of the user `uid`."""
    for _round in range(100):
        leftovers = [process for process in psutil.process_iter() if _belongs(process, folder, uid)]
        for process in leftovers:
            with contextlib.suppress(psutil.Error):
                process.kill()
        if not leftovers:
            return
        time.sleep(0.01)


def _belongs(process: psutil.Process, folder: Path, uid: int | None) -> bool:
    with contextlib.suppress(psutil.Error, OSError):
        if process.status() == psutil.STATUS_ZOMBIE:
            return False  # a zombie: it has ended, and its parent has not reaped it
        if uid is not None:
            return process.uids().real == uid
        home = str(folder)
        return process.cwd().startswith(home) or process.environ().get("TMPDIR", "").startswith(home)
    return False
