"""Correct work in unusual forms: formats of the notebook, archives, names of learners."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hostile_files import Handed, Place, archived, zip_of

from kmodlab.grading.intake import safe_name

Notebook = dict[str, Any]


@dataclass(frozen=True)
class Odd:
    """An odd submission: its kind and name, how it is handed in, and words of the messages about it."""

    kind: str
    name: str
    place: Place
    says: str = ""


def rewritten(write: Callable[[Notebook], bytes | str], suffix: str = "") -> Place:
    """The correct notebook in another format, perhaps with another suffix."""

    def place(handed: Handed) -> str:
        content = write(json.loads(handed.right))
        handed.write(
            f"{handed.learner}/{suffix or handed.name}", content if isinstance(content, bytes) else content.encode()
        )
        return handed.learner

    return place


def changed(change: Callable[[Notebook], object]) -> Place:
    """The correct notebook with a change that an editor makes."""

    def write(data: Notebook) -> str:
        change(data)
        return json.dumps(data)

    return rewritten(write)


def lines_as_lists(data: Notebook) -> None:
    for cell in data["cells"]:
        cell["source"] = "".join(cell["source"]).splitlines(keepends=True)


def windows_line_ends(data: Notebook) -> None:
    for cell in data["cells"]:
        cell["source"] = "".join(cell["source"]).replace("\n", "\r\n")


def as_colab(data: Notebook) -> None:
    """Change a notebook as Colab does: no nbgrader metadata, and Colab's own ids in the metadata."""
    data["metadata"] = {"colab": {"provenance": []}, "kernelspec": {"name": "python3", "display_name": "Python 3"}}
    for number, cell in enumerate(data["cells"]):
        cell["metadata"] = {"id": f"x{number:011}"}
        del cell["id"]
    data["nbformat_minor"] = 0


def as_vscode(data: Notebook) -> None:
    data["metadata"] = {"language_info": {"name": "python"}}
    for number, cell in enumerate(data["cells"]):
        cell["metadata"], cell["id"] = {"vscode": {"languageId": "c"}}, f"{number:08x}"


def without_ids(data: Notebook) -> None:
    for cell in data["cells"]:
        del cell["id"]
    data["nbformat_minor"] = 4


def with_outputs(data: Notebook) -> None:
    output = {"output_type": "stream", "name": "stdout", "text": "x" * 3_000_000}
    for cell in data["cells"]:
        if cell["cell_type"] == "code":
            cell |= {"outputs": [output] * 2, "execution_count": 10**12}


def among_others(data: Notebook) -> None:
    others = [{"cell_type": "markdown", "metadata": {}, "source": f"# {number}"} for number in range(900)]
    data["cells"] = [*others, *data["cells"], *others]


def tar_with(mode: str) -> Callable[[Handed], bytes]:
    def make(handed: Handed) -> bytes:
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode=f"w:{mode}") as archive:  # type: ignore[call-overload]
            info = tarfile.TarInfo(f"work/{handed.name}")
            info.size, info.mtime = len(handed.right), -(10**9)
            archive.addfile(info, io.BytesIO(handed.right))
        return stream.getvalue()

    return make


def right_zip(handed: Handed) -> bytes:
    return zip_of((handed.name, handed.right))


def prefixed_zip(handed: Handed) -> bytes:
    """A self-extracting zip file."""
    return b"PK\0\0" + bytes(5000) + right_zip(handed)


def odd_dates(handed: Handed) -> bytes:
    data = bytearray(right_zip(handed))
    for start in (data.index(b"PK\3\4") + 10, data.index(b"PK\1\2") + 12):
        data[start : start + 4] = b"\xff\xff\xff\xff"  # an impossible time: 31:63:62 on day 31 of month 15
    return bytes(data)


def macos_zip(handed: Handed) -> bytes:
    return zip_of((f"__MACOSX/._{handed.name}", b"\0"), (handed.name, handed.right), (".DS_Store", b"\0"))


def called(name: str) -> Place:
    """Correct work of a learner with an odd name."""

    def place(handed: Handed) -> str:
        folder = f"{name}{handed.learner[-3:]}"
        handed.write(f"{folder}/{handed.name}", handed.right)
        return safe_name(folder)

    return place


_WRITTEN: Mapping[str, Place] = {
    "a byte order mark": rewritten(lambda data: b"\xef\xbb\xbf" + json.dumps(data).encode()),
    "indented": rewritten(lambda data: json.dumps(data, indent=8)),
    "in another order": rewritten(lambda data: json.dumps(data, sort_keys=True)),
    "blanks around it": rewritten(lambda data: f"\n\n  {json.dumps(data)}\n\n"),
    "Windows' line ends in the file": rewritten(lambda data: json.dumps(data, indent=1).replace("\n", "\r\n")),
    "a doubled key": rewritten(lambda data: '{"cells": [], ' + json.dumps(data)[1:]),
    "an upper-case suffix": rewritten(json.dumps, "WORDS.IPYNB"),
    "a copy's name": rewritten(json.dumps, "words (2) - Kopie.ipynb"),
    "another name": rewritten(json.dumps, "my homework.ipynb"),
    "lines as lists": changed(lines_as_lists),
    "Windows' line ends in the cells": changed(windows_line_ends),
    "by Colab": changed(as_colab),
    "by VS Code": changed(as_vscode),
    "without ids": changed(without_ids),
    "with large outputs": changed(with_outputs),
    "among many other cells": changed(among_others),
}
_ARCHIVED: Mapping[str, Place] = {
    "zip": archived(".zip", right_zip),
    "tar": archived(".tar", tar_with("")),
    "tar.gz": archived(".tar.gz", tar_with("gz")),
    "tar.bz2": archived(".tar.bz2", tar_with("bz2")),
    "tar.xz": archived(".TXZ", tar_with("xz")),
    "a zip file called tar": archived(".tar", right_zip),
    "a tar file called zip": archived(".zip", tar_with("gz")),
    "a zip file with a program before it": archived(".zip", prefixed_zip),
    "a zip file of no day": archived(".zip", odd_dates),
    "a zip file by macOS": archived(".zip", macos_zip),
    "a zip file with a long comment": archived(".zip", lambda handed: _commented(right_zip(handed))),
}
_NAMES = (
    *("=1+1", "-o", "--replace", "CON", "a,b;c", '"quoted"', "<b>x", "it's", "${HOME}", "%s%n", "a\\b", "ada."),
    *(
        "\u200bada",
        "\u202eada",
        "\U0001f427",
        "a\u0308da",
        "ad\u0430",
        "new\nline",
        "\x1b[31m",
        "  ada",
        "ada\t",
        "\ufeff",
    ),
    *("submitted ", "NULL", "true", "x" * 120, "\u00e4" * 110),
)
RIGHT = (
    *(Odd("written", name, place) for name, place in _WRITTEN.items()),
    *(Odd("archived", name, place) for name, place in _ARCHIVED.items()),
    *(Odd("called", ascii(name)[1:20], called(name)) for name in _NAMES),
)


def _commented(content: bytes) -> bytes:
    stream = io.BytesIO(content)
    with zipfile.ZipFile(stream, "a") as archive:
        archive.comment = b"x" * 65_535
    return stream.getvalue()
