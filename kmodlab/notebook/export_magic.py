"""`%export`: writes a module's sources as a folder for `make` by hand."""

from __future__ import annotations

from pathlib import Path

from kmodlab.i18n import _
from kmodlab.kbuild.by_hand import files_for_make, write_folder
from kmodlab.notebook.anatomy import get_module
from kmodlab.notebook.magic import MagicOptions, show
from kmodlab.notebook.render.parts import Level, Message
from kmodlab.notebook.state import NotebookState

EXPORT_OPTIONS = MagicOptions("%export")
EXPORT_OPTIONS.add_argument("name", help=_("The module, which a cell has built."))
EXPORT_OPTIONS.add_argument("folder", type=Path, help=_("The folder; it is made if it is missing."))
EXPORT_OPTIONS.add_argument("-d", "--dkms", action="store_true", help=_("Add a dkms.conf."))
EXPORT_OPTIONS.add_argument("-f", "--force", action="store_true", help=_("Replace files that are there already."))

EXPORT_HELP = EXPORT_OPTIONS.explain(
    _("""\
Write a module's sources into a folder, in which `make` builds it by hand, on any machine with a kernel's headers.

    %export hello at-home/hello

The folder has the sources, Kbuild (what your Makefile says), a Makefile for `make` by hand, README.md and .gitignore.
""")
)


def export(state: NotebookState, line: str, _cell: str | None) -> None:
    """Run `%export`."""
    options = EXPORT_OPTIONS.parse(line)
    module = get_module(state, options.name)
    names = [name.removesuffix(".ko") for name in module.build.modules]
    files = files_for_make(module.sources, names, dkms=options.dkms)
    write_folder(options.folder.expanduser(), files, replace=options.force)
    written = _("`{folder}` has {files}.").format(folder=options.folder, files=", ".join(f"`{name}`" for name in files))
    how = _("To build it by hand: `make -C {folder}`").format(folder=options.folder)
    show(Message(written, Level.GOOD), Message(how))
