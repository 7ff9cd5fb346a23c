"""Sets up the lab: packages, image, snapshot.

Each stage is written to a temporary folder, which is renamed when it is complete, and `lab.json` is replaced last. So a
set-up that is killed leaves the old lab or the new one, and the next set-up continues after the last complete stage.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from filelock import FileLock, Timeout

from kmodlab.errors import SetupError
from kmodlab.files import PARTIAL, new_folder
from kmodlab.guest.image import build_image, source_text
from kmodlab.guest.kvm import KVM_BOOT_S, check_kvm
from kmodlab.guest.lab import FORMAT, Lab, LabFile, load_lab, qemu_fingerprint, read_lab_file, write_lab_file
from kmodlab.guest.machine import Hardware
from kmodlab.guest.qemu import Descriptors, qemu_argv
from kmodlab.guest.requirements import check_build_tools, check_commands
from kmodlab.guest.snapshot import take_snapshot
from kmodlab.i18n import _
from kmodlab.kbuild.cc_record import record_probes
from kmodlab.kernel import packages
from kmodlab.kernel.arch import Arch, host_arch
from kmodlab.kernel.packages import Package
from kmodlab.kernel.tree import KernelTree, relocate
from kmodlab.process import Deadline, run_sync
from kmodlab.settings import Settings

NEEDED_MIB = 1200  # free disk space for a first set-up
BOOT_S = 120.0  # under emulation, on a slow machine
LOCK_WAIT_S = 3600.0
_TAG = "Signature: 8a477f597d28d172789f06886806bc55\n# kmodlab's cache (https://bford.info/cachedir/)\n"


class Reporter(Protocol):
    """Shows what a set-up does."""

    def step(self, text: str) -> None:
        """A new step begins."""

    def progress(self, done: int, total: int) -> None:
        """`done` of the step's `total` bytes are processed."""


def set_up(
    settings: Settings, reporter: Reporter, *, offline: bool = False, upgrade: bool = False, repair: bool = False
) -> Lab:
    """Set up the lab, unless a lab that can be used exists; returns it.

    `offline` uses the last download; `upgrade` looks for newer packages even if there is a lab; `repair` makes
    everything but the download again. Raises: SetupError.
    """
    folder = settings.cache_dir
    claim_folder(folder)
    with _locked(folder, reporter), _disk_errors(folder):
        lab = None if upgrade or repair else _find_lab(settings)
        if lab is None:
            if repair:
                _forget(folder)
            lab = _Setup(settings, reporter, offline).run()
        record_probes(lab.tree)
        return lab


def _forget(folder: Path) -> None:
    (folder / "lab.json").unlink(missing_ok=True)  # first, so that a half-removed lab is never used
    for stages in ("snapshots", "images", "systems"):
        shutil.rmtree(folder / stages, ignore_errors=True)
    (folder / "kvm.json").unlink(missing_ok=True)


def _find_lab(settings: Settings) -> Lab | None:
    try:
        lab = load_lab(settings)
        lab.snapshot  # noqa: B018 (checked, not used)
    except SetupError:
        return None
    is_current = lab.file.image == _image_id(lab.arch, lab.file.system) and settings.accel in ("auto", lab.file.accel)
    snapshot = _snapshot_id(lab.file.image, lab.hardware, lab.file.qemu_fingerprint)
    return lab if is_current and lab.file.snapshots.get(lab.file.accel) == snapshot else None


