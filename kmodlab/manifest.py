"""Manifests list a folder's contents when it is made, so that damage is noticed before a learner is blamed.

`seal` writes two files into a folder: `manifest.json` has type, mode, size and SHA-256 of all its contents; `seal.json`
has its inputs and the essential files, without which nothing works. Two functions compare:

    glance        the files in seal.json: type, mode, size and time; under a millisecond
    find_damage   all files in the manifest; unless it is `thorough`, a file is not read again if its inode number and
                  times are the same as when it was digested, because every write changes the ctime (inode(7))

In a copy of the folder these numbers differ, so its files are read once in each process, until `renew` records the new
numbers. Files that are not in the manifest are ignored.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from kmodlab.errors import DamagedLabError
from kmodlab.files import MIB, read_file, replace_text

MANIFEST, SEAL = "manifest.json", "seal.json"
_NAME_LENGTH = 16  # hexadecimal digits of a digest that names something

_Numbers = tuple[int, int, int]  # inode number, mtime and ctime in nanoseconds


@dataclass(frozen=True)
class _Manifest:
    files: dict[str, list[Any]] = field(default_factory=dict)  # path -> mode, size, SHA-256, inode number, mtime, ctime
    links: dict[str, str] = field(default_factory=dict)  # path -> target
    folders: dict[str, int] = field(default_factory=dict)  # path -> mode

    @property
    def digest(self) -> str:
        """The digest of the contents, which does not depend on inode numbers and times."""
        files = {path: row[:3] for path, row in self.files.items()}
        return digest_of(files, self.links, self.folders)


def digest_of(*parts: object) -> str:
    """A digest of JSON values, short enough for a file name."""
    text = json.dumps(parts, default=str, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:_NAME_LENGTH]


# ---- writing -------------------------------------------------------------------------------------------------------


def seal(folder: Path, inputs: str = "", is_essential: Callable[[str], bool] = lambda _path: True) -> str:
    """Write a folder's manifest, and make all in it readable for everybody; returns the digest of its contents.

    `inputs` identifies what it was made from; `is_essential` chooses by relative path the files for `glance`.

    Raises: OSError.
    """
    manifest = _Manifest()
    for path, status in _walk(folder):
        where = f"{folder}/{path}"
        if stat.S_ISLNK(status.st_mode):
            manifest.links[path] = _target(where)
        elif stat.S_ISDIR(status.st_mode):
            manifest.folders[path] = status.st_mode
        elif stat.S_ISREG(status.st_mode) and path not in (MANIFEST, SEAL):
            manifest.files[path] = [status.st_mode, status.st_size, _digest(where), *_numbers(status)]
    _write(folder, manifest, inputs, [path for path in manifest.files if is_essential(path)])
    return manifest.digest


def renew(folder: Path) -> None:
    """Record the inode numbers and times of a copied folder, if a thorough check finds no damage. Raises: OSError."""
    manifest, label = _read_manifest(folder), read_seal(folder)
    fresh = {path: [*row[:3], *_numbers(os.lstat(f"{folder}/{path}"))] for path, row in manifest.files.items()}
    if fresh != manifest.files:
        renewed = _Manifest(fresh, manifest.links, manifest.folders)
        _write(folder, renewed, label.inputs, label.essential)


def _write(folder: Path, manifest: _Manifest, inputs: str, essential: Iterable[str]) -> None:
    rows = {path: [*manifest.files[path][:2], manifest.files[path][4]] for path in essential}
    replace_text(folder / MANIFEST, json.dumps(asdict(manifest)), mode=0o644)
    label = asdict(_Seal(inputs, manifest.digest, rows))
    replace_text(folder / SEAL, json.dumps({**label, "digest": digest_of(label)}), mode=0o644)


def _walk(folder: Path, below: str = "") -> Iterator[tuple[str, os.stat_result]]:
    """Relative path and state of each entry of a folder; makes each readable for everybody first."""
    with os.scandir(folder / below) as scan:
        entries = sorted(scan, key=lambda entry: entry.name)
    for entry in entries:
        status = entry.stat(follow_symlinks=False)
        path = f"{below}{entry.name}"
        is_folder = entry.is_dir(follow_symlinks=False)
        if is_folder or entry.is_file(follow_symlinks=False):
            needed = 0o755 if is_folder or status.st_mode & 0o100 else 0o644
            if status.st_mode & needed != needed:
                Path(entry.path).chmod(stat.S_IMODE(status.st_mode) | needed)
                status = os.lstat(entry.path)
        yield path, status
        if is_folder:
            yield from _walk(folder, f"{path}/")


def _digest(path: str) -> str:
    # O_NONBLOCK, because a FIFO instead of the file would block.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        if os.fstat(descriptor).st_size > MIB:
            return hashlib.file_digest(file, "sha256").hexdigest()
        return hashlib.sha256(file.read()).hexdigest()


def _numbers(status: os.stat_result) -> _Numbers:
    return status.st_ino, status.st_mtime_ns, status.st_ctime_ns


# ---- reading -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Seal:
    inputs: str = ""
    contents: str = ""
    essential: dict[str, list[int]] = field(default_factory=dict)  # path -> mode, size, mtime in nanoseconds


def is_sealed(folder: Path) -> bool:
    """Whether a folder has a manifest; folders of older versions have none."""
    return os.path.lexists(folder / SEAL) or os.path.lexists(folder / MANIFEST)


def read_seal(folder: Path) -> _Seal:
    """The contents of a folder's seal.json. Raises: OSError, ValueError."""
    fields = json.loads(read_file(folder / SEAL))
    if not isinstance(fields, dict) or fields.pop("digest", "") != digest_of(fields):
        raise ValueError(SEAL)
    return _Seal(**fields)


