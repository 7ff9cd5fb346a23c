"""The guest's pure parts: command lines, parsed answers, dependency lists."""

from __future__ import annotations

from itertools import pairwise

import pytest

from kmodlab.elf.database_text import parse_dep
from kmodlab.errors import EndKind, GuestEnd, GuestLostError, KmodlabError, SetupError, UsageError
from kmodlab.guest.image import find_with_dependencies
from kmodlab.guest.qemu import Descriptors, qemu_argv
from kmodlab.guest.registers import are_interrupts_off, describe_registers
from kmodlab.guest.session import is_modules_doing
from kmodlab.kernel.arch import AMD64

BOOTING = Descriptors(ram=10, disk=11, agent=12, monitor=13, kernel=14, initramfs=15)
RESUMING = Descriptors(ram=10, disk=11, agent=12, monitor=13)
LOOPING = "RIP=ffffffffc05f700b RFL=00000046 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=0"
IDLE = "RIP=ffffffff8e2592eb RFL=00000246 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=1"
CLI_HALTED = "RIP=ffffffff8e2592eb RFL=00000046 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=1"


def devices(argv: list[str]) -> list[str]:
    return [word for flag, word in pairwise(argv) if flag == "-device"]


def test_the_forks_machine_is_the_booted_one_to_the_last_device() -> None:
    boots = qemu_argv(AMD64, "tcg", "qemu", BOOTING)
    forks = qemu_argv(AMD64, "tcg", "qemu", RESUMING)
    assert devices(boots) == devices(forks)
    assert boots[boots.index("-machine") + 1] == forks[forks.index("-machine") + 1]


def test_only_the_boot_shares_its_memory_with_the_file() -> None:
    assert "share=on" in " ".join(qemu_argv(AMD64, "tcg", "qemu", BOOTING))
    assert "share=off" in " ".join(qemu_argv(AMD64, "tcg", "qemu", RESUMING))


@pytest.mark.parametrize("fds", [BOOTING, RESUMING])
def test_qemu_gets_no_path_of_the_hosts_and_no_network(fds: Descriptors) -> None:
    line = " ".join(qemu_argv(AMD64, "tcg", "qemu", fds))
    assert "/home" not in line and "/tmp" not in line and ".sock" not in line
    assert "-netdev" not in line and "-nic" not in line and "tcp:" not in line
    assert "-nodefaults" in line and "spawn=deny" in line


def test_the_host_cpu_is_only_for_kvm() -> None:
    assert "max" in qemu_argv(AMD64, "tcg", "qemu", RESUMING)
    assert "host" in qemu_argv(AMD64, "kvm", "qemu", RESUMING)


def test_registers_tell_where_a_silent_guest_is() -> None:
    assert describe_registers(AMD64.registers, LOOPING) == (
        "Its processor is in a module's code with interrupts off (RIP ffffffffc05f700b)."
    )
    assert "in the kernel with interrupts on, halted" in describe_registers(AMD64.registers, IDLE)
    assert describe_registers(AMD64.registers, "nonsense") == ""


@pytest.mark.parametrize(("text", "off"), [(LOOPING, True), (IDLE, False), (CLI_HALTED, False), ("", False)])
def test_only_a_running_processor_without_interrupts_counts_as_looping(text: str, off: bool) -> None:
    assert are_interrupts_off(AMD64.registers, text) is off


def test_boot_modules_come_with_what_they_need() -> None:
    depends = parse_dep(
        b"kernel/drivers/virtio/virtio_blk.ko: kernel/drivers/virtio/virtio.ko kernel/drivers/virtio/virtio_ring.ko\n"
        b"kernel/drivers/virtio/virtio.ko:\nkernel/drivers/virtio/virtio_ring.ko:\nkernel/fs/over-lay.ko.xz:\n"
    )
    assert find_with_dependencies(("virtio_blk", "over_lay", "built_in"), depends) == [
        "kernel/drivers/virtio/virtio.ko",
        "kernel/drivers/virtio/virtio_blk.ko",
        "kernel/drivers/virtio/virtio_ring.ko",
        "kernel/fs/over-lay.ko.xz",
    ]


def test_blame_a_dead_qemu_is_ours_and_a_panic_is_not() -> None:
    assert not is_modules_doing(GuestEnd(EndKind.QEMU_DIED, "gone"))
    assert is_modules_doing(GuestEnd(EndKind.PANIC, "gone"))


def test_errors_are_two_lines_in_a_notebook_and_carry_their_exit_status() -> None:
    error = SetupError("There is no lab yet.", hint="Run `kmodlab setup`.")
    assert error._render_traceback_() == ["SetupError: There is no lab yet.", "hint: Run `kmodlab setup`."]
    assert (KmodlabError.exit_status, SetupError.exit_status, UsageError.exit_status) == (4, 4, 2)
    assert GuestLostError(GuestEnd(EndKind.HANG, "It hangs.", "last words")).details == "last words"
