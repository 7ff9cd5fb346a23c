"""A call that the tracer cannot follow: the check is errored, so nothing is earned and nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kmodlab.checks.check_result import Status
from kmodlab.checks.evaluate import evaluate
from kmodlab.checks.registry import read_check
from kmodlab.checks.runner import CheckRunner
from kmodlab.guest.lab import Lab
from kmodlab.submission.learner_sources import LearnerSources

# It calls a function of the kernel not at its beginning, but behind the place for ftrace (and the endbr64 before it).
MODULE = """\
%%kmod inside
#include <linux/module.h>
#include <linux/vmalloc.h>
static void *(*volatile get)(unsigned long size);
static void *memory;
static int __init inside_init(void)
{
	get = (void *)vmalloc + (*(u32 *)vmalloc == 0xfa1e0ff3 ? 4 : 5);
	memory = get(100);
	return memory ? 0 : -ENOMEM;
}
static void __exit inside_exit(void)
{
	PUT;
}
module_init(inside_init);
module_exit(inside_exit);
MODULE_LICENSE("GPL");
"""
UNSEEN = "the call in line 9 could not be seen"


@pytest.fixture(scope="module")
def runner(lab: Lab) -> Iterator[CheckRunner]:
    with CheckRunner(lab) as runner:
        yield runner


@pytest.mark.parametrize("put", ["vfree(memory)", pytest.param("(void)memory", marks=pytest.mark.long)])
@pytest.mark.parametrize(
    "word",
    [
        'leaves_nothing("inside")',
        *(
            pytest.param(word, marks=pytest.mark.long)
            for word in ('survives_faults("inside")', 'exits_in_order("inside")', 'acquires("inside", memory=64)')
        ),
    ],
)
def test_a_call_that_cannot_be_seen_makes_the_check_errored(runner: CheckRunner, word: str, put: str) -> None:
    work = LearnerSources.of([MODULE.replace("PUT", put)])
    result = evaluate(read_check(f'check("c", {word})'), work, runner)
    assert result.status is Status.ERRORED
    assert result.points is None
    assert UNSEEN in result.reason


@pytest.mark.long
def test_what_is_certain_fails_though_a_call_cannot_be_seen(runner: CheckRunner) -> None:
    work = LearnerSources.of([MODULE.replace("PUT", "*(volatile int *)0 = 1; vfree(memory)")])
    result = evaluate(read_check('check("c", leaves_nothing("inside"))'), work, runner)
    assert result.status is Status.FAILED
    assert "NULL" in result.reason
