"""Builds a module once and records kbuild's cc-option probes with their results, for `cc_wrapper.c` to replay.

The wrapper and the results are kept beside the headers, in a folder that appears only when it is complete. Without a
sandbox nothing is recorded, because paths, and so command lines, differ from build to build.
"""

from __future__ import annotations

import contextlib
import shutil
from importlib.resources import as_file, files
from pathlib import Path

from kmodlab.errors import KmodlabError, SetupError
from kmodlab.files import PARTIAL, new_folder, remove
from kmodlab.kbuild.build import build_async
from kmodlab.kbuild.cc_cache import ANSWERS, WRAPPER_FOLDER, compiler_folder
from kmodlab.kbuild.sources import Sources
from kmodlab.kernel.tree import KernelTree
from kmodlab.manifest import find_damage, seal
from kmodlab.process import check_run, run_sync
from kmodlab.sandbox.host import PATH
from kmodlab.sandbox.sandbox import WORK, check_sandbox


def record_probes(tree: KernelTree) -> None:
    """Make the folder that `find_compiler` finds, unless it is complete or the sandbox is unavailable.

    The caller holds the set-up's lock. Builds work without the folder, so failures are not reported: for instance, the
    lab may belong to another user.
    """
    folder = compiler_folder(tree)
    if folder is None or find_damage(folder, thorough=True) is None or not check_sandbox().works:
        return
    with contextlib.suppress(OSError, KmodlabError):
        for stale in (*folder.parent.glob(f"{PARTIAL}*"), *folder.parent.glob("compiler-*")):
            remove(stale)  # left by a killed set-up, made for another compiler, or damaged
        with new_folder(folder) as partial:
            _compile_wrapper(tree, partial)
            (partial / ANSWERS).write_bytes(_answers(tree, partial))
            seal(partial)


def _compile_wrapper(tree: KernelTree, into: Path) -> None:
    with as_file(files("kmodlab.kbuild") / "cc_wrapper.c") as source:
        macros = [f'-DCOMPILER="{shutil.which(tree.compiler, path=PATH)}"', f'-DANSWERS="{WRAPPER_FOLDER}/{ANSWERS}"']
        check_run(["gcc", "-O2", "-static", "-s", *macros, "-o", into / tree.compiler, source], timeout_s=60)


def _answers(tree: KernelTree, wrapper: Path) -> bytes:
    hello = (files("kmodlab.data") / "hello.c").read_text(encoding="utf-8")
    environment = {"KMODLAB_RECORD": f"{WORK}/{ANSWERS}"}
    result = run_sync(
        build_async(tree, Sources.of("hello", {"hello.c": hello}), compiler=wrapper, environment=environment)
    )
    if not result.passed:
        raise SetupError(result.sentence, details=result.transcript)
    return result.files.get(ANSWERS, b"")
