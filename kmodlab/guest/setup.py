"""Sets up the lab: packages, image, snapshot.

Each stage is made beside the lab in use, and `lab.json` is replaced last. So a set-up that fails or is killed leaves
the old lab or the new one, and the next set-up continues after the last complete stage. A damaged stage is made again,
from the downloads if they are undamaged.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from kmodlab.errors import DamagedLabError, SetupError
from kmodlab.files import remove
from kmodlab.guest.cache_folder import (
    NEEDED_MIB,
    STAGES,
    claim_folder,
    disk_errors,
    free_mib,
    is_writable,
    locked,
    readable_for_all,
    tidy,
)
from kmodlab.guest.dkms_packages import add_dkms
from kmodlab.guest.image import build_image, run_depmod, source_text
from kmodlab.guest.kvm import KVM_BOOT_S, check_kvm
from kmodlab.guest.lab import FORMAT, Lab, LabFile, load_lab, qemu_fingerprint, read_lab_file, write_lab_file
from kmodlab.guest.machine import Hardware
from kmodlab.guest.qemu import Descriptors, qemu_argv
from kmodlab.guest.requirements import check_build_tools, check_commands
from kmodlab.guest.snapshot import take_snapshot
from kmodlab.guest.stage import find_stage, make_stage
from kmodlab.i18n import _
from kmodlab.kbuild.cc_record import record_probes
from kmodlab.kernel import packages
from kmodlab.kernel.arch import Arch, host_arch
from kmodlab.kernel.packages import Package
from kmodlab.kernel.tree import KernelTree, relocate
from kmodlab.manifest import digest_of, made_from, renew
from kmodlab.process import Deadline, run_sync
from kmodlab.settings import Settings

BOOT_S = 120.0  # under emulation, on a slow machine


class Reporter(Protocol):
    """Shows what a set-up does."""

    def step(self, text: str) -> None:
        """Show that a new step begins."""

    def progress(self, done: int, total: int) -> None:
        """Show that `done` of the step's `total` bytes are processed."""


def set_up(
    settings: Settings, reporter: Reporter, *, offline: bool = False, upgrade: bool = False, repair: bool = False
) -> Lab:
    """Set up the lab, unless a usable and undamaged lab exists, and return it.

    `offline` uses the last download. `upgrade` looks for newer packages even if a lab exists. `repair` makes everything
    again except the download. The old lab stays until the new one is complete.

    Raises: SetupError.
    """
    folder = settings.cache_dir
    if (folder / "lab.json").exists() and not is_writable(folder):
        return _shared_lab(settings, changes=upgrade or repair)
    with readable_for_all():
        claim_folder(folder)
        with (
            disk_errors(folder),
            locked(folder, lambda: reporter.step(_("Another set-up is at work: waiting for it"))),
        ):
            tidy(folder)
            setup = _Setup(settings, reporter, offline, upgrade, repair)
            lab = None if upgrade or repair else _find_lab(settings)
            if lab:
                setup.mend_downloads()
                _note_copy(lab)
            else:
                lab = setup.run()
            record_probes(lab.tree)
            add_dkms(folder, lab.arch, reporter.step, reporter.progress, offline=offline, anew=upgrade or repair)
            return lab


def _shared_lab(settings: Settings, *, changes: bool) -> Lab:
    """The lab that another user shares. Raises: SetupError if `changes` are asked for, or it cannot be used."""
    if changes:
        raise SetupError(
            _("The lab in {folder} is another user's, who shares it.").format(folder=settings.cache_dir),
            hint=_("Ask its owner to run this, or set KMODLAB_CACHE_DIR to have a lab of your own."),
        )
    lab = load_lab(settings)
    damaged = next(lab.find_damage(), None)
    if damaged:
        raise DamagedLabError(damaged)
    return lab


def _find_lab(settings: Settings) -> Lab | None:
    """The lab, if it is current and undamaged; reads all its files."""
    try:
        lab = load_lab(settings)
    except SetupError:
        return None
    system, image, *_snapshots = lab.stages
    snapshot = lab.folder / "snapshots" / lab.file.snapshots[lab.file.accel]
    is_current = (
        settings.accel in ("auto", lab.file.accel)
        and made_from(image) == image_id(lab.arch, system.name)
        and made_from(snapshot) == snapshot_id(image.name, lab.hardware, lab.file.qemu_fingerprint)
    )
    return lab if is_current and next(lab.find_damage(), None) is None else None


