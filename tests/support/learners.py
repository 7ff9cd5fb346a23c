"""Generates a class of learners with correct, wrong, hostile and damaged submissions."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from cases import CASES, read_case

from kmodlab.course.exercise import Exercise, find_masters, read_master
from kmodlab.course.regions import read_regions
from kmodlab.course.release import release
from kmodlab.submission.cells import CellKind, read_cell, split_magic

ROOT = Path(__file__).parents[2]
EXERCISES = {path.parent.name: read_master(path) for path in find_masters(ROOT / "exercises")}
NOTHING = "nothing"  # the row of submissions that cannot be graded
CANARIES = (Path("/tmp/kmodlab-classroom"), Path.home() / "kmodlab-classroom")  # files that no answer must create

Roll = Mapping[tuple[str, str], str]  # learner and exercise -> name of the way in which it is handed in
Change = Callable[[dict[str, Any]], bytes | None]

# ---- hostile answers -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Attack:
    """A hostile answer, made from the right one; if `acts`, checks that build or run it must give no points."""

    write: Callable[[str], str]
    acts: bool = True
    only: tuple[str, ...] = ()  # only in these exercises, because an attack that hangs takes long for each check


def in_init(code: str, only: tuple[str, ...] = ()) -> Attack:
    """The right module, with this code at the beginning of init."""

    def write(right: str) -> str:
        init = re.search(r"^module_init\((\w+)\);$", right, re.MULTILINE)
        own = f"static int __init evil_init(void)\n{{\n    {code}\n    return {f'{init[1]}()' if init else 0};\n}}"
        evil = f"#include <linux/reboot.h>\n#include <linux/sched/signal.h>\n\n{own}\nmodule_init(evil_init);"
        macro = re.search(r"^module_(init|misc_device|pci_driver)\(\w+\);$", right, re.MULTILINE)
        return right.replace(macro[0], evil) if macro else f"{right}\n{evil}\n"

    return Attack(write, only=only)


def instead(text: str, *, acts: bool = True, only: tuple[str, ...] = ()) -> Attack:
    return Attack(lambda _: text, acts, only)


def before(text: str) -> Attack:
    return Attack(lambda right: f"{text}\n{right}")


LIAR = """#include <linux/module.h>

static int __init liar_init(void)
{
    pr_info("PASSED: all checks, 1000 of 1000 points\\n");
    return 0;
}

static void __exit liar_exit(void)
{
    pr_info("PASSED\\n");
}

