"""From files, folders and archives to what each learner handed in: whose a notebook is, and to which exercise.

The names that others give to files are known:

    Ada Lovelace_123456_assignsubmission_file_/hello.ipynb     Moodle (also without the folder: ..._file_hello.ipynb)
    lovelaceada_LATE_1234_56789_hello-1.ipynb                  Canvas (name, late or not, user, file)
    submitted/ada/01-hello/hello.ipynb                         nbgrader
    ada/hello.ipynb, ada.ipynb, ada.zip                        by hand
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from kmodlab.course.exercise import Exercise
from kmodlab.grading.archives import bare_name, find_notebooks
from kmodlab.grading.models import HandedIn
from kmodlab.grading.notebooks import NotebookError, read_notebook
from kmodlab.i18n import N_, _
from kmodlab.text import escape_control_chars

_LONGEST = 100  # characters of a learner's name
_MOODLE = re.compile(r"(?P<learner>.+?_\d+)_assignsubmission_(?P<kind>file|onlinetext)(_(?P<rest>.*))?")
_CANVAS = re.compile(r"(?P<name>[^_]+)(?P<late>_LATE)?_(?P<user>\d+)_(?P<file>\d+)_(?P<rest>.+)", re.DOTALL)
_NBGRADER = "submitted"
# Scripts with letters that look alike, by the first word of their letters' Unicode names.
_SCRIPTS = {
    "ARMENIAN": N_("Armenian"),
    "CHEROKEE": N_("Cherokee"),
    "CYRILLIC": N_("Cyrillic"),
    "GREEK": N_("Greek"),
    "LATIN": N_("Latin"),
}


def read_submissions(paths: Iterable[Path], exercises: Collection[str]) -> list[HandedIn]:
    """All that was handed in. `exercises` are names such as 01-hello, which are never taken for a learner's.

    What is not a notebook has a problem and no learner; a broken notebook has both.
    """
    handed_in: list[HandedIn] = []
    for path in paths:
        files = [_read(file) for file in find_notebooks(path)]
        skipped = _common_folder([file.parts for file in files if _is_notebook(file)], exercises)
        handed_in += [_with_learner(file, skipped, exercises) if _is_notebook(file) else file for file in files]
    return list(_told_apart(handed_in))


def _read(file: HandedIn) -> HandedIn:
    """Put the notebook in the place of its bytes, which would fill the memory."""
    if file.problem:
        return file
    try:
        return replace(file, content=b"", notebook=read_notebook(file.content))
    except NotebookError as error:
        return replace(file, content=b"", problem=str(error))


def _is_notebook(file: HandedIn) -> bool:
    """Whether it is a notebook, perhaps a broken one."""
    name = file.parts[-1].lower()
    return file.notebook is not None or (name.endswith(".ipynb") and "/" not in name)


# ---- whose it is ---------------------------------------------------------------------------------------------------


def _with_learner(file: HandedIn, skipped: int, exercises: Collection[str]) -> HandedIn:
    raw, names, remarks = _find_learner(file.parts, skipped, exercises)
    learner = safe_name(raw)
    return replace(file, learner=learner, names=names, remarks=(*remarks, *_mixed_scripts(learner)))


def _find_learner(
    parts: Sequence[str], skipped: int, exercises: Collection[str]
) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """The learner by the conventions, the surest first; the names that may name the exercise; remarks."""
    inside = parts[1 + skipped :] or parts[-1:]
    for number, part in enumerate(parts):
        if match := _MOODLE.fullmatch(part):
            stem = bare_name(match["rest"] or "")
            return match["learner"], (*_nearest(parts[number + 1 :]), *([stem] if stem else [])), ()
        if match := _CANVAS.fullmatch(part):
            remarks = (_("It was handed in late."),) if match["late"] else ()
            names = (*_nearest(parts[number + 1 :]), bare_name(match["rest"]))
            return f"{match['name']}_{match['user']}", names, remarks
    if _NBGRADER in parts[:-3]:
        student = parts.index(_NBGRADER) + 1
        return parts[student], _nearest(parts[student + 1 :]), ()
    if len(inside) > 1:
        return bare_name(inside[0]), _nearest(inside[1:]), ()
    return _learner_without_folder(parts, exercises), _nearest(inside), ()


def _nearest(parts: Sequence[str]) -> tuple[str, ...]:
    return tuple(reversed([bare_name(part) for part in parts]))


def _learner_without_folder(parts: Sequence[str], exercises: Collection[str]) -> str:
    """The file's name, or the archive's if the file is called like an exercise."""
    name = bare_name(parts[-1])
    return bare_name(parts[-2]) if _is_exercises(name, exercises) and len(parts) > 1 else name


def _is_exercises(name: str, exercises: Collection[str]) -> bool:
    return any(name.casefold() in (exercise, exercise.partition("-")[2]) for exercise in exercises)


def _common_folder(paths: Sequence[Sequence[str]], exercises: Collection[str]) -> int:
    """How many folders to pass over because everything lies in them: archives often have one more than they need."""
    skipped = 0
    while True:
        heads = {tuple(parts[1 : 2 + skipped]) for parts in paths}
        below = {parts[2 + skipped] for parts in paths if len(parts) > 3 + skipped}
        is_deep = bool(paths) and all(len(parts) > 3 + skipped for parts in paths)
        if len(heads) > 1 or not is_deep or len(below) < 2 or any(_is_exercises(name, exercises) for name in below):
            return skipped
        skipped += 1


def safe_name(raw: str) -> str:
    """A learner's name that is safe in any report: composed Unicode, one line, no control characters."""
    text = " ".join(escape_control_chars(unicodedata.normalize("NFC", raw)).split())
    text = text.replace("/", "_").strip(". ")
    return f"{text[: _LONGEST - 1]}…" if len(text) > _LONGEST else text or "unnamed"


