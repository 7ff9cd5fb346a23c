"""C to .ko by the kernel's own build system, in the sandbox: `build` takes sources and returns a `Build`.

Errors in the learner's code are in the `Build`; an exception means that make could not be run. Sources enter the
sandbox, and outputs leave it, as archives through pipes: nothing is written to this machine's disk.
"""

from __future__ import annotations

import asyncio
import io
import shutil
import tarfile
import time
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from kmodlab.errors import DamagedLabError, SandboxError, SetupError
from kmodlab.files import MIB
from kmodlab.i18n import _
from kmodlab.kbuild.cc_cache import WRAPPER_FOLDER, find_compiler
from kmodlab.kbuild.kernel_headers import KernelHeaders
from kmodlab.kbuild.outputs import link_names, read_archive
from kmodlab.kbuild.result import Build, Run, assess_build
from kmodlab.kbuild.sources import Sources
from kmodlab.kernel.tree import KernelTree
from kmodlab.manifest import verify
from kmodlab.process import CompletedProcess, Deadline, run_async, run_sync
from kmodlab.sandbox.guard import Guard, Overrun
from kmodlab.sandbox.host import PATH
from kmodlab.sandbox.limits import BUILD, Limits
from kmodlab.sandbox.sandbox import OUTSIDE, WORK, Box, SandboxVerdict, find_sandbox, open_box
from kmodlab.text import escape_control_chars

USR_SRC = "/usr/src"
_SCRATCH = "/var/tmp"  # noqa: S108 (in the sandbox, for gcc: the working folder holds only what kbuild makes)
_SCRATCH_MIB = 32

# The archive leaves through descriptor 3, which make and its children do not get.
_SCRIPT = """
exec 3>&2 2>&1
tar --extract --file=- --no-same-owner || exit
make -C "$1" M="$2" modules </dev/null 3>&-
status=$?
tar --create --file=- --format=ustar --owner=0 --group=0 --hard-dereference . 2>/dev/null >&3
exit $status
"""

# The locale makes gcc print the quotes that a terminal shows. Times and names are fixed, so that equal sources give
# equal modules.
BUILD_ENVIRONMENT = {
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
    "HOME": "/nonexistent",
    "SOURCE_DATE_EPOCH": "1700000000",
    "KBUILD_BUILD_TIMESTAMP": "Tue Nov 14 22:13:20 UTC 2023",
    "KBUILD_BUILD_USER": "learner",
    "KBUILD_BUILD_HOST": "kmodlab",
    "KBUILD_BUILD_VERSION": "1",
}


def build(
    tree: KernelTree, sources: Sources, *, limits: Limits = BUILD, sandbox: SandboxVerdict | None = None
) -> Build:
    """Build a module with `make -C … M=… modules`; an interrupt ends the build and leaves nothing behind.

    `sandbox` None means the result of `check_sandbox`.

    Raises: SetupError if headers or tools are missing; DamagedLabError if the build fails and they are damaged;
    SandboxError if the build could not be started.
    """
    return run_sync(build_async(tree, sources, limits=limits, sandbox=sandbox))


