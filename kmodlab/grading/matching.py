"""A submitted notebook beside the master: the texts of the answer cells, by id, and remarks on what is strange.

Only these texts are taken, and only as text. Checks, points, the order, the types of cells and the first line of an
answer are the master's; where a notebook says something else, it is reported and has no effect. Where two cells have
the id of one answer, the cell counts that also has its own id right (a copy has another), or else the first one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from kmodlab.course.exercise import Cell, Exercise, Role
from kmodlab.course.release import KERNEL, released_check
from kmodlab.grading.intake import Submission, find_exercise
from kmodlab.grading.notebooks import SubmittedCell, SubmittedNotebook
from kmodlab.submission.cells import LONGEST, split_magic
from kmodlab.text import escape_control_chars

_MOST_REMARKS = 20


@dataclass(frozen=True)
class Matched:
    """The answers' texts by id, and a sentence for each thing that was strange.

    `problem` is not empty where there is no answer at all.
    """

    answers: Mapping[str, str]
    remarks: tuple[str, ...]
    problem: str = ""


def match(notebook: SubmittedNotebook, exercise: Exercise) -> Matched:
    """Take the answers to an exercise from a notebook."""
    by_id: dict[str, list[SubmittedCell]] = defaultdict(list)
    for cell in notebook.cells:
        by_id[cell.key].append(cell)
    answers: dict[str, str] = {}
    remarks: list[str] = []
    for name, wanted in exercise.answers.items():
        text, said = _answer(wanted, by_id.get(name, []))
        answers |= {} if text is None else {name: text}
        remarks += said
    remarks += _remarks(notebook, exercise, by_id)
    problem = "" if answers else "None of the exercise's answer cells is in it."
    return Matched(answers, _bounded(remarks), problem)


def choose_exercise(submission: Submission, exercises: Mapping[str, Exercise]) -> str:
    """Which exercise a submission is to: what it says itself, or its file's name, or its cells; empty where nothing."""
    notebook = submission.notebook
    if notebook and notebook.exercise in exercises:
        return notebook.exercise
    told = find_exercise(submission.names, list(exercises))
    if told or not notebook:
        return told or (next(iter(exercises)) if len(exercises) == 1 else "")
    keys = {cell.key for cell in notebook.cells}
    shares = {name: _share(exercise, keys) for name, exercise in exercises.items()}
    best = max(shares, key=lambda name: shares[name], default="")
    return best if best and shares[best] > 0 and list(shares.values()).count(shares[best]) == 1 else ""


def _share(exercise: Exercise, keys: Collection[str]) -> float:
    """How many of an exercise's answer cells are there; its checks decide between exercises whose answers agree."""
    answers, checks = exercise.answers, exercise.checks
    found = sum(name in keys for name in answers) / len(answers)
    return found + sum(name in keys for name in checks) / (10 * len(checks)) if found else 0.0


# ---- answers -------------------------------------------------------------------------------------------------------


def _answer(cell: Cell, found: Sequence[SubmittedCell]) -> tuple[str | None, list[str]]:
    """One answer's text, with the master's first line, and what is strange about it."""
    if not found:
        return None, [f"The answer cell `{cell.id}` is missing."]
    remarks = []
    chosen = min(found, key=lambda one: (one.id != cell.id, one.number))
    if len(found) > 1:
        places = ", ".join(str(one.number) for one in found[:9])
        remarks.append(f"There are {len(found)} cells `{cell.id}` (cells {places}); cell {chosen.number} counts.")
    if chosen.type != "code":
        remarks.append(f"The answer cell `{cell.id}` is of the type {_quoted(chosen.type)} now; its text counts.")
    if len(chosen.source) > LONGEST:
        return "", [*remarks, f"The answer cell `{cell.id}` is longer than {LONGEST} characters, and is not read."]
    # IPython does not mind empty lines above a magic.
    source = chosen.source.lstrip("\n") if chosen.source.lstrip().startswith("%%") else chosen.source
    line, body = split_magic(source.lstrip(" \t") if source.lstrip(" \t").startswith("%%") else source)
    wanted = cell.magic
    if line.split() != wanted.split():
        said = f"begins with {_quoted(line)}" if line else "has lost its first line"
        remarks.append(f"The answer cell `{cell.id}` {said}; {_quoted(wanted)} counts.")
    return f"{wanted}\n{body}", remarks


# ---- what is strange -----------------------------------------------------------------------------------------------


def _remarks(
    notebook: SubmittedNotebook, exercise: Exercise, by_id: Mapping[str, Sequence[SubmittedCell]]
) -> Iterator[str]:
    if notebook.kernel not in ("", KERNEL["name"]):
        yield f"The notebook asks for another Jupyter kernel, {_quoted(notebook.kernel)}."
    for cell in exercise.cells:
        if cell.role is Role.CHECK:
            yield from _check_remarks(cell, by_id.get(cell.id, ()))
        elif cell.role is Role.CODE:
            yield from _code_remarks(cell, by_id.get(cell.id, ()))
    yield from _order_remarks(notebook, exercise)
    known = {cell.id for cell in exercise.cells}
    extra = sum(cell.key not in known for cell in notebook.cells)
    if extra:
        yield f"{extra} {'cell is' if extra == 1 else 'cells are'} not of the exercise."
    planted = [str(cell.number) for cell in notebook.cells if cell.is_planted]
    if planted:
        yield f"Outputs are stored in cells that were not run: {', '.join(planted[:9])}."
    tags = sorted({tag for cell in notebook.cells for tag in cell.tags})
    if tags:
        yield f"Cells have tags: {', '.join(_quoted(tag) for tag in tags[:9])}."


def _check_remarks(cell: Cell, found: Sequence[SubmittedCell]) -> Iterator[str]:
    if not found:
        yield f"The check `{cell.id}` is missing."
        return
    if len(found) > 1:
        yield f"There are {len(found)} cells with the check's id `{cell.id}`."
    if any(one.type != "code" for one in found):
        yield f"The check `{cell.id}` is no code any more."
    if any(one.source.strip() != released_check(cell).strip() for one in found):
        yield f"The check `{cell.id}` was changed."
    assert cell.check is not None
    points = [one.points for one in found if one.points is not None and one.points != cell.check.points]
    if points:
        yield f"The check `{cell.id}` is said to be worth {points[0]:g}; it is worth {cell.check.points:g}."


def _code_remarks(cell: Cell, found: Sequence[SubmittedCell]) -> Iterator[str]:
    if any(one.source.strip() != cell.source.strip() for one in found):
        yield f"The cell `{cell.id}` was changed."


def _order_remarks(notebook: SubmittedNotebook, exercise: Exercise) -> Iterator[str]:
    order = {cell.id: number for number, cell in enumerate(exercise.cells)}
    seen = list(dict.fromkeys(cell.key for cell in notebook.cells if cell.key in order))
    if [order[key] for key in seen] != sorted(order[key] for key in seen):
        yield "The cells are in another order."


def _quoted(text: str) -> str:
    """A learner's words in a sentence of ours: one line, short, harmless."""
    shown = escape_control_chars(text).replace("\n", " ").replace("`", "'")
    return f"`{shown if len(shown) <= 60 else f'{shown[:59]}…'}`"


def _bounded(remarks: Sequence[str]) -> tuple[str, ...]:
    more = len(remarks) - _MOST_REMARKS
    return (*remarks[:_MOST_REMARKS], *([f"There are {more} more remarks."] if more > 0 else []))
