"""A session whose guests boot a kernel with a learner's driver in it, instead of being forked from a snapshot."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from kmodlab.errors import GuestEnd, GuestError, GuestLostError
from kmodlab.guest.lab import Lab
from kmodlab.guest.machine import Machine
from kmodlab.guest.session import Session
from kmodlab.guest.snapshot import SETTLE, boot, let_others_open
from kmodlab.i18n import _
from kmodlab.process import Deadline

# After the boot, initcall_debug would also log each module that is loaded, and each device at shutdown.
_QUIET = "echo 0 2>/dev/null >/sys/module/kernel/parameters/initcall_debug"
BOOT_S = 120.0  # emulated, on a busy host


class BootSession(Session):
    """A session that boots `image`, with `options` on its command line, and puts `files` into each guest.

    `lab` has the initramfs, the disk and the headers that belong to the kernel. After a boot, `boot_log` is the log up
    to the agent's answer, in the format of /dev/kmsg, and `boot_s` the time in seconds. If the guest ended before,
    `boot_end` says how, with the console's output.
    """

    def __init__(
        self, lab: Lab, image: bytes, options: Sequence[str] = (), files: Mapping[str, bytes] = MappingProxyType({})
    ) -> None:
        super().__init__(lab)
        self.image, self.options, self.files = image, tuple(options), files
        self.boot_log = b""
        self.boot_s = 0.0
        self.boot_end: GuestEnd | None = None

    async def _start(self) -> Machine:
        descriptor = os.memfd_create("kmodlab-kernel", os.MFD_CLOEXEC)
        try:
            os.write(descriptor, self.image)
            let_others_open(descriptor)
            return await self._boot(Path(f"/proc/self/fd/{descriptor}"))
        finally:
            os.close(descriptor)

    async def _boot(self, kernel: Path) -> Machine:
        began = time.perf_counter()
        self.boot_end = None
        deadline = Deadline.after(BOOT_S)
        try:
            machine = await boot(self.lab.hardware, kernel, self.lab.initramfs, self.options, deadline)
        except GuestLostError as exc:
            self.boot_end, self.boot_s = exc.end, time.perf_counter() - began
            raise GuestError(
                _("The kernel does not boot: {sentence}").format(sentence=exc.end.sentence),
                hint=_("The last lines of its console say why."),
                details=exc.end.console,
            ) from exc
        self.boot_s = time.perf_counter() - began
        try:
            await machine.agent.execute(["sh", "-c", _QUIET + SETTLE])
            self.boot_log = await machine.agent.log()
            for path, data in self.files.items():
                await machine.agent.put(path, data, 0o644)
            if self.files:
                await machine.agent.execute(["depmod"])  # writes the databases that the module tools read
        except BaseException:
            await machine.stop()
            raise
        return machine
