"""Hostile notebooks and archives: changes of a notebook before it is handed in, and ways to hand it in.

A `Change` modifies the notebook's JSON. A `Place` writes files below the folder of submissions, and returns the learner
as whom they are graded. `attacks` explains @canary@ and the other placeholders.
"""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import warnings
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kmodlab.grading.intake import safe_name

Notebook = dict[str, Any]
Change = Callable[[Notebook], object]
PLANTED = "planted by a learner"  # in outputs and in prose, which must never be shown


@dataclass(frozen=True)
class Handed:
    """The input of a place: the folder of all submissions, a learner, a file's name, a hostile and a correct notebook.

    The place adds to `rights` the names of learners whose correct work it hands in as well.
    """

    given: Path
    learner: str
    name: str
    notebook: bytes
    right: bytes
    aimed: Callable[[str], str]
    rights: list[str] = field(default_factory=list)

    def write(self, path: str, content: bytes | str) -> Path:
        """Write a file below the folder of all submissions."""
        target = self.given / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content if isinstance(content, bytes) else self.aimed(content).encode())
        return target


Place = Callable[[Handed], str]


# ---- notebooks -----------------------------------------------------------------------------------------------------

# Python that a learner puts into a notebook. If it were run, the canary would change.
TOUCH = "open('@canary@', 'a').write('changed')\n"
PYTHON = {
    "input transformers that drop asserts": (
        "get_ipython().input_transformers_post.append(lambda lines: [one for one in lines if 'check' not in one])"
    ),
    "AST transformers that drop asserts": (
        "import ast\nclass Drop(ast.NodeTransformer):\n    visit_Expr = lambda self, node: None\n"
        "get_ipython().ast_transformers.append(Drop())"
    ),
    "stubs in sys.modules": "import sys, types\nsys.modules['kmodlab'] = types.ModuleType('kmodlab')",
    "monkeypatched helpers": (
        "import kmodlab.checks.evaluate as judge\njudge._evaluate_once = lambda *a: 3.0\ncheck = lambda *a, **b: 3.0"
    ),
    "os._exit": "import os\nos._exit(0)",
    "killed parents": "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)",
    "ignored SIGINT": "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass",
    "print floods": "while True: print('x' * 10_000)",
    "reading hidden checks by a cell from disk": "print(open('@masters@/93-words/master.ipynb').read())",
    "reading tokens by a cell from the environment": "import os\nprint(dict(os.environ))",
    "reading hidden checks by a cell from /proc": "print(open('/proc/self/maps').read())",
    "sending hidden checks out by a cell": "import urllib.request as r\nr.urlopen('http://127.0.0.1:@port@/')",
}


def put_first(source: str, kind: str = "code") -> Change:
    """Put a cell before all others."""
    cell = {"cell_type": kind, "id": "evil", "metadata": {}, "source": source}
    return lambda data: data["cells"].insert(0, cell)


def python(source: str) -> Change:
    """Put a cell of Python before all others."""
    return put_first(TOUCH + source)


def checks_of(data: Notebook) -> list[Notebook]:
    """A notebook's check cells."""
    return [cell for cell in data["cells"] if "points" in cell["metadata"]["nbgrader"]]


def drop_checks(data: Notebook) -> None:
    """Remove all checks."""
    data["cells"] = [cell for cell in data["cells"] if "points" not in cell["metadata"]["nbgrader"]]


def in_checks(**fields: Any) -> Change:
    """Set fields of all check cells."""

    def change(data: Notebook) -> None:
        for cell in checks_of(data):
            cell.update(fields)

    return change


def add_tags(*tags: str) -> Change:
    """Set tags of all cells."""

    def change(data: Notebook) -> None:
        for cell in data["cells"]:
            cell["metadata"]["tags"] = list(tags)

    return change


def raise_points(data: Notebook) -> None:
    """Make each check worth a thousand points."""
    for cell in checks_of(data):
        cell["metadata"]["nbgrader"]["points"] = 1000


def change_ids(data: Notebook) -> None:
    """Give all checks the ids of answers."""
    for cell in checks_of(data):
        cell["id"] = cell["metadata"]["nbgrader"]["grade_id"] = "tool"


def outputs_of(text: str) -> list[Notebook]:
    """Stored outputs with the text in all their MIME types."""
    data = {"text/plain": text, "text/html": f"<script>alert(1)</script><b onclick=alert(1)>{text}</b>"}
    return [
        {"output_type": "stream", "name": "stdout", "text": text},
        {"output_type": "execute_result", "execution_count": 1, "data": data, "metadata": {}},
    ]


