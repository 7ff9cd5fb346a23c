"""Chooses Debian's package with the kernel's source, and unpacks it; `packages` downloads it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path

from kmodlab.errors import SetupError
from kmodlab.files import put_folder, remove, scratch_folder
from kmodlab.i18n import _
from kmodlab.kernel.arch import Arch
from kmodlab.kernel.own import upstream_version
from kmodlab.kernel.packages import Package, Progress, ask, refresh
from kmodlab.manifest import find_damage, is_sealed, seal
from kmodlab.process import Deadline, check_run, run_async, run_sync

# Not unpacked: the code of other architectures, and of drivers for hardware that no guest has. It is half of the source
# and nothing uses it. The files that kconfig and make read are unpacked.
_LEFT_OUT = ("*.[chS]", "*.dts", "*.dtsi")
_NO_SUCH_DEVICES = (
    *("drivers/gpu/drm", "drivers/infiniband", "drivers/media", "drivers/net/ethernet", "drivers/net/wireless"),
    *("drivers/staging", "sound/pci", "sound/soc"),
)
_UNUSED = ("Documentation/devicetree", "Documentation/translations", "tools/perf", "tools/testing")
_FILES = 39_000  # unpacked, roughly
_EVERY = 1000  # files between two calls of `progress`


def choose_source(version: str, apt_dir: Path, arch: Arch) -> Package:
    """The package with the source of the kernel with Debian's version `version`, or else the newest of its series.

    Raises: SetupError if apt knows no package with the source of this series.
    """
    series = ".".join(upstream_version(version).split(".")[:2])
    name = f"linux-source-{series}"
    package = ask(f"{name}={version}", apt_dir, arch)
    if package is None:
        refresh(apt_dir, arch)  # the index may be older than the package, or missing
        package = ask(f"{name}={version}", apt_dir, arch) or ask(name, apt_dir, arch)
    if package is None:
        raise SetupError(
            _("apt knows no package named {names}.").format(names=name),
            hint=_("Check the network, then run the command again: apt's sources must name a Debian archive."),
        )
    return package


def find_source(sources: Path) -> Path | None:
    """The unpacked source in a folder usr/src; None if it is missing or damaged. Reads all its files."""
    for folder in sorted(sources.glob("linux-[0-9]*")):
        if is_sealed(folder) and find_damage(folder, thorough=True) is None:
            return folder
    return None


def unpack_source(package: Package, debs: Path, sources: Path, arch: Arch, progress: Progress) -> Path:
    """Unpack the source into the folder `sources` (a usr/src), and return the new folder, such as linux-6.1.

    `debs` is the folder of the package's file.

    Raises: SetupError if the package has no source, or cannot be unpacked.
    """
    with scratch_folder(sources) as scratch:
        check_run(["dpkg-deb", "-x", debs / package.file, scratch / "package"], timeout_s=300)
        archive = next(scratch.glob("package/usr/src/linux-source-*.tar.xz"), None)
        if archive is None:
            raise SetupError(_("{package} holds no source.").format(package=package.file))
        tree = scratch / "tree"
        tree.mkdir()
        run_sync(_untar(archive, tree, arch, progress))
        remove(scratch / "package")
        seal(tree, package.sha256, lambda path: path in ("Makefile", "Kconfig"))
        folder = sources / archive.name.replace("linux-source", "linux").removesuffix(".tar.xz")
        put_folder(tree, folder)
        remove(scratch)
    return folder


async def _untar(archive: Path, into: Path, arch: Arch, progress: Progress) -> None:
    argv = ["tar", "--extract", f"--file={archive}", f"--directory={into}", "--strip-components=1", "--wildcards"]
    argv += ["--no-same-owner", "--anchored", *(f"--exclude={pattern}" for pattern in left_out(arch)), "--verbose"]
    done = 0

    def count(chunk: bytes) -> None:
        nonlocal done
        done += chunk.count(b"\n")
        if done % _EVERY < chunk.count(b"\n"):
            progress(min(done, _FILES), _FILES)

    finished = await run_async(argv, deadline=Deadline.after(1800), on_output=count)
    await asyncio.sleep(0)
    if not finished.ok:
        last = (finished.stderr.decode("utf-8", "replace").strip().splitlines() or [""])[-1]
        raise SetupError(_("The source could not be unpacked: {reason}.").format(reason=last), details=last)
    progress(_FILES, _FILES)


def left_out(arch: Arch) -> Iterable[str]:
    """tar's patterns for the files that are not unpacked."""
    first, rest = arch.source[0], arch.source[1:]
    # tar has no pattern for "all names but x86". So there is a pattern for each letter of x86: names that are equal up
    # to this letter, where they have another one.
    others = [f"[!{first}]*", *(f"{arch.source[:n]}[!{letter}]*" for n, letter in enumerate(rest, 1))]
    yield from (f"*/arch/{other}/{pattern}" for other in others for pattern in _LEFT_OUT)
    yield from (f"*/{folder}/*.[chS]" for folder in _NO_SUCH_DEVICES)
    yield from (f"*/{folder}" for folder in _UNUSED)
