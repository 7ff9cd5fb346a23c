"""The table of headers, against the kernel's own: each name is in its header, or in one that the header includes."""

from __future__ import annotations

import re
from pathlib import Path

from kmodlab.kbuild.hint_rules import HEADER_OF
from kmodlab.kernel.tree import KernelTree

# Since Linux 6.2; before, linux/kernel.h brings them.
NEWER = {"linux/kstrtox.h"}
_INCLUDE = re.compile(r"^\s*#\s*include <([^>]+)>", re.MULTILINE)


def _has(include: list[Path], header: str, name: str, depth: int) -> bool:
    path = next((folder / header for folder in include if (folder / header).is_file()), None)
    if path is None:
        return False
    text = path.read_text(errors="replace")
    return re.search(rf"\b{name}\b", text) is not None or (
        depth > 0 and any(_has(include, other, name, depth - 1) for other in _INCLUDE.findall(text))
    )


def test_each_name_is_in_its_header(tree: KernelTree) -> None:
    common = next(tree.sources.glob("linux-headers-*-common"))
    folders = (
        "include",
        "include/uapi",
        "arch/x86/include",
        "arch/x86/include/uapi",
        "arch/x86/include/generated",
        "arch/x86/include/generated/uapi",
    )
    include = [root / folder for root in (common, tree.headers) for folder in folders]
    wrong = {name: header for name, header in HEADER_OF.items() if not _has(include, header, name, 4)}
    assert {name: header for name, header in wrong.items() if header not in NEWER} == {}
