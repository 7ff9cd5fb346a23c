"""Odd submissions by kind; those with correct work are in `odd_forms`.

`WRONG` has wrong work that claims to be right, `REJECTED` has submissions with nothing that can be graded; both have
the expected messages.
"""

from __future__ import annotations

import gzip
import json
import os
import socket
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hostile_files import Handed, Place, archived, gigabyte, raw, tar_of, zip_of
from odd_forms import Notebook, Odd, right_zip

# ---- wrong work that claims to be right ----------------------------------------------------------------------------


def claiming(change: Callable[[Notebook], object]) -> Place:
    """The wrong notebook with a claim in it."""

    def place(handed: Handed) -> str:
        data = json.loads(handed.notebook)
        change(data)
        handed.write(f"{handed.learner}/{handed.name}", json.dumps(data).encode())
        return handed.learner

    return place


def in_nbgrader(**claims: Any) -> Callable[[Notebook], None]:
    def change(data: Notebook) -> None:
        for cell in data["cells"]:
            cell["metadata"].setdefault("nbgrader", {}).update(claims)

    return change


def in_metadata(**claims: Any) -> Callable[[Notebook], None]:
    def change(data: Notebook) -> None:
        data["metadata"].setdefault("kmodlab", {}).update(claims)

    return change


def in_cells(**claims: Any) -> Callable[[Notebook], None]:
    def change(data: Notebook) -> None:
        for cell in data["cells"]:
            cell.update(claims)

    return change


def planted(name: str, text: str) -> Place:
    """Wrong work beside a file like the grader's own, whose text contains the learner's name."""

    def place(handed: Handed) -> str:
        handed.write(f"{handed.learner}/{handed.name}", handed.notebook)
        handed.write(f"{handed.learner}/{name}", text.replace("LEARNER", handed.learner).encode())
        return handed.learner

    return place


_RESULT = '{"learner": "LEARNER", "exercise": "93-words", "state": "graded", "points": 3, "max_points": 3}'
_CLAIMS: Mapping[str, Callable[[Notebook], object]] = {
    "points without end": in_nbgrader(points=10**400),
    "points below zero": in_nbgrader(points=-1e308),
    "points as a text": in_nbgrader(points="3"),
    "all cells are graded": in_nbgrader(grade=True, solution=True, locked=True, task=True),
    "a checksum": in_nbgrader(checksum="d41d8cd98f00b204e9800998ecf8427e", schema_version=99),
    "a score and a comment": in_nbgrader(score=3, manual_score=3, comment="full marks", extra_credit=100),
    "ids that are no texts": in_nbgrader(grade_id=["tool", {"file": 1}]),
    "ids that are too long": in_nbgrader(grade_id="tool" * 10_000),
    "another learner": in_metadata(learner="right00", student="right00", user="right00"),
    "results": in_metadata(points=3, problem="", remarks=[], state="graded", checks={"shown": 2, "kept": 1}),
    "an exercise that is a list": in_metadata(exercise=["93-words"]),
    "an exercise that is a path": in_metadata(exercise="../../../etc/passwd"),
    "an exercise that there is not": in_metadata(exercise="99-easy"),
    "a count without end": in_cells(execution_count=10**4000),
    "outputs that are none": in_cells(outputs="passed"),
    "attachments": in_cells(attachments={"image.png": {"image/png": "iVBORw0KGgo="}}),
    "cells of no type": in_cells(cell_type="check"),
    "ids that are numbers": in_cells(id=7),
    "metadata that are a list": lambda data: data.update(metadata=[{"kmodlab": {"points": 3}}]),
    "tags that are a mapping": lambda data: [cell["metadata"].update(tags={"passed": 1}) for cell in data["cells"]],
}
_PLANTED = {
    "adjustments.csv": "learner,exercise,points,comment\nLEARNER,93-words,3,well done\n",
    "gradebook.csv": "learner,exercise,points\nLEARNER,93-words,3\n",
    "results/93-words/LEARNER.json": _RESULT,
    "results.json": _RESULT,
    "journal.sqlite": "SQLite format 3\0",
    "kmodlab.toml": "[grading]\npoints = 3\n",
    "93-words/master.ipynb": '{"cells": []}',
    "pyproject.toml": "[tool.kmodlab]\nexercises = '.'\n",
}
WRONG = (
    *(Odd("claims", name, claiming(change)) for name, change in _CLAIMS.items()),
    *(Odd("planted", name, planted(name, text)) for name, text in _PLANTED.items()),
)

