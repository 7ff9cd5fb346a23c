"""Finds submitted files in files, folders and archives. Nothing is unpacked to disk; limits bound what is read.

No input is trusted. A learning platform's archive may contain archives of learners, but these may not contain further
archives. Notebooks are returned with their content, everything else (empty folders too) with a sentence that says why
it is left out. Files that tools leave behind are skipped silently. `intake` finds the learner of a file.
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
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import IO, cast

from kmodlab.files import MIB
from kmodlab.grading.models import HandedIn
from kmodlab.grading.notebooks import LARGEST
from kmodlab.i18n import N_, _

_NAME_LIMIT = 1000  # characters
_MOST_PROBLEMS = 20  # sentences about one archive
_ARCHIVES = re.compile(r"\.(zip|tar|tgz|tbz2?|txz|tar\.(gz|bz2|xz))$", re.IGNORECASE)
_MACOS = "._"  # the beginning of the names of files that macOS adds to archives
_TOOLS = ("__MACOSX", ".DS_Store", ".ipynb_checkpoints", ".git")
_NO_NOTEBOOK = N_("It is not a notebook.")
_NOTHING = N_("There is nothing in it.")
_LINK_OR_DEVICE = N_("It is a link or a device.")
_HIDDEN = N_("Its name begins with a dot, as only hidden files' names do.")
_TOO_LARGE = N_("It is larger than {size} MiB.")


class ArchiveError(ValueError):
    """An archive, or the rest of it, cannot be read; the message is a sentence that says why."""


@dataclass
class _Budget:
    """What may still be read from one archive: unpacked bytes, members, notebooks, and sentences about problems."""

    size: int
    members: int
    notebooks: int
    outer: _Budget | None = None
    problems: int = _MOST_PROBLEMS
    names: set[str] = field(default_factory=set)  # of the members that were read
    shares: dict[str, _Budget] = field(default_factory=dict)

    def share_of(self, inside: list[str]) -> _Budget:
        """The budget for a member's folder, so that one learner cannot use up the budget of others."""
        return self.shares.setdefault("/".join(inside[:-1]) or inside[-1], _share()) if not self.outer else self

    def spend(self, size: int) -> None:
        if self.outer:
            self.outer.spend(size)
        self.size -= size
        if self.size < 0:
            raise ArchiveError(_("It unpacks to far more than submissions need; the rest is left out."))

    def count_member(self) -> None:
        self.members -= 1
        if self.members < 0:
            raise ArchiveError(_("It has too many members; the rest is left out."))

    def count_notebook(self) -> None:
        self.notebooks -= 1
        if self.notebooks < 0:
            raise ArchiveError(_("It has too many notebooks; the rest is left out."))


def _outer() -> _Budget:
    return _Budget(size=4096 * MIB, members=200_000, notebooks=20_000, problems=200_000)


def _share() -> _Budget:
    return _Budget(size=512 * MIB, members=0, notebooks=1000)


def _inner(outer: _Budget) -> _Budget:
    return _Budget(size=160 * MIB, members=2000, notebooks=50, outer=outer)


def is_archive(name: str) -> bool:
    """Whether a file's name is an archive's, by its suffix."""
    return bool(_ARCHIVES.search(name))


def bare_name(name: str) -> str:
    """A file's name without the suffix of an archive or a notebook."""
    return re.sub(r"\.ipynb$", "", _ARCHIVES.sub("", name), flags=re.IGNORECASE)


def find_files(path: Path, results: Path | None = None) -> Iterator[HandedIn]:
    """All files in a file, a folder or an archive, except the folder `results`: their parts, with content or problem.

    Only notebooks have content. Files in folders are sorted by name, members of an archive are in its order. For an
    empty folder or archive, the last part is empty.
    """
    if path.is_dir():
        yield from _walk_folder(path, (path.resolve().name,), results.resolve() if results else None)
    else:
        yield from _look_at_file(path, (path.name,))


# ---- folders -------------------------------------------------------------------------------------------------------


def _walk_folder(folder: Path, parts: tuple[str, ...], results: Path | None) -> Iterator[HandedIn]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        yield HandedIn(parts, problem=_("The folder cannot be read: {error}.").format(error=error.strerror))
        return
    entries = [entry for entry in entries if not _is_tools(entry.name)]
    if not entries:
        yield HandedIn((*parts, ""), problem=_(_NOTHING))
    for entry in entries:
        inner = (*parts, _decoded(entry.name))
        if _is_hidden(entry.name):
            yield HandedIn(inner, problem=_(_HIDDEN))
        elif entry.is_dir(follow_symlinks=False):
            if not results or entry.name != results.name or Path(entry.path).resolve() != results:
                yield from _walk_folder(Path(entry.path), inner, results)
        else:
            yield from _look_at_file(Path(entry.path), inner, follow=False)


