"""Whose line a crash is: inlined code, callbacks, a module of two files; and guests that a fault destroyed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HEAD = """\
#include <linux/module.h>
#include <linux/delay.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/reboot.h>
#include <linux/slab.h>
#include <linux/timer.h>
static int * volatile nowhere;
"""
TAIL = """
module_init(probe_init);
module_exit(probe_exit);
MODULE_LICENSE("GPL");
"""
INLINED = """
static inline void write_it(int value)
{
	*nowhere = value; /* here */
}
static inline void twice(int value)
{
	write_it(2 * value);
}
static int __init probe_init(void)
{
	twice(4);
	return 0;
}
static void __exit probe_exit(void) { }
"""
TIMER = """
static struct timer_list timer;
static void tick(struct timer_list *unused)
{
	*nowhere = 1; /* here */
}
static int __init probe_init(void)
{
	timer_setup(&timer, tick, 0);
	mod_timer(&timer, jiffies + HZ / 10);
	msleep(500);
	return 0;
}
static void __exit probe_exit(void)
{
	del_timer_sync(&timer);
}
"""
FILE_OPERATION = """
static ssize_t on_read(struct file *file, char __user *to, size_t size, loff_t *offset)
{
	return *nowhere; /* here */
}
static const struct file_operations fops = { .owner = THIS_MODULE, .read = on_read };
static struct miscdevice misc = { .minor = MISC_DYNAMIC_MINOR, .name = "probe_misc", .fops = &fops };
static int __init probe_init(void)
{
	return misc_register(&misc);
}
static void __exit probe_exit(void)
{
	misc_deregister(&misc);
}
"""
SHAPES = {"inlined into init": INLINED, "a timer": TIMER, "a file operation": FILE_OPERATION}

MAIN = """
int helper_work(int *where);
static int __init probe_init(void)
{
	return helper_work(nowhere);
}
static void __exit probe_exit(void) { }
"""
HELPER = """\
int helper_work(int *where);

int helper_work(int *where)
{
	return *(volatile int *)where; /* here */
}
"""


def here(text: str) -> int:
    return next(number for number, line in enumerate(text.splitlines(), 1) if "/* here */" in line)


def kmodlab(verb: str, *arguments: str | Path) -> tuple[int, dict[str, Any]]:
    argv = [sys.executable, "-m", "kmodlab", verb, *map(str, arguments), "--json"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=300, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, json.loads(done.stdout)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_crashed_line_is_the_one_that_was_being_executed(tmp_path: Path, shape: str) -> None:
    source = tmp_path / "probe.c"
    source.write_text(HEAD + SHAPES[shape] + TAIL)
    script = "cat /dev/probe_misc" if shape == "a file operation" else ""
    status, matrix = kmodlab("faults", source, "--cycles", "0", "--script", script)
    plain = matrix["plain"]
    assert (status, plain["verdict"]) == (1, "crashes")
    assert plain["blame"] == {"file": "probe.c", "line": here(source.read_text())}
    assert "NULL pointer dereference" in plain["reason"]


def test_the_crashed_line_may_be_in_the_other_file_of_a_module(tmp_path: Path) -> None:
    files = {
        "Makefile": "obj-m += both.o\nboth-y := main.o helper.o\n",
        "main.c": HEAD + MAIN + TAIL,
        "helper.c": HELPER,
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    paths = [tmp_path / name for name in ("main.c", "helper.c", "Makefile")]
    status, matrix = kmodlab("faults", *paths, "--cycles", "0")
    plain = matrix["plain"]
    assert (status, plain["verdict"]) == (1, "crashes")
    assert plain["blame"] == {"file": "helper.c", "line": here(HELPER)}


ENDS = {
    "a panic": ('panic("no memory")', "crashes"),
    "a power-off": ("kernel_power_off()", "crashes"),
    "a loop with interrupts off": ("local_irq_disable(); for (;;) cpu_relax()", "hangs"),
}
DESTROYING = """
static char *first, *second, *third;
static struct miscdevice misc = { .minor = MISC_DYNAMIC_MINOR, .name = "probe_misc" };
static const struct file_operations fops = { .owner = THIS_MODULE };
static int __init probe_init(void)
{
	int err;

	first = kmalloc(10, GFP_KERNEL);
	if (!first) {
		END; /* here */
		return -ENOMEM;
	}
	second = kzalloc(20, GFP_KERNEL);
	if (!second)
		goto no_second;
	third = kstrdup("text", GFP_KERNEL);
	if (!third)
		return -ENOMEM;
	misc.fops = &fops;
	err = misc_register(&misc);
	if (!err)
		return 0;
	kfree(third);
	kfree(second);
	kfree(first);
	return -EINVAL;
no_second:
	kfree(first);
	return -ENOMEM;
}
static void __exit probe_exit(void)
{
	misc_deregister(&misc);
	kfree(third);
	kfree(second);
	kfree(first);
}
"""


@pytest.mark.parametrize("end", ENDS)
def test_a_guest_that_a_fault_destroyed_does_not_spoil_the_next(tmp_path: Path, end: str) -> None:
    statement, verdict = ENDS[end]
    source = tmp_path / "probe.c"
    source.write_text(HEAD + DESTROYING.replace("END", statement) + TAIL)
    _, matrix = kmodlab("faults", source, "--cycles", "0")
    assert matrix["plain"]["verdict"] == "clean"
    assert {site["function"]: site["verdict"] for site in matrix["sites"]} == {
        "kmalloc": verdict,
        "kzalloc": "clean",
        "kstrdup": "leaks",
        "misc_register": "wrong-return",
    }
    destroyed = matrix["sites"][0]
    assert destroyed["blame"] == {"file": "probe.c", "line": here(source.read_text())}
    assert destroyed["init_returned"] is None
