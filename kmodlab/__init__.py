"""Your first Linux kernel module, in a notebook cell, on a real kernel.

`__all__` has the names that other programs may use. Each is imported when it is first used:

    lab = kmodlab.load_lab(kmodlab.get_settings())
    made = kmodlab.build(lab.tree, kmodlab.Sources.of("hello", {"hello.c": text}))
    with kmodlab.Session(lab) as session:
        seen = kmodlab.run(session, made)
    reports = kmodlab.decode(log)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kmodlab.crash.reader import find_reports as decode
    from kmodlab.crash.report import Report
    from kmodlab.errors import KmodlabError
    from kmodlab.guest.lab import load_lab
    from kmodlab.guest.session import Session
    from kmodlab.kbuild.build import build
    from kmodlab.kbuild.result import Build
    from kmodlab.kbuild.sources import Sources
    from kmodlab.settings import get_settings
    from kmodlab.tracer.run import ModuleRun
    from kmodlab.tracer.run import run_build as run

__version__ = "0.1.0"
__all__ = [
    "Build",
    "KmodlabError",
    "ModuleRun",
    "Report",
    "Session",
    "Sources",
    "__version__",
    "build",
    "decode",
    "get_settings",
    "load_lab",
    "run",
]
_HOMES = {
    "Build": ("kbuild.result", "Build"),
    "KmodlabError": ("errors", "KmodlabError"),
    "ModuleRun": ("tracer.run", "ModuleRun"),
    "Report": ("crash.report", "Report"),
    "Session": ("guest.session", "Session"),
    "Sources": ("kbuild.sources", "Sources"),
    "build": ("kbuild.build", "build"),
    "decode": ("crash.reader", "find_reports"),
    "get_settings": ("settings", "get_settings"),
    "load_lab": ("guest.lab", "load_lab"),
    "run": ("tracer.run", "run_build"),
}


def __getattr__(name: str) -> object:
    """Import a public name when it is first used (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'kmodlab' has no attribute {name!r}")
    module, attribute = _HOMES[name]
    return getattr(import_module(f"kmodlab.{module}"), attribute)


def load_ipython_extension(ipython: object) -> None:
    """Load the extension, for `%load_ext kmodlab`. Its import is here because only notebooks need IPython."""
    from kmodlab.notebook.extension import load

    load(ipython)


def unload_ipython_extension(ipython: object) -> None:
    """Unload the extension, for `%unload_ext kmodlab`: end the guest, and remove the magics."""
    from kmodlab.notebook.extension import unload

    unload(ipython)