MARKDOWN = f"<script>alert(1)</script> <b onclick=alert(1)>{PLANTED}</b> [x](javascript:alert(1))"
IMAGES = f"{PLANTED} ![x](@canary@) ![y](file://@canary@) <img src='@canary@'> ![z](attachment:../../etc/passwd)"
NOT_RIGHT = "The answer is not right"
CHANGES: dict[str, tuple[Change, str]] = {
    **{name: (python(source), "1 cell is not part of the exercise") for name, source in PYTHON.items()},
    "edited check cells": (in_checks(source="3.0"), "The check `shown` was changed"),
    "deleted check cells": (drop_checks, "The check `shown` is missing"),
    "reordered check cells": (lambda data: data["cells"].reverse(), "in another order"),
    "re-typed check cells": (in_checks(cell_type="raw"), "is not a code cell any more"),
    "duplicated check cells": (lambda data: data["cells"].extend(checks_of(data) * 2), "There are 3 cells"),
    "duplicated ids": (change_ids, "There are 3 cells `tool`"),
    "edited points": (raise_points, "said to be worth 1000"),
    "forged stored outputs": (in_checks(outputs=outputs_of("3.0")), "Outputs are stored in cells that were not run"),
    "unrun cells": (in_checks(execution_count=None, outputs=[]), NOT_RIGHT),
    "NBVAL tags": (add_tags("nbval-skip", "nbval-ignore-output"), "`nbval-skip`"),
    "raises-exception": (add_tags("raises-exception"), "`raises-exception`"),
    "another kernelspec": (lambda data: data["metadata"]["kernelspec"].update(name="bash"), "kernel, `bash`"),
    "a flood in stored outputs": (in_checks(outputs=outputs_of("x" * 1_000_000)), "Outputs are stored"),
    "sending secrets out through outputs": (in_checks(execution_count=1, outputs=outputs_of(PLANTED)), NOT_RIGHT),
    "<script> and event handlers in Markdown": (put_first(MARKDOWN, "markdown"), "1 cell is not part of the exercise"),
    "image paths that embed local files": (put_first(IMAGES, "markdown"), "1 cell is not part of the exercise"),
}


# ---- how it is handed in -------------------------------------------------------------------------------------------


def in_folder(handed: Handed) -> str:
    """The usual way: ada/hello.ipynb."""
    handed.write(f"{handed.learner}/{handed.name}", handed.notebook)
    return handed.learner


def beside(text: str, *names: str) -> Place:
    """With further files of these names, all with this text."""

    def place(handed: Handed) -> str:
        for name in names:
            handed.write(f"{handed.learner}/{name}", text)
        return in_folder(handed)

    return place


def named(folder: str) -> Place:
    """In a folder of that name, which names the learner."""

    def place(handed: Handed) -> str:
        handed.write(f"{folder}/{handed.name}", handed.notebook)
        return safe_name(folder)

    return place


def beside_another(folder: str, other: str, graded_as: str) -> Place:
    """In a folder whose name resembles another learner's, whose work is correct and graded as `graded_as`."""

    def place(handed: Handed) -> str:
        handed.write(f"{other}/{handed.name}", handed.right)
        handed.rights.append(graded_as)
        return named(folder)(handed)

    return place


def raw(content: bytes) -> Place:
    """These bytes instead of a notebook."""

    def place(handed: Handed) -> str:
        handed.write(f"{handed.learner}/{handed.name}", content)
        return handed.learner

    return place


def gigabyte(handed: Handed) -> str:
    """A notebook of a gigabyte."""
    path = handed.write(f"{handed.learner}/{handed.name}", '{"cells": [{"source": "')
    os.truncate(path, 1 << 30)
    return handed.learner


def link(handed: Handed) -> str:
    """A link to a correct notebook elsewhere."""
    elsewhere = handed.write("../elsewhere.ipynb", handed.right)
    folder = handed.given / handed.learner
    folder.mkdir()
    (folder / handed.name).symlink_to(elsewhere)
    return handed.learner


def fifo(handed: Handed) -> str:
    """A pipe that nobody writes to."""
    folder = handed.given / handed.learner
    folder.mkdir()
    os.mkfifo(folder / handed.name)
    return handed.learner


def zip_of(*members: tuple[str, bytes]) -> bytes:
    """A zip file with these members; the names may be invalid or duplicate."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # duplicate names are intended
        for name, content in members:
            archive.writestr(name, content)
    return stream.getvalue()


def tar_of(*members: tuple[str, bytes, bytes, str]) -> bytes:
    """A tar file with these members: name, type, content, target of a link."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, kind, content, target in members:
            info = tarfile.TarInfo(name)
            info.type, info.size, info.linkname = kind, len(content), target
            archive.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def archived(suffix: str, make: Callable[[Handed], bytes]) -> Place:
    """In the learner's own archive."""

    def place(handed: Handed) -> str:
        handed.write(f"{handed.learner}{suffix}", make(handed))
        return handed.learner

    return place


