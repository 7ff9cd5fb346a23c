"""Checks all requirements of the lab: whether each is met, and how to fix it if not."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from kmodlab.errors import DamagedLabError, KmodlabError, NotBuiltError, SetupError
from kmodlab.guest.cache_folder import LAB_FILE, NEEDED_MIB, claim_folder, free_mib, is_writable
from kmodlab.guest.dkms_packages import load_dkms
from kmodlab.guest.lab import Lab, load_lab
from kmodlab.guest.own_lab import build_command, build_time, load_own_lab, was_begun
from kmodlab.guest.requirements import COMMANDS, RequiredCommand, check_build_tools, find_clangd
from kmodlab.guest.session import Session
from kmodlab.guest.snapshot import load_ram
from kmodlab.i18n import _, ngettext
from kmodlab.kbuild.dkms import find_drivers
from kmodlab.kernel.arch import Arch, host_arch
from kmodlab.kernel.own import VARIANTS, Variant
from kmodlab.kernel.packages import load_packages
from kmodlab.manifest import is_sealed
from kmodlab.process import run
from kmodlab.sandbox.sandbox import check_sandbox
from kmodlab.settings import Settings

T = TypeVar("T")


class Health(StrEnum):
    """Whether a requirement is met."""

    GOOD = "good"
    COSTS = "costs"  # it works, but slowly or less safely, as `finding` says
    MISSING = "missing"


@dataclass(frozen=True)
class Checkup:
    """One requirement: its name, whether it is met, what was found, and how to fix it (empty if nothing is wrong)."""

    name: str
    state: Health
    finding: str
    remedy: str = ""


def examine(settings: Settings) -> Iterator[Checkup]:
    """Check one requirement after the other, the quick checks first."""
    yield _python()
    for command in COMMANDS:
        yield _command(command)
    yield _qemu(settings, host_arch())
    yield _sandbox()
    yield _clangd()
    yield from _disk(settings)
    lab = _guarded("kernel", lambda: load_lab(settings))
    if isinstance(lab, Checkup):
        yield lab
        return
    yield _kernel(lab)
    yield _files(lab)
    yield _guarded("compiler", lambda: _compiler(lab))
    yield _accelerator(lab)
    yield _guarded("snapshot", lambda: _snapshot(lab))
    yield _guarded("guest", lambda: _guest(lab))
    yield _dkms(lab)
    for variant in VARIANTS.values():
        yield _own_kernel(settings, variant)


def _guarded(name: str, check: Callable[[], T]) -> T | Checkup:
    try:
        return check()
    except KmodlabError as exc:
        return Checkup(name, Health.MISSING, str(exc), exc.hint)


def _python() -> Checkup:
    return Checkup("python", Health.GOOD, f"{sys.version.split()[0]} ({sys.executable})")


def _command(command: RequiredCommand) -> Checkup:
    path = shutil.which(command.name)
    purpose = _(command.purpose)
    if path:
        return Checkup(command.name, Health.GOOD, f"{path}: {purpose}")
    finding = _("not installed; it {purpose}").format(purpose=purpose)
    return Checkup(command.name, Health.MISSING, finding, f"sudo apt-get install {command.package}")


def _qemu(settings: Settings, arch: Arch) -> Checkup:
    name = settings.qemu or arch.qemu
    if shutil.which(name) is None:
        finding = _("{name} is not installed").format(name=name)
        return Checkup("qemu", Health.MISSING, finding, f"sudo apt-get install {arch.qemu_package}")
    version = run([name, "--version"], timeout_s=10).text.splitlines()[0]
    return Checkup("qemu", Health.GOOD, version)


def _sandbox() -> Checkup:
    verdict = check_sandbox()
    return Checkup("sandbox", Health.GOOD if verdict.works else Health.COSTS, verdict.sentence, verdict.hint)


def _clangd() -> Checkup:
    path = find_clangd()
    if path:
        return Checkup("clangd", Health.GOOD, _("{path}: completes and explains C in cells").format(path=path))
    finding = _("not installed: in cells of C, only the names in headers are completed")
    return Checkup("clangd", Health.COSTS, finding, "sudo apt-get install clangd")


def _disk(settings: Settings) -> Iterator[Checkup]:
    folder = settings.cache_dir
    if (folder / LAB_FILE).exists() and not is_writable(folder):
        finding = _("{folder}, shared by {owner}: this user may read it, which is enough")
        yield Checkup("cache", Health.GOOD, finding.format(folder=folder, owner=_owner(folder)))
        return
    problem = _guarded("cache", lambda: claim_folder(folder))
    if problem:
        yield problem
        return
    free = free_mib(folder)
    finding = _("{folder}, {free} MiB free").format(folder=folder, free=free)
    if free >= NEEDED_MIB or (folder / LAB_FILE).exists():
        yield Checkup("cache", Health.GOOD, finding)
    else:
        yield Checkup("cache", Health.MISSING, finding, _("Free {size} MiB there.").format(size=NEEDED_MIB))
    if (folder / LAB_FILE).exists():
        yield _downloads(folder / "debs")


def _owner(folder: Path) -> str:
    try:
        return folder.owner()
    except (KeyError, OSError):
        return _("another user")


def _downloads(debs: Path) -> Checkup:
    try:
        number = len(load_packages(debs))
    except SetupError:
        finding = _("incomplete: the lab works, but cannot be made again without a network")
        return Checkup("downloads", Health.COSTS, finding, _("Run `kmodlab setup` with a network."))
    finding = ngettext("{number} package, undamaged", "{number} packages, all undamaged", number)
    return Checkup("downloads", Health.GOOD, finding.format(number=number))


def _kernel(lab: Lab) -> Checkup:
    finding = _("Linux {release} ({version}), headers and all modules")
    return Checkup("kernel", Health.GOOD, finding.format(release=lab.file.release, version=lab.file.version))


def _files(lab: Lab) -> Checkup:
    if not all(map(is_sealed, lab.stages)):
        finding = _("not checked: an older version of kmodlab made the lab, without a list of its files")
        return Checkup("files", Health.COSTS, finding, _("Run `kmodlab setup`."))
    damaged = next(lab.find_damage(), None)
    if damaged:
        error = DamagedLabError(damaged)
        return Checkup("files", Health.MISSING, str(error), error.hint)
    return Checkup("files", Health.GOOD, _("all of the lab's files are as they were made"))


def _compiler(lab: Lab) -> Checkup:
    check_build_tools(lab.tree)
    finding = _("{compiler}, the one that built the kernel; kbuild's tools run")
    return Checkup("compiler", Health.GOOD, finding.format(compiler=lab.tree.compiler))


def _accelerator(lab: Lab) -> Checkup:
    if lab.file.accel == "kvm":
        return Checkup("accelerator", Health.GOOD, "KVM")
    finding = _(
        "TCG, because {reason}; guests are emulated: code in them runs some ten times slower, "
        "a fresh one still starts in a moment"
    )
    remedy = _("Give yourself access to a working /dev/kvm, then `kmodlab setup --repair`; nothing needs it.")
    return Checkup("accelerator", Health.COSTS, finding.format(reason=lab.file.accel_reason), remedy)


def _snapshot(lab: Lab) -> Checkup:
    os.close(load_ram(lab.snapshot))
    return Checkup("snapshot", Health.GOOD, _("whole: memory and state match their checksums"))


def _guest(lab: Lab) -> Checkup:
    with Session(lab) as session:
        release = session.run(["uname", "-r"]).stdout.decode().strip()
    if release != lab.tree.release:
        finding = _("it runs {release}").format(release=release)
        return Checkup("guest", Health.MISSING, finding, "kmodlab setup --repair")
    finding = _("starts, and answers that it runs Linux {release}").format(release=release)
    return Checkup("guest", Health.GOOD, finding)


def _dkms(lab: Lab) -> Checkup:
    try:
        drivers = find_drivers(load_dkms(lab.folder))
    except NotBuiltError as error:
        return Checkup("dkms", Health.COSTS, str(error), error.hint)
    finding = _("Debian's DKMS, with {packages} to build")
    packages = ", ".join(driver.package for driver in drivers.values())
    return Checkup("dkms", Health.GOOD, finding.format(packages=packages))


def _own_kernel(settings: Settings, variant: Variant) -> Checkup:
    name = _("{variant} kernel").format(variant=variant.name)
    try:
        lab = load_own_lab(settings, variant)
    except DamagedLabError as exc:
        return Checkup(name, Health.MISSING, str(exc), build_command(variant))
    except SetupError:
        words = {"purpose": _(variant.purpose), "command": build_command(variant), "time": build_time(variant)}
        begun = _("started, not complete; {purpose}: `{command}` continues")
        never = _("not built, which only some cells need; {purpose}: `{command}` ({time})")
        return Checkup(name, Health.GOOD, (begun if was_begun(settings, variant) else never).format(**words))
    finding = _("Linux {release}: {purpose}")
    return Checkup(name, Health.GOOD, finding.format(release=lab.file.release, purpose=_(variant.purpose)))