def _note_copy(lab: Lab) -> None:
    """If the lab is a copy, record its files' times, so that a quick check is enough from now on."""
    for stage in lab.stages:
        with contextlib.suppress(OSError):
            renew(stage)


# ---- stages --------------------------------------------------------------------------------------------------------


def _system_id(chosen: tuple[Package, ...]) -> str:
    return digest_of(FORMAT, chosen)


def _is_essential(path: str) -> bool:
    """Whether a file of a system is checked at each start, because no module is built or no guest boots without it."""
    name = path.rpartition("/")[2]
    if path.startswith("kernel/usr/src/"):
        return name in _ESSENTIAL_HEADERS or not ("/include/" in path or "/arch/" in path)
    return path.startswith("kernel/") and name.startswith(("vmlinuz-", "modules."))


_ESSENTIAL_HEADERS = ("Makefile", "autoconf.h", "auto.conf", "utsrelease.h", "compile.h")


def image_id(arch: Arch, system: str) -> str:
    """A digest of an image's inputs: the system, and our own programs in the image."""
    return digest_of(FORMAT, system, source_text(arch))


def snapshot_id(image: str, hardware: Hardware, fingerprint: str) -> str:
    """A digest of a snapshot's inputs: the image, and the machine that it is booted in."""
    boot = qemu_argv(hardware.arch, hardware.accel, "qemu", Descriptors(1, 2, 3, 4, 5, 6))
    return digest_of(FORMAT, image, hardware.accel, fingerprint, boot)


