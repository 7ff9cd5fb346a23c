"""`dkms build` in the sandbox: Debian's DKMS builds a driver from its source, for a kernel whose headers are there.

A dkms.conf is a shell script, which dkms runs (dkms(8)); so dkms itself runs in the sandbox only, as make does. It is
the program of Debian's package, which is not installed, with a tree of its own in the place of /var/lib/dkms.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kmodlab.errors import SandboxError, UsageError
from kmodlab.files import MIB, read_file
from kmodlab.i18n import _
from kmodlab.kbuild.build import BUILD_ENVIRONMENT, USR_SRC, headers_path
from kmodlab.kbuild.cc_cache import WRAPPER_FOLDER, find_compiler
from kmodlab.kbuild.outputs import read_archive, what_is_wrong
from kmodlab.kernel.tree import KernelTree
from kmodlab.process import CompletedProcess, Deadline, run_async, run_sync
from kmodlab.sandbox.host import PATH
from kmodlab.sandbox.limits import BUILD
from kmodlab.sandbox.sandbox import OUTSIDE, WORK, SandboxVerdict, find_sandbox, open_box
from kmodlab.text import escape_control_chars

_PACKAGES = "/opt/dkms"  # in the sandbox
_TREE = "/var/lib/dkms"
_EXCLUDED = 77  # dkms's exit status if a directive BUILD_EXCLUSIVE… of dkms.conf does not match the kernel
_LOG = "make.log"
_WALL_S = 300.0  # Debian's source is larger than a learner's, and dkms cleans its folder twice

# Modules and log leave through descriptor 3, as those of `kbuild.build` do. make.log stays beside a failed build.
_SCRIPT = r"""
exec 3>&2 2>&1
dkms=$1 package=$2 release=$3 headers=$4 sources=$5 tree=$6
echo "\$ dkms build $package -k $release --kernelsourcedir $headers"
"$dkms" build "$package" -k "$release" --kernelsourcedir "$headers" --sourcetree "$sources" --dkmstree "$tree" \
    </dev/null 3>&-
status=$?
echo "\$ dkms status"
"$dkms" status --sourcetree "$sources" --dkmstree "$tree" </dev/null 3>&-
mkdir out && cd out
cp "$tree/$package/build/make.log" "$tree/$package/$release"/*/log/make.log "$tree/$package/$release"/*/module/*.ko . \
    2>/dev/null
tar --create --file=- --format=ustar --owner=0 --group=0 . 2>/dev/null >&3
exit $status
"""


@dataclass(frozen=True)
class DkmsDriver:
    """A driver's source as its package has it: `folder` belongs at /usr/src, `package` is as v4l2loopback/0.12.7."""

    package: str
    folder: Path

    @property
    def conf(self) -> str:
        """Its dkms.conf."""
        return escape_control_chars(read_file(self.folder / "dkms.conf", MIB).decode("utf-8", "replace"))


@dataclass(frozen=True)
class DkmsBuild:
    """What `dkms build` did: what it printed, make's log, and the modules by file name, unless it failed."""

    transcript: str
    log: str
    modules: Mapping[str, bytes]
    status: int
    seconds: float

    @property
    def is_excluded(self) -> bool:
        """Whether dkms.conf says that the driver is not for this kernel."""
        return self.status == _EXCLUDED


def find_drivers(packages: Path) -> dict[str, DkmsDriver]:
    """The drivers whose packages are unpacked into a folder, by name."""
    folders = [conf.parent for conf in sorted(packages.glob("usr/src/*-*/dkms.conf"))]
    split = {folder: folder.name.rpartition("-") for folder in folders}
    return {name: DkmsDriver(f"{name}/{version}", folder) for folder, (name, _dash, version) in split.items()}


def find_driver(packages: Path, name: str) -> DkmsDriver:
    """The driver of that name. Raises: UsageError."""
    drivers = find_drivers(packages)
    if name not in drivers:
        raise UsageError(
            _("There is no package for DKMS with a driver {name}.").format(name=ascii(name)),
            hint=_("There are: {names}.").format(names=", ".join(drivers)),
        )
    return drivers[name]


def build_with_dkms(
    packages: Path, driver: DkmsDriver, tree: KernelTree, *, sandbox: SandboxVerdict | None = None
) -> DkmsBuild:
    """Build a driver for a kernel with `dkms build`; `packages` is where dkms is unpacked.

    `sandbox` defaults to what `check_sandbox` returns.

    Raises: DamagedLabError if the build fails and the headers are damaged; SandboxError if it could not be started.
    """
    return run_sync(_build(packages, driver, tree, sandbox))


async def _build(packages: Path, driver: DkmsDriver, tree: KernelTree, sandbox: SandboxVerdict | None) -> DkmsBuild:
    sandbox = sandbox or await find_sandbox()
    compiler = find_compiler(tree) if sandbox.works else None
    binds = {USR_SRC: tree.sources, _PACKAGES: packages, "/etc/dkms": packages / "etc/dkms"}
    binds |= {WRAPPER_FOLDER: compiler} if compiler else {}
    start = time.monotonic()
    with open_box(sandbox, limits=BUILD, binds=binds, tmpfs={WORK: BUILD.disk_mib, _TREE: BUILD.disk_mib}) as box:
        headers = box.path(headers_path(tree.release))
        program, sources = box.path(f"{_PACKAGES}/usr/sbin/dkms"), box.path(f"{_PACKAGES}/usr/src")
        words = [program, driver.package, tree.release, headers, sources, box.path(_TREE)]
        variables = {
            **BUILD_ENVIRONMENT,
            **tree.module_variables,
            **({"PATH": f"{WRAPPER_FOLDER}:{PATH}"} if compiler else {}),
            "TMPDIR": box.path(WORK),
            # Unless it is told, the driver's Makefile takes the headers of the kernel that runs, which is not the
            # guest's. dkms.conf tells it for the build, but not for `make clean`.
            "KERNEL_DIR": headers,
            "OMP_NUM_THREADS": "1",  # what nproc(1) prints then: dkms starts as many jobs
        }
        guard = box.guard()
        finished = await run_async(
            box.argv(["sh", "-c", _SCRIPT, "dkms", *words], cwd=WORK, environment=variables),
            deadline=Deadline.after(_WALL_S),
            environment=OUTSIDE,
            pass_fds=box.pass_fds,
            output_limit=2 * BUILD.disk_mib * MIB,
            on_output=guard.count,
            watch=guard.watch,
        )
        shown = box.shown(finished.stdout.decode("utf-8", "replace"))
    result = _read_result(finished, shown, tree.release, time.monotonic() - start)
    if not result.modules and not result.is_excluded:
        await asyncio.to_thread(tree.verify)
    return result


def _read_result(finished: CompletedProcess, shown: str, release: str, seconds: float) -> DkmsBuild:
    if not shown:
        raise SandboxError(_("dkms could not be started."), hint=_("Run `kmodlab doctor`."), details=finished.text)
    # Named as on a machine that has the package installed. dkms prints a dot now and then while it waits.
    transcript = re.sub(r"\.{4,}", "...", shown.replace(_PACKAGES, ""))
    files = read_archive(finished.stderr)
    log = files.get(_LOG, b"").decode("utf-8", "replace").splitlines()
    modules = {name: ko for name, ko in files.items() if name.endswith(".ko") and not what_is_wrong(ko, release)}
    return DkmsBuild(
        transcript=escape_control_chars(transcript),
        log=escape_control_chars("\n".join(log[2:])),  # its head is the date
        modules=modules if finished.ok else {},
        status=finished.status,
        seconds=seconds,
    )
