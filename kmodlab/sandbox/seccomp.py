"""A seccomp filter that refuses the system calls that untrusted work never needs, made from one table.

Limits on files, address space and processes do not count some kinds of memory (memfd, System V shared memory, socket
buffers), and a user namespace would open a large part of the kernel to attack; so the filter refuses them. bubblewrap
loads it (`--seccomp`). See seccomp(2) and Documentation/userspace-api/seccomp_filter.rst.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Calls:
    """The numbers of one architecture: its AUDIT_ARCH_ value (linux/audit.h) and system calls (asm/unistd.h)."""

    audit: int
    clone: int
    refused: Mapping[str, int]
    sockets: Mapping[str, int]


MACHINES = {
    "x86_64": Calls(
        audit=0xC000003E,
        clone=56,
        refused={
            "memfd_create": 319,
            "shmget": 29,
            "semget": 64,
            "msgget": 68,
            "unshare": 272,
            "setns": 308,
            "add_key": 248,
            "request_key": 249,
            "keyctl": 250,
            "bpf": 321,
            "userfaultfd": 323,
            "perf_event_open": 298,
            "ptrace": 101,
        },
        sockets={"socket": 41, "socketpair": 53},
    ),
    "aarch64": Calls(
        audit=0xC00000B7,
        clone=220,
        refused={
            "memfd_create": 279,
            "shmget": 194,
            "semget": 190,
            "msgget": 186,
            "unshare": 97,
            "setns": 268,
            "add_key": 217,
            "request_key": 218,
            "keyctl": 219,
            "bpf": 280,
            "userfaultfd": 282,
            "perf_event_open": 241,
            "ptrace": 117,
        },
        sockets={"socket": 198, "socketpair": 199},
    ),
}

# Newer calls have the same number on all architectures.
_MEMFD_SECRET, _IO_URING_SETUP, _CLONE3 = 447, 425, 435
_X32_BIT = 0x40000000  # calls of x86's third ABI, x32, have other numbers, so all are refused
_CLONE_NEWUSER = 0x10000000

# Offsets in struct seccomp_data; opcodes and return values from linux/bpf_common.h and linux/seccomp.h.
_NUMBER, _ARCH, _FIRST_ARGUMENT = 0, 4, 16
_LOAD, _IF_EQUAL, _IF_AT_LEAST, _IF_ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _FAIL = 0x7FFF0000, 0x00050000


def seccomp_filter(machine: str, *, sockets: bool) -> bytes:
    """The filter for `machine` (as `uname -m` prints it), as an array of struct sock_filter; empty for other machines.

    `sockets` says whether sockets are allowed.
    """
    calls = MACHINES.get(machine)
    if calls is None:
        return b""
    refused = [*calls.refused.values(), _MEMFD_SECRET, _IO_URING_SETUP]
    if not sockets:
        refused += calls.sockets.values()
    return b"".join(
        (
            _step(_LOAD, _ARCH),
            # A 32-bit program's calls have other numbers.
            *(_step(_IF_EQUAL, calls.audit, 1, 0), _fail(errno.ENOSYS)),
            _step(_LOAD, _NUMBER),
            *(_step(_IF_AT_LEAST, _X32_BIT, 0, 1), _fail(errno.ENOSYS)),
            *(_step(_IF_EQUAL, number, 0, 1) + _fail(errno.EPERM) for number in refused),
            # A filter cannot read the flags of clone3, which are in memory; without it the C library uses clone.
            *(_step(_IF_EQUAL, _CLONE3, 0, 1), _fail(errno.ENOSYS)),
            *(_step(_IF_EQUAL, calls.clone, 1, 0), _step(_RETURN, _ALLOW)),
            _step(_LOAD, _FIRST_ARGUMENT),
            *(_step(_IF_ANY_BIT, _CLONE_NEWUSER, 0, 1), _fail(errno.EPERM)),
            _step(_RETURN, _ALLOW),
        )
    )


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)  # struct sock_filter


def _fail(number: int) -> bytes:
    return _step(_RETURN, _FAIL | number)
