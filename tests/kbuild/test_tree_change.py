"""What a learner changes in the kernel's tree: which paths and answers are taken, and where the texts end up."""

from __future__ import annotations

from pathlib import Path

import pytest

from kmodlab.errors import UsageError
from kmodlab.kbuild.tree_change import ChangedTree, TreeChange
from kmodlab.kernel.own import LEARNERS_FLAGS, OwnKernel

KCONFIG = 'menu "Misc devices"\n\nconfig OLD\n\tbool "Old"\n\nendmenu\n'
ENTRY = 'config HELLO\n\ttristate "Say hello"\n'


@pytest.fixture
def kernel(tmp_path: Path) -> OwnKernel:
    folder = tmp_path / "usr/src/linux-6.1/drivers/misc"
    folder.mkdir(parents=True)
    (folder / "Kconfig").write_text(KCONFIG)
    (folder / "Makefile").write_text("obj-$(CONFIG_OLD) += old.o\n")
    return OwnKernel("6.1.0-small", tmp_path)


@pytest.mark.parametrize(
    "path",
    ["hello.c", "../hello.c", "/etc/passwd", "drivers/../../x.c", "drivers//x.c", "drivers/.x", "drivers/a b.c", ""],
)
def test_a_path_outside_of_the_trees_folders_is_refused(path: str) -> None:
    with pytest.raises(UsageError, match="no path in the kernel's tree"):
        TreeChange.of({path: "x"}, {})


@pytest.mark.parametrize(("option", "value"), [("HELLO", "yes"), ("hello", "y"), ("HELLO\nX", "y"), ("", "m")])
def test_an_answer_that_kconfig_cannot_take_is_refused(option: str, value: str) -> None:
    with pytest.raises(UsageError, match="is no answer for kconfig"):
        TreeChange.of({}, {option: value})


def test_answers_may_be_written_as_in_the_configuration() -> None:
    assert TreeChange.of({}, {"CONFIG_HELLO": "m"}).answers == {"HELLO": "m"}


def test_a_text_of_blank_lines_takes_no_time() -> None:
    assert TreeChange.of({"drivers/misc/Kconfig": "\n" * 10**6}, {}).defined == ()


def test_an_entry_is_added_where_a_menu_ends_and_a_line_at_the_end(kernel: OwnKernel) -> None:
    change = TreeChange.of({"drivers/misc/Kconfig": ENTRY, "drivers/misc/Makefile": "obj-m += x.o"}, {})
    view = ChangedTree(kernel, change)
    texts = view.texts()
    assert texts["drivers/misc/Kconfig"] == KCONFIG.replace("endmenu", ENTRY + "\nendmenu")
    assert texts["drivers/misc/Makefile"] == "obj-$(CONFIG_OLD) += old.o\nobj-m += x.o\n"
    assert texts["drivers/misc/Kconfig"].splitlines()[view.offset("drivers/misc/Kconfig")] == "config HELLO"
    assert view.folders == ["drivers/misc"]


def test_a_new_folder_is_one_in_the_nearest_that_there_is(kernel: OwnKernel) -> None:
    view = ChangedTree(kernel, TreeChange.of({"drivers/hello/deep/hello.c": "", "drivers/misc/x.c": ""}, {}))
    assert view.folders == ["drivers"]


def test_an_object_of_the_learners_gets_its_lines_and_the_learner_does_not_see_how(kernel: OwnKernel) -> None:
    view = ChangedTree(kernel, TreeChange.of({"drivers/misc/hello.c": "int x;\n"}, {}))
    assert view.files["drivers/misc/Makefile"].endswith(f"CFLAGS_hello.o += {LEARNERS_FLAGS}\n")
    assert list(view.texts()) == ["drivers/misc/hello.c"]
