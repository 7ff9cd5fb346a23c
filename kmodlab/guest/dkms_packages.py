"""Debian's DKMS, and the driver that it builds here: two small packages, fetched with the lab and unpacked beside it.

    dkms/packages.json, *.deb    the download
    dkms/tree/                   the packages, unpacked and sealed

They are no stage of the lab: without them, all but `%dkms` works.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

from kmodlab.errors import NotBuiltError, SetupError
from kmodlab.files import put_folder, remove, scratch_folder
from kmodlab.i18n import _
from kmodlab.kernel.arch import Arch
from kmodlab.kernel.packages import Progress, ask, download, load_packages, refresh, unpack
from kmodlab.manifest import find_damage, is_sealed, seal

FOLDER = "dkms"
_NAMES = ("dkms", "v4l2loopback-dkms")


def find_dkms(lab: Path) -> Path | None:
    """The unpacked packages in the lab's folder, if all their files are whole; they are all read."""
    tree = lab / FOLDER / "tree"
    return tree if is_sealed(tree) and find_damage(tree, thorough=True) is None else None


def load_dkms(lab: Path) -> Path:
    """The unpacked packages in the lab's folder. Raises: NotBuiltError."""
    tree = find_dkms(lab)
    if tree is None:
        raise NotBuiltError(
            _("Debian's packages dkms and v4l2loopback-dkms are missing from the lab, or damaged."),
            hint=_("Run `kmodlab setup` with a network: it fetches them, 0.1 MB."),
        )
    return tree


def add_dkms(
    lab: Path, arch: Arch, step: Callable[[str], None], progress: Progress, *, offline: bool, anew: bool
) -> None:
    """Fetch and unpack the packages, unless they are there and whole and are not to be made `anew`.

    The lab works without them, so a set-up goes on if they cannot be had. `step` is told what begins.
    """
    if find_dkms(lab) and not anew:
        return
    folder = lab / FOLDER
    try:
        if not offline:
            step(_("Downloading dkms, and a driver that it builds"))
            _download(folder, lab / "apt", arch, progress)
        chosen = load_packages(folder)
        with scratch_folder(folder) as scratch:
            unpack(chosen, folder, scratch, progress)
            seal(scratch)
            put_folder(scratch, folder / "tree")
    except SetupError:
        if not offline:
            step(_("dkms and v4l2loopback-dkms cannot be fetched; all but `%dkms` works without them"))


def _download(folder: Path, apt: Path, arch: Arch, progress: Progress) -> None:
    """Download the newest packages that apt knows; if that fails, the last download stays."""
    for is_fresh in (False, True):
        if is_fresh:  # apt's index is missing, or older than the packages
            refresh(apt, arch)
        chosen = [package for name in _NAMES if (package := ask(name, apt, arch))]
        if len(chosen) == len(_NAMES):
            with contextlib.suppress(SetupError):
                download(chosen, folder, apt, arch, progress)
                for stale in set(folder.glob("*.deb")) - {folder / package.file for package in chosen}:
                    remove(stale)
                return
