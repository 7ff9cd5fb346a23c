"""Merges a newer notebook of the course into a learner's: cell by cell, by their ids.

A cell that the learner has not changed is replaced by the newer one, and keeps its outputs if the text is the same. A
cell that the learner has changed or added stays in its place. A cell that the learner has deleted does not come back.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kmodlab.course.learner_copy import is_recorded
from kmodlab.i18n import _

JsonCell = dict[str, Any]
Digests = dict[str, str]


class UnmergeableError(Exception):
    """A learner's notebook cannot be merged; the text says why, as a sentence."""


@dataclass(frozen=True)
class Merged:
    """A merged notebook, and the ids of its cells: added, replaced, removed, and kept as the learner's."""

    text: str
    added: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    yours: tuple[str, ...] = ()

    @property
    def changes_cells(self) -> bool:
        """Whether any cell was added, removed or replaced."""
        return bool(self.added or self.updated or self.removed)


def digests_of(text: str) -> Digests:
    """A digest of each cell's type and text, by the cells' ids. Raises: UnmergeableError."""
    return {cell["id"]: _digest(cell) for cell in read_cells(text)["cells"]}


def read_cells(text: str) -> dict[str, Any]:
    """Parse a notebook whose cells all have unique ids.

    Raises:
        UnmergeableError: It is not a notebook, or cells have no unique ids.
    """
    try:
        notebook: dict[str, Any] = json.loads(text)
        cells = notebook["cells"]
        for cell in cells:
            _digest(cell)
        ids = [cell.get("id") for cell in cells]
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
        raise UnmergeableError(_("It is damaged: it is not a notebook.")) from error
    if notebook.get("nbformat") != 4 or not all(isinstance(name, str) for name in ids) or len(set(ids)) < len(ids):
        raise UnmergeableError(_("Its cells have no ids of their own, by which they could be found."))
    return notebook


def merge(given: str, theirs: str, base: Mapping[str, str]) -> Merged:
    """Merge a newer notebook into a learner's.

    `base` are the digests of the cells as they were given to the learner. If it is empty (unknown), every cell that
    differs counts as the learner's.

    Raises:
        UnmergeableError: The learner's notebook is damaged, or its cells have no unique ids.
    """
    newer, older = read_cells(given), read_cells(theirs)
    given_cells: dict[str, JsonCell] = {cell["id"]: cell for cell in newer["cells"]}
    cells: list[JsonCell] = []
    updated, removed, yours = [], [], []
    for cell in older["cells"]:
        name, replacement = cell["id"], given_cells.get(cell["id"])
        if replacement is not None and _digest(cell) == _digest(replacement):
            cells.append(_with_outputs(replacement, cell))
        elif base.get(name) != _digest(cell):
            cells.append(cell)
            yours.append(name)
        elif replacement is not None:
            cells.append(replacement)
            updated.append(name)
        else:
            removed.append(name)
    added = _insert_new(cells, newer["cells"], {cell["id"] for cell in older["cells"]} | set(base))
    older["cells"] = cells
    older["metadata"] = older.get("metadata", {}) | newer["metadata"]
    older["nbformat_minor"] = max(int(older.get("nbformat_minor", 0)), int(newer["nbformat_minor"]))
    text = json.dumps(older, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    return Merged(text, tuple(added), tuple(updated), tuple(removed), tuple(yours))


def _insert_new(cells: list[JsonCell], given: list[JsonCell], known: set[str]) -> list[str]:
    """Insert each given cell that is not known after its predecessor among the given cells; returns their ids."""
    added = []
    position = 0
    for cell in given:
        there = next((number for number, other in enumerate(cells) if other["id"] == cell["id"]), None)
        if there is not None:
            position = there + 1
        elif cell["id"] not in known:
            cells.insert(position, cell)
            added.append(cell["id"])
            position += 1
    return added


def _with_outputs(given: JsonCell, theirs: JsonCell) -> JsonCell:
    """A given cell with the outputs that it has in the learner's notebook, if the learner has run it."""
    if given["cell_type"] != "code" or is_recorded(theirs) or not theirs.get("execution_count"):
        return given
    return given | {"outputs": theirs.get("outputs", []), "execution_count": theirs["execution_count"]}


def _digest(cell: JsonCell) -> str:
    source = cell["source"]
    text = source if isinstance(source, str) else "".join(source)
    return hashlib.sha256(f"{cell['cell_type']}\n{text}".encode("utf-8", "surrogatepass")).hexdigest()[:16]