async def build_async(
    tree: KernelTree,
    sources: Sources,
    *,
    limits: Limits = BUILD,
    sandbox: SandboxVerdict | None = None,
    compiler: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Build:
    """`build` for callers on the I/O thread; raises the same exceptions.

    `compiler` is a folder put first on PATH, by default that of the compiler wrapper (`cc_cache`); `environment` is
    added to make's.

    Raises: SetupError, DamagedLabError, SandboxError, as `build` does.
    """
    _check_tools(tree)
    sandbox = sandbox or await find_sandbox()
    start = time.monotonic()
    folders = {WORK: limits.disk_mib, _SCRATCH: _SCRATCH_MIB}
    compiler = compiler or (find_compiler(tree) if sandbox.works else None)
    binds = {USR_SRC: tree.sources} | ({WRAPPER_FOLDER: compiler} if compiler else {})
    with open_box(sandbox, limits=limits, binds=binds, tmpfs=folders) as box:
        guard = box.guard()
        finished = await run_async(
            make_argv(box, tree.release, {**tree.module_variables, **(environment or {})}),
            deadline=Deadline.after(limits.wall_s or 3600),
            stdin=pack(sources.files),
            environment=OUTSIDE,
            pass_fds=box.pass_fds,
            output_limit=2 * limits.disk_mib * MIB,
            on_output=guard.count,
            watch=guard.watch,
        )
        run = _observe(finished, box, guard, tree.release)
    seconds = time.monotonic() - start
    # Parsing hostile output may take a while, which would block the event loop and with it all guests.
    result = await asyncio.to_thread(
        assess_build, run, sources, tree.release, seconds=seconds, sandboxed=box.real, headers=_headers(tree)
    )
    if not result.passed:
        await asyncio.to_thread(tree.verify)
        if compiler:
            await asyncio.to_thread(verify, compiler)
    return result


@lru_cache(maxsize=4)
def _headers(tree: KernelTree) -> KernelHeaders:
    """A tree's headers, which are listed once."""
    return KernelHeaders(tree)


def _check_tools(tree: KernelTree) -> None:
    if not (tree.headers / "Makefile").is_file():
        message = _("The kernel headers {release} are missing.").format(release=tree.release)
        raise DamagedLabError(tree.headers, message)
    missing = [name for name in ("make", tree.compiler, "ld", "tar") if shutil.which(name) is None]
    if missing:
        raise SetupError(
            _("To build modules, this is missing: {names}.").format(names=", ".join(missing)),
            hint=_("`kmodlab doctor` says which packages to install."),
        )


def make_argv(box: Box, release: str, environment: Mapping[str, str]) -> list[str]:
    """The command line of a build: unpack, make, pack."""
    words = ["sh", "-c", _SCRIPT, "build", box.path(headers_path(release)), box.path(WORK)]
    variables = {"TMPDIR": box.path(_SCRATCH)} | (
        {"PATH": f"{WRAPPER_FOLDER}:{PATH}"} if WRAPPER_FOLDER in box.binds else {}
    )
    return box.argv(words, cwd=WORK, environment={**BUILD_ENVIRONMENT, **variables, **environment})


def headers_path(release: str) -> str:
    """The path of a kernel's headers in the sandbox."""
    return f"{USR_SRC}/linux-headers-{release}"


def pack(files: Mapping[str, bytes]) -> bytes:
    """The sources as a ustar archive."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mtime = len(content), int(time.time())
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def _observe(finished: CompletedProcess, box: Box, guard: Guard, release: str) -> Run:
    overrun = guard.overrun or (Overrun.OUTPUT if finished.output_truncated else None)
    if not finished.stdout and not overrun and not finished.timed_out:
        # make prints "Entering directory" even with a broken Makefile; without this line it was never started.
        errors = finished.stderr[:2000].decode("utf-8", "replace").strip()
        reason = (errors.splitlines() or [_("status {status}").format(status=finished.status)])[-1]
        message = _("The build could not be started: {reason}.").format(reason=reason)
        raise SandboxError(message, hint=_("Run `kmodlab doctor`."), details=errors)
    return Run(
        status=finished.status,
        timed_out=finished.timed_out,
        overrun=overrun,
        transcript=_transcript(finished.stdout, box, release),
        files=read_archive(finished.stderr),
        links=link_names(finished.stderr),
    )


def _transcript(printed: bytes, box: Box, release: str) -> str:
    limit = box.limits.output_mib * MIB
    text = box.shown(printed[:limit].decode("utf-8", "replace"))
    cut = "\n{}\n".format(_("… (there was more)")) if len(printed) > limit else ""
    return f"$ make -C {headers_path(release)} M=$(pwd) modules\n{escape_control_chars(text)}{cut}"