@dataclass
class _Setup:
    """One set-up; the caller holds the lock."""

    settings: Settings
    reporter: Reporter
    offline: bool
    upgrade: bool
    repair: bool
    arch: Arch = field(default_factory=host_arch)

    @property
    def folder(self) -> Path:
        return self.settings.cache_dir

    @property
    def debs(self) -> Path:
        return self.folder / "debs"

    def run(self) -> Lab:
        check_commands(self.settings, self.arch)
        self._check_space()
        if self.repair:
            remove(self.folder / "kvm.json")
        chosen = self._choose()
        system = self._make("systems", _system_id(chosen), lambda into: self._unpack(chosen, into), _is_essential)
        tree = KernelTree(find_release(chosen), system / "kernel")
        check_build_tools(tree)
        image = self._make(
            "images", image_id(self.arch, system.name), lambda into: self._build_image(tree, system, into)
        )
        file = self._take_snapshots(tree, image, system.name, _version(chosen))
        write_lab_file(self.folder, file)
        self._remove_unused(file, chosen)
        return Lab(self.folder, file)

    def _make(
        self,
        kind: str,
        inputs: str,
        make: Callable[[Path], None],
        is_essential: Callable[[str], bool] = lambda _path: True,
    ) -> Path:
        return make_stage(self.folder / kind, inputs, make, is_essential=is_essential, anew=self.repair)

    def _check_space(self) -> None:
        free = free_mib(self.folder)
        if read_lab_file(self.folder) is None and not (self.folder / "systems").exists() and free < NEEDED_MIB:
            message = _("The lab needs {needed} MiB of disk space, and {folder} has {free} MiB left.")
            raise SetupError(
                message.format(needed=NEEDED_MIB, folder=self.folder, free=free),
                hint=_("Free some, or set KMODLAB_CACHE_DIR to a larger disk."),
            )

    # ---- packages ----

    def _choose(self) -> tuple[Package, ...]:
        """The packages of the lab: those of the last download, or the newest if `upgrade` is set or that fails."""
        recorded = () if self.upgrade else self._recorded()
        if self._are_complete(recorded) or (recorded and not self.repair and self._find_system(recorded)):
            return recorded
        if self.offline:
            return packages.load_packages(self.debs)
        if recorded:
            with contextlib.suppress(SetupError):  # the archive may have newer versions only
                self._download(recorded)
                return recorded
        return self._newest()

    def _recorded(self) -> tuple[Package, ...]:
        """The packages that were chosen last, from the list in debs/ or in a system whose files are complete."""
        lists = [packages.read_packages(folder) for folder in (self.debs, *(self.folder / "systems").glob("*"))]
        known = [recorded for recorded in lists if recorded]
        return next(filter(self._are_complete, known), known[0] if known else ())

    def _are_complete(self, chosen: tuple[Package, ...]) -> bool:
        return bool(chosen) and all(packages.is_complete(package, self.debs) for package in chosen)

    def _find_system(self, chosen: tuple[Package, ...]) -> Path | None:
        return find_stage(self.folder / "systems", _system_id(chosen))

    def _newest(self) -> tuple[Package, ...]:
        apt = self.folder / "apt"
        is_first = not apt.exists()
        self.reporter.step(_("Asking Debian's archive for the newest kernel"))
        try:
            chosen = packages.resolve(apt, self.arch)
        except SetupError:
            if is_first:
                raise
            remove(apt)  # it may be damaged, in a way that apt does not report
            chosen = packages.resolve(apt, self.arch)
        self._download(chosen)
        return chosen

    def _download(self, chosen: tuple[Package, ...]) -> None:
        self.reporter.step(_("Downloading the kernel and the guest's tools"))
        packages.download(chosen, self.debs, self.folder / "apt", self.arch, self.reporter.progress)

    def mend_downloads(self) -> None:
        """Download missing or damaged packages if possible; a lab can be used without its downloads."""
        recorded = self._recorded()
        if self._are_complete(recorded):
            if packages.read_packages(self.debs) != recorded:
                packages.save_packages(recorded, self.debs)
            return
        for is_fresh in (False, True) if recorded and not self.offline else ():
            with contextlib.suppress(SetupError):
                if is_fresh:  # apt's index was missing or out of date
                    packages.resolve(self.folder / "apt", self.arch)
                self._download(recorded)
                return
        self.reporter.step(_("A download is damaged, and was not fetched again; the lab works without it"))

    def _unpack(self, chosen: tuple[Package, ...], into: Path) -> None:
        self.reporter.step(_("Unpacking"))
        kernel = tuple(package for package in chosen if package.name.startswith("linux-"))
        tools = tuple(package for package in chosen if package not in kernel)
        total = sum(package.size for package in chosen)
        base = sum(package.size for package in tools)
        progress = self.reporter.progress
        packages.unpack(tools, self.debs, into / "userland", lambda done, _total: progress(done, total))
        packages.unpack(kernel, self.debs, into / "kernel", lambda done, _total: progress(base + done, total))
        run_depmod(self.arch, into / "userland", relocate(into / "kernel", find_release(chosen)))
        packages.save_packages(chosen, into)

    def _build_image(self, tree: KernelTree, system: Path, into: Path) -> None:
        self.reporter.step(_("Building the guest's image"))
        build_image(self.arch, tree, system / "userland", into)

    # ---- accelerator and snapshots ----

    def _take_snapshots(self, tree: KernelTree, image: Path, system: str, version: str) -> LabFile:
        qemu, fingerprint = qemu_fingerprint(self.settings, self.arch)
        hardware = {accel: Hardware(self.arch, accel, qemu, image / "modules.squashfs") for accel in ("kvm", "tcg")}
        taken: dict[str, Path] = {}

        def take(accel: str, boot_s: float) -> Path:
            taken[accel] = self._take_snapshot(tree, image, hardware[accel], fingerprint, boot_s)
            return taken[accel]

        obstacle = check_kvm(self.settings, fingerprint, hardware["kvm"], lambda: take("kvm", KVM_BOOT_S))
        if obstacle and self.settings.accel == "kvm":
            raise SetupError(
                _("KVM cannot be used: {reason}.").format(reason=obstacle),
                hint=_("Unset KMODLAB_ACCEL: emulation works everywhere."),
            )
        take("tcg", BOOT_S)
        accels = ("tcg",) if obstacle else ("kvm", "tcg")
        return LabFile(
            format=FORMAT,
            release=tree.release,
            version=version,
            system=system,
            image=image.name,
            snapshots={accel: taken[accel].name for accel in accels},
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

        inputs = snapshot_id(image.name, hardware, fingerprint)
        return self._make("snapshots", inputs, take, lambda path: path != "ram")

    # ---- tidying ----

    def _remove_unused(self, file: LabFile, chosen: tuple[Package, ...]) -> None:
        used = {file.system, file.image, *file.snapshots.values()}
        for stage in (path for name in STAGES for path in (self.folder / name).glob("*")):
            if stage.name not in used:
                remove(stage)
        for stale in set(self.debs.glob("*.deb")) - {self.debs / package.file for package in chosen}:
            stale.unlink()


def find_release(chosen: tuple[Package, ...]) -> str:
    """The release (`uname -r`) of the kernel among the packages, from the name of the package with its image.

    Raises: SetupError if no package has an image.
    """
    for package in chosen:
        if package.name.startswith("linux-image-"):
            return package.name.removeprefix("linux-image-")
    raise SetupError(_("There is no kernel among the packages."))


def _version(chosen: tuple[Package, ...]) -> str:
    return next(package.version for package in chosen if package.name.startswith("linux-image-"))
