"""A module that is taken home: plain make builds the folder, without kmodlab."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from kmodlab.errors import UsageError
from kmodlab.kbuild.by_hand import files_for_make, write_folder
from kmodlab.kbuild.sources import Sources
from kmodlab.kernel.tree import KernelTree

HELLO = """\
#include <linux/module.h>
#include "words.h"

static int hello_init(void)
{
	pr_info(WORDS);
	return 0;
}
module_init(hello_init);

MODULE_LICENSE("GPL");
MODULE_VERSION("2.1");
"""
FILES = {"hello.c": HELLO, "words.h": '#define WORDS "hello\\n"\n'}
MAKEFILE = "obj-m += greeter.o\ngreeter-y := hello.o\nccflags-y += -DDEBUG\n"


def sh(*argv: str | Path) -> str:
    return subprocess.run([str(word) for word in argv], capture_output=True, text=True, check=True, timeout=600).stdout


@pytest.mark.usefixtures("lab")
def test_plain_make_builds_it_with_the_headers_that_kmodlab_names(tree: KernelTree, tmp_path: Path) -> None:
    headers = sh(sys.executable, "-m", "kmodlab", "headers").strip()
    assert Path(headers) == tree.headers
    folder = tmp_path / "greeter"
    write_folder(folder, files_for_make(Sources.of("hello", {**FILES, "Makefile": MAKEFILE}), ["greeter"]))
    given = sorted(path.name for path in folder.iterdir())
    sh("make", "-C", folder, f"KDIR={headers}")
    assert tree.release.encode() in (folder / "greeter.ko").read_bytes()
    sh("git", "init", "-q", folder)
    untracked = sh("git", "-C", folder, "status", "--short", "-uall")
    assert sorted(line.removeprefix("?? ") for line in untracked.splitlines()) == given  # .gitignore names the rest
    sh("make", "-C", folder, f"KDIR={headers}", "clean")
    assert sorted(path.name for path in folder.iterdir() if path.name != ".git") == given


def test_the_readme_says_how_each_module_is_loaded_and_unloaded() -> None:
    readme = files_for_make(Sources.of("hello", FILES), ["one-1", "two"])["README.md"].decode()
    words = [line.strip() for line in readme.splitlines() if "sudo insmod" in line or "sudo rmmod" in line]
    assert words == ["sudo insmod one-1.ko", "sudo insmod two.ko", "sudo rmmod two", "sudo rmmod one_1"]


def test_dkms_reads_its_file(tmp_path: Path) -> None:
    write_folder(tmp_path, files_for_make(Sources.of("hello", FILES), ["hello"], dkms=True))
    shown = '. "$0"; echo "$PACKAGE_NAME $PACKAGE_VERSION ${BUILT_MODULE_NAME[0]} ${DEST_MODULE_LOCATION[0]}"'
    assert sh("bash", "-c", shown, tmp_path / "dkms.conf") == "hello 2.1 hello /updates/dkms\n"  # dkms reads it so too


def test_what_is_in_the_folder_already_is_not_overwritten(tmp_path: Path) -> None:
    files = files_for_make(Sources.of("hello", FILES), ["hello"])
    (tmp_path / "hello.c").write_text("my own")
    (tmp_path / "notes.txt").write_text("mine as well")
    with pytest.raises(UsageError, match=r"has another hello\.c already"):
        write_folder(tmp_path, files)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["hello.c", "notes.txt"]
    write_folder(tmp_path, files, replace=True)
    write_folder(tmp_path, files)  # the same once more
    assert (tmp_path / "hello.c").read_text() == HELLO
    assert (tmp_path / "notes.txt").read_text() == "mine as well"


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written"):
        write_folder(tmp_path / "file" / "folder", {"hello.c": b""})


@pytest.mark.parametrize("name", ["GNUmakefile", "README.md"])
def test_a_file_in_the_way_is_a_sentence(name: str) -> None:
    with pytest.raises(UsageError, match=f"{name} would be in the way"):
        files_for_make(Sources.of("hello", {**FILES, "Makefile": MAKEFILE, name: "x\n"}), ["hello"])
