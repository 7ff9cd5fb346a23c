"""A notebook that was handed in, read as hostile, and what is taken from it: the texts of its answer cells.

The format is nbformat 4's (nbformat/v4/nbformat.v4.schema.json). Only the answers' text is taken, and only as text.
Checks, points, the order and the types of cells, and the first line of an answer are the master's; if a notebook says
something else, a remark says so, and it has no effect. If two cells have the id of one answer, the one counts whose own
id is right as well (a copy has another), or else the first one.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NoReturn

from kmodlab.course.exercise import Cell, Exercise, Role
from kmodlab.course.release import KERNEL, released_check
from kmodlab.i18n import _, ngettext
from kmodlab.submission.cells import LONGEST, split_magic
from kmodlab.text import escape_control_chars

if TYPE_CHECKING:
    from kmodlab.grading.models import HandedIn

from kmodlab.files import MIB

LARGEST = 10 * MIB  # bytes of a file
_MOST_CELLS = 2000
_MOST_VALUES = 1_000_000  # braces, brackets and commas: each may become an object in memory
_LONGEST_ID = 64  # as in nbformat's schema
_MOST_REMARKS = 20
_MOST_NAMED = 9  # cells or tags in one remark


class NotebookError(ValueError):
    """What was handed in cannot be read as a notebook; the sentence says why."""


@dataclass(frozen=True)
class SubmittedCell:
    """A cell as it was handed in; texts are empty if they are missing."""

    number: int  # from 1
    id: str
    grade_id: str  # nbgrader's id
    type: str
    source: str
    points: float | None
    tags: tuple[str, ...]
    is_planted: bool  # it has outputs, but was never run, or is not a code cell

    @property
    def key(self) -> str:
        """The id that it is matched with the master by."""
        return self.grade_id or self.id


@dataclass(frozen=True)
class SubmittedNotebook:
    """The cells, and which exercise and Jupyter kernel the notebook says it is for; empty if it does not say."""

    cells: tuple[SubmittedCell, ...]
    exercise: str
    kernel: str


# ---- reading -------------------------------------------------------------------------------------------------------


def read_notebook(content: bytes) -> SubmittedNotebook:
    """Read a notebook from a file's bytes.

    Raises:
        NotebookError: it is not a notebook of format 4, or is larger than the limits.
    """
    data = _parse(content)
    if not isinstance(data, dict) or not isinstance(data.get("cells", data.get("worksheets")), list):
        raise NotebookError(_("It is not a notebook: there are no cells in it."))
    version = data.get("nbformat")
    if version != 4 or isinstance(version, bool) or "cells" not in data:
        raise NotebookError(_("Its notebook format is not 4; save it with a current Jupyter."))
    if len(data["cells"]) > _MOST_CELLS:
        sentence = _("It has {number} cells; at most {most} are read.")
        raise NotebookError(sentence.format(number=len(data["cells"]), most=_MOST_CELLS))
    meta = _mapping(data.get("metadata"))
    cells = tuple(_read_cell(number, cell) for number, cell in enumerate(data["cells"], 1))
    return SubmittedNotebook(
        cells,
        exercise=_text(_mapping(meta.get("kmodlab")).get("exercise")),
        kernel=_text(_mapping(meta.get("kernelspec")).get("name")),
    )


def _parse(content: bytes) -> Any:
    if len(content) > LARGEST:
        raise NotebookError(_("It is larger than {size} MiB.").format(size=LARGEST >> 20))
    if not content.strip():
        raise NotebookError(_("It is empty."))
    if sum(map(content.count, (b"{", b"[", b","))) > _MOST_VALUES:
        raise NotebookError(_("It has too many values in it for a notebook."))
    try:
        return json.loads(content.decode("utf-8-sig"), parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise NotebookError(_("It is not UTF-8 text.")) from error
    except RecursionError as error:
        raise NotebookError(_("It is nested too deeply.")) from error
    except ValueError as error:
        if isinstance(error, NotebookError):
            raise
        raise NotebookError(_("It is not JSON, or was cut off.")) from error


def _refuse_constant(name: str) -> NoReturn:
    raise NotebookError(_("It has {name} in it, which JSON does not allow.").format(name=name))


def _read_cell(number: int, cell: Any) -> SubmittedCell:
    source = _source(cell.get("source")) if isinstance(cell, dict) else None
    if source is None:
        raise NotebookError(_("Its cell {number} is not a cell.").format(number=number))
    meta = _mapping(cell.get("metadata"))
    nbgrader = _mapping(meta.get("nbgrader"))
    tags = meta.get("tags")
    outputs, ran = cell.get("outputs"), cell.get("execution_count") is not None
    return SubmittedCell(
        number=number,
        id=_text(cell.get("id")),
        grade_id=_text(nbgrader.get("grade_id")),
        type=_text(cell.get("cell_type")),
        source=source,
        points=_number(nbgrader.get("points")),
        tags=tuple(_texts(tags if isinstance(tags, list) else [])),
        is_planted=bool(outputs) and (not ran or cell.get("cell_type") != "code"),
    )


def _source(value: Any) -> str | None:
    """A cell's text, with newlines as line ends and valid Unicode; None if it is not a string or a list of them."""
    lines = value if isinstance(value, list) else [value]
    if not all(isinstance(line, str) for line in lines):
        return None
    text = "".join(lines).replace("\r\n", "\n")
    return text.encode("utf-8", "replace").decode()  # a lone surrogate, which JSON can have, becomes a question mark


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) and len(value) <= _LONGEST_ID else ""


