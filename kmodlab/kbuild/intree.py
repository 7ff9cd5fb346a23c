"""Builds the kernel with a learner's change in its tree: a driver built in, or as a module beside it.

make runs in the sandbox, on a view of the tree: the source is read-only, each folder with a change is replaced by a
folder of links to its files, and the kept objects are copied. So the build changes neither source nor objects.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Callable
from pathlib import PurePosixPath

from kmodlab.errors import SandboxError
from kmodlab.files import MIB
from kmodlab.i18n import _
from kmodlab.kbuild.build import BUILD_ENVIRONMENT, build, pack
from kmodlab.kbuild.intree_result import InTreeBuild, assess
from kmodlab.kbuild.kernel_build import USR_SRC
from kmodlab.kbuild.result import Build
from kmodlab.kbuild.sources import Sources
from kmodlab.kbuild.tree_change import ChangedTree, TreeChange
from kmodlab.kernel.arch import Arch
from kmodlab.kernel.own import BUILD_VARIABLES, OwnKernel
from kmodlab.kernel.tree import KernelTree
from kmodlab.process import Deadline, run_async, run_sync
from kmodlab.sandbox.guard import Guard
from kmodlab.sandbox.limits import INTREE, Limits
from kmodlab.sandbox.sandbox import OUTSIDE, WORK, Box, SandboxVerdict, find_sandbox, open_box

# The first part makes the view and copies the objects, and runs no code of the learner's. Then kbuild runs the commands
# of the learner's Makefile. The results leave through descriptor 3, which make and its children do not get.
_SCRIPT = r"""
exec 3>&2 2>&1
tree=$1 objects=$2 image=$3 jobs=$4
shift 4
umask 022
for folder; do
    find "/usr/src/source/$folder" -mindepth 1 -maxdepth 1 -exec ln -s -t "$tree/$folder" {} + || exit 99
done
cd /tmp && tar --extract --file=- --no-same-owner || exit 99
cp -r --remove-destination tree/. "$tree" 2>/dev/null || exit 99
find /usr/src/objects -mindepth 1 -maxdepth 1 -exec cp -a -t "$objects" {} + || exit 99
make="make -C $tree O=$objects"
while IFS='=' read -r option value; do
    sed -i "/^CONFIG_$option=/d;/^# CONFIG_$option is not set$/d" "$objects/.config"
    echo "CONFIG_$option=$value" >>"$objects/.config"
done <options
echo '== oldconfig'
{ cat answers; yes ''; } 2>/dev/null | $make oldconfig 3>&-
status=$?
echo '== build'
if [ $status = 0 ] && grep -qvxFf "$objects/.config" wanted; then
    status=1 # kconfig did not take an answer
elif [ $status = 0 ]; then
    $make "--jobs=$jobs" "$(basename "$image")" modules </dev/null 3>&-
    status=$?
fi
mkdir -p /tmp/out && cd /tmp/out || exit
cp "$objects/.config" config
exec 2>/dev/null
for file in vmlinux modules.builtin modules.builtin.modinfo; do cp "$objects/$file" .; done
cp "$objects/$image" image
n=0
for source in $(cat /tmp/names); do
    cp "${objects}/${source%/*}"/*.ko .
    cp "$objects/${source%.c}.o" "object-$n.o"
    n=$((n + 1))
done
tar --create --file=- --format=ustar --owner=0 --group=0 --hard-dereference . 2>/dev/null >&3
exit $status
"""


# A step in make's output. If a driver is built in: the driver, the archives above it, the link, and the image.
_STEP = re.compile(rb"^  [A-Z]+ +(?:\[M\] +)?(\S+)$", re.MULTILINE)
_STEPS = 42
_RESULTS_MIB = 128  # the files that leave the sandbox; vmlinux is the largest

Progress = Callable[[str, int, int], None]  # the step, steps done, estimated steps in total


def build_intree(
    kernel: OwnKernel,
    change: TreeChange,
    arch: Arch,
    *,
    progress: Progress = lambda _step, _done, _total: None,
    limits: Limits = INTREE,
    sandbox: SandboxVerdict | None = None,
) -> InTreeBuild:
    """Build the kernel with a change. Errors in the learner's code are in the result.

    `progress` is called on the I/O thread.

    Raises: DamagedLabError if the build fails and the tree is damaged; SandboxError if it could not be started.
    """
    return run_sync(_build(kernel, change, arch, progress, limits, sandbox))


def build_as_module(tree: KernelTree, change: TreeChange, path: str, name: str) -> Build:
    """Build the source at `path` in a change as the external module `name`, for an unchanged kernel.

    The headers that the change has in the same folder are built with it.

    Raises: UsageError if they cannot be built; and what `build` raises.
    """
    source = PurePosixPath(path)
    others = {PurePosixPath(other): text for other, text in change.texts.items()}
    files = {other.name: text for other, text in others.items() if other.match(f"{source.parent}/*.h")}
    makefile = f"obj-m += {name}.o\n" if name == source.stem else f"obj-m += {name}.o\n{name}-y := {source.stem}.o\n"
    files |= {source.name: change.texts[path], "Makefile": makefile}
    return build(tree, Sources.of(name, files))


async def _build(
    kernel: OwnKernel,
    change: TreeChange,
    arch: Arch,
    progress: Progress,
    limits: Limits,
    sandbox: SandboxVerdict | None,
) -> InTreeBuild:
    sandbox = sandbox or await find_sandbox()
    if not sandbox.works:
        sentence = _("A driver can only be built into the kernel in the sandbox. {reason}")
        raise SandboxError(sentence.format(reason=sandbox.sentence), hint=sandbox.hint)
    began = time.monotonic()
    view = ChangedTree(kernel, change)
    source, objects = f"{USR_SRC}/source", f"{USR_SRC}/objects"
    folders = {USR_SRC: 1, view.objects: limits.disk_mib, WORK: 128}
    folders |= {f"{view.tree}/{name}": 16 for name in view.folders}
    binds = {view.tree: kernel.source, source: kernel.source, objects: kernel.headers}
    with open_box(sandbox, limits=limits, binds=binds, tmpfs=folders) as box:
        guard = box.guard()
        finished = await run_async(
            _argv(box, view, arch),
            deadline=Deadline.after(limits.wall_s or 3600),
            stdin=pack(view.packed()),
            environment=OUTSIDE,
            pass_fds=box.pass_fds,
            output_limit=_RESULTS_MIB * MIB,
            on_output=_counter(guard, progress),
            watch=guard.watch,
        )
    result = await asyncio.to_thread(assess, finished, guard, view, time.monotonic() - began)
    if not result.passed:
        await asyncio.to_thread(kernel.verify)
    return result


def _counter(guard: Guard, progress: Progress) -> Callable[[bytes], None]:
    """A function for make's output that counts its bytes and its steps."""
    done = 0

    def count(chunk: bytes) -> None:
        nonlocal done
        guard.count(chunk)
        for step in _STEP.findall(chunk):
            done += 1
            progress(step.decode("utf-8", "replace"), min(done, _STEPS - 1), _STEPS)

    return count


def _argv(box: Box, view: ChangedTree, arch: Arch) -> list[str]:
    image = f"arch/{arch.source}/{arch.image}"
    words = ["sh", "-c", _SCRIPT, "intree", view.tree, view.objects, image, str(os.cpu_count() or 1), *view.folders]
    return box.argv(words, cwd=WORK, environment={**BUILD_ENVIRONMENT, **BUILD_VARIABLES, "TMPDIR": WORK})
