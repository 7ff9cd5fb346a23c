"""What crashes only after a while fails a check, and so does what is still pending when its module is gone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kmodlab.checks.check_result import CheckResult, Status
from kmodlab.checks.evaluate import evaluate
from kmodlab.checks.registry import read_check
from kmodlab.checks.runner import CheckRunner
from kmodlab.guest.lab import Lab
from kmodlab.submission.learner_sources import LearnerSources

MODULE = """\
%%kmod late
#include <linux/module.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/timer.h>
#include <linux/workqueue.h>
static int * volatile nowhere;
static void tick(struct timer_list *unused)
{{
    {tick}
}}
static DEFINE_TIMER(timer, tick);
static void labour(struct work_struct *unused)
{{
    {tick}
}}
static DECLARE_DELAYED_WORK(work, labour);
static int body(void *unused)
{{
    msleep_interruptible(5000);
    {tick}
    return 0;
}}
static int start(const char *value, const struct kernel_param *unused)
{{
    mod_timer(&timer, jiffies + 2 * HZ);
    return 0;
}}
static const struct kernel_param_ops operations = {{ .set = start }};
module_param_cb(start, &operations, NULL, 0200);
static int __init late_init(void)
{{
    (void)body;
    {init}
    return 0;
}}
static void __exit late_exit(void)
{{
    {exit}
}}
module_init(late_init);
module_exit(late_exit);
MODULE_LICENSE("GPL");
"""
CRASH = "*nowhere = 1; /* crash */"
AFTER_3_S = "mod_timer(&timer, jiffies + 3 * HZ); /* start */"
STOP = "del_timer_sync(&timer); cancel_delayed_work_sync(&work);"
LOADS, BOTH = 'loads("late")', 'loads("late"), unloads("late")'
SCRIPT = f'{LOADS}, runs("echo 1 >/sys/module/late/parameters/start"), unloads("late")'
# What the module does; the check's words; of the reason, and of the line.
FAIL = {
    "3 s after init": ((CRASH, AFTER_3_S, ""), LOADS, "NULL pointer dereference", "/* crash */"),
    "unloaded early": ((CRASH, AFTER_3_S, STOP), BOTH, "Within 10 seconds after it is loaded", "/* crash */"),
    "after unload": (
        ("", "", "mod_timer(&timer, jiffies + HZ / 4); /* start */"), BOTH,
        "`late` left behind: the timer that calls tick, still pending (mod_timer)", "/* start */",
    ),
    "an hour later": (
        ("", "schedule_delayed_work(&work, 3600 * HZ); /* start */", ""), BOTH,
        "`late` left behind: the delayed work item that calls labour", "/* start */",
    ),
    "a thread": (
        ("", 'kthread_run(body, NULL, "sleepy"); /* start */', ""), BOTH,
        "`late` left behind: the kernel thread sleepy, still running", "/* start */",
    ),
    "started later": (("", "", ""), SCRIPT, "a removed module, probably of `late`, which left something behind", ""),
}  # fmt: skip
PASS = {
    "stopped": (("", AFTER_3_S, STOP), BOTH),
    "stays loaded": (("", AFTER_3_S, STOP), LOADS),
    "started later": (("", "", STOP), SCRIPT),
}
SHORT = ("3 s after init", "after unload", "started later", "stopped")


@pytest.fixture(scope="module")
def runner(lab: Lab) -> Iterator[CheckRunner]:
    with CheckRunner(lab) as runner:
        yield runner


def judged(runner: CheckRunner, code: tuple[str, str, str], words: str) -> CheckResult:
    tick, init, exit_code = code
    work = LearnerSources.of([MODULE.format(tick=tick, init=init, exit=exit_code)])
    return evaluate(read_check(f'check("c", {words})'), work, runner)


def some_long(names: object) -> list[object]:
    return [name if name in SHORT else pytest.param(name, marks=pytest.mark.long) for name in names]  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", some_long(FAIL))
def test_what_happens_later_fails_a_check_and_its_line_is_named(runner: CheckRunner, name: str) -> None:
    code, words, reason, text = FAIL[name]
    result = judged(runner, code, words)
    assert result.status is Status.FAILED and result.points == 0
    assert reason in result.reason
    assert text in (result.line.text if result.line else "")


@pytest.mark.parametrize("name", some_long(PASS))
def test_what_is_stopped_in_time_passes(runner: CheckRunner, name: str) -> None:
    result = judged(runner, *PASS[name])
    assert (result.status, result.reason) == (Status.PASSED, "")
