"""What must be on the host, why, and which Debian package brings it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass

from kmodlab.errors import SetupError
from kmodlab.guest.arch import Arch
from kmodlab.kernel.tree import KernelTree
from kmodlab.settings import Settings


@dataclass(frozen=True)
class Command:
    """A command that the lab calls: its package, and what for."""

    name: str
    package: str
    purpose: str


COMMANDS = (
    Command("apt-get", "apt", "fetches the kernel's packages"),
    Command("dpkg-deb", "dpkg", "unpacks them"),
    Command("setpriv", "util-linux", "ends children with their owner, and runs them without privileges"),
    Command("make", "make", "runs kbuild"),
    Command("gcc", "gcc", "compiles the guest's agent"),
    Command("ld", "binutils", "links modules"),
    Command("cpio", "cpio", "packs the guest's initramfs"),
    Command("mksquashfs", "squashfs-tools", "packs the module tree"),
)


def find_missing(settings: Settings, arch: Arch) -> list[Command]:
    """The required commands that are not on PATH."""
    qemu = Command(settings.qemu or arch.qemu, "qemu-system-x86", "runs the guests")
    return [command for command in (*COMMANDS, qemu) if shutil.which(command.name) is None]


def check_commands(settings: Settings, arch: Arch) -> None:
    """SetupError that names every missing package at once."""
    missing = find_missing(settings, arch)
    if missing:
        names = sorted({command.package for command in missing})
        raise SetupError(
            f"Missing on this machine: {', '.join(command.name for command in missing)}.",
            hint=f"sudo apt-get install {' '.join(names)}",
        )


def check_compiler(tree: KernelTree) -> None:
    """SetupError unless the compiler that the kernel was built with is there: kbuild calls it by its full name."""
    if shutil.which(tree.compiler) is None:
        raise SetupError(
            f"The kernel was built with {tree.compiler}, which is missing.",
            hint=f"sudo apt-get install {tree.compiler}",
        )
