"""Building a kernel of our own: killed half-way, interrupted, without room, network or tools, damaged."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from damage import damage
from process_helpers import descendants, wait_until_gone

from kmodlab.cli.console import SetupProgress
from kmodlab.errors import SetupError
from kmodlab.guest import own_lab as own_lab_module
from kmodlab.guest.cache_folder import claim_folder
from kmodlab.guest.doctor import Health, examine
from kmodlab.guest.lab import Lab
from kmodlab.guest.own_lab import OwnLab, load_own_lab, make_own_lab
from kmodlab.kbuild import kernel_build
from kmodlab.kernel.own import get_variant
from kmodlab.settings import Settings

KMODLAB = [sys.executable, "-m", "kmodlab"]
SMALL = get_variant("small")


@pytest.fixture
def cache(lab: Lab, tmp_path: Path) -> Path:
    """A lab that shares everything with the real one and has no kernel of its own."""
    folder = tmp_path / "lab"
    claim_folder(folder)
    for name in ("apt", "debs", "systems", "images", "snapshots", "tracer"):
        (folder / name).symlink_to(lab.folder / name)
    shutil.copy2(lab.folder / "lab.json", folder)
    return folder


@pytest.fixture
def with_source(small_lab: OwnLab, cache: Path) -> Path:
    """The same with the download and the unpacked source, but nothing built."""
    version = cache / "kernels" / small_lab.file.version
    (version / "kernel/usr/src").mkdir(parents=True)
    real = small_lab.stage_folder
    (version / "kernel/usr/src" / small_lab.tree.source.name).symlink_to(small_lab.tree.source)
    shutil.copy2(real / "packages.json", version)
    for deb in real.glob("*.deb"):
        os.link(deb, version / deb.name)
    return cache


def kernel(
    cache: Path, *words: str, wrapper: tuple[str, ...] = (), **environment: str
) -> subprocess.CompletedProcess[str]:
    variables = {**os.environ, "KMODLAB_CACHE_DIR": str(cache), "KMODLAB_ACCEL": "tcg", **environment}
    argv = [*wrapper, *KMODLAB, "kernel", *words]
    return subprocess.run(argv, env=variables, capture_output=True, text=True, check=False)


def begin(cache: Path) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "KMODLAB_CACHE_DIR": str(cache), "KMODLAB_ACCEL": "tcg"}
    quiet = subprocess.DEVNULL
    return subprocess.Popen([*KMODLAB, "kernel"], env=environment, stdout=quiet, stderr=quiet)


def objects(cache: Path) -> dict[Path, int]:
    """The object files that are complete, each with the time when it was made: kbuild notes its command then."""
    made = {}
    for top in cache.glob("kernels/*/kernel/usr/src/linux-headers-*"):
        for folder, _folders, names in os.walk(top):  # folders come and go meanwhile
            notes = {name[1:].removesuffix(".cmd") for name in names if name.endswith(".o.cmd")}
            for path in (Path(folder, name) for name in notes.intersection(names)):
                with contextlib.suppress(FileNotFoundError):
                    made[path] = path.stat().st_mtime_ns
    return made


def stop_after(cache: Path, number: int, how: signal.Signals) -> dict[Path, int]:
    """Begin a build, stop it as soon as there are so many objects, and wait until its processes are gone."""
    child = begin(cache)
    while len(made := objects(cache)) < number:
        assert child.poll() is None
        time.sleep(0.05)
    children = descendants(psutil.Process(child.pid))
    child.send_signal(how)
    child.wait()
    wait_until_gone(children)
    return made


@pytest.mark.long
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_build_that_is_stopped_keeps_what_is_built_and_goes_on(with_source: Path, how: signal.Signals) -> None:
    made = stop_after(with_source, 60, how)
    again = stop_after(with_source, len(objects(with_source)) + 30, how)
    kept = {path: at for path, at in made.items() if again.get(path) == at}
    assert len(kept) > 0.9 * len(made)  # those of kbuild's own programs are looked at anew
    with pytest.raises(SetupError, match="not built"):
        load_own_lab(Settings(with_source), SMALL)
    (row,) = [row for row in examine(Settings(with_source)) if row.name == "small kernel"]
    assert row.state is Health.GOOD and "started, not complete" in row.finding


def test_without_it_the_sentence_says_how_to_build_it_and_how_long_that_takes(cache: Path) -> None:
    with pytest.raises(SetupError, match="The small kernel is not built") as caught:
        load_own_lab(Settings(cache), SMALL)
    assert "`kmodlab kernel` (about" in caught.value.hint and "min, once)" in caught.value.hint


def test_too_little_room_is_said_with_what_is_needed(
    with_source: Path, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_lab_module, "free_mib", lambda _folder: 100)
    with pytest.raises(SetupError, match=r"The small kernel needs \d+ MiB of disk space, and .* has 100 MiB left"):
        make_own_lab(Settings(with_source), SetupProgress(quiet=True), SMALL)


def test_without_a_network_the_first_use_says_so(cache: Path) -> None:
    wrapper = ("bwrap", "--dev-bind", "/", "/", "--unshare-user", "--unshare-net", "--")
    done = kernel(cache, wrapper=wrapper)
    assert done.returncode == 4
    assert "The packages could not be downloaded" in done.stderr and "Check the network" in done.stderr
    assert not list(cache.glob("kernels/*/kernel"))


def test_tools_that_are_missing_are_named_with_their_packages(
    with_source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    which = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name, **rest: None if name in ("flex", "bc") else which(name, **rest))
    with pytest.raises(SetupError, match="To build a kernel, this is missing: bc, flex") as caught:
        make_own_lab(Settings(with_source), SetupProgress(quiet=True), SMALL)
    assert caught.value.hint == "sudo apt-get install bc flex"


def test_an_option_that_the_kernel_cannot_have_is_named(with_source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel_build, "fragment", lambda _variant: "CONFIG_64BIT=y\nCONFIG_NO_SUCH_OPTION=y\n")
    with pytest.raises(SetupError, match="cannot have CONFIG_NO_SUCH_OPTION=y, which the guest needs"):
        make_own_lab(Settings(with_source), SetupProgress(quiet=True), SMALL)


@pytest.mark.long
def test_a_damaged_object_is_noticed_and_made_again(small_lab: OwnLab, with_source: Path) -> None:
    version = with_source / "kernels" / small_lab.file.version
    shutil.copytree(small_lab.tree.root, version / "kernel", symlinks=True, dirs_exist_ok=True, ignore=_no_source)
    for name in ("images", "snapshots"):
        shutil.copytree(small_lab.stage_folder / name, version / name)
    shutil.copy2(small_lab.stage_folder / "small.json", version)
    own = load_own_lab(Settings(with_source), SMALL)
    assert next(own.find_damage(), None) is None
    damage(own.tree.headers / "Module.symvers", "truncated")
    done = kernel(with_source)
    assert done.returncode == 0, done.stderr
    assert next(load_own_lab(Settings(with_source), SMALL).find_damage(), None) is None


def _no_source(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if folder.endswith("usr/src") and "headers" not in name]
