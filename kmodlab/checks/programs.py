"""Builds the C programs that checks run in the guest, with the guest agent's compiler, and keeps them."""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
from importlib.resources import as_file, files
from pathlib import Path

from kmodlab.files import replace_bytes
from kmodlab.guest.lab import Lab
from kmodlab.process import check_run

_FOLDER = "programs"
_BUILD_S = 60.0
_CC = ("gcc", "-O2", "-static", "-s", "-pthread")


def get_program(lab: Lab, name: str) -> bytes:
    """The program built from the file `name`.c in this folder.

    Raises:
        SetupError: It cannot be built.
    """
    source = files("kmodlab.checks") / f"{name}.c"
    digest = hashlib.sha256(" ".join(_CC).encode() + source.read_bytes()).hexdigest()[:16]
    path = lab.folder / _FOLDER / f"{name}-{digest}"
    with contextlib.suppress(OSError):
        return path.read_bytes()
    with as_file(source) as file, tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / name
        check_run([*_CC, "-o", program, file], timeout_s=_BUILD_S)
        built = program.read_bytes()
    with contextlib.suppress(OSError):  # if the folder is not writable, the program is built each time
        replace_bytes(path, built)
    return built
