"""The settings that a user can make; only this file reads environment variables.

KMODLAB_CACHE_DIR   the folder of the lab (default: the platform's cache folder for kmodlab)
KMODLAB_SUITE       Debian suite to take the kernel from (default: the suite that apt uses)
KMODLAB_ACCEL       auto, kvm or tcg: how guests are emulated
KMODLAB_SANDBOX     auto, or off to build and run guests without bubblewrap
KMODLAB_QEMU        the QEMU binary (default: found on PATH)
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import platformdirs

from kmodlab.errors import UsageError
from kmodlab.i18n import _


@dataclass(frozen=True)
class Settings:
    """The settings of this process; see the module's docstring for their meaning."""

    cache_dir: Path
    accel: str = "auto"
    sandbox: str = "auto"
    qemu: str | None = None


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Settings from an environment.

    Raises:
        UsageError: A value is not one of its choices.
    """
    cache_dir = Path(environ.get("KMODLAB_CACHE_DIR") or platformdirs.user_cache_dir("kmodlab"))
    return Settings(
        cache_dir=cache_dir.expanduser().absolute(),
        accel=_choice(environ, "KMODLAB_ACCEL", ("auto", "kvm", "tcg")),
        sandbox=_choice(environ, "KMODLAB_SANDBOX", ("auto", "off")),
        qemu=environ.get("KMODLAB_QEMU") or None,
    )


def _choice(environ: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str:
    value = environ.get(name) or choices[0]
    if value not in choices:
        sentence = _("{name} is {value!r}, and must be one of {choices}.")
        raise UsageError(sentence.format(name=name, value=value, choices=", ".join(choices)))
    return value


@cache
def get_settings() -> Settings:
    """The settings of this process, read once."""
    return read_settings(os.environ)


def own_environment() -> dict[str, str]:
    """This process's environment, unchanged, for a child whose output is in the user's language."""
    return dict(os.environ)


def environment_with(folder: Path) -> dict[str, str]:
    """This process's environment, for a child that looks for programs in `folder` first."""
    return {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}


def forget_impossible_width() -> None:
    """Remove COLUMNS from the environment if it is not a positive number: no text fits into 0 columns."""
    if not os.environ.get("COLUMNS", "80").strip("0").isdigit():
        del os.environ["COLUMNS"]


def find_own_programs() -> None:
    """Add the folder of this Python's programs to PATH, as an activated environment does."""
    own = str(Path(sys.executable).parent)
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    if own not in folders:
        os.environ["PATH"] = os.pathsep.join([own, *folders])


def is_run_by_nbgrader() -> bool:
    """Whether nbgrader runs this notebook, and reads the points below a check (nbgrader/converters/autograde.py)."""
    return "NBGRADER_EXECUTION" in os.environ


def notebook_name() -> str:
    """The file name of this ipykernel's notebook, from Jupyter's server; empty if unknown."""
    return Path(os.environ.get("JPY_SESSION_NAME", "")).name  # jupyter_server/services/sessions/sessionmanager.py


@contextlib.contextmanager
def variable_set(name: str, value: str) -> Iterator[None]:
    """A context in which the environment has one more variable."""
    os.environ[name] = value
    try:
        yield
    finally:
        del os.environ[name]
