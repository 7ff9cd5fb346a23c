"""A class hands in all exercises, right, wrong, hostile and damaged, to a grader that is killed; nobody gets it wrong.

Sixty learners with every text, `--jobs 1` and a Dask cluster are `python tests/support/classroom.py --grade`, and take
half an hour each.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from classroom import Grading, kill_local_worker
from expected_grades import differences, doubts, expected, read_gradebook, rows_of
from learners import CANARIES, EXERCISES, NOTHING, hand_in, make_roll, ways

from kmodlab.checks.check_result import CheckResult, Status
from kmodlab.grading.formats import gradebook
from kmodlab.grading.grader import make_plan, read_exercises
from kmodlab.grading.intake import read_submissions
from kmodlab.grading.models import Grade, GradeState, Setting

FIRST = "01-hello"

KILLS = 5
# What three learners hand in to each exercise: quick ones.
QUICK = {
    "01-hello": ("odd_old_names", "wrong_swapped", "hostile_kmod_restarts"),
    "02-parameters": ("solution", "wrong_read_only", "damaged_retyped"),
    "03-errno": ("odd_switch", "wrong_positive", "damaged_cut"),
    "04-unwind": ("solution", "wrong_success_after_failure", "damaged_doubled"),
    "05-exit": ("odd_proc_remove", "wrong_empty", "hostile_kmod_reads"),
    "06-leak": ("solution", "wrong_returns_at_once", "damaged_shuffled"),
    "07-misc-device": ("odd_macro", "wrong_other_name", "hostile_kmod_embeds"),
    "08-read-write": ("solution", "wrong_other_errno", "damaged_other_lines"),
    "09-pci": ("solution", "wrong_other_bar", "damaged_untold"),
    "10-usb": ("solution", "wrong_other_product", "damaged_lost"),
    "11-makefile": ("odd_whole", "wrong_one_source", "hostile_makefile_writes"),
    "12-symbols": ("solution", "wrong_static", "damaged_other_ends"),
    "13-depmod": ("solution", "wrong_no_copy", "damaged_deep"),
    "14-alias": ("solution", "wrong_other_bus", "hostile_kmod_noise"),
    "15-modprobe-d": ("odd_three_files", "wrong_other_ending", "damaged_binary"),
    "16-modules-dep": ("odd_one_line", "wrong_modprobe_r", "hostile_kscript_powers_off"),
    "17-crash": ("odd_empty_names", "wrong_stops_at_an_empty_bed", "hostile_answer_markup"),
    "18-old-api": ("odd_own_read", "wrong_only_the_names", "damaged_forged"),
    "19-gpl": ("odd_dual", "wrong_no_licence", "hostile_kmod_panics"),
    "20-predict": ("odd_with_dot", "wrong_rmmod_tidies", "hostile_answer_megabyte"),
}

every_exercise = pytest.mark.parametrize("name", EXERCISES)


# `classroom.py --store` makes the gradebook anew. It judges each text, which takes half an hour, so the gradebook may
# be older than the last cases: these two say so before the class that is compared with it is graded.
@pytest.mark.long
@every_exercise
def test_the_stored_gradebook_agrees_with_what_is_known_without_it(name: str) -> None:
    stored = {row: marks for (exercise, row), marks in read_gradebook().items() if exercise == name}
    assert not list(doubts(name, stored))


@pytest.mark.long
@every_exercise
def test_a_gradebook_that_is_wrong_is_noticed(name: str) -> None:
    stored = {row: marks for (exercise, row), marks in read_gradebook().items() if exercise == name}
    full = stored["solution"]
    for row in rows_of(name):
        other = dict.fromkeys(full, 0.0) if stored[row] == full else full
        assert list(doubts(name, {**stored, row: other})), row


def test_a_class_tries_everything() -> None:
    roll = make_roll(0, 70, list(EXERCISES))
    assert len(roll) == 70 * len(EXERCISES)
    for name in EXERCISES:
        assert {case for (_, exercise), case in roll.items() if exercise == name} == set(ways(name))
    assert make_roll(0, 70, list(EXERCISES)) == roll
    assert make_roll(1, 70, list(EXERCISES)) != roll


def test_the_same_texts_are_judged_once_and_what_is_beyond_repair_is_not(tmp_path: Path) -> None:
    roll = {(f"learner{number}", name): case for name in EXERCISES for number, case in enumerate(ways(name))}
    exercises, masters = read_exercises([exercise.path for exercise in EXERCISES.values()])
    handed_in = read_submissions([hand_in(roll, tmp_path)], exercises)
    plan = make_plan(handed_in, exercises, masters, Setting("", "", sandboxed=True))
    digests: dict[tuple[str, str], set[str]] = {}
    for entry in plan.submissions:
        earns = ways(entry.exercise)[roll[entry.learner, entry.exercise]].earns
        digests.setdefault((entry.exercise, earns), set()).add(entry.digest)
    assert len(plan.submissions) == len(roll)
    assert not plan.left_out
    assert all(found == {""} for (_, earns), found in digests.items() if earns == NOTHING)
    texts = [found for (_, earns), found in digests.items() if earns != NOTHING]
    assert {len(found) for found in texts} == {1}
    assert len(set.union(*texts)) == len(texts) == sum(len(rows_of(name)) for name in EXERCISES)


def test_a_difference_is_noticed(tmp_path: Path) -> None:
    roll = {("ada", FIRST): "solution", ("bob", FIRST): "starter", ("eve", FIRST): "damaged_cut"}
    gradebook.write([grade_of(learner, case) for (learner, _), case in roll.items()], tmp_path)
    known = read_gradebook()
    assert not list(differences(roll, known, tmp_path))
    for other in ({("ada", FIRST): "starter"}, {("bob", FIRST): "damaged_cut"}, {("carol", FIRST): "solution"}):
        (sentence,) = differences({**roll, **other}, known, tmp_path)
        assert sentence.startswith(next(iter(other))[0])
    assert len(list(differences({}, known, tmp_path))) == 3


def grade_of(learner: str, case: str) -> Grade:
    """What the grader says of a case, as far as the gradebook has it."""
    state, marks = expected(FIRST, case, read_gradebook())
    checks = EXERCISES[FIRST].checks
    results = tuple(
        CheckResult("", Status.PASSED if points else Status.FAILED, points, checks[check].points, id=check)
        for check, points in marks.items()
    )
    return Grade(learner, FIRST, title="", source="", digest="", state=GradeState(state), checks=results)


@pytest.mark.long
@pytest.mark.xdist_group("grade")  # The run uses both processors already.
def test_a_class_gets_what_it_earned_from_a_grader_that_is_killed_again_and_again(tmp_path: Path) -> None:
    assert QUICK.keys() == EXERCISES.keys()
    roll = {(f"learner{number}", name): case for name, cases in QUICK.items() for number, case in enumerate(cases, 1)}
    grading = Grading(roll, hand_in(roll, tmp_path), tmp_path / "marks", ("--jobs", "2"))
    status = grading.run(KILLS, kill_local_worker)
    assert (status, grading.kills) == (0, KILLS), grading.said
    assert not list(differences(roll, read_gradebook(), grading.out))
    assert not [path for path in CANARIES if path.exists()]
