"""A notebook that was handed in, read as hostile: its cells as data, bounded, or one sentence on why there are none.

The format is nbformat 4's (nbformat/v4/nbformat.v4.schema.json), of which only what is needed is looked at. What the
cells are worth is for `matching`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from kmodlab.files import MIB

LARGEST = 10 * MIB  # bytes of a file
_MOST_CELLS = 2000
_MOST_VALUES = 1_000_000  # braces, brackets and commas: each may become an object in memory
_LONGEST_ID = 64  # as in nbformat's schema


class NotebookError(ValueError):
    """What was handed in is no notebook that can be read; the sentence says why."""


@dataclass(frozen=True)
class SubmittedCell:
    """A cell as it came. `number` counts from 1; `grade_id` is nbgrader's id, `id` the cell's own; empty where none."""

    number: int
    id: str
    grade_id: str
    type: str
    source: str
    points: float | None
    tags: tuple[str, ...]
    is_planted: bool  # it has outputs, but was never run, or is no code

    @property
    def key(self) -> str:
        """What it is matched by."""
        return self.grade_id or self.id


@dataclass(frozen=True)
class SubmittedNotebook:
    """The cells; which exercise and which Jupyter kernel the notebook says it is for, empty where it does not."""

    cells: tuple[SubmittedCell, ...]
    exercise: str
    kernel: str


def read_notebook(content: bytes) -> SubmittedNotebook:
    """A notebook from a file's bytes; NotebookError where it cannot be had."""
    data = _parse(content)
    if not isinstance(data, dict) or not isinstance(data.get("cells", data.get("worksheets")), list):
        raise NotebookError("It is no notebook: there are no cells in it.")
    version = data.get("nbformat")
    if version != 4 or isinstance(version, bool) or "cells" not in data:
        raise NotebookError("Its notebook format is not 4; save it with a current Jupyter.")
    if len(data["cells"]) > _MOST_CELLS:
        raise NotebookError(f"It has {len(data['cells'])} cells; at most {_MOST_CELLS} are read.")
    meta = _mapping(data.get("metadata"))
    cells = tuple(_cell(number, cell) for number, cell in enumerate(data["cells"], 1))
    return SubmittedNotebook(
        cells,
        exercise=_text(_mapping(meta.get("kmodlab")).get("exercise")),
        kernel=_text(_mapping(meta.get("kernelspec")).get("name")),
    )


def _parse(content: bytes) -> Any:
    if len(content) > LARGEST:
        raise NotebookError(f"It is larger than {LARGEST >> 20} MiB.")
    if not content.strip():
        raise NotebookError("It is empty.")
    if sum(map(content.count, (b"{", b"[", b","))) > _MOST_VALUES:
        raise NotebookError("It has too many values in it for a notebook.")
    try:
        return json.loads(content.decode("utf-8-sig"), parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise NotebookError("It is not UTF-8 text.") from error
    except RecursionError as error:
        raise NotebookError("It is nested too deeply.") from error
    except ValueError as error:
        if isinstance(error, NotebookError):
            raise
        raise NotebookError("It is no JSON, or was cut off.") from error


def _refuse_constant(name: str) -> NoReturn:
    raise NotebookError(f"It has {name} in it, which JSON does not know.")


def _cell(number: int, cell: Any) -> SubmittedCell:
    source = _source(cell.get("source")) if isinstance(cell, dict) else None
    if source is None:
        raise NotebookError(f"Its cell {number} is none.")
    meta = _mapping(cell.get("metadata"))
    nbgrader = _mapping(meta.get("nbgrader"))
    points = nbgrader.get("points")
    tags = meta.get("tags")
    outputs, ran = cell.get("outputs"), cell.get("execution_count") is not None
    return SubmittedCell(
        number=number,
        id=_text(cell.get("id")),
        grade_id=_text(nbgrader.get("grade_id")),
        type=_text(cell.get("cell_type")),
        source=source,
        points=points if isinstance(points, int | float) and not isinstance(points, bool) else None,
        tags=tuple(_texts(tags if isinstance(tags, list) else [])),
        is_planted=bool(outputs) and (not ran or cell.get("cell_type") != "code"),
    )


def _source(value: Any) -> str | None:
    """A cell's text, which is a string or a list of lines; with the line ends of this world, and valid Unicode."""
    lines = value if isinstance(value, list) else [value]
    if not all(isinstance(line, str) for line in lines):
        return None
    text = "".join(lines).replace("\r\n", "\n")
    return text.encode("utf-8", "replace").decode()  # a lone surrogate, which JSON can say, becomes a question mark


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) and len(value) <= _LONGEST_ID else ""


def _texts(values: list[Any]) -> Iterator[str]:
    return (value for value in map(_text, values[:20]) if value)
