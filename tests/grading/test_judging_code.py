"""What the journal's answers depend on: the code that judges."""

from __future__ import annotations

from pathlib import Path

import kmodlab
from kmodlab.grading.task import ROOMS, digest_of_rooms, judging_digest


def write_room(folder: Path, text: str) -> Path:
    (folder / "checks" / "inner").mkdir(parents=True)
    (folder / "checks" / "check.py").write_text(text)
    (folder / "checks" / "inner" / "agent.c").write_text("int main;")
    return folder / "checks"


def test_a_corrected_check_changes_the_digest(tmp_path: Path) -> None:
    first = digest_of_rooms([write_room(tmp_path / "a", "points = 1\n")])
    assert digest_of_rooms([write_room(tmp_path / "b", "points = 1\n")]) == first
    assert digest_of_rooms([write_room(tmp_path / "c", "points = 2\n")]) != first


def test_compiled_files_make_no_difference(tmp_path: Path) -> None:
    room = write_room(tmp_path / "a", "points = 1\n")
    first = digest_of_rooms([room])
    (room / "__pycache__").mkdir()
    (room / "__pycache__" / "check.pyc").write_bytes(b"\0")
    assert digest_of_rooms([room]) == first


def test_the_rooms_are_there_with_their_c() -> None:
    root = Path(kmodlab.__file__).parent
    assert all((root / room / "__init__.py").is_file() for room in ROOMS)
    assert (root / "guest" / "agent" / "main.c").is_file() and (root / "tracer" / "module" / "tracer.c").is_file()
    assert len(judging_digest()) == 16
