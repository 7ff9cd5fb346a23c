"""The flags with which clangd parses a module's C: those of kbuild, without flags that only gcc knows.

kbuild writes the command that made hello.o into `.hello.o.cmd` (cmd_and_savecmd in scripts/Kbuild.include). The flags
that matter for parsing are taken from there: folders of headers, macros, the C standard, warnings. Flags of code
generation are left out; many of them only gcc knows.
"""

from __future__ import annotations

import contextlib
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from kmodlab.errors import KmodlabError
from kmodlab.files import replace_text
from kmodlab.kbuild.build import USR_SRC, build_async, headers_path
from kmodlab.kbuild.sources import Sources
from kmodlab.kernel.tree import KernelTree

_NAME = "probe"
_PROBE = f'#include <linux/module.h>\nMODULE_LICENSE("GPL");\nMODULE_DESCRIPTION("{_NAME}");\n'
_WITH_VALUE = ("-include", "-isystem")
_KEPT = re.compile(
    r"-nostdinc|-I.+|-[DU].+|-std=.+|-m(?:64|32|no-[a-z0-9]+)|-f(?:short-wchar|no-builtin.*|no-common)|-O\d|-W(?!p,).+"
)
# kbuild turns these off if its compiler is clang (Makefile, scripts/Makefile.extrawarn).
# Warnings of unused names are off too, because the text is still being written.
_QUIET = (
    *("-Wno-unknown-warning-option", "-Wno-gnu", "-Wno-initializer-overrides", "-Wno-format-zero-length"),
    *("-Wno-pointer-to-enum-cast", "-Wno-tautological-compare", "-Wno-tautological-constant-out-of-range-compare"),
    *("-Wno-unaligned-access", "-Wno-cast-function-type-strict", "-Wno-unused"),
)


async def clang_flags(tree: KernelTree) -> tuple[str, ...]:
    """The flags for a module's C on this kernel, with paths below /usr/src.

    They come from the build of a small module, and are cached beside the tree if that is writable.

    Raises: KmodlabError if nothing can be built.
    """
    kept = tree.root.parent / f"clangd-flags-{tree.release}.json"
    with contextlib.suppress(OSError, ValueError, TypeError):
        return (*map(str, json.loads(kept.read_text(encoding="utf-8"))), *_QUIET)
    built = await build_async(tree, Sources.of(_NAME, {f"{_NAME}.c": _PROBE}))
    command = built.files.get(f".{_NAME}.o.cmd", b"").decode("utf-8", "replace")
    flags = tuple(parse_command(command.replace(str(tree.sources), USR_SRC), headers_path(tree.release)))
    if flags:
        with contextlib.suppress(OSError, KmodlabError):
            replace_text(kept, json.dumps(flags), mode=0o644)
    return (*flags, *_QUIET)


def parse_command(text: str, folder: str) -> Iterator[str]:
    """The flags in the first line of a .cmd file that matter for parsing; the command ran in `folder`."""
    command = text.split("\n", 1)[0].partition(":=")[2].partition(" ; ")[0]
    words = iter(shlex.split(command))
    for word in words:
        if word in _WITH_VALUE:
            yield from (word, _absolute(next(words, ""), folder))
        elif _KEPT.fullmatch(word):
            yield f"-I{_absolute(word[2:], folder)}" if word.startswith("-I") else word


def _absolute(path: str, folder: str) -> str:
    return str(Path(folder, path))
