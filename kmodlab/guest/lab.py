"""The lab: everything that the set-up makes, in one folder, described by one file.

    lab.json        what is in use; replaced in one step, so a reader sees the old lab or the new one
    debs/, apt/     downloads and apt's private index
    systems/ID/     unpacked packages: kernel/ (a KernelTree) and userland/
    images/ID/      initramfs.cpio and modules.squashfs
    snapshots/ID/   a saved guest, one for each accelerator
    tracer/ID/      the tracer's module
    dkms/           Debian's DKMS and a driver for it (`dkms_packages`)
    kvm.json        why KVM does not work on this machine
    setup.lock      locked during a set-up

An ID is a digest of a stage's contents. Each stage has a manifest (`kmodlab.manifest`), which lists its inputs and its
files. `setup` makes the lab; this module reads it, and checks a few files of each stage. All files are checked before a
learner is blamed. A lab can be used without write access, so several users can share it.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from kmodlab.elf.database_text import name_of, parse_paths
from kmodlab.errors import DamagedLabError, SetupError
from kmodlab.files import read_file, replace_text
from kmodlab.guest.image import BOOT_MODULES
from kmodlab.guest.machine import Hardware
from kmodlab.guest.snapshot import Snapshot, load_snapshot
from kmodlab.i18n import _
from kmodlab.kernel.arch import Arch, host_arch
from kmodlab.kernel.tree import KernelTree
from kmodlab.manifest import find_damage, verify
from kmodlab.settings import Settings

FORMAT = 3  # of lab.json; a new number makes the next set-up start over


@dataclass(frozen=True)
class LabFile:
    """The contents of `lab.json`: the names of the stages, and their inputs from outside of the folder."""

    format: int
    release: str
    version: str
    system: str
    image: str
    snapshots: dict[str, str]  # accelerator -> name of the stage
    accel: str
    accel_reason: str
    qemu: str
    qemu_fingerprint: str

    def __post_init__(self) -> None:
        texts = (self.release, self.version, self.system, self.image, self.accel, *self.snapshots.values())
        if not all(isinstance(text, str) and text for text in texts) or self.accel not in self.snapshots:
            raise ValueError("lab.json")


@dataclass(frozen=True)
class Lab:
    """A lab that is ready for use."""

    folder: Path
    file: LabFile
    arch: Arch = field(default_factory=host_arch)

    @property
    def tree(self) -> KernelTree:
        """The kernel's headers, image and modules."""
        return KernelTree(self.file.release, self.folder / "systems" / self.file.system / "kernel")

    @property
    def userland(self) -> Path:
        """The folder with the guest's unpacked packages."""
        return self.folder / "systems" / self.file.system / "userland"

    @property
    def stage_folder(self) -> Path:
        """The folder with the folders images and snapshots."""
        return self.folder

    @property
    def disk(self) -> Path:
        """The squashfs with the kernel's module tree."""
        return self.stage_folder / "images" / self.file.image / "modules.squashfs"

    @property
    def initramfs(self) -> Path:
        """The file with the guest's programs, the agent and the boot modules."""
        return self.stage_folder / "images" / self.file.image / "initramfs.cpio"

    @property
    def hardware(self) -> Hardware:
        """The virtual machine that the snapshot was taken of."""
        return Hardware(self.arch, self.file.accel, self.file.qemu, self.disk)

    @property
    def reserved(self) -> frozenset[str]:
        """Names that a learner's module cannot have: those of built-in modules and of modules that the guest needs."""
        return _builtin(self.tree.modules) | frozenset(BOOT_MODULES)

    @property
    def snapshot(self) -> Snapshot:
        """The saved guest for the accelerator in use. Raises: SetupError if it is damaged."""
        return load_snapshot(self.stage_folder / "snapshots" / self.file.snapshots[self.file.accel])

    @property
    def finds_leaks(self) -> bool:
        """Whether its kernel has kmemleak."""
        return False

    @property
    def stages(self) -> tuple[Path, ...]:
        """The folders of the lab's system, image and snapshots."""
        snapshots = (self.stage_folder / "snapshots" / name for name in self.file.snapshots.values())
        return (self.folder / "systems" / self.file.system, self.stage_folder / "images" / self.file.image, *snapshots)

    def verify(self) -> None:
        """Check headers, image and snapshots, before a failure is called a learner's fault. Raises: DamagedLabError."""
        self.tree.verify()
        for stage in self.stages[1:]:
            verify(stage)

    def find_damage(self) -> Iterator[Path]:
        """Read all files of all stages, and yield the first missing or altered file of each stage."""
        for stage in self.stages:
            damaged = find_damage(stage, thorough=True)
            if damaged:
                yield stage / damaged

    def demote(self, reason: str) -> Lab:
        """The lab without KVM, which failed for `reason`; recorded in `lab.json` if possible. Raises: SetupError."""
        if self.file.accel == "tcg" or "tcg" not in self.file.snapshots:
            raise SetupError(
                _("Guests cannot be started: {reason}").format(reason=reason), hint=_("Run `kmodlab doctor`.")
            )
        file = replace(self.file, accel="tcg", accel_reason=_("KVM failed in use: {reason}").format(reason=reason))
        with contextlib.suppress(OSError):
            self._write(file)
        return replace(self, file=file)

    def _write(self, file: LabFile) -> None:
        write_lab_file(self.folder, file)


