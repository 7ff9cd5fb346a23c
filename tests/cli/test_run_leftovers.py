"""`kmodlab run` on modules that end before what they started does, and on those that wait for ever: which line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kmodlab.guest.lab import Lab

SOURCE = """\
#include <linux/module.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/fs.h>
#include <linux/kthread.h>
#include <linux/miscdevice.h>
#include <linux/mutex.h>
#include <linux/timer.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
{code}
module_init(late_init);
module_exit(late_exit);
MODULE_LICENSE("GPL");
"""
DELAYED_WORK = """
static void again(struct work_struct *work);
static DECLARE_DELAYED_WORK(later, again);
static void again(struct work_struct *work)
{
	schedule_delayed_work(&later, HZ / 20);
}
static int __init late_init(void)
{
	schedule_delayed_work(&later, HZ / 20); /* here */
	return 0;
}
static void __exit late_exit(void) { }
"""
TIMER = """
static void tick(struct timer_list *unused) { }
static DEFINE_TIMER(timer, tick);
static int __init late_init(void)
{
	mod_timer(&timer, jiffies + 100 * HZ); /* here */
	return 0;
}
static void __exit late_exit(void) { }
"""
HRTIMER = """
static struct hrtimer timer;
static enum hrtimer_restart tick(struct hrtimer *unused) { return HRTIMER_NORESTART; }
static int __init late_init(void)
{
	hrtimer_init(&timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	timer.function = tick;
	hrtimer_start(&timer, ms_to_ktime(5000), HRTIMER_MODE_REL); /* here */
	return 0;
}
static void __exit late_exit(void) { }
"""
THREAD = """
static int body(void *unused)
{
	while (!kthread_should_stop())
		msleep(100);
	return 0;
}
static int __init late_init(void)
{
	return PTR_ERR_OR_ZERO(kthread_run(body, NULL, "sleepy")); /* here */
}
static void __exit late_exit(void) { }
"""
FAILING_INIT = """
static void tick(struct timer_list *unused) { }
static DEFINE_TIMER(timer, tick);
static int __init late_init(void)
{
	mod_timer(&timer, jiffies + HZ); /* here */
	return -ENODEV;
}
static void __exit late_exit(void) { }
"""
LEFT = {
    "the delayed work item that calls again, still pending (schedule_delayed_work)": DELAYED_WORK,
    "the timer that calls tick, still pending (mod_timer)": TIMER,
    "the hrtimer that calls tick, still pending (hrtimer_start)": HRTIMER,
    "the kernel thread sleepy, still running (kthread_run)": THREAD,
}
REGISTERED = """
static const struct file_operations operations = { .owner = THIS_MODULE };
static struct miscdevice device = { .minor = MISC_DYNAMIC_MINOR, .name = "late", .fops = &operations };
static int __init late_init(void)
{
	return misc_register(&device); /* here */
}
static void __exit late_exit(void) { }
"""
STOPS_A_DEAD_THREAD = """
static struct task_struct *thread;
static int body(void *unused) { return 0; }
static int __init late_init(void)
{
	thread = kthread_run(body, NULL, "shorty");
	return PTR_ERR_OR_ZERO(thread);
}
static void __exit late_exit(void)
{
	msleep(300);
	kthread_stop(thread); /* here */
}
"""
CAREFUL = """
static void tick(struct timer_list *unused) { }
static DEFINE_TIMER(timer, tick);
static int __init late_init(void)
{
	mod_timer(&timer, jiffies + HZ);
	return 0;
}
static void __exit late_exit(void)
{
	del_timer_sync(&timer);
}
"""
MUTEX = """
static DEFINE_MUTEX(lock);
static int __init late_init(void)
{
	mutex_lock(&lock);
	mutex_lock(&lock); /* here */
	return 0;
}
static void __exit late_exit(void) { }
"""
COMPLETION = """
static DECLARE_COMPLETION(ready);
static int __init late_init(void)
{
	wait_for_completion_interruptible(&ready); /* here */
	return 0;
}
static void __exit late_exit(void) { }
"""
WAIT_QUEUE = """
static DECLARE_WAIT_QUEUE_HEAD(queue);
static int flag;
static int __init late_init(void)
{
	wait_event(queue, READ_ONCE(flag)); /* here */
	return 0;
}
static void __exit late_exit(void) { }
"""
LAST_CALL = """
static struct task_struct *thread;
static int never;
static int body(void *unused)
{
	while (!READ_ONCE(never))
		msleep(100);
	return 0;
}
static int __init late_init(void)
{
	thread = kthread_run(body, NULL, "stubborn");
	return PTR_ERR_OR_ZERO(thread);
}
static void __exit late_exit(void)
{
	kthread_stop(thread); /* here */
}
"""
WORK = """
static DEFINE_MUTEX(lock);
static void labour(struct work_struct *unused)
{
	mutex_lock(&lock);
	mutex_unlock(&lock);
}
static DECLARE_WORK(work, labour);
static int __init late_init(void)
{
	return 0;
}
static void __exit late_exit(void)
{
	mutex_lock(&lock);
	schedule_work(&work);
	flush_work(&work); /* here */
	mutex_unlock(&lock);
}
"""
WAITS = {
    "mutex": (MUTEX, "`mutex_lock()` in line {line} of late.c waits for a mutex that is locked"),
    "completion": (COMPLETION, "waits for a completion; somebody must call complete()"),
    "wait-queue": (WAIT_QUEUE, "in line {line} of late.c waits for being woken"),
    "last-call": (LAST_CALL, "`kthread_stop()` in line {line} of late.c waits for a thread to end"),
    "work": (WORK, "`flush_work()` in line {line} of late.c waits for work to end"),
}
ONE_OF_A_KIND = ("mutex", next(iter(LEFT)))


def some_long(names: object) -> list[object]:
    return [name if name in ONE_OF_A_KIND else pytest.param(name, marks=pytest.mark.long) for name in names]  # type: ignore[attr-defined]


def run_json(folder: Path, code: str, *arguments: str) -> tuple[int, dict[str, Any], int]:
    source = folder / "late.c"
    source.write_text(SOURCE.format(code=code))
    line = next((number for number, text in enumerate(source.read_text().split("\n"), 1) if "/* here */" in text), 0)
    argv = [sys.executable, "-m", "kmodlab", "run", str(source), "--json", *arguments]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=300, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, json.loads(done.stdout), line


@pytest.mark.parametrize("what", some_long(LEFT))
def test_what_still_runs_when_its_module_is_gone_is_named_with_its_line(lab: Lab, tmp_path: Path, what: str) -> None:
    status, module_run, line = run_json(tmp_path, LEFT[what])
    assert status == 1
    assert [(left["module"], left["file"], left["line"]) for left in module_run["leftovers"]] == [
        ("late", "late.c", line)
    ]
    assert module_run["reason"] == f"`late` left behind: {what}, from late.c:{line}."


def test_what_is_still_registered_when_its_module_is_gone_is_named_too(lab: Lab, tmp_path: Path) -> None:
    status, module_run, line = run_json(tmp_path, REGISTERED)
    assert (status, module_run["reason"]) == (
        1,
        f"`late` left behind: the misc device late (misc_register), from late.c:{line}.",
    )
    assert [(left["line"], left["is_running"]) for left in module_run["leftovers"]] == [(line, False)]


@pytest.mark.long
def test_a_timer_that_a_failing_init_leaves_is_named_too(lab: Lab, tmp_path: Path) -> None:
    status, module_run, line = run_json(tmp_path, FAILING_INIT)
    assert status == 1 and "ENODEV" in module_run["reason"]
    assert [left["line"] for left in module_run["leftovers"]] == [line]


@pytest.mark.long
def test_a_module_that_stops_what_it_started_passes(lab: Lab, tmp_path: Path) -> None:
    status, module_run, _line = run_json(tmp_path, CAREFUL)
    assert (status, module_run["reason"], module_run["leftovers"]) == (0, "", [])


def test_a_thread_that_had_ended_before_it_was_stopped_is_told(lab: Lab, tmp_path: Path) -> None:
    status, module_run, line = run_json(tmp_path, STOPS_A_DEAD_THREAD)
    assert status == 1 and "`kthread_stop()` was called for a thread that has ended already" in module_run["reason"]
    crash = module_run["steps"][1]["crashes"][0]
    assert (crash["file"], crash["line"]) == ("late.c", line)
    assert "kthread_stop()" in crash["note"]


@pytest.mark.parametrize("name", some_long(WAITS))
def test_a_command_that_waits_for_ever_says_where_and_for_what(lab: Lab, tmp_path: Path, name: str) -> None:
    code, words = WAITS[name]
    status, module_run, line = run_json(tmp_path, code, "--timeout", "4")
    assert status == 1
    assert "did not end in time: " in module_run["reason"]
    assert words.format(line=line) in module_run["reason"]
