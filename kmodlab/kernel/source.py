"""Debian's source of the kernel: chosen and downloaded through apt, as the lab's packages are, and unpacked."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path

from kmodlab.errors import SetupError
from kmodlab.files import put_folder, remove, scratch_folder
from kmodlab.i18n import _
from kmodlab.kernel.arch import Arch
from kmodlab.kernel.own import upstream_version
from kmodlab.kernel.packages import Package, Progress, apt_options, package_of, parse_packages, refresh
from kmodlab.manifest import find_damage, is_sealed, seal
from kmodlab.process import Deadline, check_run, run, run_async, run_sync

# Of other architectures, and of drivers for what no guest has, only what kconfig and make read is unpacked: the rest is
# half of the source, and nothing here uses it.
_LEFT_OUT = ("*.[chS]", "*.dts", "*.dtsi")
_NO_SUCH_DEVICES = (
    *("drivers/gpu/drm", "drivers/infiniband", "drivers/media", "drivers/net/ethernet", "drivers/net/wireless"),
    *("drivers/staging", "sound/pci", "sound/soc"),
)
_UNUSED = ("Documentation/devicetree", "Documentation/translations", "tools/perf", "tools/testing")
_FILES = 39_000  # that are unpacked, nearly
_EVERY = 1000  # of tar's records


def choose_source(version: str, apt_dir: Path, arch: Arch) -> Package:
    """The package with the source of the kernel `version` (of Debian's), or else the newest of its series.

    Raises: SetupError if apt knows none.
    """
    series = ".".join(upstream_version(version).split(".")[:2])
    name = f"linux-source-{series}"
    found = _ask(f"{name}={version}", apt_dir, arch)
    if found is None:
        refresh(apt_dir, arch)  # the index may be older than the package, or missing
        found = _ask(f"{name}={version}", apt_dir, arch) or _ask(name, apt_dir, arch)
    if found is None:
        raise SetupError(
            _("apt knows no package named {names}.").format(names=name),
            hint=_("Check the network, then run the command again: apt's sources must name a Debian archive."),
        )
    return found


def _ask(query: str, apt_dir: Path, arch: Arch) -> Package | None:
    answer = run(["apt-cache", *apt_options(apt_dir, arch), "show", query], timeout_s=60)
    paragraphs = parse_packages(answer.stdout.decode("utf-8", "replace"))
    return next(map(package_of, paragraphs), None)


def find_source(sources: Path) -> Path | None:
    """The unpacked source in a folder usr/src, if all its files are whole; they are all read."""
    for folder in sorted(sources.glob("linux-[0-9]*")):
        if is_sealed(folder) and find_damage(folder, thorough=True) is None:
            return folder
    return None


def unpack_source(package: Package, debs: Path, sources: Path, arch: Arch, progress: Progress) -> Path:
    """Unpack the source into a folder usr/src, as linux-6.1; returns that folder. Raises: SetupError."""
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
    """What is not unpacked, as patterns of tar."""
    first, rest = arch.source[0], arch.source[1:]
    # No pattern of tar's means "all but": so all that begin otherwise, and those that begin alike and go on otherwise.
    others = [f"[!{first}]*", *(f"{arch.source[:n]}[!{letter}]*" for n, letter in enumerate(rest, 1))]
    yield from (f"*/arch/{other}/{pattern}" for other in others for pattern in _LEFT_OUT)
    yield from (f"*/{folder}/*.[chS]" for folder in _NO_SUCH_DEVICES)
    yield from (f"*/{folder}" for folder in _UNUSED)