@lru_cache(maxsize=4)
def _builtin(modules: Path) -> frozenset[str]:
    return frozenset(name_of(path) for path in parse_paths((modules / "modules.builtin").read_bytes()))


def load_lab(settings: Settings) -> Lab:
    """The lab of the last set-up, as this user can use it. Raises: SetupError if it is missing or damaged."""
    file = read_lab_file(settings.cache_dir)
    if file is None:
        raise SetupError(_("There is no lab yet."), hint=_("Run `kmodlab setup` (a minute or two, once)."))
    lab = Lab(settings.cache_dir, file)
    if not os.path.lexists(lab.disk) or not os.path.lexists(lab.tree.headers):
        raise DamagedLabError(lab.folder, _("The lab is incomplete: files are missing."))
    for stage in lab.stages:
        verify(stage, quick=True)
    if qemu_fingerprint(settings, lab.arch) != (file.qemu, file.qemu_fingerprint):
        raise SetupError(
            _("The lab's snapshot was made by another QEMU."),
            hint=_("Run `kmodlab setup`: it takes a new one in seconds."),
        )
    return replace(lab, file=for_this_user(file, settings))


def for_this_user(file: LabFile, settings: Settings) -> LabFile:
    """The lab's file; without KVM if this user of a shared lab may not use KVM, or has turned it off."""
    if file.accel == "tcg" or "tcg" not in file.snapshots:
        return file
    if settings.accel == "tcg":
        return replace(file, accel="tcg", accel_reason=_("KMODLAB_ACCEL is set to tcg"))
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return replace(file, accel="tcg", accel_reason=_("you may not open /dev/kvm (are you in the group kvm?)"))
    return file


def read_lab_file(folder: Path, name: str = "lab.json") -> LabFile | None:
    """The folder's `lab.json`; None if it is missing, damaged or of another version. Raises: SetupError."""
    try:
        fields = json.loads(read_file(folder / name))
        file = LabFile(**fields)
    except PermissionError as exc:
        raise SetupError(
            _("The cache folder {folder} cannot be read.").format(folder=folder), hint=_("Set KMODLAB_CACHE_DIR.")
        ) from exc
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return None
    return file if file.format == FORMAT else None


def write_lab_file(folder: Path, file: LabFile, name: str = "lab.json") -> None:
    """Replace `lab.json` in one step."""
    replace_text(folder / name, json.dumps(asdict(file), indent=1), mode=0o644)


def qemu_fingerprint(settings: Settings, arch: Arch) -> tuple[str, str]:
    """Path and identity of the QEMU in use. The identity matters because another QEMU may not resume a snapshot.

    Raises: SetupError if it is not installed.
    """
    name = settings.qemu or arch.qemu
    binary = shutil.which(name)
    if binary is None:
        raise SetupError(
            _("{name} is not installed.").format(name=name), hint=f"sudo apt-get install {arch.qemu_package}"
        )
    path = Path(binary).resolve()
    stat = path.stat()
    return binary, f"{path}:{stat.st_size}:{stat.st_mtime_ns}"
