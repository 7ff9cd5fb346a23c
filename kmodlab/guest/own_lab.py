"""Labs with a kernel of our own (`kernel.own`): built on request, booted once, then forked like Debian's.

Their files are in the lab's folder kernels/, with a lock of its own, so neither a set-up nor a guest waits for the
build of a kernel. The result of each step is kept, so the next call continues an interrupted or killed build.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from kmodlab.errors import NotBuiltError, SetupError
from kmodlab.files import MIB, PARTIAL, remove
from kmodlab.guest.cache_folder import disk_errors, free_mib, is_writable, locked, readable_for_all
from kmodlab.guest.image import build_image, run_depmod
from kmodlab.guest.lab import (
    Lab,
    LabFile,
    for_this_user,
    load_lab,
    qemu_fingerprint,
    read_lab_file,
    write_lab_file,
)
from kmodlab.guest.machine import Hardware
from kmodlab.guest.requirements import check_kernel_tools
from kmodlab.guest.setup import Reporter, image_id, snapshot_id
from kmodlab.guest.snapshot import take_snapshot
from kmodlab.guest.stage import make_stage
from kmodlab.i18n import _
from kmodlab.kbuild.kernel_build import build_kernel
from kmodlab.kernel import packages
from kmodlab.kernel.own import (
    BUILD_VARIABLES,
    DEBIAN,
    FOLDER,
    VARIANTS,
    OwnKernel,
    Variant,
    fragment,
    get_variant,
    own_kernel,
)
from kmodlab.kernel.packages import Package
from kmodlab.kernel.source import choose_source, find_source, unpack_source
from kmodlab.manifest import digest_of, find_damage, made_from, verify
from kmodlab.process import Deadline, run_sync
from kmodlab.settings import Settings

SOURCE_MIB = 900  # disk space for the package and the unpacked source
BOOT_S = 600.0  # an emulated kernel with KASAN boots slowly


@dataclass(frozen=True)
class OwnLab(Lab):
    """A lab with a kernel of our own. `file` describes the variant; the guest's programs are the lab's."""

    variant: str = "small"

    @property
    def tree(self) -> OwnKernel:
        """The kernel's objects, image and modules."""
        return own_kernel(self.folder, self.file.version, self.variant)

    @property
    def stage_folder(self) -> Path:
        """The folder with the folders images and snapshots."""
        return self.folder / FOLDER / self.file.version

    @property
    def finds_leaks(self) -> bool:
        """Whether its kernel has kmemleak."""
        return VARIANTS[self.variant].finds_leaks

    def verify(self) -> None:
        """Check kernel, image and snapshots. Raises: DamagedLabError."""
        self.tree.verify()
        for stage in self.stages[1:]:
            verify(stage)

    def find_damage(self) -> Iterator[Path]:
        """Read all files, and yield the first missing or altered file of each part."""
        for part in (self.tree.source, self.tree.headers, *self.stages[1:]):
            damaged = find_damage(part, thorough=True)
            if damaged:
                yield part / damaged

    def _write(self, file: LabFile) -> None:
        write_lab_file(self.stage_folder, file, f"{self.variant}.json")


def choose_lab(settings: Settings, kernel: str) -> Lab:
    """The lab with Debian's kernel ("debian"), or with a variant of our own ("small", "debug").

    Raises: UsageError if no kernel has that name; SetupError or NotBuiltError if the lab has not been made.
    """
    return load_lab(settings) if kernel == DEBIAN else load_own_lab(settings, get_variant(kernel))


def load_own_lab(settings: Settings, variant: Variant) -> OwnLab:
    """The lab with a variant of the kernel, as this user can use it. Raises: NotBuiltError."""
    lab = find_own_lab(load_lab(settings), settings, variant)
    if lab is None:
        raise NotBuiltError(
            _("The {variant} kernel is not built.").format(variant=variant.name), hint=how_to_build(variant)
        )
    return lab


def find_own_lab(base: Lab, settings: Settings, variant: Variant) -> OwnLab | None:
    """The lab with a variant of the kernel, in the folder of the lab `base`; None if it has not been built.

    Raises: SetupError if it is damaged.
    """
    for file in _files(base.folder, variant, base.file.version):
        lab = OwnLab(base.folder, replace(file, system=base.file.system), base.arch, variant.name)
        if (file.qemu, file.qemu_fingerprint) != (base.file.qemu, base.file.qemu_fingerprint):
            continue
        for part in (lab.tree.headers, *lab.stages[1:]):
            verify(part, quick=True)
        return replace(lab, file=for_this_user(lab.file, settings))
    return None


