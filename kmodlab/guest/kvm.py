"""Whether KVM really works here, found out by trying, and remembered.

That /dev/kvm opens proves nothing: nested or restricted KVM may hang in the firmware for ever. So a guest is booted
and resumed with it, under a deadline; a failure holds for this boot of the host, its kernel, and this QEMU.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

from kmodlab.guest.machine import Hardware
from kmodlab.guest.snapshot import load_ram, load_snapshot, resume
from kmodlab.process import Deadline, run_sync
from kmodlab.settings import Settings

KVM_BOOT_S = 10.0  # where KVM takes longer, it is broken or emulated itself
_FILE = "kvm.json"


def find_obstacle(settings: Settings, fingerprint: str) -> str:
    """Why KVM is not even tried; empty when it is worth a try."""
    if settings.accel == "tcg":
        return "KMODLAB_ACCEL is set to tcg"
    if not Path("/dev/kvm").exists():
        return "there is no /dev/kvm"
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return "you may not open /dev/kvm (are you in the group kvm?)"
    return _load_failure(settings.cache_dir, fingerprint)


def resume_once(hardware: Hardware, folder: Path) -> None:
    """Resume a snapshot and end the guest again; GuestError where it does not come up in time."""
    ram = load_ram(snapshot := load_snapshot(folder))
    try:
        machine = run_sync(resume(hardware, snapshot, ram, Deadline.after(KVM_BOOT_S)))
        run_sync(machine.stop())
    finally:
        os.close(ram)


def remember_failure(folder: Path, fingerprint: str, reason: str) -> None:
    """Write down that KVM failed, so that the next set-up need not wait for it again."""
    (folder / _FILE).write_text(json.dumps({"for": _circumstances(fingerprint), "reason": reason}))


def _load_failure(folder: Path, fingerprint: str) -> str:
    try:
        failure = json.loads((folder / _FILE).read_text())
        return str(failure["reason"]) if failure["for"] == _circumstances(fingerprint) else ""
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _circumstances(fingerprint: str) -> str:
    boot = Path("/proc/sys/kernel/random/boot_id")
    words = (boot.read_text() if boot.exists() else "", os.uname().release, fingerprint)
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:16]
