"""A class of 40 that hands in an exercise through Moodle: `python tests/support/moodle_class.py FOLDER [--later]`.

Most answers are right, each different; some are wrong, some are late, two learners have nearly the same answer, and
some submissions are not notebooks.
"""

from __future__ import annotations

import json
import random
import re
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from learners import EXERCISES, ways

from kmodlab.course.release import release

NAME = "02-parameters"
EXPORT = "Kernel 101-Parameters-4711.zip"
DUE = datetime(2026, 11, 15, 23, 59)
FIRST = re.findall("...", "AdaBeaCemDanEvaFayGusHalIdaJanKimLeoMiaNedOlaPiaQuyRobSueTomUmaValWimXiaYanZoe")
LAST = re.findall("....", "AbelBergColeDiazElseFreyGrayHahnIvesJung")
WAYS = (
    "odd_byte",
    "odd_minmax",
    "odd_own_structure",
    "wrong_checks_in_init",
    "wrong_clamps",
    "wrong_cuts_names",
    "wrong_default",
    "wrong_empty_descriptions",
    "wrong_fixed_name",
    "wrong_greets_at_least_once",
    "wrong_greets_the_world_too",
    "starter",
    "damaged_untold",
    "damaged_lost",
    "hostile_kmod_panics",
)


@dataclass(frozen=True)
class Handed:
    """A submission: a way of `learners.ways`, or a file; and the time in hours after the due date."""

    learner: str
    way: str
    hours: float = -30.0
    file: tuple[str, bytes] = ("", b"")


def make_class() -> list[Handed]:
    right = ["solution"] * (35 - len(WAYS))
    plan = [*right, *WAYS]
    names = [f"{FIRST[number % 26]} {LAST[number * 7 % 10]}_{730100 + number}" for number in range(40)]
    handed = [Handed(name, way) for name, way in zip(names, plan, strict=False)]
    handed[3] = Handed(names[3], "solution", hours=7)
    handed[8] = Handed(names[8], "solution", hours=50)
    handed += [
        Handed(names[35], "twin"),
        Handed(names[36], "twin"),
        Handed(names[37], "", file=("parameters.c", b"int x;\n")),
        Handed(names[38], "", file=("parameters.7z", b"7z\xbc\xaf\x27\x1c")),
        Handed(names[39], "", file=("onlinetext.html", b"<p>It did not work.</p>")),
    ]
    return handed


_SHAPES = (
    "    if (level > {0})\n        level--;\n",
    "    level = level * {0} + 1;\n",
    "    while (level < {0})\n        level += 2;\n",
    "    level = (level ^ {0}) & 7;\n",
    "    switch (level) {{ case {0}: level++; break; default: break; }}\n",
    "    level <<= level == {0} ? 1 : 2;\n",
)


def _own_function(number: int) -> str:
    """A unique function that is never called."""
    chance = random.Random(number)
    lines = "".join(chance.choice(_SHAPES).format(chance.randint(1, 9)) for _ in range(16))
    return f"\nstatic int __maybe_unused own{number}(int level)\n{{\n{lines}    return level;\n}}\n"


def answers_of(handed: Handed, number: int) -> Mapping[str, str]:
    """The answer cells. All differ, so that each is judged; those of the twins differ only in comments."""
    known = ways(NAME)
    answers = known["solution" if handed.way == "twin" else handed.way].answers
    if handed.way == "starter":
        return answers
    own = f"/* {handed.learner} */\n" if handed.way == "twin" else _own_function(number)
    return {cell: f"{text.rstrip()}\n{own}" for cell, text in answers.items()}


def later(handed: list[Handed]) -> list[Handed]:
    """The same class three days later: learners without a notebook or with the starter have handed in again."""
    again = {"parameters.c": "solution", "starter": "odd_byte"}
    return [
        replace(each, way=again[each.way or each.file[0]], hours=62.0, file=("", b""))
        if (each.way or each.file[0]) in again
        else each
        for each in handed
    ]


def make_export(folder: Path, handed_in: list[Handed]) -> Path:
    """Write the zip file of Moodle's "Download all submissions"."""
    path = folder / EXPORT
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, handed in enumerate(handed_in):
            name, content = handed.file
            kind = "onlinetext" if name == "onlinetext.html" else "file"
            if handed.way:
                data = json.loads(release(EXERCISES[NAME]))
                answers = answers_of(handed, number)
                for cell in data["cells"]:
                    cell["source"] = answers.get(cell["id"], cell["source"])
                way = ways(NAME).get(handed.way)
                changed = way.change(data) if way else None
                name, content = EXERCISES[NAME].notebook.name, changed or json.dumps(data).encode()
            time = DUE + timedelta(hours=handed.hours, minutes=number)
            member = zipfile.ZipInfo(f"{handed.learner}_assignsubmission_{kind}_/{name}", time.timetuple()[:6])
            archive.writestr(member, content, zipfile.ZIP_DEFLATED)
    return path


if __name__ == "__main__":
    print(make_export(Path(sys.argv[1]), later(make_class()) if "--later" in sys.argv else make_class()))
