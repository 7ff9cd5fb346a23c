"""What QEMU, Debian and the guest's userland call things on each architecture: one table, so far with one row.

Another row needs more than itself: kernel packages for it (kernel.packages asks apt for amd64), the registers of a
silent guest (machine.describe_registers), and calls in its machine code (tracer.call_sites, the tracer's calls.c).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Arch:
    """One architecture: its Debian name and what QEMU and the guest's userland call things."""

    name: str
    qemu: str  # the binary
    qemu_package: str  # Debian's package with it
    machine: str  # QEMU's -machine
    cpu_tcg: str  # QEMU's -cpu under emulation; "max" has all that the emulator can do
    cpu_kvm: str
    serial: str  # the device behind the console
    console: str  # the kernel's name of it
    loader: str  # the dynamic loader's file name in libc6


AMD64 = Arch(
    name="amd64",
    qemu="qemu-system-x86_64",
    qemu_package="qemu-system-x86",
    machine="q35",
    cpu_tcg="max",
    cpu_kvm="host",
    serial="isa-serial",
    console="ttyS0",
    loader="ld-linux-x86-64.so.2",
)
