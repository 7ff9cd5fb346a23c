"""Reads what a box's command line depends on: our user, the users that we may become, and our own resource limits.

It also makes the command lines of `prlimit` and `setpriv` (util-linux), which a box needs besides bubblewrap.
"""

from __future__ import annotations

import os
import re
import resource
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from kmodlab.files import MIB
from kmodlab.sandbox.limits import Limits

# A box started by root gets a user id of its own, because RLIMIT_NPROC counts the processes of a user. The id is drawn
# from a range that nobody assigns: systemd's table of ids (systemd.io/UIDS-GIDS) leaves 0x70000000 to 0x7fffffff
# unused, subordinate ids end far below, and all of them fit in 31 bits.
_UID_BASE, _UID_COUNT = 0x7000_0000, 0x0FFF_0000
# If we are root of a container that maps few ids, they are taken from the upper end.
_UID_COUNT_SMALL = 2000

PATH = "/usr/bin:/bin:/usr/sbin:/sbin"
_ROOT_LINKS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")


@dataclass(frozen=True)
class Host:
    """What a box's command line depends on; made by `read_host`."""

    root: bool  # whether we may become another user
    links: Mapping[str, str]  # path in / -> target, such as "/bin" -> "usr/bin"; "" if it is a folder
    hard_limits: Mapping[str, int] = field(default_factory=dict)  # prlimit's name -> our hard limit, bytes or count
    uid_base: int = _UID_BASE
    uid_count: int = _UID_COUNT
    per_box_nproc: bool = True  # whether the limit on processes counts this box's processes alone
    machine: str = ""  # as `uname -m` prints it


def parse_uid_map(text: str) -> tuple[int, int]:
    """First id and number of ids for boxes, from /proc/self/uid_map (user_namespaces(7)); (0, 0) if no id is free."""
    spans = [(int(start), int(count)) for start, _outer, count in (line.split() for line in text.splitlines())]
    for start, count in spans:
        if start <= _UID_BASE and start + count >= _UID_BASE + _UID_COUNT:
            return _UID_BASE, _UID_COUNT
    start, count = max(spans, key=lambda span: span[1], default=(0, 0))
    # Not the last ids: 65534 is "nobody".
    base = start + count - _UID_COUNT_SMALL - 4000
    return (base, _UID_COUNT_SMALL) if base > start + 1000 else (0, 0)


@cache
def read_host() -> Host:
    """What a box's command line depends on, read once in this process."""
    base, count = parse_uid_map(Path("/proc/self/uid_map").read_text())
    paths = [Path("/", name) for name in _ROOT_LINKS]
    numbers = {"as": resource.RLIMIT_AS, "cpu": resource.RLIMIT_CPU, "fsize": resource.RLIMIT_FSIZE}
    numbers |= {"nofile": resource.RLIMIT_NOFILE, "nproc": resource.RLIMIT_NPROC}
    hard = {name: resource.getrlimit(number)[1] for name, number in numbers.items()}
    major, minor = (int(word) for word in re.findall(r"\d+", os.uname().release)[:2])
    return Host(
        root=os.geteuid() == 0 and count > 0,
        links={str(path): str(path.readlink()) if path.is_symlink() else "" for path in paths if path.exists()},
        hard_limits={name: value for name, value in hard.items() if value != resource.RLIM_INFINITY},
        uid_base=base,
        uid_count=count,
        # Since Linux 5.14 (commit 21d1c5e386bc) processes are counted in each user namespace.
        per_box_nproc=(major, minor) >= (5, 14),
        machine=os.uname().machine,
    )


def limit_argv(limits: Limits, host: Host, *, count_processes: bool) -> list[str]:
    """The beginning of a command line: `prlimit` with the limits of one process, never above our own hard limits."""
    values = {
        "core": 0,
        "cpu": limits.cpu_s,
        "as": limits.address_space_mib and limits.address_space_mib * MIB,
        "fsize": limits.file_size_mib * MIB,
        "nofile": limits.open_files,
        "nproc": limits.processes if count_processes else None,
    }
    hard = host.hard_limits
    words = [f"--{name}={min(value, hard.get(name, value))}" for name, value in values.items() if value is not None]
    return ["prlimit", *words, "--"]


def demote_argv(uid: int, groups: Sequence[int] = ()) -> list[str]:
    """The beginning of a command line: `setpriv` to an unprivileged user that can never gain a privilege again."""
    group_option = f"--groups={','.join(map(str, groups))}" if groups else "--clear-groups"
    no_privileges = ("--inh-caps=-all", "--ambient-caps=-all", "--bounding-set=-all", "--no-new-privs")
    return ["setpriv", f"--reuid={uid}", f"--regid={uid}", group_option, *no_privileges, "--"]
