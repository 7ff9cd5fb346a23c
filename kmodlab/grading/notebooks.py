"""Reads a submitted notebook, which is not trusted: its cells, without their outputs.

The format is nbformat 4 (nbformat/v4/nbformat.v4.schema.json). `answers` takes the answers from the cells.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from kmodlab.files import MIB
from kmodlab.i18n import _

LARGEST = 64 * MIB  # bytes of a file; large files consist mostly of outputs
_MOST_TEXT = 10 * MIB  # characters of all cells, without their outputs
_MOST_CELLS = 2000
_MOST_VALUES = 1_000_000  # braces, brackets and commas in the JSON: each may become an object in memory
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
_LONGEST_ID = 64  # as in nbformat's schema


class NotebookError(ValueError):
    """A submitted file cannot be read as a notebook; the message is a sentence that says why."""


@dataclass(frozen=True)
class SubmittedCell:
    """A cell of a submitted notebook; missing texts are empty."""

    number: int  # from 1
    id: str
    grade_id: str  # nbgrader's id
    type: str
    source: str
    points: float | None
    tags: tuple[str, ...]
    is_planted: bool  # it has outputs although it was never run, or is not a code cell

    @property
    def key(self) -> str:
        """The id by which the cell is matched with the master."""
        return self.grade_id or self.id

    @property
    def defines(self) -> tuple[str, ...]:
        """The first two words if it begins with a cell magic, such as %%kmod and hello; empty otherwise."""
        return defined_by(self.source)


@dataclass(frozen=True)
class SubmittedNotebook:
    """The cells, and the exercise and the kernelspec in the notebook's metadata; empty if missing."""

    cells: tuple[SubmittedCell, ...]
    exercise: str
    kernel: str


def defined_by(source: str) -> tuple[str, ...]:
    """The first two words of a text that begins with a cell magic, such as %%kmod and hello; empty otherwise."""
    line = source.lstrip().partition("\n")[0]
    return tuple(line.split()[:2]) if line.startswith("%%") else ()


# ---- reading -------------------------------------------------------------------------------------------------------


def read_notebook(content: bytes) -> SubmittedNotebook:
    """Read a notebook from a file's bytes.

    Raises:
        NotebookError: It is not a notebook of format 4, or exceeds a limit.
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
    if sum(len(cell.source) for cell in cells) > _MOST_TEXT:
        raise NotebookError(_("Its cells hold more than {size} MiB of text.").format(size=_MOST_TEXT // MIB))
    return SubmittedNotebook(
        cells,
        exercise=_text(_mapping(meta.get("kmodlab")).get("exercise")),
        kernel=_text(_mapping(meta.get("kernelspec")).get("name")),
    )


def _parse(content: bytes) -> Any:
    if len(content) > LARGEST:
        raise NotebookError(_("It is larger than {size} MiB.").format(size=LARGEST // MIB))
    if not content.strip():
        raise NotebookError(_("It is empty."))
    if _count_values(content) > _MOST_VALUES and _count_values(_STRING.sub(b"", content)) > _MOST_VALUES:
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


def _count_values(content: bytes) -> int:
    return sum(map(content.count, (b"{", b"[", b",")))


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
    """A cell's text, in valid Unicode with "\\n" as line ends; None if it is not a string or a list of strings."""
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
