"""Makes the lab: packages, image, snapshot; atomic, resumable, one at a time.

Each stage is made in a temporary folder and renamed into place when it is whole, and `lab.json` is replaced last. So
a kill at any point leaves the old lab or the new one, and the next run goes on with the stages that are there.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from filelock import FileLock, Timeout

from kmodlab.errors import GuestError, KmodlabError, SetupError
from kmodlab.files import new_folder
from kmodlab.guest.image import build_image, source_text
from kmodlab.guest.kvm import KVM_BOOT_S, find_obstacle, remember_failure, resume_once
from kmodlab.guest.lab import FORMAT, Lab, LabFile, load_lab, qemu_fingerprint, read_lab_file, write_lab_file
from kmodlab.guest.machine import Hardware
from kmodlab.guest.qemu import Descriptors, qemu_argv
from kmodlab.guest.requirements import check_build_tools, check_commands
from kmodlab.guest.snapshot import take_snapshot
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
    """Told what a set-up does, to show it."""

    def step(self, text: str) -> None:
        """A new step begins."""

    def progress(self, done: int, total: int) -> None:
        """So many bytes of the step are done."""


def set_up(
    settings: Settings, reporter: Reporter, *, offline: bool = False, upgrade: bool = False, repair: bool = False
) -> Lab:
    """A lab that is ready for use. One that is there and fits is left alone.

    `offline` uses the last download; `upgrade` looks for newer packages even so; `repair` makes everything but the
    download anew. Raises SetupError with one sentence and the way out.
    """
    folder = settings.cache_dir
    claim_folder(folder)
    with _locked(folder, reporter), _clear_sentences(folder):
        lab = None if upgrade or repair else _find_lab(settings)
        if lab is None:
            if repair:
                _forget(folder)
            lab = _Setup(settings, reporter, offline).run()
        record_probes(lab.tree)
        return lab


def _forget(folder: Path) -> None:
    (folder / "lab.json").unlink(missing_ok=True)  # first: what is half removed must not be taken for a lab
    for stages in ("snapshots", "images", "systems"):
        shutil.rmtree(folder / stages, ignore_errors=True)
    (folder / "kvm.json").unlink(missing_ok=True)


def _find_lab(settings: Settings) -> Lab | None:
    try:
        lab = load_lab(settings)
        lab.snapshot  # noqa: B018 (checked, not used)
    except SetupError:
        return None
    right = lab.file.image == _image_id(lab.arch, lab.file.system) and settings.accel in ("auto", lab.file.accel)
    snapshot = _snapshot_id(lab.file.image, lab.hardware, lab.file.qemu_fingerprint)
    return lab if right and lab.file.snapshots.get(lab.file.accel) == snapshot else None


def claim_folder(folder: Path) -> None:
    """Make the cache folder ours, or say why not: we write to none that holds somebody else's files."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tag = folder / "CACHEDIR.TAG"
        if not tag.exists():
            if any(folder.iterdir()):
                raise SetupError(
                    f"The folder {folder} holds files that are not kmodlab's.",
                    hint="Set KMODLAB_CACHE_DIR to a new or empty folder.",
                )
            tag.write_text(_TAG)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, "not writable")
    except OSError as exc:
        if exc.errno == errno.ENOSPC:
            raise SetupError(f"The disk with {folder} is full.", hint=f"Free {NEEDED_MIB} MiB.") from exc
        raise SetupError(
            f"The cache folder {folder} cannot be used: {(exc.strerror or str(exc)).lower()}.",
            hint="Set KMODLAB_CACHE_DIR to a folder that you may write to.",
        ) from exc
    if "kmodlab" not in tag.read_text(errors="replace"):
        raise SetupError(f"The folder {folder} is another program's cache.", hint="Set KMODLAB_CACHE_DIR.")


