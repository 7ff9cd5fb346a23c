"""The box's command lines: what is mounted, what is limited, which user runs inside."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from kmodlab.sandbox.host import Host, demote_argv, limit_argv, parse_uid_map
from kmodlab.sandbox.limits import BUILD, GUEST
from kmodlab.sandbox.no_sandbox import bare_argv
from kmodlab.sandbox.sandbox import box_argv
from kmodlab.sandbox.seccomp import MACHINES, seccomp_filter

HOST = Host(root=True, links={"/bin": "usr/bin", "/lib64": ""})


def boxed(
    *, uid: int | None = 1_900_000_000, userns_off: bool = False, devices: dict[Path, int] | None = None
) -> list[str]:
    return box_argv(
        ["make", "-C", "/usr/src/x"],
        host=HOST,
        limits=BUILD,
        binds={"/usr/src": Path("/lab/usr/src"), "/lab/a/b": Path("/x")},
        tmpfs={"/tmp": 64, "/var/tmp": 16},
        cwd="/tmp",
        environment={"LANG": "C.UTF-8"},
        uid=uid,
        devices=devices,
        seccomp_fd=7,
        userns_off=userns_off,
    )


def follows(words: list[str], *run: str) -> bool:
    return any(tuple(words[start : start + len(run)]) == run for start in range(len(words)))


def test_the_box_shows_the_system_and_its_own_places_only() -> None:
    words = boxed()
    assert follows(words, "--ro-bind", "/usr", "/usr")
    assert follows(words, "--symlink", "usr/bin", "/bin")
    assert follows(words, "--ro-bind", "/lib64", "/lib64")
    assert follows(words, "--ro-bind", "/lab/usr/src", "/usr/src")
    assert follows(words, "--perms", "1777", "--size", str(64 << 20), "--tmpfs", "/tmp")
    mounted = {
        words[n + 1] for n, word in enumerate(words) if word in ("--bind", "--dev-bind", "--ro-bind", "--ro-bind-try")
    }
    assert mounted == {"/usr", "/lib64", "/lab/usr/src", "/x"} | {path for path in mounted if path.startswith("/etc/")}
    assert all(path.startswith(("/etc/ld.so.", "/etc/alternatives")) for path in mounted if path.startswith("/etc"))


def test_nothing_in_the_box_is_without_a_limit_on_its_size() -> None:
    words = boxed()
    for n, word in enumerate(words):
        if word == "--tmpfs":
            assert words[n - 2] == "--size"
    assert follows(words, "--remount-ro", "/dev") and follows(words, "--remount-ro", "/")
    # Only after everything is in place.
    assert words.index("--remount-ro") > max(n for n, word in enumerate(words) if word in ("--tmpfs", "--ro-bind"))


def test_the_box_has_no_network_and_none_of_our_environment() -> None:
    words = boxed()
    assert words[:4] == ["env", "-i", "PATH=/usr/bin:/bin:/usr/sbin:/sbin", "bwrap"]
    assert {
        "--unshare-net",
        "--unshare-pid",
        "--unshare-ipc",
        "--clearenv",
        "--die-with-parent",
        "--new-session",
    } <= set(words)
    assert follows(words, "--setenv", "LANG", "C.UTF-8")
    assert follows(words, "--seccomp", "7")


def test_started_by_root_it_runs_as_a_user_of_its_own() -> None:
    words = boxed()
    assert "--unshare-user" not in words
    inner = words[words.index("--") + 1 :]
    assert inner[0] == "prlimit" and inner[inner.index("--") + 1] == "setpriv"
    assert "--reuid=1900000000" in inner and "--bounding-set=-all" in inner and "--clear-groups" in inner
    assert inner[-3:] == ["make", "-C", "/usr/src/x"]


def test_started_by_a_user_it_runs_in_a_user_namespace() -> None:
    words = boxed(uid=None, userns_off=True)
    assert {"--unshare-user", "--disable-userns"} <= set(words)
    assert "setpriv" not in words and "--cap-add" not in words
    assert "--disable-userns" not in boxed(uid=None)


def test_devices_are_shown_with_their_groups() -> None:
    words = boxed(devices={Path("/dev/kvm"): 108})
    assert follows(words, "--dev-bind", "/dev/kvm", "/dev/kvm")
    assert "--groups=108" in words and "--clear-groups" not in words


def test_folders_on_the_way_to_a_place_can_be_passed() -> None:
    words = boxed()
    for folder in ("/lab", "/lab/a", "/var"):
        assert follows(words, "--perms", "0755", "--dir", folder)


def test_limits_are_never_above_our_own() -> None:
    tight = Host(root=False, links={}, hard_limits={"nofile": 64, "as": 1 << 40})
    words = limit_argv(BUILD, tight, count_processes=True)
    assert {"--nofile=64", f"--as={1 << 30}", "--nproc=64", "--core=0", "--cpu=60"} <= set(words)
    assert not any(word.startswith("--nproc") for word in limit_argv(BUILD, tight, count_processes=False))
    assert not any(word.startswith("--cpu") for word in limit_argv(GUEST, tight, count_processes=True))


def test_an_older_kernel_would_count_all_of_a_users_processes() -> None:
    old = Host(root=False, links={}, per_box_nproc=False)
    words = box_argv(["x"], host=old, limits=BUILD, binds={}, tmpfs={}, cwd="/", environment={}, uid=None)
    assert not any(word.startswith("--nproc") for word in words)


def test_without_a_box_limits_and_another_user_are_left() -> None:
    words = bare_argv(
        ["make"],
        host=HOST,
        limits=BUILD,
        environment={"LANG": "C.UTF-8"},
        cwd="/x/tmp",
        folder=Path("/x"),
        leash_fd=5,
        uid=1_900_000_000,
    )
    assert "prlimit" in words and words[words.index("setpriv") :][: len(demote_argv(1))][1] == "--reuid=1900000000"
    assert words[-3:] == ["env", "--chdir=/x/tmp", "make"]


@pytest.mark.parametrize(
    ("text", "base", "count"),
    [
        ("         0          0 4294967295\n", 0x70000000, 0x0FFF0000),
        ("0 100000 65536\n", 59536, 2000),
        ("0 1000 1\n", 0, 0),
        ("0 1000 1\n1 100000 65536\n", 59537, 2000),
        ("", 0, 0),
    ],
)
def test_a_box_gets_a_user_id_that_nobody_else_has(text: str, base: int, count: int) -> None:
    assert parse_uid_map(text) == (base, count)
    assert base + count < 1 << 31 and not base <= 65534 < base + count


@pytest.mark.parametrize("machine", MACHINES)
def test_the_filters_jumps_stay_inside_it(machine: str) -> None:
    program = seccomp_filter(machine, sockets=False)
    steps = list(struct.iter_unpack("=HBBI", program))
    assert len(program) % 8 == 0 and len(steps) < 4096
    for number, (code, if_true, if_false, _) in enumerate(steps):
        if code & 7 == 5:  # BPF_JMP
            assert number + 1 + max(if_true, if_false) < len(steps)
    assert steps[-1] == (0x06, 0, 0, 0x7FFF0000)  # what is not refused is allowed


def run_filter(program: bytes, *, arch: int, number: int, argument: int = 0) -> int:
    """What the filter returns for a system call, by a small interpreter of the three kinds of steps in it."""
    data = struct.pack("=IIQQ", number, arch, 0, argument)
    steps = list(struct.iter_unpack("=HBBI", program))
    here, value = 0, 0
    while True:
        code, if_true, if_false, operand = steps[here]
        if code == 0x06:
            return int(operand)
        if code == 0x20:
            (value,) = struct.unpack_from("=I", data, operand)
            here += 1
        else:
            holds = {0x15: value == operand, 0x35: value >= operand, 0x45: bool(value & operand)}[code]
            here += 1 + (if_true if holds else if_false)


@pytest.mark.parametrize("machine", MACHINES)
def test_the_filter_refuses_what_it_should_and_nothing_else(machine: str) -> None:
    calls = MACHINES[machine]
    closed, sockets = seccomp_filter(machine, sockets=False), seccomp_filter(machine, sockets=True)
    allow, eperm, enosys = 0x7FFF0000, 0x50001, 0x50026
    for number in calls.refused.values():
        assert run_filter(sockets, arch=calls.audit, number=number) == eperm
    for number in calls.sockets.values():
        assert run_filter(closed, arch=calls.audit, number=number) == eperm
        assert run_filter(sockets, arch=calls.audit, number=number) == allow
    assert run_filter(closed, arch=calls.audit, number=calls.clone, argument=0x11) == allow
    assert run_filter(closed, arch=calls.audit, number=calls.clone, argument=0x10000011) == eperm
    assert run_filter(closed, arch=calls.audit, number=435) == enosys
    assert run_filter(closed, arch=0x40000003, number=1) == enosys
    assert run_filter(closed, arch=calls.audit, number=1) == allow


def test_an_unknown_machine_has_no_filter() -> None:
    assert seccomp_filter("riscv64", sockets=False) == b""
