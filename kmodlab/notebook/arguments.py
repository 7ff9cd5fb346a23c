"""Options of magics: parsed as in a shell, explained by `?`, refused in one sentence."""

from __future__ import annotations

import shlex
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from typing import NoReturn

from kmodlab.errors import UsageError


class MagicOptions(ArgumentParser):
    """The options of one magic. `prog` is the magic's name with its percent signs."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, add_help=False, allow_abbrev=False, formatter_class=RawDescriptionHelpFormatter)

    def parse(self, line: str) -> Namespace:
        """The options in the magic's line; UsageError where they make no sense."""
        return self.parse_args(split(line))

    def error(self, message: str) -> NoReturn:
        """Refuse; IPython's own way would print on stderr."""
        raise UsageError(f"{self.prog}: {message}.", hint=f"`{self.prog}?` shows what it takes.")

    def explain(self, words: str) -> str:
        """What `?` shows: what the magic does, then its usage and options."""
        return f"{words.rstrip()}\n\n{self.format_help()}"


def split(line: str) -> list[str]:
    """The words of a line, by a shell's rules of quoting."""
    try:
        return shlex.split(line)
    except ValueError as error:
        raise UsageError(f"A quotation is not closed: {line.strip()}") from error
