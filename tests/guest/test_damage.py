"""A damaged lab: it is noticed, no learner is blamed for it, and a set-up mends it; and a lab that may only be read."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
from damage import KINDS, damage

from kmodlab.checks.check_result import Status
from kmodlab.checks.evaluate import evaluate
from kmodlab.checks.registry import read_check
from kmodlab.checks.runner import CheckRunner
from kmodlab.errors import KmodlabError
from kmodlab.guest.cache_folder import claim_folder
from kmodlab.guest.doctor import Health, examine
from kmodlab.guest.lab import Lab, load_lab
from kmodlab.kernel.packages import load_packages
from kmodlab.settings import Settings
from kmodlab.submission.learner_sources import LearnerSources
from kmodlab.tracer.tracer_module import get_tracer

HELLO = (files("kmodlab.data") / "hello.c").read_text()
TEXTS = {"right": HELLO, "does not compile": "int x = ;\n", "is refused": HELLO.replace("return 0;", "return -5;")}


def kmodlab(folder: Path, *words: str | Path, wrapper: tuple[str | Path, ...] = ()) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "KMODLAB_CACHE_DIR": str(folder), "KMODLAB_ACCEL": "tcg"}
    argv = [*wrapper, sys.executable, "-m", "kmodlab", *words]
    return subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=300, check=False)


def with_file(path: Path, kind: str, scratch: Path) -> tuple[str | Path, ...]:
    """A wrapper for a command, which sees a damaged file in this place; the file itself stays as it is."""
    copy = scratch / path.name
    shutil.copy2(path, copy)
    damage(copy, kind)
    return ("bwrap", "--dev-bind", "/", "/", "--bind", copy, path, "--")


# ---- noticed -------------------------------------------------------------------------------------------------------

# What is damaged, how, and whether it is noticed when the lab is loaded, or when the module does not load or build.
NOTICED = [
    ("system", "kernel/usr/src/linux-headers-{release}/Module.symvers", "truncated"),
    ("system", "kernel/usr/src/{kbuild}/scripts/mod/modpost", "a flipped bit"),
    ("image", "modules.squashfs", "emptied"),
]
NOTICED_LATER = [
    ("system", "kernel/usr/src/{common}/include/linux/module.h", "truncated", "right"),
    *(
        pytest.param(stage, name, "a flipped bit and the old time", text, marks=pytest.mark.long)
        for stage, name, text in (
            ("system", "kernel/usr/src/{common}/include/linux/kernel.h", "does not compile"),
            ("image", "modules.squashfs", "is refused"),
        )
    ),
]


def find_file(lab: Lab, stage: str, name: str) -> Path:
    names = {path.name for path in lab.tree.sources.iterdir()}
    common = next(name for name in names if name.endswith("-common"))
    kbuild = next(name for name in names if name.startswith("linux-kbuild"))
    folders = dict(zip(("system", "image", "snapshot"), lab.stages, strict=False))
    return folders[stage] / name.format(release=lab.tree.release, common=common, kbuild=kbuild)


@pytest.mark.parametrize(("stage", "name", "kind"), NOTICED)
def test_damage_is_noticed_when_the_lab_is_loaded(lab: Lab, tmp_path: Path, stage: str, name: str, kind: str) -> None:
    path = find_file(lab, stage, name)
    source = tmp_path / "hello.c"
    source.write_text(HELLO)
    done = kmodlab(lab.folder, "run", source, wrapper=with_file(path, kind, tmp_path))
    assert done.returncode == 4, done.stdout
    assert f"{path} is missing or altered" in done.stderr
    assert "kmodlab setup" in done.stderr


@pytest.mark.parametrize(("stage", "name", "kind", "text"), NOTICED_LATER)
def test_damage_is_noticed_before_a_learner_is_blamed(
    lab: Lab, tmp_path: Path, stage: str, name: str, kind: str, text: str
) -> None:
    path = find_file(lab, stage, name)
    source = tmp_path / "hello.c"
    source.write_text(TEXTS[text])
    done = kmodlab(lab.folder, "run", source, wrapper=with_file(path, kind, tmp_path))
    assert done.returncode == 4, done.stdout
    assert f"{path} is missing or altered" in done.stderr
    assert "failed:" not in done.stdout


@pytest.mark.long
def test_a_check_in_a_damaged_lab_is_errored(lab: Lab, tmp_path: Path) -> None:
    folder = tmp_path / "lab"
    for name in ("systems", "snapshots"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).symlink_to(lab.folder / name)
    shutil.copytree(lab.folder / "images", folder / "images")
    shutil.copy2(lab.folder / "lab.json", folder)
    work = LearnerSources.of([f"%%kmod hello\n{TEXTS['is refused']}"])
    check = read_check('check("It loads.", loads("hello"))')
    with CheckRunner(load_lab(Settings(folder)), guests=1) as runner:
        assert evaluate(check, work, runner).status is Status.FAILED
        damage(runner.lab.disk, "a flipped bit and the old time")
        result = evaluate(check, work, runner)
    assert result.status is Status.ERRORED and result.points is None
    assert "modules.squashfs is missing or altered" in result.reason


def as_another_user(lab: Lab) -> tuple[str | Path, ...]:
    """A wrapper for a command, which a user runs who may read the lab, as /root/lab, and write nothing in it."""
    seen = (
        Path(sys.prefix),
        Path(sys.base_prefix),
        Path(__file__).parents[2],
    )  # may be in root's home, which is hidden
    binds = [word for path in seen for word in ("--ro-bind", path, path)]
    bwrap = ("bwrap", "--dev-bind", "/", "/", "--tmpfs", "/root", *binds, "--ro-bind", lab.folder, "/root/lab", "--")
    nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--") if os.geteuid() == 0 else ()
    return (*bwrap, *nobody)


def test_another_user_can_share_a_lab_and_doctor_says_so(lab: Lab) -> None:
    wrapper, folder = as_another_user(lab), Path("/root/lab")
    done = kmodlab(folder, "doctor", "--json", wrapper=wrapper)
    assert done.returncode == 0, done.stdout
    findings = {finding["name"]: finding for finding in json.loads(done.stdout)}
    assert findings["cache"]["state"] == "good" and "shared by" in findings["cache"]["finding"]
    assert findings["files"]["state"] == findings["guest"]["state"] == "good"
    done = kmodlab(folder, "setup", "--repair", wrapper=wrapper)
    assert done.returncode == 4 and "another user's" in done.stderr


@pytest.mark.long
def test_another_user_builds_and_loads_in_a_shared_lab(lab: Lab) -> None:
    wrapper, folder = as_another_user(lab), Path("/root/lab")
    assert kmodlab(folder, "setup", wrapper=wrapper).returncode == 0
    source = Path(str(files("kmodlab.data"))) / "hello.c"
    for verb in ("run", "faults"):
        done = kmodlab(folder, verb, source, wrapper=wrapper)
        assert done.returncode == 0, done.stderr


# ---- mended --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def own_lab(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the whole lab."""
    folder = tmp_path_factory.mktemp("whole") / "lab"
    claim_folder(folder)
    for name in ("debs", "systems", "images", "snapshots", "tracer", "dkms"):
        shutil.copytree(lab.folder / name, folder / name, symlinks=True)
    shutil.copy2(lab.folder / "lab.json", folder)
    assert kmodlab(folder, "setup", "--offline").returncode == 0
    yield folder
    shutil.rmtree(folder)


