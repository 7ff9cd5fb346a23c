"""Takes the texts of an exercise's answer cells from a notebook, and remarks on unusual things in it.

Only the answers are taken, and only as text. Checks, points, the order and the types of cells, and the first line of an
answer come from the master; if a notebook differs from it, this only causes a remark.

An answer is found by its cell's id, or else by its first line, so that a notebook also counts if it was copied cell by
cell, or saved by a program without ids. An unchanged starter never counts if another cell has an answer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from kmodlab.course.exercise import Cell, Exercise, Role
from kmodlab.course.regions import starter_of
from kmodlab.course.release import KERNEL, given_texts
from kmodlab.grading.notebooks import SubmittedCell, SubmittedNotebook, defined_by
from kmodlab.i18n import _, ngettext
from kmodlab.submission.cells import LONGEST, split_magic
from kmodlab.text import escape_control_chars

if TYPE_CHECKING:
    from kmodlab.grading.models import HandedIn

_MOST_REMARKS = 20
_MOST_NAMED = 9  # cells or tags in one remark


def match(handed_in: HandedIn, exercise: Exercise) -> HandedIn:
    """Set the exercise, and take its answers from the notebook; `problem` is set if the notebook has none."""
    if handed_in.notebook is None:
        return replace(handed_in, exercise=exercise.name)
    cells = _Cells(handed_in.notebook, exercise)
    answers: dict[str, str] = {}
    remarks: list[str] = []
    for name, wanted in exercise.answers.items():
        text, strange = _answer(wanted, cells)
        answers |= {} if text is None else {name: text}
        remarks += strange
    remarks += _remarks(handed_in.notebook, exercise, cells)
    return replace(
        handed_in,
        exercise=exercise.name,
        answers=answers,
        remarks=(*handed_in.remarks, *_bounded(remarks)),
        problem="" if answers else _("None of the exercise's answer cells is in it."),
    )


def is_untouched(handed_in: HandedIn, exercise: Exercise) -> bool:
    """Whether all answers, which `match` has taken, are unchanged starters."""
    answers = handed_in.answers.items()
    return all(_is_starter(text, exercise.answers[name]) for name, text in answers)


class _Cells:
    """The cells of a notebook, searched by the answers that they may be."""

    def __init__(self, notebook: SubmittedNotebook, exercise: Exercise) -> None:
        self.by_id: dict[str, list[SubmittedCell]] = defaultdict(list)
        self.by_first_line: dict[tuple[str, ...], list[SubmittedCell]] = defaultdict(list)
        self.used: set[int] = set()  # numbers of the cells that count as answers, or as restored checks
        self.all = notebook.cells
        self.known = {cell.id for cell in exercise.cells}
        for cell in notebook.cells:
            self.by_id[cell.key].append(cell)
            if cell.key not in self.known and cell.type == "code" and cell.defines:
                self.by_first_line[cell.defines].append(cell)

    def put_back(self, check: Cell) -> list[SubmittedCell]:
        """The cells with the text of a check whose own cell is missing: the learner restored it, with another id."""
        given = {text.strip() for text in given_texts(check)}
        others = (cell for cell in self.all if cell.key not in self.known and cell.number not in self.used)
        cells = [cell for cell in others if cell.source.strip() in given][:1]
        self.used |= {cell.number for cell in cells}
        return cells

    def others(self, answer: Cell) -> list[SubmittedCell]:
        """The cells without an id of the exercise whose magic and name are those of an answer cell of the master."""
        return self.by_first_line.get(defined_by(answer.source), [])


# ---- answers -------------------------------------------------------------------------------------------------------


def _answer(answer: Cell, cells: _Cells) -> tuple[str | None, list[str]]:
    """The text of one answer, with the master's first line, and remarks; None if the notebook has no such answer."""
    chosen, remarks = _choose(answer, cells)
    if chosen is None:
        return None, remarks
    cells.used.add(chosen.number)
    if chosen.type != "code":
        remark = _("The answer cell `{id}` is of the type {type} now; its text counts.")
        remarks.append(remark.format(id=answer.id, type=_quoted(chosen.type)))
    if len(chosen.source) > LONGEST:
        remark = _("The answer cell `{id}` is longer than {most} characters, and is not read.")
        return "", [*remarks, remark.format(id=answer.id, most=LONGEST)]
    line, body = _split_answer(chosen.source)
    wanted = answer.magic
    if line.split() != wanted.split():
        remark = _("The answer cell `{id}` has lost its first line; {wanted} counts.")
        if line:
            remark = _("The answer cell `{id}` begins with {line}; {wanted} counts.")
        remarks.append(remark.format(id=answer.id, line=_quoted(line), wanted=_quoted(wanted)))
    if inner := next((line for line in body.split("\n") if _begins_cell(line)), ""):
        remark = _("In the answer cell `{id}`, another cell begins with {line}: were two cells merged?")
        remarks.append(remark.format(id=answer.id, line=_quoted(inner)))
    return f"{wanted}\n{body}", remarks


