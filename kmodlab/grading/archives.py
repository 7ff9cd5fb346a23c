"""Notebooks in files, folders and archives, found without unpacking anything: hostile, and bounded while they are read.

A zip or tar file may hold another one (a learner's, in the learning platform's), and no deeper. Members with names that
lead elsewhere, links, devices and whatever is too large are left out, with a sentence. Whose a notebook is, is for
`submissions`.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import re
import stat
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, cast

from kmodlab.files import MIB
from kmodlab.grading.notebooks import LARGEST

_NAME_LIMIT = 1000  # characters
_REFUSALS = 20  # sentences about one archive
_ARCHIVES = re.compile(r"\.(zip|tar|tgz|tbz2?|txz|tar\.(gz|bz2|xz))$", re.IGNORECASE)
_LINK_OR_DEVICE = "it is a link or a device"


class ArchiveError(ValueError):
    """An archive, or the rest of it, cannot be read; the sentence says why."""


@dataclass(frozen=True)
class Found:
    """A notebook's bytes, or (`problem`) why there are none. `parts`: the folders and archives it lies in, its name."""

    parts: tuple[str, ...]
    content: bytes = b""
    problem: str = ""

    @property
    def source(self) -> str:
        """Its place as a path."""
        return "/".join(self.parts)


@dataclass
class _Budget:
    """What may still be read from one archive: bytes unpacked, members, notebooks."""

    size: int
    members: int
    notebooks: int
    outer: _Budget | None = None
    refusals: int = _REFUSALS
    seen: set[str] = field(default_factory=set)

    def spend(self, size: int) -> None:
        if self.outer:
            self.outer.spend(size)
        self.size -= size
        if self.size < 0:
            raise ArchiveError("it unpacks to far more than submissions need; the rest is left out")

    def count_member(self) -> None:
        self.members -= 1
        if self.members < 0:
            raise ArchiveError("it has too many members; the rest is left out")

    def count_notebook(self) -> None:
        self.notebooks -= 1
        if self.notebooks < 0:
            raise ArchiveError("it has too many notebooks; the rest is left out")


def _outer() -> _Budget:
    return _Budget(size=4096 * MIB, members=200_000, notebooks=20_000)


def _inner(outer: _Budget) -> _Budget:
    return _Budget(size=64 * MIB, members=2000, notebooks=50, outer=outer)


def is_archive(name: str) -> bool:
    """Whether a file's name says that it is an archive."""
    return bool(_ARCHIVES.search(name))


def bare_name(name: str) -> str:
    """A file's name without what says that it is an archive or a notebook."""
    return re.sub(r"\.ipynb$", "", _ARCHIVES.sub("", name), flags=re.IGNORECASE)


def find_notebooks(path: Path) -> Iterator[Found]:
    """All notebooks in a file, a folder or an archive, in the order of their names as far as there is one."""
    if path.is_dir():
        yield from _walk_folder(path, (path.resolve().name,))
    else:
        yield from _look_at_file(path, (path.name,))


# ---- folders -------------------------------------------------------------------------------------------------------


def _walk_folder(folder: Path, parts: tuple[str, ...]) -> Iterator[Found]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        yield Found(parts, problem=f"the folder cannot be read: {error.strerror}")
        return
    for entry in entries:
        place = (*parts, _decoded(entry.name))
        if entry.is_dir(follow_symlinks=False):
            if not _is_ignored(entry.name):
                yield from _walk_folder(Path(entry.path), place)
        elif entry.name.startswith(_MACOS):
            continue
        elif _is_hidden(entry.name) and _is_wanted(entry.name, nested=False):
            yield Found(place, problem=_HIDDEN)
        elif _is_wanted(entry.name, nested=False) or entry.is_symlink():
            yield from _look_at_file(Path(entry.path), place, follow=False)


