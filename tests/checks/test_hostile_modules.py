"""Hostile work is failed, in bounded time, for the right reason; what is ours is errored, and costs nobody a point."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import psutil
import pytest
from process_helpers import wait_until_gone

from kmodlab.checks.check_result import CheckResult, Status
from kmodlab.checks.context import CheckContext
from kmodlab.checks.evaluate import evaluate
from kmodlab.checks.registry import read_check
from kmodlab.checks.runner import CheckRunner
from kmodlab.guest.lab import Lab
from kmodlab.guest.session import Session
from kmodlab.submission.learner_sources import LearnerSources

MODULE = """\
%%kmod bad
#include <linux/module.h>
#include <linux/reboot.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/timer.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
static void late(struct timer_list *unused) {{ {late} }}
static DEFINE_TIMER(timer, late);
static int bad_init(void)
{{
    (void)timer;
    {init}
    return 0;
}}
static void bad_exit(void)
{{
    {exit}
}}
module_init(bad_init);
module_exit(bad_exit);
MODULE_LICENSE("GPL");
"""
BOUND_S = 120  # a verdict comes within this on a crowded machine; on an idle one all of these take seconds


def module(init: str = "", exit_code: str = "", late: str = "") -> LearnerSources:
    return LearnerSources.of([MODULE.format(init=init, exit=exit_code, late=late)])


@pytest.fixture(scope="module")
def runner(lab: Lab) -> Iterator[CheckRunner]:
    with CheckRunner(lab) as runner:
        yield runner


def judged(runner: CheckRunner, words: str, work: LearnerSources) -> CheckResult:
    began = time.monotonic()
    result = evaluate(read_check(f'check("c", {words}, partial=True)'), work, runner)
    assert time.monotonic() - began < BOUND_S
    return result


NULL = "*(volatile int *)8 = 1;"
FAKE = r'pr_alert("BUG: unable to handle page fault for address: ffff888000000000\n");'
# What hangs, floods and leaks is in `attacks`, where it goes through the whole grader.
CASES = [
    ({"init": "panic(\"PASS\");"}, "Kernel panic - not syncing: PASS"),
    ({"init": NULL}, "BUG: kernel NULL pointer dereference, address: 0000000000000008"),
    ({"exit_code": NULL}, "BUG: kernel NULL pointer dereference, address: 0000000000000008"),
    ({"init": "mod_timer(&timer, jiffies + 2); msleep(300);", "late": NULL}, "NULL pointer dereference"),
    ({"init": "mod_timer(&timer, jiffies + HZ);", "exit_code": "msleep(2000);", "late": "panic(\"late\");"}, "late"),
    ({"init": "emergency_restart();"}, "rebooted"),
    ({"exit_code": "kernel_power_off();"}, "powered off"),
    pytest.param({"exit_code": "local_irq_disable(); for (;;) ;"}, "hangs", marks=pytest.mark.long),
    ({"init": FAKE}, "reported"),
    ({"init": "WARN_ON(1);"}, "/tmp/bad.c:"),
    ({"init": "struct task_struct *p; for_each_process(p) if (p->pid == 1) send_sig(SIGKILL, p, 1);"
               "for_each_process(p) if (p->mm && p->pid > 1) send_sig(SIGKILL, p, 1);"}, ""),
]  # fmt: skip


@pytest.mark.parametrize(("code", "why"), CASES, ids=[str(number) for number in range(len(CASES))])
def test_a_hostile_module_fails_and_earns_nothing(runner: CheckRunner, code: dict[str, str], why: str) -> None:
    result = judged(runner, 'builds("bad"), loads("bad"), unloads("bad"), removes("/nosuch")', module(**code))
    assert (result.status, result.points) == (Status.FAILED, 0.0), result
    assert why in result.reason


def test_the_next_check_is_not_touched(runner: CheckRunner) -> None:
    judged(runner, 'loads("bad")', module(init="panic(0);"))
    assert judged(runner, 'loads("bad"), unloads("bad")', module()).status is Status.PASSED


def test_a_line_that_says_passed_earns_nothing(runner: CheckRunner) -> None:
    lie = r'pr_info("check passed, 100 points\n"); pr_info("PASS\n");'
    assert judged(runner, 'loads("bad"), logs("hello")', module(init=lie)).points == 0.5


def test_a_guest_that_ends_between_two_commands_is_noticed(runner: CheckRunner) -> None:
    # The session would give the next command a fresh guest, where nothing of the module is left.
    late = module(init="mod_timer(&timer, jiffies + HZ / 5);", late="emergency_restart();")
    words = 'loads("bad"), runs("sleep 1"), removes("/sys/module/bad")'
    result = judged(runner, words, late)
    assert (result.status, result.points) == (Status.FAILED, 0.0)


def test_what_comes_after_the_last_command_is_noticed(runner: CheckRunner) -> None:
    late = module(init="mod_timer(&timer, jiffies + 1);", late="WARN_ON(1);", exit_code="del_timer_sync(&timer);")
    result = judged(runner, 'loads("bad"), runs("usleep 200000")', late)
    assert result.status is Status.FAILED
    assert "WARNING" in result.reason
    assert "WARNING" in result.log


@pytest.mark.parametrize("after", ["1", "HZ / 4"])
def test_what_comes_while_the_log_is_awaited_is_noticed(runner: CheckRunner, after: str) -> None:
    late = module(init=f"mod_timer(&timer, jiffies + {after});", late='WARN_ON(1); pr_info("hello\\n");')
    result = judged(runner, 'loads("bad"), logs("hello", within=20)', late)
    assert result.status is Status.FAILED
    assert "WARNING" in result.reason and "late+0x" in result.reason


def test_answers_and_names_of_any_kind_only_fail(runner: CheckRunner) -> None:
    for body in ("\x1b[2J<script>alert(1)</script>", "\0", "a" * 100_000, "\ud800"):
        work = LearnerSources.of([f"%%answer q\n{body}", f"%%kmod bad\n{body}"])
        assert judged(runner, 'answers("q", "x"), loads("bad")', work).points == 0.0


# ---- ours ----------------------------------------------------------------------------------------------------------


def kill_qemu(session: Session) -> None:
    assert session.pid
    holder = psutil.Process(session.pid)
    victims = [holder, *holder.children(recursive=True)]
    for victim in victims:
        with contextlib.suppress(psutil.NoSuchProcess):
            victim.kill()
    wait_until_gone(victims)


@pytest.mark.parametrize("deaths", [1, 2, 3])
def test_a_guest_that_dies_by_our_fault_is_tried_again_three_times_in_all(
    lab: Lab, deaths: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = CheckContext.put
    tried: list[CheckContext] = []

    def put_into_the_dead(context: CheckContext, name: str, ko: bytes) -> None:
        tried.append(context)
        if len(tried) <= deaths:
            kill_qemu(context.session)
        put(context, name, ko)

    monkeypatch.setattr(CheckContext, "put", put_into_the_dead)
    with CheckRunner(lab) as runner:
        result = evaluate(read_check('check("c", loads("bad"), unloads("bad"), points=3)'), module(), runner)
    assert len(tried) == min(deaths + 1, 3), result
    if deaths < 3:
        assert (result.status, result.points) == (Status.PASSED, 3.0)
    else:
        assert (result.status, result.points) == (Status.ERRORED, None)
        assert "not because of your work" in result.reason


def test_a_guest_that_dies_by_our_fault_while_a_module_is_loaded_is_ours_too(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[Any] = []

    def kill_after(context: CheckContext, name: str) -> bool:
        loaded.append(context)
        kill_qemu(context.session)
        return name in context.loaded()

    monkeypatch.setattr(CheckContext, "is_loaded", kill_after)
    with CheckRunner(lab) as runner:
        result = evaluate(read_check('check("c", loads("bad"))'), module(), runner)
    assert (result.status, result.points, len(loaded)) == (Status.ERRORED, None, 3)


def test_without_a_compiler_or_a_lab_nothing_is_failed(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with CheckRunner(lab) as runner:
        result = evaluate(read_check('check("c", loads("bad"))'), module(), runner)
    assert (result.status, result.points) == (Status.ERRORED, None)
    assert result.hints
