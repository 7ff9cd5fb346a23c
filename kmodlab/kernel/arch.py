"""What Debian, QEMU, the kernel and the C library call things on each architecture: a table with one row so far.

To add an architecture, add a row. The row is enough to fetch a kernel, boot it, build modules, and load them. All else
that knows machine code, registers or numbers of system calls:

- `tracer/call_sites.py` finds calls in a module's code; `tracer/module/` breaks on them, and reads and sets registers;
- `sandbox/seccomp.py` numbers the system calls that it refuses (x86-64 and arm64; elsewhere there is no filter);
- `crash/` reads the logs of all architectures, and tells a jump from a call on x86-64 and arm64 (`source_location`);
- `elf/purposes.py` says what relocations are for (x86-64; others are shown without);
- `kbuild/hint_rules_gcc.py` knows what gcc says of floating point on x86-64;
- the notebooks' stored outputs are those of amd64.

Modules and the guest agent are built by this machine's own gcc, so the architecture is the machine's own.
"""

from __future__ import annotations

from dataclasses import dataclass


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

    name: str  # also ends the names of Debian's kernel packages
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
    qemu="qemu-system-x86_64",
    qemu_package="qemu-system-x86",
    machine="q35",
    machine_options="usb=off,vmport=off",
    cpu_tcg="max",
    cpu_kvm="host",
    serial="isa-serial",
    console="ttyS0",
    # On a busy host the clocksource's watchdog would complain of its own lateness, in the middle of a learner's log.
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
        # With KASLR, behind the gigabyte of the kernel's image (Documentation/arch/x86/x86_64/mm.rst).
        modules_begin=0xFFFF_FFFF_C000_0000,
    ),
)
