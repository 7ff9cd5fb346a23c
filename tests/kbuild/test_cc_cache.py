"""The compiler wrapper: a build gives the same with it and without it."""

from __future__ import annotations

import shutil
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from mistakes import DECK

from kmodlab.kbuild.build import build_async
from kmodlab.kbuild.cc_cache import ANSWERS, compiler_folder, find_compiler
from kmodlab.kbuild.result import Build
from kmodlab.kbuild.sources import Sources
from kmodlab.kernel.tree import KernelTree
from kmodlab.process import check_run, run_sync

GOOD = DECK + 'MODULE_LICENSE("GPL");\n'
PLAIN = "obj-m += hello.o\n"
CASES = {
    "right": {"hello.c": GOOD},
    "wrong": {"hello.c": GOOD.replace("return 0;", "return 0")},
    "no licence": {"hello.c": DECK},
    "own options": {"hello.c": GOOD, "Makefile": f"{PLAIN}ccflags-y += -O1 -Wextra $(call cc-option,-fnone,-DNONE)\n"},
    "an option that there is not": {"hello.c": GOOD, "Makefile": f"{PLAIN}ccflags-y += -fnone\n"},
    "options for all": {"hello.c": GOOD, "Makefile": f"{PLAIN}KBUILD_CFLAGS += -Winline -DX=1\n"},
    "records": {"hello.c": GOOD, "Makefile": f"export KMODLAB_RECORD := /tmp/mine\n{PLAIN}"},
}


@pytest.fixture(scope="module")
def compiler(tree: KernelTree) -> Path:
    folder = find_compiler(tree)
    assert folder is not None, "set-up makes it"
    return folder


def _answers(compiler: Path) -> Iterator[tuple[int, list[bytes]]]:
    """Exit status and words, as cc_wrapper.c describes them."""
    data = (compiler / ANSWERS).read_bytes()
    while data:
        status, length = struct.unpack_from("<II", data)
        yield status, data[8 : 8 + length].removesuffix(b"\0").split(b"\0")
        data = data[8 + length :]


def build_with(tree: KernelTree, files: dict[str, str], compiler: Path) -> Build:
    return run_sync(build_async(tree, Sources.of("hello", files), compiler=compiler))


@pytest.mark.parametrize("name", CASES)
def test_a_build_gives_the_same_with_it_and_without(
    name: str, tree: KernelTree, compiler: Path, tmp_path: Path
) -> None:
    replayed, asked = (build_with(tree, CASES[name], folder) for folder in (compiler, tmp_path))
    assert replayed.transcript == asked.transcript
    assert replayed.modules == asked.modules
    assert replayed.sentence == asked.sentence
    assert replayed.files[".hello.o.cmd"] == asked.files[".hello.o.cmd"] if asked.passed else True


def test_what_was_written_down_is_what_the_compiler_says(compiler: Path, tree: KernelTree, tmp_path: Path) -> None:
    answers = list(_answers(compiler))
    assert len(answers) > 15
    assert {status for status, _ in answers} == {0, 1}
    for status, words in answers:
        assert words[-5:] == [b"-c", b"-x", b"c", b"/dev/null", b"-o"]
        command = ["sh", "-c", '"$@" 2>/dev/null; echo $?', "sh", tree.compiler, *map(bytes.decode, words)]
        finished = check_run([*command, tmp_path / "o"], timeout_s=60)
        assert int(finished.stdout) == status, words


def test_it_is_what_answers_in_a_build(tree: KernelTree, compiler: Path, tmp_path: Path) -> None:
    liar = tmp_path / "liar"
    shutil.copytree(compiler, liar)
    answers = [
        (1 if b"-fno-allow-store-data-races" in words[-6] else status, words) for status, words in _answers(compiler)
    ]
    pieces = [(status, b"".join(word + b"\0" for word in words)) for status, words in answers]
    (liar / ANSWERS).write_bytes(b"".join(struct.pack("<II", status, len(piece)) + piece for status, piece in pieces))
    commands = [build_with(tree, CASES["right"], folder).files[".hello.o.cmd"] for folder in (compiler, liar)]
    assert [b"-fno-allow-store-data-races" in command for command in commands] == [True, False]


def test_another_compiler_makes_it_void(tree: KernelTree, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    other = tmp_path / tree.compiler
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)
    monkeypatch.setattr("kmodlab.kbuild.cc_cache.PATH", str(tmp_path))
    assert compiler_folder(tree) is not None
    assert find_compiler(tree) is None
