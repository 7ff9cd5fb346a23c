"""`%built`: lists the files of a module's build, and shows the text of one."""

from __future__ import annotations

import re

from kmodlab.errors import UsageError
from kmodlab.i18n import N_, _, ngettext
from kmodlab.notebook.anatomy import get_module
from kmodlab.notebook.magic import MagicOptions, show, show_view
from kmodlab.notebook.render.parts import Message, Output, Part
from kmodlab.notebook.state import BuiltModule, NotebookState
from kmodlab.notebook.views.table import Column, ColumnKind, Table, sized
from kmodlab.notebook.views.view import View
from kmodlab.text import escape_control_chars

OPTIONS = MagicOptions("%built")
OPTIONS.add_argument("name", help=_("The module that a cell built."))
OPTIONS.add_argument("file", nargs="?", help=_("One of the files: show its text."))
OPTIONS.add_argument("-n", "--lines", type=int, default=60, help=_("Show at most this many lines of it (default: 60)."))

BUILT_HELP = OPTIONS.explain(
    _("""\
List the files that a build left, and say which step made each; or show one that is text.

    %built hello
    %built hello hello.mod.c
    %built hello Module.symvers
""")
)

# The files that kbuild's steps make (Documentation/kbuild/modules.rst, scripts/Makefile.build, .modpost and .modfinal).
_STEPS = (
    (r".*\.mod\.c", N_("MODPOST wrote it: what the kernel has to know about the module, as C")),
    (r".*\.mod\.o", N_("CC [M], of the .mod.c")),
    (r"\.module-common\.o", N_("CC [M], of the kernel's module-common.c: the same for all modules")),
    (r".*\.mod", N_("kbuild's note: which objects the module is made of")),
    (r".*\.ko", N_("LD [M], of all objects: the module")),
    (r".*\.symversions", N_("kbuild's note: checksums of the symbols that a source exports")),
    (r"\..*\.d", N_("the compiler's note: which headers the source includes")),
    (r"\..*\.cmd", N_("kbuild's note: the command that made the file of that name")),
    (r".*\.o", N_("CC [M], of the .c of that name, or LD [M], of several")),
    (r"Module\.symvers", N_("MODPOST wrote it: the symbols that the module exports to others")),
    (r"modules\.order", N_("kbuild's note: the modules, in the Makefile's order")),
    (r".*\.[ch]|Makefile|Kbuild", N_("yours")),
)


def built(state: NotebookState, line: str, _cell: str | None) -> None:
    """Run `%built`. Raises: UsageError."""
    options = OPTIONS.parse(line)
    module = get_module(state, options.name)
    if options.file:
        show(_text_of(module, options.file, options.lines))
    else:
        show_view(View([_list(module)]))


def _list(module: BuiltModule) -> Table:
    build = module.build
    sizes = {name: len(content) for name, content in {**module.sources.files, **build.files}.items()}
    sizes |= {f"{name}.ko": len(ko) for name, ko in build.modules.items()}
    # kbuild's own bookkeeping, whose names begin with a dot, comes last.
    names = sorted(sizes, key=lambda name: (name.startswith("."), name))
    rows = [(name, sized(sizes[name]), _purpose(name)) for name in names]
    return Table(
        _("After the build of `{name}`:").format(name=build.name),
        (Column(_("file"), ColumnKind.CODE), Column(_("bytes"), ColumnKind.NUMBER), Column(_("who made it"))),
        rows,
    )


def _purpose(name: str) -> str:
    """The step of kbuild that makes a file of this name, and the file's purpose; empty if unknown."""
    return next((_(purpose) for pattern, purpose in _STEPS if re.fullmatch(pattern, name)), "")


def _text_of(module: BuiltModule, name: str, most: int) -> Part:
    content = {**module.sources.files, **module.build.files}.get(name)
    if content is None:
        raise UsageError(
            _("The build left no {name}.").format(name=name),
            hint=_("`%built {module}` lists what it left.").format(module=module.build.name),
        )
    if b"\0" in content:
        raise UsageError(
            _("{name} is not text.").format(name=name),
            hint=_("`%anatomy {name}` shows what is in it.").format(name=name),
        )
    if not content:
        return Message(_("`{name}` is empty.").format(name=name))
    lines = escape_control_chars(content.decode("utf-8", "replace")).rstrip("\n").split("\n")
    more = len(lines) - most
    if more > 0:
        gap = ngettext("… {number} more line", "… {number} more lines", more).format(number=more)
        lines = [*lines[:most], gap]
    return Output("\n".join(lines), name)