# ---- nothing that can be graded ------------------------------------------------------------------------------------


def instead(name: str, content: bytes) -> Place:
    """A file of another kind instead of a notebook."""

    def place(handed: Handed) -> str:
        handed.write(f"{handed.learner}/{name}", content)
        return handed.learner

    return place


def at_the_top(suffix: str, content: bytes) -> Place:
    """A file that is in no folder."""

    def place(handed: Handed) -> str:
        handed.write(f"{handed.learner}{suffix}", content)
        return f"{handed.learner}{suffix}".removesuffix(".zip")

    return place


def special(make: Callable[[str], object]) -> Place:
    """Something that is not a regular file, under the notebook's name."""

    def place(handed: Handed) -> str:
        folder = handed.given / handed.learner
        folder.mkdir()
        make(str(folder / handed.name))
        return handed.learner

    return place


def bind_socket(path: str) -> None:
    here = os.open(os.path.dirname(path), os.O_RDONLY)  # noqa: PTH120
    with socket.socket(socket.AF_UNIX) as server:  # an address has at most 107 bytes (unix(7))
        server.bind(f"/proc/self/fd/{here}/{os.path.basename(path)}")  # noqa: PTH119
    os.close(here)


def damaged_zip(handed: Handed) -> bytes:
    data = bytearray(zip_of((handed.name, bytes(range(256)) * 40)))
    data[80] ^= 255
    return bytes(data)


def encrypted_zip(handed: Handed) -> bytes:
    data = bytearray(right_zip(handed))
    for mark, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        data[data.index(mark) + flags] |= 1
    return bytes(data)


def with_cells(*cells: Any, **fields: Any) -> bytes:
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": list(cells), **fields}).encode()


