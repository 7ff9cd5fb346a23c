"""Which of the kernel's headers has a name, and which header has a name like another one's."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from functools import cached_property
from itertools import accumulate, pairwise
from pathlib import Path, PurePosixPath

from kmodlab.files import MIB
from kmodlab.kbuild.near_name import nearest_name
from kmodlab.kernel.arch import ARCHES
from kmodlab.kernel.tree import KernelTree

# What modules include, below the roots that the compiler is given; of two headers with a name, the first is taken.
_FOLDERS = ("asm", "linux", "net", "crypto", "scsi", "media", "sound", "drm", "asm-generic")
_ROOTS = ("include", "include/uapi", "include/generated/uapi", "arch/{arch}/include", "arch/{arch}/include/uapi")
_LONGEST_NAME = 64
_DEFINITION = (
    r"^[ \t]*#[ \t]*define[ \t]+{name}\b"  # a macro
    r"|^(?!return\b)[A-Za-z_](?:\([^()\n]*\)|[^\n;=(){{}}])*\b{name}[ \t]*\(|^{name}[ \t]*\("  # a function
    r"|^extern\b[^\n;(]*\b{name}(?:\[[^\n;]*\])?;"  # a variable
    r"|^typedef\b[^\n;]*\b{name};|^\}}[^\n;]*\b{name};"
    r"|^(?:struct|union|enum)[ \t]+{name}[ \t]*\{{"
)
_CONSTANT = r"|^[ \t]+{name}\b[ \t]*(?:=[^\n;]*)?,"  # of an enum
_SPECIFIERS = re.compile(
    r"^(?:(?:extern|static|inline|__always_inline|__malloc|__printf\([^()]*\)|__alloc_size\([^()]*\))\s+)+"
)
_COMMENT = re.compile(rb"/\*.*?\*/", re.DOTALL)
_NOT_BY_ITSELF = re.compile(rb"#\s*error\b[^\n]*(?:directly|include)", re.IGNORECASE)


class KernelHeaders:
    """The headers of one kernel; they are read when the first name is looked for."""

    def __init__(self, tree: KernelTree) -> None:
        common = [path for path in sorted(tree.sources.glob("linux-*")) if path.name.endswith("-common")]
        self._tops = (*common, tree.headers)
        self._architecture = next((arch.source for arch in ARCHES if tree.release.endswith(f"-{arch.name}")), "")

    @cached_property
    def _texts(self) -> dict[str, bytes]:
        """All headers, as they are included."""
        roots = [top / folder.format(arch=self._architecture) for folder in _ROOTS for top in self._tops]
        found: dict[str, bytes] = {}
        for root in roots:
            for path in _below(root):
                header = str(path.relative_to(root))
                with contextlib.suppress(OSError), path.open("rb") as file:
                    # One below include/uapi is included by its namesake.
                    found[header] = found.get(header, b"") + file.read(MIB) + b"\n"
        return dict(sorted(found.items(), key=lambda item: _order(item[0])))

    @cached_property
    def _joined(self) -> tuple[bytes, dict[str, tuple[int, int]]]:
        """All texts as one, which is searched at once, and where each begins and ends."""
        ends = accumulate((len(text) for text in self._texts.values()), initial=0)
        return b"".join(self._texts.values()), dict(zip(self._texts, pairwise(ends), strict=True))

    def header_of(self, name: str) -> str:
        """The header to include for a name; empty if none of them has it."""
        if not 1 < len(name) <= _LONGEST_NAME or not name.isascii():
            return ""
        definition = _DEFINITION + (_CONSTANT if name == name.upper() else "")
        pattern = re.compile(definition.format(name=re.escape(name)).encode(), re.MULTILINE)
        found = [header for header in self._mentioning(name.encode()) if pattern.search(self._texts[header])]
        if not found:
            return ""
        best = min(found, key=lambda each: (self._is_part(each), not _is_like(each, name), each.count("/")))
        return self._outer(best)

    def _mentioning(self, name: bytes) -> Iterator[str]:
        joined, places = self._joined
        position = 0
        for header, (_begin, end) in places.items():
            if position < end and (position := joined.find(name, position)) < 0:
                return
            if position < end:
                yield header
                position = end

    def declaration_of(self, function: str) -> str:
        """What a header says of a function, on one line; empty if none declares it."""
        pattern = re.compile(
            rf"^(?!return\b)[A-Za-z_][^;={{}}#]*?\b{re.escape(function)}[ \t]*\([^;{{}}#]*?\)(?=\s*[;{{])".encode(),
            re.M,
        )
        for header in self._mentioning(function.encode()):
            if match := pattern.search(_COMMENT.sub(b" ", self._texts[header])):
                text = match[0].decode("utf-8", "replace")
                return " ".join(_SPECIFIERS.sub("", text).split()).replace("__must_check ", "") + ";"
        return ""

    def has_struct(self, name: str) -> bool:
        """Whether a header defines a struct of this name."""
        pattern = re.compile(rf"^struct[ \t]+{re.escape(name)}[ \t]*\{{".encode(), re.M)
        return any(pattern.search(self._texts[header]) for header in self._mentioning(name.encode()))

    def macro_of(self, name: str) -> str:
        """A macro with its parameters as a header defines it: "module_param(name, type, perm)"; empty if none does."""
        pattern = re.compile(rf"^[ \t]*#[ \t]*define[ \t]+{re.escape(name)}(\([^()]*\))".encode(), re.M)
        for header in self._mentioning(name.encode()):
            if match := pattern.search(self._texts[header]):
                parameters = re.findall(r"[\w.]+", match[1].decode("utf-8", "replace"))
                return f"{name}({', '.join(parameters)})"
        return ""

    def near(self, header: str) -> str:
        """A header of the same name in another folder, or of a name with a typing error; empty if there is none."""
        path = PurePosixPath(header)
        same = min((each for each in self._texts if PurePosixPath(each).name == path.name), key=_plain, default="")
        stems = {PurePosixPath(each).stem: each for each in self._texts if PurePosixPath(each).parent == path.parent}
        return same or stems.get(nearest_name(path.stem, stems), "")

    def _is_part(self, header: str) -> bool:
        """Whether a header refuses to be included by itself."""
        return _NOT_BY_ITSELF.search(self._texts[header]) is not None

    def _outer(self, header: str) -> str:
        """The header that is there for others to include: linux/io.h for asm/io.h."""
        path = PurePosixPath(header)
        folder, stem = path.parts[0], path.stem
        if folder in ("asm", "asm-generic"):
            outer = [f"linux/{path.name}", f"linux/{re.sub('[-_](?:32|64|base)$', '', stem)}.h", f"asm/{path.name}"]
            return next((each for each in outer if each in self._texts), header)
        include = f"#include <{header}>".encode()
        outer = [f"{path.parent}.h", header.replace("_types.h", ".h")]
        return next((each for each in outer if include in self._texts.get(each, b"")), header)


def _below(root: Path) -> Iterator[Path]:
    for folder in _FOLDERS:
        for place, _folders, files in os.walk(root / folder):
            yield from (Path(place, file) for file in files if file.endswith(".h"))


def _order(header: str) -> tuple[int, int, str]:
    return _FOLDERS.index(header.split("/")[0]), header.count("/"), header


def _plain(header: str) -> tuple[int, bool]:
    return header.count("/"), not header.startswith("linux/")


def _is_like(header: str, name: str) -> bool:
    """Whether a header's own name is the beginning of a name: linux/hrtimer.h of hrtimer_init."""
    return name.lower().startswith(PurePosixPath(header).stem.lower())
