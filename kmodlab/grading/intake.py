"""Finds the learner and the exercise of each submitted file.

These conventions for names of files and folders are known:

    Ada Lovelace_123456_assignsubmission_file_/hello.ipynb     Moodle (also without the folder: ..._file_hello.ipynb)
    lovelaceada_LATE_1234_56789_hello-1.ipynb                  Canvas (name, late or not, user, file, -1: the second)
    submitted/ada/01-hello/hello.ipynb                         nbgrader
    ada/hello.ipynb, ada.ipynb, ada.zip                        by hand

The outermost of these names counts, because the learner chooses the names in his own folder or archive.
"""

from __future__ import annotations

import hashlib
import re
import traceback
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kmodlab.course.exercise import Exercise
from kmodlab.grading.archives import bare_name, find_files, is_archive
from kmodlab.grading.models import HandedIn
from kmodlab.grading.notebooks import NotebookError, defined_by, read_notebook
from kmodlab.i18n import N_, _
from kmodlab.text import escape_control_chars

_LONGEST = 100  # characters of a learner's name
# If this occurs several times, the last one counts: learners can choose their names and file names, but not the text
# that Moodle puts between them.
_MOODLE = re.compile(r"(?P<learner>.+_\d+)_assignsubmission_(?P<kind>file|onlinetext)(_(?P<rest>.*))?", re.DOTALL)
_CANVAS = re.compile(r"(?P<name>.+?)(?P<late>_LATE)?_(?P<user>\d+)_(?P<file>\d+)_(?P<rest>.+)", re.DOTALL)
_CANVAS_COPY = re.compile(r".*-(\d{1,3})$", re.DOTALL)
_NBGRADER = "submitted"
# Scripts with similar letters, by the first word of the letters' Unicode names.
_SCRIPTS = {
    "ARMENIAN": N_("Armenian"),
    "CHEROKEE": N_("Cherokee"),
    "CYRILLIC": N_("Cyrillic"),
    "GREEK": N_("Greek"),
    "LATIN": N_("Latin"),
}


def read_submissions(paths: Iterable[Path], exercises: Collection[str], results: Path | None = None) -> list[HandedIn]:
    """All submitted files, each with its learner.

    `exercises` are names such as 01-hello, which are never taken for a learner's name. `results` is the folder that our
    results are written to, which may be among `paths`. A file that cannot be graded has a `problem`; after an internal
    error, it has a `fault`.
    """
    handed_in: list[HandedIn] = []
    for path in paths:
        files = [guarded(file, _read) for file in find_files(path, results)]
        entry = _find_entries([file.parts for file in files], exercises)
        handed_in += [_with_owner(file, _find_owner(file, entry, exercises)) for file in files]
    return list(_told_apart(handed_in))


def guarded(file: HandedIn, step: Callable[[HandedIn], HandedIn]) -> HandedIn:
    """The file that `step` returns; after an exception, the file with the traceback as its `fault`."""
    try:
        return step(file)
    except Exception as error:  # an error with one file must not end the run
        name = f"{type(error).__name__}: {escape_control_chars(str(error))[:_LONGEST]}"
        problem = _("kmodlab failed over it: {name}.").format(name=name)
        fault = "".join(traceback.format_exception(error))
        return replace(file, content=b"", notebook=None, problem=problem, fault=fault)


def _read(file: HandedIn) -> HandedIn:
    """Parse the notebook, and drop the file's bytes, which would fill the memory."""
    if file.problem:
        return file
    try:
        return replace(file, content=b"", notebook=read_notebook(file.content))
    except NotebookError as error:
        return replace(file, content=b"", problem=str(error))


def is_notebook(file: HandedIn) -> bool:
    """Whether a file is a notebook, perhaps a damaged one."""
    name = file.parts[-1].lower()
    return file.notebook is not None or (name.endswith(".ipynb") and "/" not in name and not name.startswith("."))


# ---- whose it is ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Owner:
    """The learner of a file; the names that may name the exercise, nearest first; the platform's data about it."""

    learner: str
    names: tuple[str, ...]
    attempt: float = 0.0
    copy: int = 0
    late: bool = False


