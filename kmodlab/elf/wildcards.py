"""Patterns of module aliases: `*`, `?` and `[…]`, as the C library's fnmatch(3) reads them, with no flags."""

from __future__ import annotations

import fnmatch
import re
from functools import lru_cache

WILD = frozenset("*?[")


def matches(pattern: str, name: str) -> bool:
    """Whether a pattern matches a name as a whole."""
    return _compiled(pattern).match(name) is not None


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    # Python's fnmatch knows no backslash, and writes "all but these" as [!…] only; the C library has [^…] too.
    same = re.sub(r"\\(.)", lambda found: f"[{found[1]}]" if found[1] in WILD else found[1], pattern)
    return re.compile(fnmatch.translate(same.replace("[^", "[!")))


def normalize_alias(alias: str) -> str:
    """An alias as depmod writes it and modprobe looks it up: dashes become underscores, but not in brackets."""
    return re.sub(r"\[[^\]]*\]|-", lambda found: "_" if found[0] == "-" else found[0], alias)
