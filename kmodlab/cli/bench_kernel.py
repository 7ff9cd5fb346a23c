"""`kmodlab bench --kernel`: measures how long it takes to build a driver into the kernel, and to boot that kernel."""

from __future__ import annotations

import time
from collections.abc import Callable

from kmodlab.errors import SetupError
from kmodlab.guest.boot_session import BootSession
from kmodlab.guest.lab import Lab
from kmodlab.guest.own_lab import OwnLab
from kmodlab.guest.snapshot import boot_once
from kmodlab.i18n import N_, _
from kmodlab.kbuild.intree import build_intree
from kmodlab.kbuild.tree_change import TreeChange
from kmodlab.process import run_sync

KERNEL_WHAT = {
    "debian_boot_s": N_("boot Debian's kernel from power-on until the agent answers"),
    "small_boot_s": N_("boot the small kernel"),
    "next_s": N_("build a driver into the small kernel, whose objects are kept"),
    "see_s": N_("boot the kernel with the driver, until the driver's line can be read in the log"),
}
KERNEL_RATIOS = ((N_("Debian's kernel / small kernel, until the agent answers"), "debian_boot_s", "small_boot_s"),)

_SOURCE = """\
#include <linux/module.h>
static int __init bench_init(void)
{
	pr_info("bench init %d\\n", NUMBER);
	return 0;
}
module_init(bench_init);
MODULE_LICENSE("GPL");
"""
_KCONFIG = 'config KMODLAB_BENCH\n\tbool "Bench"\n'
_LINE = "obj-$(CONFIG_KMODLAB_BENCH) += kmodlab_bench.o\n"


def kernel_candidates(lab: Lab, own: OwnLab) -> dict[str, Callable[[], float]]:
    """Title -> function that does what is measured and returns its time in seconds."""
    images: list[bytes] = []

    def build_next() -> float:
        source = _SOURCE.replace("NUMBER", str(time.monotonic_ns() % 10**6))  # each time another driver
        texts = {"kmodlab_bench.c": source, "Kconfig": _KCONFIG, "Makefile": _LINE}
        change = TreeChange.of({f"drivers/misc/{name}": text for name, text in texts.items()}, {"KMODLAB_BENCH": "y"})
        built = build_intree(own.tree, change, own.arch)
        if not built.passed:
            raise SetupError(built.sentence, details=built.transcript)
        images[:] = [built.image]
        return built.seconds

    def see() -> float:
        session = BootSession(own, images[0])
        with session:
            session.start()
            if b"bench init" not in session.boot_log:
                raise SetupError(_("The driver's message is not in the log."))
            return session.boot_s

    return {
        "debian_boot_s": lambda: run_sync(boot_once(lab.hardware, lab.tree.vmlinuz, lab.initramfs)),
        "small_boot_s": lambda: run_sync(boot_once(own.hardware, own.tree.vmlinuz, own.initramfs)),
        "next_s": build_next,
        "see_s": see,
    }
