"""Hostile submissions: four small exercises, and a submission for each possible weakness.

None of them solves its exercise, so none may earn points. These placeholders occur in all texts: @canary@ is a file
that must not be read or changed, @folder@ its folder, @masters@ the folder of the exercises, @port@ a listening port,
@nap@ a number that identifies a process, @left@ a file's name, @secret@ the prefix of all secrets.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import hostile_files
import hostile_texts
from hostile_files import Change, Handed, Place
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, writes

from kmodlab.checks.expectations.answers import seal
from kmodlab.course.exercise import Exercise
from kmodlab.course.release import release


@dataclass(frozen=True)
class Attack:
    """One submission. `kind` is its target: the build, the guest, the notebook and its grader, or archives.

    `answers` are whole answer cells by id, `change` is applied to the notebook, `place` hands it in. `says` is a
    regular expression for the messages about it: reasons, remarks, files left out. `state` is the expected state of its
    grade. `also` names another test of the same attack, for the parts that no submission reaches.
    """

    kind: str
    name: str
    exercise: str
    says: str
    answers: Mapping[str, str] = field(default_factory=dict)
    change: Change = lambda _: None
    place: Place = hostile_files.in_folder
    state: str = hostile_files.GRADED
    also: str = ""

    @property
    def file(self) -> str:
        """The notebook's file name."""
        return f"{self.exercise.partition('-')[2]}.ipynb"

    def hand_in(
        self, exercise: Exercise, given: Path, learner: str, aimed: Callable[[str], str]
    ) -> tuple[str, list[str]]:
        """Hand it in; returns the learner as whom it is graded, and learners with correct work beside it."""
        notebook = as_notebook(exercise, self.answers, self.change, aimed)
        right = as_notebook(exercise, right_answers(self.exercise, learner))
        handed = Handed(given, learner, self.file, notebook, right, aimed)
        return self.place(handed), handed.rights


def as_notebook(
    exercise: Exercise,
    answers: Mapping[str, str],
    change: Change = lambda _: None,
    aimed: Callable[[str], str] = str,
) -> bytes:
    """A learner's notebook with these answers."""
    data = json.loads(release(exercise))
    for cell in data["cells"]:
        cell["source"] = answers.get(cell["id"], cell["source"])
    change(data)
    return aimed(json.dumps(data)).encode()


# ---- the exercises -------------------------------------------------------------------------------------------------

BRASS = """\
%%kmod brass
/* BEGIN SOLUTION */
/* SOLUTION SECRET */
#include <linux/module.h>
static int level = 1;
module_param(level, int, 0444);
MODULE_PARM_DESC(level, "how loud");
static int __init brass_init(void)
{
    pr_info("brass plays at %d\\n", level);
    return 0;
}
static void __exit brass_exit(void)
{
    pr_info("brass rests\\n");
}
module_init(brass_init);
module_exit(brass_exit);
MODULE_LICENSE("GPL");
/* END SOLUTION */
"""
BRASS_CHECKS = (
    'check("It plays", loads("brass", level=a_number(100_000_000, 999_999_999)), logs("brass plays at {level}"), '
    'unloads("brass"), logs("brass rests"), points=2)',
    'check("Its parameter is described", has_parameter("brass", "level", kind="int", described=True), '
    'hints=["HIDDEN SECRET"])',
)

PIPES_C = """\
%%kfile pipes.c
#include <linux/module.h>
#include <linux/stringify.h>
#ifndef TEMPO
#define TEMPO 0
#endif
static int __init pipes_init(void)
{
    pr_info("pipes at %d\\n", TEMPO);
    return 0;
}
module_init(pipes_init);
MODULE_DESCRIPTION("Plays at " __stringify(TEMPO));
MODULE_LICENSE("GPL");
"""
PIPES = """\
%%makefile pipes
# BEGIN SOLUTION
# SOLUTION SECRET
obj-m += pipes.o
ccflags-y += -DTEMPO=120
# END SOLUTION
"""
PIPES_CHECKS = (
    'check("They play", builds("pipes"), loads("pipes"), logs("pipes at 120"), points=2)',
    'check("They say so", declares("pipes", "description", "plays at 120"), hints=["HIDDEN SECRET"])',
)

LAMP_C = """\
%%kmod lamp --build-only
#include <linux/module.h>
static int level;
module_param(level, int, 0444);
static int __init lamp_init(void)
{
    pr_info("lamp at %d\\n", level);
    return 0;
}
static void __exit lamp_exit(void)
{
}
module_init(lamp_init);
module_exit(lamp_exit);
MODULE_LICENSE("GPL");
"""
LAMP = """\
%%kscript light
# BEGIN SOLUTION
# SOLUTION SECRET
insmod lamp.ko level=7
# END SOLUTION
"""
TOOL = """\
%%answer tool
# BEGIN SOLUTION
# SOLUTION SECRET
insmod
# END SOLUTION
"""
LAMP_CHECKS = (
    'check("It is lit", runs_script("light"), logs("lamp at 7"), is_loaded("lamp"), points=2)',
    f'check("With which tool?", answers("tool", "{seal("insmod")}"), hints=["HIDDEN SECRET"])',
)

