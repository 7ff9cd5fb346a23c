"""Finds work that a learner has begun in a checkout: notebooks that differ from the committed ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kmodlab.course.course_files import as_given, learner_files
from kmodlab.course.merge import Digests, UnmergeableError, digests_of
from kmodlab.process import run

_GIT_S = 30


@dataclass(frozen=True)
class BegunNotebook:
    """A changed notebook of a checkout: its present content, and the digests of the committed cells."""

    path: str
    content: bytes
    base: Digests


def read_committed(checkout: Path) -> tuple[dict[str, bytes], list[BegunNotebook]]:
    """The committed course of a checkout, contents by path, and the notebooks that differ from it.

    Without git, all files count as committed.
    """
    paths = list(learner_files(checkout))
    changed = _changed(checkout, paths)
    files: dict[str, bytes] = {}
    begun = []
    for path in paths:
        content = (checkout / path).read_bytes()
        original = changed.get(path, content)
        files[path] = as_given(path, original)
        if original != content and path.endswith(".ipynb") and _has_other_cells(content, original):
            begun.append(BegunNotebook(path, content, digests_of(original.decode("utf-8"))))
    return files, begun


def _changed(checkout: Path, paths: list[str]) -> Mapping[str, bytes]:
    """The committed contents of the files that have changed, by path."""
    try:
        status = _git(checkout, "status", "--porcelain", "-z", "--untracked-files=no", "--no-renames", "--", *paths)
        names = [entry[3:].decode() for entry in status.split(b"\0") if entry]
        return {name: _git(checkout, "show", f"HEAD:{name}") for name in names if name in paths}
    except _NoGitError:
        return {}


class _NoGitError(Exception):
    pass


def _git(checkout: Path, *words: str) -> bytes:
    try:
        finished = run(["git", "-C", checkout, *words], timeout_s=_GIT_S)
    except OSError as error:
        raise _NoGitError from error
    if not finished.ok:
        raise _NoGitError
    return finished.stdout


def _has_other_cells(content: bytes, original: bytes) -> bool:
    """Whether cells differ: a notebook that was only run does not count."""
    try:
        return digests_of(content.decode("utf-8")) != digests_of(original.decode("utf-8"))
    except (UnmergeableError, UnicodeDecodeError):
        return True
