"""What no tool complains about, though a learner should hear it: our own remarks on sources and Makefiles."""

from __future__ import annotations

from kmodlab.kbuild.diagnostics import Diagnostic, Severity, Tool
from kmodlab.kbuild.locate import find_code
from kmodlab.kbuild.sources import MAKEFILES, Sources


def on_missing_module(sources: Sources) -> tuple[Diagnostic, ...]:
    """Why a Makefile with which make is content may not make a module."""
    file = next(name for name in MAKEFILES if name in sources.files)
    return (
        _remark(
            "no-module",
            Severity.ERROR,
            f"{file} names no module that could be built",
            f"A Makefile for kbuild needs the line obj-m += {sources.name}.o; m stands for module.",
            file,
        ),
    )


def on_sources(sources: Sources) -> tuple[Diagnostic, ...]:
    """What is odd in a module that does build."""
    place = find_code(r"\bint\s+main\s*\(", sources.files)
    if place is None:
        return ()
    return (
        _remark(
            "main-function",
            Severity.WARNING,
            "nobody calls main() in a kernel module",
            "A module begins with the function that module_init() names, and ends with that of module_exit().",
            *place,
        ),
    )


def _remark(key: str, severity: Severity, message: str, hint: str, file: str, line: int | None = None) -> Diagnostic:
    return Diagnostic(Tool.KMODLAB, severity, message, file, line, hint=hint, hint_key=key)
