"""Builds the guest's initramfs and the disk with the kernel's modules.

The initramfs holds Debian's kmod tools with their libraries, busybox for other commands, the agent, the modules that
are needed to mount the disk, and a few more. The disk is a squashfs with all modules of the kernel, read-only and
shared by all guests.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import as_file, files
from importlib.resources.abc import Traversable
from pathlib import Path

from kmodlab.elf.database_text import name_of, parse_dep
from kmodlab.elf.object_file import read_object
from kmodlab.elf.shared import SharedLibrary
from kmodlab.errors import SetupError
from kmodlab.i18n import _
from kmodlab.kernel.arch import Arch
from kmodlab.kernel.tree import KernelTree
from kmodlab.process import check_run

KMOD_TOOLS = ("depmod", "insmod", "lsmod", "modinfo", "modprobe", "rmmod")
# `init.sh` loads these: they drive the agent's port and mount the disk.
BOOT_MODULES = ("virtio_pci", "virtio_blk", "virtio_console", "squashfs", "overlay")
# depmod reads thousands of modules, which takes an emulated guest half a minute. So a folder with only the modules that
# checks and devices need, and their dependencies, is mounted over the tree's folder `kernel` and hides the others.
_FEW_MODULES = ("dummy", "xhci_pci", "usbhid", "crc16", "libcrc32c", "crc32c_generic")
FEW_MODULES_FOLDER = "/usr/lib/few-modules"
_FOLDERS = ("dev", "etc/modprobe.d", "proc", "root", "run", "sys", "tmp", "usr/bin", "usr/lib", "usr/lib64")
_LINKS = {"bin": "usr/bin", "sbin": "usr/bin", "lib": "usr/lib", "lib64": "usr/lib64", "usr/sbin": "bin"}
# A fixed time, so that equal packages give equal images: a damaged image can be replaced while guests use its snapshot.
_TIME = 1700000000
_PASSWD = "root:x:0:0:root:/root:/bin/sh\n"  # noqa: S105 (no password in it)


def source_text(arch: Arch) -> str:
    """The inputs of the image besides packages, as one text: the agent's sources, the init script, module names."""
    agent = (f"{path.name}\n{path.read_text()}" for path in _agent_sources(files("kmodlab.guest.agent")))
    return "\n".join((*agent, (files("kmodlab.guest") / "init.sh").read_text(), *BOOT_MODULES, *_few_modules(arch)))


def _agent_sources(folder: Traversable) -> list[Traversable]:
    return sorted((path for path in folder.iterdir() if path.name.endswith((".c", ".h"))), key=lambda path: path.name)


def _few_modules(arch: Arch) -> tuple[str, ...]:
    return (*_FEW_MODULES, *arch.crc_modules)


def build_image(arch: Arch, tree: KernelTree, userland: Path, into: Path) -> None:
    """Make `initramfs.cpio` and `modules.squashfs` in the folder `into`, from a tree with depmod's databases.

    Raises: SetupError if a file is missing or a tool fails.
    """
    _squash(tree.modules, into / "modules.squashfs")
    root = into / "initramfs"
    _make_root(root)
    _add_programs(arch, userland, root)
    _add_agent(root)
    _add_boot_modules(arch, tree, userland, root)
    _pack(root, into / "initramfs.cpio")
    shutil.rmtree(root)


def run_depmod(arch: Arch, userland: Path, tree: KernelTree, base: Path | None = None) -> None:
    """Write a module tree's `modules.*` databases with the guest's depmod, run on the host with its own libraries."""
    depmod = [*userland_argv(arch, userland), "--argv0", "depmod", find_file(userland, "kmod")]
    check_run([*depmod, "-b", base or tree.root, tree.release], timeout_s=120)


def userland_argv(arch: Arch, userland: Path) -> list[str | Path]:
    """The first words of a command line that runs one of the guest's programs on the host, with its libraries."""
    libraries = sorted({str(path.parent) for path in userland.rglob("lib*.so.*")})
    return [_loader(arch, userland), "--library-path", ":".join(libraries)]


def _loader(arch: Arch, userland: Path) -> Path:
    return find_file(userland, Path(arch.loader).name)


def find_file(folder: Path, name: str) -> Path:
    """The file of that name in an unpacked package, whose folder depends on Debian's release. Raises: SetupError."""
    paths = [path for path in sorted(folder.rglob(name)) if path.is_file() and not path.is_symlink()]
    if not paths:
        raise SetupError(_("The guest's packages hold no file {name}.").format(name=name))
    return paths[0]


