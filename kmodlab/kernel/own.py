"""Kernels of our own, built from Debian's source of the same series: their variants, and the folders of their parts.

    kernels/VERSION/                        one version of Debian's package linux-source-X
        packages.json, linux-source-….deb   the download
        kernel/usr/src/linux-6.1/           the source, sealed when it is unpacked
        kernel/usr/src/linux-headers-…/     a variant's objects, with which modules are built too; sealed when complete
        kernel/boot/, kernel/lib/modules/   a variant's image and modules
        small.json, debug.json              what guests of a variant use (`guest.lab.LabFile`)

`small` boots in half the time of Debian's kernel, and drivers are built into it; `debug` has the kernel's own checkers
(KASAN, kmemleak, lockdep and others).
`kbuild.kernel_build` builds them, `guest.own_lab` makes their guests.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from kmodlab.errors import SetupError, UsageError
from kmodlab.i18n import N_, _
from kmodlab.kernel.tree import KernelTree
from kmodlab.manifest import is_sealed, verify

FOLDER = "kernels"
DEBIAN = "debian"  # the kernel that is not one of our own
# Options that not all kernels have: the configuration may lack them although a fragment sets them.
_NOT_IN_ALL = (
    *("CPU_MITIGATIONS", "HID_SUPPORT", "MITIGATION_RETPOLINE", "RETPOLINE", "SPECULATION_MITIGATIONS"),
    "UBSAN_SANITIZE_ALL",
)


@dataclass(frozen=True)
class Variant:
    """A configuration: fragments in `config/`, and what building it costs, measured once."""

    name: str
    fragments: tuple[str, ...]
    purpose: str
    steps: int  # lines that make prints, roughly
    cpu_s: int  # processor time
    needed_mib: int  # disk space for its objects
    finds_leaks: bool = False  # by kmemleak
    variables: tuple[str, ...] = ()  # for make, as NAME=value


VARIANTS = {
    variant.name: variant
    for variant in (
        Variant("small", ("small",), N_("drivers are built into it"), steps=1500, cpu_s=300, needed_mib=500),
        Variant(
            "debug",
            ("small", "debug"),
            N_("it finds mistakes by itself"),
            steps=1550,
            cpu_s=780,
            needed_mib=900,
            finds_leaks=True,
            # kmemleak reads every word of memory. If KASAN checks each of these reads, a scan takes twice as long.
            variables=("KASAN_SANITIZE_kmemleak.o=n",),
        ),
    )
}
KERNELS = (DEBIAN, *VARIANTS)


def get_variant(name: str) -> Variant:
    """The variant of that name. Raises: UsageError."""
    if name not in VARIANTS:
        sentence = _("There is no kernel {name}; there are: {names}.")
        raise UsageError(sentence.format(name=ascii(name), names=", ".join(KERNELS)))
    return VARIANTS[name]


# For make, when it builds the kernel. By default gcc records the origin of each token of a macro, which takes a twelfth
# of its time and only improves diagnostics. Learners' own objects are built with it (`kbuild.tree_change`).
BUILD_VARIABLES = {"KCFLAGS": "-ftrack-macro-expansion=0"}
LEARNERS_FLAGS = "-g -ftrack-macro-expansion=2"


@dataclass(frozen=True)
class OwnKernel(KernelTree):
    """A variant's tree: `root` is the folder `kernel`, and `headers` are the objects."""

    variant: str = "small"

    @property
    def source(self) -> Path:
        """The kernel's source."""
        return next(iter(sorted(self.sources.glob("linux-[0-9]*"))), self.sources / "linux")

    @property
    def compiler(self) -> str:
        """The compiler that builds the kernel and its modules, as a command."""
        return "gcc"

    @property
    def compiler_package(self) -> str:
        """Debian's package with the compiler."""
        return "gcc"

    @property
    def module_variables(self) -> Mapping[str, str]:
        """Variables for make when modules are built: with debugging information, which the kernel itself does not have.

        The kernel builds faster without it.
        """
        return {"KCFLAGS": "-g"}

    @property
    def is_complete(self) -> bool:
        """Whether the last build was completed."""
        return is_sealed(self.headers)

    def verify(self) -> None:
        """Check the source and the objects. Raises: DamagedLabError."""
        for folder in (self.source, self.headers):
            verify(folder)


def own_kernel(folder: Path, version: str, variant: str) -> OwnKernel:
    """A variant of the source package `version` in the cache folder `folder`, whether it has been built or not.

    Its release is the upstream version and the variant, such as "6.1.192-small".

    Raises: SetupError if `version` is not a version.
    """
    return OwnKernel(f"{upstream_version(version)}-{variant}", folder / FOLDER / version / "kernel", variant)


def upstream_version(version: str) -> str:
    """The kernel's version in a Debian package's version: 6.1.192 in 6.1.192-3.

    Raises: SetupError if it does not begin with a version.
    """
    match = re.match(r"\d+\.\d+(\.\d+)?", version)
    if not match:
        raise SetupError(_("The source has no version that can be read: {version}.").format(version=version))
    return match[0] if match[1] else f"{match[0]}.0"


def fragment(variant: Variant) -> str:
    """The options of a variant, in the format of .config; where fragments differ, the later one decides."""
    folder = files("kmodlab.kernel") / "config"
    options: dict[str, str] = {}
    for name in variant.fragments:
        for line in (folder / f"{name}.config").read_text().splitlines():
            if line.startswith("CONFIG_"):
                options[line.partition("=")[0]] = line
    return "\n".join([*options.values(), ""])


def unmet_options(wanted: str, config: str) -> Iterator[str]:
    """The lines of the fragment `wanted` that `config` lacks: kconfig drops options whose dependencies are not met."""
    lines = set(config.splitlines())
    for line in wanted.splitlines():
        option, _equals, value = line.partition("=")
        is_met = f"{option}=y" not in lines if value == "n" else line in lines
        if not is_met and option.removeprefix("CONFIG_") not in _NOT_IN_ALL:
            yield line
