"""Finds the compiler wrapper that replays cached results of kbuild's cc-option probes.

`cc_wrapper.c` is the wrapper; `cc_record` builds it and records the results, once, at set-up. If it is missing or was
made for another compiler, builds use the compiler itself and take twice as long.
"""

from __future__ import annotations

import hashlib
import shutil
from importlib.resources import files
from pathlib import Path

from kmodlab.kernel.tree import KernelTree
from kmodlab.manifest import glance, is_sealed
from kmodlab.sandbox.host import PATH

WRAPPER_FOLDER = "/opt/kmodlab"  # in the sandbox
ANSWERS = "answers"


def compiler_folder(tree: KernelTree) -> Path | None:
    """The folder for the wrapper and its cached results for this compiler, which may not exist yet.

    None if the compiler is missing.
    """
    compiler = shutil.which(tree.compiler, path=PATH)
    if compiler is None:
        return None
    real = Path(compiler).resolve()
    stat = real.stat()
    source = (files("kmodlab.kbuild") / "cc_wrapper.c").read_text()
    parts = f"{compiler} {real} {stat.st_size} {stat.st_mtime_ns}\n{source}"
    return tree.root.with_name(f"compiler-{tree.release}-{hashlib.sha256(parts.encode()).hexdigest()[:16]}")


def find_compiler(tree: KernelTree) -> Path | None:
    """The folder of the wrapper and its cached results; None if missing, damaged, or made for another compiler."""
    folder = compiler_folder(tree)
    if folder is None or not (folder / ANSWERS).is_file():
        return None
    return None if is_sealed(folder) and glance(folder) else folder