def _squash(folder: Path, image: Path) -> None:
    # lz4: in an emulated guest, quick decompression matters more than a small file.
    options = ["-noappend", "-quiet", "-no-progress", "-all-root", "-no-xattrs"]
    options += ["-mkfs-time", str(_TIME), "-all-time", str(_TIME)]
    check_run(["mksquashfs", folder, image, "-comp", "lz4", *options], timeout_s=300)


def _make_root(root: Path) -> None:
    for folder in _FOLDERS:
        (root / folder).mkdir(parents=True)
    for link, target in _LINKS.items():
        (root / link).symlink_to(target)
    (root / "etc/passwd").write_text(_PASSWD)
    (root / "etc/group").write_text("root:x:0:\n")
    init = root / "init"
    init.write_text((files("kmodlab.guest") / "init.sh").read_text())
    init.chmod(0o755)


def _add_programs(arch: Arch, userland: Path, root: Path) -> None:
    binaries = root / "usr/bin"
    kmod, busybox = find_file(userland, "kmod"), find_file(userland, "busybox")
    for program in (kmod, busybox):
        shutil.copy2(program, binaries)
    for tool in KMOD_TOOLS:
        (binaries / tool).symlink_to("kmod")
    for applet in check_run([*userland_argv(arch, userland), busybox, "--list"], timeout_s=10).stdout.decode().split():
        if not (binaries / applet).exists():
            (binaries / applet).symlink_to("busybox")
    shutil.copy2(_loader(arch, userland), root / "usr" / arch.loader.strip("/"))
    for library in sorted({name for program in (kmod, busybox) for name in _needed_libraries(program, userland)}):
        shutil.copy2(_library(userland, library), root / "usr/lib" / library)


def _needed_libraries(program: Path, userland: Path) -> Iterator[str]:
    """Names of the shared libraries that a program and its libraries need (DT_NEEDED, System V gABI) or dlopen()."""
    library = SharedLibrary(read_object(program))
    for name in (*library.needed, *library.opened):
        if not name.startswith("ld-linux"):
            yield name
            yield from _needed_libraries(_library(userland, name), userland)


def _library(userland: Path, name: str) -> Path:
    paths = sorted(userland.rglob(name))
    if not paths:
        raise SetupError(_("The guest's packages hold no library {name}.").format(name=name))
    return paths[0]


def _add_agent(root: Path) -> None:
    with as_file(files("kmodlab.guest.agent")) as folder:
        sources = sorted(folder.glob("*.c"))
        check_run(["gcc", "-O2", "-static", "-s", "-o", root / "usr/bin/agent", *sources], timeout_s=60)


def _add_boot_modules(arch: Arch, tree: KernelTree, userland: Path, root: Path) -> None:
    target = root / "usr/lib/modules" / tree.release
    target.mkdir(parents=True)  # a kernel of our own has all of these built in
    depends = parse_dep((tree.modules / "modules.dep").read_bytes())
    _copy_modules(tree, find_with_dependencies(BOOT_MODULES, depends), target)
    _copy_modules(tree, find_with_dependencies(_few_modules(arch), depends), root / FEW_MODULES_FOLDER.strip("/"))
    for name in ("modules.order", "modules.builtin", "modules.builtin.modinfo"):
        shutil.copy2(tree.modules / name, target)
    run_depmod(arch, userland, tree, base=root)


def _copy_modules(tree: KernelTree, paths: list[str], target: Path) -> None:
    for path in paths:
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(tree.modules / path, target / path)


def find_with_dependencies(modules: Sequence[str], depends: Mapping[str, Sequence[str]]) -> list[str]:
    """Paths of the named modules and of their dependencies. Names that `depends` does not have are built in."""
    by_name = {name_of(path): path for path in depends}
    wanted = [by_name[name] for name in modules if name in by_name]
    return sorted({path for module in wanted for path in (module, *depends[module])})


def _pack(root: Path, archive: Path) -> None:
    names = sorted(str(path.relative_to(root)) for path in root.rglob("*"))
    for name in names:
        os.utime(root / name, (_TIME, _TIME), follow_symlinks=False)
    stdin = "\0".join([*names, ""]).encode()
    options = ["--null", "--create", "--format=newc", "--owner=0:0", "--reproducible", "--quiet"]
    packed = check_run(["cpio", *options], cwd=root, stdin=stdin, timeout_s=60, output_limit=1 << 28)
    archive.write_bytes(packed.stdout)