def clean(settings: Settings) -> int:
    """Remove the lab and all downloads; the number of bytes freed."""
    folder = settings.cache_dir
    if not folder.exists():
        return 0
    claim_folder(folder)
    lock = FileLock(folder / "setup.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise SetupError("A set-up is at work in the folder.", hint="Wait until it is done.") from None
    with lock:
        freed = sum(path.lstat().st_blocks * 512 for path in folder.rglob("*") if not path.is_dir())
        (folder / "lab.json").unlink(missing_ok=True)  # first: what is half removed must not be taken for a lab
        shutil.rmtree(folder)
    return freed


@contextlib.contextmanager
def _locked(folder: Path, reporter: Reporter) -> Iterator[None]:
    lock = FileLock(folder / "setup.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        reporter.step("Another set-up is at work: waiting for it")
        lock.acquire(timeout=LOCK_WAIT_S)
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def _clear_sentences(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        full = exc.errno in (errno.ENOSPC, errno.EDQUOT)
        message = f"The disk with {folder} is full." if full else f"The lab could not be written: {exc}."
        hint = f"Free {NEEDED_MIB} MiB and run `kmodlab setup` again: it goes on where it stopped." if full else ""
        raise SetupError(message, hint=hint) from exc
    except SetupError as exc:
        if "No space left" in exc.details:
            raise SetupError(
                f"The disk with {folder} is full.", hint=f"Free {NEEDED_MIB} MiB.", details=exc.details
            ) from exc
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
    """A folder that `make` fills, unless it exists: it is there whole or not at all."""
    if not stage.exists():
        with new_folder(stage) as partial:
            make(partial)
    return stage


@dataclass
class _Setup:
    """One run of the set-up, under the lock."""

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
        made = make_stage(self.folder / "images" / image_id, lambda into: self._build_image(tree, system, into))
        file = self._choose_snapshots(tree, made, system.name, _version(chosen))
        write_lab_file(self.folder, file)
        self._remove_unused(file)
        return Lab(self.folder, file)

    def _check_space(self) -> None:
        free = shutil.disk_usage(self.folder).free >> 20
        if read_lab_file(self.folder) is None and not (self.folder / "systems").exists() and free < NEEDED_MIB:
            raise SetupError(
                f"The lab needs {NEEDED_MIB} MiB of disk space, and {self.folder} has {free} MiB left.",
                hint="Free some, or set KMODLAB_CACHE_DIR to a larger disk.",
            )

    def _download(self) -> tuple[Package, ...]:
        debs, apt = self.folder / "debs", self.folder / "apt"
        if self.offline:
            return packages.load_packages(debs)
        self.reporter.step("Asking Debian's archive for the newest kernel")
        chosen = packages.resolve(apt, self.arch)
        self.reporter.step("Downloading the kernel and the guest's tools")
        packages.download(chosen, debs, apt, self.arch, self.reporter.progress)
        for stale in set(debs.glob("*.deb")) - {debs / package.file for package in chosen}:
            stale.unlink()
        return chosen

    def _unpack(self, chosen: tuple[Package, ...], into: Path) -> None:
        self.reporter.step("Unpacking")
        kernel = tuple(package for package in chosen if package.name.startswith("linux-"))
        tools = tuple(package for package in chosen if package not in kernel)
        total = sum(package.size for package in chosen)
        base = sum(package.size for package in tools)
        progress = self.reporter.progress
        packages.unpack(tools, self.folder / "debs", into / "userland", lambda done, _: progress(done, total))
        packages.unpack(kernel, self.folder / "debs", into / "kernel", lambda done, _: progress(base + done, total))
        relocate(into / "kernel", find_release(chosen))

    def _build_image(self, tree: KernelTree, system: Path, into: Path) -> None:
        self.reporter.step("Building the guest's image")
        build_image(self.arch, tree, system / "userland", into)

    # ---- the accelerator, and the snapshot that belongs to it ----

    def _choose_snapshots(self, tree: KernelTree, made: Path, system: str, version: str) -> LabFile:
        qemu, fingerprint = qemu_fingerprint(self.settings, self.arch)
        snapshots: dict[str, str] = {}
        kvm_trouble = find_obstacle(self.settings, fingerprint)
        if not kvm_trouble:
            kvm_trouble = self._try_kvm(tree, made, qemu, fingerprint, snapshots)
        if kvm_trouble and self.settings.accel == "kvm":
            raise SetupError(
                f"KVM cannot be used: {kvm_trouble}.", hint="Unset KMODLAB_ACCEL: emulation works everywhere."
            )
        snapshots["tcg"] = self._take(tree, made, self._hardware("tcg", qemu, made), fingerprint, BOOT_S)
        accel = "tcg" if kvm_trouble else "kvm"
        return LabFile(
            format=FORMAT,
            release=tree.release,
            version=version,
            system=system,
            image=made.name,
            snapshots=snapshots,
            accel=accel,
            accel_reason=kvm_trouble or "KVM boots the guest",
            qemu=qemu,
            qemu_fingerprint=fingerprint,
        )

    def _hardware(self, accel: str, qemu: str, made: Path) -> Hardware:
        return Hardware(self.arch, accel, qemu, made / "modules.squashfs")

    def _take(self, tree: KernelTree, made: Path, hardware: Hardware, fingerprint: str, boot_s: float) -> str:
        initramfs = made / "initramfs.cpio"

        def take(into: Path) -> None:
            how = "with KVM" if hardware.accel == "kvm" else "emulated"
            self.reporter.step(f"Booting the guest once, {how}, and taking its snapshot")
            run_sync(take_snapshot(hardware, tree.vmlinuz, initramfs, into, Deadline.after(boot_s)))

        name = _snapshot_id(made.name, hardware, fingerprint)
        return make_stage(self.folder / "snapshots" / name, take).name

    def _try_kvm(self, tree: KernelTree, made: Path, qemu: str, fingerprint: str, snapshots: dict[str, str]) -> str:
        """Take a snapshot with KVM and resume it, under a deadline; says what went wrong, and remembers it.

        That /dev/kvm opens proves nothing: nested or restricted KVM may hang in the firmware for ever.
        """
        hardware = self._hardware("kvm", qemu, made)
        began = time.monotonic()
        try:
            snapshots["kvm"] = self._take(tree, made, hardware, fingerprint, KVM_BOOT_S)
            resume_once(hardware, self.folder / "snapshots" / snapshots["kvm"])
            return ""
        except KmodlabError as exc:
            snapshots.pop("kvm", None)
            took = f"after {time.monotonic() - began:.0f} s"
            reason = f"a guest with KVM did not come up ({took}: {str(exc).rstrip('.')})"
            remember_failure(self.folder, fingerprint, reason)
            return reason

    # ---- tidying ----

    def _remove_leftovers(self) -> None:
        for partial in self.folder.glob("*/.new-*"):
            shutil.rmtree(partial, ignore_errors=True)

    def _remove_unused(self, file: LabFile) -> None:
        used = {file.system, file.image, *file.snapshots.values()}
        for stage in (*self.folder.glob("systems/*"), *self.folder.glob("images/*"), *self.folder.glob("snapshots/*")):
            if stage.name not in used:
                shutil.rmtree(stage, ignore_errors=True)


def find_release(chosen: tuple[Package, ...]) -> str:
    """The release (`uname -r`) of the kernel among the packages, from its image's name."""
    for package in chosen:
        if package.name.startswith("linux-image-"):
            return package.name.removeprefix("linux-image-")
    raise GuestError("There is no kernel among the packages.")


def _version(chosen: tuple[Package, ...]) -> str:
    return next(package.version for package in chosen if package.name.startswith("linux-image-"))
