"""Modules as beginners bring them, on `kmodlab run` and `kmodlab faults` as a user types them: what the answer says."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from kmodlab.guest.lab import Lab

FOLDER = Path(__file__).parents[1] / "data" / "beginners"


@dataclass(frozen=True)
class Question:
    """A call of kmodlab on the files of a folder: its exit status, what it says, and what it must not say.

    Each line of `says` is somewhere in what is printed after the compiler's own words, in this order.
    """

    folder: str
    says: tuple[str, ...]
    status: int = 0
    options: tuple[str, ...] = ()
    hides: tuple[str, ...] = ()
    verb: str = "run"

    @property
    def name(self) -> str:
        return " ".join((self.verb, self.folder, *self.options))


# One of each kind: what is said of a build, of a parameter, of a refused load.
QUICK = (
    Question(
        "source_left_out",
        ("data.c is not part of the module: data-objs does not list it", "add data_main.o to data-objs"),
        status=1,
        hides=('MODULE_LICENSE("GPL")',),
    ),
    Question("parameters", ("`par` has no parameter `tmes`", "Did you mean `times`?"), options=("-p", "tmes=3")),
    Question(
        "interrupt_without_cookie",
        ("EINVAL (22): `request_irq()` in line 13 of iq.c returned -EINVAL", "needs a dev_id"),
        status=1,
        hides=("parameter's value", "dmesg"),
    ),
)

LONG = (
    Question("makefile_with_spaces", ("first: in", "first: out", "passed on Linux")),
    Question("spaces_for_a_tab", (">    3 |     make", "begin with a tab character, not with spaces"), status=1),
    Question(
        "no_newline",
        ("] one\n", "] two, and no end\n", "The message `two, and no end` has no \\n at its end", "passed on Linux"),
    ),
    Question(
        "parameters",
        ("insmod par.ko 'who=\"Jane Doe\"'", "who=Jane Doe times=1", "passed on Linux"),
        options=("-p", "who=Jane Doe"),
    ),
    Question("parameters", ("times=3", "passed on Linux"), options=("-p", "times=3"), hides=("no parameter",)),
    Question(
        "two_modules",
        ("insmod lib.ko", "insmod user.ko", "level 3", "rmmod user", "rmmod lib", "passed on Linux"),
    ),
    Question(
        "symbol_of_nobody",
        (
            "Neither the kernel nor your files define greet_level",
            "that module's sources or its Module.symvers; otherwise check the spelling",
        ),
        status=1,
    ),
    Question(
        "gpl_only",
        ("class_create is exported with EXPORT_SYMBOL_GPL", "1 more message follows from this one"),
        status=1,
    ),
    Question(
        "holds_itself",
        ("EAGAIN (11): no other module uses it", "`try_module_get()` in line 10 of held.c takes"),
        status=1,
    ),
    Question(
        "holds_itself",
        ("left behind: the module itself, still loaded", "held.c:10", "-EBUSY (-16)   clean", "not clean: 1 of 2 runs"),
        status=1,
        verb="faults",
    ),
    Question("exit_called_by_init", ("ex.c:19", "What is marked __exit", "insmod ex.ko", "passed on Linux")),
    Question(
        "class_name_taken",
        ("EEXIST (17): `class_create()` in line 10 of cl.c returned -EEXIST", "/sys/class/input exists already"),
        status=1,
        hides=("loaded already",),
    ),
    Question("minus_one", ("EPERM (1): init returned -1 in line 11 of mo.c, and -1 is -EPERM",), status=1),
    Question(
        "interrupt_taken",
        ("EBUSY (16): `request_irq()` in line 13 of iq.c returned -EBUSY: interrupt 1 belongs to `i8042`",),
        status=1,
    ),
    Question("named_like_a_kernel_module", ("insmod configfs.ko", "] mine\n", "passed on Linux")),
    Question("named_list", ("insmod list.ko", "] mine\n", "passed on Linux")),
    Question(
        "misspelt_licence", ("li.c:21", "There is no macro MODULE_LICENCE. Did you mean MODULE_LICENSE?"), status=1
    ),
    Question(
        "needs_mii",
        ("no loaded module exports `mii_link_ok`. The module `mii` has it", "`--after mii` loads it first"),
        status=1,
        hides=("modprobe mii\n",),
    ),
    Question("needs_mii", ("modprobe mii\n", "insmod de.ko", "passed on Linux"), options=("--after", "mii")),
    Question("wrong_format", ("fo.c:10", "must agree in number and type", "(efault)", "passed on Linux")),
    Question("frees_the_stack", ("fr.c:12, in c_init", "kfree(b);", "failed: The kernel reported"), status=1),
    Question(
        "stops_a_dead_thread",
        ("`kthread_stop()` was called for a thread that has ended already", "th.c:26", "kthread_stop(t);"),
        status=1,
    ),
    Question(
        "stops_a_dead_thread",
        ("exit: crashes", "th.c:26: kthread_stop(t);", "th.c:17  kthread_run  ERR_PTR(-ENOMEM)  -ENOMEM (-12)  clean"),
        status=1,
        hides=("tracer", "kmodlab_"),
        verb="faults",
    ),
    Question(
        "no_owner",
        (
            "`fops` in line 18 of op.c has no `.owner`",
            "`.owner = THIS_MODULE` keeps the module loaded",
            "passed on Linux",
        ),
    ),
    Question(
        "device_of_nobody",
        ("there is no platform device of this name, so its probe() has not been called", "passed on Linux"),
    ),
    Question(
        "crash_in_exit",
        ("exit: crashes", "xc.c:25: pr_info", "xc.c:10  kmalloc  NULL        -ENOMEM (-12)  clean", "xc.c:13", "clean"),
        status=1,
        verb="faults",
    ),
    Question("empty_makefile", ("Makefile names no module", "obj-m += first.o", "made no first.ko"), status=1),
    Question("object_named_c", ("obj-m += first.c", "names the object file, not the source"), status=1),
    Question("builtin_object", ("Makefile names no module", "m stands for module", "made no first.ko"), status=1),
)


def ask(question: Question) -> subprocess.CompletedProcess[str]:
    files = sorted(map(str, (FOLDER / question.folder).iterdir()))
    argv = [sys.executable, "-m", "kmodlab", question.verb, *files, *question.options]
    return subprocess.run(argv, capture_output=True, text=True, timeout=600, check=False)


def check_answer(question: Question) -> None:
    done = ask(question)
    assert done.returncode == question.status, done.stdout + done.stderr
    rest = done.stdout
    for words in question.says:
        assert words in rest, f"{words!r} is missing or out of order:\n{done.stdout}"
        rest = rest[rest.index(words) :]
    for words in question.hides:
        assert words not in done.stdout, f"{words!r} is said:\n{done.stdout}"


@pytest.mark.parametrize("question", QUICK, ids=lambda question: question.name)
def test_a_beginner_is_told_what_is_wrong(question: Question, lab: Lab) -> None:
    check_answer(question)


@pytest.mark.long
@pytest.mark.parametrize("question", LONG, ids=lambda question: question.name)
def test_each_beginner_is_told_what_is_wrong(question: Question, lab: Lab) -> None:
    check_answer(question)


def test_each_folder_has_its_question() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {question.folder for question in (*QUICK, *LONG)}