def _split_answer(source: str) -> tuple[str, str]:
    """The magic in the first line, and the text below it; IPython ignores empty lines above a magic."""
    source = source.lstrip("\n") if source.lstrip().startswith("%%") else source
    return split_magic(source.lstrip(" \t") if source.lstrip(" \t").startswith("%%") else source)


def _begins_cell(line: str) -> bool:
    return line.startswith(("%%", "check("))


def _is_starter(text: str, answer: Cell) -> bool:
    return _split_answer(text)[1].split() == split_magic(starter_of(answer.source))[1].split()


def _choose(answer: Cell, cells: _Cells) -> tuple[SubmittedCell | None, list[str]]:
    """The cell that counts as an answer, and remarks on the choice.

    First come changed cells with the answer's id, among them a cell whose own id is right too (a pasted copy has
    another). Otherwise the last changed cell counts, among copies and cells that begin with the answer's first line.
    """
    same_id, others = cells.by_id.get(answer.id, []), cells.others(answer)
    own = [cell for cell in same_id if cell.id == answer.id] or same_id
    rest = sorted([*(cell for cell in same_id if cell not in own), *others], key=lambda cell: cell.number)
    changed_own, changed_rest = (
        [cell for cell in each if not _is_starter(cell.source, answer)] for each in (own, rest)
    )
    chosen = next(iter([*changed_own, *reversed(changed_rest), *own, *rest]), None)
    return chosen, list(_choice_remarks(answer, cells, chosen, own, rest))


def _choice_remarks(
    answer: Cell,
    cells: _Cells,
    chosen: SubmittedCell | None,
    own: Sequence[SubmittedCell],
    rest: Sequence[SubmittedCell],
) -> Iterator[str]:
    if chosen is None:
        yield _("The answer cell `{id}` is missing.").format(id=answer.id)
        inside = next((cell for cell in cells.all if _has_inside(cell, answer)), None)
        if inside:
            remark = _("Its first line stands inside cell {number}: were two cells merged?")
            yield remark.format(number=inside.number)
    elif not own:
        remark = _("The answer cell `{id}` is missing; cell {chosen} counts, as it begins with {line}.")
        yield remark.format(id=answer.id, chosen=chosen.number, line=_quoted(" ".join(defined_by(answer.source))))
    elif chosen in own and len(own) == 1 and rest:
        remark = ngettext(
            "Cell {numbers} is for the same answer as the cell `{id}`, and does not count.",
            "Cells {numbers} are for the same answer as the cell `{id}`, and do not count.",
            len(rest),
        )
        yield remark.format(id=answer.id, numbers=_numbers(rest))
    elif chosen not in own:
        remark = _("The answer cell `{id}` is as it was given; cell {chosen}, which is for the same answer, counts.")
        yield remark.format(id=answer.id, chosen=chosen.number)
    elif len(own) > 1:
        remark = _("There are {number} cells `{id}` (cells {numbers}); cell {chosen} counts.")
        yield remark.format(number=len(own), id=answer.id, numbers=_numbers(own), chosen=chosen.number)


