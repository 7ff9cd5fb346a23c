"""What differs from one architecture to the next, in one table.

Everything else in this folder asks the table. To add an architecture, add a row (and its kernel packages).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Arch:
    """One architecture: its Debian name and what QEMU and the guest's userland call things."""

    name: str
    qemu: str  # the binary
    machine: str  # QEMU's -machine
    cpu_tcg: str  # QEMU's -cpu under emulation; "max" has all that the emulator can do
    cpu_kvm: str
    serial: str  # the device behind the console
    console: str  # the kernel's name of it
    loader: str  # the dynamic loader's file name in libc6
    program_counter: str  # as "info registers" prints it


AMD64 = Arch(
    name="amd64",
    qemu="qemu-system-x86_64",
    machine="q35",
    cpu_tcg="max",
    cpu_kvm="host",
    serial="isa-serial",
    console="ttyS0",
    loader="ld-linux-x86-64.so.2",
    program_counter="RIP",
)
