"""Which call made init fail, and who keeps a module loaded: said by the module's own line, and by nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kmodlab.errors import UsageError
from kmodlab.guest.lab import Lab
from kmodlab.guest.session import Session
from kmodlab.kbuild.build import build
from kmodlab.kbuild.sources import Sources
from kmodlab.tracer.failed_call import Circumstances, explain_step
from kmodlab.tracer.run import Step, check_kernel_modules, load, unload

SOURCE = r"""
#include <linux/module.h>
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/interrupt.h>
#include <linux/miscdevice.h>
#include <linux/platform_device.h>
#include <linux/proc_fs.h>
#include <linux/slab.h>

static const struct file_operations fops = { .owner = THIS_MODULE };
static const struct proc_ops ops = { };
static irqreturn_t handler(int irq, void *data) { return IRQ_NONE; }
static int probe(struct platform_device *device)
{
	PROBE
}
static struct platform_driver driver = { .probe = probe, .driver = { .name = "cause" } };

static int __init cause_init(void)
{
	int error = 0;
	void *value = NULL;

	INIT
	return error;
}
static void __exit cause_exit(void)
{
}
module_init(cause_init);
module_exit(cause_exit);
MODULE_LICENSE("GPL");
"""
# What init does, the errno, what is said, and what the line holds that it points to.
FAILED = [
    (
        'value = class_create(THIS_MODULE, "input"); if (IS_ERR(value)) return PTR_ERR(value);',
        "EEXIST",
        "`class_create()` in line {line} of cause.c returned -EEXIST: the name is taken, since /sys/class/input exists",
    ),
    (
        'error = request_irq(11, handler, IRQF_SHARED, "mine", NULL);',
        "EINVAL",
        "`request_irq()` in line {line} of cause.c returned -EINVAL: a shared interrupt (IRQF_SHARED) needs a dev_id",
    ),
    (
        'error = request_irq(1, handler, 0, "mine", NULL);',
        "EBUSY",
        "returned -EBUSY: interrupt 1 belongs to `i8042`",
    ),
    (
        'error = register_chrdev(1, "mine", &fops);',
        "EBUSY",
        "`register_chrdev()` in line {line} of cause.c returned -EBUSY: the major number 1 is taken",
    ),
    (
        'error = register_chrdev_region(MKDEV(4, 64), 1, "mine");',
        "EBUSY",
        "the major number 4 is taken",
    ),
    (
        'if (!proc_create("stat", 0, NULL, &ops)) error = -ENOMEM;',
        "ENOMEM",
        "`proc_create()` in line {line} of cause.c returned NULL: the name is taken, since the proc entry /proc/stat",
    ),
    (
        "value = kmalloc(32 << 20, GFP_KERNEL | __GFP_NOWARN); if (!value) return -ENOMEM;",
        "ENOMEM",
        "in line {line} of cause.c returned NULL: it was asked for 33554432 bytes.",
    ),
    (
        'value = filp_open("/nosuch", O_RDONLY, 0); if (IS_ERR(value)) return PTR_ERR(value);',
        "ENOENT",
        "`filp_open()` in line {line} of cause.c returned -ENOENT.",
    ),
    (
        'if (register_chrdev(1, "mine", &fops)) error = -ENODEV;',
        "ENODEV",
        "`register_chrdev()` in line {line} of cause.c returned -EBUSY, and init then -ENODEV.",
    ),
    ("if (!value) return -EBUSY;", "EBUSY", "init itself returned -EBUSY, in line {line} of cause.c."),
    ("if (!value) return -1;", "EPERM", "init returned -1 in line {line} of cause.c, and -1 is -EPERM."),
    ("if (!value) return -517;", "EPROBE_DEFER", "init itself returned -EPROBE_DEFER, in line {line} of cause.c."),
    (
        "value = platform_create_bundle(&driver, probe, NULL, 0, NULL, 0); return PTR_ERR(value);",
        "ENODEV",
        "`platform_create_bundle()` in line {line} of cause.c returned -ENODEV",
    ),
]


@pytest.fixture(scope="module")
def session(lab: Lab) -> Iterator[Session]:
    with Session(lab) as session:
        yield session


def text_of(init: str) -> str:
    return SOURCE.replace("INIT", init).replace("PROBE", "return -ENXIO;")


def circumstances_of(lab: Lab, init: str) -> Circumstances:
    sources = Sources.of("cause", {"cause.c": text_of(init)})
    result = build(lab.tree, sources)
    assert result.passed, result.sentence
    return Circumstances(result, sources.files)


def explained(lab: Lab, session: Session, init: str) -> Step:
    circumstances = circumstances_of(lab, init)
    session.reset()
    return explain_step(lab, load(session, "cause", circumstances.build.modules["cause"]), circumstances)


@pytest.mark.parametrize(("init", "name", "words"), FAILED, ids=[f"{name}: {init[:30]}" for init, name, _ in FAILED])
def test_the_call_that_made_init_fail_is_named(lab: Lab, session: Session, init: str, name: str, words: str) -> None:
    step = explained(lab, session, init)
    line = next(number for number, text in enumerate(text_of(init).splitlines(), 1) if init in text)
    assert step.errno is not None and step.errno.name == name
    assert words.format(line=line) in step.errno.meaning
    assert step.errno.meaning in step.reason


def test_a_module_that_keeps_itself_loaded_is_told_its_line(lab: Lab, session: Session) -> None:
    circumstances = circumstances_of(lab, "__module_get(THIS_MODULE);")
    session.reset()
    assert load(session, "cause", circumstances.build.modules["cause"]).errno is None
    step = explain_step(lab, unload(session, "cause"), circumstances)
    line = next(number for number, text in enumerate(text_of("__module_get").splitlines(), 1) if "__module_get" in text)
    assert step.errno is not None and step.errno.name == "EAGAIN"
    assert f"`__module_get()` in line {line} of cause.c takes" in step.errno.meaning


def test_a_refused_parameter_is_not_looked_for_in_init(lab: Lab, session: Session) -> None:
    circumstances = circumstances_of(lab, "")
    session.reset()
    ko = circumstances.build.modules["cause"]
    assert load(session, "cause", ko).result is not None
    again = load(session, "cause", ko)
    assert again.errno is not None and again.errno.meaning.startswith("a module of the name `cause` is loaded already")
    assert explain_step(lab, again, circumstances) == again


# ---- modules of the kernel -----------------------------------------------------------------------------------------

NEEDS_MII = r"""
#include <linux/module.h>
#include <linux/mii.h>
static struct mii_if_info info;
static int __init needy_init(void) { return info.phy_id == 99 ? mii_link_ok(&info) : 0; }
static void __exit needy_exit(void) { }
module_init(needy_init);
module_exit(needy_exit);
MODULE_LICENSE("GPL");
"""


def kmodlab(verb: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    source = folder / "needy.c"
    source.write_text(NEEDS_MII)
    argv = [sys.executable, "-m", "kmodlab", verb, str(source), *arguments]
    return subprocess.run(argv, capture_output=True, text=True, timeout=300, check=False)


def test_a_missing_module_of_the_kernel_is_named_and_loaded_if_asked(lab: Lab, tmp_path: Path) -> None:
    done = kmodlab("run", tmp_path)
    assert done.returncode == 1
    assert "no loaded module exports `mii_link_ok`. The module `mii` has it" in done.stdout
    assert "`--after mii` loads it first." in done.stdout
    done = kmodlab("run", tmp_path, "--after", "mii", "--json")
    steps: list[dict[str, Any]] = json.loads(done.stdout)["steps"]
    assert done.returncode == 0
    assert [step["command"] for step in steps] == [["modprobe", "mii"], ["insmod", "needy.ko"], ["rmmod", "needy"]]


def test_faults_loads_nothing_unasked(lab: Lab, tmp_path: Path) -> None:
    done = kmodlab("faults", tmp_path, "--cycles", "2")
    assert done.returncode == 1
    assert "it cannot be loaded: no loaded module exports `mii_link_ok`. The module `mii` has it" in done.stdout
    assert "`--after mii` loads it first." in done.stdout
    assert kmodlab("faults", tmp_path, "--cycles", "2", "--after", "mii").returncode == 0


def test_a_module_to_load_first_that_is_not_there_fails_the_run(lab: Lab, tmp_path: Path) -> None:
    done = kmodlab("run", tmp_path, "--after", "nosuch")
    assert done.returncode == 1 and "have no module of this name" in done.stdout


@pytest.mark.parametrize("name", ["", "-r", "a b", "x;y", "../mii"])
def test_only_a_name_is_given_to_modprobe(name: str) -> None:
    with pytest.raises(UsageError):
        check_kernel_modules([name])
