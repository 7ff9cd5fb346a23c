"""Builds a kernel of our own from Debian's source: configures it, compiles it, and keeps its objects.

make runs in the sandbox, so that source and objects have the same paths in all builds, wherever the lab is: kbuild
compiles an object again if its path has changed. The source is read-only there. The objects are written directly to
the lab's folder, so an interrupted or killed build can be continued: kbuild records an object only when it is complete.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from kmodlab.errors import SandboxError, SetupError
from kmodlab.files import remove, replace_text
from kmodlab.i18n import _
from kmodlab.kbuild.build import BUILD_ENVIRONMENT
from kmodlab.kernel.arch import Arch
from kmodlab.kernel.own import BUILD_VARIABLES, OwnKernel, Variant, fragment, unmet_options
from kmodlab.manifest import MANIFEST, SEAL, seal
from kmodlab.process import CompletedProcess, Deadline, run_async, run_sync
from kmodlab.sandbox.limits import KERNEL
from kmodlab.sandbox.sandbox import OUTSIDE, WORK, find_sandbox, open_box

USR_SRC = "/usr/src"
SEED = "seed.config"  # the variant's options, for `make allnoconfig`, in the folder of the objects
_STEP = re.compile(rb"^  [A-Z][A-Z0-9_-]+ ", re.MULTILINE)  # "  CC      init/main.o"
_BUILD_S = 4 * 3600.0

Progress = Callable[[int, int], None]  # steps done, steps in total


def build_kernel(kernel: OwnKernel, variant: Variant, arch: Arch, inputs: str, progress: Progress) -> None:
    """Build a variant, or continue its build; then seal its objects, and install its image and modules.

    `inputs` identifies what it is made from. The source must have been unpacked before.

    Raises: SetupError if a tool is missing, the configuration lacks an option, or the build fails.
    """
    objects = kernel.headers
    objects.mkdir(parents=True, exist_ok=True)
    for name in (SEAL, MANIFEST):  # the folder is incomplete from now on
        remove(objects / name)
    _configure(kernel, variant)
    with _steps(progress, variant.steps) as count:
        _check(run_sync(_make(kernel, [*variant.variables, Path(arch.image).name, "modules"], count)))
    _install(kernel, arch)
    seal(objects, inputs, lambda path: path in (".config", "Makefile", "Module.symvers", "vmlinux"))


@contextlib.contextmanager
def _steps(progress: Progress, total: int):  # type: ignore[no-untyped-def]
    """A function for make's output that counts its steps; `total` is an estimate."""
    done = 0

    def count(chunk: bytes) -> None:
        nonlocal done
        done += len(_STEP.findall(chunk))
        progress(min(done, total - 1), total)

    progress(0, total)
    yield count
    progress(total, total)


def _configure(kernel: OwnKernel, variant: Variant) -> None:
    wanted = fragment(variant)
    seed, config = kernel.headers / SEED, kernel.headers / ".config"
    if seed.is_file() and seed.read_text() == wanted and config.is_file():
        return  # already configured
    replace_text(seed, wanted, mode=0o644)
    remove(config)
    variables = [f"KCONFIG_ALLCONFIG={_inside(kernel.headers)}/{SEED}"]
    _check(run_sync(_make(kernel, [*variables, "allnoconfig"])))
    unmet = list(unmet_options(wanted, config.read_text()))
    if unmet:
        remove(config)
        raise SetupError(
            _("This kernel's configuration cannot have {options}, which the guest needs.").format(
                options=", ".join(unmet)
            ),
            hint=_("kmodlab does not know this version of the source yet; an older one may do (KMODLAB_SUITE)."),
        )


async def _make(
    kernel: OwnKernel, words: Sequence[str], count: Callable[[bytes], None] | None = None
) -> CompletedProcess:
    verdict = await find_sandbox()
    if not verdict.works:
        raise SandboxError(
            _("A kernel of our own can only be built in the sandbox. {reason}").format(reason=verdict.sentence),
            hint=verdict.hint,
        )
    source, objects = kernel.source, kernel.headers
    with open_box(
        verdict,
        limits=KERNEL,
        binds={_inside(source): source},
        tmpfs={USR_SRC: 1, WORK: KERNEL.disk_mib},
        writable={_inside(objects): objects},
    ) as box:
        # Twice as many jobs as processors: most sources are small, and their jobs wait for files and for each other.
        jobs = f"--jobs={2 * (os.cpu_count() or 1)}"
        argv = ["make", "-C", _inside(source), f"O={_inside(objects)}", jobs, *words]
        return await run_async(
            box.argv(argv, cwd=_inside(objects), environment={**BUILD_ENVIRONMENT, **BUILD_VARIABLES, "TMPDIR": WORK}),
            deadline=Deadline.after(_BUILD_S),
            environment=OUTSIDE,
            pass_fds=box.pass_fds,
            merge=True,
            on_output=count,
        )


def _inside(path: Path) -> str:
    """The path in the sandbox of a folder in usr/src."""
    return f"{USR_SRC}/{path.name}"


def _check(finished: CompletedProcess) -> None:
    if finished.ok:
        return
    lines = finished.text.strip().splitlines()
    reason = next((line for line in lines if "error:" in line or "fatal" in line or " *** " in line), "")
    raise SetupError(
        _("The kernel could not be built: {reason}.").format(
            reason=(reason or (lines or [""])[-1]).strip().rstrip(".")
        ),
        hint=_("What was built is kept. Once the cause is removed, run the command again: it goes on."),
        details="\n".join(lines[-40:]),
    )


def _install(kernel: OwnKernel, arch: Arch) -> None:
    """Copy image and modules to the paths of a `KernelTree`, as `make modules_install` does."""
    kernel.vmlinuz.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(kernel.headers / "arch" / arch.source / arch.image, kernel.vmlinuz)
    remove(kernel.modules)
    kernel.modules.mkdir(parents=True)
    for name in ("modules.order", "modules.builtin", "modules.builtin.modinfo"):
        shutil.copyfile(kernel.headers / name, kernel.modules / name)
    for path in sorted(kernel.headers.rglob("*.ko")):
        target = kernel.modules / "kernel" / path.relative_to(kernel.headers)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
