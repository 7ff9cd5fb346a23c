"""Which Debian packages make a lab, and how they get here: through apt, with its signature checks, without root.

apt runs with private state and cache folders, so that it needs no root and changes nothing on the host; the archives,
keys and proxies are the host's own. What is chosen and downloaded is written down beside the files, so that all
later steps work without a network. Unpacking is `unpack`'s business.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from debian.deb822 import Packages

from kmodlab.errors import SetupError
from kmodlab.kernel.arch import Arch
from kmodlab.process import CompletedProcess, Deadline, check_run, run, run_async, run_sync

# The metapackages decide the version. What a lab takes of their dependencies: everything that is Linux itself.
# The cloud flavour's headers (1.5 MB) are for those who want to see a module refused that was built for another kernel.
_KERNEL_ROOTS = ("linux-image", "linux-headers", "linux-headers-cloud")
_KERNEL_PART = re.compile(r"linux-(image|headers|kbuild|modules|binary)-")
# The guest's userland: kmod's own tools, a shell, and the libraries that both are linked with. Not busybox-static: its
# shell prefers its own insmod and lsmod to those on PATH. mandoc shows the tools' manual pages, on the host.
USERLAND_ROOTS = ("kmod", "busybox", "mandoc")
_USERLAND_PART = re.compile(r"(lib(kmod2|c6|ssl3|ssl3t64|zstd1|lzma5)|zlib1g)$")

Progress = Callable[[int, int], None]  # bytes done, bytes in all


@dataclass(frozen=True)
class Package:
    """One Debian package: its file's name in the download folder, size in bytes and SHA-256 from the signed index."""

    name: str
    version: str
    file: str
    size: int
    sha256: str


def resolve(apt_dir: Path, arch: Arch) -> tuple[Package, ...]:
    """The packages of a lab, newest versions that apt knows; refreshes apt's index (in `apt_dir`) first."""
    options = apt_options(apt_dir, arch)
    updated = run(["apt-get", *options, "update"], timeout_s=300)
    kernel = [f"{name}-{arch.name}" for name in _KERNEL_ROOTS]
    roots = (*kernel, *USERLAND_ROOTS)
    found = dict(_walk(options, roots))
    missing = [name for name in roots if name not in found]
    if missing:
        raise _no_package(missing, updated)
    return tuple(found[name] for name in sorted(found) if name not in kernel)


def _no_package(missing: list[str], updated: CompletedProcess) -> SetupError:
    if not updated.ok or b"Failed to fetch" in updated.stderr:
        return SetupError(
            "The Debian archive could not be reached.",
            hint="Check the network (and apt's proxy settings), then run `kmodlab setup` again; "
            "what was downloaded before is kept.",
            details=updated.text,
        )
    return SetupError(
        f"apt knows no package named {', '.join(missing)}.",
        hint="kmodlab takes its kernel from Debian: apt's sources must name a Debian 12 or later archive.",
        details=updated.text,
    )


def apt_options(apt_dir: Path, arch: Arch) -> list[str]:
    """apt's options for private state: nothing of the host's is written, and no root is needed."""
    for folder in ("state/lists/partial", "cache/archives/partial", "log"):
        (apt_dir / folder).mkdir(parents=True, exist_ok=True)
    settings = {
        "Dir::State": apt_dir / "state",
        "Dir::State::status": "/var/lib/dpkg/status",
        "Dir::Cache": apt_dir / "cache",
        "Dir::Log": apt_dir / "log",
        "APT::Sandbox::User": "root",  # the folder is ours alone, the _apt user cannot write to it
        "APT::Architecture": arch.name,
        "Acquire::Languages": "none",
        "Acquire::Retries": "2",
    }
    return ["-qq", *(word for name, value in settings.items() for word in ("-o", f"{name}={value}"))]


def _walk(options: list[str], roots: tuple[str, ...]) -> Iterator[tuple[str, Package]]:
    seen: set[str] = set()
    wanted = list(roots)
    while wanted:
        seen.update(wanted)
        shown = run(["apt-cache", *options, "show", *wanted], timeout_s=60)
        wanted = []
        for paragraph in parse_packages(shown.stdout.decode("utf-8", "replace")):
            yield paragraph["Package"], _package(paragraph)
            wanted += [name for name in find_parts(paragraph) if name not in seen]
        wanted = sorted(set(wanted))


def parse_packages(text: str) -> Iterable[Packages]:
    """Paragraphs of `apt-cache show` (format: deb822(5)): each package's newest version that the archive has.

    A version that is only installed here has no checksum, and cannot be fetched.
    """
    newest: dict[str, Packages] = {}
    for paragraph in Packages.iter_paragraphs(text, use_apt_pkg=False):
        if "Package" in paragraph and "SHA256" in paragraph:
            newest.setdefault(paragraph["Package"], paragraph)
    return list(newest.values())


