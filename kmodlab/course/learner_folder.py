"""The learner's folder: lays out the course in it, and merges a newer course into a learner's files.

A hidden file in it records the files that the learner was given:

    {"format": 1, "files": {"notebooks/00-welcome.ipynb": {"digest": …, "cells": {id: digest}, "written": …,
     "worked": …}}, "offered": {path: digest}}

`written` is the time when we wrote a file, and `worked` the time when the learner had last changed it before that,
because a merge does not count as work. `offered` are files of a checkout that the learner was asked about.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from kmodlab.course.course_files import EXERCISES, NOTEBOOKS, find_checkout
from kmodlab.course.merge import Digests, Merged, UnmergeableError, digests_of, merge
from kmodlab.errors import UsageError
from kmodlab.files import PARTIAL, read_file, replace_bytes, replace_text
from kmodlab.i18n import _

FIRST = f"{NOTEBOOKS}/00-welcome.ipynb"
RECORD = ".kmodlab-course.json"
FORMAT = 1
_MAX_BYTES = 64 << 20


class FileFate(StrEnum):
    """What was done with a file of the course."""

    NEW = "new"
    UPDATED = "updated"  # replaced: the learner had not changed it
    MERGED = "merged"
    KEPT = "kept"  # the learner's file was kept, because the newer one could not be merged into it
    SAME = "same"


@dataclass(frozen=True)
class FileReport:
    """What was done with one file. `merged` has the ids of its cells; `problem` is a sentence why it was kept."""

    path: str
    fate: FileFate
    merged: Merged | None = None
    problem: str = ""


@dataclass
class FolderRecord:
    """The files that a learner was given, by path; see the module's docstring."""

    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    offered: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> FolderRecord:
        """The record of a folder; empty if it is missing or damaged."""
        try:
            data = json.loads(read_file(folder / RECORD, _MAX_BYTES))
            if data["format"] != FORMAT:
                raise ValueError(data["format"])
            files = {str(path): dict(entry) for path, entry in data["files"].items()}
            return cls(files, {str(path): str(digest) for path, digest in data["offered"].items()})
        except (OSError, ValueError, RecursionError, KeyError, TypeError, AttributeError):
            return cls()

    def write(self, folder: Path) -> None:
        """Replace the record of a folder. Raises: OSError."""
        data = {"format": FORMAT, "files": self.files, "offered": self.offered}
        replace_text(folder / RECORD, json.dumps(data, indent=1, ensure_ascii=False, sort_keys=True) + "\n")

    def base(self, path: str) -> Digests:
        """The digests of a notebook's cells as they were given; empty if unknown."""
        cells = self.files.get(path, {}).get("cells")
        return {str(name): str(digest) for name, digest in cells.items()} if isinstance(cells, dict) else {}

    def worked_at(self, path: str, file: Path) -> int:
        """When the learner last changed a file, in ns since the epoch; 0 if never."""
        entry, changed = self.files.get(path, {}), file.stat().st_mtime_ns
        return int(entry.get("worked", 0)) if entry.get("written") == changed else changed


