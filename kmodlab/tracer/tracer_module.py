"""Builds the tracer for the lab's kernel when it is first needed, and keeps it in the lab's folder."""

from __future__ import annotations

import contextlib
import hashlib
from importlib.resources import files
from pathlib import Path

from kmodlab.errors import SetupError
from kmodlab.guest.lab import Lab
from kmodlab.guest.stage import find_stage, make_stage
from kmodlab.i18n import _
from kmodlab.kbuild.build import build
from kmodlab.kbuild.sources import Sources

NAME = "kmodlab_tracer"
_FOLDER, _FILE = "tracer", f"{NAME}.ko"


def get_tracer(lab: Lab) -> bytes:
    """The tracer's .ko for this lab's kernel; built if it is missing or damaged.

    Raises:
        SetupError: It cannot be built.
    """
    sources = _sources()
    inputs = _digest(sources, lab)
    with contextlib.suppress(OSError):
        stage = find_stage(lab.folder / _FOLDER, inputs)
        if stage:
            return (stage / _FILE).read_bytes()
    built = build(lab.tree, sources)
    ko = built.ko
    if ko is None:
        raise SetupError(
            _("The tracer, a kernel module of kmodlab's own, could not be built: {reason}").format(
                reason=built.sentence
            ),
            hint=_("`kmodlab doctor` checks the compiler; this kernel may be one that kmodlab does not know yet."),
            details=built.transcript,
        )
    with contextlib.suppress(OSError):  # if the folder is not writable, the tracer is built each time
        make_stage(lab.folder / _FOLDER, inputs, lambda into: _write(into, ko), anew=True)
    return ko


def _write(into: Path, ko: bytes) -> None:
    (into / _FILE).write_bytes(ko)


def _sources() -> Sources:
    folder = files("kmodlab.tracer.module")
    texts = {path.name: path.read_text() for path in folder.iterdir() if path.name.endswith((".c", ".h"))}
    return Sources.of(NAME, {**texts, "Kbuild": (folder / "Kbuild").read_text()})


def _digest(sources: Sources, lab: Lab) -> str:
    parts = [lab.file.release, lab.file.version, *(f"{name}:{data!r}" for name, data in sorted(sources.files.items()))]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
