"""`kmodlab faults` and `%%timeline`: every way in which an init can fail in the middle, on a real kernel."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

THREE_STEPS = """
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/miscdevice.h>
#include <linux/proc_fs.h>
static const struct file_operations fops = { .owner = THIS_MODULE };
static struct miscdevice misc = { .minor = MISC_DYNAMIC_MINOR, .name = "three", .fops = &fops };
static char *buffer;
static int __init three_init(void)
{
	int error;

	buffer = kzalloc(100, GFP_KERNEL);
	if (!buffer)
		return -ENOMEM;
	error = misc_register(&misc);
	if (error)
		goto no_misc;
	if (!proc_mkdir("three", NULL)) {
		error = -ENOMEM;
		goto no_proc;
	}
	return 0;
no_proc:
	misc_deregister(&misc);
no_misc:
	kfree(buffer);
	return error;
}
static void __exit three_exit(void)
{
	remove_proc_entry("three", NULL);
	misc_deregister(&misc);
	kfree(buffer);
}
module_init(three_init);
module_exit(three_exit);
MODULE_LICENSE("GPL");
"""


def find_faults(folder: Path, code: str) -> tuple[int, dict[str, Any]]:
    source = folder / "three.c"
    source.write_text(code)
    argv = [sys.executable, "-m", "kmodlab", "faults", str(source), "--json"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=300, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, json.loads(done.stdout)


def verdicts(matrix: dict[str, Any]) -> dict[str, str]:
    return {site["function"]: site["verdict"] for site in matrix["sites"]}


def test_a_module_that_unwinds_is_clean(tmp_path: Path) -> None:
    status, matrix = find_faults(tmp_path, THREE_STEPS)
    assert verdicts(matrix) == {"kzalloc": "clean", "misc_register": "clean", "proc_mkdir": "clean"}
    assert matrix["plain"]["verdict"] == "clean"
    assert status == 0


@pytest.mark.parametrize(
    ("right", "wrong", "function", "verdict"),
    [
        ("goto no_misc;", "return error;", "misc_register", "leaks"),
        ("misc_deregister(&misc);\nno_misc", "no_misc", "proc_mkdir", "leaks"),
        ("error = -ENOMEM;", "error = 0;", "proc_mkdir", "wrong-return"),
        ("if (!buffer)\n\t\treturn -ENOMEM;", "buffer[0] = 1;", "kzalloc", "crashes"),
    ],
)
def test_each_mistake_is_found_at_its_call(tmp_path: Path, right: str, wrong: str, function: str, verdict: str) -> None:
    code = THREE_STEPS.replace(right, wrong)
    assert code != THREE_STEPS
    status, matrix = find_faults(tmp_path, code)
    assert verdicts(matrix)[function] == verdict
    (site,) = [site for site in matrix["sites"] if site["function"] == function]
    assert f"{function}(" in code.splitlines()[site["line"] - 1]
    assert status == 1
