"""Damage to a folder's files is noticed, whatever it is, and nothing else is taken for damage."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from damage import KINDS, damage

from kmodlab.errors import DamagedLabError
from kmodlab.files import remove
from kmodlab.guest.stage import find_stage, make_stage
from kmodlab.manifest import MANIFEST, SEAL, find_damage, glance, made_from, renew, seal, verify


def fill(folder: Path) -> None:
    (folder / "include").mkdir()
    (folder / "include/module.h").write_text("#define MODULE\n" * 99)
    (folder / "include/none.h").write_text("")
    (folder / "modpost").write_bytes(bytes(range(256)) * 9)
    (folder / "modpost").chmod(0o755)
    (folder / "scripts").symlink_to("include")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "stage").mkdir()
    fill(tmp_path / "stage")
    seal(tmp_path / "stage", "its packages")
    return tmp_path / "stage"


def test_a_whole_folder_has_no_damage(folder: Path) -> None:
    (folder / "stranger").write_text("of no interest")
    assert (glance(folder), find_damage(folder), find_damage(folder, thorough=True)) == (None, None, None)
    assert made_from(folder) == "its packages"
    verify(folder)
    verify(folder, quick=True)


@pytest.mark.parametrize("file", ["modpost", "include/module.h", MANIFEST, SEAL])
@pytest.mark.parametrize("kind", KINDS)
def test_damage_is_noticed_by_the_whole_look(folder: Path, kind: str, file: str) -> None:
    damage(folder / file, kind)
    assert find_damage(folder, thorough=True) is not None


@pytest.mark.parametrize("kind", KINDS)
def test_damage_is_noticed_before_anyone_is_blamed(folder: Path, kind: str) -> None:
    damage(folder / "modpost", kind)
    assert find_damage(folder) == "modpost"
    with pytest.raises(DamagedLabError, match="modpost is missing or altered"):
        verify(folder)
    assert glance(folder) == (None if kind == "a flipped bit and the old time" else "modpost")
    assert find_damage(folder, "include/") is None


@pytest.mark.parametrize("path", ["include", "scripts"])
@pytest.mark.parametrize("kind", ["deleted", "a FIFO instead", "a symlink instead"])
def test_damaged_folders_and_links_are_noticed(folder: Path, kind: str, path: str) -> None:
    damage(folder / path, kind)
    assert find_damage(folder) is not None


def test_a_folder_that_nobody_may_enter_is_noticed(folder: Path) -> None:
    (folder / "include").chmod(0)
    assert find_damage(folder) == "include"


@pytest.mark.parametrize("kind", ["deleted", "a FIFO instead", "a symlink instead"])
def test_a_folder_that_is_gone_is_damaged(folder: Path, kind: str) -> None:
    damage(folder, kind)
    with pytest.raises(DamagedLabError, match="stage is missing or altered"):
        verify(folder, quick=True)


def test_what_cannot_be_read_by_others_is_made_readable(tmp_path: Path) -> None:
    fill(tmp_path)
    for path in (tmp_path / "include/module.h", tmp_path / "modpost", tmp_path / "include"):
        path.chmod(path.stat().st_mode & 0o700)
    seal(tmp_path)
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("include", "modpost")] == [0o755, 0o755]
    assert (tmp_path / "include/module.h").stat().st_mode & 0o777 == 0o644


def test_a_copy_is_whole_and_its_times_can_be_noted(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy, symlinks=True, copy_function=shutil.copy)  # with the time of today
    os.utime(copy / "modpost", (1, 1))
    assert (glance(copy), find_damage(copy)) == (None, None)
    renew(copy)
    assert find_damage(copy, thorough=True) is None
    damage(copy / "modpost", "a flipped bit")
    assert find_damage(copy) == "modpost"


def test_equal_contents_have_equal_digests(tmp_path: Path) -> None:
    digests: list[str] = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        fill(tmp_path / name)
        os.utime(tmp_path / name / "modpost", (len(digests), 1))
        digests.append(seal(tmp_path / name, name))
    assert digests[0] == digests[1]
    (tmp_path / "two/modpost").chmod(0o644)
    assert seal(tmp_path / "two") != digests[0]


# ---- stages --------------------------------------------------------------------------------------------------------


def test_a_stage_is_made_once_and_found_by_what_it_was_made_from(tmp_path: Path) -> None:
    stage = make_stage(tmp_path, "inputs", fill)
    assert make_stage(tmp_path, "inputs", lambda _into: pytest.fail("it exists")) == stage
    assert find_stage(tmp_path, "others") is None
    assert list(tmp_path.iterdir()) == [stage]


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_stage_is_made_again(tmp_path: Path, kind: str) -> None:
    stage = make_stage(tmp_path, "inputs", fill)
    damage(stage / "modpost", kind)
    assert make_stage(tmp_path, "inputs", fill) == stage
    assert find_damage(stage, thorough=True) is None
    assert list(tmp_path.iterdir()) == [stage]


def test_a_stage_that_cannot_be_made_again_stays(tmp_path: Path) -> None:
    def fail(into: Path) -> None:
        fill(into)
        raise KeyError

    stage = make_stage(tmp_path, "inputs", fill)
    for _attempt in range(2):
        with pytest.raises(KeyError):
            make_stage(tmp_path, "inputs", fail, anew=True)
        assert find_stage(tmp_path, "inputs") == stage
        assert list(tmp_path.iterdir()) == [stage]


def test_a_stage_made_anew_with_the_same_contents_leaves_the_one_in_use(tmp_path: Path) -> None:
    stage = make_stage(tmp_path, "inputs", fill)
    inode = (stage / "modpost").stat().st_ino
    assert make_stage(tmp_path, "inputs", fill, anew=True) == stage
    assert (stage / "modpost").stat().st_ino == inode


def test_a_folder_is_removed_whatever_its_modes(tmp_path: Path) -> None:
    fill(tmp_path)
    (tmp_path / "include").chmod(0)
    remove(tmp_path / "include")
    remove(tmp_path / "scripts")
    remove(tmp_path / "nothing")
    assert [path.name for path in tmp_path.iterdir()] == ["modpost"]
