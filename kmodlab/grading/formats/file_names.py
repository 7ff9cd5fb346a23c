"""Names and JSON of result files: safe file names for learners and exercises, and strict JSON.

File names are valid on every system, need no quotes in a shell, and are unique.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from typing import Any

_PLAIN = re.compile(r"[a-z0-9]+([._-][a-z0-9]+)*")
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?")  # as file names, on Windows
_LONGEST = 60


def file_name(name: str) -> str:
    """The file name for a learner or an exercise: the name itself if that is safe, otherwise similar, with a digest."""
    if _PLAIN.fullmatch(name) and len(name) <= _LONGEST and not _RESERVED.fullmatch(name):
        return name
    letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    similar = re.sub(r"[^a-z0-9]+", "-", letters).strip("-")[:_LONGEST].rstrip("-") or "learner"
    return f"{similar}-{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


def file_names(names: Iterable[str]) -> list[str]:
    """The file names for a list of names; if a file name occurs again, a number is appended."""
    counts = Counter[str]()
    unique = []
    for name in map(file_name, names):
        counts[name] += 1
        unique.append(name if counts[name] == 1 else f"{name}.{counts[name]}")
    return unique


def as_json(data: Any) -> str:
    """Strict JSON, in ASCII: NaN and infinities become null; lone surrogates stay, escaped."""
    return json.dumps(_strict(data), indent=1, allow_nan=False) + "\n"


def _strict(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _strict(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(inner) for inner in value]
    return value
