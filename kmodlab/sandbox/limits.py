"""How much untrusted work may use: one table, a row for each kind of box."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """How much one box may use. None means no limit."""

    wall_s: float | None
    cpu_s: int | None  # of each process
    memory_mib: int  # of all processes together
    address_space_mib: int | None  # of each process
    output_mib: int  # printed
    disk_mib: int  # files in the box's main folder, which are in memory
    files: int  # in number
    file_size_mib: int  # each
    processes: int  # with their threads
    open_files: int  # in each process
    sockets: bool  # whether it may make sockets (there is never a network)


LIMITS: Mapping[str, Limits] = {
    "build": Limits(
        wall_s=60,
        cpu_s=60,
        memory_mib=1024,
        address_space_mib=1024,
        output_mib=2,
        disk_mib=64,
        files=4096,
        file_size_mib=32,
        processes=64,
        open_files=256,
        sockets=False,
    ),
    "guest": Limits(
        wall_s=None,
        cpu_s=None,
        memory_mib=1024,
        address_space_mib=4096,
        output_mib=1,
        disk_mib=16,
        files=256,
        file_size_mib=512,
        processes=128,
        open_files=1024,
        sockets=True,
    ),
    # Building a kernel of our own; no code of learners runs.
    "kernel": Limits(
        wall_s=None,
        cpu_s=None,
        memory_mib=4096,
        address_space_mib=None,
        output_mib=64,
        disk_mib=64,
        files=4096,
        file_size_mib=1024,
        processes=512,
        open_files=1024,
        sockets=False,
    ),
    # Building that kernel with a learner's driver in it. The kept objects are copied into the box first.
    "intree": Limits(
        wall_s=300,
        cpu_s=200,
        memory_mib=2048,
        address_space_mib=2048,
        output_mib=8,
        disk_mib=768,
        files=40_000,
        file_size_mib=256,
        processes=128,
        open_files=1024,
        sockets=False,
    ),
    # Tools that read the outputs of a build.
    "reader": Limits(
        wall_s=20,
        cpu_s=20,
        memory_mib=512,
        address_space_mib=1024,
        output_mib=4,
        disk_mib=1,
        files=16,
        file_size_mib=1,
        processes=16,
        open_files=64,
        sockets=False,
    ),
    # clangd, for as long as a notebook is open. It is one process, so its address space bounds its memory.
    "editor": Limits(
        wall_s=None,
        cpu_s=None,
        memory_mib=1024,
        address_space_mib=1024,
        output_mib=1024,
        disk_mib=1,
        files=16,
        file_size_mib=1,
        processes=16,
        open_files=256,
        sockets=False,
    ),
}
BUILD, GUEST, READER = LIMITS["build"], LIMITS["guest"], LIMITS["reader"]
KERNEL, INTREE, EDITOR = LIMITS["kernel"], LIMITS["intree"], LIMITS["editor"]
