"""Writes files and folders atomically: under a temporary name in the same folder, which is then renamed.

Readers find the old file or the new one, never half a file, even if the writing process is killed. Leftovers of a
killed process have a name that begins with PARTIAL.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kmodlab.errors import UsageError
from kmodlab.i18n import _

PARTIAL = ".new-"
MIB = 1 << 20  # bytes


def read_regular(path: Path, limit: int, *, follow: bool = False) -> bytes:
    """A regular file's bytes, at most one more than `limit`.

    Without `follow`, links are refused, because links in somebody else's folder may lead anywhere.

    Raises:
        UsageError: It is a link, a pipe, a device or a folder, or cannot be read.
    """
    try:
        return read_file(path, limit + 1, follow=follow)
    except OSError as error:
        if error.errno == errno.ELOOP:
            message = _("{path} is a symbolic link.").format(path=path)
            raise UsageError(message, hint=_("Give the file itself.")) from error
        if error.errno == errno.EINVAL:
            raise UsageError(_("{path} is not a regular file.").format(path=path)) from error
        message = _("{path} cannot be read: {reason}.").format(path=path, reason=error.strerror)
        raise UsageError(message) from error


def read_file(path: Path, limit: int = -1, *, follow: bool = True) -> bytes:
    """A regular file's bytes, at most `limit`; a negative limit means all. Other files could block the reader.

    Raises: OSError, with EINVAL if it is not a regular file.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW))
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), str(path))
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(limit)
    finally:
        os.close(descriptor)


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """A context with a temporary path to write; it replaces `path` unless the block ends with an exception.

    Missing parent folders are made. Raises: OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=PARTIAL, dir=path.parent, ignore_cleanup_errors=True) as scratch:
        partial = Path(scratch) / path.name
        yield partial
        partial.replace(path)


def replace_text(path: Path, text: str, *, mode: int | None = None) -> Path:
    """Replace a file by UTF-8 text, with unchanged newlines. `mode` None: according to the umask. Raises: OSError."""
    with replaced(path) as partial:
        partial.write_text(text, encoding="utf-8", newline="")
        if mode is not None:
            partial.chmod(mode)
    return path


def replace_bytes(path: Path, data: bytes) -> Path:
    """Replace a file. Raises: OSError."""
    with replaced(path) as partial:
        partial.write_bytes(data)
    return path


@contextmanager
def scratch_folder(parent: Path) -> Iterator[Path]:
    """A temporary folder to fill and to rename; removed if the block ends with an exception. Raises: OSError."""
    parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=PARTIAL, dir=parent))
    try:
        partial.chmod(0o755)  # mkdtemp makes it readable only for its owner
        yield partial
    except BaseException:
        remove(partial)
        raise


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """A temporary folder to fill; it becomes `folder`, which must not exist, unless the block ends with an exception.

    Raises: OSError.
    """
    with scratch_folder(folder.parent) as partial:
        yield partial
        partial.rename(folder)


def put_folder(partial: Path, folder: Path) -> None:
    """Rename a scratch folder to `folder`; an existing one is moved away and then removed. Raises: OSError."""
    if not os.path.lexists(folder):
        partial.rename(folder)
        return
    with tempfile.TemporaryDirectory(prefix=PARTIAL, dir=folder.parent, ignore_cleanup_errors=True) as scratch:
        former = Path(scratch) / folder.name
        folder.rename(former)
        partial.rename(folder)
        remove(former)


def remove(path: Path) -> None:
    """Remove a file, or a folder with its contents, if it exists, even if the folders' modes forbid it."""
    if not path.is_dir() or path.is_symlink():
        path.unlink(missing_ok=True)
        return
    with contextlib.suppress(OSError):
        path.chmod(0o700)
        for parent, folders, _files in os.walk(path):
            for folder in (Path(parent, name) for name in folders):
                if not folder.is_symlink():
                    folder.chmod(0o700)
    shutil.rmtree(path, ignore_errors=True)
