"""Makes learners' notebooks, and archives of them, for the tests of grading."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeAlias

from kmodlab.course.exercise import Exercise, read_master
from kmodlab.course.release import release

ROOT = Path(__file__).parents[2]
HELLO = ROOT / "exercises" / "01-hello" / "master.ipynb"
Change = Callable[[dict[str, Any]], None]


def hello() -> Exercise:
    return read_master(HELLO)


def notebook(change: Change | None = None) -> bytes:
    """The learner's version of 01-hello, changed."""
    data = json.loads(release(hello()))
    if change:
        change(data)
    return json.dumps(data).encode()


def cell(data: dict[str, Any], name: str) -> dict[str, Any]:
    return next(candidate for candidate in data["cells"] if candidate["id"] == name)


def write(folder: Path, files: Mapping[str, bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


TarMode: TypeAlias = Literal["w:gz", "w:bz2", "w:xz", "w"]


def make_zip(files: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


def make_tar(files: Mapping[str, bytes], *others: tarfile.TarInfo, mode: TarMode = "w:gz") -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for info in others:
            archive.addfile(info)
    return stream.getvalue()