def _look_at_file(path: Path, parts: tuple[str, ...], *, follow: bool = True) -> Iterator[Found]:
    """What is in a file. Only plain ones are opened: a FIFO would hold us up for ever."""
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    try:
        with os.fdopen(os.open(path, flags), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                yield Found(parts, problem="it is no plain file")
            elif is_archive(parts[-1]):
                yield from _walk_archive(file, parts, _outer(), nested=False)
            else:
                yield _read(file, parts)
    except OSError as error:
        problem = _LINK_OR_DEVICE if path.is_symlink() else f"it cannot be read: {error.strerror}"
        yield Found(parts, problem=problem)


def _read(file: IO[bytes], parts: tuple[str, ...]) -> Found:
    content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        return Found(parts, problem=f"it is larger than {LARGEST // MIB} MiB")
    return Found(parts, content)


# ---- archives ------------------------------------------------------------------------------------------------------


def _walk_archive(file: IO[bytes], parts: tuple[str, ...], budget: _Budget, *, nested: bool) -> Iterator[Found]:
    try:
        start = file.read(2)
        file.seek(0)
        walk = _walk_zip if start == b"PK" else _walk_tar  # whatever the name says
        yield from walk(file, parts, budget, nested=nested)
    except ArchiveError as error:
        yield Found(parts, problem=str(error))
    except Exception:  # zipfile, tarfile and the decompressors have a dozen ways to say that an archive is damaged
        yield Found(parts, problem="the archive is damaged, or is none")


def _walk_zip(file: IO[bytes], parts: tuple[str, ...], budget: _Budget, *, nested: bool) -> Iterator[Found]:
    with zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            kind = stat.S_IFMT(info.external_attr >> 16)
            is_plain = kind in (0, stat.S_IFREG)
            if info.is_dir():
                budget.count_member()
                continue
            yield from _member(_ZipMember(archive, info), info.filename, is_plain, parts, budget, nested=nested)


def _walk_tar(file: IO[bytes], parts: tuple[str, ...], budget: _Budget, *, nested: bool) -> Iterator[Found]:
    stream = cast(IO[bytes], _Counted(_decompressed(file), budget))
    with tarfile.open(fileobj=stream, mode="r|", errorlevel=0, bufsize=1 << 16) as archive:
        for info in archive:
            archive.members = []  # type: ignore[attr-defined]  # it would keep them all
            if info.isdir():
                budget.count_member()
                continue
            is_plain = info.isreg() and not info.issparse()
            yield from _member(_TarMember(archive, info), info.name, is_plain, parts, budget, nested=nested)


def _decompressed(file: IO[bytes]) -> IO[bytes]:
    start = file.read(6)
    file.seek(0)
    if start.startswith(b"\x1f\x8b"):
        return cast(IO[bytes], gzip.GzipFile(fileobj=file))
    if start.startswith(b"BZh"):
        return cast(IO[bytes], bz2.BZ2File(file))
    return cast(IO[bytes], lzma.LZMAFile(file)) if start == b"\xfd7zXZ\0" else file


class _Counted:
    """A stream that ends with ArchiveError when more comes out of it than the budget has."""

    def __init__(self, stream: IO[bytes], budget: _Budget) -> None:
        self._stream, self._budget = stream, budget

    def read(self, size: int) -> bytes:
        data = self._stream.read(size)
        self._budget.spend(len(data))
        return data


@dataclass(frozen=True)
class _ZipMember:
    archive: zipfile.ZipFile
    info: zipfile.ZipInfo

    def read(self, budget: _Budget) -> bytes:
        with self.archive.open(self.info) as stream:
            content = stream.read(LARGEST + 1)
        budget.spend(len(content))
        return content


@dataclass(frozen=True)
class _TarMember:
    archive: tarfile.TarFile
    info: tarfile.TarInfo

    def read(self, _budget: _Budget) -> bytes:
        stream = self.archive.extractfile(self.info)  # what is read was counted on its way into the archive
        return stream.read(LARGEST + 1) if stream else b""


def _member(
    member: _ZipMember | _TarMember,
    name: str,
    is_plain: bool,
    parts: tuple[str, ...],
    budget: _Budget,
    *,
    nested: bool,
) -> Iterator[Found]:
    """What one member of an archive gives: notebooks, a sentence, or nothing where nobody wants it."""
    budget.count_member()
    inside = [_decoded(part) for part in name.replace("\\", "/").split("/") if part not in ("", ".")]
    place = (*parts, *inside)
    problem = _problem_of(name, inside, is_plain)
    if problem:
        budget.refusals -= 1
        if budget.refusals >= 0:
            yield Found((*parts, name[:_NAME_LIMIT]), problem=problem)
        return
    if any(map(_is_ignored, inside[:-1])) or inside[-1].startswith(_MACOS) or not _is_wanted(inside[-1], nested=nested):
        return
    if _is_hidden(inside[-1]):
        yield Found(place, problem=_HIDDEN)
        return
    if "/".join(inside) in budget.seen:
        yield Found(place, problem="the archive has it twice; the first one counts")
        return
    budget.seen.add("/".join(inside))
    yield from _read_member(member, place, budget)


def _read_member(member: _ZipMember | _TarMember, place: tuple[str, ...], budget: _Budget) -> Iterator[Found]:
    try:
        content = member.read(budget)
    except ArchiveError:
        raise
    except RuntimeError:  # zipfile's word for an encrypted member
        yield Found(place, problem="it is encrypted, or compressed in a way that is not known here")
        return
    except Exception:  # the decompressors' own; the rest of a zip file may be whole
        if isinstance(member, _TarMember):
            raise
        yield Found(place, problem="it is damaged")
        return
    if len(content) > LARGEST:
        yield Found(place, problem=f"it is larger than {LARGEST // MIB} MiB")
    elif is_archive(place[-1]):
        yield from _walk_archive(io.BytesIO(content), place, _inner(budget), nested=True)
    else:
        budget.count_notebook()
        yield Found(place, content)


# ---- names ---------------------------------------------------------------------------------------------------------


def _problem_of(name: str, inside: list[str], is_plain: bool) -> str:
    if len(name) > _NAME_LIMIT:
        return "its name is too long"
    if name.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", name) or ".." in inside or not inside:
        return "its name leads out of the archive"
    return "" if is_plain else _LINK_OR_DEVICE


def _is_wanted(name: str, *, nested: bool) -> bool:
    return name.lower().endswith(".ipynb") or (is_archive(name) and not nested)


_HIDDEN = "its name begins with a dot, as only hidden files' names do"
_MACOS = "._"  # begins the names of what macOS puts beside files in archives


def _is_ignored(folder: str) -> bool:
    """Jupyter's checkpoints and other folders of tools, and what macOS puts into archives: nobody wrote these."""
    return folder.startswith(".") or folder == "__MACOSX"


def _is_hidden(name: str) -> bool:
    return name.startswith(".")


def _decoded(name: str) -> str:
    """A name that was no UTF-8 has surrogates in it, which cannot be written."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
