"""Chooses and downloads the Debian packages of a lab through apt, which checks their signatures, without root.

apt runs with private state and cache folders, so that it needs no root and changes nothing on the host. It uses the
host's archives, keys and proxies. The chosen packages are recorded beside their files, so that all later steps work
without a network.
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
from kmodlab.files import read_file, remove, replace_text
from kmodlab.i18n import _
from kmodlab.kernel.arch import Arch
from kmodlab.process import CompletedProcess, Deadline, check_run, run, run_async, run_sync

# These metapackages decide the version; a lab takes those of their dependencies that are parts of Linux itself.
# The cloud flavour's headers (1.5 MB) are for lessons on a module that was built for another kernel and is refused.
_KERNEL_ROOTS = ("linux-image", "linux-headers", "linux-headers-cloud")
_KERNEL_PART = re.compile(r"linux-(image|headers|kbuild|modules|binary)-")
# The guest's userland: kmod's own tools, a shell, and the libraries of both. Not busybox-static: its shell prefers its
# own insmod and lsmod to those on PATH. mandoc shows the tools' manual pages, on the host. Since Debian 13, kmod opens
# the libraries that decompress modules with dlopen(), and its package does not depend on them.
USERLAND_ROOTS = ("kmod", "busybox", "mandoc", "liblzma5", "libzstd1")
_USERLAND_PART = re.compile(r"(lib(kmod2|c6|ssl3|ssl3t64|zstd1|lzma5)|zlib1g)$")

Progress = Callable[[int, int], None]  # bytes done, bytes in total


@dataclass(frozen=True)
class Package:
    """One Debian package; `file` is its file's name, `size` (bytes) and `sha256` are from the signed index."""

    name: str
    version: str
    file: str
    size: int
    sha256: str


def resolve(apt_dir: Path, arch: Arch) -> tuple[Package, ...]:
    """The packages of a lab, in the newest versions that apt knows; refreshes apt's index (in `apt_dir`) first.

    Raises: SetupError if the archive cannot be reached or lacks a package.
    """
    options = apt_options(apt_dir, arch)
    updated = refresh(apt_dir, arch)
    kernel = [f"{name}-{arch.name}" for name in _KERNEL_ROOTS]
    roots = (*kernel, *USERLAND_ROOTS)
    packages = dict(_walk(options, roots))
    missing = [name for name in roots if name not in packages]
    if missing:
        raise _no_package(missing, updated)
    return tuple(packages[name] for name in sorted(packages) if name not in kernel)


def refresh(apt_dir: Path, arch: Arch) -> CompletedProcess:
    """Download apt's index of all packages; without a network the old one stays."""
    return run(["apt-get", *apt_options(apt_dir, arch), "update"], timeout_s=300)


def ask(query: str, apt_dir: Path, arch: Arch) -> Package | None:
    """The package that apt knows by a name, or by `name=version`; None if it knows none. The index is not refreshed."""
    answer = run(["apt-cache", *apt_options(apt_dir, arch), "show", query], timeout_s=60)
    paragraphs = parse_packages(answer.stdout.decode("utf-8", "replace"))
    return next(map(package_of, paragraphs), None)


def _no_package(missing: list[str], updated: CompletedProcess) -> SetupError:
    if not updated.ok or b"Failed to fetch" in updated.stderr:
        return SetupError(
            _("The Debian archive could not be reached."),
            hint=_(
                "Check the network (and apt's proxy settings), then run `kmodlab setup` again; what was downloaded "
                "before is kept."
            ),
            details=updated.text,
        )
    return SetupError(
        _("apt knows no package named {names}.").format(names=", ".join(missing)),
        hint=_("kmodlab takes its kernel from Debian: apt's sources must name a Debian 12 or later archive."),
        details=updated.text,
    )


def apt_options(apt_dir: Path, arch: Arch) -> list[str]:
    """apt's options for private state: nothing on the host is changed, and no root is needed."""
    for folder in ("state/lists/partial", "cache/archives/partial", "log"):
        (apt_dir / folder).mkdir(parents=True, exist_ok=True)
    settings = {
        "Dir::State": apt_dir / "state",
        "Dir::State::status": "/var/lib/dpkg/status",
        "Dir::Cache": apt_dir / "cache",
        "Dir::Log": apt_dir / "log",
        "APT::Sandbox::User": "root",  # the user _apt cannot write to our folder
        "APT::Architecture": arch.name,
        "Acquire::Languages": "none",
        "Acquire::Retries": "2",
    }
    return ["-qq", *(word for name, value in settings.items() for word in ("-o", f"{name}={value}"))]


