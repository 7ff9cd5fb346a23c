"""The tracer as a .ko for the lab's kernel: built when it is first needed, then kept in the lab's folder."""

from __future__ import annotations

import contextlib
import hashlib
from importlib.resources import files
from pathlib import Path

from kmodlab.errors import SetupError
from kmodlab.files import replace_bytes
from kmodlab.guest.lab import Lab
from kmodlab.i18n import _
from kmodlab.kbuild.build import build
from kmodlab.kbuild.sources import Sources

NAME = "kmodlab_tracer"
_FOLDER = "tracer"


def get_tracer(lab: Lab) -> bytes:
    """The tracer for this lab's kernel.

    Raises:
        SetupError: It cannot be built.
    """
    sources = _sources()
    path = lab.folder / _FOLDER / f"{_digest(sources, lab)}.ko"
    with contextlib.suppress(OSError):
        return path.read_bytes()
    built = build(lab.tree, sources)
    if built.ko is None:
        raise SetupError(
            _("The tracer, a kernel module of kmodlab's own, could not be built: {reason}").format(
                reason=built.sentence
            ),
            hint=_("`kmodlab doctor` checks the compiler; this kernel may be one that kmodlab does not know yet."),
            details=built.transcript,
        )
    _keep(path, built.ko)
    return built.ko


def _sources() -> Sources:
    folder = files("kmodlab.tracer.module")
    texts = {path.name: path.read_text() for path in folder.iterdir() if path.name.endswith((".c", ".h"))}
    return Sources.of(NAME, {**texts, "Kbuild": (folder / "Kbuild").read_text()})


def _digest(sources: Sources, lab: Lab) -> str:
    parts = [lab.file.release, lab.file.version, *(f"{name}:{data!r}" for name, data in sorted(sources.files.items()))]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _keep(path: Path, ko: bytes) -> None:
    """Save it for the next time. If the folder is not writable, it is built each time."""
    with contextlib.suppress(OSError):
        replace_bytes(path, ko)