@dataclass
class LearnerFolder:
    """A folder in which the course is, or is to be, laid out."""

    root: Path
    record: FolderRecord

    @classmethod
    def at(cls, root: Path) -> LearnerFolder:
        """The folder at a path, which need not exist.

        Raises:
            UsageError: It belongs to a checkout, or contains something else.
        """
        _refuse_other(root)
        return cls(root, FolderRecord.read(root))

    def lay_out(self, given: Mapping[str, bytes]) -> list[FileReport]:
        """Write missing files of the course (`given`, by path), and merge existing ones. Raises: OSError."""
        try:
            return [self._put(path, content) for path, content in given.items()]
        finally:
            if self.root.is_dir():
                self.record.write(self.root)

    def where_stopped(self) -> str:
        """The notebook that the learner changed last, as a path in the folder; the course's first if there is none."""
        times = {
            path: self.record.worked_at(path, self.root / path)
            for path in self.record.files
            if path.endswith(".ipynb") and (self.root / path).is_file()
        }
        path = max(times, key=lambda path: times[path], default="")
        return path if times.get(path) else FIRST

    def take_along(self, path: str, begun: bytes, given: bytes, base: Digests) -> FileReport:
        """Put a learner's notebook from elsewhere (`begun`) into the folder, merged with the given one.

        Nothing is changed if the notebook in the folder already has work of the learner. Raises: OSError.
        """
        target = self.root / path
        if target.exists() and digest_of(target.read_bytes()) != self.record.files.get(path, {}).get("digest"):
            return FileReport(path, FileFate.KEPT, problem=_("You have worked on it in this folder, too."))
        try:
            merged = merge(given.decode("utf-8"), begun.decode("utf-8"), base)
        except (UnmergeableError, UnicodeDecodeError) as error:
            return FileReport(path, FileFate.KEPT, problem=_problem(error))
        self._write(path, merged.text.encode("utf-8"), given, worked=1)
        return FileReport(path, FileFate.MERGED, merged)

    def _put(self, path: str, given: bytes) -> FileReport:
        target, entry = self.root / path, self.record.files.get(path, {})
        if not target.exists() and not target.is_symlink():
            self._write(path, given, given)
            return FileReport(path, FileFate.NEW)
        try:
            theirs = read_file(target, _MAX_BYTES, follow=False)
        except OSError:
            return FileReport(path, FileFate.KEPT, problem=_("It is a link, or cannot be read."))
        if entry.get("digest") == digest_of(given) or theirs == given:
            self._note(path, given, entry.get("written"), entry.get("worked", 0))
            return FileReport(path, FileFate.SAME)
        if entry.get("digest") == digest_of(theirs):
            self._write(path, given, given)
            return FileReport(path, FileFate.UPDATED)
        if not path.endswith(".ipynb"):
            return FileReport(path, FileFate.KEPT, problem=_("You have changed it."))
        try:
            merged = merge(given.decode("utf-8"), theirs.decode("utf-8"), self.record.base(path))
        except (UnmergeableError, UnicodeDecodeError) as error:
            return FileReport(path, FileFate.KEPT, problem=_problem(error))
        self._write(path, merged.text.encode("utf-8"), given, worked=self.record.worked_at(path, target))
        return FileReport(path, FileFate.MERGED, merged)

    def _write(self, path: str, content: bytes, given: bytes, worked: int = 0) -> None:
        written = replace_bytes(self.root / path, content).stat().st_mtime_ns
        self._note(path, given, written, worked)

    def _note(self, path: str, given: bytes, written: int | None, worked: int) -> None:
        entry = {"digest": digest_of(given), "written": written, "worked": worked}
        cells = {"cells": digests_of(given.decode("utf-8"))} if path.endswith(".ipynb") else {}
        self.record.files[path] = entry | cells


def digest_of(content: bytes) -> str:
    """A digest of a file's content."""
    return hashlib.sha256(content).hexdigest()[:16]


def find_folder(start: Path) -> LearnerFolder | None:
    """The learner's folder that contains a path; None if there is none."""
    roots = (path for path in (start, *start.parents) if (path / RECORD).is_file())
    root = next(roots, None)
    return LearnerFolder(root, FolderRecord.read(root)) if root else None


def _problem(error: Exception) -> str:
    return str(error) if isinstance(error, UnmergeableError) else _("It is damaged: it is not a notebook.")


def _refuse_other(root: Path) -> None:
    checkout = find_checkout()
    if any(root.glob(f"{EXERCISES}/*/master.ipynb")) or (
        checkout and root.resolve().is_relative_to(checkout.resolve())
    ):
        message = _("{folder} belongs to the sources of the course.").format(folder=root)
        raise UsageError(message, hint=_("Give a folder of your own, such as ~/kmodlab-course."))
    if root.exists() and not root.is_dir():
        raise UsageError(_("{folder} is not a folder.").format(folder=root))
    ours = {RECORD, NOTEBOOKS, EXERCISES}
    names = [path.name for path in root.iterdir() if not path.name.startswith(PARTIAL)] if root.exists() else []
    if names and not ours & set(names):
        message = _("{folder} is not empty, and the course is not in it.").format(folder=root)
        raise UsageError(message, hint=_("Give a folder of its own for the course."))
