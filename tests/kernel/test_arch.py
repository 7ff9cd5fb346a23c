"""The table of architectures, and which row this machine takes."""

from __future__ import annotations

import os

import pytest

from kmodlab.errors import SetupError
from kmodlab.kernel.arch import ARCHES, Arch, host_arch


def uname(machine: str) -> os.uname_result:
    return os.uname_result(("Linux", "host", "6.1.0", "#1", machine))


@pytest.mark.parametrize("arch", ARCHES, ids=lambda arch: arch.name)
def test_a_machine_takes_the_row_of_its_architecture(arch: Arch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "uname", lambda: uname(arch.uname))
    assert host_arch() is arch


def test_a_machine_without_a_row_is_refused_with_the_choices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "uname", lambda: uname("s390x"))
    with pytest.raises(SetupError, match=r"kmodlab does not run on s390x\.") as caught:
        host_arch()
    assert caught.value.hint == "Use one of these: x86_64."
