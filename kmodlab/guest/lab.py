"""The lab: everything that was set up, in one folder, described by one file.

    lab.json        what is in use; replaced in one step, so a reader sees the old lab or the new one
    debs/, apt/     downloads and apt's private index
    systems/ID/     unpacked packages: kernel/ (a KernelTree) and userland/
    images/ID/      initramfs.cpio and modules.squashfs
    snapshots/ID/   a saved guest, one for each accelerator
    setup.lock      held by who sets up

An ID is a digest of all that a stage was made from, so a stage is either there, whole and right, or made anew.
Making it is `setup`'s business; this module reads it.
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
from kmodlab.kernel.arch import Arch, host_arch
from kmodlab.kernel.tree import KernelTree
from kmodlab.settings import Settings

FORMAT = 3  # of lab.json; another number makes a set-up start over


@dataclass(frozen=True)
class LabFile:
    """What `lab.json` holds: names of stages, and what they depend on outside of the folder."""

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
        """The packages of the guest's userland, unpacked."""
        return self.folder / "systems" / self.file.system / "userland"

    @property
    def disk(self) -> Path:
        """The squashfs with the kernel's module tree."""
        return self.folder / "images" / self.file.image / "modules.squashfs"

    @property
    def initramfs(self) -> Path:
        """The userland, the agent and the boot modules."""
        return self.folder / "images" / self.file.image / "initramfs.cpio"

    @property
    def hardware(self) -> Hardware:
        """The machine that the snapshot was taken on."""
        return Hardware(self.arch, self.file.accel, self.file.qemu, self.disk)

    @property
    def reserved(self) -> frozenset[str]:
        """Names that no module of a learner's can have: those of what is built in, and what the guest stands on."""
        return _builtin(self.tree.modules) | frozenset(BOOT_MODULES)

    @property
    def snapshot(self) -> Snapshot:
        """The saved guest for the accelerator in use; SetupError where it is damaged."""
        return load_snapshot(self.folder / "snapshots" / self.file.snapshots[self.file.accel])

    def demote(self, reason: str) -> Lab:
        """The same lab without hardware acceleration, remembered so: what worked in set-up may fail later."""
        if self.file.accel == "tcg" or "tcg" not in self.file.snapshots:
            raise SetupError(f"Guests cannot be started: {reason}", hint="Run `kmodlab doctor`.")
        file = replace(self.file, accel="tcg", accel_reason=f"KVM failed in use: {reason}")
        write_lab_file(self.folder, file)
        return replace(self, file=file)


@lru_cache(maxsize=1)
def _builtin(modules: Path) -> frozenset[str]:
    return frozenset(name_of(path) for path in parse_paths((modules / "modules.builtin").read_bytes()))


def load_lab(settings: Settings) -> Lab:
    """The lab as it was set up last; SetupError with the way out where there is none or it does not fit any more."""
    file = read_lab_file(settings.cache_dir)
    if file is None:
        raise SetupError("There is no lab yet.", hint="Run `kmodlab setup` (a minute or two, once).")
    lab = Lab(settings.cache_dir, file)
    if not lab.disk.exists() or not lab.tree.headers.exists():
        raise SetupError("The lab is not whole: files are missing.", hint="Run `kmodlab setup`.")
    if qemu_fingerprint(settings, lab.arch)[1] != file.qemu_fingerprint:
        raise SetupError(
            "The lab's snapshot was made by another QEMU.", hint="Run `kmodlab setup`: it takes a new one in seconds."
        )
    return lab


def read_lab_file(folder: Path) -> LabFile | None:
    """The folder's `lab.json`; None where there is none that this version understands."""
    try:
        fields = json.loads((folder / "lab.json").read_text())
        file = LabFile(**fields)
    except PermissionError as exc:
        raise SetupError(f"The cache folder {folder} cannot be read.", hint="Set KMODLAB_CACHE_DIR.") from exc
    except (OSError, ValueError, TypeError):
        return None
    return file if file.format == FORMAT else None


def write_lab_file(folder: Path, file: LabFile) -> None:
    """Replace `lab.json` in one step."""
    partial = folder / "lab.json.part"
    partial.write_text(json.dumps(asdict(file), indent=1))
    partial.replace(folder / "lab.json")


def qemu_fingerprint(settings: Settings, arch: Arch) -> tuple[str, str]:
    """Path and identity of the QEMU in use. Another binary may lay out its state differently."""
    found = shutil.which(settings.qemu or arch.qemu)
    if found is None:
        raise SetupError(
            f"{settings.qemu or arch.qemu} is not installed.", hint=f"sudo apt-get install {arch.qemu_package}"
        )
    path = Path(found).resolve()
    stat = path.stat()
    return found, f"{path}:{stat.st_size}:{stat.st_mtime_ns}"
