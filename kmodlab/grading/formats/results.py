"""The published form: one JSON file for each submission, described by `result.schema.json`.

    results/EXERCISE/LEARNER.json

It holds all there is, hidden checks included, and is for the instructor. Read one back with `graded.from_dict`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from kmodlab.files import replace_text
from kmodlab.grading.formats.files import as_json, file_name, file_names
from kmodlab.grading.formats.redact import by_exercise
from kmodlab.grading.models import Grade, as_dict, from_dict


def write(grades: Sequence[Grade], folder: Path) -> list[Path]:
    """Write one file for each submission."""
    written = []
    for exercise, found in by_exercise(grades).items():
        place = folder / "results" / file_name(exercise)
        names = file_names(grade.learner for grade in found)
        for name, grade in zip(names, found, strict=True):
            written.append(replace_text(place / f"{name}.json", as_json(as_dict(grade))))
    return written


def read_results(folder: Path) -> list[Grade]:
    """All that was written into a folder; ValueError where one is none of ours."""
    return [from_dict(json.loads(path.read_bytes())) for path in sorted((folder / "results").glob("*/*.json"))]