SYSTEM = [
    "kernel/usr/src/{common}/include/linux/module.h",
    "kernel/usr/src/linux-headers-{release}/Module.symvers",
    "kernel/usr/src/{kbuild}/scripts/mod/modpost",
    "kernel/lib/modules/{release}/modules.builtin",
    "manifest.json",
]
FILES = [
    *(f"debs/{name}" for name in ("kmod_*.deb", "linux-headers-*-common_*.deb", "packages.json")),
    *(f"systems/*/{name}" for name in SYSTEM),
    "systems/*/compiler-*/gcc*",
    "images/*/modules.squashfs",
    "images/*/initramfs.cpio",
    "images/*/seal.json",
    "snapshots/*/ram",
    "snapshots/*/state",
    "snapshots/*/snapshot.json",
    *("lab.json", "kvm.json", "tracer/*/kmodlab_tracer.ko", "CACHEDIR.TAG"),
]
# Every file with some kinds of damage, every kind with some files.
CASES = [
    *((file, KINDS[(number + 3 * turn) % len(KINDS)]) for turn in range(3) for number, file in enumerate(FILES)),
    *((name, kind) for name in ("debs", "systems", "images") for kind in ("deleted", "a FIFO instead")),
]


@pytest.mark.long
@pytest.mark.parametrize(("pattern", "kind"), CASES, ids=[f"{kind} {file}" for file, kind in CASES])
def test_damage_is_mended_and_nobody_is_blamed(own_lab: Path, tmp_path: Path, pattern: str, kind: str) -> None:
    whole = load_lab(Settings(own_lab))
    get_tracer(whole)
    (own_lab / "kvm.json").write_text('{"for": "another machine", "reason": "none"}')
    names = {path.name for path in whole.tree.sources.iterdir()}
    common = next(name for name in names if name.endswith("-common"))
    kbuild = next(name for name in names if name.startswith("linux-kbuild"))
    path = next(own_lab.glob(pattern.format(release=whole.tree.release, common=common, kbuild=kbuild)))
    damage(path, kind)
    source = tmp_path / "hello.c"
    for text, usual in zip(TEXTS.values(), (0, 1, 1), strict=True):
        source.write_text(text)
        done = kmodlab(own_lab, "run", source)
        assert done.returncode in (usual, 4), done.stdout
        assert "Traceback" not in done.stderr, done.stderr
    is_download = path.is_relative_to(own_lab / "debs")
    done = kmodlab(own_lab, "setup", *([] if is_download else ["--offline"]))
    assert done.returncode == 0, done.stderr
    mended = load_lab(Settings(own_lab))
    assert next(mended.find_damage(), None) is None
    assert load_packages(own_lab / "debs")
    source.write_text(HELLO)
    assert kmodlab(own_lab, "run", source).returncode == 0


@pytest.mark.long
def test_a_repair_makes_everything_anew_beside_the_lab(own_lab: Path) -> None:
    before = load_lab(Settings(own_lab))
    damage(before.disk, "a flipped bit and the old time")
    with pytest.raises(KmodlabError):
        before.verify()
    states = {checkup.name: checkup.state for checkup in examine(Settings(own_lab))}
    assert states["files"] is Health.MISSING
    done = kmodlab(own_lab, "setup", "--repair", "--offline")
    assert done.returncode == 0, done.stderr
    after = load_lab(Settings(own_lab))
    assert after.file.system == before.file.system and after.file.snapshots != before.file.snapshots
    assert not list(own_lab.glob("*/.new-*"))
