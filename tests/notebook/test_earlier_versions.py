"""A cell that is run again, after a version that left something behind in the guest."""

from __future__ import annotations

import pytest
from cells import Run

CELL = """\
%%kmod steps {options}
#include <linux/module.h>
#include <linux/device.h>
#include <linux/proc_fs.h>
#include <linux/timer.h>
#include <linux/version.h>
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
#define make_class(name) class_create(THIS_MODULE, name)
#else
#define make_class(name) class_create(name)
#endif
static struct class *class;
static struct proc_dir_entry *folder;
static void tick(struct timer_list *unused) {{ }}
static DEFINE_TIMER(timer, tick);
static int __init steps_init(void)
{{
    (void)class; (void)folder;
    {init}
    return 0;
}}
static void __exit steps_exit(void)
{{
    {exit}
}}
module_init(steps_init);
module_exit(steps_exit);
MODULE_LICENSE("GPL");
"""
CLASS = ('class = make_class("steps"); if (IS_ERR(class)) return PTR_ERR(class);', "class_destroy(class);")
FOLDER = ('folder = proc_mkdir("steps", NULL); if (!folder) return -ENOMEM;', "proc_remove(folder);")
START = "mod_timer(&timer, jiffies + 1000 * HZ);"
OTHER = '%%kmod other\n#include <linux/module.h>\nMODULE_LICENSE("GPL");\n'


def steps(init: str, exit_code: str = "", options: str = "") -> str:
    return CELL.format(init=init, exit=exit_code, options=options)


def test_what_an_earlier_version_left_does_not_fail_the_next_one(run: Run) -> None:
    run(steps(CLASS[0]))
    text = run(steps(*CLASS)).text
    assert "✗ An earlier version of this module left this behind: `/sys/class/steps`." in text
    assert "→ So the guest is replaced by a fresh one" in text
    assert "✓ `steps` is loaded." in text
    text = run(steps(*CLASS)).text
    assert "earlier version" not in text and "✓ `steps` is loaded." in text


def test_a_guest_is_not_replaced_if_something_else_would_be_lost(run: Run) -> None:
    run(OTHER)
    run(steps(FOLDER[0]))
    run("%guest echo mine >note")
    text = run(steps(*FOLDER)).text
    assert "`%reset_guest`, has nothing of that; it would lose the module `other`; the file `/root/note`." in text
    assert text.index("`/proc/steps`") < text.index("✗ ENOMEM (12)")
    assert "other" in run("%lsmod").text


@pytest.mark.long
def test_a_timer_that_an_earlier_version_left_is_gone_with_the_guest(run: Run) -> None:
    run(steps(START))
    text = run(steps("", "")).text
    assert "left this behind: the timer that calls tick, still pending (mod_timer), from steps.c:" in text
    assert "✓ `steps` is loaded." in text


@pytest.mark.long
def test_a_plugged_device_would_be_lost_too(run: Run) -> None:
    run(steps(FOLDER[0]))
    run("%plug edu")
    assert "it would lose the device `edu`." in run(steps(*FOLDER)).text


def test_a_cell_that_unloads_its_module_says_what_still_runs(run: Run) -> None:
    cell = steps(START, options="--unload")
    line = next(number for number, text in enumerate(cell.splitlines(), 1) if "mod_timer" in text)
    text = run(cell).text
    assert f"✗ `steps` left behind: the timer that calls tick, still pending (mod_timer), from steps.c:{line}." in text
    assert "→ What can still run a module's code must be stopped" in text
    assert "✓ `steps` is loaded" not in text


@pytest.mark.long
def test_a_cell_that_waits_for_ever_shows_its_line(run: Run) -> None:
    cell = steps("for (;;) schedule_timeout_uninterruptible(HZ);", options="--timeout 2")
    line = next(number for number, text in enumerate(cell.splitlines(), 1) if "schedule_timeout" in text)
    text = run(cell).text
    assert "It did not end in time" in text
    assert f"`schedule_timeout_uninterruptible()` in line {line} of steps.c waits for time to pass." in text
