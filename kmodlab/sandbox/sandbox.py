"""The sandbox for untrusted work: a box for each run of a command, made by bubblewrap.

A learner's Makefile can run any program, and a learner's module can do anything in its guest. So `make` and QEMU see
only the read-only system, their own inputs and small folders of their own, without network and under limits. If
bubblewrap cannot run, `no_sandbox` is the fallback, and `check_sandbox` says so. `guard` counts memory and output.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from kmodlab.files import MIB
from kmodlab.i18n import _
from kmodlab.process import Deadline, run_async, run_sync
from kmodlab.sandbox.guard import Guard
from kmodlab.sandbox.host import PATH, Host, demote_argv, limit_argv, read_host
from kmodlab.sandbox.limits import BUILD, Limits
from kmodlab.sandbox.no_sandbox import bare_argv, kill_leftovers, leash, make_subfolder, open_to_all, private_folder
from kmodlab.sandbox.seccomp import seccomp_filter
from kmodlab.settings import get_settings

WORK = "/tmp"  # noqa: S108 (in the box, not the host's)

_ETC = ("/etc/alternatives", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d")
# The environment of prlimit, setpriv and bubblewrap themselves; the command in the box gets its own.
OUTSIDE = {"PATH": PATH}


# ---- command lines, pure -------------------------------------------------------------------------------------------


def box_argv(
    argv: Sequence[str],
    *,
    host: Host,
    limits: Limits,
    binds: Mapping[str, Path],
    tmpfs: Mapping[str, int],
    cwd: str,
    environment: Mapping[str, str],
    uid: int | None,
    devices: Mapping[Path, int] | None = None,
    writable: Mapping[str, Path] | None = None,
    seccomp_fd: int | None = None,
    userns_off: bool = False,
) -> list[str]:
    """The command line that runs `argv` in bubblewrap.

    `binds` are mounted read-only (path in the box -> path on the host), `writable` are mounted as they are, `tmpfs` are
    new folders (path in the box -> MiB), `devices` are mounted with the group that may use each. The command inherits
    bubblewrap's descriptors. `uid` is the box's own user; None if a user namespace is used instead.
    """
    devices = devices or {}
    inner = limit_argv(limits, host, count_processes=uid is not None or host.per_box_nproc)
    if uid is not None:
        inner += demote_argv(uid, sorted(set(devices.values())))
    return [
        # The box's first process is bubblewrap; the others can read its environment.
        *("env", "-i", f"PATH={PATH}", "bwrap"),
        *_namespaces(uid is not None, userns_off=userns_off),
        *("--die-with-parent", "--new-session", "--clearenv"),
        *(word for name, value in environment.items() for word in ("--setenv", name, value)),
        *_system(host),
        *("--proc", "/proc", "--dev", "/dev"),
        *(word for device in devices for word in ("--dev-bind", str(device), str(device))),
        *(word for target, mib in tmpfs.items() if not _is_below(target, binds) for word in _tmpfs(target, mib)),
        *(word for target, path in binds.items() for word in _bind(target, path)),
        *(word for target, mib in tmpfs.items() if _is_below(target, binds) for word in _tmpfs(target, mib)),
        *(word for target, path in (writable or {}).items() for word in ("--bind", str(path), target)),
        # Both are file systems in memory without a limit on their size.
        *("--remount-ro", "/dev", "--remount-ro", "/"),
        *(("--seccomp", str(seccomp_fd)) if seccomp_fd is not None else ()),
        *("--chdir", cwd, "--"),
        *inner,
        *argv,
    ]


def _namespaces(root: bool, *, userns_off: bool) -> list[str]:
    unshared = ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    if root:
        # setpriv needs these to give up root.
        return [*unshared, *(word for cap in ("SETUID", "SETGID", "SETPCAP") for word in ("--cap-add", f"CAP_{cap}"))]
    # No capabilities, even in our own namespace.
    return ["--unshare-user", *(["--disable-userns"] if userns_off else []), *unshared, "--cap-drop", "ALL"]


def _system(host: Host) -> list[str]:
    words = ["--ro-bind", "/usr", "/usr", "--perms", "0755", "--dir", "/etc"]
    for path, target in host.links.items():
        words += ["--symlink", target, path] if target else ["--ro-bind", path, path]
    return words + [word for path in _ETC for word in ("--ro-bind-try", path, path)]


def _is_below(target: str, binds: Mapping[str, Path]) -> bool:
    """Whether a folder is mounted on one inside a read-only tree."""
    return any(target.startswith(f"{bind}/") for bind in binds)


def _tmpfs(target: str, mib: int) -> list[str]:
    # Every user may write there, as in /tmp: root mounts it, and the box's user works in it.
    return [*_parents(target), "--perms", "1777", "--size", str(mib * MIB), "--tmpfs", target]


def _bind(target: str, path: Path) -> list[str]:
    return [*_parents(target), "--ro-bind", str(path), target]


def _parents(target: str) -> list[str]:
    # By default, bubblewrap makes parent folders that only root can enter.
    parents = [str(folder) for folder in reversed(PurePosixPath(target).parents)][1:]
    missing = [folder for folder in parents if not folder.startswith("/usr")]
    return [word for folder in missing for word in ("--perms", "0755", "--dir", folder)]


# ---- whether bubblewrap works here -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class SandboxVerdict:
    """Whether bubblewrap works here, in one sentence, and what to do if not."""

    works: bool
    sentence: str
    hint: str = ""
    userns_off: bool = False


_verdicts: dict[str, SandboxVerdict] = {}


def check_sandbox(mode: str | None = None) -> SandboxVerdict:
    """Whether bubblewrap works here, tried once per process.

    `mode` is "auto" or "off"; None means the value of KMODLAB_SANDBOX.
    """
    return run_sync(find_sandbox(mode))


async def find_sandbox(mode: str | None = None) -> SandboxVerdict:
    """`check_sandbox` for callers on the I/O thread."""
    mode = mode or get_settings().sandbox
    if mode not in _verdicts:
        _verdicts[mode] = _switched_off() if mode == "off" else await _try_out()
    return _verdicts[mode]


def _switched_off() -> SandboxVerdict:
    return SandboxVerdict(
        works=False,
        sentence=_("The sandbox is switched off by KMODLAB_SANDBOX: what you build and load can read your files."),
        hint=_("Unset KMODLAB_SANDBOX to switch it on."),
    )


async def _try_out() -> SandboxVerdict:
    if shutil.which("bwrap") is None:
        sentence = _("There is no sandbox: bubblewrap is not installed; what you build and load can read your files.")
        return SandboxVerdict(works=False, sentence=sentence, hint=_("Install it: apt install bubblewrap."))
    reason = ""
    for userns_off in (True, False):
        verdict = SandboxVerdict(works=True, sentence=_("Builds and guests run in bubblewrap."), userns_off=userns_off)
        with open_box(verdict, limits=BUILD, binds={}, tmpfs={WORK: 1}) as box:
            finished = await run_async(
                box.argv(["true"], cwd=WORK, environment={}),
                deadline=Deadline.after(10),
                pass_fds=box.pass_fds,
            )
        if finished.ok:
            return verdict
        silent = _("it does not end") if finished.timed_out else _("it does not say why")
        reason = reason or (finished.text.strip().splitlines() or [silent])[0]
    sentence = _(
        "There is no sandbox: bubblewrap cannot run here ({reason}); what you build and load can read your files."
    )
    return SandboxVerdict(works=False, sentence=sentence.format(reason=reason), hint=_remedy())


def _remedy() -> str:
    restricted = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
    if restricted.exists() and restricted.read_text().strip() == "1":
        return _("Allow it: sysctl kernel.apparmor_restrict_unprivileged_userns=0 (or an AppArmor profile for bwrap).")
    disabled = Path("/proc/sys/kernel/unprivileged_userns_clone")
    if disabled.exists() and disabled.read_text().strip() == "0":
        return _("Allow it: sysctl kernel.unprivileged_userns_clone=1.")
    return _("In a container, allow namespaces (for Docker: --security-opt seccomp=unconfined), or use a real machine.")


# ---- one box -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Box:
    """A box for one run of one command; made by `open_box`.

    Start `argv(…)` with `pass_fds` added to the descriptors it inherits. Callers name paths as they are under
    bubblewrap (/tmp, /usr/src); `path` returns where they are without it.
    """

    real: bool  # made by bubblewrap
    host: Host
    limits: Limits
    binds: Mapping[str, Path]
    tmpfs: Mapping[str, int]
    uid: int | None  # its own user; None if it runs as ours
    devices: Mapping[Path, int]
    writable: Mapping[str, Path] = field(default_factory=dict)
    folder: Path | None = None  # holds the folders of `tmpfs` if there is no bubblewrap
    own_fd: int | None = None  # the filter of system calls, or the leash if there is no bubblewrap
    userns_off: bool = False

    @property
    def pass_fds(self) -> tuple[int, ...]:
        """The box's own descriptors, which the command line needs."""
        return () if self.own_fd is None else (self.own_fd,)

    def guard(self) -> Guard:
        """A new guard for this box."""
        return Guard(self.limits, tmpfs=() if self.folder else tuple(self.tmpfs), folder=self.folder)

    def path(self, target: str) -> str:
        """The path at which the command finds the box's path `target`; another one without bubblewrap."""
        for inside, real in self._mounts().items():
            if target == inside or target.startswith(inside + "/"):
                return f"{real}{target.removeprefix(inside)}"
        return target

    def shown(self, text: str) -> str:
        """The command's output with the box's paths, also if it ran without bubblewrap."""
        for inside, real in self._mounts().items():
            text = text.replace(str(real), inside)
        return text

    def argv(self, argv: Sequence[str], *, cwd: str, environment: Mapping[str, str]) -> list[str]:
        """The command line that runs `argv` in this box."""
        environment = {"PATH": PATH, **environment}
        if self.folder:
            assert self.own_fd is not None
            return bare_argv(
                argv,
                host=self.host,
                limits=self.limits,
                environment=environment,
                cwd=self.path(cwd),
                folder=self.folder,
                leash_fd=self.own_fd,
                uid=self.uid,
                groups=sorted(set(self.devices.values())),
            )
        return box_argv(
            argv,
            host=self.host,
            limits=self.limits,
            binds=self.binds,
            tmpfs=self.tmpfs,
            cwd=cwd,
            environment=environment,
            uid=self.uid,
            devices=self.devices,
            writable=self.writable,
            seccomp_fd=self.own_fd,
            userns_off=self.userns_off,
        )

    def _mounts(self) -> dict[str, Path]:
        if self.folder is None:
            return {}
        folders = {target: self.folder / target.strip("/").replace("/", "-") for target in self.tmpfs}
        return folders | dict(self.binds)