def find_parts(paragraph: Packages) -> list[str]:
    """The dependencies of a package that belong into a lab, by name."""
    names = [alternatives[0]["name"] for alternatives in paragraph.relations["depends"] or []]
    return [name for name in names if _KERNEL_PART.match(name) or _USERLAND_PART.match(name)]


def _package(paragraph: Packages) -> Package:
    version = paragraph["Version"]
    file = f"{paragraph['Package']}_{version.replace(':', '%3a')}_{paragraph['Architecture']}.deb"
    return Package(paragraph["Package"], version, file, int(paragraph["Size"]), paragraph["SHA256"])


# ---- downloading ---------------------------------------------------------------------------------------------------


def download(packages: Iterable[Package], into: Path, apt_dir: Path, arch: Arch, progress: Progress) -> None:
    """Fetch what is not there yet. apt checks each file against the signed index; an interrupted file is resumed."""
    into.mkdir(parents=True, exist_ok=True)
    packages = tuple(packages)
    missing = [package for package in packages if not is_complete(package, into)]
    for package in missing:
        if _size(into / package.file) >= package.size:
            (into / package.file).unlink()  # damaged: apt would take its size for proof that it is whole
    if missing:
        _fetch(missing, packages, into, apt_options(apt_dir, arch), progress)
    damaged = [package.file for package in packages if not is_complete(package, into)]
    for file in damaged:
        (into / file).unlink(missing_ok=True)
    if damaged:
        raise SetupError(
            f"{damaged[0]} did not arrive as the archive's index describes it.",
            hint="Run `kmodlab setup` again: it fetches only what is missing.",
        )
    save_packages(packages, into)
    progress(_total(packages), _total(packages))


def _fetch(
    missing: list[Package], packages: tuple[Package, ...], into: Path, options: list[str], progress: Progress
) -> None:
    argv = ["apt-get", *options, "download", *(f"{package.name}={package.version}" for package in missing)]
    finished = run_sync(_run_with_progress(argv, packages, into, progress))
    if finished.ok:
        return
    if b"No space left" in finished.stderr:
        raise SetupError("The disk is full.", hint=f"Free about 1 GiB where {into} is, and run `kmodlab setup` again.")
    raise SetupError(
        "The packages could not be downloaded.",
        hint="Check the network, then run `kmodlab setup` again: what is here already is kept.",
        details=finished.text,
    )


async def _run_with_progress(
    argv: list[str], packages: tuple[Package, ...], into: Path, progress: Progress
) -> CompletedProcess:
    task = asyncio.create_task(run_async(argv, cwd=into, deadline=Deadline.after(3600)))
    try:
        while not task.done():
            done = sum(_size(into / package.file) for package in packages)
            progress(done, _total(packages))
            await asyncio.wait({task}, timeout=0.2)
        return task.result()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def is_complete(package: Package, folder: Path) -> bool:
    """Whether the package's file is in the folder, whole and unaltered."""
    path = folder / package.file
    if _size(path) != package.size:
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == package.sha256


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _total(packages: Iterable[Package]) -> int:
    return sum(package.size for package in packages)


def save_packages(packages: Iterable[Package], folder: Path) -> None:
    """Write down what was chosen, so that a set-up without network can use it."""
    text = json.dumps([asdict(package) for package in packages], indent=1)
    partial = folder / "packages.json.part"
    partial.write_text(text)
    partial.replace(folder / "packages.json")


def load_packages(folder: Path) -> tuple[Package, ...]:
    """What an earlier download chose; SetupError where there is none or it is not whole."""
    try:
        packages = tuple(Package(**fields) for fields in json.loads((folder / "packages.json").read_text()))
    except (OSError, ValueError, TypeError):
        packages = ()
    if not packages or not all(is_complete(package, folder) for package in packages):
        raise SetupError(
            "There is no complete download to set the lab up from.", hint="Run `kmodlab setup` once with a network."
        )
    return packages


def unpack(packages: Iterable[Package], folder: Path, into: Path, progress: Progress) -> None:
    """Unpack package files into one folder, as `dpkg-deb -x` does: no maintainer script runs."""
    packages = tuple(packages)
    done = 0
    for package in packages:
        progress(done, _total(packages))
        check_run(["dpkg-deb", "-x", folder / package.file, into], timeout_s=300)
        done += package.size
    progress(done, _total(packages))
