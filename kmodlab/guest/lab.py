"""The lab: everything that the set-up makes, in one folder, described by one file.

    lab.json        what is in use; replaced in one step, so a reader sees the old lab or the new one
    debs/, apt/     downloads and apt's private index
    systems/ID/     unpacked packages: kernel/ (a KernelTree) and userland/
    images/ID/      initramfs.cpio and modules.squashfs
    snapshots/ID/   a saved guest, one for each accelerator
    setup.lock      locked during a set-up

An ID is a digest of all that a stage is made from, so a stage that exists is complete and current. `setup` makes the
lab; this module reads it.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from kmodlab.elf.database_text import name_of, parse_paths
from kmodlab.errors import SetupError
from kmodlab.guest.image import BOOT_MODULES
from kmodlab.guest.machine import Hardware
from kmodlab.guest.snapshot import Snapshot, load_snapshot
from kmodlab.i18n import _
from kmodlab.kernel.arch import Arch, host_arch
from kmodlab.kernel.tree import KernelTree
from kmodlab.settings import Settings

FORMAT = 3  # of lab.json; a new number makes the next set-up start over


@dataclass(frozen=True)
class LabFile:
    """The contents of `lab.json`: names of stages, and what they depend on outside of the folder."""

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
    def disk(self) -> Path:
        """The squashfs with the kernel's module tree."""
        return self.folder / "images" / self.file.image / "modules.squashfs"

    @property
    def initramfs(self) -> Path:
        """The file with the guest's programs, the agent and the boot modules."""
        return self.folder / "images" / self.file.image / "initramfs.cpio"

    @property
    def hardware(self) -> Hardware:
        """The virtual machine that the snapshot was taken of."""
        return Hardware(self.arch, self.file.accel, self.file.qemu, self.disk)

    @property
    def reserved(self) -> frozenset[str]:
        """Names that a learner's module cannot have: those of builtin modules and of modules that the guest needs."""
        return _builtin(self.tree.modules) | frozenset(BOOT_MODULES)

    @property
    def snapshot(self) -> Snapshot:
        """The saved guest for the accelerator in use. Raises: SetupError if it is damaged."""
        return load_snapshot(self.folder / "snapshots" / self.file.snapshots[self.file.accel])

    def demote(self, reason: str) -> Lab:
        """The lab without KVM, which may fail after the set-up; written to `lab.json`. Raises: SetupError."""
        if self.file.accel == "tcg" or "tcg" not in self.file.snapshots:
            raise SetupError(
                _("Guests cannot be started: {reason}").format(reason=reason), hint=_("Run `kmodlab doctor`.")
            )
        file = replace(self.file, accel="tcg", accel_reason=_("KVM failed in use: {reason}").format(reason=reason))
        write_lab_file(self.folder, file)
        return replace(self, file=file)


@lru_cache(maxsize=1)
def _builtin(modules: Path) -> frozenset[str]:
    return frozenset(name_of(path) for path in parse_paths((modules / "modules.builtin").read_bytes()))


def load_lab(settings: Settings) -> Lab:
    """The lab of the last set-up. Raises: SetupError if there is no lab that can be used."""
    file = read_lab_file(settings.cache_dir)
    if file is None:
        raise SetupError(_("There is no lab yet."), hint=_("Run `kmodlab setup` (a minute or two, once)."))
    lab = Lab(settings.cache_dir, file)
    if not lab.disk.exists() or not lab.tree.headers.exists():
        raise SetupError(_("The lab is not whole: files are missing."), hint=_("Run `kmodlab setup`."))
    if qemu_fingerprint(settings, lab.arch)[1] != file.qemu_fingerprint:
        raise SetupError(
            _("The lab's snapshot was made by another QEMU."),
            hint=_("Run `kmodlab setup`: it takes a new one in seconds."),
        )
    return lab


def read_lab_file(folder: Path) -> LabFile | None:
    """The folder's `lab.json`; None if it is missing, damaged or of another version. Raises: SetupError."""
    try:
        fields = json.loads((folder / "lab.json").read_text())
        file = LabFile(**fields)
    except PermissionError as exc:
        raise SetupError(
            _("The cache folder {folder} cannot be read.").format(folder=folder), hint=_("Set KMODLAB_CACHE_DIR.")
        ) from exc
    except (OSError, ValueError, TypeError):
        return None
    return file if file.format == FORMAT else None


def write_lab_file(folder: Path, file: LabFile) -> None:
    """Replace `lab.json` in one step."""
    partial = folder / "lab.json.part"
    partial.write_text(json.dumps(asdict(file), indent=1))
    partial.replace(folder / "lab.json")


def qemu_fingerprint(settings: Settings, arch: Arch) -> tuple[str, str]:
    """Path and identity of the QEMU in use: another binary may store a snapshot's state in another way.

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
