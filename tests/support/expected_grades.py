"""The grades that a class must get: checks the stored gradebook, and compares a grader's with it.

gradebook.csv has the points of each text. It must agree with what is known independently: solutions earn all points,
the starter those in starter.txt, wrong cases fail first at the expected check, and hostile texts earn nothing where
they act.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from cases import CASES, read_case, read_stated
from learners import EXERCISES, NOTHING, Handed, Roll, ways

from kmodlab.course.exercise import Exercise, Role

GRADEBOOK = Path(__file__).parents[1] / "grading" / "gradebook.csv"

Marks = dict[str, float]  # points by check


def rows_of(name: str) -> list[str]:
    """The rows of the gradebook for an exercise: its different texts."""
    return list(dict.fromkeys(way.earns for way in ways(name).values() if way.earns != NOTHING))


def read_gradebook() -> dict[tuple[str, str], Marks]:
    """The points of each text at each check, by exercise and row."""
    with GRADEBOOK.open(newline="") as file:
        return {(row["exercise"], row["case"]): _unpack(row["points"]) for row in csv.DictReader(file)}


def write_gradebook(marks: Mapping[tuple[str, str], Marks]) -> None:
    with GRADEBOOK.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("exercise", "case", "points"))
        for name in EXERCISES:
            writer.writerows((name, row, _pack(marks[name, row])) for row in rows_of(name) if (name, row) in marks)


def _pack(marks: Marks) -> str:
    return " ".join(f"{check}={points:g}" for check, points in marks.items())


def _unpack(text: str) -> Marks:
    return {check: float(points) for check, _, points in (word.partition("=") for word in text.split())}


def doubts(name: str, marks: Mapping[str, Marks]) -> Iterator[str]:
    """Sentences about rows of an exercise that contradict what is known independently."""
    exercise = EXERCISES[name]
    full = {check_id: float(check.points) for check_id, check in exercise.checks.items()}
    if set(marks) != set(rows_of(name)):
        yield f"{name}: other rows than texts: {', '.join(sorted(set(marks) ^ set(rows_of(name))))}"
    for row in [row for row in rows_of(name) if row in marks]:
        if list(marks[row]) != list(full) or any(not 0 <= marks[row][check_id] <= full[check_id] for check_id in full):
            yield f"{name}, {row}: these are not the exercise's checks and points"
        elif why := _doubt(exercise, row, marks[row], full):
            yield f"{name}, {row}: {why}: {_pack(marks[row])}"


def _doubt(exercise: Exercise, row: str, marks: Marks, full: Marks) -> str:
    if row == "solution" or row.startswith("odd_"):
        return "" if marks == full else "it is right"
    if row == "starter":
        stated = read_stated(CASES / exercise.name / "starter.txt")
        return (
            ""
            if marks == {check_id: mark.points for check_id, mark in stated.items()}
            else "starter.txt says something else"
        )
    first = next((check_id for check_id in full if marks[check_id] < full[check_id]), None)
    if first is None:
        return "it gets full marks"
    if row.startswith("wrong_"):
        (path,) = CASES.glob(f"{exercise.name}/{row}.*")
        return "" if first in read_case(path, exercise).caught_by else f"{first} is not the check that is to catch it"
    way = ways(exercise.name)[row]
    paid = (
        [check_id for check_id in _acted_on(exercise, way) if marks[check_id]] if way.attack and way.attack.acts else []
    )
    return f"it earns something at {paid[0]}" if paid else ""


def _acted_on(exercise: Exercise, way: Handed) -> list[str]:
    """The checks that run, or compare, the text of the attacked cell."""
    words = rf'\b(loads|refuses|leaves_nothing|survives_\w+|runs_script|answers)\("{re.escape(way.attacked)}"'
    return [cell.id for cell in exercise.cells if cell.role is Role.CHECK and re.search(words, cell.source)]


def expected(exercise: str, case: str, gradebook: Mapping[tuple[str, str], Marks]) -> tuple[str, Marks]:
    """The expected state of a submission, and its points by check."""
    earns = ways(exercise)[case].earns
    if earns == NOTHING:
        return "rejected", dict.fromkeys(EXERCISES[exercise].checks, 0.0)
    return "graded", gradebook[exercise, earns]


def differences(roll: Roll, gradebook: Mapping[tuple[str, str], Marks], out: Path) -> Iterator[str]:
    """The differences between the written gradebook and the expected one, down to each check's points."""
    states = {(row["learner"], row["exercise"]): (row["state"], row["points"]) for row in _rows(out / "gradebook.csv")}
    marks = checks_in(out)
    for learner, exercise in sorted(set(states) | set(roll)):
        key, case = (learner, exercise), roll.get((learner, exercise))
        if case is None or key not in states:
            yield f"{learner}, {exercise}: {'nobody handed that in' if case is None else 'it is not there'}"
            continue
        state, wanted = expected(exercise, case, gradebook)
        if states[key] != (state, f"{round(sum(wanted.values()), 2):g}") or marks.get(key) != wanted:
            got = f"{states[key][0]}, {states[key][1]} points, {_pack(marks.get(key, {}))}"
            yield f"{learner}, {exercise}, {case}: {got} instead of {state}, {_pack(wanted)}"


def checks_in(out: Path) -> dict[tuple[str, str], Marks]:
    """Points by check, NaN if missing, by learner and exercise."""
    marks: dict[tuple[str, str], Marks] = {}
    for row in _rows(out / "checks.csv"):
        marks.setdefault((row["learner"], row["exercise"]), {})[row["check"]] = float(row["points"] or "nan")
    return marks


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))