def traversal(handed: Handed) -> bytes:
    """Correct notebooks at paths outside of the archive."""
    outside = [(handed.aimed(name), handed.right) for name in ("../../@left@.ipynb", "/tmp/@left@.ipynb")]
    return zip_of(*outside, (handed.name, handed.notebook))


def links(handed: Handed) -> bytes:
    """Links to files elsewhere, under the notebook's name."""
    return tar_of(
        (handed.name, tarfile.SYMTYPE, b"", handed.aimed("@canary@")),
        (handed.name, tarfile.LNKTYPE, b"", "../../elsewhere.ipynb"),
    )


def bomb(handed: Handed) -> bytes:
    """A small archive that unpacks to a large file."""
    return zip_of((handed.name, bytes(72 << 20)))


def bomb_in_stream(handed: Handed) -> bytes:
    """A zip bomb in a compressed tar file."""
    filler = tar_of(("filler.bin", tarfile.REGTYPE, bytes(200 << 20), ""))
    return zip_of((handed.name, handed.notebook), ("own.tar.gz", gzip.compress(filler, 1)))


def as_another(handed: Handed) -> str:
    """With a second notebook in folders like nbgrader's with another learner's name, whose work is correct."""
    handed.write(f"yara/{handed.name}", handed.right)
    handed.rights.append("yara")
    inside = f"submitted/yara/93-words/{handed.name}"
    handed.write(f"{handed.learner}.zip", zip_of((handed.name, handed.notebook), (inside, handed.notebook)))
    return handed.learner


def doubled(handed: Handed) -> bytes:
    """Two members with the same name; the second is correct."""
    return zip_of((handed.name, handed.notebook), (handed.name, handed.right))


def many(handed: Handed) -> bytes:
    """More notebooks than the limit."""
    return zip_of(*((f"{number}/{handed.name}", handed.notebook) for number in range(60)))


EVIL = TOUCH + "raise SystemExit('shadowed')\n"
SHADOWS = ("random.py", "json.py", "kmodlab/__init__.py", "sitecustomize.py", "conftest.py")

Placed = Mapping[str, tuple[Place, str, str]]  # name -> place, pattern for the messages about it, state of the grade
GRADED, REJECTED = "graded", "rejected"
FILES: Placed = {
    "a module that shadows a library": (beside(EVIL, *SHADOWS), NOT_RIGHT, GRADED),
    "a gigabyte in one cell": (gigabyte, "larger than 64 MiB", REJECTED),
    "a million cells": (raw(b'{"nbformat": 4, "cells": [' + b"{}," * 999_999 + b"{}]}"), "too many", REJECTED),
    "deep JSON": (raw(b"[" * 100_000), "nested too deeply", REJECTED),
    "NaN": (raw(b'{"nbformat": 4, "cells": [{"source": NaN}]}'), "NaN", REJECTED),
    "bad UTF-8": (raw(b'{"nbformat": 4, "cells": [{"source": "\xff\xfe"}]}'), "not UTF-8", REJECTED),
    "<script> and event handlers in names": (named("<img src=x onerror=alert(1)><script>"), NOT_RIGHT, GRADED),
    "formulas in names": (named('=HYPERLINK("x")'), NOT_RIGHT, GRADED),
    "control sequences in names": (named("\x1b[2J\x1b]0;owned\x07\u202ename"), NOT_RIGHT, GRADED),
}
ARCHIVES: Placed = {
    "another learner's name in an archive of one's own": (as_another, NOT_RIGHT, GRADED),
    "a name: ../": (named("up\\..\\..\\.."), NOT_RIGHT, GRADED),
    "an absolute name": (named("\\\\etc\\passwd"), NOT_RIGHT, GRADED),
    "a reserved name": (named("CON"), NOT_RIGHT, GRADED),
    "case-folding names": (beside_another("YVES", "yves", "yves"), NOT_RIGHT, GRADED),
    "look-alike names": (beside_another("z\u043ee", "zoe", "zoe"), "mixes letters", GRADED),
    "an archive's traversal": (archived(".zip", traversal), "leads out of the archive", GRADED),
    "an archive's links": (archived(".tar", links), "link", REJECTED),
    "a link in a folder": (link, "link", REJECTED),
    "a FIFO in a folder": (fifo, "not a regular file", REJECTED),
    "a bomb": (archived(".zip", bomb), "larger than 64 MiB", REJECTED),
    "a bomb in an archive's archive": (archived(".zip", bomb_in_stream), "far more", GRADED),
    "doubled members": (archived(".zip", doubled), "2 notebooks were handed in", GRADED),
    "one submission starving the others, by many notebooks": (
        archived(".zip", many),
        "60 notebooks were handed in",
        GRADED,
    ),
}