PAGE = b"<!DOCTYPE html><html><body>Log in to download words.ipynb</body></html>"
CONFLICT = b'{\n<<<<<<< HEAD\n "cells": [],\n=======\n "cells": [{}],\n>>>>>>> main\n "nbformat": 4}\n'
NO_JSON, NO_NOTEBOOK, NO_CELLS = "not JSON", "not a notebook", "no cells in it"
_UNREADABLE: Mapping[str, tuple[bytes, str]] = {
    "UTF-16": (with_cells().decode().encode("utf-16"), "not UTF-8"),
    "Latin-1": ('{"cells": [{"source": "Käse"}]}'.encode("latin-1"), "not UTF-8"),
    "nothing": (b"", "empty"),
    "blanks": (b" \n\t ", "empty"),
    "zeros": (bytes(4096), NO_JSON),
    "a page": (PAGE, NO_JSON),
    "a conflict": (CONFLICT, NO_JSON),
    "the end is missing": (with_cells({"source": "x" * 100})[:-20], NO_JSON),
    "something behind it": (with_cells() + b"}", NO_JSON),
    "it twice": (with_cells() * 2, NO_JSON),
    "one quotation mark": (b'"', NO_JSON),
    "a number without end": (b'{"cells": [], "nbformat": ' + b"4" * 5000 + b"}", NO_JSON),
    "a list": (b"[]", NO_CELLS),
    "a text": (b'"cells"', NO_CELLS),
    "null": (b"null", NO_CELLS),
    "cells that are a mapping": (with_cells(cells={"0": {}}), NO_CELLS),
    "cells that are null": (with_cells(None), "cell 1 is not a cell"),
    "a cell that is a number": (with_cells({"source": ""}, 7), "cell 2 is not a cell"),
    "a source that is a number": (with_cells({"source": 7}), "cell 1 is not a cell"),
    "a source of numbers": (with_cells({"source": ["a", 7]}), "cell 1 is not a cell"),
    "format 3": (json.dumps({"nbformat": 3, "worksheets": [{"cells": []}]}).encode(), "format is not 4"),
    "format true": (with_cells(nbformat=True), "format is not 4"),
    "format 4 as a text": (with_cells(nbformat="4"), "format is not 4"),
    "Infinity": (b'{"cells": [], "nbformat": Infinity}', "Infinity"),
    "nested deeply": (b'{"cells":' * 100_000, "nested too deeply"),
    "very many values": (b"[" + b"0," * 1_500_000 + b"0]", "too many values"),
    "very many cells": (with_cells(*[{"source": ""}] * 2001), "2001 cells"),
    "very much text": (with_cells({"source": "x" * (11 << 20)}), "MiB of text"),
    "no answers": (with_cells({"cell_type": "code", "source": "x = 1", "metadata": {}, "id": "a"}), "answer cells"),
}
_OTHER_FILES: Mapping[str, tuple[str, bytes]] = {
    "C": ("words.c", b"int x;\n"),
    "a notebook as text": ("words.ipynb.txt", b"{}"),
    "a compressed notebook": ("words.ipynb.gz", gzip.compress(b"{}")),
    "Python": ("words.py", b"check = print\n"),
    "a PDF": ("words.pdf", b"%PDF-1.7\n"),
    "7z": ("words.7z", b"7z\xbc\xaf\x27\x1c"),
    "rar": ("words.rar", b"Rar!\x1a\x07"),
    "a hidden file": (".words.ipynb", b"{}"),
    "a backup": ("words.ipynb~", b"{}"),
    "a part of a download": ("words.ipynb.crdownload", b"{}"),
}
_DAMAGED: Mapping[str, tuple[Callable[[Handed], bytes], str]] = {
    "an empty file called zip": (lambda _: b"", "damaged, or is not"),
    "a zip file of nothing": (lambda _: zip_of(), "nothing in it"),
    "a zip file of folders": (lambda _: zip_of(("a/", b""), ("a/b/", b"")), "nothing in it"),
    "a cut zip file": (lambda handed: right_zip(handed)[:-40], "damaged, or is not"),
    "a zip file with an error": (damaged_zip, "It is damaged"),
    "an encrypted zip file": (encrypted_zip, "encrypted"),
    "a zip file of other files": (lambda _: zip_of(("words.c", b"int x;")), NO_NOTEBOOK),
    "a zip file that leads out": (lambda handed: zip_of((f"../{handed.name}", handed.right)), "leads out"),
    "a zip file in a zip file": (
        lambda handed: zip_of(("a.zip", zip_of(("b.zip", right_zip(handed))))),
        "in an archive in",
    ),
    "a page called zip": (lambda _: PAGE, "damaged, or is not"),
    "a zip file of a link": (
        lambda _: tar_of(("words.ipynb", tarfile.SYMTYPE, b"", "/etc/passwd")),
        "link or a device",
    ),
    "a device": (lambda _: tar_of(("words.ipynb", tarfile.CHRTYPE, b"", "")), "link or a device"),
}
REJECTED = (
    *(Odd("unreadable", name, raw(content), says) for name, (content, says) in _UNREADABLE.items()),
    *(Odd("another file", name, instead(*file), "not a notebook|hidden") for name, file in _OTHER_FILES.items()),
    *(Odd("damaged", name, archived(".zip", make), says) for name, (make, says) in _DAMAGED.items()),
    Odd("claims", "all cells have a check's id", claiming(in_nbgrader(grade_id="shown")), "answer cells"),
    Odd("another file", "a text in no folder", at_the_top(".txt", b"done"), NO_NOTEBOOK),
    Odd("special", "an empty folder", special(lambda path: None), "nothing in it"),
    Odd("special", "a folder of the notebook's name", special(os.mkdir), "nothing in it"),
    Odd("special", "a FIFO", special(os.mkfifo), "not a regular file"),
    Odd("special", "a link", special(lambda path: Path(path).symlink_to("/etc/passwd")), "link"),
    Odd("special", "a link to itself", special(lambda path: Path(path).symlink_to(path)), "link"),
    Odd("special", "a socket", special(bind_socket), "link or a device|cannot be read|not a regular file"),
    Odd("special", "a gigabyte", gigabyte, "larger than 64 MiB"),
)
