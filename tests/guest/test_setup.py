"""Setting up a lab: killed half-way, twice at once, without network, without room, over somebody else's files."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from importlib.resources import files
from itertools import cycle
from pathlib import Path

import psutil
import pytest
from damage import damage
from process_helpers import descendants, wait_until_gone

from kmodlab.errors import SetupError
from kmodlab.guest.cache_folder import claim_folder
from kmodlab.guest.lab import Lab, load_lab
from kmodlab.guest.session import Session
from kmodlab.kbuild.build import build
from kmodlab.kbuild.sources import Sources
from kmodlab.kernel.arch import AMD64
from kmodlab.kernel.packages import download, resolve
from kmodlab.settings import Settings

HELLO = (files("kmodlab.data") / "hello.c").read_text()
KMODLAB = [sys.executable, "-m", "kmodlab"]


@pytest.fixture
def cache(lab: Lab, tmp_path: Path) -> Path:
    """A cache folder that holds a finished download and nothing else."""
    folder = tmp_path / "cache"
    claim_folder(folder)
    shutil.copytree(lab.folder / "debs", folder / "debs", copy_function=os.link)
    return folder


@pytest.fixture
def own_lab(lab: Lab, tmp_path: Path) -> Path:
    """A copy of the lab that a test may damage; the large unpacked packages are shared."""
    folder = tmp_path / "lab"
    claim_folder(folder)
    (folder / "debs").symlink_to(lab.folder / "debs")
    (folder / "systems").mkdir()
    (folder / "systems" / lab.file.system).symlink_to(lab.stages[0])
    for name in ("images", "snapshots", "tracer", "dkms"):
        shutil.copytree(lab.folder / name, folder / name)
    shutil.copy2(lab.folder / "lab.json", folder)
    return folder


def environment(cache: Path) -> dict[str, str]:
    return {**os.environ, "KMODLAB_CACHE_DIR": str(cache), "KMODLAB_ACCEL": "tcg"}


def setup(
    cache: Path, *options: str, wrapper: tuple[str, ...] = (), umask: int = -1
) -> subprocess.CompletedProcess[str]:
    argv = [*wrapper, *KMODLAB, "setup", *options]
    return subprocess.run(
        argv, env=environment(cache), capture_output=True, text=True, timeout=300, check=False, umask=umask
    )


def test_a_second_run_changes_nothing(lab: Lab) -> None:
    folder = lab.folder
    before = (folder / "lab.json").stat()
    assert setup(folder, "--offline").returncode == 0
    assert (folder / "lab.json").stat().st_mtime_ns == before.st_mtime_ns


@pytest.mark.parametrize(
    "stages", [["images"], pytest.param(["systems", "images", "snapshots"], marks=pytest.mark.long)], ids=",".join
)
def test_a_kill_half_way_leaves_no_lab_and_no_process_and_the_next_run_goes_on(cache: Path, stages: list[str]) -> None:
    for stage in stages:
        kill_setup_in(cache, stage)
        with pytest.raises(SetupError, match="no lab yet"):
            load_lab(Settings(cache))
    done = setup(cache, "--offline", umask=0o077)  # the sandbox's user must be able to read all
    assert done.returncode == 0, done.stderr
    assert not list(cache.glob("*/.new-*"))
    lab = load_lab(Settings(cache))
    assert build(lab.tree, Sources.of("hello", {"hello.c": HELLO})).passed
    with Session(lab) as session:
        assert session.run(["true"]).ok
    assert not [path for path in cache.rglob("*") if path.parts[-2] != "partial" and is_private(path)]


def is_private(path: Path) -> bool:
    mode = path.lstat().st_mode
    return not path.is_symlink() and "apt" not in path.parts and mode & 0o044 != 0o044


def kill_setup_in(cache: Path, stage: str) -> None:
    """Kill a set-up while it makes this folder of the lab, and wait until its processes are gone."""
    left = set(cache.glob(f"{stage}/.new-*"))
    child = subprocess.Popen(
        [*KMODLAB, "setup", "--offline"], env=environment(cache), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while not set(cache.glob(f"{stage}/.new-*")) - left:
        assert child.poll() is None
        time.sleep(0.01)
    time.sleep(0.2)
    children = descendants(psutil.Process(child.pid))
    child.kill()
    child.wait()
    wait_until_gone(children)


@pytest.mark.long
def test_two_at_once_make_one_lab(cache: Path) -> None:
    argv = [*KMODLAB, "setup", "--offline"]
    both = [subprocess.Popen(argv, env=environment(cache), stderr=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = [child.communicate(timeout=300)[1] for child in both]
    assert [child.returncode for child in both] == [0, 0]
    assert sum("waiting for it" in text for text in outputs) == 1
    assert sum("Unpacking" in text for text in outputs) == 1


def test_a_folder_of_somebody_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    done = setup(tmp_path)
    assert done.returncode == 4
    assert "holds files that are not kmodlab's" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
    clean = subprocess.run([*KMODLAB, "clean"], env=environment(tmp_path), capture_output=True, text=True, check=False)
    assert clean.returncode == 4
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_a_folder_that_cannot_be_made_gets_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = setup(tmp_path / "file" / "cache")
    assert done.returncode == 4
    assert "cannot be used: not a directory" in done.stderr
    assert "KMODLAB_CACHE_DIR" in done.stderr
    assert "Traceback" not in done.stderr


def test_offline_without_a_download_says_what_to_do(tmp_path: Path) -> None:
    done = setup(tmp_path / "cache", "--offline")
    assert done.returncode == 4
    assert "no complete download" in done.stderr and "with a network" in done.stderr


def test_a_damaged_download_is_noticed(cache: Path) -> None:
    package = next((cache / "debs").glob("kmod_*.deb"))
    data = package.read_bytes()
    package.unlink()  # it is a hard link: the original stays whole
    package.write_bytes(data[:-1])
    done = setup(cache, "--offline")
    assert done.returncode == 4
    assert "no complete download" in done.stderr


@pytest.mark.parametrize("damage", ["cut short", "altered"])
def test_an_interrupted_or_damaged_download_is_mended(cache: Path, damage: str) -> None:
    package = next((cache / "debs").glob("kmod_*.deb"))
    data = package.read_bytes()
    package.unlink()  # it is a hard link: the original stays whole
    package.write_bytes(data[:-1000] if damage == "cut short" else data[:-1000] + bytes(1000))
    chosen = resolve(cache / "apt", AMD64)
    download(chosen, cache / "debs", cache / "apt", AMD64, lambda *_: None)
    assert next((cache / "debs").glob("kmod_*.deb")).read_bytes() == data


def test_no_network_gets_a_sentence(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    wrapper = ("bwrap", "--dev-bind", "/", "/", "--unshare-user", "--unshare-net", "--")
    done = setup(cache, wrapper=wrapper)
    assert done.returncode == 4
    assert "could not be reached" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_full_disk_gets_a_sentence(cache: Path) -> None:
    small = ("bwrap", "--dev-bind", "/", "/", "--size", str(40 << 20), "--tmpfs", str(cache / "systems"), "--")
    done = setup(cache, "--offline", wrapper=small)
    assert done.returncode == 4
    assert "is full" in done.stderr, done.stderr
    assert "Traceback" not in done.stderr
    assert not (cache / "lab.json").exists()


def test_too_little_room_is_said_before_the_work_begins(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    wrapper = ("bwrap", "--dev-bind", "/", "/", "--size", str(40 << 20), "--tmpfs", str(disk), "--")
    done = setup(disk / "cache", "--offline", wrapper=wrapper)
    assert done.returncode == 4
    assert "MiB of disk space" in done.stderr


@pytest.mark.parametrize("file", [pytest.param("state", marks=pytest.mark.long), "ram"])
def test_a_flipped_bit_in_the_snapshot_is_noticed_and_repaired(own_lab: Path, file: str) -> None:
    (snapshot,) = (own_lab / "snapshots").iterdir()
    data = bytearray((snapshot / file).read_bytes())
    at = next(n for n in range(len(data) // 2, len(data)) if data[n])
    data[at] ^= 1
    (snapshot / file).write_bytes(data)
    with pytest.raises(SetupError, match="damaged"), Session(load_lab(Settings(own_lab))) as session:
        session.start()
    done = setup(own_lab, "--offline")
    assert done.returncode == 0, done.stderr
    with Session(load_lab(Settings(own_lab))) as session:
        assert session.run(["true"]).ok


def test_another_qemu_needs_another_snapshot(own_lab: Path) -> None:
    fields = json.loads((own_lab / "lab.json").read_text())
    (own_lab / "lab.json").write_text(json.dumps({**fields, "qemu_fingerprint": "an older one"}))
    with pytest.raises(SetupError, match="made by another QEMU") as caught:
        load_lab(Settings(own_lab))
    assert "kmodlab setup" in caught.value.hint


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"format": 99}', "\0\0\0"])
def test_a_damaged_lab_file_is_no_lab(own_lab: Path, text: str) -> None:
    (own_lab / "lab.json").write_text(text)
    with pytest.raises(SetupError, match="no lab yet"):
        load_lab(Settings(own_lab))


def test_clean_removes_everything(cache: Path) -> None:
    done = subprocess.run([*KMODLAB, "clean"], env=environment(cache), capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert not cache.exists()


def test_a_repair_that_cannot_be_done_leaves_the_lab(own_lab: Path, lab: Lab) -> None:
    (own_lab / "debs").unlink()
    shutil.copytree(lab.folder / "debs", own_lab / "debs")
    package = next((own_lab / "debs").glob("kmod_*.deb"))
    damage(package, "a flipped bit")
    before = load_lab(Settings(own_lab))
    done = setup(own_lab, "--repair", "--offline")
    assert done.returncode == 4
    assert "no complete download" in done.stderr
    assert load_lab(Settings(own_lab)) == before
    assert next(before.find_damage(), None) is None


def test_what_lies_in_the_place_of_a_file_or_folder_is_removed(own_lab: Path) -> None:
    kinds = ("a FIFO instead", "a folder instead", "a symlink instead")
    for name, kind in zip(("lab.json", "kvm.json", "setup.lock", "CACHEDIR.TAG", "apt"), cycle(kinds)):
        damage(own_lab / name, kind)
    done = setup(own_lab, "--offline")
    assert done.returncode == 0, done.stderr
    assert load_lab(Settings(own_lab)).folder == own_lab
