"""Remarks on a step: misspelt parameters, values with spaces, a positive return value, a message without a newline."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kmodlab.crash.records import LogRecord
from kmodlab.errors import UsageError
from kmodlab.guest.lab import Lab
from kmodlab.kbuild.build import build
from kmodlab.kbuild.sources import Sources
from kmodlab.kernel.tree import KernelTree
from kmodlab.tracer.messages import format_matches, open_formats
from kmodlab.tracer.remarks import find_remarks
from kmodlab.tracer.run import load_argv, quote_parameter

SOURCE = r"""
#include <linux/module.h>
static char *who = "nobody";
static int times = 1;
module_param(who, charp, 0444);
module_param(times, int, 0444);
static int __init par_init(void)
{
	pr_info("hello, %s\n", who);
	INIT
	return RETURNED;
}
static void __exit par_exit(void)
{
	pr_info("bye\n");
}
module_init(par_init);
module_exit(par_exit);
MODULE_LICENSE("GPL");
"""


def record(text: str) -> LogRecord:
    return LogRecord(1, 1.0, 4, 0, text)


def write(folder: Path, init: str = "", returned: str = "0") -> Path:
    source = folder / "par.c"
    source.write_text(SOURCE.replace("INIT", init).replace("RETURNED", returned))
    return source


def ko_of(tree: KernelTree, folder: Path, init: str) -> bytes:
    result = build(tree, Sources.of("par", {"par.c": write(folder, init).read_text()}))
    assert result.passed, result.sentence
    return result.modules["par"]


def run_json(source: Path, *arguments: str) -> dict[str, Any]:
    argv = [sys.executable, "-m", "kmodlab", "run", str(source), "--json", *arguments]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=300, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    parsed: dict[str, Any] = json.loads(done.stdout)
    return parsed


# ---- parameters ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameter", "passed"),
    [
        ("times=3", "times=3"),
        ("who=Jane Doe", 'who="Jane Doe"'),
        ('who="Jane Doe"', 'who="Jane Doe"'),
        ("who=a\tb\nc", 'who="a\tb\nc"'),
        ("who=", "who="),
        ('who=say "hi" now', 'who="say "hi" now"'),
        ("nums=1,2,3", "nums=1,2,3"),
    ],
)
def test_a_value_with_spaces_is_quoted_as_the_kernel_wants_it(parameter: str, passed: str) -> None:
    assert quote_parameter(parameter) == passed
    assert load_argv("par", [parameter]) == ["insmod", "par.ko", passed]


@pytest.mark.parametrize("parameter", ['who=a " b', 'who=say "hi there" now', 'who="'])
def test_a_value_that_the_kernel_cannot_take_is_refused(parameter: str) -> None:
    with pytest.raises(UsageError, match="quotation marks"):
        quote_parameter(parameter)


def test_parameters_reach_the_module_whole_and_a_misspelt_one_is_named(lab: Lab, tmp_path: Path) -> None:
    module_run = run_json(write(tmp_path), "-p", "who=Jane  Doe", "-p", "tmes=3")
    (remark,) = module_run["steps"][0]["remarks"]
    assert "hello, Jane  Doe" in [entry["text"] for entry in module_run["steps"][0]["log"]][-1]
    assert remark == "`par` has no parameter `tmes`, so the kernel ignores it. Did you mean `times`?"


def test_a_parameter_that_is_like_no_other_gets_the_list_of_all(tree: KernelTree, tmp_path: Path) -> None:
    ko = ko_of(tree, tmp_path, "")
    records = [record("par: unknown parameter 'zzz' ignored")]
    (remark,) = find_remarks(["insmod", "par.ko", "zzz=1"], records, (), {"par": ko})
    assert "ignores it. It has `" in remark and "`who`" in remark and "`times`" in remark
    (remark,) = find_remarks(["insmod", "par.ko", "zzz=1"], records, (), {})
    assert remark.endswith("ignores it.")


def test_a_value_that_was_split_at_its_space_is_noticed() -> None:
    records = [record("par: unknown parameter 'Doe' ignored")]
    (remark,) = find_remarks(["insmod", "par.ko", "who=Jane Doe"], records, (), {})
    assert '`who="Jane Doe"`' in remark


# ---- init returned a positive number -------------------------------------------------------------------------------


@pytest.mark.parametrize(("returned", "words"), [("EINVAL", "-EINVAL is -22"), ("4000", "+4000")])
def test_a_missing_sign_is_noticed(lab: Lab, tmp_path: Path, returned: str, words: str) -> None:
    (remark,) = run_json(write(tmp_path, returned=returned))["steps"][0]["remarks"]
    assert words in remark and "stays loaded" in remark


# ---- a message without a newline -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("init", "message"),
    [
        ('pr_info("two, and no end");', "two, and no end"),
        ('pr_info("%d of %s", 2, who);', "2 of nobody"),
        ('printk("no level");', "no level"),
        ('printk(KERN_ERR "loud %x", 255);', "loud ff"),
        ('pr_info("first,"); pr_cont(" second");', "first, second"),
    ],
)
def test_a_message_without_a_newline_is_shown_in_its_step(lab: Lab, tmp_path: Path, init: str, message: str) -> None:
    steps = run_json(write(tmp_path, init))["steps"]
    assert steps[0]["log"][-1]["text"] == message
    assert any(f"The message `{message}` has no \\n" in remark for remark in steps[0]["remarks"])
    assert [entry["text"] for entry in steps[1]["log"]] == ["bye"] and not steps[1]["remarks"]


def test_messages_with_newlines_get_no_remark(lab: Lab, tmp_path: Path) -> None:
    steps = run_json(write(tmp_path, 'pr_info("a"); pr_cont("b\\n"); printk("%s\\n", who);'))["steps"]
    assert not steps[0]["remarks"] and steps[0]["log"][-1]["text"] == "nobody"
    assert all(entry["facility"] == 0 for step in steps for entry in step["log"])


def test_open_formats_are_found_in_the_file(tree: KernelTree, tmp_path: Path) -> None:
    init = (
        'pr_info("one\\n"); pr_info("two"); printk("three"); printk("four\\n"); pr_cont("five"); memcmp(who, "six", 3);'
    )
    assert open_formats(ko_of(tree, tmp_path, init)) == ("five", "three", "two")
    assert open_formats(b"\x7fELF damaged") == ()


def test_a_format_is_compared_with_a_message() -> None:
    assert format_matches("%d%% of %-8s", "50% of all     ")
    assert format_matches("ready", "driver device: ready")
    assert not format_matches("ready", "ready or not")
