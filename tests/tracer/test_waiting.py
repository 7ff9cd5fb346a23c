"""Stacks of the guest's tasks, as the agent lists them; hostile lines in them are skipped."""

from __future__ import annotations

from kmodlab.tracer.waiting import BlockedTask, find_waiting, parse_stacks

STACKS = """\
2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 0 0 0 20 0 1 0 0 0 0
[<0>] kthreadd+0x20e/0x230
[<0>] ret_from_fork+0x22/0x30
113 (a (odd) name) D 103 113 113 0 -1 1077936384 23 0 0 0 0 0
[<0>] probe_init+0x1d/0x1000 [probe]
[<0>] do_one_initcall+0x54/0x210
[<0>] not a frame
114 (gone) Z 103
"""


def test_stacks_are_read_task_by_task() -> None:
    kthreadd, odd, gone = parse_stacks(STACKS)
    assert (kthreadd.pid, kthreadd.name, kthreadd.state) == (2, "kthreadd", "S")
    assert (odd.name, [(frame.function, frame.module) for frame in odd.frames]) == (
        "a (odd) name",
        [("probe_init", "probe"), ("do_one_initcall", None)],
    )
    assert gone == BlockedTask(114, "gone", "Z", ())


def test_tasks_that_are_in_no_module_wait_for_nothing_that_is_told() -> None:
    assert find_waiting(STACKS, []) == ()
    assert list(parse_stacks("[<0>] probe_init+0x1d/0x1000 [probe]\nnonsense")) == []
