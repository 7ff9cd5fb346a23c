"""`%source`: shows a file of the kernel's source or documentation, without a network."""

from __future__ import annotations

import re
from argparse import REMAINDER
from collections.abc import Iterator
from pathlib import Path

from kmodlab.errors import UsageError
from kmodlab.files import MIB, read_file
from kmodlab.guest.own_lab import load_own_lab
from kmodlab.i18n import _, ngettext
from kmodlab.kernel.own import get_variant
from kmodlab.notebook.magic import MagicOptions, show
from kmodlab.notebook.render.parts import Details, Level, Message, Output, Part
from kmodlab.notebook.state import NotebookState
from kmodlab.settings import get_settings
from kmodlab.text import escape_control_chars

_LIMIT = 16 * MIB
# The line below a heading: a punctuation mark, repeated to its length (Documentation/doc-guide/sphinx.rst).
_UNDERLINE = re.compile(r"([=\-~.*^\"'`#+])\1{2,}")

SOURCE_OPTIONS = MagicOptions("%source")
SOURCE_OPTIONS.add_argument("-n", "--lines", type=int, metavar="COUNT", help=_("The number of lines to show."))
SOURCE_OPTIONS.add_argument("path", help=_("The file's path in the kernel's tree."))
SOURCE_OPTIONS.add_argument("heading", nargs=REMAINDER, help=_("Only the section with this heading."))

SOURCE_HELP = SOURCE_OPTIONS.explain(
    _("""\
Show a file of the kernel's source, which `kmodlab kernel` keeps: code, a Makefile, a page of the documentation.

    %source Documentation/kbuild/modules.rst                    its headings, and the whole text
    %source Documentation/kbuild/modules.rst Command Syntax     one section
    %source -n 20 drivers/misc/Makefile
""")
)


def source(_state: NotebookState, line: str, _cell: str | None) -> None:
    """Run `%source`. Raises: UsageError."""
    options = SOURCE_OPTIONS.parse(line)
    tree = load_own_lab(get_settings(), get_variant("small")).tree.source
    lines = _read(tree, options.path).splitlines()
    title = f"`{options.path}`"
    wanted = " ".join(options.heading)
    if wanted:
        lines = find_section(lines, wanted)
        if not lines:
            headings = ", ".join(f"`{heading}`" for _at, heading, _mark in _headings(_read(tree, options.path)))
            raise UsageError(
                _("{path} has no heading {heading}.").format(path=options.path, heading=ascii(wanted)),
                hint=_("It has: {headings}.").format(headings=headings or "–"),
            )
        _at, heading, _mark = next(_headings("\n".join(lines)))
        title = f"{title}: {heading}"
    shown = lines[: options.lines]
    more = len(lines) - len(shown)
    parts: list[Part] = [Output("\n".join(shown), options.path)]
    if more:
        parts.append(Message(ngettext("… {number} more line", "… {number} more lines", more).format(number=more)))
    show(Details(Message(title, Level.NOTE), parts, is_open=True))


def _read(tree: Path, path: str) -> str:
    file = (tree / path).resolve()
    if not file.is_relative_to(tree.resolve()) or not file.is_file():
        hint = _("Its paths are those of the kernel's tree, for instance Documentation/kbuild/modules.rst.")
        raise UsageError(_("The kernel's source has no file {path}.").format(path=ascii(path)), hint=hint)
    return escape_control_chars(read_file(file, _LIMIT).decode("utf-8", "replace"))


def find_section(lines: list[str], wanted: str) -> list[str]:
    """The lines of the first section whose heading contains `wanted`, with its subsections; empty if none does."""
    headings = list(_headings("\n".join(lines)))
    levels = list(dict.fromkeys(mark for _at, _heading, mark in headings))  # outer levels come first
    for number, (start, heading, mark) in enumerate(headings):
        if wanted.casefold() in heading.casefold():
            following = headings[number + 1 :]
            ends = (at for at, _heading, other in following if levels.index(other) <= levels.index(mark))
            return _stripped(lines[start : next(ends, len(lines))])
    return []


def _stripped(lines: list[str]) -> list[str]:
    while lines and not lines[-1].strip():
        lines = lines[:-1]
    return lines


def _headings(text: str) -> Iterator[tuple[int, str, str]]:
    """The headings: offset, text, and the punctuation mark below it; twice the mark if it is above it too."""
    lines = text.splitlines()
    for number in range(1, len(lines)):
        words, under = lines[number - 1], lines[number]
        if _UNDERLINE.fullmatch(under) and words.strip() and words[0].strip() and len(under) >= len(words):
            over = number >= 2 and lines[number - 2] == under
            yield number - 1 - over, words.strip(), under[0] * (2 if over else 1)
