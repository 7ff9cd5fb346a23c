"""The guest's disk contents: an initramfs with the userland and the agent, and the kernel's whole module tree.

The initramfs holds Debian's own kmod tools with the libraries that they need, busybox for the rest, the agent, and
the few modules that reach the disk, and a few more. The module tree is a squashfs on a read-only disk that all guests
share.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import as_file, files
from importlib.resources.abc import Traversable
from pathlib import Path

from kmodlab.elf.database_text import name_of, parse_dep
from kmodlab.elf.object_file import read_object
from kmodlab.elf.shared import SharedLibrary
from kmodlab.errors import SetupError
from kmodlab.kernel.arch import Arch
from kmodlab.kernel.tree import KernelTree
from kmodlab.process import check_run

KMOD_TOOLS = ("depmod", "insmod", "lsmod", "modinfo", "modprobe", "rmmod")
# What `init.sh` loads to get at the agent's port and at the module tree.
BOOT_MODULES = ("virtio_pci", "virtio_blk", "virtio_console", "squashfs", "overlay")
# depmod reads every module there is, thousands, which takes an emulated guest half a minute. What checks and devices
# need, each with what it needs itself, is here once more: mounted over the tree's folder `kernel`, it hides the others.
_FEW_MODULES = ("dummy", "xhci_pci", "usbhid", "crc16", "libcrc32c", "crc32c_generic")
FEW_PLACE = "/usr/lib/few-modules"
_FOLDERS = ("dev", "etc/modprobe.d", "proc", "root", "run", "sys", "tmp", "usr/bin", "usr/lib", "usr/lib64")
_LINKS = {"bin": "usr/bin", "sbin": "usr/bin", "lib": "usr/lib", "lib64": "usr/lib64", "usr/sbin": "bin"}
_PASSWD = "root:x:0:0:root:/root:/bin/sh\n"  # noqa: S105 (no password in it)


def source_text(arch: Arch) -> str:
    """All that the image depends on besides packages: the agent's sources, the init script, the names of modules."""
    agent = (f"{path.name}\n{path.read_text()}" for path in _agent_sources(files("kmodlab.guest.agent")))
    return "\n".join((*agent, (files("kmodlab.guest") / "init.sh").read_text(), *BOOT_MODULES, *_few_modules(arch)))


def _agent_sources(folder: Traversable) -> list[Traversable]:
    return sorted((path for path in folder.iterdir() if path.name.endswith((".c", ".h"))), key=lambda path: path.name)


def _few_modules(arch: Arch) -> tuple[str, ...]:
    return (*_FEW_MODULES, *arch.crc_modules)


def build_image(arch: Arch, tree: KernelTree, userland: Path, into: Path) -> None:
    """Make `initramfs.cpio` and `modules.squashfs` in the folder `into`."""
    run_depmod(arch, userland, tree)
    _squash(tree.modules, into / "modules.squashfs")
    root = into / "initramfs"
    _make_root(root)
    _add_programs(arch, userland, root)
    _add_agent(root)
    _add_boot_modules(arch, tree, userland, root)
    _pack(root, into / "initramfs.cpio")
    shutil.rmtree(root)


def run_depmod(arch: Arch, userland: Path, tree: KernelTree, base: Path | None = None) -> None:
    """Write the `modules.*` databases of a tree with the userland's own depmod, run by its own loader."""
    depmod = [*userland_argv(arch, userland), "--argv0", "depmod", find_one(userland, "kmod")]
    check_run([*depmod, "-b", base or tree.root, tree.release], timeout_s=120)


def userland_argv(arch: Arch, userland: Path) -> list[str | Path]:
    """The start of a command line that runs a program of the userland on the host, with its own libraries."""
    libraries = sorted({str(path.parent) for path in userland.rglob("lib*.so.*")})
    return [_loader(arch, userland), "--library-path", ":".join(libraries)]


def _loader(arch: Arch, userland: Path) -> Path:
    return find_one(userland, Path(arch.loader).name)


def find_one(folder: Path, name: str) -> Path:
    """The file of that name in a package, wherever the release of Debian has it; SetupError where there is none."""
    found = [path for path in sorted(folder.rglob(name)) if path.is_file() and not path.is_symlink()]
    if not found:
        raise SetupError(f"The guest's packages hold no file {name}.")
    return found[0]


def _squash(folder: Path, image: Path) -> None:
    # lz4: the guest unpacks under emulation, where a cheap format counts more than a small one.
    quiet = ["-noappend", "-quiet", "-no-progress", "-all-root", "-no-xattrs"]
    check_run(["mksquashfs", folder, image, "-comp", "lz4", *quiet], timeout_s=300)


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
    kmod, busybox = find_one(userland, "kmod"), find_one(userland, "busybox")
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
    """Names of the shared libraries of a program and of its libraries (DT_NEEDED, System V ABI)."""
    for name in SharedLibrary(read_object(program)).needed:
        if not name.startswith("ld-linux"):
            yield name
            yield from _needed_libraries(_library(userland, name), userland)


def _library(userland: Path, name: str) -> Path:
    found = sorted(userland.rglob(name))
    if not found:
        raise SetupError(f"The guest's packages hold no library {name}.")
    return found[0]


def _add_agent(root: Path) -> None:
    with as_file(files("kmodlab.guest.agent")) as folder:
        sources = sorted(folder.glob("*.c"))
        check_run(["gcc", "-O2", "-static", "-s", "-o", root / "usr/bin/agent", *sources], timeout_s=60)


def _add_boot_modules(arch: Arch, tree: KernelTree, userland: Path, root: Path) -> None:
    target = root / "usr/lib/modules" / tree.release
    depends = parse_dep((tree.modules / "modules.dep").read_bytes())
    _copy_modules(tree, find_with_dependencies(BOOT_MODULES, depends), target)
    _copy_modules(tree, find_with_dependencies(_few_modules(arch), depends), root / FEW_PLACE.strip("/"))
    for name in ("modules.order", "modules.builtin", "modules.builtin.modinfo"):
        shutil.copy2(tree.modules / name, target)
    run_depmod(arch, userland, tree, base=root)


def _copy_modules(tree: KernelTree, paths: list[str], target: Path) -> None:
    for path in paths:
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(tree.modules / path, target / path)


def find_with_dependencies(modules: Sequence[str], depends: Mapping[str, Sequence[str]]) -> list[str]:
    """Paths of the named modules and of what they need; a name that is not there is built in."""
    by_name = {name_of(path): path for path in depends}
    wanted = [by_name[name] for name in modules if name in by_name]
    return sorted({path for module in wanted for path in (module, *depends[module])})


def _pack(root: Path, archive: Path) -> None:
    names = sorted(str(path.relative_to(root)) for path in root.rglob("*"))
    stdin = "\0".join([*names, ""]).encode()
    options = ["--null", "--create", "--format=newc", "--owner=0:0", "--reproducible", "--quiet"]
    packed = check_run(["cpio", *options], cwd=root, stdin=stdin, timeout_s=60, output_limit=1 << 28)
    archive.write_bytes(packed.stdout)
