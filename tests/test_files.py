"""Files and folders that are there whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from kmodlab.files import new_folder, replace_text, replaced


def test_a_file_that_cannot_be_written_whole_leaves_the_old_one(tmp_path: Path) -> None:
    path = replace_text(tmp_path / "a.txt", "old")
    with pytest.raises(UnicodeEncodeError):
        replace_text(path, "new \ud800")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_old_file_is_seen_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = replace_text(tmp_path / "sub" / "a.txt", "old\r\n")
    with replaced(path) as partial:
        partial.write_text("new")
        assert path.read_bytes() == b"old\r\n"
    assert path.read_text() == "new"
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_is_there_when_it_is_filled_and_not_after_a_failure(tmp_path: Path) -> None:
    with pytest.raises(KeyError), new_folder(tmp_path / "stage") as partial:
        (partial / "a").write_text("half")
        raise KeyError
    assert not list(tmp_path.iterdir())
    with new_folder(tmp_path / "stage") as partial:
        (partial / "a").write_text("whole")
        assert not (tmp_path / "stage").exists()
    assert (tmp_path / "stage" / "a").read_text() == "whole"
    assert (tmp_path / "stage").stat().st_mode & 0o777 == 0o755
