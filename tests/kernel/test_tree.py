"""The kernel's packages, unpacked: where everything is, and that it works from any folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from kmodlab.errors import SetupError
from kmodlab.kernel.tree import KernelTree, relocate

RELEASE = "6.1.0-56-amd64"
FLAVOUR, COMMON = "linux-headers-6.1.0-56-amd64", "linux-headers-6.1.0-56-common"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Files and links as Debian 12's packages have them."""
    kbuild = tmp_path / "usr/lib/linux-kbuild-6.1"
    for name in ("scripts", "tools"):
        (kbuild / name).mkdir(parents=True)
        (kbuild / name / "program").write_text(name)
    for folder in (FLAVOUR, COMMON):
        headers = tmp_path / "usr/src" / folder
        headers.mkdir(parents=True)
        for name in ("scripts", "tools"):
            (headers / name).symlink_to(f"../../lib/linux-kbuild-6.1/{name}")
    (tmp_path / "usr/src/linux-kbuild-6.1").symlink_to("../lib/linux-kbuild-6.1")
    (tmp_path / "usr/src" / FLAVOUR / "Makefile").write_text(f"include /usr/src/{COMMON}/Makefile\n")
    (tmp_path / "usr/src" / FLAVOUR / ".kernelvariables").write_text(
        "override ARCH = x86\nCCACHE = ccache\n"
        "CC = $(if $(DEBIAN_KERNEL_USE_CCACHE),$(CCACHE)) $(CROSS_COMPILE)gcc-12\nifneq (a,b)\nendif\n"
    )
    return tmp_path


def everything(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): f"-> {path.readlink()}" if path.is_symlink() else path.read_text()
        for path in sorted(root.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


def test_a_relocated_tree_refers_to_nothing_outside_usr_src(root: Path) -> None:
    relocate(root, RELEASE)
    source = root / "usr/src"
    for path in source.rglob("*"):
        if path.is_symlink():
            assert path.resolve().is_relative_to(source.resolve()), path
    assert (source / FLAVOUR / "scripts/program").read_text() == "scripts"
    assert "include /usr/src" not in (source / FLAVOUR / "Makefile").read_text()
    assert f"../{COMMON}/Makefile" in (source / FLAVOUR / "Makefile").read_text()


def test_kbuild_can_still_be_found_where_debian_has_it(root: Path) -> None:
    relocate(root, RELEASE)
    assert (root / "usr/lib/linux-kbuild-6.1/tools/program").read_text() == "tools"


def test_relocating_twice_changes_nothing(root: Path) -> None:
    relocate(root, RELEASE)
    before = everything(root)
    relocate(root, RELEASE)
    assert everything(root) == before


def test_relocating_goes_on_after_having_been_stopped(root: Path) -> None:
    # Stopped just after the renaming: neither link is there.
    (root / "usr/src/linux-kbuild-6.1").unlink()
    (root / "usr/lib/linux-kbuild-6.1").rename(root / "usr/src/linux-kbuild-6.1")
    tree = relocate(root, RELEASE)
    assert (tree.headers / "tools/program").exists()
    assert (root / "usr/lib/linux-kbuild-6.1").is_symlink()


def test_the_makefile_can_be_read_by_the_boxs_user(root: Path) -> None:
    (root / "usr/src" / FLAVOUR / "Makefile").chmod(0o600)
    tree = relocate(root, RELEASE)
    assert (tree.headers / "Makefile").stat().st_mode & 0o777 == 0o644


def test_a_missing_package_is_named(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.raises(SetupError, match=r"headers 6\.9\.0-amd64 are missing"):
        relocate(root, "6.9.0-amd64")
    with pytest.raises(SetupError, match="are missing"):
        relocate(tmp_path_factory.mktemp("empty"), RELEASE)
    (root / "usr/lib/linux-kbuild-6.1").rename(root / "elsewhere")
    with pytest.raises(SetupError, match="linux-kbuild package is missing"):
        relocate(root, RELEASE)


def test_the_compiler_is_the_one_that_built_the_kernel(root: Path) -> None:
    assert KernelTree(RELEASE, root).compiler == "gcc-12"
    variables = root / "usr/src" / FLAVOUR / ".kernelvariables"
    variables.write_text("CC = $(CROSS_COMPILE)gcc-14\n")
    assert KernelTree(RELEASE, root).compiler == "gcc-14"
    variables.write_text("CC = $(CROSS_COMPILE)gcc-14\noverride CROSS_COMPILE = x86_64-linux-gnu-\n")
    assert KernelTree(RELEASE, root).compiler == "x86_64-linux-gnu-gcc-14"
    assert KernelTree(RELEASE, root).compiler_package == "gcc-14"
    variables.unlink()
    with pytest.raises(SetupError, match="missing or damaged"):
        _ = KernelTree(RELEASE, root).compiler


def test_modules_are_found_on_both_sides_of_the_merge(root: Path) -> None:
    tree = KernelTree(RELEASE, root)
    assert tree.modules == root / f"lib/modules/{RELEASE}"
    (root / f"usr/lib/modules/{RELEASE}").mkdir(parents=True)
    assert tree.modules == root / f"usr/lib/modules/{RELEASE}"
    assert tree.vmlinuz.name == f"vmlinuz-{RELEASE}"
    assert tree.symvers == tree.headers / "Module.symvers"


def test_another_flavour_of_the_same_version_can_be_built_for(root: Path) -> None:
    cloud = "linux-headers-6.1.0-56-cloud-amd64"
    (root / "usr/src" / cloud).mkdir()
    tree = relocate_with_flavour(root, cloud)
    assert tree.flavour("cloud").headers.name == cloud
    assert f"../{COMMON}/Makefile" in (tree.flavour("cloud").headers / "Makefile").read_text()


def relocate_with_flavour(root: Path, folder: str) -> KernelTree:
    for name in ("scripts", "tools"):
        (root / "usr/src" / folder / name).symlink_to(f"../../lib/linux-kbuild-6.1/{name}")
    (root / "usr/src" / folder / "Makefile").write_text(f"include /usr/src/{COMMON}/Makefile\n")
    return relocate(root, RELEASE)


def test_a_flavour_that_is_not_there_is_refused_in_one_sentence(root: Path) -> None:
    with pytest.raises(SetupError, match="no headers of the kernel"):
        relocate(root, RELEASE).flavour("rt")
