"""`%%makefile` and `%%kfile`: cells that are written down for the `%%kmod` cells after them."""

from __future__ import annotations

import re

from kmodlab.errors import UsageError
from kmodlab.kbuild.sources import Sources, check_name, make_makefile
from kmodlab.notebook.arguments import MagicOptions
from kmodlab.notebook.render.parts import Level, Message, Output, Part
from kmodlab.notebook.show import show
from kmodlab.notebook.state import NotebookState
from kmodlab.submission.learner_sources import as_file

MAKEFILE_OPTIONS = MagicOptions("%%makefile")
MAKEFILE_OPTIONS.add_argument("name", nargs="?", help="The module's name (default: the one after obj-m +=).")
MAKEFILE_OPTIONS.add_argument("--drop", action="store_true", help="Go back to the usual Makefile.")

MAKEFILE_HELP = MAKEFILE_OPTIONS.explain("""\
Write the Makefile (or Kbuild file) with which %%kmod builds a module from now on.

    %%makefile hello
    obj-m += hello.o
    ccflags-y += -DDEBUG

Without it, each module is built with the one line that the first course slide shows. As a line, %makefile shows what
is in effect, and drops it again:

    %makefile hello
    %makefile --drop hello
""")

KFILE_OPTIONS = MagicOptions("%%kfile")
KFILE_OPTIONS.add_argument("name", nargs="?", help="The file's name.")
KFILE_OPTIONS.add_argument("--drop", action="store_true", help="Forget the file.")

KFILE_HELP = KFILE_OPTIONS.explain("""\
Write a further source or header, for %%kmod --file to build with.

    %%kfile greeting.h
    #define GREETING "hello"

    %%kmod hello --file greeting.h
    #include "greeting.h"
    ...

It is kept in the notebook's memory, not on disk. As a line, %kfile shows what there is, and %kfile --drop NAME forgets
a file.
""")


def makefile(place: NotebookState, line: str, cell: str | None) -> None:
    """Run the magic, as a cell or as a line."""
    options = MAKEFILE_OPTIONS.parse(line)
    if options.drop:
        name = _known(options.name, place.makefiles, "Makefile")
        del place.makefiles[name]
        show(Message(f"`{name}` is built with the usual Makefile again.", Level.GOOD))
    elif cell is None:
        show(*_show_makefiles(place, options.name))
    else:
        name = options.name or _named_by(cell)
        check_name(name)
        place.makefiles[name] = as_file(cell)
        show(Message(f"`{name}` is built with this Makefile from now on.", Level.GOOD))


def _named_by(cell: str) -> str:
    """The one module that a Makefile makes."""
    words = " ".join(re.findall(r"^\s*obj-m\s*[+:]?=(.*)$", cell, re.MULTILINE)).split()
    if len(set(words)) == 1:
        return str(words[0]).removesuffix(".o")
    raise UsageError("It is not clear which module this Makefile is for.", hint="Name it: `%%makefile hello`")


def _show_makefiles(place: NotebookState, name: str | None) -> list[Part]:
    if name:
        check_name(name)
        own = place.makefiles.get(name)
        whose = "yours" if own else "the usual one"
        text = own or make_makefile(name, [f"{name}.c"])
        return [Message(f"The Makefile for `{name}` is {whose}:"), Output(text.lstrip("\n"), "Makefile")]
    if not place.makefiles:
        return [Message("No Makefile of yours is in effect.")]
    return [part for known in place.makefiles for part in _show_makefiles(place, known)]


def kfile(place: NotebookState, line: str, cell: str | None) -> None:
    """Run the magic, as a cell or as a line."""
    options = KFILE_OPTIONS.parse(line)
    if options.drop:
        name = _known(options.name, place.files, "file")
        del place.files[name]
        show(Message(f"`{name}` is forgotten.", Level.GOOD))
    elif cell is None:
        known = ", ".join(f"`{name}`" for name in place.files)
        show(Message(f"Files for `%%kmod --file`: {known}." if known else "There are no files yet."))
    elif not options.name:
        raise UsageError("The file needs a name.", hint="Begin the cell with `%%kfile greeting.h`")
    else:
        Sources.of("check", {"check.c": ";", options.name: cell})  # refused now rather than by a later cell
        place.files[options.name] = as_file(cell)
        show(Message(f"`{options.name}` is written down: `%%kmod NAME --file {options.name}` uses it.", Level.GOOD))


def _known(name: str | None, known: dict[str, str], what: str) -> str:
    if name in known:
        return name
    raise UsageError(f"There is no {what} of yours named {name}." if name else f"Which {what} is to be dropped?")
