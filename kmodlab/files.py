"""Files and folders that are there whole or not at all: they are written beside their place and renamed into it.

A reader, and a process that is killed, finds the old file or the new one, never half of one. What a killed process
leaves behind has a name that begins with PARTIAL.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PARTIAL = ".new-"
MIB = 1 << 20  # bytes


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
