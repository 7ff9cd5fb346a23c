"""`%%library`: a shared library of userspace, to be looked at beside a kernel module."""

from __future__ import annotations

from kmodlab.elf.shared import library_makefile
from kmodlab.errors import UsageError
from kmodlab.kbuild.build import build
from kmodlab.kbuild.result import Build
from kmodlab.kbuild.sources import Sources, check_name
from kmodlab.notebook.arguments import split
from kmodlab.notebook.render.build import complaint_parts
from kmodlab.notebook.render.parts import Level, Message, Part
from kmodlab.notebook.show import show
from kmodlab.notebook.state import NotebookState
from kmodlab.submission.learner_sources import as_file

HELP = """\
Build the cell's C code as a shared library of userspace, in the same box as modules. It is not run.

    %%library greet
    #include <stdio.h>
    ...

    %anatomy greet.so
    %anatomy library greet hello
"""


def library(place: NotebookState, line: str, cell: str | None) -> None:
    """Run the magic."""
    words = split(line)
    if cell is None or len(words) != 1:
        raise UsageError(
            "The library needs a name, and C code below it.", hint="Begin the cell with `%%library greet`."
        )
    (name,) = words
    check_name(name)
    sources = Sources.of(name, {f"{name}.c": as_file(cell), "Makefile": library_makefile(name)})
    show(*_told(place, name, build(place.session.lab.tree, sources), sources))


def _told(place: NotebookState, name: str, made: Build, sources: Sources) -> list[Part]:
    so = made.files.get(f"{name}.so")
    # That there is no module is no complaint here.
    found = [each for each in made.diagnostics if each.file == f"{name}.c"]
    verdict = Message(f"`{name}.so` is built", Level.GOOD)
    if so is None:
        verdict = Message(f"`{name}.so` is not built" + ("." if found else f": {made.sentence}"), Level.BAD)
    else:
        place.libraries[name] = so
    return [verdict, *complaint_parts(found, sources, f"{name}.c")]