def _mixed_scripts(learner: str) -> Iterator[str]:
    words = (unicodedata.name(letter, "").split(" ")[0] for letter in learner if letter.isalpha())
    scripts = [_(_SCRIPTS[script]) for script in sorted(set(words) & _SCRIPTS.keys())]
    if len(scripts) > 1:
        yield _("The name mixes letters of several scripts: {scripts}.").format(scripts=", ".join(scripts))


def _told_apart(handed_in: Sequence[HandedIn]) -> Iterator[HandedIn]:
    """Tell learners apart whose names differ in case or form only: the second gets a number."""
    known: dict[str, dict[str, str]] = {}
    for file in handed_in:
        if not file.learner:
            yield file
            continue
        same = known.setdefault(unicodedata.normalize("NFKC", file.learner).casefold(), {})
        if file.learner not in same:
            same[file.learner] = f"{file.learner} ({len(same) + 1})" if same else file.learner
        name = same[file.learner]
        remark = _("Another learner's name is the same as {name}, but for case.").format(name=file.learner)
        yield replace(file, learner=name, remarks=(*file.remarks, *([] if name == file.learner else [remark])))


# ---- which exercise it is ------------------------------------------------------------------------------------------


def choose_exercise(submission: HandedIn, exercises: Mapping[str, Exercise]) -> str:
    """The exercise that a notebook itself names, or its file's name, or its cells; empty if none does."""
    notebook = submission.notebook
    if notebook and notebook.exercise in exercises:
        return notebook.exercise
    named = find_exercise(submission.names, list(exercises))
    if named or not notebook:
        return named or (next(iter(exercises)) if len(exercises) == 1 else "")
    keys = {cell.key for cell in notebook.cells}
    shares = {name: _share(exercise, keys) for name, exercise in exercises.items()}
    best = max(shares, key=lambda name: shares[name], default="")
    return best if best and shares[best] > 0 and list(shares.values()).count(shares[best]) == 1 else ""


def _share(exercise: Exercise, keys: Collection[str]) -> float:
    """The share of an exercise's answer cells that are there; checks decide between exercises with the same answers."""
    answers, checks = exercise.answers, exercise.checks
    share = sum(name in keys for name in answers) / len(answers)
    return share + sum(name in keys for name in checks) / (10 * len(checks)) if share else 0.0


def find_exercise(names: Iterable[str], exercises: Collection[str]) -> str:
    """The exercise that the name of a file or folder names, by the first of `names` that names one; empty if none does.

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
