"""A character device without an owner is noticed in the source; nothing else is taken for one."""

from __future__ import annotations

import time

import pytest

from kmodlab.tracer.missing_owner import describe_missing_owners

SOURCE = """\
#include <linux/module.h>
static int o(struct inode *i, struct file *f) { return 0; }
static const struct file_operations fops = {
    .open = o,
};
USE
"""
MISC = 'static struct miscdevice m = { .minor = MISC_DYNAMIC_MINOR, .name = "op", .fops = &fops };'
DEVICES = {
    "misc": MISC,
    "misc, set later": "static int s(void) { m.fops = &fops; return misc_register(&m); }",
    "chrdev": 'static int s(void) { return register_chrdev(0, "op", &fops); }',
    "chrdev with numbers": 'static int s(void) { return __register_chrdev(0, 0, 9, "op", &fops); }',
    "cdev": "static int s(void) { cdev_init(&c, &fops); return cdev_add(&c, n, 1); }",
}
OTHERS = {
    "debugfs": 'static void s(void) { debugfs_create_file("op", 0400, NULL, NULL, &fops); }',
    "not used": "",
    "a comment": f"/* {MISC} */",
    "a reference of its own": f"{MISC} static int p(void) {{ __module_get(THIS_MODULE); return 0; }}",
    "a cdev with an owner": "static int s(void) { cdev_init(&c, &fops); c.owner = THIS_MODULE; return 0; }",
}


def found(use: str, source: str = SOURCE) -> list[str]:
    return list(describe_missing_owners({"op.c": source.replace("USE", use).encode(), "Makefile": b""}))


@pytest.mark.parametrize("use", DEVICES.values(), ids=DEVICES)
def test_a_device_without_an_owner_is_told_its_line(use: str) -> None:
    (sentence,) = found(use)
    assert sentence.startswith("`fops` in line 3 of op.c has no `.owner`")
    assert found(use, SOURCE.replace(".open = o,", ".open = o, .owner = THIS_MODULE,")) == []


@pytest.mark.parametrize("use", OTHERS.values(), ids=OTHERS)
def test_what_keeps_its_module_or_is_no_device_is_not_meant(use: str) -> None:
    assert found(use) == []


def test_the_device_may_be_in_another_file() -> None:
    sources = {"op.c": SOURCE.replace("static const", "const").replace("USE", "").encode(), "m.c": MISC.encode()}
    assert len(list(describe_missing_owners(sources))) == 1


def test_hostile_text_costs_no_time() -> None:
    began = time.process_time()
    for text in ("struct file_operations a = {" * 4000, "struct file_operations a = {};" * 4000, "cdev_init(" * 9000):
        found("", text)
    assert time.process_time() - began < 2