def made_from(folder: Path) -> str:
    """The `inputs` that a folder was sealed with; empty if it was not sealed, or the seal is unreadable."""
    try:
        return read_seal(folder).inputs
    except (OSError, ValueError):
        return ""


def _read_manifest(folder: Path) -> _Manifest:
    status = os.lstat(folder / MANIFEST)
    return _parse_manifest(folder / MANIFEST, status.st_size, *_numbers(status))


@lru_cache(maxsize=4)
def _parse_manifest(path: Path, _size: int, _inode: int, _mtime: int, _ctime: int) -> _Manifest:
    fields = json.loads(read_file(path))
    try:
        return _Manifest(**fields)
    except TypeError as exc:
        raise ValueError(str(exc)) from exc


def glance(folder: Path) -> str | None:
    """The first of a folder's essential files that is missing or altered, by a quick check; None if there is none."""
    try:
        essential = read_seal(folder).essential
        return next((path for path, row in essential.items() if not _looks_right(folder, path, row)), None)
    except (OSError, ValueError, TypeError, AttributeError):
        return SEAL


def _looks_right(folder: Path, path: str, row: list[int]) -> bool:
    mode, size, time_ns = row
    try:
        status = os.lstat(f"{folder}/{path}")
    except OSError:
        return False
    if status.st_mode != mode or status.st_size != size:
        return False
    # Archives, such as a container's layers, store times in whole seconds.
    is_same = status.st_mtime_ns in (time_ns, time_ns - time_ns % 10**9)
    return is_same or _is_unaltered(folder, path, status)


def _is_unaltered(folder: Path, path: str, status: os.stat_result) -> bool:
    """Whether a file whose time differs, for example in a copy of the folder, still has its contents."""
    try:
        return _matches(f"{folder}/{path}", _read_manifest(folder).files[path][2], status)
    except (OSError, ValueError, KeyError):
        return False


def verify(folder: Path, below: str = "", *, quick: bool = False) -> None:
    """Check a folder with `find_damage`, or if `quick` with `glance`. A folder without a manifest passes.

    Raises: DamagedLabError.
    """
    if not os.access(f"{folder}/.", os.R_OK | os.X_OK):  # missing, not a folder, or forbidden for this user
        raise DamagedLabError(folder)
    if is_sealed(folder):
        damaged = glance(folder) if quick else find_damage(folder, below)
        if damaged:
            raise DamagedLabError(folder / damaged)


def find_damage(folder: Path, below: str = "", *, thorough: bool = False) -> str | None:
    """The relative path of a file that is missing or altered; None if there is none.

    Only paths that begin with `below` are checked; end it with a slash for a folder.
    """
    try:
        manifest, label = _read_manifest(folder), read_seal(folder)
        if thorough and (
            manifest.digest != label.contents or not all(map(_is_readable, (folder / MANIFEST, folder / SEAL)))
        ):
            return MANIFEST
        return next(_differing(folder, manifest, below, thorough=thorough), None)
    except (OSError, ValueError, TypeError, AttributeError):
        return MANIFEST


def _differing(folder: Path, manifest: _Manifest, below: str, *, thorough: bool) -> Iterator[str]:
    for path, mode in manifest.folders.items():
        if path.startswith(below) and _mode(f"{folder}/{path}") != mode:
            yield path
    for path, row in manifest.files.items():
        # Half of the kernel's headers are empty files, of which only the names matter.
        if path.startswith(below) and (row[1] or thorough) and _is_altered(f"{folder}/{path}", row, thorough):
            yield path
    for path, target in manifest.links.items():
        if path.startswith(below) and _target(f"{folder}/{path}") != target:
            yield path


def _is_altered(path: str, row: list[Any], thorough: bool) -> bool:
    mode, size, digest, *numbers = row
    try:
        status = os.lstat(path)
    except OSError:
        return True
    if status.st_mode != mode or status.st_size != size:
        return True
    return (thorough or [*_numbers(status)] != numbers) and not _matches(path, digest, status, again=thorough)


_matching: dict[str, tuple[str, _Numbers]] = {}  # path -> digest, and the file's numbers when it had that digest


def _matches(path: str, digest: str, status: os.stat_result, *, again: bool = False) -> bool:
    """Whether a file has this digest. If it matched before, it is not read again, unless `again`."""
    known = digest, _numbers(status)
    if not again and _matching.get(path) == known:
        return True
    try:
        matches = _digest(path) == digest
    except OSError:
        return False
    if matches:
        _matching[path] = known
    return matches


def _is_readable(path: Path) -> bool:
    return os.lstat(path).st_mode & 0o444 == 0o444


def _mode(path: str) -> int:
    try:
        return os.lstat(path).st_mode
    except OSError:
        return 0


def _target(path: str) -> str:
    try:
        return str(Path(path).readlink())
    except OSError:
        return ""
