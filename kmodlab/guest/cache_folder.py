"""The folder that holds the lab: creates it, removes leftovers in it, locks it, and removes it."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from kmodlab.errors import SetupError
from kmodlab.files import MIB, PARTIAL, read_file, remove, replace_text
from kmodlab.i18n import _
from kmodlab.settings import Settings

NEEDED_MIB = 1200  # free disk space for a first set-up
LOCK_WAIT_S = 3600.0
STAGES = ("systems", "images", "snapshots")
LAB_FILE, LOCK_FILE = "lab.json", "setup.lock"
_TAG_FILE = "CACHEDIR.TAG"
_FOLDERS = ("apt", "debs", *STAGES, "tracer", "kernels", "dkms")
_FILES = (LAB_FILE, "kvm.json", _TAG_FILE, LOCK_FILE)
_FORMER = ("witness", "lab.json.part")  # names in caches of older versions
_SIGNATURE = "Signature: 8a477f597d28d172789f06886806bc55"
_TAG = f"{_SIGNATURE}\n# kmodlab's cache (https://bford.info/cachedir/)\n"


def claim_folder(folder: Path) -> None:
    """Create the cache folder, or check that an existing folder is kmodlab's and writable. Raises: SetupError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not _is_tagged(folder):
            remove(folder / _TAG_FILE)
            replace_text(folder / _TAG_FILE, _TAG, mode=0o644)
        if not is_writable(folder):
            raise PermissionError(errno.EACCES, _("not writable"))
    except OSError as exc:
        if exc.errno == errno.ENOSPC:
            raise disk_full_error(folder) from exc
        reason = (exc.strerror or str(exc)).lower()
        raise SetupError(
            _("The cache folder {folder} cannot be used: {reason}.").format(folder=folder, reason=reason),
            hint=_("Set KMODLAB_CACHE_DIR to a folder that you may write to."),
        ) from exc


def is_writable(folder: Path) -> bool:
    """Whether this user may add and remove files in the folder."""
    return os.access(folder, os.W_OK | os.X_OK)


def _is_tagged(folder: Path) -> bool:
    """Whether the folder has our tag; False if the tag is missing and may be written.

    Raises: SetupError if the folder belongs to another program.
    """
    try:
        tag = read_file(folder / _TAG_FILE).decode("utf-8", "replace")
    except OSError:
        tag = ""
    if "kmodlab" in tag:
        return True
    names = {path.name for path in folder.iterdir() if not path.name.startswith(PARTIAL)}
    is_ours = names <= {*_FOLDERS, *_FILES, *_FORMER}
    if tag.startswith(_SIGNATURE) and not (is_ours and names & {*_FOLDERS, LAB_FILE}):
        raise SetupError(
            _("The folder {folder} is another program's cache.").format(folder=folder),
            hint=_("Set KMODLAB_CACHE_DIR."),
        )
    if not is_ours:
        raise SetupError(
            _("The folder {folder} holds files that are not kmodlab's.").format(folder=folder),
            hint=_("Set KMODLAB_CACHE_DIR to a new or empty folder."),
        )
    return False


def tidy(folder: Path) -> None:
    """Remove leftovers of killed set-ups and older versions, and entries of the wrong type.

    The other files are made readable for everybody: the sandbox, and people who share the lab, are other users.
    """
    for leftover in (*folder.glob(f"{PARTIAL}*"), *folder.glob(f"*/{PARTIAL}*"), *(folder / name for name in _FORMER)):
        remove(leftover)
    _correct(folder, Path.is_dir, 0o755)
    for names, is_right, mode in ((_FOLDERS, Path.is_dir, 0o755), (_FILES, Path.is_file, 0o644)):
        for path in (folder / name for name in names):
            _correct(path, is_right, mode)
    for path in (folder / "debs").glob("*"):
        _correct(path, Path.is_file, 0o644)
    for stage in (path for name in (*STAGES, "tracer") for path in (folder / name).glob("*")):
        _correct(stage, Path.is_dir, 0o755)


def _correct(path: Path, is_right: Callable[[Path], bool], mode: int) -> None:
    if not is_right(path):
        remove(path)
    elif path.stat().st_mode & mode != mode:
        with contextlib.suppress(PermissionError):  # it belongs to another user
            path.chmod(mode)


def disk_full_error(folder: Path, details: str = "") -> SetupError:
    """The exception for a disk that is full."""
    return SetupError(
        _("The disk with {folder} is full.").format(folder=folder),
        hint=_("Free {size} MiB.").format(size=NEEDED_MIB),
        details=details,
    )


def clean(settings: Settings) -> int:
    """Remove the lab and all downloads; returns the number of bytes freed. Raises: SetupError."""
    folder = settings.cache_dir
    if not folder.exists():
        return 0
    claim_folder(folder)
    lock = FileLock(folder / LOCK_FILE)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise SetupError(_("A set-up is at work in the folder."), hint=_("Wait until it is done.")) from None
    with lock:
        freed = sum(path.lstat().st_blocks * 512 for path in folder.rglob("*") if not path.is_dir())
        remove(folder / LAB_FILE)  # first, so that a half-removed lab is never used
        remove(folder)
    return freed


@contextlib.contextmanager
def locked(folder: Path, wait: Callable[[], None]) -> Iterator[None]:
    """A context that holds the set-up's lock; `wait` is called once if another set-up holds it."""
    if not (folder / LOCK_FILE).is_file():
        remove(folder / LOCK_FILE)
    lock = FileLock(folder / LOCK_FILE)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        wait()
        lock.acquire(timeout=LOCK_WAIT_S)
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def readable_for_all() -> Iterator[None]:
    """A context in which this process and its children create files that everybody can read, whatever the umask."""
    former = os.umask(0o022)
    try:
        yield
    finally:
        os.umask(former)


@contextlib.contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """A context that turns errors of the file system, such as a full disk, into SetupError."""
    try:
        yield
    except OSError as exc:
        if exc.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise SetupError(_("The lab could not be written: {error}.").format(error=exc)) from exc
        again = _("Free {size} MiB and run `kmodlab setup` again: it continues where it stopped.")
        raise SetupError(
            _("The disk with {folder} is full.").format(folder=folder), hint=again.format(size=NEEDED_MIB)
        ) from exc
    except SetupError as exc:
        if "No space left" in exc.details:
            raise disk_full_error(folder, exc.details) from exc
        raise


def free_mib(folder: Path) -> int:
    """Free space on the folder's disk, in MiB."""
    return shutil.disk_usage(folder).free // MIB
