"""The real box: what a program in it can see and do, as root's own user and in a user namespace."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from kmodlab.process import CompletedProcess, Deadline, run_async, run_sync
from kmodlab.sandbox import sandbox
from kmodlab.sandbox.guard import Overrun
from kmodlab.sandbox.host import PATH
from kmodlab.sandbox.limits import BUILD, GUEST, Limits
from kmodlab.sandbox.sandbox import OUTSIDE, WORK, Box, check_sandbox, open_box


def run_boxed(
    command: str,
    *,
    limits: Limits = BUILD,
    binds: Mapping[str, Path] | None = None,
    namespace: bool = False,
    pass_fds: tuple[int, ...] = (),
    mode: str | None = None,
) -> tuple[CompletedProcess, Overrun | None]:
    """Run a shell command in a box; `namespace`: as a user who is not root would."""
    verdict = check_sandbox(mode)

    async def work() -> tuple[CompletedProcess, Overrun | None]:
        with open_box(verdict, limits=limits, binds=binds or {}, tmpfs={WORK: 16, "/var/tmp": 16}) as box:
            used: Box = replace(box, uid=None) if namespace else box
            guard = used.guard()
            finished = await run_async(
                used.argv(["sh", "-c", command], cwd=WORK, environment={"LANG": "C.UTF-8"}),
                deadline=Deadline.after(limits.wall_s or 30),
                environment=OUTSIDE,
                pass_fds=(*used.pass_fds, *pass_fds),
                on_output=guard.count,
                watch=guard.watch,
            )
            return finished, guard.overrun

    return run_sync(work())


BOTH = pytest.mark.parametrize("namespace", [False, True], ids=["own user", "user namespace"])


def test_boxes_are_real_here() -> None:
    verdict = check_sandbox()
    assert verdict.works and verdict.sentence and not verdict.hint


def test_a_sandbox_that_is_switched_off_is_told() -> None:
    verdict = check_sandbox("off")
    assert not verdict.works and "switched off" in verdict.sentence and verdict.hint


@pytest.mark.parametrize(
    ("script", "why"),
    [
        (
            "echo 'bwrap: No permissions to create a new namespace' >&2; exit 1",
            "No permissions to create a new namespace",
        ),
        ("exit 1", "it does not say why"),
    ],
)
def test_a_bubblewrap_that_cannot_run_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, why: str
) -> None:
    broken = tmp_path / "bwrap"
    broken.write_text(f"#!/bin/sh\n{script}\n")
    broken.chmod(0o755)
    monkeypatch.setattr(sandbox, "PATH", f"{tmp_path}:{PATH}")
    verdict = check_sandbox(f"auto, {tmp_path}")
    assert not verdict.works and verdict.hint
    assert why in verdict.sentence


@BOTH
def test_the_box_is_empty_but_for_the_system(namespace: bool) -> None:
    finished, _ = run_boxed("ls /; ls -A /tmp /var/tmp; ls /etc; env; pwd", namespace=namespace)
    words = finished.stdout.decode().split()
    assert not {"root", "home", "srv", "mnt", "opt", "boot", "run", "sys", "passwd", "hosts"} & set(words)
    assert {"usr", "proc", "dev", "tmp", "LANG=C.UTF-8"} <= set(words)
    assert not any(word.startswith(("HOME=", "USER=", "PYTEST")) for word in words)


@BOTH
def test_only_its_own_rooms_can_be_written(namespace: bool) -> None:
    places = "/ /usr /usr/src /etc /dev /dev/shm /proc/sys/kernel /var"
    tries = f"for place in {places}; do touch $place/x 2>/dev/null && echo $place; done; touch /tmp/x /var/tmp/x"
    finished, _ = run_boxed(f"{tries} && echo rooms", namespace=namespace)
    assert finished.stdout == b"rooms\n"


@BOTH
def test_processes_outside_cannot_be_seen(namespace: bool) -> None:
    finished, _ = run_boxed("echo /proc/[0-9]* | wc -w; cat /proc/1/environ | tr '\\0' '\\n'", namespace=namespace)
    lines = finished.stdout.decode().split()
    assert int(lines[0]) < 10
    assert all(line.startswith("PATH=") for line in lines[1:])


@BOTH
def test_nothing_gains_privileges(namespace: bool) -> None:
    finished, _ = run_boxed(
        "grep -E '^(NoNewPrivs|Seccomp|CapEff|CapBnd|CapPrm):' /proc/self/status; unshare -Ur true || echo refused",
        namespace=namespace,
    )
    status = dict(line.split(":\t") for line in finished.stdout.decode().splitlines() if ":" in line)
    assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2"
    assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0
    assert b"refused" in finished.stdout


_PROBE = r"""
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/socket.h>
int main(void)
{
    printf("memfd %d\n", memfd_create("x", 0) < 0);
    printf("shm %d\n", shmget(IPC_PRIVATE, 4096, 0600) < 0);
    printf("socket %d\n", socketpair(AF_UNIX, SOCK_STREAM, 0, (int[2]){0}) < 0);
    return 0;
}
"""


@BOTH
@pytest.mark.parametrize(("limits", "refused"), [(BUILD, b"1"), (GUEST, b"0")], ids=["build", "guest"])
def test_memory_that_no_limit_counts_cannot_be_had(namespace: bool, limits: Limits, refused: bytes) -> None:
    command = f"cat > p.c <<'END'\n{_PROBE}END\ngcc -o p p.c && ./p"
    finished, _ = run_boxed(command, namespace=namespace, limits=limits)
    assert finished.stdout == b"memfd 1\nshm 1\nsocket " + refused + b"\n", finished.text


@BOTH
def test_a_room_is_no_larger_than_said(namespace: bool) -> None:
    finished, _ = run_boxed("head -c 20M /dev/zero > x; stat -c %s x", namespace=namespace)
    assert finished.stdout.strip() == str(16 << 20).encode() and b"No space left" in finished.stderr


@BOTH
def test_processes_are_counted(namespace: bool) -> None:
    finished, overrun = run_boxed(
        "for i in $(seq 200); do sleep 20 & done; wait", limits=replace(BUILD, wall_s=10), namespace=namespace
    )
    assert overrun or not finished.ok
    assert overrun or b"fork" in finished.stderr


@BOTH
def test_many_files_are_counted(namespace: bool) -> None:
    _, overrun = run_boxed("seq 100000 | xargs touch; sleep 5", namespace=namespace)
    assert overrun is Overrun.DISK


# tail keeps all of a line that has no end, for as long as there may be more of it.
HOGS = "for i in 1 2 3; do (head -c 90M /dev/zero; sleep 20) | tail >/dev/null & done; sleep 20"


@BOTH
def test_memory_is_added_up(namespace: bool) -> None:
    _, overrun = run_boxed(HOGS, limits=replace(BUILD, memory_mib=150), namespace=namespace)
    assert overrun is Overrun.MEMORY


def test_without_a_box_memory_files_and_output_are_watched_as_well() -> None:
    assert run_boxed(HOGS, limits=replace(BUILD, memory_mib=150), mode="off")[1] is Overrun.MEMORY
    assert run_boxed("seq 100000 | xargs touch; sleep 10", mode="off")[1] is Overrun.DISK
    fill = "for i in 1 2 3 4; do head -c 30M /dev/zero > x$i; done; sleep 10"
    assert run_boxed(fill, mode="off")[1] is Overrun.DISK
    assert run_boxed("head -c 5M /dev/zero; sleep 10", mode="off")[1] is Overrun.OUTPUT


def test_a_flood_of_output_ends_the_run_at_once() -> None:
    finished, _ = run_boxed("yes")
    assert finished.output_truncated or not finished.ok


@BOTH
def test_descriptors_reach_the_program(namespace: bool, tmp_path: Path) -> None:
    path = tmp_path / "inherited"
    path.write_text("through a descriptor\n")
    path.chmod(0o644)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        finished, _ = run_boxed(f"cat /proc/self/fd/{descriptor}", namespace=namespace, pass_fds=(descriptor,))
    finally:
        os.close(descriptor)
    assert finished.stdout == b"through a descriptor\n", finished.text
