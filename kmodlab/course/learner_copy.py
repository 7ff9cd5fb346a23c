"""Makes the learner's copy of a notebook of the course, in which learners meet questions before answers.

The copy has no speaker's notes, and no outputs of questions or of cells that a question is about; two tags mark these
cells. Other outputs stay, below a line which says that they are recorded; running the cell removes both. This file
needs only Python's standard library, because it also runs while a wheel is built.
"""

from __future__ import annotations

import json
from typing import Any

QUESTION = "question"  # the tag of a cell that asks: its code, which holds the answers, is folded
PREDICTED = "predicted"  # the tag of a cell whose output a question is about
RECORDED = "recorded"  # in the metadata of the output which says that the others are recorded

_KEY = "kmodlab"
# Not messages: they are stored in notebooks, whose text is English.
_RUN_ME = "# A question: run this cell (Shift + Enter) to read it."
_LINE = "Recorded on {linux}. Run the cell for your own result."
_GREY = "color: #767676; font-size: 85%"  # legible on white and on black


def learner_copy(text: str) -> str:
    """The learner's copy of a notebook; both are texts of notebook files."""
    notebook = json.loads(text)
    about = notebook["metadata"].pop(_KEY, {})
    notebook["metadata"].pop("rise", None)
    linux = str(about.get("recorded", "Linux"))
    notebook["cells"] = [_copied(cell, linux) for cell in notebook["cells"] if not _is_note(cell)]
    return json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def is_recorded(cell: dict[str, Any]) -> bool:
    """Whether the outputs of a cell are recorded, and not the learner's own."""
    return any(output.get("metadata", {}).get(_KEY) == RECORDED for output in cell.get("outputs", []))


def _is_note(cell: dict[str, Any]) -> bool:
    return bool(cell["metadata"].get("slideshow", {}).get("slide_type") == "notes")


def _copied(cell: dict[str, Any], linux: str) -> dict[str, Any]:
    tags = cell["metadata"].get("tags", [])
    copy = cell | {"metadata": {"tags": tags} if tags else {}}
    if cell["cell_type"] != "code":
        return copy
    copy["execution_count"] = None
    if QUESTION in tags:
        copy["metadata"]["jupyter"] = {"source_hidden": True}
        copy["source"] = _lines(f"{_RUN_ME}\n{''.join(cell['source'])}")
    if QUESTION in tags or PREDICTED in tags:
        copy["outputs"] = []
    elif cell["outputs"]:
        copy["outputs"] = [_recorded(linux), *(_uncounted(output) for output in cell["outputs"])]
    return copy


def _recorded(linux: str) -> dict[str, Any]:
    line = _LINE.format(linux=linux)
    data = {"text/html": [f'<div style="{_GREY}">{line}</div>'], "text/plain": [f"({line})"]}
    return {"output_type": "display_data", "metadata": {_KEY: RECORDED}, "data": data}


def _uncounted(output: dict[str, Any]) -> dict[str, Any]:
    return output | ({"execution_count": None} if "execution_count" in output else {})


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)