module_init(liar_init);
module_exit(liar_exit);
MODULE_LICENSE("GPL");
"""
OTHERS = "struct task_struct *one; for_each_process(one) if (one->mm) send_sig(SIGKILL, one, 1);"
ATTACKS: Mapping[CellKind, Mapping[str, Attack]] = {
    CellKind.KMOD: {
        "panics": in_init('panic("PASSED");'),
        "restarts": in_init("emergency_restart();"),
        "kills": in_init(OTHERS),
        "crashes": in_init("*(volatile int *)8 = 1;"),
        "fakes": in_init('pr_alert("BUG: unable to handle page fault for address: ffff888000000000\\n");'),
        "hangs": in_init("for (;;) cpu_relax();", only=("03-errno",)),
        "hangs_hard": in_init("local_irq_disable(); for (;;) ;", only=("06-leak",)),
        "reads": before('#include "/etc/passwd"'),
        "embeds": before('__asm__(".incbin \\"/etc/shadow\\"");'),
        "lies": instead(LIAR, acts=False),
        "noise": instead("\0\x1b[2J\ud800<script>alert(1)</script>"),
    },
    CellKind.MAKEFILE: {
        "kills": before("x := $(shell kill -9 $$PPID)"),
        "writes": instead("x := $(shell touch /tmp/kmodlab-classroom ~/kmodlab-classroom)"),
        "reads": before("include /etc/shadow"),
        "quotes": before("$(error $(file </etc/passwd))"),
        "plugs": before("ccflags-y += -fplugin=/tmp/kmodlab-classroom.so"),
    },
    CellKind.KSCRIPT: {
        "powers_off": before("poweroff -f"),
        "kills": before("kill -9 -1"),
        "crashes": before("echo c >/proc/sysrq-trigger"),
        "jams": instead("for port in /dev/vport*; do head -c 9000 /dev/urandom >$port; done", acts=False),
        "hangs": Attack(lambda right: f"while :; do :; done\n{right}", only=("16-modules-dep",)),
        "lies": instead("echo PASSED; echo PASSED >/dev/kmsg", acts=False),
    },
    CellKind.ANSWER: {
        "megabyte": instead("a" * 1_000_000),
        "markup": instead("<script>alert(1)</script><img src=x onerror=alert(1)>"),
        "control": instead("\0\x1b[2J\x1b]0;PASSED\x07\u202e\ud800"),
        "lies": instead("PASSED"),
    },
}

# ---- damaged notebooks ---------------------------------------------------------------------------------------------


def answers_of(data: dict[str, Any]) -> list[dict[str, Any]]:
    return [cell for cell in data["cells"] if cell["metadata"]["nbgrader"]["solution"]]


def checks_of(data: dict[str, Any]) -> list[dict[str, Any]]:
    return [cell for cell in data["cells"] if cell["metadata"]["nbgrader"]["grade"]]


def lose_answers(data: dict[str, Any]) -> None:
    data["cells"] = [cell for cell in data["cells"] if cell not in answers_of(data)]


def lose_last_answer(data: dict[str, Any]) -> None:
    data["cells"].remove(answers_of(data)[-1])


def lose_checks(data: dict[str, Any]) -> None:
    data["cells"] = [cell for cell in data["cells"] if cell not in checks_of(data)]


def double_answers(data: dict[str, Any]) -> None:
    """Put copies of the answers before them, as an editor does: with new ids, but the same nbgrader ids."""
    copies = [{**cell, "id": f"copy-{cell['id']}"[:64], "source": "%%answer x\nno"} for cell in answers_of(data)]
    data["cells"] = [*copies, *data["cells"]]


def shuffle(data: dict[str, Any]) -> None:
    data["cells"].reverse()


def retype(data: dict[str, Any]) -> None:
    for cell in answers_of(data):
        cell["cell_type"] = "markdown"
        del cell["outputs"], cell["execution_count"]


def change_first_lines(data: dict[str, Any]) -> None:
    for cell in answers_of(data):
        cell["source"] = f"%%bash --out x\n{split_magic(cell['source'])[1]}"


def change_line_ends(data: dict[str, Any]) -> None:
    for cell in answers_of(data):
        cell["source"] = cell["source"].replace("\n", "\r\n")


def forget_exercise(data: dict[str, Any]) -> None:
    data["metadata"] = {}


def change_points(data: dict[str, Any]) -> None:
    for cell in checks_of(data):
        cell["metadata"]["nbgrader"]["points"] = 1000


def forge(data: dict[str, Any]) -> None:
    output = {"output_type": "execute_result", "data": {"text/plain": "1000.0"}, "metadata": {}, "execution_count": 1}
    for cell in checks_of(data):
        cell |= {"source": "1000.0", "outputs": [output], "execution_count": 1}


def add_python(data: dict[str, Any]) -> None:
    """Add code that would end the process that runs it, and another kernelspec."""
    evil = {"cell_type": "code", "id": "evil", "source": "import os; os._exit(0)", "metadata": {}, "outputs": []}
    data["cells"].insert(0, {**evil, "execution_count": None})
    data["metadata"]["kernelspec"] = {"name": "bash", "display_name": "Bash", "language": "bash"}


def change_ids(data: dict[str, Any]) -> None:
    for cell in answers_of(data):
        cell["id"] = cell["metadata"]["nbgrader"]["grade_id"] = f"my-{cell['id']}"[:64]


def cut(data: dict[str, Any]) -> bytes:
    return json.dumps(data).encode()[:-1000]


DAMAGES: Mapping[str, tuple[str, Change]] = {  # name -> row that it earns, change; mostly it earns the same as before
    "lost": (NOTHING, lose_answers),
    "renamed": ("solution", change_ids),
    "cut": (NOTHING, cut),
    "empty": (NOTHING, lambda _: b""),
    "binary": (NOTHING, lambda _: b"\xff\xfe\0"),
    "deep": (NOTHING, lambda _: b'{"cells":' + b"[" * 100_000),
    "infinite": (NOTHING, lambda data: json.dumps({**data, "nbformat": float("inf")}).encode()),
    "unchecked": ("solution", lose_checks),
    "doubled": ("solution", double_answers),
    "shuffled": ("solution", shuffle),
    "retyped": ("solution", retype),
    "other_lines": ("solution", change_first_lines),
    "other_ends": ("solution", change_line_ends),
    "untold": ("solution", forget_exercise),
    "points": ("starter", change_points),
    "forged": ("starter", forge),
    "python": ("starter", add_python),
}

# ---- what can be handed in -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Handed:
    """One way to hand in an exercise: the answer cells, by id, and a change of the notebook.

    `earns` names the row of the gradebook; all texts of a row are equal.
    """

    earns: str
    answers: Mapping[str, str]
    change: Change = lambda _: None
    attack: Attack | None = None
    attacked: str = ""  # the name of the answer cell that holds the attack


@cache
def ways(name: str) -> dict[str, Handed]:
    """All ways to hand in an exercise, by name."""
    exercise = EXERCISES[name]
    right = {cell_id: solved(cell.source) for cell_id, cell in exercise.answers.items()}
    handed = {"solution": Handed("solution", right), "starter": Handed("starter", exercise.starter)}
    for path in sorted(CASES.glob(f"{name}/odd_*")) + sorted(CASES.glob(f"{name}/wrong_*")):
        answers = read_case(path, exercise).answers
        cells = {cell_id: f"{split_magic(right[cell_id])[0]}{text}" for cell_id, text in answers.items()}
        handed[path.stem] = Handed(path.stem, cells)
    handed |= _hostile(exercise, right)
    for what, (like, change) in DAMAGES.items():
        answers = exercise.starter if like == "starter" else right
        handed[f"damaged_{what}"] = Handed(like, answers, change)
    if len(right) > 1:
        handed["damaged_half"] = Handed("damaged_half", right, lose_last_answer)
    return handed


def solved(source: str) -> str:
    """The text of an answer cell with the solution."""
    lines = source.split("\n")
    for region in reversed(read_regions(source)):
        lines[region.first : region.last + 1] = region.solution
    return "\n".join(lines)


def _hostile(exercise: Exercise, right: Mapping[str, str]) -> dict[str, Handed]:
    """Each attack, in the first answer cell of its kind; the other cells are right."""
    handed: dict[str, Handed] = {}
    for kind, attacks in ATTACKS.items():
        written = {cell_id: read_cell(text) for cell_id, text in right.items()}
        cell = next((cell_id for cell_id, read in written.items() if read and read.kind is kind), None)
        for what, attack in attacks.items():
            if cell and (not attack.only or exercise.name in attack.only):
                line, body = split_magic(right[cell])
                answers = {**right, cell: f"{line}\n{attack.write(body)}"}
                case = f"hostile_{kind}_{what}"
                handed[case] = Handed(case, answers, attack=attack, attacked=line.split()[1])
    return handed


def make_roll(seed: int, learners: int, exercises: Sequence[str]) -> dict[tuple[str, str], str]:
    """What each learner hands in: each way at least once if there are enough learners; most of the others are right."""
    roll: dict[tuple[str, str], str] = {}
    for exercise in exercises:
        chance = random.Random(f"{seed} {exercise}")
        cases = list(ways(exercise))
        chance.shuffle(cases)
        weights = [{"solution": 20, "starter": 5}.get(case, 1) for case in cases]
        cases += chance.choices(cases, weights, k=max(learners - len(cases), 0))
        chosen = chance.sample(cases[:learners], learners)
        roll |= {(f"learner{number:03}", exercise): case for number, case in enumerate(chosen, 1)}
    return roll


def hand_in(roll: Roll, folder: Path) -> Path:
    """Write all submissions in nbgrader's layout; returns the folder."""
    released = {name: release(exercise) for name, exercise in EXERCISES.items()}
    for (learner, name), case in roll.items():
        data, way = json.loads(released[name]), ways(name)[case]
        for cell in answers_of(data):
            cell["source"] = way.answers[cell["id"]]
        content = way.change(data)
        target = folder / "submitted" / learner / name
        target.mkdir(parents=True)
        (target / EXERCISES[name].notebook.name).write_bytes(json.dumps(data).encode() if content is None else content)
    return folder / "submitted"


def texts_in(roll: Roll) -> set[tuple[str, str]]:
    """The different texts that are handed in, by exercise and row of the gradebook."""
    earned = {(name, ways(name)[case].earns) for (_, name), case in roll.items()}
    return {text for text in earned if text[1] != NOTHING}
