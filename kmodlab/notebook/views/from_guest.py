"""What a notebook's guest has right now, fetched for the views: its databases, and its list of loaded modules."""

from __future__ import annotations

from collections.abc import Mapping

from kmodlab.elf.databases import FILES, Databases
from kmodlab.elf.modprobe import LoadedModule, parse_proc_modules
from kmodlab.errors import GuestError
from kmodlab.guest.session import Session


def fetch_databases(session: Session) -> Databases:
    """The modules.* files of the guest's own kernel, as they are at this moment; GuestError where it has none."""
    release = session.run(["uname", "-r"]).stdout.decode("utf-8", "replace").strip()
    folder = f"/lib/modules/{release}"
    listed = session.run(["ls", folder])
    if not listed.ok:
        raise GuestError(f"The guest has no folder {folder}.", details=listed.text)
    names = listed.stdout.decode("utf-8", "replace").split()
    return Databases({name: session.get(f"{folder}/{name}") for name in FILES if name in names})


def fetch_loaded(session: Session) -> Mapping[str, LoadedModule]:
    """The modules that are loaded in the guest, the latest first."""
    return parse_proc_modules(session.get("/proc/modules"))
