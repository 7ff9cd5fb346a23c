"""The commands and libraries that the host must have, and the Debian packages that contain them."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from kmodlab.errors import SetupError
from kmodlab.i18n import N_, _
from kmodlab.kernel.arch import Arch
from kmodlab.kernel.tree import KernelTree
from kmodlab.process import run
from kmodlab.sandbox.host import PATH
from kmodlab.settings import Settings


@dataclass(frozen=True)
class RequiredCommand:
    """A command that kmodlab runs, its Debian package, and what it does here."""

    name: str
    package: str
    purpose: str


COMMANDS = (
    RequiredCommand("apt-get", "apt", N_("fetches the kernel's packages")),
    RequiredCommand("dpkg-deb", "dpkg", N_("unpacks them")),
    RequiredCommand("setpriv", "util-linux", N_("ends children with their owner, and runs them without privileges")),
    RequiredCommand("make", "make", N_("runs kbuild")),
    RequiredCommand("gcc", "gcc", N_("compiles the guest's agent")),
    RequiredCommand("ld", "binutils", N_("links modules")),
    RequiredCommand("cpio", "cpio", N_("packs the guest's initramfs")),
    RequiredCommand("mksquashfs", "squashfs-tools", N_("packs the module tree")),
)


def find_missing(settings: Settings, arch: Arch) -> list[RequiredCommand]:
    """The required commands that are not on PATH."""
    qemu = RequiredCommand(settings.qemu or arch.qemu, arch.qemu_package, N_("runs the guests"))
    return [command for command in (*COMMANDS, qemu) if shutil.which(command.name) is None]


def find_clangd() -> str | None:
    """The path of clangd, the newest if there are several versions; None if it is not installed."""
    if path := shutil.which("clangd", path=PATH):
        return path
    versions = [path for path in Path("/usr/bin").glob("clangd-*") if path.name.removeprefix("clangd-").isdigit()]
    return str(max(versions, key=lambda path: int(path.name.removeprefix("clangd-")))) if versions else None


def check_commands(settings: Settings, arch: Arch) -> None:
    """Check that all required commands are installed. Raises: SetupError, which names all missing packages."""
    missing = find_missing(settings, arch)
    if missing:
        names = sorted({command.package for command in missing})
        raise SetupError(
            _("Missing on this machine: {commands}.").format(commands=", ".join(command.name for command in missing)),
            hint=f"sudo apt-get install {' '.join(names)}",
        )
    if not Path(run(["gcc", "-print-file-name=libc.a"], timeout_s=10).text.strip()).is_absolute():
        raise SetupError(_("The C library for static programs is missing."), hint="sudo apt-get install libc6-dev")


def check_build_tools(tree: KernelTree) -> None:
    """Check that this machine has the compiler and the tools that kbuild needs for this kernel. Raises: SetupError."""
    if shutil.which(tree.compiler) is None:
        raise SetupError(
            _("The kernel was built with {compiler}, which is missing.").format(compiler=tree.compiler),
            hint=f"sudo apt-get install {tree.compiler_package}",
        )
    objtool = tree.headers / "tools/objtool/objtool"
    if objtool.exists() and b"not found" in run(["ldd", objtool], timeout_s=10).stdout:
        raise SetupError(_("kbuild's objtool lacks a library."), hint="sudo apt-get install libelf1")
    # If the headers contain the kernel's BTF, kbuild adds BTF to each module with pahole, and deletes the module if
    # pahole is missing.
    if (tree.headers / "vmlinux").exists() and shutil.which("pahole") is None:
        raise SetupError(_("kbuild needs pahole for this kernel."), hint="sudo apt-get install pahole")


KERNEL_COMMANDS = (
    RequiredCommand("flex", "flex", N_("builds kconfig")),
    RequiredCommand("bison", "bison", N_("builds kconfig")),
    RequiredCommand("bc", "bc", N_("computes constants of the kernel's clock")),
    RequiredCommand("xz", "xz-utils", N_("unpacks the kernel's source")),
    RequiredCommand("perl", "perl", N_("runs checkpatch.pl")),
)


def check_kernel_tools() -> None:
    """Check that a kernel can be built here. Raises: SetupError, which names all missing packages."""
    missing = {command.package for command in KERNEL_COMMANDS if shutil.which(command.name) is None}
    if not Path("/usr/include/libelf.h").exists():
        missing.add("libelf-dev")  # for objtool
    if missing:
        names = sorted(missing)
        raise SetupError(
            _("To build a kernel, this is missing: {names}.").format(names=", ".join(names)),
            hint=f"sudo apt-get install {' '.join(names)}",
        )
