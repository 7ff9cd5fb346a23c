"""Settings from the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from kmodlab.errors import UsageError
from kmodlab.settings import read_settings


def test_an_empty_environment_has_defaults() -> None:
    settings = read_settings({})
    assert settings.accel == "auto"
    assert settings.sandbox == "auto"
    assert settings.cache_dir.is_absolute()


def test_variables_are_read() -> None:
    settings = read_settings({"KMODLAB_CACHE_DIR": "/somewhere", "KMODLAB_ACCEL": "tcg", "KMODLAB_QEMU": "/q"})
    assert (settings.cache_dir, settings.accel, settings.qemu) == (Path("/somewhere"), "tcg", "/q")


def test_a_wrong_value_is_refused_in_one_sentence() -> None:
    with pytest.raises(UsageError, match="KMODLAB_ACCEL is 'fast', and must be one of auto, kvm, tcg"):
        read_settings({"KMODLAB_ACCEL": "fast"})
