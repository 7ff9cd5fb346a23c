"""What was handed in: from files, folders and archives to submissions, each with its learner and its notebook.

Knows how others name things:

    Ada Lovelace_123456_assignsubmission_file_/hello.ipynb     Moodle (also without the folder: ..._file_hello.ipynb)
    lovelaceada_LATE_1234_56789_hello-1.ipynb                  Canvas (name, late or not, user, file)
    submitted/ada/01-hello/hello.ipynb                         nbgrader
    ada/hello.ipynb, ada.ipynb, ada.zip                        by hand

Reads with `archives`, so nothing is unpacked; what cannot be read is a sentence.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kmodlab.grading.archives import Found, bare_name, find_notebooks
from kmodlab.grading.notebooks import NotebookError, SubmittedNotebook, read_notebook
from kmodlab.text import escape_control_chars

_LONGEST = 100  # characters of a learner's name
_SHOWN = 300  # of a source's
_MOODLE = re.compile(r"(?P<learner>.+?_\d+)_assignsubmission_(?P<kind>file|onlinetext)(_(?P<rest>.*))?")
_CANVAS = re.compile(r"(?P<name>[^_]+)(?P<late>_LATE)?_(?P<user>\d+)_(?P<file>\d+)_(?P<rest>.+)", re.DOTALL)
_NBGRADER = "submitted"
_SCRIPTS = ("LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE")  # those with letters that look alike


@dataclass(frozen=True)
class Submission:
    """One notebook of one learner's. `notebook` is None where it cannot be read, and `problem` says why.

    `names` are those of its file and folders, the nearest first, which may tell the exercise.
    """

    learner: str
    source: str
    names: tuple[str, ...]
    notebook: SubmittedNotebook | None
    problem: str = ""
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Refusal:
    """Something that was given and is nobody's notebook: its place, and why it is left out."""

    source: str
    reason: str


@dataclass(frozen=True)
class Intake:
    """All that was given."""

    submissions: tuple[Submission, ...]
    refusals: tuple[Refusal, ...]


@dataclass(frozen=True)
class _Whose:
    """A learner's name as it was found, and the names that are left to tell the exercise."""

    learner: str
    names: tuple[str, ...]
    remarks: tuple[str, ...] = ()


def read_submissions(paths: Iterable[Path], exercises: Collection[str]) -> Intake:
    """All submissions in what was given. `exercises` are names such as 01-hello: no learner is called so."""
    submissions: list[Submission] = []
    refusals: list[Refusal] = []
    for path in paths:
        files = [_Parsed.of(found) for found in find_notebooks(path)]
        skipped = _common_folder([one.found.parts for one in files if one.is_notebook], exercises)
        for one in files:
            if one.is_notebook:
                submissions.append(_submission(one, skipped, exercises))
            else:
                refusals.append(Refusal(_shown(one.found.source), one.problem))
    return Intake(tuple(_told_apart(submissions)), tuple(refusals))


@dataclass(frozen=True)
class _Parsed:
    """A file that was found; its bytes are not kept."""

    found: Found
    notebook: SubmittedNotebook | None
    problem: str

    @property
    def is_notebook(self) -> bool:
        """Whether it is somebody's notebook, if only a broken one."""
        name = self.found.parts[-1].lower()
        return self.notebook is not None or (name.endswith(".ipynb") and "/" not in name)

    @classmethod
    def of(cls, found: Found) -> _Parsed:
        bare = replace(found, content=b"")
        if found.problem:
            return cls(bare, None, f"{found.problem[0].upper()}{found.problem[1:]}.")
        try:
            return cls(bare, read_notebook(found.content), "")
        except NotebookError as error:
            return cls(bare, None, str(error))


def _submission(one: _Parsed, skipped: int, exercises: Collection[str]) -> Submission:
    whose = _find_learner(one.found.parts, skipped, exercises)
    learner = safe_name(whose.learner)
    remarks = (*whose.remarks, *_doubts(learner))
    return Submission(learner, _shown(one.found.source), whose.names, one.notebook, one.problem, remarks)


# ---- whose it is ---------------------------------------------------------------------------------------------------