def _with_owner(file: HandedIn, owner: _Owner) -> HandedIn:
    """The file with its learner's name as the folders have it; `_told_apart` makes it a safe one."""
    return replace(
        file,
        learner=owner.learner,
        attempt=owner.attempt,
        copy=owner.copy,
        late=owner.late,
        names=owner.names,
        remarks=(*file.remarks, *_mixed_scripts(owner.learner)),
    )


def _find_owner(file: HandedIn, entry: int, exercises: Collection[str]) -> _Owner:
    """The owner according to the conventions. `entry` is the index of the part of the path that names the learner."""
    parts = file.parts
    for number, part in enumerate(parts[: entry + 1]):
        inner = parts[number + 1 :]
        if match := _MOODLE.fullmatch(part):
            stem = bare_name(match["rest"] or "")
            return _Owner(match["learner"], (*_nearest(inner), *([stem] if stem else [])), file.time)
        if match := _CANVAS.fullmatch(part):
            stem = bare_name(match["rest"])
            again = _CANVAS_COPY.match(stem)
            return _Owner(
                f"{match['name']}_{match['user']}",
                names=(*_nearest(inner), stem),
                attempt=float(match["file"][:15]),
                copy=int(again[1]) if again else 0,
                late=match["late"] is not None,
            )
    if _NBGRADER in parts[: entry + 1] and len(parts) > parts.index(_NBGRADER) + 3:
        student = parts.index(_NBGRADER) + 1
        return _Owner(parts[student], _nearest(parts[student + 1 :]))
    inside = parts[entry:] or parts[-1:]
    if len(inside) > 1:
        return _Owner(bare_name(inside[0]), _nearest(inside[1:]))
    return _Owner(_learner_without_folder(parts, exercises), _nearest(inside))


def _nearest(parts: Sequence[str]) -> tuple[str, ...]:
    return tuple(reversed([bare_name(part) for part in parts]))


def _learner_without_folder(parts: Sequence[str], exercises: Collection[str]) -> str:
    """The file's name, or that of its archive if the file has an exercise's name."""
    name = bare_name(parts[-1])
    return bare_name(parts[-2]) if _is_exercises(name, exercises) and len(parts) > 1 else name


def _is_exercises(name: str, exercises: Collection[str]) -> bool:
    return any(name.casefold() in (exercise, exercise.partition("-")[2]) for exercise in exercises)


def _find_entries(paths: Sequence[Sequence[str]], exercises: Collection[str]) -> int:
    """The index of the part of the paths that names the learner: the first one below the given path.

    Folders that contain all files are skipped, because archives often have such a folder; so are the folders down to
    nbgrader's `submitted`. An archive in a folder belongs to a learner, whatever it contains.
    """
    deep = [parts for parts in paths if len(parts) > 2]
    entry = 1
    while deep:
        heads = {tuple(parts[1 : entry + 1]) for parts in deep}
        if len(heads) > 1 or any(len(parts) <= entry + 2 or is_archive(parts[entry]) for parts in deep):
            return entry
        below = {parts[entry + 1] for parts in deep}
        is_nbgraders = _NBGRADER in next(iter(heads)) or below == {_NBGRADER}
        if not is_nbgraders and (len(below) < 2 or any(_is_exercises(name, exercises) for name in below)):
            return entry
        if _NBGRADER in next(iter(heads)):
            return entry
        entry += 1
    return entry


def safe_name(raw: str) -> str:
    """A learner's name that is safe in any report: composed Unicode, one line, no control characters.

    A name that is too long is shortened and gets a digest, so that it stays different from names with the same
    beginning.
    """
    text = " ".join(escape_control_chars(unicodedata.normalize("NFC", raw)).split()).replace("/", "_")
    if len(text) > _LONGEST:
        return f"{text[: _LONGEST - 10]}… {_digest(raw)}"
    return text if text.strip(".") else f"unnamed{text}"


