"""Shared by all magics: the options in their lines, `show` for their output, and what an interrupt becomes."""

from __future__ import annotations

import shlex
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from typing import NoReturn

from IPython.display import display

from kmodlab.errors import UsageError
from kmodlab.i18n import _
from kmodlab.notebook.render.parts import Card, Part
from kmodlab.notebook.views.view import Picture, View


class Interrupted(KeyboardInterrupt):
    """The cell was interrupted, and its command was ended. IPython shows it as one line."""

    def _render_traceback_(self) -> list[str]:
        return [_("Interrupted: {sentence}").format(sentence=self)]


class MagicOptions(ArgumentParser):
    """The options of one magic. `prog` is the magic's name with its percent signs."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, add_help=False, allow_abbrev=False, formatter_class=RawDescriptionHelpFormatter)

    def parse(self, line: str) -> Namespace:
        """Parse the magic's line.

        Raises:
            UsageError: The line does not fit the options.
        """
        return self.parse_args(split(line))

    def error(self, message: str) -> NoReturn:
        """Raise UsageError; argparse would print on stderr and exit."""
        raise UsageError(
            _("{magic}: {message}.").format(magic=self.prog, message=message),
            hint=_("`{magic}?` shows what it takes.").format(magic=self.prog),
        )

    def explain(self, description: str) -> str:
        """The text that `?` shows: the description of the magic, then its usage and options."""
        return f"{description.rstrip()}\n\n{self.format_help()}"


def split(line: str) -> list[str]:
    """The words of a line, quoted as in a shell. Raises: UsageError if a quote is not closed."""
    try:
        return shlex.split(line)
    except ValueError as error:
        raise UsageError(_("A quotation is not closed: {line}").format(line=line.strip())) from error


def add_module_options(options: MagicOptions, file_help: str) -> None:
    """Add the common arguments of magics that build a module: its name, its parameters, further files."""
    options.add_argument("name", nargs="?", default="cell", help=_("The module's name (default: cell)."))
    options.add_argument(
        "-p", "--param", metavar="NAME=VALUE", action="append", default=[], help=_("Set a parameter (may be repeated).")
    )
    options.add_argument(
        "-a",
        "--after",
        metavar="MODULE",
        action="append",
        default=[],
        help=_("Load a module of the kernel first, with modprobe (may be repeated)."),
    )
    options.add_argument("-f", "--file", metavar="FILE", action="append", default=[], help=file_help)


def code_of(magic: str, cell: str | None) -> str:
    """The C code below a magic.

    Raises:
        UsageError: The magic was called as a line magic.
    """
    if cell is None:
        raise UsageError(
            _("`%{magic}` needs C code below it.").format(magic=magic),
            hint=_("Begin a cell with `%%{magic}`, with two percent signs.").format(magic=magic),
        )
    return cell


def show(*parts: Part) -> None:
    """Show parts as one card, the output of the running cell; nothing if all parts are empty."""
    card = Card(parts)
    if repr(card):
        display(card, metadata=card.metadata)


def show_view(view: View | Picture) -> None:
    """Show a view or a picture as output of the running cell."""
    display(view)