@contextlib.contextmanager
def open_box(
    verdict: SandboxVerdict,
    *,
    limits: Limits,
    binds: Mapping[str, Path],
    tmpfs: Mapping[str, int],
    devices: Sequence[Path] = (),
    writable: Mapping[str, Path] | None = None,
) -> Iterator[Box]:
    """A box for one run; on leaving, all that was made for it is removed. See `box_argv` for the arguments.

    `devices` are the paths of device files. Only a trusted command may get `writable` folders: it then runs as our own
    user, without the filter of system calls.

    Raises: SandboxError if no temporary folder can be made.
    """
    host = read_host()
    # Without bubblewrap another user could not reach a lab in root's home.
    demoted = host.root and not writable and (verdict.works or all(map(open_to_all, binds.values())))
    with contextlib.ExitStack() as stack:
        folder = None if verdict.works else stack.enter_context(private_folder())
        box = Box(
            real=verdict.works,
            host=host,
            limits=limits,
            binds=binds,
            tmpfs=tmpfs,
            uid=host.uid_base + secrets.randbelow(host.uid_count) if demoted else None,
            devices={device: device.stat().st_gid for device in devices},
            writable=writable or {},
            folder=folder,
            own_fd=stack.enter_context(leash()) if folder else None if writable else _open_filter(stack, host, limits),
            userns_off=verdict.userns_off,
        )
        if folder:
            for target in tmpfs:
                make_subfolder(Path(box.path(target)), box.uid)
            stack.callback(kill_leftovers, folder, box.uid)
        yield box


def _open_filter(stack: contextlib.ExitStack, host: Host, limits: Limits) -> int | None:
    program = seccomp_filter(host.machine, sockets=limits.sockets)
    if not program:
        return None
    descriptor = os.memfd_create("seccomp")
    stack.callback(os.close, descriptor)
    os.write(descriptor, program)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor
