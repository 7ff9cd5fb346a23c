"""The fault finder on modules whose defect is known, and on correct ones: every defect on its line, no false alarm."""

from __future__ import annotations

import pytest
from _pytest.mark import ParameterSet
from defects import FOLDER, Case, Judged, format_table, judge_all, read_cases

from kmodlab.guest.lab import Lab

pytestmark = pytest.mark.xdist_group("defects")  # All are judged in one go.

DEFECTIVE = read_cases(FOLDER)
CORRECT = read_cases(FOLDER / "correct")
ONLY_IN_EXIT = read_cases(FOLDER / "only_in_exit")

# `make test` has one of each kind. Of the modules that forget something, these: memory, something with a name, a
# number, an interrupt, a reference, a callback of each sort, an entry in a folder, a thread.
FORGETS = (
    "forgets_kstrdup",
    "forgets_class",
    "forgets_chrdev",
    "forgets_irq",
    "forgets_kobject",
    "forgets_rearmed_timer",
    "forgets_rcu_barrier",
    "forgets_proc_in_folder",
    "forgets_kthread",
)
# Of those that hang, the one in exit: each of these takes as long as ten others.
SLOW = ("timer_loops_for_ever", "locks_twice")
# Of the correct ones, these: the others use the same functions once more, or hold more of the same.
RIGHT = (
    "again_and_again",
    "another_errno_on_purpose",
    "calls_through_pointers",
    "counted_references",
    "freed_by_rcu",
    "hello",
    "interrupt_and_tasklet",
    "kernel_threads",
    "locks_and_lists",
    "memory_that_grows",
    "misc_device",
    "network_device",
    "platform_driver_and_device",
    "second_best",
    "slab_cache_and_list",
    "sysfs_entries",
    "timers",
    "whole_pages",
)


@pytest.fixture(scope="module")
def judged(request: pytest.FixtureRequest, lab: Lab, tables: dict[str, str]) -> dict[str, Judged]:
    """What came out for the cases that were asked for."""
    calls = (getattr(item, "callspec", None) for item in request.session.items)
    chosen = {id(call.params["case"]): call.params["case"] for call in calls if call and "case" in call.params}
    results = judge_all(lab, [case for case in chosen.values() if isinstance(case, Case)])
    tables["modules with a known defect, and correct ones"] = format_table(results.values())
    return results


def test_there_are_enough_of_both() -> None:
    assert len(DEFECTIVE) >= 40
    assert len(CORRECT) >= 15
    assert len(ONLY_IN_EXIT) >= 6
    cases = (*DEFECTIVE, *CORRECT, *ONLY_IN_EXIT)
    assert len({case.name for case in cases}) == len(cases)
    assert {case.name for case in cases} >= {*FORGETS, *SLOW, *RIGHT}


def mark_repeated(defective: list[Case], *keys: str) -> list[ParameterSet]:
    """All of these modules. Of those that want the same for these keys, the first that may be is not `long`."""
    met: set[tuple[str, ...]] = set()
    cases = []
    for case in defective:
        kind = tuple(case.wanted[key] for key in keys)
        is_another = case.name.startswith("forgets_") and case.name not in FORGETS
        is_long = is_another or case.name in SLOW or kind in met
        cases.append(pytest.param(case, id=case.name, marks=[pytest.mark.long] if is_long else []))
        if not is_long:
            met.add(kind)
    return cases


@pytest.mark.parametrize("case", mark_repeated(DEFECTIVE, "verdict", "says"))
def test_a_defect_is_found_and_put_on_its_line(case: Case, judged: dict[str, Judged]) -> None:
    assert judged[case.name].problems == []


@pytest.mark.parametrize("case", mark_repeated(ONLY_IN_EXIT, "run"))
def test_what_is_wrong_in_exit_is_told_once_and_not_of_each_call(case: Case, judged: dict[str, Judged]) -> None:
    assert judged[case.name].problems == []


def mark_correct() -> list[ParameterSet]:
    """All correct modules. Those named above are not `long`."""
    marks = [[] if case.name in RIGHT else [pytest.mark.long] for case in CORRECT]
    return [pytest.param(case, id=case.name, marks=mark) for case, mark in zip(CORRECT, marks, strict=True)]


@pytest.mark.parametrize("case", mark_correct())
def test_a_correct_module_raises_no_alarm(case: Case, judged: dict[str, Judged]) -> None:
    assert judged[case.name].problems == []
