"""Kinds of damage to files on a disk."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from kmodlab.files import remove


def _cut(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    # In a byte that is not zero, because zeros of a saved memory are not stored.
    at = next((at for at in range(len(data) // 2, len(data)) if data[at]), len(data) // 2)
    data[at] ^= 4
    path.write_bytes(data)


def _flip_silently(path: Path) -> None:
    status = path.stat()
    _flip(path)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def _link(path: Path) -> None:
    path.symlink_to(".gone")


def _forbid(path: Path) -> None:
    path.chmod(0)


# Functions that damage a file; those in the second table replace it after it was removed.
_CHANGES: dict[str, Callable[[Path], object]] = {
    "truncated": _cut,
    "a flipped bit": _flip,
    "a flipped bit and the old time": _flip_silently,
    "emptied": _empty,
    "no permissions": _forbid,
}
_REPLACEMENTS: dict[str, Callable[[Path], object]] = {
    "deleted": lambda _path: None,
    "a folder instead": Path.mkdir,
    "a FIFO instead": os.mkfifo,
    "a symlink instead": _link,
}
KINDS = (*_CHANGES, *_REPLACEMENTS)


def damage(path: Path, kind: str) -> None:
    """Damage a file; a folder can only be replaced. Other hard links of the file keep their contents."""
    if kind in _REPLACEMENTS:
        remove(path)
        _REPLACEMENTS[kind](path)
        return
    if path.stat().st_nlink > 1:
        data, status = path.read_bytes(), path.stat()
        path.unlink()
        path.write_bytes(data)
        path.chmod(status.st_mode & 0o7777)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    _CHANGES[kind](path)
