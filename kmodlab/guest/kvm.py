"""Checks whether KVM works on this machine, and remembers it if it does not.

It is not enough that /dev/kvm can be opened: under nested or restricted KVM, a guest may hang in its firmware for ever.
So the check boots and resumes a guest, with a time limit. A failure is remembered until the host reboots, or has
another kernel or QEMU.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

from kmodlab.errors import KmodlabError
from kmodlab.files import read_file, replace_text
from kmodlab.guest.machine import Hardware
from kmodlab.guest.snapshot import load_ram, load_snapshot, resume
from kmodlab.i18n import _
from kmodlab.process import Deadline, run_sync
from kmodlab.settings import Settings

KVM_BOOT_S = 10.0  # if a boot takes longer, KVM is broken, or itself emulated
_FILE = "kvm.json"


def check_kvm(settings: Settings, fingerprint: str, hardware: Hardware, take_snapshot: Callable[[], Path]) -> str:
    """Why KVM cannot be used, as a clause; empty if a guest boots and resumes with it.

    `fingerprint` identifies QEMU; `take_snapshot` boots a guest and returns its snapshot's folder.
    """
    obstacle = _find_obstacle(settings, fingerprint)
    if obstacle:
        return obstacle
    began = time.monotonic()
    try:
        _resume_once(hardware, take_snapshot())
    except KmodlabError as exc:
        failure = _("a guest with KVM did not come up (after {seconds} s: {reason})")
        failure = failure.format(seconds=f"{time.monotonic() - began:.0f}", reason=str(exc).rstrip("."))
        _remember_failure(settings.cache_dir, fingerprint, failure)
        return failure
    return ""


def _find_obstacle(settings: Settings, fingerprint: str) -> str:
    """Why KVM cannot work, without trying it, as a clause; empty if it has to be tried."""
    if settings.accel == "tcg":
        return _("KMODLAB_ACCEL is set to tcg")
    if not Path("/dev/kvm").exists():
        return _("there is no /dev/kvm")
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return _("you may not open /dev/kvm (are you in the group kvm?)")
    return _load_failure(settings.cache_dir, fingerprint)


def _resume_once(hardware: Hardware, folder: Path) -> None:
    ram = load_ram(snapshot := load_snapshot(folder))
    try:
        machine = run_sync(resume(hardware, snapshot, ram, Deadline.after(KVM_BOOT_S)))
        run_sync(machine.stop())
    finally:
        os.close(ram)


def _remember_failure(folder: Path, fingerprint: str, reason: str) -> None:
    text = json.dumps({"for": _circumstances(fingerprint), "reason": reason})
    replace_text(folder / _FILE, text, mode=0o644)


def _load_failure(folder: Path, fingerprint: str) -> str:
    try:
        failure = json.loads(read_file(folder / _FILE))
        return str(failure["reason"]) if failure["for"] == _circumstances(fingerprint) else ""
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _circumstances(fingerprint: str) -> str:
    boot_id = Path("/proc/sys/kernel/random/boot_id")
    parts = (boot_id.read_text() if boot_id.exists() else "", os.uname().release, fingerprint)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