def _find_learner(parts: Sequence[str], skipped: int, exercises: Collection[str]) -> _Whose:
    """The learner by the conventions, the surest first. parts[0] is what was given."""
    inside = parts[1 + skipped :] or parts[-1:]
    nearest = tuple(reversed([bare_name(part) for part in inside]))
    for number, part in enumerate(parts):
        if found := _MOODLE.fullmatch(part):
            rest = bare_name(found["rest"] or "")
            return _Whose(found["learner"], (*_nearest(parts[number + 1 :]), *([rest] if rest else [])))
        if found := _CANVAS.fullmatch(part):
            remarks = ("It was handed in late.",) if found["late"] else ()
            names = (*_nearest(parts[number + 1 :]), bare_name(found["rest"]))
            return _Whose(f"{found['name']}_{found['user']}", names, remarks)
    if _NBGRADER in parts[:-3]:
        student = parts.index(_NBGRADER) + 1
        return _Whose(parts[student], _nearest(parts[student + 1 :]))
    if len(inside) > 1:
        return _Whose(bare_name(inside[0]), nearest[:-1])
    return _Whose(_whose_alone(parts, exercises), nearest)


def _nearest(parts: Sequence[str]) -> tuple[str, ...]:
    return tuple(reversed([bare_name(part) for part in parts]))


def _whose_alone(parts: Sequence[str], exercises: Collection[str]) -> str:
    """The learner of a notebook in no folder: the file's name, or the archive's where that is an exercise's."""
    name = bare_name(parts[-1])
    return bare_name(parts[-2]) if _is_exercises(name, exercises) and len(parts) > 1 else name


def _is_exercises(name: str, exercises: Collection[str]) -> bool:
    return any(name.casefold() in (one, one.partition("-")[2]) for one in exercises)


def _common_folder(places: Sequence[Sequence[str]], exercises: Collection[str]) -> int:
    """How many folders to pass over, because all lies in them: archives often have one more than they need."""
    skipped = 0
    while True:
        heads = {tuple(parts[1 : 2 + skipped]) for parts in places}
        below = {parts[2 + skipped] for parts in places if len(parts) > 3 + skipped}
        is_deep = bool(places) and all(len(parts) > 3 + skipped for parts in places)
        if len(heads) > 1 or not is_deep or len(below) < 2 or any(_is_exercises(name, exercises) for name in below):
            return skipped
        skipped += 1


def safe_name(raw: str) -> str:
    """A learner's name, fit for any report: composed Unicode, one line, nothing that a terminal or browser obeys."""
    text = " ".join(escape_control_chars(unicodedata.normalize("NFC", raw)).split())
    text = text.replace("/", "_").strip(". ")
    return f"{text[: _LONGEST - 1]}…" if len(text) > _LONGEST else text or "unnamed"


def _doubts(learner: str) -> Iterator[str]:
    words = (unicodedata.name(letter, "").split(" ")[0] for letter in learner if letter.isalpha())
    scripts = sorted(set(words) & set(_SCRIPTS))
    if len(scripts) > 1:
        yield f"The name mixes letters of {' and '.join(script.capitalize() for script in scripts)}."


def _told_apart(submissions: Sequence[Submission]) -> Iterator[Submission]:
    """Learners whose names differ in nothing but case or form are not mixed up: the second gets a number."""
    taken: dict[str, dict[str, str]] = {}
    for one in submissions:
        same = taken.setdefault(unicodedata.normalize("NFKC", one.learner).casefold(), {})
        if one.learner not in same:
            same[one.learner] = f"{one.learner} ({len(same) + 1})" if same else one.learner
        name = same[one.learner]
        remark = () if name == one.learner else (f"Another learner's name is the same as {one.learner}, but for case.",)
        yield replace(one, learner=name, remarks=(*one.remarks, *remark))


def _shown(source: str) -> str:
    text = escape_control_chars(source).replace("\n", "\\n")
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


# ---- which exercise it is ------------------------------------------------------------------------------------------


def find_exercise(names: Iterable[str], exercises: Collection[str]) -> str:
    """The exercise that a file's or folder's name tells, the first name that tells one; empty where none does.

    01-hello is told by 01-hello, hello, hello-1, ada_hello and Hello (2).
    """
    for name in names:
        words = _words(name)
        told = [one for one in exercises if _contains(words, _words(one)) or _contains(words, _words(one)[1:])]
        if told:
            longest = max(told, key=lambda one: len(_words(one)))
            return longest if sum(len(_words(one)) == len(_words(longest)) for one in told) == 1 else ""
    return ""


def _words(name: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", name.casefold())


def _contains(words: Sequence[str], wanted: Sequence[str]) -> bool:
    starts = range(len(words) - len(wanted) + 1)
    return bool(wanted) and any(list(words[start : start + len(wanted)]) == list(wanted) for start in starts)
