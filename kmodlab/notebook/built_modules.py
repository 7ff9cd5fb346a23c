"""`%built`: what kbuild left in the module's folder, and what stands in those files."""

from __future__ import annotations

import re

from kmodlab.errors import UsageError
from kmodlab.notebook.anatomy import get_made
from kmodlab.notebook.arguments import MagicOptions
from kmodlab.notebook.render.parts import Message, Output, Part
from kmodlab.notebook.show import show, show_view
from kmodlab.notebook.state import BuiltModule, NotebookState
from kmodlab.notebook.views.table import Column, ColumnKind, Table, sized
from kmodlab.notebook.views.view import View
from kmodlab.text import escape_control_chars

OPTIONS = MagicOptions("%built")
OPTIONS.add_argument("name", help="The module that a cell built.")
OPTIONS.add_argument("file", nargs="?", help="One of the files: show its text.")
OPTIONS.add_argument("-n", "--lines", type=int, default=60, help="At most so many lines of it (default: 60).")

HELP = OPTIONS.explain("""\
List the files that a build left, and say which step made each; or show one that is text.

    %built hello
    %built hello hello.mod.c
    %built hello Module.symvers
""")

# What kbuild's steps leave (Documentation/kbuild/modules.rst, scripts/Makefile.build, .modpost and .modfinal).
_STEPS = (
    (r".*\.mod\.c", "MODPOST wrote it: what the kernel has to know about the module, as C"),
    (r".*\.mod\.o", "CC [M], of the .mod.c"),
    (r".*\.mod", "kbuild's note: which objects the module is made of"),
    (r".*\.ko", "LD [M], of all objects: the module"),
    (r".*\.symversions", "kbuild's note: checksums of the symbols that a source exports"),
    (r"\..*\.d", "the compiler's note: which headers the source includes"),
    (r"\..*\.cmd", "kbuild's note: the command that made the file of that name"),
    (r".*\.o", "CC [M], of the .c of that name, or LD [M], of several"),
    (r"Module\.symvers", "MODPOST wrote it: the symbols that the module exports to others"),
    (r"modules\.order", "kbuild's note: the modules, in the Makefile's order"),
    (r".*\.[ch]|Makefile|Kbuild", "yours"),
)


def built(place: NotebookState, line: str, _cell: str | None) -> None:
    """Run the magic."""
    options = OPTIONS.parse(line)
    made = get_made(place, options.name)
    if options.file:
        show(_text_of(made, options.file, options.lines))
    else:
        show_view(View([_list(made)]))


def _list(made: BuiltModule) -> Table:
    build = made.build
    sizes = {name: len(content) for name, content in {**made.sources.files, **build.files}.items()}
    sizes |= {f"{name}.ko": len(ko) for name, ko in build.modules.items()}
    # What begins with a dot is kbuild's own bookkeeping, and comes last.
    names = sorted(sizes, key=lambda name: (name.startswith("."), name))
    rows = [(name, sized(sizes[name]), purpose(name)) for name in names]
    return Table(
        f"After the build of `{build.name}`:",
        (Column("file", ColumnKind.CODE), Column("bytes", ColumnKind.NUMBER), Column("who made it")),
        rows,
    )


def purpose(name: str) -> str:
    """Which step of kbuild leaves a file of this name; empty where none does."""
    return next((words for pattern, words in _STEPS if re.fullmatch(pattern, name)), "")


def _text_of(made: BuiltModule, name: str, most: int) -> Part:
    content = {**made.sources.files, **made.build.files}.get(name)
    if content is None:
        raise UsageError(f"The build left no {name}.", hint=f"`%built {made.build.name}` lists what it left.")
    if b"\0" in content:
        raise UsageError(f"{name} is no text.", hint=f"`%anatomy {name}` shows what is in it.")
    if not content:
        return Message(f"`{name}` is empty.")
    lines = escape_control_chars(content.decode("utf-8", "replace")).rstrip("\n").split("\n")
    more = [f"… {len(lines) - most} more lines"] if len(lines) > most else []
    return Output("\n".join([*lines[:most], *more]), name)