def how_to_build(variant: Variant) -> str:
    """A sentence with the command that builds a variant, and the time that it takes."""
    sentence = _("Build it once: `{command}` ({time}).")
    return sentence.format(command=build_command(variant), time=build_time(variant))


def _files(folder: Path, variant: Variant, version: str) -> list[LabFile]:
    """The files that describe a variant, one for each version of the source; the version `version` comes first."""
    files = [read_lab_file(path.parent, path.name) for path in (folder / FOLDER).glob(f"*/{variant.name}.json")]
    return sorted((file for file in files if file), key=lambda file: file.version != version)


def was_begun(settings: Settings, variant: Variant) -> bool:
    """Whether a build of a variant has been started."""
    return any((settings.cache_dir / FOLDER).glob(f"*/kernel/usr/src/linux-headers-*-{variant.name}"))


def build_command(variant: Variant) -> str:
    """The command that builds a variant."""
    return "kmodlab kernel" if variant.name == "small" else f"kmodlab kernel --{variant.name}"


def build_time(variant: Variant) -> str:
    """The estimated time that building a variant takes on this machine, in the reader's language."""
    minutes = max(1, round(variant.cpu_s / 60 / (os.cpu_count() or 1)))
    return _("about {minutes} min, once").format(minutes=minutes)


def make_own_lab(settings: Settings, reporter: Reporter, variant: Variant) -> OwnLab:
    """Make the lab with a variant of the kernel, unless it exists undamaged, and return it. Raises: SetupError."""
    base = load_lab(settings)
    if not is_writable(base.folder):
        raise SetupError(
            _("The lab in {folder} is another user's, who shares it.").format(folder=base.folder),
            hint=_("Ask its owner to run this, or set KMODLAB_CACHE_DIR to have a lab of your own."),
        )
    with readable_for_all(), disk_errors(base.folder):
        (base.folder / FOLDER).mkdir(exist_ok=True)
        waiting = _("Another build of a kernel is at work: waiting for it")
        with locked(base.folder / FOLDER, lambda: reporter.step(waiting)):
            making = _Making(settings, reporter, variant, base)
            lab = _find(settings, variant)
            if lab is None or making.has_newer(lab.file.version):
                making.run()
            return load_own_lab(settings, variant)


def _find(settings: Settings, variant: Variant) -> OwnLab | None:
    """The lab with a variant of the kernel, if it exists, is undamaged, and has the present configuration."""
    try:
        lab = load_own_lab(settings, variant)
    except SetupError:
        return None
    inputs = {_inputs(package, variant) for package in packages.read_packages(lab.stage_folder)}
    is_current = made_from(lab.tree.headers) in inputs and all(
        made_from(lab.stage_folder / "snapshots" / name)
        == _snapshot_inputs(lab.file.image, replace(lab.hardware, accel=accel), lab.file.qemu_fingerprint, lab.tree)
        for accel, name in lab.file.snapshots.items()
    )
    return lab if is_current and next(lab.find_damage(), None) is None else None


def _snapshot_inputs(image: str, hardware: Hardware, fingerprint: str, kernel: OwnKernel) -> str:
    """The inputs of a snapshot; the objects too, because the image does not depend on a kernel without modules."""
    return digest_of(snapshot_id(image, hardware, fingerprint), made_from(kernel.headers))


def _inputs(package: Package, variant: Variant) -> str:
    """The inputs of a variant's objects, as one text."""
    return digest_of(package.sha256, fragment(variant), *variant.variables, *BUILD_VARIABLES.values())


