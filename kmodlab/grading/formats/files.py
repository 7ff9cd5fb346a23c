"""Names and JSON of result files, which are named after learners, whatever these call themselves.

File names hold nothing that any system or shell would take for something else; two learners never get the same.
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
    """A file's name for a learner's or an exercise's: the same where that is plain, else similar and with a digest."""
    if _PLAIN.fullmatch(name) and len(name) <= _LONGEST and not _RESERVED.fullmatch(name):
        return name
    letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    similar = re.sub(r"[^a-z0-9]+", "-", letters).strip("-")[:_LONGEST].rstrip("-") or "learner"
    return f"{similar}-{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"


def file_names(names: Iterable[str]) -> list[str]:
    """The files' names for a list of names; what is there more than once gets a number."""
    seen = Counter[str]()
    found = []
    for name in map(file_name, names):
        seen[name] += 1
        found.append(name if seen[name] == 1 else f"{name}.{seen[name]}")
    return found


def as_json(data: Any) -> str:
    """Strict JSON, in ASCII: what is no number is null, and a text that is no Unicode stays as it is, escaped."""
    return json.dumps(_strict(data), indent=1, allow_nan=False) + "\n"


def _strict(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _strict(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(inner) for inner in value]
    return value
