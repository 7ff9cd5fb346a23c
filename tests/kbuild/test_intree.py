"""A driver in the kernel's tree: built in, as a module, left out, wrong, and hostile. The kernel was built before."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from intree_cases import HELLO, HOSTILE, KCONFIG, MAKEFILE, MISTAKES, SOURCE, TEXTS, changed

from kmodlab.elf.initcalls import find_initcalls
from kmodlab.elf.object_file import read_object
from kmodlab.guest.own_lab import OwnLab
from kmodlab.kbuild.intree import build_intree
from kmodlab.kbuild.intree_result import InTreeBuild
from kmodlab.kbuild.patch import check_patch, format_patch
from kmodlab.kbuild.result import Reason
from kmodlab.kbuild.tree_change import TreeChange


def build(lab: OwnLab, texts: dict[str, str], **answers: str) -> InTreeBuild:
    return build_intree(lab.tree, TreeChange.of(texts, answers), lab.arch)


@pytest.fixture(scope="module")
def builtin(small_lab: OwnLab) -> InTreeBuild:
    return build(small_lab, TEXTS, HELLO="y")


def test_a_driver_is_built_in(builtin: InTreeBuild) -> None:
    assert builtin.passed, builtin.transcript
    assert builtin.question == "Say hello (HELLO) [N/m/y/?] (NEW) y"
    assert not builtin.modules and b"kernel/drivers/misc/hello.ko\n" in builtin.databases["modules.builtin"]
    calls = find_initcalls(read_object(builtin.vmlinux))
    (own,) = [call for call in calls if call.kmod == "hello"]
    assert (own.function, own.level) == ("hello_init", "6")
    levels = [call.level for call in calls if call.level.isdigit()]
    assert levels == sorted(levels) and len(levels) > 100


def test_only_what_the_driver_changes_is_made_again(builtin: InTreeBuild) -> None:
    compiled = [line.split()[-1] for line in builtin.transcript.splitlines() if line.startswith("  CC ")]
    assert SOURCE.replace(".c", ".o") in compiled and len(compiled) < 6


def test_the_linker_drops_the_pointer_to_exit(builtin: InTreeBuild) -> None:
    driver, kernel = read_object(builtin.objects[SOURCE]), read_object(builtin.vmlinux)
    assert driver.section(".exitcall.exit") and not kernel.section(".exitcall.exit")


def test_a_driver_becomes_a_module_in_the_tree(small_lab: OwnLab) -> None:
    built = build(small_lab, TEXTS, HELLO="m")
    assert built.passed and list(built.modules) == ["hello"]
    assert not any(call.kmod == "hello" for call in find_initcalls(read_object(built.vmlinux)))


IN_EACH_RUN = ("compiler", "kconfig")  # each kind of failure: make stops, or kconfig does


@pytest.mark.parametrize(
    "kind", [kind if kind in IN_EACH_RUN else pytest.param(kind, marks=pytest.mark.long) for kind in MISTAKES]
)
def test_a_mistake_is_put_on_the_learners_line(small_lab: OwnLab, kind: str) -> None:
    texts, file, line, words = MISTAKES[kind]
    built = build(small_lab, texts, HELLO="y")
    first = built.diagnostics[0]
    assert (first.file, first.line) == (file, line) and words in first.message
    assert not built.passed and words in built.sentence


def test_an_answer_that_kconfig_does_not_take_says_what_is_missing(small_lab: OwnLab) -> None:
    built = build(small_lab, changed(KCONFIG, "\thelp", "\tdepends on NET\n\thelp"), HELLO="y")
    assert (built.reason, built.sentence) == (
        Reason.MAKE,
        "HELLO depends on NET, which this kernel's configuration has not set.",
    )
    built = build(small_lab, {SOURCE: HELLO, MAKEFILE: TEXTS[MAKEFILE]}, HELLO="y")
    assert built.sentence.startswith("kconfig does not ask for HELLO")


def _digest(*folders: Path) -> str:
    digest = hashlib.sha256()
    for path in (path for folder in folders for path in sorted(folder.rglob("*"))):
        status = path.lstat()
        digest.update(f"{path} {status.st_mode} {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}".encode())
    return digest.hexdigest()


@pytest.fixture
def unchanged(small_lab: OwnLab) -> Iterator[None]:
    """Compares source and objects before and after: also a file that was written with its old contents is found."""
    before = _digest(small_lab.tree.source, small_lab.tree.headers)
    yield
    assert _digest(small_lab.tree.source, small_lab.tree.headers) == before
    assert next(small_lab.find_damage(), None) is None


FIRST = "writes to a kept object"


@pytest.mark.parametrize(
    "kind", [FIRST, *(pytest.param(kind, marks=pytest.mark.long) for kind in HOSTILE if kind != FIRST)]
)
@pytest.mark.usefixtures("unchanged")
def test_nothing_of_a_hostile_build_stays(small_lab: OwnLab, kind: str) -> None:
    built = build(small_lab, HOSTILE[kind], HELLO="y")
    assert b"root:x:0:0" not in built.image + built.vmlinux + b"".join(built.objects.values())
    assert built.passed or built.sentence


@pytest.mark.long
def test_the_next_kernel_is_as_if_no_hostile_one_had_been_built(small_lab: OwnLab, builtin: InTreeBuild) -> None:
    for texts in HOSTILE.values():
        build(small_lab, texts, HELLO="y")
    again = build(small_lab, TEXTS, HELLO="y")
    assert (again.image, again.vmlinux) == (builtin.image, builtin.vmlinux)


def test_checkpatch_complains_on_the_learners_lines(small_lab: OwnLab) -> None:
    texts = changed(SOURCE, '\tpr_info("bye\\n");', '        pr_info("bye\\n");')
    (first, *_others) = check_patch(small_lab.tree, TreeChange.of(texts, {}, margin=1))
    assert (first.file, first.line, first.option) == (SOURCE, 16, "CODE_INDENT")
    assert not check_patch(small_lab.tree, TreeChange.of(TEXTS, {}))


def test_a_change_becomes_a_mail(small_lab: OwnLab) -> None:
    mail = format_patch(
        small_lab.tree, TreeChange.of(TEXTS, {}), "misc: say hello\n\nNobody did.", "Me <me@example.org>"
    )
    lines = mail.splitlines()
    assert "Subject: [PATCH] misc: say hello" in lines and "Signed-off-by: Me <me@example.org>" in lines
    assert " 3 files changed, 28 insertions(+)" in lines and "+++ b/drivers/misc/hello.c" in lines
