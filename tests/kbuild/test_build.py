"""Real builds with the real kbuild: what passes, what is in a `Build`, what is left behind."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from building import build_all
from mistakes import DECK, module

from kmodlab.elf.module import read_module
from kmodlab.errors import SetupError
from kmodlab.kbuild.build import build, build_async
from kmodlab.kbuild.outputs import what_is_wrong
from kmodlab.kbuild.result import Build, Outcome, Reason
from kmodlab.kbuild.sources import Sources
from kmodlab.kernel.tree import KernelTree
from kmodlab.process import submit
from kmodlab.sandbox.limits import BUILD
from kmodlab.sandbox.sandbox import check_sandbox

GOOD = DECK + 'MODULE_LICENSE("GPL");\n'


@pytest.fixture(scope="module")
def hello(tree: KernelTree) -> Build:
    return build(tree, Sources.of("hello", {"hello.c": GOOD}))


def test_the_decks_module_with_a_licence_passes(hello: Build, tree: KernelTree) -> None:
    assert hello.outcome is Outcome.PASSED and hello.reason is None and hello.sentence == ""
    assert list(hello.modules) == ["hello"]
    assert str(read_module(hello.modules["hello"]).modinfo.vermagic).startswith(f"{tree.release} ")
    assert hello.diagnostics == ()


def test_the_transcript_is_the_one_on_the_slide(hello: Build, tree: KernelTree) -> None:
    headers = f"/usr/src/linux-headers-{tree.release}"
    lines = hello.transcript.splitlines()
    assert lines[0] == f"$ make -C {headers} M=$(pwd) modules"
    assert lines[1] == f"make: Entering directory '{headers}'"
    assert "  CC [M]  /tmp/hello.o" in lines
    assert "  LD [M]  /tmp/hello.ko" in lines
    assert lines[-1] == f"make: Leaving directory '{headers}'"


def test_what_kbuild_leaves_behind_can_be_looked_at(hello: Build) -> None:
    wanted = {"hello.o", "hello.mod", "hello.mod.c", ".hello.o.cmd", "Module.symvers", "modules.order", "Makefile"}
    assert wanted <= set(hello.files)
    assert hello.files["Makefile"] == b"obj-m += hello.o\n"
    assert "hello.c" not in hello.files


def test_the_decks_module_without_a_licence_fails_on_the_right_file(tree: KernelTree) -> None:
    result = build(tree, Sources.of("hello", {"hello.c": DECK}))
    assert result.outcome is Outcome.FAILED and result.reason is Reason.MODPOST
    assert result.sentence == "hello.c compiles, but modpost refuses the module: missing MODULE_LICENSE() in hello.o."
    assert [(error.file, error.hint_key) for error in result.errors] == [("hello.c", "missing-licence")]
    assert result.modules == {} and result.ko is None


def test_equal_sources_give_equal_modules(hello: Build, tree: KernelTree) -> None:
    assert build(tree, Sources.of("hello", {"hello.c": GOOD})).modules == hello.modules


def test_a_module_of_several_files_may_be_called_like_one_of_them(tree: KernelTree) -> None:
    files = {
        "hello.c": module("greet();", before='#include "greet.h"\n'),
        "greet.c": '#include <linux/printk.h>\n#include "greet.h"\nvoid greet(void)\n{\n    pr_info("hi\\n");\n}\n',
        "greet.h": "void greet(void);\n",
    }
    result = build(tree, Sources.of("hello", files))
    assert list(result.modules) == ["hello"], result.transcript
    broken = build(tree, Sources.of("hello", files | {"hello.c": module("greet(1);", before='#include "greet.h"\n')}))
    assert (broken.errors[0].file, broken.errors[0].line) == ("hello.c", 7)


def test_modules_of_one_makefile_come_in_the_order_in_which_they_load(tree: KernelTree) -> None:
    files = {
        "Makefile": "obj-m += user.o maker-1.o\n",
        "user.c": module("answer();", before="int answer(void);\n"),
        "maker-1.c": module(
            before="int answer(void);\nint answer(void)\n{\n    return 42;\n}\nEXPORT_SYMBOL(answer);\n"
        ),
    }
    result = build(tree, Sources.of("user", files))
    assert list(result.modules) == ["maker-1", "user"], result.transcript


def test_symbols_of_an_earlier_build_can_be_used(tree: KernelTree) -> None:
    exported = "int answer(void);\nint answer(void)\n{\n    return 42;\n}\nEXPORT_SYMBOL(answer);\n"
    maker = build(tree, Sources.of("maker", {"maker.c": module(before=exported)}))
    user = module("answer();", before="int answer(void);\n")
    result = build(tree, Sources.of("user", {"user.c": user, "maker.symvers": maker.files["Module.symvers"]}))
    assert read_module(result.modules["user"]).modinfo.depends == ("maker",)


def test_a_kbuild_file_of_ones_own_is_used(tree: KernelTree) -> None:
    files = {
        "hello.c": module("pr_info(GREETING);"),
        "Kbuild": "obj-m += hello.o\nccflags-y += -DGREETING='\"hi\\n\"'\n",
    }
    assert build(tree, Sources.of("hello", files)).passed


def test_every_name_that_is_accepted_can_be_built(tree: KernelTree) -> None:
    names = ["hello-1", "_x", "1st", "a" * 55, "modules", "Makefile", "init", "scripts"]
    results = build_all(tree, {name: Sources.of(name, {f"{name}.c": GOOD}) for name in names})
    assert {name: list(result.modules) for name, result in results.items()} == {name: [name] for name in names}


def test_a_module_for_another_kernel_is_none(hello: Build, tree: KernelTree) -> None:
    other = tree.release.replace("6", "7")
    assert what_is_wrong(hello.modules["hello"], tree.release) == ""
    forged = hello.modules["hello"].replace(tree.release.encode(), other.encode())
    assert other in what_is_wrong(forged, tree.release)


def test_missing_headers_are_our_fault(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"headers 6\.1\.0-0-amd64 are missing"):
        build(KernelTree("6.1.0-0-amd64", tmp_path), Sources.of("hello", {"hello.c": GOOD}))


# ---- without a sandbox ----


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for temporary files that only this test uses, and that another user may pass through."""
    folder = Path(tempfile.mkdtemp(prefix="boxes-"))
    folder.chmod(0o711)
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    folder.rmdir()