def _look_at_file(path: Path, parts: tuple[str, ...], *, follow: bool = True) -> Iterator[HandedIn]:
    """The files in a file, which may be an archive. Only regular files are read, because a FIFO would block."""
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    try:
        with os.fdopen(os.open(path, flags), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                yield HandedIn(parts, problem=_("It is not a regular file."))
            elif is_archive(parts[-1]):
                inside = _walk_archive(file, parts, _outer(), nested=False)
                yield from inside if follow else _with_time(inside, os.fstat(file.fileno()).st_mtime)
            elif _is_notebook(parts[-1]):
                yield replace(_read_file(file, parts), time=os.fstat(file.fileno()).st_mtime)
            else:
                yield HandedIn(parts, problem=_(_NO_NOTEBOOK))
    except OSError as error:
        unreadable = _("It cannot be read: {error}.").format(error=error.strerror)
        yield HandedIn(parts, problem=_(_LINK_OR_DEVICE) if path.is_symlink() else unreadable)


def _with_time(files: Iterator[HandedIn], time: float) -> Iterator[HandedIn]:
    """The files of a learner's archive, with the time of the archive: learners can choose the times inside."""
    return (replace(file, time=time) for file in files)


def _read_file(file: IO[bytes], parts: tuple[str, ...]) -> HandedIn:
    content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        return HandedIn(parts, problem=_(_TOO_LARGE).format(size=LARGEST // MIB))
    return HandedIn(parts, content)


# ---- archives ------------------------------------------------------------------------------------------------------


def _walk_archive(file: IO[bytes], parts: tuple[str, ...], budget: _Budget, *, nested: bool) -> Iterator[HandedIn]:
    try:
        start = file.read(2)
        file.seek(0)
        walk = _walk_zip if start == b"PK" else _walk_tar  # the content decides, not the name
        folders = _Folders()
        for handed_in in walk(file, parts, budget, folders, nested=nested):
            folders.note_file(handed_in.parts[len(parts) :])
            yield handed_in
        yield from (HandedIn((*parts, *inner, ""), problem=_(_NOTHING)) for inner in folders.empty())
    except ArchiveError as error:
        yield HandedIn(parts, problem=str(error))
    except Exception:  # zipfile, tarfile and the decompressors raise many classes for a damaged archive
        yield HandedIn(parts, problem=_("The archive is damaged, or is not an archive."))


class _Folders:
    """The folders of an archive, to find the empty ones."""

    def __init__(self) -> None:
        self._named: dict[tuple[str, ...], None] = {}
        self._filled: set[tuple[str, ...]] = set()

    def note_folder(self, name: str) -> None:
        """Record a member that is a folder."""
        inner = tuple(_split_name(name))
        if inner and ".." not in inner and not any(map(_is_tools, inner)):
            self._named[inner] = None

    def note_file(self, inner: tuple[str, ...]) -> None:
        """Record a file in the archive, by its parts."""
        self._filled.update(inner[:length] for length in range(len(inner)))

    def empty(self) -> list[tuple[str, ...]]:
        """The empty folders; the archive itself, without parts, if it is empty."""
        if not self._filled and not self._named:
            return [()]
        above = {inner[:length] for inner in self._named for length in range(len(inner))}
        return [inner for inner in self._named if inner not in self._filled and inner not in above]


def _walk_zip(
    file: IO[bytes], parts: tuple[str, ...], budget: _Budget, folders: _Folders, *, nested: bool
) -> Iterator[HandedIn]:
    with zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            kind = stat.S_IFMT(info.external_attr >> 16)
            is_plain = kind in (0, stat.S_IFREG)
            if info.is_dir():
                budget.count_member()
                folders.note_folder(info.filename)
                continue
            yield from _member(_ZipMember(archive, info), info.filename, is_plain, parts, budget, nested=nested)


def _walk_tar(
    file: IO[bytes], parts: tuple[str, ...], budget: _Budget, folders: _Folders, *, nested: bool
) -> Iterator[HandedIn]:
    stream = cast(IO[bytes], _Counted(_decompressed(file), budget))
    with tarfile.open(fileobj=stream, mode="r|", errorlevel=0, bufsize=1 << 16) as archive:
        for info in archive:
            archive.members = []  # type: ignore[attr-defined]  # it would keep them all
            if info.isdir():
                budget.count_member()
                folders.note_folder(info.name)
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
    """A stream that raises ArchiveError when more bytes are read from it than the budget has."""

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

    @property
    def time(self) -> float:
        try:
            return datetime(*self.info.date_time).timestamp()
        except (ValueError, OverflowError):
            return 0.0

    def read(self, budget: _Budget) -> bytes:
        with self.archive.open(self.info) as stream:
            content = stream.read(LARGEST + 1)
        budget.spend(len(content))
        return content


@dataclass(frozen=True)
class _TarMember:
    archive: tarfile.TarFile
    info: tarfile.TarInfo

    @property
    def time(self) -> float:
        return float(self.info.mtime)

    def read(self, _budget: _Budget) -> bytes:
        stream = self.archive.extractfile(self.info)  # not counted here: the tar's own stream is counted
        return stream.read(LARGEST + 1) if stream else b""


def _member(
    member: _ZipMember | _TarMember,
    name: str,
    is_plain: bool,
    parts: tuple[str, ...],
    budget: _Budget,
    *,
    nested: bool,
) -> Iterator[HandedIn]:
    """The files in a member of an archive: one, several if it is an archive, none if a tool left it."""
    budget.count_member()
    inside = _split_name(name)
    problem = _problem_of(name, inside, is_plain)
    if not problem and any(map(_is_tools, inside)):
        return
    shown = (*parts, name[:_NAME_LIMIT]) if problem else (*parts, *inside)
    problem = problem or _why_left_out(inside, budget, nested=nested)
    if problem:
        budget.problems -= 1
        if budget.problems >= 0:
            yield HandedIn(shown, problem=problem)
        return
    budget.names.add("/".join(inside))
    share = budget.share_of(inside)
    try:
        yield from _read_member(member, (*parts, *inside), share)
    except ArchiveError as error:
        if share is budget or budget.size < 0:
            raise
        yield HandedIn((*parts, *inside), problem=str(error))


def _why_left_out(inside: list[str], budget: _Budget, *, nested: bool) -> str:
    """Why a member of an archive is not read, in a sentence; empty if it is read."""
    if any(map(_is_hidden, inside)):
        return _(_HIDDEN)
    if is_archive(inside[-1]) and nested:
        return _("It is an archive in an archive in an archive, and is not opened.")
    if not is_archive(inside[-1]) and not _is_notebook(inside[-1]):
        return _(_NO_NOTEBOOK)
    return _("The archive has it twice; the first one counts.") if "/".join(inside) in budget.names else ""


def _read_member(member: _ZipMember | _TarMember, parts: tuple[str, ...], budget: _Budget) -> Iterator[HandedIn]:
    try:
        budget.spend(0)  # raises if the budget is used up
        content = member.read(budget)
    except ArchiveError:
        raise
    except RuntimeError:  # zipfile raises it for an encrypted member
        yield HandedIn(parts, problem=_("It is encrypted, or compressed in a way that is not supported."))
        return
    except Exception:  # the decompressors' own classes; the other members of a zip file may be undamaged
        if isinstance(member, _TarMember):
            raise
        yield HandedIn(parts, problem=_("It is damaged."))
        return
    if len(content) > LARGEST:
        yield HandedIn(parts, problem=_(_TOO_LARGE).format(size=LARGEST // MIB))
    elif is_archive(parts[-1]):
        yield from _with_time(_walk_archive(io.BytesIO(content), parts, _inner(budget), nested=True), member.time)
    else:
        budget.count_notebook()
        yield HandedIn(parts, content, time=member.time)


# ---- names ---------------------------------------------------------------------------------------------------------


def _problem_of(name: str, inside: list[str], is_plain: bool) -> str:
    if len(name) > _NAME_LIMIT:
        return _("Its name is too long.")
    if name.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", name) or ".." in inside or not inside:
        return _("Its name leads out of the archive.")
    return "" if is_plain else _(_LINK_OR_DEVICE)


def _split_name(name: str) -> list[str]:
    """The parts of a member's name."""
    return [_decoded(part) for part in name.replace("\\", "/").split("/") if part not in ("", ".")]


def _is_notebook(name: str) -> bool:
    return name.lower().endswith(".ipynb")


def _is_tools(name: str) -> bool:
    """Whether Jupyter, git or macOS have left a file or folder behind."""
    return name in _TOOLS or name.startswith(_MACOS)


def _is_hidden(name: str) -> bool:
    return name.startswith(".")


def _decoded(name: str) -> str:
    """A name without the surrogates of bytes that are not UTF-8, which cannot be written."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
