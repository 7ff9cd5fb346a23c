"""Gathers evidence about a failed command of kmod: the kernel's log, loaded modules, exporters of missing symbols."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path, PurePosixPath

from kmodlab.crash.errnos import Evidence, missing_symbols
from kmodlab.crash.records import LogRecord
from kmodlab.elf.contents import MalformedError
from kmodlab.elf.database_text import name_of
from kmodlab.elf.databases import Databases, load_databases
from kmodlab.elf.modprobe import LoadedModule, parse_proc_modules
from kmodlab.elf.module import read_module
from kmodlab.errors import GuestError, GuestLostError
from kmodlab.files import MIB
from kmodlab.guest.agent.client import Result
from kmodlab.guest.lab import Lab
from kmodlab.guest.session import Session
from kmodlab.kbuild.sources import kmod_name

_TOOLS = ("insmod", "rmmod", "modprobe")
_KO_LIMIT = 16 * MIB  # bytes of a .ko that are read


def gather_evidence(
    session: Session, argv: Sequence[str], result: Result, records: Iterable[LogRecord], folder: str
) -> Evidence | None:
    """The evidence about a command in the session's guest; None if it succeeded, or is not a tool of kmod.

    `records` were logged during the command. `folder` is the guest's folder in which the command ran.

    Raises:
        GuestLostError: the guest has ended.
    """
    if result.status <= 0 or not argv or argv[0] not in _TOOLS:
        return None
    messages = tuple(record.text for record in records if record.is_kernels)
    name = next((word for word in argv[1:] if not word.startswith("-") and "=" not in word), "")
    module = _name_in_file(session, str(PurePosixPath(folder) / name)) if argv[0] == "insmod" else kmod_name(name)
    return Evidence(messages, module, _loaded_modules(session), find_providers(session.lab, missing_symbols(messages)))


def _loaded_modules(session: Session) -> Mapping[str, LoadedModule] | None:
    try:
        return parse_proc_modules(session.get("/proc/modules"))
    except GuestLostError:
        raise
    except GuestError:
        return None


def _name_in_file(session: Session, path: str) -> str:
    """The name of the module in a file, which may differ from the file's name; empty if the file is unreadable."""
    try:
        return read_module(session.get(path, _KO_LIMIT)).name
    except GuestLostError:
        raise
    except (GuestError, MalformedError):
        return ""


def find_providers(lab: Lab, symbols: Iterable[str]) -> Mapping[str, str]:
    """Symbol -> the kernel's own module that exports it (modules.symbols), without symbols that no module exports."""
    symbols = tuple(symbols)
    if not symbols:
        return {}
    results = {symbol: _databases(lab.tree.modules).lookup(f"symbol:{symbol}") for symbol in symbols}
    return {symbol: name_of(result.modules[0]) for symbol, result in results.items() if result.modules}


@lru_cache(maxsize=2)
def _databases(folder: Path) -> Databases:
    return load_databases(folder)