def _numbers(cells: Sequence[SubmittedCell]) -> str:
    return ", ".join(str(cell.number) for cell in cells[:_MOST_NAMED])


def _has_inside(cell: SubmittedCell, answer: Cell) -> bool:
    """Whether a cell contains the answer's first line, but does not begin with it."""
    return any(defined_by(line) == defined_by(answer.source) for line in cell.source.split("\n") if line[:2] == "%%")


# ---- what is strange -----------------------------------------------------------------------------------------------


def _remarks(notebook: SubmittedNotebook, exercise: Exercise, cells: _Cells) -> Iterator[str]:
    if notebook.kernel not in ("", KERNEL["name"]):
        yield _("The notebook asks for another Jupyter kernel, {kernel}.").format(kernel=_quoted(notebook.kernel))
    for cell in exercise.cells:
        if cell.role is Role.CHECK:
            yield from _check_remarks(cell, cells.by_id.get(cell.id) or cells.put_back(cell))
        elif cell.role is Role.CODE:
            yield from _code_remarks(cell, cells.by_id.get(cell.id, ()))
    yield from _order_remarks(notebook, exercise)
    known = {cell.id for cell in exercise.cells}
    extra = sum(cell.key not in known and cell.number not in cells.used for cell in notebook.cells)
    if extra:
        remark = ngettext(
            "{number} cell is not part of the exercise.", "{number} cells are not part of the exercise.", extra
        )
        yield remark.format(number=extra)
    planted = [str(cell.number) for cell in notebook.cells if cell.is_planted]
    if planted:
        numbers = ", ".join(planted[:_MOST_NAMED])
        yield _("Outputs are stored in cells that were not run: {numbers}.").format(numbers=numbers)
    tags = sorted({tag for cell in notebook.cells for tag in cell.tags})
    if tags:
        yield _("Cells have tags: {tags}.").format(tags=", ".join(map(_quoted, tags[:_MOST_NAMED])))


def _check_remarks(cell: Cell, matches: Sequence[SubmittedCell]) -> Iterator[str]:
    if not matches:
        yield _("The check `{id}` is missing.").format(id=cell.id)
        return
    if len(matches) > 1:
        yield _("There are {number} cells with the check's id `{id}`.").format(number=len(matches), id=cell.id)
    if any(match.type != "code" for match in matches):
        yield _("The check `{id}` is not a code cell any more.").format(id=cell.id)
    given = {text.strip() for text in given_texts(cell)}
    if any(match.source.strip() not in given for match in matches):
        yield _("The check `{id}` was changed.").format(id=cell.id)
    assert cell.check is not None
    points = [match.points for match in matches if match.points is not None and match.points != cell.check.points]
    if points:
        remark = _("The check `{id}` is said to be worth {points:g}; it is worth {worth:g}.")
        yield remark.format(id=cell.id, points=points[0], worth=cell.check.points)


def _code_remarks(cell: Cell, matches: Sequence[SubmittedCell]) -> Iterator[str]:
    if any(match.source.strip() != cell.source.strip() for match in matches):
        yield _("The cell `{id}` was changed.").format(id=cell.id)


def _order_remarks(notebook: SubmittedNotebook, exercise: Exercise) -> Iterator[str]:
    order = {cell.id: number for number, cell in enumerate(exercise.cells)}
    keys = list(dict.fromkeys(cell.key for cell in notebook.cells if cell.key in order))
    if [order[key] for key in keys] != sorted(order[key] for key in keys):
        yield _("The cells are in another order.")


def _quoted(text: str) -> str:
    """A learner's text for use in a message: one short line without control characters."""
    shown = escape_control_chars(text).replace("\n", " ").replace("`", "'")
    return f"`{shown if len(shown) <= 60 else f'{shown[:59]}…'}`"


def _bounded(remarks: Sequence[str]) -> tuple[str, ...]:
    more = len(remarks) - _MOST_REMARKS
    if more <= 0:
        return tuple(remarks)
    last = ngettext("There is {number} more remark.", "There are {number} more remarks.", more)
    return (*remarks[:_MOST_REMARKS], last.format(number=more))
