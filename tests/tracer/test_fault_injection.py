"""`kmodlab faults`, `%%faults`, `%%timeline`: every way in which an init can fail in the middle, on a real kernel."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cells import Run

SIX_STEPS = (Path(__file__).parents[1] / "data" / "defects" / "correct" / "six_steps.c").read_text()
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


def run_faults(folder: Path, code: str, *options: str) -> subprocess.CompletedProcess[str]:
    source = folder / "three.c"
    source.write_text(code)
    argv = [sys.executable, "-m", "kmodlab", "faults", str(source), *options]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=300, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return done


def find_faults(folder: Path, code: str, cycles: int = 0) -> tuple[int, dict[str, Any]]:
    done = run_faults(folder, code, "--json", "--cycles", str(cycles))
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


STEPS = ["kzalloc", "alloc_chrdev_region", "cdev_add", "class_create", "device_create", "proc_create"]


def test_six_calls_that_can_fail_get_six_verdicts(tmp_path: Path) -> None:
    status, matrix = find_faults(tmp_path, SIX_STEPS)
    assert [site["function"] for site in matrix["sites"]] == STEPS
    assert set(verdicts(matrix).values()) == {"clean"} and status == 0
    errnos = [site["init_returned"] for site in matrix["sites"]]
    assert errnos == [-12, -16, -16, -12, -12, -12]


def test_six_calls_with_a_mistake_behind_each_get_six_verdicts(tmp_path: Path) -> None:
    code = SIX_STEPS
    for right, wrong in (
        ("if (!buffer)\n\t\treturn -ENOMEM;", "*(volatile char *)buffer = 1;"),
        ("if (err)\n\t\tgoto free;", "if (err)\n\t\treturn err;"),
        ("if (err)\n\t\tgoto unregister;", "if (err) {\n\t\terr = -EINVAL;\n\t\tgoto unregister;\n\t}"),
        ("err = PTR_ERR(class);\n\t\tgoto remove;", "for (;;)\n\t\t\tcpu_relax();"),
        ("err = PTR_ERR(device);", "err = 0;"),
        ("err = -ENOMEM;\n\t\tgoto withdraw;", "kfree(buffer);\n\t\terr = -ENOMEM;\n\t\tgoto withdraw;"),
    ):
        assert right in code
        code = code.replace(right, wrong, 1)
    status, matrix = find_faults(tmp_path, code)
    wanted = ["crashes", "leaks", "wrong-return", "hangs", "wrong-return", "crashes"]
    assert verdicts(matrix) == dict(zip(STEPS, wanted, strict=True))
    assert (status, matrix["plain"]["verdict"], matrix["outcome"]) == (1, "clean", "failed")
    (left,) = matrix["sites"][1]["left"]
    assert (left["kind"], left["function"]) == ("memory", "kzalloc")
    for site in matrix["sites"]:
        assert f"{site['function']}(" in code.splitlines()[site["line"] - 1]


def test_a_hundred_loads_leave_nothing_behind(tmp_path: Path) -> None:
    status, matrix = find_faults(tmp_path, THREE_STEPS, cycles=100)
    assert matrix["plain"]["cycles"] == {"done": 100, "level": True}
    assert status == 0


def test_the_json_has_what_is_promised(tmp_path: Path) -> None:
    code = THREE_STEPS.replace(
        "buffer = kzalloc(100, GFP_KERNEL);", "buffer = kzalloc(100, GFP_KERNEL | __GFP_NOFAIL);"
    )
    _, matrix = find_faults(tmp_path, code)
    fields = {"function", "line", "init_returned", "verdict", "left"}
    for run in (matrix["plain"], *matrix["sites"]):
        assert fields <= set(run)
    assert {site["verdict"] for site in matrix["sites"]} == {"clean", "not-injected"}
    (other,) = matrix["not-injected"]
    assert (other["function"], other["reason"]) == ("kzalloc", "asked never to fail (__GFP_NOFAIL)")
    assert matrix["plain"]["timeline"]["exit_called"] is True


def test_the_table_shows_the_lines_of_what_went_wrong(tmp_path: Path) -> None:
    done = run_faults(tmp_path, THREE_STEPS.replace("goto no_misc;", "return error;"), "--cycles", "2", "--timeline")
    assert done.returncode == 1
    text = " ".join(done.stdout.split())
    assert "left behind: 100 bytes of memory (kzalloc)" in text
    assert "buffer = kzalloc(100, GFP_KERNEL);" in text
    assert "COMING" in text and "nothing is left behind" in text and "not clean: 1 of 4 runs" in text


@pytest.mark.parametrize(("arguments", "status"), [(["-p", "nonsense"], 2), (["--cycles", "x"], 2)])
def test_a_wrong_call_is_not_the_modules_fault(tmp_path: Path, arguments: list[str], status: int) -> None:
    assert run_faults(tmp_path, THREE_STEPS, *arguments).returncode == status


def test_a_module_that_does_not_build_has_failed(tmp_path: Path) -> None:
    done = run_faults(tmp_path, "int x = ;", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["build"]["reason"] == "compile"


# ---- in a notebook -------------------------------------------------------------------------------------------------


def test_a_cell_shows_the_matrix_beside_its_source(run: Run) -> None:
    cell = run(f"%%faults three --cycles 2\n{THREE_STEPS.replace('goto no_misc;', 'return error;')}")
    assert "Not every run is clean." in cell.text
    assert "misc_register() fails with -EBUSY: leaks, init returned -EBUSY (-16)" in cell.text
    assert "kzalloc() fails with NULL: clean" in cell.text
    (page,) = cell.pages
    assert "<table>" in page and "← ✗ leaks" in page


def test_a_line_takes_the_module_that_a_cell_has_built(run: Run) -> None:
    assert "No cell of this notebook has built a module `three`." in run("%timeline three").text
    run(f"%%kmod three --build-only\n{THREE_STEPS}")
    assert "init succeeded, so the module was live" in run("%timeline three").text
    assert "Every run is clean." in run("%faults three --cycles 2").text


def test_a_cell_shows_the_life_of_its_module(run: Run) -> None:
    cell = run(f"%%timeline three\n{THREE_STEPS}")
    assert "init succeeded, so the module was live until exit was called" in cell.text
    assert "<svg" in cell.pages[0] and "is never called" not in cell.pages[0]


def test_a_cell_shows_that_exit_is_not_called_when_init_failed(run: Run) -> None:
    cell = run(f"%%timeline three --fail misc_register\n{THREE_STEPS}")
    assert "misc_register() -> -EBUSY  (made to fail)" in cell.text
    assert "exit is never called" in cell.text
    assert "is never called" in cell.pages[0] and "-EBUSY, made to fail" in cell.pages[0]


def test_a_call_that_init_does_not_make_is_a_wrong_call(run: Run) -> None:
    cell = run(f"%%timeline three --fail device_create\n{THREE_STEPS}")
    assert "init makes no call device_create that can be made to fail" in f"{cell.error}{cell.text}"
