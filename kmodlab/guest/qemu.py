"""QEMU's command line, as pure functions. Who starts it and talks to it is `machine`'s business.

Everything reaches QEMU as an inherited descriptor: kernel, initramfs, RAM, disk, its monitor and the agent's port. So
it needs no path of the host's, and there is no socket or file that could outlive it.
"""

from __future__ import annotations

from dataclasses import dataclass

from kmodlab.kernel.arch import Arch

MEMORY_MIB = 256
AGENT_PORT = "kmodlab.agent"
CONSOLE = "console"
CONSOLE_KIB = 256  # of the console's output, this much is kept (a power of two)
HOTPLUG_SLOTS = 4  # PCIe slots into which devices can be plugged later
SLOT = "slot"  # begins their names; a number from 1 follows

# printk's default console level stays: a learner sees KERN_DEBUG in the log and not on the console, as elsewhere.
_PANIC, _INIT = "panic=-1", "rdinit=/init"
# Without random addresses each program is where it was at its last start, and QEMU need not translate it once more:
# emulated, a program starts twice as fast. Nor need a learner wait for RCU, as rmmod does.
_SPEED_OPTIONS = ("norandmaps", "rcupdate.rcu_expedited=1")

_SANDBOX = "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"


@dataclass(frozen=True)
class Descriptors:
    """Open descriptors that QEMU inherits; `kernel` and `initramfs` are None when a snapshot is resumed."""

    ram: int
    disk: int
    agent: int
    monitor: int
    kernel: int | None = None
    initramfs: int | None = None

    @property
    def numbers(self) -> tuple[int, ...]:
        """All of them that are there."""
        every = (self.ram, self.disk, self.agent, self.monitor, self.kernel, self.initramfs)
        return tuple(number for number in every if number is not None)


def qemu_argv(arch: Arch, accel: str, qemu: str, fds: Descriptors) -> list[str]:
    """The command line of a guest: one that boots where a kernel is given, else one that waits for a snapshot.

    Both must describe the same machine to the last device: a snapshot restores into no other.
    """
    boots = fds.kernel is not None
    return [
        qemu,
        *("-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-no-shutdown"),
        *("-sandbox", _SANDBOX),
        *("-accel", _accelerator(accel), "-cpu", arch.cpu_kvm if accel == "kvm" else arch.cpu_tcg),
        *("-m", f"{MEMORY_MIB}M", "-machine", f"{arch.machine},memory-backend=ram,{arch.machine_options}"),
        *("-object", _ram(fds.ram, shared=boots)),
        *("-chardev", f"socket,id=monitor,fd={fds.monitor}", "-mon", "chardev=monitor,mode=control"),
        *("-chardev", f"ringbuf,id={CONSOLE},size={CONSOLE_KIB}K", "-device", f"{arch.serial},chardev={CONSOLE}"),
        *("-chardev", f"socket,id=agent,fd={fds.agent}", "-device", "virtio-serial-pci"),
        *("-device", f"virtserialport,id=agent,chardev=agent,name={AGENT_PORT}"),  # QEMU tells of named ones
        *("-blockdev", f"driver=file,node-name=modules,filename={_path(fds.disk)},read-only=on,locking=off"),
        *("-device", "virtio-blk-pci,drive=modules"),
        *_slots(),
        *(_boot(arch, fds) if boots else ("-incoming", "defer")),
    ]


def _accelerator(accel: str) -> str:
    # QEMU would set aside a gigabyte for translated code; a small guest needs little.
    return "tcg,thread=multi,tb-size=64" if accel == "tcg" else accel


def _path(descriptor: int) -> str:
    return f"/proc/self/fd/{descriptor}"


def _ram(descriptor: int, *, shared: bool) -> str:
    # A fork maps it privately: its writes are its own, what it only reads is shared with all other forks.
    share = "on" if shared else "off"
    return f"memory-backend-file,id=ram,size={MEMORY_MIB}M,mem-path={_path(descriptor)},share={share}"


def _slots() -> tuple[str, ...]:
    """Empty PCIe slots and a USB controller, so that a device can be plugged into a running guest."""
    ports = (("-device", f"pcie-root-port,id={SLOT}{n},chassis={n},slot={n}") for n in range(1, HOTPLUG_SLOTS + 1))
    return (*(word for port in ports for word in port), "-device", "qemu-xhci,id=usb")


def _boot(arch: Arch, fds: Descriptors) -> tuple[str, ...]:
    assert fds.kernel is not None and fds.initramfs is not None
    append = " ".join((f"console={arch.console}", _PANIC, *arch.boot_options, _INIT, *_SPEED_OPTIONS))
    return ("-kernel", _path(fds.kernel), "-initrd", _path(fds.initramfs), "-append", append)
