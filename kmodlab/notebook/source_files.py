"""`%%makefile` and `%%kfile`: cells that are stored for the `%%kmod` cells after them."""

from __future__ import annotations

import re

from kmodlab.errors import UsageError
from kmodlab.i18n import _
from kmodlab.kbuild.sources import Sources, check_name, make_makefile
from kmodlab.notebook.magic import MagicOptions, show
from kmodlab.notebook.render.parts import Level, Message, Output, Part
from kmodlab.notebook.state import NotebookState
from kmodlab.submission.learner_sources import as_file

MAKEFILE_OPTIONS = MagicOptions("%%makefile")
MAKEFILE_OPTIONS.add_argument("name", nargs="?", help=_("The module's name (default: the one after obj-m +=)."))
MAKEFILE_OPTIONS.add_argument("--drop", action="store_true", help=_("Go back to the usual Makefile."))

MAKEFILE_HELP = MAKEFILE_OPTIONS.explain(
    _("""\
Write the Makefile (or Kbuild file) with which %%kmod builds a module from now on.

    %%makefile hello
    obj-m += hello.o
    ccflags-y += -DDEBUG

Without it, each module is built with the one line that the first course slide shows. As a line, %makefile shows what
is in effect, and drops it again:

    %makefile hello
    %makefile --drop hello
""")
)

KFILE_OPTIONS = MagicOptions("%%kfile")
KFILE_OPTIONS.add_argument("name", nargs="?", help=_("The file's name."))
KFILE_OPTIONS.add_argument("--drop", action="store_true", help=_("Forget the file."))

KFILE_HELP = KFILE_OPTIONS.explain(
    _("""\
Write a further source or header, for %%kmod --file to build with.

    %%kfile greeting.h
    #define GREETING "hello"

    %%kmod hello --file greeting.h
    #include "greeting.h"
    ...

It is kept in the notebook's memory, not on disk. As a line, %kfile shows which files there are, and %kfile --drop NAME
forgets a file.
""")
)


def makefile(state: NotebookState, line: str, cell: str | None) -> None:
    """Run `%%makefile`, as a cell or as a line. Raises: UsageError."""
    options = MAKEFILE_OPTIONS.parse(line)
    name = options.name
    if options.drop and not name:
        raise UsageError(_("Which Makefile is to be dropped?"))
    if options.drop and name not in state.makefiles:
        raise UsageError(_("You have no Makefile named {name}.").format(name=name))
    if options.drop:
        del state.makefiles[name]
        show(Message(_("`{name}` is built with the usual Makefile again.").format(name=name), Level.GOOD))
    elif cell is None:
        show(*_show_makefiles(state, name))
    else:
        name = name or _module_of(cell)
        check_name(name)
        state.makefiles[name] = as_file(cell)
        show(Message(_("`{name}` is built with this Makefile from now on.").format(name=name), Level.GOOD))


def _module_of(cell: str) -> str:
    """The name of the only module that a Makefile builds. Raises: UsageError if it builds none or several."""
    words = " ".join(re.findall(r"^\s*obj-m\s*[+:]?=(.*)$", cell, re.MULTILINE)).split()
    if len(set(words)) == 1:
        return str(words[0]).removesuffix(".o")
    raise UsageError(_("It is not clear which module this Makefile is for."), hint=_("Name it: `%%makefile hello`"))


def _show_makefiles(state: NotebookState, name: str | None) -> list[Part]:
    """The Makefile of one module, or without a name all that the notebook's cells stored."""
    if name:
        check_name(name)
        own = state.makefiles.get(name)
        sentence = _("The Makefile for `{name}` is yours:") if own else _("The Makefile for `{name}` is the usual one:")
        text = own or make_makefile(name, [f"{name}.c"])
        return [Message(sentence.format(name=name)), Output(text.lstrip("\n"), "Makefile")]
    if not state.makefiles:
        return [Message(_("No Makefile of yours is in effect."))]
    return [part for module in state.makefiles for part in _show_makefiles(state, module)]


def kfile(state: NotebookState, line: str, cell: str | None) -> None:
    """Run `%%kfile`, as a cell or as a line. Raises: UsageError."""
    options = KFILE_OPTIONS.parse(line)
    name = options.name
    if options.drop and not name:
        raise UsageError(_("Which file is to be dropped?"))
    if options.drop and name not in state.files:
        raise UsageError(_("There is no file of yours named {name}.").format(name=name))
    if options.drop:
        del state.files[name]
        show(Message(_("`{name}` is forgotten.").format(name=name), Level.GOOD))
    elif cell is None:
        names = ", ".join(f"`{stored}`" for stored in state.files)
        sentence = _("Files for `%%kmod --file`: {names}.") if names else _("There are no files yet.")
        show(Message(sentence.format(names=names)))
    elif not name:
        raise UsageError(_("The file needs a name."), hint=_("Begin the cell with `%%kfile greeting.h`"))
    else:
        Sources.of("check", {"check.c": ";", name: cell})  # a bad name is reported now, not in a later cell
        state.files[name] = as_file(cell)
        sentence = _("`{name}` is written down: `%%kmod NAME --file {name}` uses it.")
        show(Message(sentence.format(name=name), Level.GOOD))