FILE = TOOL.replace("%%answer tool", "%%answer file").replace("insmod", "modules.dep")
WORDS_CHECKS = (
    f'check("The tool", answers("tool", "{seal("insmod")}"), points=2)',
    f'check("The file", answers("file", "{seal("modules.dep")}"), hints=["HIDDEN SECRET"])',
)

# Given cells that learners run unchanged, answers by id, the visible and the hidden check.
EXERCISES: Mapping[str, tuple[tuple[str, ...], Mapping[str, str], tuple[str, str]]] = {
    "90-brass": ((), {"brass": BRASS}, BRASS_CHECKS),
    "91-pipes": ((PIPES_C,), {"makefile": PIPES}, PIPES_CHECKS),
    "92-lamp": ((LAMP_C,), {"light": LAMP, "tool": TOOL}, LAMP_CHECKS),
    "93-words": ((), {"tool": TOOL, "file": FILE}, WORDS_CHECKS),
}
FULL = 3.0


def master(name: str, secrets: Mapping[str, str]) -> str:
    """An exercise's master; `secrets` replace the parts that learners must not see."""
    given, answers, (visible, hidden) = EXERCISES[name]
    sources = {
        "begin": f'exercise("{name}")',
        **{f"given-{number}": source for number, source in enumerate(given)},
        **answers,
        "shown": visible,
        "kept": f"### BEGIN HIDDEN TESTS\n{hidden}\n### END HIDDEN TESTS",
    }
    for word, secret in secrets.items():
        sources = {cell: text.replace(word, secret) for cell, text in sources.items()}
    cells = [new_code_cell(text, id=cell) for cell, text in sources.items()]
    story = new_markdown_cell("Do what the checks ask for.", id="story")
    about = {"kmodlab": {"exercise": name, "title": name.partition("-")[2].title()}}
    return str(writes(new_notebook(cells=[story, *cells], metadata=about)))


def right_answers(name: str, mark: str) -> dict[str, str]:
    """Answers that earn all points; `mark` makes their text unique."""
    return {cell: text.replace("SOLUTION SECRET", mark) for cell, text in EXERCISES[name][1].items()}


# ---- all of them ---------------------------------------------------------------------------------------------------


def _texts(kind: str, exercise: str, cell: str, texts: hostile_texts.Texts) -> list[Attack]:
    line = EXERCISES[exercise][1][cell].partition("\n")[0]
    return [
        Attack(kind, name, exercise, says, {cell: f"{line}\n{text}"}, also=hostile_texts.ALSO.get(name, ""))
        for name, (text, says) in texts.items()
    ]


WRONG = {"tool": "%%answer tool\nmagic", "file": "%%answer file\nmagic"}
FIRST_LINES = ["a;x", "$(shell x)", "../a", "-o", "a" * 300, "zswap", "virtio_console", "brass -f /etc/passwd"]
# They are graded in this order: attacks that hang come early, attacks that load the machine last.
ATTACKS: tuple[Attack, ...] = (
    *_texts("guest", "90-brass", "brass", hostile_texts.MODULES),
    *_texts("build", "90-brass", "brass", hostile_texts.SOURCES),
    *(
        Attack(
            "build", f"a first line: %%kmod {name[:20]}", "90-brass", "counts", {"brass": f"%%kmod {name}\nint x;\n"}
        )
        for name in FIRST_LINES
    ),
    *_texts("notebook", "90-brass", "brass", hostile_texts.OTHER_SOURCES),
    *_texts("guest", "92-lamp", "light", hostile_texts.SCRIPTS),
    *_texts("notebook", "92-lamp", "light", hostile_texts.OTHER_SCRIPTS),
    *_texts("build", "91-pipes", "makefile", hostile_texts.MAKEFILES),
    *_texts("notebook", "91-pipes", "makefile", hostile_texts.OTHER_MAKEFILES),
    *(
        Attack("notebook", name, "93-words", says, WRONG, change)
        for name, (change, says) in hostile_files.CHANGES.items()
    ),
    *(
        Attack("notebook", name, "93-words", says, WRONG, place=place, state=state)
        for name, (place, says, state) in hostile_files.FILES.items()
    ),
    *(
        Attack("archive", name, "93-words", says, WRONG, place=place, state=state)
        for name, (place, says, state) in hostile_files.ARCHIVES.items()
    ),
    *_texts("build", "91-pipes", "makefile", hostile_texts.LAST_MAKEFILES),
)
