"""Debian's kernel packages, unpacked into a folder: the paths of their parts, and how to make them work there.

`KernelTree` names the parts (headers, image, modules); `relocate` replaces the packages' absolute paths. `packages`
fetches and unpacks them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from kmodlab.errors import SetupError
from kmodlab.i18n import N_, _
from kmodlab.manifest import verify

_REMEDY = N_("Run `kmodlab setup` to fetch the kernel again.")


@dataclass(frozen=True)
class KernelTree:
    """One kernel to build for and to boot: Debian's image, headers and kbuild packages, unpacked into `root`.

    `release` is what `uname -r` prints on that kernel, for instance "6.1.0-56-amd64".
    """

    release: str
    root: Path

    @property
    def sources(self) -> Path:
        """The folder that belongs at /usr/src: headers and kbuild side by side."""
        return self.root / "usr/src"

    @property
    def headers(self) -> Path:
        """The folder for `make -C`."""
        return self.sources / f"linux-headers-{self.release}"

    @property
    def symvers(self) -> Path:
        """The symbols that the kernel and its modules export, with their checksums."""
        return self.headers / "Module.symvers"

    @property
    def vmlinuz(self) -> Path:
        """The bootable image."""
        return self.root / f"boot/vmlinuz-{self.release}"

    @property
    def modules(self) -> Path:
        """The folder of the kernel's own modules; below /usr since Debian 13."""
        merged = self.root / f"usr/lib/modules/{self.release}"
        return merged if merged.is_dir() else self.root / f"lib/modules/{self.release}"

    @property
    def module_variables(self) -> Mapping[str, str]:
        """Variables for make when modules are built."""
        return {}

    def flavour(self, name: str) -> KernelTree:
        """The same version in another flavour of Debian's, such as "cloud": headers to build with, no kernel to boot.

        Raises: SetupError if its headers are missing.
        """
        version, _dash, architecture = self.release.rpartition("-")
        other = replace(self, release=f"{version}-{name}-{architecture}")
        if not other.headers.is_dir():
            raise SetupError(
                _("There are no headers of the kernel {release}.").format(release=other.release),
                hint=_("Run `kmodlab setup`."),
            )
        return other

    @property
    def compiler(self) -> str:
        """The compiler that built the kernel and must build its modules: the command that kbuild runs.

        For instance "gcc-12"; since Debian 13 "x86_64-linux-gnu-gcc-14".

        Raises: SetupError if the headers are missing or damaged.
        """
        variables = self.headers / ".kernelvariables"
        try:
            text = variables.read_text(encoding="utf-8")
        except OSError as error:
            message = _("The kernel headers {release} are missing or damaged.").format(release=self.release)
            raise SetupError(message, hint=_(_REMEDY)) from error
        match = re.search(r"^CC\s*=.*?\b(gcc(?:-\d+)?)\s*$", text, re.MULTILINE)
        prefix = re.search(r"^override CROSS_COMPILE = ([\w-]+-)$", text, re.MULTILINE)
        return (prefix[1] if prefix else "") + (match[1] if match else "gcc")

    @property
    def compiler_package(self) -> str:
        """Debian's package with the compiler. Raises: SetupError if the headers are missing or damaged."""
        return self.compiler[self.compiler.rindex("gcc") :]

    def verify(self) -> None:
        """Check all files that builds read, before a failed build is called the learner's fault.

        Raises: DamagedLabError.
        """
        verify(self.root.parent, f"{self.root.name}/usr/src/")


def relocate(root: Path, release: str) -> KernelTree:
    """Make an unpacked tree usable from any folder; doing it twice changes nothing.

    Debian's headers name their other half by its absolute path, /usr/src/linux-headers-…-common, and kbuild's programs
    as ../../lib/linux-kbuild-…; a sandbox that mounts `root/usr/src` at /usr/src has neither. Afterwards all paths in
    usr/src stay within usr/src.


    Raises: SetupError if the tree is not as expected.
    """
    tree = KernelTree(release, root)
    try:
        if not (root / "lib").exists():
            _link(root / "lib", "usr/lib")  # depmod looks below lib, where the modules were before Debian 13
        folders = _header_folders(tree)
        _move_kbuild(root)
        for headers in folders:
            _relink(headers)
            if not headers.name.endswith("-common"):  # the other half itself
                _rewrite_include(headers / "Makefile")
    except OSError as error:
        message = _("The kernel headers {release} could not be prepared: {error}.")
        raise SetupError(message.format(release=release, error=error), hint=_(_REMEDY)) from error
    return tree


def _header_folders(tree: KernelTree) -> list[Path]:
    folders = [path for path in tree.sources.glob("linux-headers-*") if path.is_dir()]
    if tree.headers not in folders:
        message = _("The kernel headers {release} are missing.").format(release=tree.release)
        raise SetupError(message, hint=_(_REMEDY))
    return folders


def _move_kbuild(root: Path) -> None:
    """Move usr/lib/linux-kbuild-X to usr/src, and leave a link in its old place."""
    for packaged in root.glob("usr/lib/linux-kbuild-*"):
        if not packaged.is_symlink():
            moved = root / "usr/src" / packaged.name
            # Debian has a link here, which points the other way.
            moved.unlink(missing_ok=True)
            packaged.rename(moved)
    # Searched in usr/src, because the link in usr/lib is missing if an earlier call was killed after the renaming.
    for moved in root.glob("usr/src/linux-kbuild-*"):
        _link(root / "usr/lib" / moved.name, f"../src/{moved.name}")


def _relink(headers: Path) -> None:
    for name in ("scripts", "tools"):
        link = headers / name
        if link.is_symlink():
            _link(link, f"../{link.readlink().parent.name}/{name}")
        if not link.exists():
            message = _("Debian's linux-kbuild package is missing for {headers}.").format(headers=headers.name)
            raise SetupError(message, hint=_(_REMEDY))


def _link(link: Path, target: str) -> None:
    if link.is_symlink() and str(link.readlink()) == target:
        return
    link.unlink(missing_ok=True)
    link.symlink_to(target)


def _rewrite_include(makefile: Path) -> None:
    text = makefile.read_text(encoding="utf-8")
    # $(abspath) so that make's messages name the file as they do on a machine where the packages are installed.
    relative = re.sub(
        r"^include /usr/src/(\S+)$",
        r"include $(abspath $(dir $(lastword $(MAKEFILE_LIST)))../\1)",
        text,
        flags=re.MULTILINE,
    )
    if relative != text:
        makefile.write_text(relative, encoding="utf-8")
        # The sandbox's user must be able to read it, even if our umask is strict.
        makefile.chmod(0o644)
