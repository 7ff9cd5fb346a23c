"""Kernels of our own: their configuration, their source, their names."""

from __future__ import annotations

import fnmatch
from pathlib import Path

import pytest

from kmodlab.errors import SetupError, UsageError
from kmodlab.kernel.arch import AMD64
from kmodlab.kernel.own import VARIANTS, fragment, get_variant, own_kernel, unmet_options, upstream_version
from kmodlab.kernel.source import left_out


@pytest.mark.parametrize(
    ("version", "upstream"), [("6.1.192-3", "6.1.192"), ("6.12.57-1~bpo12+1", "6.12.57"), ("7.0-1", "7.0.0")]
)
def test_the_kernels_version_is_in_that_of_the_package(version: str, upstream: str) -> None:
    assert upstream_version(version) == upstream


def test_a_version_that_is_none_is_refused() -> None:
    with pytest.raises(SetupError, match="no version"):
        upstream_version("trixie")


def test_only_variants_that_there_are_can_be_asked_for() -> None:
    with pytest.raises(UsageError, match="debian, small, debug"):
        get_variant("large")


def test_a_later_fragment_overrides_an_earlier_one() -> None:
    debug = fragment(VARIANTS["debug"])
    assert 'CONFIG_LOCALVERSION="-debug"' in debug and "-small" not in debug
    assert "CONFIG_KASAN=y" in debug and "CONFIG_VIRTIO_CONSOLE=y" in debug


def test_modules_have_debugging_information_although_the_kernel_has_none(tmp_path: Path) -> None:
    assert "DEBUG_INFO" not in fragment(VARIANTS["debug"])
    assert own_kernel(tmp_path, "6.1.192-3", "debug").module_variables == {"KCFLAGS": "-g"}


def test_an_option_that_kconfig_dropped_is_found_unless_not_all_kernels_have_it() -> None:
    wanted = "CONFIG_PCI=y\nCONFIG_KPROBES=y\nCONFIG_HID_SUPPORT=y\n"
    assert list(unmet_options(wanted, "CONFIG_PCI=y\n# CONFIG_KPROBES is not set\n")) == ["CONFIG_KPROBES=y"]


def test_an_option_that_is_not_wanted_may_be_missing_but_not_set() -> None:
    wanted = "CONFIG_MSDOS_PARTITION=n\nCONFIG_EFI_PARTITION=n\n"
    assert list(unmet_options(wanted, "CONFIG_EFI_PARTITION=y\n")) == ["CONFIG_EFI_PARTITION=n"]


@pytest.mark.parametrize(
    ("path", "is_left_out"),
    [
        ("linux-source-6.1/arch/x86/tools/relocs_32.c", False),
        ("linux-source-6.1/arch/x86/include/asm/io.h", False),
        ("linux-source-6.1/arch/xtensa/kernel/entry.S", True),
        ("linux-source-6.1/arch/arm64/kernel/setup.c", True),
        ("linux-source-6.1/arch/arm64/Kconfig", False),
        ("linux-source-6.1/arch/arm/crypto/Kconfig", False),
        ("linux-source-6.1/drivers/misc/Makefile", False),
        ("linux-source-6.1/drivers/net/wireless/ath/Kconfig", False),
        ("linux-source-6.1/drivers/net/wireless/ath/main.c", True),
        ("linux-source-6.1/drivers/net/dummy.c", False),
    ],
)
def test_of_what_no_guest_can_use_only_what_kconfig_reads_is_unpacked(path: str, is_left_out: bool) -> None:
    assert any(fnmatch.fnmatchcase(path, pattern) for pattern in left_out(AMD64)) == is_left_out
