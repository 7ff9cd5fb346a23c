"""What differs between architectures in Debian, QEMU, the kernel and the C library: one table, with one row so far.

To add an architecture, add a row. With it, kmodlab downloads the kernel, builds modules and loads them in a guest, on a
machine of that architecture, whose gcc builds modules and guest agent. It must be 64-bit and little-endian.

Other files that depend on machine code, registers or numbers of system calls:

- `tracer/call_sites.py` finds calls in x86-64 code; `tracer/module/` breaks on them, reads and sets registers;
  `tracer/kernel_api.txt` names functions that the compiler and the kernel's build add on x86;
- `crash/` reads the logs of all architectures; it finds the call behind a frame on x86-64 and arm64, and recognises an
  address in an unloaded module on x86-64;
- `guest/agent/jump.c` sets the HPET, a clock of PCs;
- `sandbox/seccomp.py` has the numbers of system calls on x86-64 and arm64; elsewhere there is no filter;
- `elf/purposes.py` explains the relocations of x86-64 and some of arm64;
- `kbuild/hint_rules_gcc.py` knows how gcc refuses floating point on x86-64, and the size of the kernel's stack;
- stored outputs in `notebooks/` are those of amd64.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from kmodlab.errors import SetupError
from kmodlab.i18n import _


@dataclass(frozen=True)
class Registers:
    """How QEMU's monitor shows a processor ("info registers"): patterns whose group 1 is a hexadecimal number."""

    counter: str  # the program counter
    counter_name: str
    flags: str
    interrupt_bits: int  # in the flags
    interrupts_on: int  # the value of these bits while interrupts are on
    halted: str  # matches while the processor waits for an interrupt
    modules_begin: int  # modules' code is at this address or above


@dataclass(frozen=True)
class Arch:
    """One architecture: its Debian name, and what differs with it in packages, QEMU and the guest."""

    name: str  # ends the names of Debian's kernel packages
    uname: str  # what `uname -m` prints
    source: str  # its folder in the kernel's arch/
    image: str  # the bootable image that make builds, below that folder
    qemu: str  # the binary
    qemu_package: str  # Debian's package with it
    machine: str  # QEMU's -machine
    machine_options: str  # its properties
    cpu_tcg: str  # QEMU's -cpu under emulation; "max" has all that the emulator can do
    cpu_kvm: str
    serial: str  # QEMU's device behind the console
    console: str  # the kernel's name for it
    boot_options: tuple[str, ...]  # of the kernel
    loader: str  # the dynamic loader's path, as programs name it (PT_INTERP)
    crc_modules: tuple[str, ...]  # the processor's own CRC32C, which other modules load
    registers: Registers


AMD64 = Arch(
    name="amd64",
    uname="x86_64",
    source="x86",
    image="boot/bzImage",
    qemu="qemu-system-x86_64",
    qemu_package="qemu-system-x86",
    machine="q35",
    machine_options="usb=off,vmport=off",
    cpu_tcg="max",
    cpu_kvm="host",
    serial="isa-serial",
    console="ttyS0",
    # On a busy host the clocksource watchdog runs late and warns of it in the middle of a learner's log.
    boot_options=("no_timer_check", "tsc=reliable"),
    loader="/lib64/ld-linux-x86-64.so.2",
    crc_modules=("crc32c_intel",),
    registers=Registers(
        counter=r"\bRIP=([0-9a-f]{16})",
        counter_name="RIP",
        flags=r"\bRFL=([0-9a-f]{8})",
        interrupt_bits=0x200,  # the IF bit of RFLAGS (Intel SDM vol. 1, 3.4.3)
        interrupts_on=0x200,
        halted=r"\bHLT=1",
        # With KASLR, 1 GiB is reserved for the kernel's image below the modules (Documentation/arch/x86/x86_64/mm.rst).
        modules_begin=0xFFFF_FFFF_C000_0000,
    ),
)

ARCHES = (AMD64,)


def host_arch() -> Arch:
    """The architecture of this machine.

    Raises: SetupError if it has no row.
    """
    machine = os.uname().machine
    arch = next((arch for arch in ARCHES if arch.uname == machine), None)
    if arch is None:
        raise SetupError(
            _("kmodlab does not run on {machine}.").format(machine=machine),
            hint=_("Use one of these: {machines}.").format(machines=", ".join(arch.uname for arch in ARCHES)),
        )
    return arch
