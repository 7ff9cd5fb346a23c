"""`dkms build` in the sandbox: what a dkms.conf can do there, and a driver that does not build."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from kmodlab.errors import UsageError
from kmodlab.guest.dkms_packages import load_dkms
from kmodlab.guest.lab import Lab
from kmodlab.kbuild.dkms import DkmsBuild, build_with_dkms, find_driver, find_drivers
from kmodlab.sandbox.sandbox import check_sandbox

NAME = "v4l2loopback"
# It writes wherever a build of ours might have left a door open, and then says that it is for no kernel.
EVIL_CONF = """
for folder in "$source_tree" "$source_tree/{package}" "$kernel_source_dir" {outside} /usr/src /etc/dkms; do
    touch "$folder/planted" && echo "PLANTED in $folder" >&2
done
ls {outside} >&2
BUILD_EXCLUSIVE_KERNEL=none
"""


@pytest.fixture
def packages(lab: Lab, tmp_path: Path) -> Path:
    """A copy of Debian's packages, which a test may change."""
    return Path(shutil.copytree(load_dkms(lab.folder), tmp_path / "packages"))


def build(lab: Lab, packages: Path) -> DkmsBuild:
    return build_with_dkms(packages, find_driver(packages, NAME), lab.tree)


def test_what_a_dkms_conf_runs_reaches_nothing_outside_of_the_sandbox(lab: Lab, packages: Path, tmp_path: Path) -> None:
    driver = find_driver(packages, NAME)
    (tmp_path / "secret").write_text("")
    conf = driver.folder / "dkms.conf"
    conf.write_text(conf.read_text() + EVIL_CONF.format(package=driver.folder.name, outside=tmp_path))
    before = sorted(tmp_path.rglob("*"))
    result = build(lab, packages)
    assert result.is_excluded and not result.modules
    assert "Read-only file system" in result.transcript and "PLANTED" not in result.transcript
    assert "secret" not in result.transcript
    assert sorted(tmp_path.rglob("*")) == before
    assert not list(lab.tree.sources.glob("**/planted"))


@pytest.mark.long
def test_a_driver_that_does_not_compile_has_makes_messages(lab: Lab, packages: Path) -> None:
    source = find_driver(packages, NAME).folder / f"{NAME}.c"
    source.write_text(f"{source.read_text()}\nint broken = nothing;\n")
    result = build(lab, packages)
    assert result.status and not result.is_excluded and not result.modules
    assert "undeclared" in result.log and "Bad return status for module build" in result.transcript


@pytest.mark.long
def test_a_driver_is_built_without_bubblewrap_too(lab: Lab, packages: Path) -> None:
    result = build_with_dkms(packages, find_driver(packages, NAME), lab.tree, sandbox=check_sandbox("off"))
    assert list(result.modules) == [f"{NAME}.ko"], result.transcript


def test_only_a_driver_whose_package_is_there_can_be_built(packages: Path) -> None:
    assert list(find_drivers(packages)) == [NAME]
    with pytest.raises(UsageError, match="no package for DKMS with a driver 'nvidia'"):
        find_driver(packages, "nvidia")