def _number(value: Any) -> float | None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _texts(values: list[Any]) -> Iterator[str]:
    return (value for value in map(_text, values[:20]) if value)


# ---- answers -------------------------------------------------------------------------------------------------------


def match(handed_in: HandedIn, exercise: Exercise) -> HandedIn:
    """Set the exercise, and take the answers to it from the notebook; `problem` is set if there are none."""
    if handed_in.notebook is None:
        return replace(handed_in, exercise=exercise.name)
    by_id: dict[str, list[SubmittedCell]] = defaultdict(list)
    for cell in handed_in.notebook.cells:
        by_id[cell.key].append(cell)
    answers: dict[str, str] = {}
    remarks: list[str] = []
    for name, wanted in exercise.answers.items():
        text, strange = _answer(wanted, by_id.get(name, []))
        answers |= {} if text is None else {name: text}
        remarks += strange
    remarks += _remarks(handed_in.notebook, exercise, by_id)
    return replace(
        handed_in,
        exercise=exercise.name,
        answers=answers,
        remarks=(*handed_in.remarks, *_bounded(remarks)),
        problem="" if answers else _("None of the exercise's answer cells is in it."),
    )


def _answer(cell: Cell, matches: Sequence[SubmittedCell]) -> tuple[str | None, list[str]]:
    """The text of one answer, with the master's first line, and what is strange about it."""
    if not matches:
        return None, [_("The answer cell `{id}` is missing.").format(id=cell.id)]
    remarks = []
    chosen = min(matches, key=lambda match: (match.id != cell.id, match.number))
    if len(matches) > 1:
        numbers = ", ".join(str(match.number) for match in matches[:_MOST_NAMED])
        remark = _("There are {number} cells `{id}` (cells {numbers}); cell {chosen} counts.")
        remarks.append(remark.format(number=len(matches), id=cell.id, numbers=numbers, chosen=chosen.number))
    if chosen.type != "code":
        remark = _("The answer cell `{id}` is of the type {type} now; its text counts.")
        remarks.append(remark.format(id=cell.id, type=_quoted(chosen.type)))
    if len(chosen.source) > LONGEST:
        remark = _("The answer cell `{id}` is longer than {most} characters, and is not read.")
        return "", [*remarks, remark.format(id=cell.id, most=LONGEST)]
    # IPython does not mind empty lines above a magic.
    source = chosen.source.lstrip("\n") if chosen.source.lstrip().startswith("%%") else chosen.source
    line, body = split_magic(source.lstrip(" \t") if source.lstrip(" \t").startswith("%%") else source)
    wanted = cell.magic
    if line.split() != wanted.split():
        remark = _("The answer cell `{id}` has lost its first line; {wanted} counts.")
        if line:
            remark = _("The answer cell `{id}` begins with {line}; {wanted} counts.")
        remarks.append(remark.format(id=cell.id, line=_quoted(line), wanted=_quoted(wanted)))
    return f"{wanted}\n{body}", remarks


# ---- what is strange -----------------------------------------------------------------------------------------------


def _remarks(
    notebook: SubmittedNotebook, exercise: Exercise, by_id: Mapping[str, Sequence[SubmittedCell]]
) -> Iterator[str]:
    if notebook.kernel not in ("", KERNEL["name"]):
        yield _("The notebook asks for another Jupyter kernel, {kernel}.").format(kernel=_quoted(notebook.kernel))
    for cell in exercise.cells:
        if cell.role is Role.CHECK:
            yield from _check_remarks(cell, by_id.get(cell.id, ()))
        elif cell.role is Role.CODE:
            yield from _code_remarks(cell, by_id.get(cell.id, ()))
    yield from _order_remarks(notebook, exercise)
    known = {cell.id for cell in exercise.cells}
    extra = sum(cell.key not in known for cell in notebook.cells)
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
    if any(match.source.strip() != released_check(cell).strip() for match in matches):
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
    """A learner's words in a sentence of ours: one line, short, harmless."""
    shown = escape_control_chars(text).replace("\n", " ").replace("`", "'")
    return f"`{shown if len(shown) <= 60 else f'{shown[:59]}…'}`"


def _bounded(remarks: Sequence[str]) -> tuple[str, ...]:
    more = len(remarks) - _MOST_REMARKS
    if more <= 0:
        return tuple(remarks)
    last = ngettext("There is {number} more remark.", "There are {number} more remarks.", more)
    return (*remarks[:_MOST_REMARKS], last.format(number=more))
