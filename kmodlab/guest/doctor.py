"""Everything the lab needs, checked: what was found, what was chosen, what that costs, how to mend it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from kmodlab.errors import KmodlabError
from kmodlab.guest.lab import Lab, load_lab
from kmodlab.guest.requirements import COMMANDS, RequiredCommand, check_build_tools
from kmodlab.guest.session import Session
from kmodlab.guest.setup import NEEDED_MIB, claim_folder
from kmodlab.guest.snapshot import load_ram
from kmodlab.kernel.arch import Arch, host_arch
from kmodlab.process import run
from kmodlab.sandbox.sandbox import check_sandbox
from kmodlab.settings import Settings

T = TypeVar("T")


class Health(StrEnum):
    """How a requirement fares."""

    GOOD = "good"
    COSTS = "costs"  # works, at a price that `finding` names
    MISSING = "missing"


@dataclass(frozen=True)
class Checkup:
    """One requirement: its name, how it fares, what was found, and how to mend it (empty when there is nothing to)."""

    name: str
    state: Health
    finding: str
    remedy: str = ""


def examine(settings: Settings) -> Iterator[Checkup]:
    """Check one requirement after the other, the cheap ones first."""
    yield _python()
    for command in COMMANDS:
        yield _command(command)
    yield _qemu(settings, host_arch())
    yield _sandbox()
    yield from _disk(settings)
    lab = _guarded("kernel", lambda: load_lab(settings))
    if isinstance(lab, Checkup):
        yield lab
        return
    yield _kernel(lab)
    yield _guarded("compiler", lambda: _compiler(lab))
    yield _accelerator(lab)
    yield _guarded("snapshot", lambda: _snapshot(lab))
    yield _guarded("guest", lambda: _guest(lab))


def _guarded(name: str, check: Callable[[], T]) -> T | Checkup:
    try:
        return check()
    except KmodlabError as exc:
        return Checkup(name, Health.MISSING, str(exc), exc.hint)


def _python() -> Checkup:
    return Checkup("python", Health.GOOD, f"{sys.version.split()[0]} ({sys.executable})")


def _command(command: RequiredCommand) -> Checkup:
    found = shutil.which(command.name)
    if found:
        return Checkup(command.name, Health.GOOD, f"{found}: {command.purpose}")
    return Checkup(
        command.name, Health.MISSING, f"not installed; it {command.purpose}", f"sudo apt-get install {command.package}"
    )


def _qemu(settings: Settings, arch: Arch) -> Checkup:
    name = settings.qemu or arch.qemu
    if shutil.which(name) is None:
        return Checkup("qemu", Health.MISSING, f"{name} is not installed", f"sudo apt-get install {arch.qemu_package}")
    version = run([name, "--version"], timeout_s=10).text.splitlines()[0]
    return Checkup("qemu", Health.GOOD, version)


def _sandbox() -> Checkup:
    verdict = check_sandbox()
    return Checkup("sandbox", Health.GOOD if verdict.works else Health.COSTS, verdict.sentence, verdict.hint)


def _disk(settings: Settings) -> Iterator[Checkup]:
    folder = settings.cache_dir
    trouble = _guarded("cache", lambda: claim_folder(folder))
    if trouble:
        yield trouble
        return
    free = shutil.disk_usage(folder).free >> 20
    enough = free >= NEEDED_MIB or (folder / "lab.json").exists()
    state = Health.GOOD if enough else Health.MISSING
    yield Checkup("cache", state, f"{folder}, {free} MiB free", "" if enough else f"Free {NEEDED_MIB} MiB there.")


def _kernel(lab: Lab) -> Checkup:
    return Checkup("kernel", Health.GOOD, f"Linux {lab.file.release} ({lab.file.version}), headers and all modules")


def _compiler(lab: Lab) -> Checkup:
    check_build_tools(lab.tree)
    return Checkup("compiler", Health.GOOD, f"{lab.tree.compiler}, the one that built the kernel; kbuild's tools run")


def _accelerator(lab: Lab) -> Checkup:
    if lab.file.accel == "kvm":
        return Checkup("accelerator", Health.GOOD, "KVM")
    cost = "guests are emulated: code in them runs some ten times slower, a fresh one still starts in a moment"
    remedy = "Give yourself access to a working /dev/kvm, then `kmodlab setup --repair`; nothing needs it."
    return Checkup("accelerator", Health.COSTS, f"TCG, because {lab.file.accel_reason}; {cost}", remedy)


def _snapshot(lab: Lab) -> Checkup:
    os.close(load_ram(lab.snapshot))
    return Checkup("snapshot", Health.GOOD, "whole: memory and state match their checksums")


def _guest(lab: Lab) -> Checkup:
    with Session(lab) as session:
        release = session.run(["uname", "-r"]).stdout.decode().strip()
    if release != lab.tree.release:
        return Checkup("guest", Health.MISSING, f"it runs {release}", "kmodlab setup --repair")
    return Checkup("guest", Health.GOOD, f"starts, and answers that it runs Linux {release}")
