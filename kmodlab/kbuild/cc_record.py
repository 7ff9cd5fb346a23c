"""Builds a module once and records kbuild's cc-option probes with their results, for `cc_wrapper.c` to replay.

The wrapper and the results are kept beside the headers that they belong to, in a folder that is there whole or not at
all. Without a sandbox there is nothing to write down: paths, and so command lines, are others in each build then.
"""

from __future__ import annotations

import contextlib
import shutil
from importlib.resources import as_file, files
from pathlib import Path

from kmodlab.errors import KmodlabError, SetupError
from kmodlab.files import PARTIAL, new_folder
from kmodlab.kbuild.build import build_async
from kmodlab.kbuild.cc_cache import ANSWERS, PLACE, compiler_folder
from kmodlab.kbuild.sources import Sources
from kmodlab.kernel.tree import KernelTree
from kmodlab.process import check_run, run_sync
from kmodlab.sandbox.host import PATH
from kmodlab.sandbox.sandbox import WORK, check_sandbox


def record_probes(tree: KernelTree) -> None:
    """Make what `find_compiler` finds, unless it is there or this machine has no sandbox; under the set-up's lock.

    Builds do without it, so nobody is told where it cannot be made: in a lab of somebody else's, for instance.
    """
    folder = compiler_folder(tree)
    if folder is None or folder.is_dir() or not check_sandbox().works:
        return
    for stale in (*folder.parent.glob(f"{PARTIAL}*"), *folder.parent.glob("compiler-*")):
        shutil.rmtree(stale, ignore_errors=True)  # a set-up that was killed, or another compiler's
    with contextlib.suppress(OSError, KmodlabError), new_folder(folder) as partial:
        _make_program(tree, partial)
        (partial / ANSWERS).write_bytes(_answers(tree, partial))


def _make_program(tree: KernelTree, into: Path) -> None:
    with as_file(files("kmodlab.kbuild") / "cc_wrapper.c") as source:
        names = [f'-DCOMPILER="{shutil.which(tree.compiler, path=PATH)}"', f'-DANSWERS="{PLACE}/{ANSWERS}"']
        check_run(["gcc", "-O2", "-static", "-s", *names, "-o", into / tree.compiler, source], timeout_s=60)


def _answers(tree: KernelTree, program: Path) -> bytes:
    hello = (files("kmodlab.data") / "hello.c").read_text(encoding="utf-8")
    environment = {"KMODLAB_WRITE_DOWN": f"{WORK}/{ANSWERS}"}
    built = run_sync(
        build_async(tree, Sources.of("hello", {"hello.c": hello}), compiler=program, environment=environment)
    )
    if not built.passed:
        raise SetupError(f"hello.ko could not be built: {built.sentence}", details=built.transcript)
    return built.files.get(ANSWERS, b"")