def _walk(options: list[str], roots: tuple[str, ...]) -> Iterator[tuple[str, Package]]:
    asked: set[str] = set()
    names = list(roots)
    while names:
        asked.update(names)
        index = run(["apt-cache", *options, "show", *names], timeout_s=60).stdout.decode("utf-8", "replace")
        names = []
        for paragraph in parse_packages(index):
            yield paragraph["Package"], package_of(paragraph)
            names += [name for name in find_parts(paragraph) if name not in asked]
        names = sorted(set(names))


def parse_packages(text: str) -> Iterable[Packages]:
    """The paragraphs of `apt-cache show` (format: deb822(5)), one for each package: its newest version in the archive.

    A version that is only installed here has no checksum and cannot be downloaded.
    """
    newest: dict[str, Packages] = {}
    for paragraph in Packages.iter_paragraphs(text, use_apt_pkg=False):
        if "Package" in paragraph and "SHA256" in paragraph:
            newest.setdefault(paragraph["Package"], paragraph)
    return list(newest.values())


def find_parts(paragraph: Packages) -> list[str]:
    """The names of a package's dependencies that belong to a lab."""
    names = [alternatives[0]["name"] for alternatives in paragraph.relations["depends"] or []]
    return [name for name in names if _KERNEL_PART.match(name) or _USERLAND_PART.match(name)]


def package_of(paragraph: Packages) -> Package:
    """A package, from its paragraph in apt's index."""
    version = paragraph["Version"]
    file = f"{paragraph['Package']}_{version.replace(':', '%3a')}_{paragraph['Architecture']}.deb"
    return Package(paragraph["Package"], version, file, int(paragraph["Size"]), paragraph["SHA256"])


# ---- downloading ---------------------------------------------------------------------------------------------------


def download(packages: Iterable[Package], into: Path, apt_dir: Path, arch: Arch, progress: Progress) -> None:
    """Download the packages that are missing in `into`; apt checks each file against the signed index.

    An interrupted download is resumed.

    Raises: SetupError if a package could not be downloaded.
    """
    into.mkdir(parents=True, exist_ok=True)
    packages = tuple(packages)
    missing = [package for package in packages if not is_complete(package, into)]
    for package in missing:
        path = into / package.file
        if not path.is_file() or _size(path) >= package.size:
            remove(path)  # damaged: apt takes a file of the right size for complete
    if missing:
        _fetch(missing, packages, into, apt_options(apt_dir, arch), progress)
    damaged = [package.file for package in packages if not is_complete(package, into)]
    for file in damaged:
        remove(into / file)
    if damaged:
        raise SetupError(
            _("{file} does not match the archive's index.").format(file=damaged[0]),
            hint=_("Run the command again: it fetches only what is missing."),
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
        hint = _("Free about 1 GiB where {folder} is, and run the command again.").format(folder=into)
        raise SetupError(_("The disk is full."), hint=hint)
    raise SetupError(
        _("The packages could not be downloaded."),
        hint=_("Check the network, then run the command again: what was downloaded before is kept."),
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
    """Whether the package's file is in the folder, complete and unaltered."""
    path = folder / package.file
    if not path.is_file() or _size(path) != package.size:
        return False
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == package.sha256
    except OSError:
        return False


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _total(packages: Iterable[Package]) -> int:
    return sum(package.size for package in packages)


def save_packages(packages: Iterable[Package], folder: Path) -> None:
    """Record the chosen packages in the folder, so that a set-up without network can use them."""
    text = json.dumps([asdict(package) for package in packages], indent=1)
    replace_text(folder / "packages.json", text, mode=0o644)


def read_packages(folder: Path) -> tuple[Package, ...]:
    """The packages that are recorded in a folder, with or without their files; empty if the record is unreadable."""
    try:
        packages = tuple(Package(**fields) for fields in json.loads(read_file(folder / "packages.json")))
    except (OSError, ValueError, TypeError):
        return ()
    are_valid = all(re.fullmatch(r"[\w.+%~-]+\.deb", str(package.file)) for package in packages)
    return packages if are_valid and all(isinstance(package.size, int) for package in packages) else ()


def load_packages(folder: Path) -> tuple[Package, ...]:
    """The packages of the last download into the folder.

    Raises: SetupError if there is no complete download.
    """
    packages = read_packages(folder)
    if not packages or not all(is_complete(package, folder) for package in packages):
        raise SetupError(
            _("There is no complete download to set the lab up from."),
            hint=_("Run `kmodlab setup` once with a network."),
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
