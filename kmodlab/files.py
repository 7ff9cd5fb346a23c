"""Files and folders that are there whole or not at all: they are written beside their place and renamed into it.

A reader, and a process that is killed, finds the old file or the new one, never half of one. What a killed process
leaves behind has a name that begins with PARTIAL.
"""

from __future__ import annotations

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

    Without `follow`, links are refused: in somebody else's folder they could lead anywhere.

    Raises:
        UsageError: it is a link, a pipe, a device or a folder, or cannot be read.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    try:
        descriptor = os.open(path, flags)
    except OSError as error:
        if error.errno == errno.ELOOP:
            message = _("{path} is a symbolic link.").format(path=path)
            raise UsageError(message, hint=_("Give the file itself.")) from error
        message = _("{path} cannot be read: {reason}.").format(path=path, reason=error.strerror)
        raise UsageError(message) from error
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise UsageError(_("{path} is not a regular file.").format(path=path))
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(limit + 1)
    except OSError as error:
        message = _("{path} cannot be read: {reason}.").format(path=path, reason=error.strerror)
        raise UsageError(message) from error
    finally:
        os.close(descriptor)


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """A name in the same folder, to write a file to; it replaces `path` unless the block ends with an exception.

    Folders above it are made. Raises: OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=PARTIAL, dir=path.parent, ignore_cleanup_errors=True) as scratch:
        partial = Path(scratch) / path.name
        yield partial
        partial.replace(path)


def replace_text(path: Path, text: str) -> Path:
    """Replace a file by UTF-8 text, with its newlines as they are. Raises: OSError."""
    with replaced(path) as partial:
        partial.write_text(text, encoding="utf-8", newline="")
    return path


def replace_bytes(path: Path, data: bytes) -> Path:
    """Replace a file. Raises: OSError."""
    with replaced(path) as partial:
        partial.write_bytes(data)
    return path


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """A temporary folder to fill; it becomes `folder`, which must not exist, unless the block ends with an exception.

    Raises: OSError.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=PARTIAL, dir=folder.parent))
    try:
        partial.chmod(0o755)  # mkdtemp makes it its owner's alone
        yield partial
        partial.rename(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
