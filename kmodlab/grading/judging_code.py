"""A digest of the code that judges: when a check is corrected, what it judged before is judged again."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

# All that a result may depend on, besides the master, the kernel and the learner's answers.
ROOMS = ("sandbox", "kbuild", "elf", "guest", "crash", "tracer", "submission", "checks")


@cache
def judging_digest() -> str:
    """SHA-256 over the source of these rooms, with the C of the guest agent and the tracer; the first 16 digits."""
    root = files("kmodlab")
    return digest_of_rooms([root / room for room in ROOMS])


def digest_of_rooms(rooms: list[Traversable]) -> str:
    """The same of other folders: names and contents of all files, in the order of their names."""
    digest = hashlib.sha256()
    for room in rooms:
        for name, content in sorted(_contents(room, room.name)):
            digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:16]


def _contents(folder: Traversable, prefix: str) -> list[tuple[str, bytes]]:
    found = []
    for entry in folder.iterdir():
        if entry.is_dir():
            found += _contents(entry, f"{prefix}/{entry.name}") if entry.name != "__pycache__" else []
        else:
            found.append((f"{prefix}/{entry.name}", entry.read_bytes()))
    return found
