"""A fresh root of a Debian, as an image is built from it, and commands that run in it as a container's root."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from unittest.mock import patch

from kmodlab.sandbox import seccomp

KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"
# The machine's own settings: names of hosts, certificates, Python packages on its disk.
SHARED = ("/etc/resolv.conf", "/etc/hosts", "/etc/ssl/certs", "/etc/pip.conf", "/etc/xdg/pip", "/opt")
LONGEST_S = 1800


def as_root(*argv: str) -> list[str]:
    return [*([] if os.getuid() == 0 else ["sudo", "-n", "--preserve-env"]), *argv]


@dataclass(frozen=True)
class DebianRoot:
    """A root of Debian. `has_network` and `has_namespaces` say whether commands may use these."""

    path: Path
    has_network: bool = True
    has_namespaces: bool = True

    def run(self, *command: str, cwd: str = "/", **variables: str) -> subprocess.CompletedProcess[str]:
        with contextlib.ExitStack() as stack:
            limits: list[str] = [] if self.has_network else ["--unshare-net"]
            pass_fds = []
            if not self.has_namespaces:
                pass_fds = [stack.enter_context(namespace_filter())]
                limits += ["--cap-drop", "CAP_SYS_ADMIN", "--seccomp", str(pass_fds[0])]
            argv = as_root(*self._enter(cwd, variables), *limits, "--", *command)
            return subprocess.run(
                argv, pass_fds=pass_fds, capture_output=True, text=True, timeout=LONGEST_S, check=False
            )

    def _enter(self, cwd: str, variables: Mapping[str, str]) -> list[str]:
        shared = [word for path in SHARED for word in ("--ro-bind-try", path, path)]
        settings = {
            "HOME": "/root",
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            **variables,
        }
        own = ("KMODLAB_", "XDG_", "JUPYTER_", "PYTHON", "PYTEST_")  # settings of whoever runs the tests
        argv = ["bwrap", "--bind", str(self.path), "/", *shared, "--dev", "/dev", "--proc", "/proc"]
        argv += ["--ro-bind", "/sys", "/sys", "--perms", "1777", "--tmpfs", "/tmp", "--tmpfs", "/run"]
        argv += ["--unshare-pid", "--unshare-ipc", "--die-with-parent", "--cap-add", "ALL", "--chdir", cwd]
        argv += [word for name in sorted(os.environ) if name.startswith(own) for word in ("--unsetenv", name)]
        return argv + [word for name, value in settings.items() for word in ("--setenv", name, value)]

    def without(self, *, network: bool = True, namespaces: bool = True) -> DebianRoot:
        return replace(self, has_network=network, has_namespaces=namespaces)


@contextlib.contextmanager
def namespace_filter() -> Iterator[int]:
    """A file with a seccomp filter that refuses what Docker's default profile refuses: new namespaces and mounts."""
    machine = os.uname().machine
    calls = seccomp.MACHINES[machine]
    mount = {"x86_64": 165, "aarch64": 40}[machine]
    refused = {**{name: calls.refused[name] for name in ("unshare", "setns")}, "mount": mount}
    with patch.dict(seccomp.MACHINES, {machine: replace(calls, refused=refused)}):
        program = seccomp.seccomp_filter(machine, sockets=True)
    read_fd, write_fd = os.pipe()
    try:
        os.write(write_fd, program)
        os.close(write_fd)
        yield read_fd
    finally:
        os.close(read_fd)


@contextlib.contextmanager
def debian_root(folder: Path, suite: str, packages: Sequence[str]) -> Iterator[DebianRoot]:
    """Make a root, which is removed at the end."""
    root = folder / suite
    archive = f"deb [signed-by={KEYS}] http://deb.debian.org"
    lines = [f"{archive}/debian {suite} main", f"{archive}/debian-security {suite}-security main"]
    argv = ["mmdebstrap", "--quiet", "--variant=apt", f"--include={','.join(packages)}", suite, str(root), *lines]
    try:
        subprocess.run(as_root(*argv), check=True, timeout=LONGEST_S)
        yield DebianRoot(root)
    finally:
        subprocess.run(as_root("rm", "-rf", "--one-file-system", str(root)), check=True)
