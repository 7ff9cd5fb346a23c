"""Wrong and odd solutions of the exercises, as files: the answer cells, and the check that must fail.

    /* caught by: unwinds */         in a wrong_*: ids of check cells; the first check that fails must be one of them
    /* because: left behind */       words of that check's reason (may be missing)
    /* answer: three */              the text of this answer cell follows; may be missing if there is only one

`starter.txt` has a line for each check: `id: points`, or `id: points: words of the reason`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kmodlab.course.exercise import Exercise
from kmodlab.course.release import secrets_of
from kmodlab.submission.cells import split_magic

ROOT = Path(__file__).parents[2]
CASES = ROOT / "tests" / "course" / "exercises"
_HEAD = re.compile(r"\W*(caught by|because|answer): (.*?)[\s*/]*")


@dataclass(frozen=True)
class Case:
    """One solution: the bodies of the answer cells by id; the checks, one of which is the first to fail."""

    answers: Mapping[str, str]
    caught_by: tuple[str, ...]
    because: str


@dataclass(frozen=True)
class Stated:
    """The points of the starter at one check."""

    points: float
    reason: str


def read_case(path: Path, exercise: Exercise) -> Case:
    solutions = {name: split_magic(cell.source)[1] for name, cell in exercise.answers.items()}
    current = next(iter(solutions)) if len(solutions) == 1 else ""
    texts: dict[str, list[str]] = {}
    head = {"caught by": "", "because": ""}
    for line in path.read_text().splitlines():
        match = _HEAD.fullmatch(line)
        if match and match[1] == "answer":
            current = match[2]
            texts[current] = []
        elif match:
            head[match[1]] = match[2]
        elif current or line.strip():
            texts.setdefault(current, []).append(line)
    assert texts and set(texts) <= set(solutions), f"{path}: which answers are these? {set(texts)}"
    bodies = {name: "\n".join(lines) for name, lines in texts.items()}
    answers = {name: f"\n{bodies.get(name, body)}" for name, body in solutions.items()}
    return Case(answers, tuple(filter(None, re.split(r"[,\s]+", head["caught by"]))), head["because"])


def read_stated(path: Path) -> dict[str, Stated]:
    stated = {}
    for line in path.read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            name, points, *reason = line.split(":", 2)
            stated[name.strip()] = Stated(float(points), reason[0].strip() if reason else "")
    return stated


def own_secrets(exercise: Exercise) -> set[str]:
    """The secret lines of an exercise, without lines that other samples have too, such as MODULE_LICENSE("GPL")."""
    others = "\n".join(path.read_text() for path in (ROOT / "kmodlab").rglob("*.c"))
    return {line for line in secrets_of(exercise) if line not in others and len(line) > 20}