def _mixed_scripts(learner: str) -> Iterator[str]:
    words = (unicodedata.name(letter, "").split(" ")[0] for letter in learner if letter.isalpha())
    scripts = [_(_SCRIPTS[script]) for script in sorted(set(words) & _SCRIPTS.keys())]
    if len(scripts) > 1:
        yield _("The name mixes letters of several scripts: {scripts}.").format(scripts=", ".join(scripts))


def _told_apart(handed_in: Sequence[HandedIn]) -> Iterator[HandedIn]:
    """The files with safe names of their learners, and a remark if another learner's name looks the same.

    Different names stay different: if their safe names are equal, all but one get a digest. A name that is already safe
    is not changed.
    """
    safe: dict[str, str] = {}
    for raw in sorted({file.learner for file in handed_in}, key=lambda raw: (raw != safe_name(raw), raw)):
        name = safe_name(raw)
        safe[raw] = name if name not in safe.values() else f"{name} {_digest(raw)}"
    alike: dict[str, set[str]] = {}
    for name in safe.values():
        alike.setdefault(_shape(name), set()).add(name)
    for file in handed_in:
        name = safe[file.learner]
        others = sorted(alike[_shape(name)] - {name})
        remark = _("Another learner's name looks the same: {names}.").format(names=", ".join(others[:3]))
        yield replace(file, learner=name, remarks=(*file.remarks, *([remark] if others else [])))


def _digest(raw: str) -> str:
    return hashlib.sha256(raw.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def _shape(learner: str) -> str:
    """A name reduced to what a reader notices, to compare it with other names."""
    return re.sub(r"\\u[0-9a-f]{4}|[\W_]+", "", unicodedata.normalize("NFKC", learner)).casefold()


# ---- which exercise it is ------------------------------------------------------------------------------------------


def choose_exercise(submission: HandedIn, exercises: Mapping[str, Exercise]) -> str:
    """The name of a submission's exercise, from the notebook's metadata, its file name, or its cells; or empty."""
    notebook = submission.notebook
    if notebook and notebook.exercise in exercises:
        return notebook.exercise
    named = find_exercise(submission.names, list(exercises))
    if named or not notebook:
        return named or (next(iter(exercises)) if len(exercises) == 1 else "")
    keys = {cell.key for cell in notebook.cells} | {" ".join(cell.defines) for cell in notebook.cells}
    shares = {name: _share(exercise, keys) for name, exercise in exercises.items()}
    best = max(shares, key=lambda name: shares[name], default="")
    return best if best and shares[best] > 0 and list(shares.values()).count(shares[best]) == 1 else ""


def _share(exercise: Exercise, keys: Collection[str]) -> float:
    """The share of an exercise's answer cells that are present, plus a little for checks, to decide between equals."""
    answers, checks = exercise.answers, exercise.checks
    lines = {name: " ".join(defined_by(answer.source)) for name, answer in answers.items()}
    share = sum(name in keys or lines[name] in keys for name in answers) / len(answers)
    return share + sum(name in keys for name in checks) / (10 * len(checks)) if share else 0.0


def find_exercise(names: Iterable[str], exercises: Collection[str]) -> str:
    """The exercise of the first of `names` (of files and folders) that names an exercise; empty if none does.

    01-hello, hello, hello-1, ada_hello and Hello (2) all name 01-hello.
    """
    for name in names:
        words = _words(name)
        matches = [
            exercise
            for exercise in exercises
            if _contains(words, _words(exercise)) or _contains(words, _words(exercise)[1:])
        ]
        if matches:
            longest = max(matches, key=lambda exercise: len(_words(exercise)))
            rivals = sum(len(_words(exercise)) == len(_words(longest)) for exercise in matches)
            return longest if rivals == 1 else ""
    return ""


def _words(name: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", name.casefold())


def _contains(words: Sequence[str], wanted: Sequence[str]) -> bool:
    starts = range(len(words) - len(wanted) + 1)
    return bool(wanted) and any(list(words[start : start + len(wanted)]) == list(wanted) for start in starts)
