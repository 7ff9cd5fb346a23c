"""Code for another kernel: every change of the API is met in a build, and what replaces the name does build."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from api_snippets import Snippet, applying, build_snippets, file_of, read_snippets
from building import build_all

from kmodlab.guest.lab import load_lab
from kmodlab.kbuild.api_changes.change import Change, ChangeKind, SignKind, parse_release
from kmodlab.kbuild.api_changes.explain import KEY
from kmodlab.kbuild.api_changes.find import CHANGES, DiagnosticText, find_change
from kmodlab.kbuild.diagnostics import Severity
from kmodlab.kbuild.result import Build
from kmodlab.kbuild.sources import Sources
from kmodlab.kernel.tree import KernelTree
from kmodlab.settings import read_settings

pytestmark = pytest.mark.xdist_group("api changes")  # the modules for other kernels are built together

SNIPPETS = read_snippets()
DRIFT = Path(__file__).parents[1] / "data" / "drift"

# ---- the table -----------------------------------------------------------------------------------------------------


def test_no_change_is_there_twice_and_each_has_its_snippets() -> None:
    keys = [change.key for change in CHANGES]
    assert sorted(keys) == sorted(set(keys))
    assert set(keys) == set(SNIPPETS)
    assert len(keys) > 160


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.key)
def test_a_change_says_when_where_and_what_instead(change: Change) -> None:
    release = r"(2\.6(\.\d{1,2})?|[3-6]\.\d{1,2})"
    assert re.fullmatch(rf"{release}(–{release})?", change.release)
    first, _dash, last = change.release.partition("–")
    assert not last or parse_release(first) < parse_release(last)
    assert re.fullmatch(r"[\w/.-]+\.[ch]", change.source)
    assert change.instead and not change.instead.endswith((".", ";"))
    assert change.example and "\n" not in change.example
    sentence = change.sentence((6, 1))
    assert change.name in sentence and change.example in sentence and "{" not in sentence.replace(change.example, "")


def test_a_change_concerns_the_kernels_on_its_side_of_the_release() -> None:
    gone = next(change for change in CHANGES if change.key == "gone init_timer()")
    assert [gone.applies_to(kernel) for kernel in ((4, 14), (4, 15), (6, 1, 0))] == [False, True, True]
    later = next(change for change in CHANGES if change.key == "later class_create()")
    assert [later.applies_to(kernel) for kernel in ((6, 1, 0), (6, 4, 0), (6, 12, 95))] == [True, False, False]
    between = next(change for change in CHANGES if change.key == "gone kzfree()")
    assert [between.applies_to(kernel) for kernel in ((5, 9), (5, 10, 0))] == [False, True]


def test_nothing_is_said_about_a_kernel_whose_release_is_not_known() -> None:
    report = DiagnosticText("implicit declaration of function 'init_timer'", all_code="init_timer(&t);")
    assert find_change(report, "6.1.0-57-amd64") is not None
    assert find_change(report, "") is None
    assert find_change(report, "4.4.0") is None


def test_the_learners_code_must_have_the_name() -> None:
    assert find_change(DiagnosticText("'HZ_OLD' undeclared", all_code="x"), "6.1") is None
    assert (
        find_change(DiagnosticText("implicit declaration of function 'init_timer'", all_code="start();"), "6.1") is None
    )


def test_a_copy_to_what_can_only_be_read_by_now_is_found_on_the_line() -> None:
    message = "passing argument 1 of '__builtin_memcpy' discards 'const' qualifier from pointer target type"
    code = "memcpy(dev->dev_addr, address, ETH_ALEN);"
    change = find_change(DiagnosticText(message, line=code, code=code, all_code=code), "6.1")
    assert change is not None and change.name == "net_device.dev_addr"


@pytest.mark.parametrize("key", [key for key, snippet in SNIPPETS.items() if snippet.only_words])
def test_a_change_that_no_kernel_here_shows_is_found_by_the_compilers_words(key: str) -> None:
    change, code = SNIPPETS[key].change, SNIPPETS[key].old
    words = {
        SignKind.NAME: f"implicit declaration of function '{change.identifier}'",
        SignKind.MEMBER: f"'struct {change.structure}' has no member named '{change.identifier}'",
        SignKind.HEADER: f"{change.name}: No such file or directory",
    }[change.sign.kind]
    if change.how is ChangeKind.CHANGED:  # MODULE_IMPORT_NS() and its like, whose argument is no text
        words = "expected ',' or ';' before 'MINE'"
    line = next(line for line in code.splitlines() if change.identifier in line)
    report = DiagnosticText(words, line=line, code=line, all_code=code)
    meets, misses = ("6.0", "7.0") if change.how.concerns_old_kernels else ("7.0", "6.0")
    assert find_change(report, meets) is change
    assert find_change(report, misses) is not change


# ---- builds --------------------------------------------------------------------------------------------------------


def hints_in(build: Build, file: str) -> list[str]:
    """The hints that a file gets, without those about what a snippet declares and never uses."""
    mine = [diagnostic for diagnostic in build.diagnostics if diagnostic.file == file]
    return [each.hint for each in mine if each.hint and not each.hint_key.startswith("unused")]


def check_old(tree: KernelTree, snippets: Mapping[str, Snippet]) -> None:
    """Every old snippet gets the hint of its change, and no other hint."""
    kernel = parse_release(tree.release)
    wrong = {}
    # Where a file does not compile, modpost does not run.
    for late in (False, True):
        sources = {key: each.old for key, each in snippets.items() if each.modpost is late}
        for key, build in build_snippets(tree, sources).items():
            hints = hints_in(build, file_of(sources, key))
            if hints != [snippets[key].change.sentence(kernel)]:
                wrong[key] = hints
    assert wrong == {}


def check_quiet(tree: KernelTree, sources: Mapping[str, str]) -> None:
    """Every source builds."""
    wrong = {}
    builds = build_snippets(tree, sources, together=True)
    for key, build in builds.items():
        mine = [each for each in build.diagnostics if each.file == file_of(sources, key)]
        errors = [each.message for each in mine if each.severity is Severity.ERROR or each.hint_key == KEY]
        if errors:
            wrong[key] = errors
    assert wrong == {}
    assert [build.sentence for build in builds.values() if not build.passed] == []


# One of each kind, on the lab's kernel: what it is told by, and what happened.
QUICK = (
    "gone init_timer()",
    "gone struct timeval",
    "gone linux/config.h",
    "gone __devinit",
    "gone EXPORT_NO_SYMBOLS",
    "gone SPIN_LOCK_UNLOCKED",
    "gone file_operations.ioctl",
    "changed INIT_WORK()",
    "changed device_create()",
    "changed timer_list.function",
    "changed proc_create()",
    "changed unregister_chrdev()",
    "changed net_device.dev_addr",
    "changed struct proc_dir_entry",
    "moved signal_pending()",
    "hidden kallsyms_lookup_name()",
    "came hrtimer_setup()",
    "came linux/device/faux.h",
)


def test_changes_of_each_kind_are_met_and_what_replaces_the_name_builds(tree: KernelTree) -> None:
    chosen = applying({key: SNIPPETS[key] for key in QUICK}, tree)
    assert len(chosen) > 10
    check_old(tree, chosen)
    check_quiet(tree, {key: each.new for key, each in chosen.items()})


# Modules for other kernels, and the changes that they meet.
DRIFT_CHANGES = {
    "new_bus_match": ["later bus_type.match"],
    "new_class_create": ["later class_create()"],
    "new_import_ns": ["later MODULE_IMPORT_NS()"],
    "new_platform_remove_void": ["later platform_driver.remove"],
    "new_scoped_guard": [],
    "new_timer_container_of": ["came timer_container_of()"],
    "old_asm_system": ["gone asm/system.h"],
    "old_blkqueue": ["gone blk_init_queue()", "gone blk_cleanup_queue()"],
    "old_create_proc_entry": ["gone create_proc_entry()"],
    "old_devinit": ["gone __devinit", "gone __devexit", "gone __devexit_p()"],
    "old_gettimeofday": ["gone struct timeval", "gone do_gettimeofday()"],
    "old_init_timer": ["gone init_timer()", "changed timer_list.function", "gone timer_list.data"],
    "old_init_work3": ["changed INIT_WORK()"],
    "old_ioctl_member": ["gone file_operations.ioctl"],
    "old_irq_flags": ["gone IRQF_DISABLED", "changed request_irq()"],
    "old_kallsyms": ["hidden kallsyms_lookup_name()"],
    "old_kernel_thread": ["gone daemonize()", "hidden kernel_thread()"],
    "old_linux_config": ["gone linux/config.h"],
    "old_mod_use_count": ["gone MOD_INC_USE_COUNT"],
    "old_module_param": ["gone MODULE_PARM()"],
    "old_proc_fops": ["changed proc_create()"],
    "old_sched_task": ["gone task_struct.state", "gone task_struct.uid"],
    "old_set_fs": ["gone mm_segment_t"],
    "old_signal_pending": ["moved signal_pending()"],
    "old_spinlock_unlocked": ["gone SPIN_LOCK_UNLOCKED"],
    "old_supported_device": ["gone MODULE_SUPPORTED_DEVICE()"],
    "old_timer_callback": ["changed timer_list.function"],
    "old_uaccess_asm": [],
    "old_vfs_read": ["hidden vfs_read()"],
}


@pytest.fixture(scope="module")
def drift_builds(tree: KernelTree) -> dict[str, Build]:
    sources = {name: Sources.of("drift", {"drift.c": (DRIFT / f"{name}.c").read_text()}) for name in DRIFT_CHANGES}
    return build_all(tree, sources)


@pytest.mark.parametrize("name", DRIFT_CHANGES)
def test_a_module_for_another_kernel_is_told_what_changed(
    name: str, tree: KernelTree, drift_builds: Mapping[str, Build]
) -> None:
    kernel = parse_release(tree.release)
    changes = [SNIPPETS[key].change for key in DRIFT_CHANGES[name]]
    build = drift_builds[name]
    expected = [change.sentence(kernel) for change in changes if change.applies_to(kernel)]
    assert sorted(hints_in(build, "drift.c")) == sorted(expected), build.transcript
    assert build.passed is not bool(expected)


def test_all_modules_for_other_kernels_are_built() -> None:
    assert {path.stem for path in DRIFT.glob("*.c")} == set(DRIFT_CHANGES)


@pytest.fixture(scope="module")
def newer_tree(tmp_path_factory: pytest.TempPathFactory) -> KernelTree:
    """A newer kernel, from Debian's backports; one that is set up already is taken from KMODLAB_NEWER_CACHE_DIR."""
    if cache := os.environ.get("KMODLAB_NEWER_CACHE_DIR"):
        return load_lab(read_settings({"KMODLAB_CACHE_DIR": cache})).tree
    folder = tmp_path_factory.mktemp("newer")
    archive = "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian {} main\n"
    (folder / "sources.list").write_text("".join(map(archive.format, ("bookworm", "bookworm-backports"))))
    (folder / "apt.conf").write_text(
        f'Dir::Etc::SourceList "{folder}/sources.list";\nDir::Etc::SourceParts "/dev/null";\n'
        'APT::Default-Release "bookworm-backports";\n'
    )
    settings = [f"APT_CONFIG={folder}/apt.conf", f"KMODLAB_CACHE_DIR={folder}/cache"]
    subprocess.run(["env", *settings, sys.executable, "-m", "kmodlab", "setup"], check=True, timeout=900)
    return load_lab(read_settings({"KMODLAB_CACHE_DIR": f"{folder}/cache"})).tree