def soon_empty(folder: Path) -> bool:
    """Whether a folder is empty, once what is on its way out had time to go."""
    until = time.monotonic() + 10
    while any(folder.iterdir()) and time.monotonic() < until:
        time.sleep(0.05)
    return not any(folder.iterdir())


def test_without_a_sandbox_the_same_comes_out(hello: Build, tree: KernelTree, temporary: Path) -> None:
    result = build(tree, Sources.of("hello", {"hello.c": GOOD}), sandbox=check_sandbox("off"))
    assert result.transcript == hello.transcript
    assert list(result.modules) == ["hello"]
    assert (result.sandboxed, hello.sandboxed) == (False, True)
    assert soon_empty(temporary)


def test_without_a_sandbox_limits_hold_and_nothing_is_left(tree: KernelTree, temporary: Path, naps: str) -> None:
    makefile = (
        f"obj-m += hello.o\nleft := $(shell setsid sleep {naps} >/dev/null 2>&1 &)\nhang := $(shell sleep {naps})\n"
    )
    sources = Sources.of("hello", {"hello.c": GOOD, "Makefile": makefile})
    result = build(tree, sources, limits=replace(BUILD, wall_s=2), sandbox=check_sandbox("off"))
    assert result.reason is Reason.TIMEOUT
    assert soon_gone(naps)
    assert soon_empty(temporary)


# ---- an owner that goes away ----


@pytest.fixture
def naps() -> str:
    """Seconds for `sleep` by which a test knows its own processes."""
    return str(100_000 + secrets.randbelow(900_000))


def sleepers(seconds: str) -> list[int]:
    return [process.pid for process in psutil.process_iter() if _arguments(process) == ["sleep", seconds]]


def _arguments(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def soon_gone(seconds: str) -> bool:
    """Whether no `sleep` of that length runs, once those on their way out had time to go."""
    until = time.monotonic() + 10
    while sleepers(seconds) and time.monotonic() < until:
        time.sleep(0.05)
    return not sleepers(seconds)


def endless(seconds: str) -> Sources:
    return Sources.of("hello", {"hello.c": GOOD, "Makefile": f"obj-m += hello.o\nhang := $(shell sleep {seconds})\n"})


def test_a_cancelled_build_leaves_nothing(tree: KernelTree, naps: str) -> None:
    async def give_up() -> None:
        task = asyncio.ensure_future(build_async(tree, endless(naps)))
        while not sleepers(naps):
            await asyncio.sleep(0.05)
        task.cancel()
        await task

    with pytest.raises(CancelledError):
        submit(give_up()).result()
    assert soon_gone(naps)


_OWNER = """
import os, sys
for _ in range(20):  # as in a notebook, where descriptors have two digits
    os.dup(0)
from pathlib import Path
from kmodlab.kbuild.build import build
from kmodlab.sandbox.sandbox import check_sandbox
from kmodlab.kbuild.sources import Sources
from kmodlab.kernel.tree import KernelTree
makefile = f"obj-m += hello.o\\nhang := $(shell sleep {sys.argv[3]})\\n"
sources = Sources.of("hello", {"hello.c": "int x;\\n", "Makefile": makefile})
build(KernelTree(sys.argv[1], Path(sys.argv[2])), sources, sandbox=check_sandbox(sys.argv[4]))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("mode", ["auto", "off"])
def test_no_build_outlives_its_owner(
    tree: KernelTree, temporary: Path, naps: str, number: signal.Signals, mode: str
) -> None:
    words = [sys.executable, "-c", _OWNER, tree.release, str(tree.root), naps, mode]
    environment = os.environ | {"TMPDIR": str(temporary)}
    with subprocess.Popen(words, stderr=subprocess.PIPE, env=environment) as owner:
        while not sleepers(naps):
            assert owner.poll() is None, owner.stderr and owner.stderr.read()
            time.sleep(0.05)
        owner.send_signal(number)
        owner.wait(20)
    assert soon_gone(naps)
    assert soon_empty(temporary)


def test_tools_speak_english_whatever_the_users_language(tree: KernelTree, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LANG", "LC_ALL", "LC_MESSAGES", "LANGUAGE"):
        monkeypatch.setenv(name, "de_DE.UTF-8")
    makefile = "obj-m += hello.o\n$(info languages: $(shell env | grep -E '^(LC_|LANG)' | sort))\n"
    result = build(tree, Sources.of("hello", {"hello.c": "int x = ;\n", "Makefile": makefile}))
    assert "languages: LANG=C.UTF-8 LC_COLLATE=C LC_NUMERIC=C\n" in result.transcript
    assert result.diagnostics[0].message.startswith("expected expression before")
