"""QEMU's command line, as pure functions. `machine` starts QEMU.

QEMU inherits descriptors for everything: kernel, initramfs, RAM, disk, its monitor and the agent's port. So it opens no
path of the host, and leaves no socket or file behind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kmodlab.kernel.arch import Arch

MEMORY_MIB = 256
AGENT_PORT = "kmodlab.agent"
CONSOLE = "console"
CONSOLE_KIB = 256  # of the console's output that are kept (a power of two)
HOTPLUG_SLOTS = 4  # PCIe slots into which devices can be plugged later
SLOT = "slot"  # their names are slot1, slot2, ...

# No loglevel=, so that KERN_DEBUG is in the log but not on the console, as on other machines.
_PANIC, _INIT = "panic=-1", "rdinit=/init"
# norandmaps: a program has the same addresses at each start, so QEMU need not translate its code again, and it starts
# twice as fast. rcu_expedited: rmmod waits for an RCU grace period, which is then short.
_SPEED_OPTIONS = ("norandmaps", "rcupdate.rcu_expedited=1")

_SANDBOX = "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"


@dataclass(frozen=True)
class Descriptors:
    """Open descriptors that QEMU inherits; `kernel` and `initramfs` are None if a snapshot is to be resumed."""

    ram: int
    disk: int
    agent: int
    monitor: int
    kernel: int | None = None
    initramfs: int | None = None

    @property
    def numbers(self) -> tuple[int, ...]:
        """All descriptors that are not None."""
        fds = (self.ram, self.disk, self.agent, self.monitor, self.kernel, self.initramfs)
        return tuple(number for number in fds if number is not None)


def qemu_argv(arch: Arch, accel: str, qemu: str, fds: Descriptors, options: Sequence[str] = ()) -> list[str]:
    """QEMU's command line, to boot the kernel in `fds` with more `options`; without one, to wait for a snapshot.

    Both describe the same machine with the same devices, because a snapshot can only be resumed in the same machine.
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
        *("-device", f"virtserialport,id=agent,chardev=agent,name={AGENT_PORT}"),  # QEMU reports only named ports
        *("-blockdev", f"driver=file,node-name=modules,filename={_path(fds.disk)},read-only=on,locking=off"),
        *("-device", "virtio-blk-pci,drive=modules"),
        *_slots(),
        *(_boot(arch, fds, options) if boots else ("-incoming", "defer")),
    ]


def _accelerator(accel: str) -> str:
    # tb-size: QEMU's default for translated code is 1 GiB; 64 MiB are enough for a small guest.
    return "tcg,thread=multi,tb-size=64" if accel == "tcg" else accel


def _path(descriptor: int) -> str:
    return f"/proc/self/fd/{descriptor}"


def _ram(descriptor: int, *, shared: bool) -> str:
    # A fork maps the memory privately: only pages that it writes to are copied.
    share = "on" if shared else "off"
    return f"memory-backend-file,id=ram,size={MEMORY_MIB}M,mem-path={_path(descriptor)},share={share}"


def _slots() -> tuple[str, ...]:
    """Empty PCIe slots and a USB controller, so that a device can be plugged into a running guest."""
    ports = (("-device", f"pcie-root-port,id={SLOT}{n},chassis={n},slot={n}") for n in range(1, HOTPLUG_SLOTS + 1))
    return (*(word for port in ports for word in port), "-device", "qemu-xhci,id=usb")


def _boot(arch: Arch, fds: Descriptors, options: Sequence[str]) -> tuple[str, ...]:
    assert fds.kernel is not None and fds.initramfs is not None
    append = " ".join((f"console={arch.console}", _PANIC, *arch.boot_options, _INIT, *_SPEED_OPTIONS, *options))
    return ("-kernel", _path(fds.kernel), "-initrd", _path(fds.initramfs), "-append", append)
