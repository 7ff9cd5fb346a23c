"""`%dkms`: Debian's own DKMS builds Debian's own driver, and the guest loads it."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest
from cells import Run

from kmodlab.guest import dkms_packages
from kmodlab.guest.lab import Lab
from kmodlab.notebook.completion import magic_hooks
from kmodlab.notebook.state import NotebookState

LOAD = "modprobe videodev && insmod v4l2loopback.ko && ls /dev/video0 && cat /sys/class/video4linux/video0/name"


def test_the_driver_is_built_for_the_guest_which_gets_a_camera(lab: Lab, run: Run) -> None:
    release = re.escape(lab.tree.release)
    text = run("%dkms v4l2loopback").text
    assert re.search(rf"\$ dkms build v4l2loopback/[\d.]+ -k {release} ", text), text
    assert re.search(rf"^v4l2loopback/[\d.]+, {release}, \w+: built$", text, re.MULTILINE), text
    assert re.search(rf"✓ `v4l2loopback.ko` is built in \d+ s, for Linux {release}; the guest has it\.", text)
    text = run(f"%guest {LOAD}").text
    assert re.search(r"/dev/video0\nDummy video device", text)
    assert "v4l2loopback: loading out-of-tree module taints kernel." in text


@pytest.mark.either_debian
def test_the_driver_of_the_other_debian_is_built_by_its_dkms(lab: Lab, run: Run) -> None:
    test_the_driver_is_built_for_the_guest_which_gets_a_camera(lab, run)


def test_a_kernel_that_dkms_conf_excludes_gets_no_driver(run: Run) -> None:
    text = run("%dkms v4l2loopback --flavour cloud").text
    assert "BUILD_EXCLUSIVE" in text and "v4l2loopback.ko" not in text
    assert re.search(
        r"→ dkms builds nothing: dkms.conf says that `v4l2loopback/[\d.]+` is not for Linux .*-cloud-", text
    )


def test_dkms_conf_is_shown_and_an_unknown_driver_gets_a_sentence(run: Run) -> None:
    text = run("%dkms v4l2loopback --conf").text
    assert '\nBUILT_MODULE_NAME[0]="$PACKAGE_NAME"\n' in text and "$ dkms" not in text
    assert "no package for DKMS with a driver 'nvidia'" in str(run("%dkms nvidia").error)


def test_the_names_of_drivers_are_completed_and_the_options(lab: Lab) -> None:
    hook = magic_hooks(NotebookState())["%dkms"]
    assert hook(None, SimpleNamespace(symbol="v4")) == ["v4l2loopback"]
    assert "--conf" in hook(None, SimpleNamespace(symbol="--"))


def test_without_debians_packages_a_cell_says_what_fetches_them(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dkms_packages, "find_dkms", lambda _lab: None)
    cell = run("%dkms v4l2loopback")
    assert cell.error is None  # Run All goes on
    assert "dkms and v4l2loopback-dkms are missing from the lab" in cell.text and "→ Run `kmodlab setup`" in cell.text
