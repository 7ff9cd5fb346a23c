"""Which packages make a lab, from what apt says."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from kmodlab.errors import SetupError
from kmodlab.guest.setup import find_release
from kmodlab.kernel.packages import Package, find_parts, load_packages, parse_packages, save_packages

HEADERS_12 = """\
Package: linux-headers-6.1.0-50-amd64
Architecture: amd64
Version: 6.1.176-1
Depends: linux-headers-6.1.0-50-common (= 6.1.176-1), linux-kbuild-6.1 (>= 6.1.176-1), linux-compiler-gcc-12-x86
Size: 1
SHA256: 00

"""
KMOD_13 = """\
Package: kmod
Architecture: amd64
Version: 34.2-2
Depends: libc6 (>= 2.38), liblzma5 (>= 5.6.0), libssl3t64 (>= 3.0.0), libzstd1 (>= 1.5.5), libkmod2 (= 34.2-2)
Size: 1
SHA256: 00

"""


def package(name: str, data: bytes = b"deb") -> Package:
    return Package(name, "1", f"{name}_1_amd64.deb", len(data), hashlib.sha256(data).hexdigest())


def test_headers_bring_their_common_half_and_kbuild_but_no_compiler() -> None:
    (headers,) = parse_packages(HEADERS_12)
    assert find_parts(headers) == ["linux-headers-6.1.0-50-common", "linux-kbuild-6.1"]


def test_kmod_brings_its_libraries_under_the_names_of_either_release() -> None:
    (kmod,) = parse_packages(KMOD_13)
    assert find_parts(kmod) == ["libc6", "liblzma5", "libssl3t64", "libzstd1", "libkmod2"]


def test_of_several_versions_the_first_is_taken_that_can_be_fetched() -> None:
    installed = KMOD_13.replace("Version: 34.2-2", "Version: 35.0-1").replace("Size: 1\nSHA256: 00\n", "")
    older = KMOD_13.replace("Version: 34.2-2", "Version: 34.2-1")
    (kmod,) = parse_packages(installed + KMOD_13 + older)
    assert kmod["Version"] == "34.2-2"


def test_the_release_comes_from_the_images_name() -> None:
    headers = ("linux-headers-6.12.57+deb13-cloud-amd64", "linux-headers-6.12.57+deb13-amd64")
    names = (*headers, "linux-image-6.12.57+deb13-amd64", "kmod")
    assert find_release(tuple(package(name) for name in names)) == "6.12.57+deb13-amd64"


def test_a_saved_download_is_loaded_again(tmp_path: Path) -> None:
    chosen = (package("kmod"), package("busybox-static"))
    for saved in chosen:
        (tmp_path / saved.file).write_bytes(b"deb")
    save_packages(chosen, tmp_path)
    assert load_packages(tmp_path) == chosen


@pytest.mark.parametrize("damage", [b"", b"dxb", b"deb and more"])
def test_a_damaged_download_is_not_used_offline(tmp_path: Path, damage: bytes) -> None:
    save_packages([package("kmod")], tmp_path)
    (tmp_path / "kmod_1_amd64.deb").write_bytes(damage)
    with pytest.raises(SetupError, match="no complete download"):
        load_packages(tmp_path)


def test_offline_without_a_download_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SetupError) as caught:
        load_packages(tmp_path)
    assert "network" in caught.value.hint
