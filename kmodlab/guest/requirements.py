"""What must be on the host, why, and which Debian package brings it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from kmodlab.errors import SetupError
from kmodlab.kernel.arch import Arch
from kmodlab.kernel.tree import KernelTree
from kmodlab.process import run
from kmodlab.settings import Settings


@dataclass(frozen=True)
class RequiredCommand:
    """A command that the lab calls: its package, and what for."""

    name: str
    package: str
    purpose: str


COMMANDS = (
    RequiredCommand("apt-get", "apt", "fetches the kernel's packages"),
    RequiredCommand("dpkg-deb", "dpkg", "unpacks them"),
    RequiredCommand("setpriv", "util-linux", "ends children with their owner, and runs them without privileges"),
    RequiredCommand("make", "make", "runs kbuild"),
    RequiredCommand("gcc", "gcc", "compiles the guest's agent"),
    RequiredCommand("ld", "binutils", "links modules"),
    RequiredCommand("cpio", "cpio", "packs the guest's initramfs"),
    RequiredCommand("mksquashfs", "squashfs-tools", "packs the module tree"),
)


def find_missing(settings: Settings, arch: Arch) -> list[RequiredCommand]:
    """The required commands that are not on PATH."""
    qemu = RequiredCommand(settings.qemu or arch.qemu, arch.qemu_package, "runs the guests")
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
    if not Path(run(["gcc", "-print-file-name=libc.a"], timeout_s=10).text.strip()).is_absolute():
        raise SetupError("The C library for static programs is missing.", hint="sudo apt-get install libc6-dev")


def check_build_tools(tree: KernelTree) -> None:
    """SetupError unless kbuild finds on this machine what it calls by name for this kernel."""
    if shutil.which(tree.compiler) is None:
        raise SetupError(
            f"The kernel was built with {tree.compiler}, which is missing.",
            hint=f"sudo apt-get install {tree.compiler}",
        )
    objtool = tree.headers / "tools/objtool/objtool"
    if objtool.exists() and b"not found" in run(["ldd", objtool], timeout_s=10).stdout:
        raise SetupError("kbuild's objtool lacks a library.", hint="sudo apt-get install libelf1")
    # Where the headers bring the kernel's types, kbuild adds the module's, and deletes a module that it cannot add to.
    if (tree.headers / "vmlinux").exists() and shutil.which("pahole") is None:
        raise SetupError("kbuild needs pahole for this kernel.", hint="sudo apt-get install pahole")