@dataclass
class _Making:
    """Makes a lab, from Debian's archive to a snapshot; the caller holds the lock."""

    settings: Settings
    reporter: Reporter
    variant: Variant
    base: Lab
    folder: Path = field(init=False)

    def __post_init__(self) -> None:
        self.folder = self.base.folder / FOLDER

    def has_newer(self, version: str) -> bool:
        """Whether the archive has the source of Debian's kernel in the lab, which is not of the version `version`."""
        if version == self.base.file.version:
            return False
        try:
            return choose_source(self.base.file.version, self.base.folder / "apt", self.base.arch).version != version
        except SetupError:
            return False

    def run(self) -> None:
        check_kernel_tools()
        for leftover in self.folder.glob(f"*/kernel/usr/src/{PARTIAL}*"):
            remove(leftover)
        package = self._download()
        kernel = own_kernel(self.base.folder, package.version, self.variant.name)
        self._unpack(package, kernel)
        self._build(package, kernel)
        self._make_guest(package.version, kernel)
        self._remove_others(package.version)

    def _download(self) -> Package:
        """The package with the source: the downloaded one, or else one from the archive."""
        recorded = [package for path in self.folder.glob("*") for package in packages.read_packages(path)]
        package = next((package for package in recorded if package.version == self.base.file.version), None)
        if package is None:
            self.reporter.step(_("Asking Debian's archive for the kernel's source"))
            package = choose_source(self.base.file.version, self.base.folder / "apt", self.base.arch)
        into = self.folder / package.version
        self._check_space(into, package)
        if find_source(into / "kernel/usr/src") is None and not packages.is_complete(package, into):
            self.reporter.step(_("Downloading the kernel's source"))
            packages.download([package], into, self.base.folder / "apt", self.base.arch, self.reporter.progress)
        return package

    def _check_space(self, into: Path, package: Package) -> None:
        is_there = (into / "kernel/usr/src").exists()
        needed = self.variant.needed_mib + (0 if is_there else SOURCE_MIB + package.size // MIB)
        free = free_mib(self.folder)
        if free < needed and not (into / f"{self.variant.name}.json").exists():
            message = _("The {variant} kernel needs {needed} MiB of disk space, and {folder} has {free} MiB left.")
            raise SetupError(
                message.format(variant=self.variant.name, needed=needed, folder=self.folder, free=free),
                hint=_("Free some, or set KMODLAB_CACHE_DIR to a larger disk."),
            )

    def _unpack(self, package: Package, kernel: OwnKernel) -> None:
        if find_source(kernel.sources) is None:
            self.reporter.step(_("Unpacking the source"))
            debs = self.folder / package.version
            unpack_source(package, debs, kernel.sources, self.base.arch, self.reporter.progress)

    def _build(self, package: Package, kernel: OwnKernel) -> None:
        inputs = _inputs(package, self.variant)
        if made_from(kernel.headers) == inputs and find_damage(kernel.headers, thorough=True) is None:
            return
        self.reporter.step(_("Building the {variant} kernel").format(variant=self.variant.name))
        build_kernel(kernel, self.variant, self.base.arch, inputs, self.reporter.progress)
        run_depmod(self.base.arch, self.base.userland, kernel)

    def _make_guest(self, version: str, kernel: OwnKernel) -> None:
        arch, userland, parent = self.base.arch, self.base.userland, self.folder / version
        inputs = image_id(arch, digest_of(self.base.file.system, made_from(kernel.headers)))
        image = make_stage(parent / "images", inputs, lambda into: build_image(arch, kernel, userland, into))
        qemu, fingerprint = qemu_fingerprint(self.settings, arch)
        snapshots: dict[str, str] = {}
        for accel in self.base.file.snapshots:
            hardware = Hardware(arch, accel, qemu, image / "modules.squashfs")

            def take(into: Path, hardware: Hardware = hardware) -> None:
                self.reporter.step(_("Booting it once, and taking its snapshot"))
                deadline = Deadline.after(BOOT_S)
                run_sync(take_snapshot(hardware, kernel.vmlinuz, image / "initramfs.cpio", into, deadline))

            wanted = _snapshot_inputs(image.name, hardware, fingerprint, kernel)
            stage = make_stage(parent / "snapshots", wanted, take, is_essential=lambda path: path != "ram")
            snapshots[accel] = stage.name
        file = replace(
            self.base.file,
            release=kernel.release,
            version=version,
            image=image.name,
            snapshots=snapshots,
            qemu=qemu,
            qemu_fingerprint=fingerprint,
        )
        write_lab_file(parent, file, f"{self.variant.name}.json")

    def _remove_others(self, version: str) -> None:
        """Remove the files of other versions, and images and snapshots of this version that nothing uses."""
        for other in self.folder.iterdir():
            if other.is_dir() and other.name != version:
                remove(other)
        files = [read_lab_file(self.folder / version, f"{name}.json") for name in VARIANTS]
        used = {name for file in files if file for name in (file.image, *file.snapshots.values())}
        for kind in ("images", "snapshots"):
            for stage in (self.folder / version / kind).iterdir():
                if stage.name not in used:
                    remove(stage)
