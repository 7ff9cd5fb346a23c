"""Debian's packages for `%dkms`: fetched with the lab, mended, and missed by nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from damage import damage

from kmodlab.errors import NotBuiltError
from kmodlab.guest.dkms_packages import FOLDER, add_dkms, find_dkms, load_dkms
from kmodlab.guest.lab import Lab


@pytest.fixture
def folder(lab: Lab, tmp_path: Path) -> Path:
    """A lab's folder with nothing but these packages."""
    shutil.copytree(lab.folder / FOLDER, tmp_path / FOLDER, symlinks=True)
    return tmp_path


def add(folder: Path, lab: Lab, *, offline: bool = True) -> list[str]:
    """Add the packages; returns what was said meanwhile."""
    steps: list[str] = []
    add_dkms(folder, lab.arch, steps.append, lambda _done, _total: None, offline=offline, anew=False)
    return steps


@pytest.mark.parametrize("kind", ["a flipped bit and the old time", "deleted"])
def test_damaged_packages_are_not_used_and_mended_from_the_download(lab: Lab, folder: Path, kind: str) -> None:
    whole = load_dkms(folder)
    damage(whole / "usr/sbin/dkms", kind)
    with pytest.raises(NotBuiltError, match="missing from the lab, or damaged"):
        load_dkms(folder)
    assert add(folder, lab) == []
    assert find_dkms(folder) == whole
    assert add(folder, lab, offline=False) == []  # they are there, so nobody asks the network


@pytest.mark.long
def test_without_packages_and_network_a_set_up_goes_on(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert add(tmp_path, lab) == []
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # nobody listens there
    assert "cannot be fetched; all but `%dkms` works" in add(tmp_path, lab, offline=False)[-1]
    with pytest.raises(NotBuiltError, match="missing from the lab"):
        load_dkms(tmp_path)


@pytest.mark.long
def test_a_lab_that_has_none_gets_the_packages(lab: Lab, tmp_path: Path) -> None:
    assert add(tmp_path, lab, offline=False) == ["Downloading dkms, and a driver that it builds"]
    assert sorted(path.name for path in load_dkms(tmp_path).glob("usr/s*/*")) == sorted(
        path.name for path in load_dkms(lab.folder).glob("usr/s*/*")
    )