@pytest.fixture(params=["the lab's kernel", "a newer kernel"])
def some_tree(request: pytest.FixtureRequest) -> KernelTree:
    tree: KernelTree = request.getfixturevalue("tree" if request.param == "the lab's kernel" else "newer_tree")
    return tree


@pytest.mark.long
def test_every_change_is_met_once_where_it_concerns_the_kernel(some_tree: KernelTree) -> None:
    check_old(some_tree, applying(SNIPPETS, some_tree))


@pytest.mark.long
def test_what_replaces_a_name_builds(some_tree: KernelTree) -> None:
    check_quiet(some_tree, {key: each.new for key, each in applying(SNIPPETS, some_tree).items()})


@pytest.mark.long
def test_the_code_of_a_change_builds_on_the_kernels_on_its_own_side(tree: KernelTree, newer_tree: KernelTree) -> None:
    """A wrong release would show here, for the changes between the two kernels."""
    older, newer = parse_release(tree.release), parse_release(newer_tree.release)
    crossed = {
        key: each
        for key, each in SNIPPETS.items()
        if each.change.applies_to(older) is not each.change.applies_to(newer) and not each.only_words
    }
    assert crossed
    for kernel in (tree, newer_tree):
        release = parse_release(kernel.release)
        check_quiet(kernel, {key: each.old for key, each in crossed.items() if not each.change.applies_to(release)})