def claim_folder(folder: Path) -> None:
    """Create the cache folder, or check that an existing folder is kmodlab's and writable. Raises: SetupError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tag = folder / "CACHEDIR.TAG"
        if not tag.exists():
            if any(folder.iterdir()):
                raise SetupError(
                    _("The folder {folder} holds files that are not kmodlab's.").format(folder=folder),
                    hint=_("Set KMODLAB_CACHE_DIR to a new or empty folder."),
                )
            tag.write_text(_TAG)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, _("not writable"))
    except OSError as exc:
        if exc.errno == errno.ENOSPC:
            raise _disk_full_error(folder) from exc
        reason = (exc.strerror or str(exc)).lower()
        raise SetupError(
            _("The cache folder {folder} cannot be used: {reason}.").format(folder=folder, reason=reason),
            hint=_("Set KMODLAB_CACHE_DIR to a folder that you may write to."),
        ) from exc
    if "kmodlab" not in tag.read_text(errors="replace"):
        raise SetupError(
            _("The folder {folder} is another program's cache.").format(folder=folder),
            hint=_("Set KMODLAB_CACHE_DIR."),
        )


def _disk_full_error(folder: Path, details: str = "") -> SetupError:
    return SetupError(
        _("The disk with {folder} is full.").format(folder=folder),
        hint=_("Free {size} MiB.").format(size=NEEDED_MIB),
        details=details,
    )


def clean(settings: Settings) -> int:
    """Remove the lab and all downloads; returns the number of bytes freed. Raises: SetupError."""
    folder = settings.cache_dir
    if not folder.exists():
        return 0
    claim_folder(folder)
    lock = FileLock(folder / "setup.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise SetupError(_("A set-up is at work in the folder."), hint=_("Wait until it is done.")) from None
    with lock:
        freed = sum(path.lstat().st_blocks * 512 for path in folder.rglob("*") if not path.is_dir())
        (folder / "lab.json").unlink(missing_ok=True)  # first, so that a half-removed lab is never used
        shutil.rmtree(folder)
    return freed


@contextlib.contextmanager
def _locked(folder: Path, reporter: Reporter) -> Iterator[None]:
    lock = FileLock(folder / "setup.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        reporter.step(_("Another set-up is at work: waiting for it"))
        lock.acquire(timeout=LOCK_WAIT_S)
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def _disk_errors(folder: Path) -> Iterator[None]:
    """Report a full disk, and other errors of the file system, as SetupError."""
    try:
        yield
    except OSError as exc:
        if exc.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise SetupError(_("The lab could not be written: {error}.").format(error=exc)) from exc
        again = _("Free {size} MiB and run `kmodlab setup` again: it goes on where it stopped.")
        raise SetupError(
            _("The disk with {folder} is full.").format(folder=folder), hint=again.format(size=NEEDED_MIB)
        ) from exc
    except SetupError as exc:
        if "No space left" in exc.details:
            raise _disk_full_error(folder, exc.details) from exc
        raise


# ---- stages --------------------------------------------------------------------------------------------------------


def _digest(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()[:16]


def _image_id(arch: Arch, system: str) -> str:
    return _digest(FORMAT, system, source_text(arch))


def _snapshot_id(image_id: str, hardware: Hardware, fingerprint: str) -> str:
    boot = qemu_argv(hardware.arch, hardware.accel, "qemu", Descriptors(1, 2, 3, 4, 5, 6))
    return _digest(FORMAT, image_id, hardware.accel, fingerprint, boot)


def make_stage(stage: Path, make: Callable[[Path], None]) -> Path:
    """The folder `stage`; if missing, `make` fills a temporary folder, which is then renamed."""
    if not stage.exists():
        with new_folder(stage) as partial:
            make(partial)
    return stage


@dataclass
class _Setup:
    """One set-up, while it holds the lock."""

    settings: Settings
    reporter: Reporter
    offline: bool
    arch: Arch = field(default_factory=host_arch)

    @property
    def folder(self) -> Path:
        return self.settings.cache_dir

    def run(self) -> Lab:
        self._remove_leftovers()
        check_commands(self.settings, self.arch)
        self._check_space()
        chosen = self._download()
        system = make_stage(self.folder / "systems" / _digest(FORMAT, *chosen), lambda into: self._unpack(chosen, into))
        release = find_release(chosen)
        tree = KernelTree(release, system / "kernel")
        check_build_tools(tree)
        image_id = _image_id(self.arch, system.name)
        image = make_stage(self.folder / "images" / image_id, lambda into: self._build_image(tree, system, into))
        file = self._take_snapshots(tree, image, system.name, _version(chosen))
        write_lab_file(self.folder, file)
        self._remove_unused(file)
        return Lab(self.folder, file)

    def _check_space(self) -> None:
        free = shutil.disk_usage(self.folder).free >> 20
        if read_lab_file(self.folder) is None and not (self.folder / "systems").exists() and free < NEEDED_MIB:
            message = _("The lab needs {needed} MiB of disk space, and {folder} has {free} MiB left.")
            raise SetupError(
                message.format(needed=NEEDED_MIB, folder=self.folder, free=free),
                hint=_("Free some, or set KMODLAB_CACHE_DIR to a larger disk."),
            )

    def _download(self) -> tuple[Package, ...]:
        debs, apt = self.folder / "debs", self.folder / "apt"
        if self.offline:
            return packages.load_packages(debs)
        self.reporter.step(_("Asking Debian's archive for the newest kernel"))
        chosen = packages.resolve(apt, self.arch)
        self.reporter.step(_("Downloading the kernel and the guest's tools"))
        packages.download(chosen, debs, apt, self.arch, self.reporter.progress)
        for stale in set(debs.glob("*.deb")) - {debs / package.file for package in chosen}:
            stale.unlink()
        return chosen

    def _unpack(self, chosen: tuple[Package, ...], into: Path) -> None:
        self.reporter.step(_("Unpacking"))
        kernel = tuple(package for package in chosen if package.name.startswith("linux-"))
        tools = tuple(package for package in chosen if package not in kernel)
        total = sum(package.size for package in chosen)
        base = sum(package.size for package in tools)
        progress = self.reporter.progress
        packages.unpack(tools, self.folder / "debs", into / "userland", lambda done, _total: progress(done, total))
        packages.unpack(
            kernel, self.folder / "debs", into / "kernel", lambda done, _total: progress(base + done, total)
        )
        relocate(into / "kernel", find_release(chosen))

    def _build_image(self, tree: KernelTree, system: Path, into: Path) -> None:
        self.reporter.step(_("Building the guest's image"))
        build_image(self.arch, tree, system / "userland", into)

    # ---- accelerator and snapshots ----

    def _take_snapshots(self, tree: KernelTree, image: Path, system: str, version: str) -> LabFile:
        qemu, fingerprint = qemu_fingerprint(self.settings, self.arch)
        hardware = {accel: Hardware(self.arch, accel, qemu, image / "modules.squashfs") for accel in ("kvm", "tcg")}
        obstacle = check_kvm(
            self.settings,
            fingerprint,
            hardware["kvm"],
            lambda: self._take_snapshot(tree, image, hardware["kvm"], fingerprint, KVM_BOOT_S),
        )
        if obstacle and self.settings.accel == "kvm":
            raise SetupError(
                _("KVM cannot be used: {reason}.").format(reason=obstacle),
                hint=_("Unset KMODLAB_ACCEL: emulation works everywhere."),
            )
        self._take_snapshot(tree, image, hardware["tcg"], fingerprint, BOOT_S)
        accels = ("tcg",) if obstacle else ("kvm", "tcg")
        return LabFile(
            format=FORMAT,
            release=tree.release,
            version=version,
            system=system,
            image=image.name,
            snapshots={accel: _snapshot_id(image.name, hardware[accel], fingerprint) for accel in accels},
            accel=accels[0],
            accel_reason=obstacle or _("KVM boots the guest"),
            qemu=qemu,
            qemu_fingerprint=fingerprint,
        )

    def _take_snapshot(
        self, tree: KernelTree, image: Path, hardware: Hardware, fingerprint: str, boot_s: float
    ) -> Path:
        def take(into: Path) -> None:
            if hardware.accel == "kvm":
                self.reporter.step(_("Booting the guest once, with KVM, and taking its snapshot"))
            else:
                self.reporter.step(_("Booting the guest once, emulated, and taking its snapshot"))
            deadline = Deadline.after(boot_s)
            run_sync(take_snapshot(hardware, tree.vmlinuz, image / "initramfs.cpio", into, deadline))

        return make_stage(self.folder / "snapshots" / _snapshot_id(image.name, hardware, fingerprint), take)

    # ---- tidying ----

    def _remove_leftovers(self) -> None:
        for partial in self.folder.glob(f"*/{PARTIAL}*"):
            shutil.rmtree(partial, ignore_errors=True)

    def _remove_unused(self, file: LabFile) -> None:
        used = {file.system, file.image, *file.snapshots.values()}
        for stage in (*self.folder.glob("systems/*"), *self.folder.glob("images/*"), *self.folder.glob("snapshots/*")):
            if stage.name not in used:
                shutil.rmtree(stage, ignore_errors=True)


def find_release(chosen: tuple[Package, ...]) -> str:
    """The release (`uname -r`) of the kernel among the packages, from the name of the package with its image."""
    for package in chosen:
        if package.name.startswith("linux-image-"):
            return package.name.removeprefix("linux-image-")
    raise SetupError(_("There is no kernel among the packages."))


def _version(chosen: tuple[Package, ...]) -> str:
    return next(package.version for package in chosen if package.name.startswith("linux-image-"))
