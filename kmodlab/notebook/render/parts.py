"""The parts of a card: our own sentences, a command, a program's output, lines of source, closed details.

Output of tools and of the kernel is shown verbatim, in a monospaced font; our explanations are prose after a mark. The
text says everything that a mark says. Text from guests and builds is always escaped.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Protocol

from kmodlab.excerpt import ExcerptRow, make_excerpt, position
from kmodlab.i18n import _, ngettext
from kmodlab.notebook.render.style import STYLE
from kmodlab.text import escape_control_chars

_CODE = re.compile("`([^`\n]+)`")


def escape(text: str) -> str:
    """Escape text for HTML, between tags or in quotes."""
    return html.escape(escape_control_chars(text))


def prose(sentence: str) -> str:
    """Escape a sentence for HTML; text in `backquotes` is set as code."""
    return _CODE.sub(r"<code>\1</code>", escape(sentence))


def shorten(text: str, *, head: int = 150, tail: int = 250, width: int = 500) -> str:
    """Long text without its middle: the first and the last lines, each of at most `width` characters."""
    lines = text.split("\n")
    if len(lines) > head + tail:
        number = len(lines) - head - tail
        gap = ngettext("… {number} line is left out here …", "… {number} lines are left out here …", number)
        lines = [*lines[:head], gap.format(number=number), *lines[-tail:]]
    return "\n".join(line if len(line) <= width else f"{line[:width]}…" for line in lines)


class Part(Protocol):
    """Something that can be shown as text and as HTML. Both are empty if there is nothing to show."""

    @property
    def text(self) -> str:
        """Lines for a terminal, without a newline at the end."""

    @property
    def html(self) -> str:
        """An HTML fragment."""


class Level(StrEnum):
    """The kind of a message, which decides its mark and colour."""

    GOOD = "good"
    BAD = "bad"
    NOTE = "note"


_MARKS = {Level.GOOD: "✓", Level.BAD: "✗", Level.NOTE: "→"}


@dataclass(frozen=True)
class Message:
    """A sentence of kmodlab's, in the reader's language."""

    sentence: str
    level: Level = Level.NOTE

    @property
    def text(self) -> str:
        """The sentence after its mark."""
        return f"{_MARKS[self.level]} {escape_control_chars(self.sentence)}"

    @property
    def html(self) -> str:
        """A paragraph."""
        return f'<p class="km-say km-{self.level}">{self.inline}</p>'

    @property
    def inline(self) -> str:
        """HTML for use within a line."""
        return f'<span class="km-mark" aria-hidden="true">{_MARKS[self.level]}</span> {prose(self.sentence)}'


@dataclass(frozen=True)
class Command:
    """A command that we ran in the guest, with root's prompt."""

    line: str

    @property
    def text(self) -> str:
        """The line as in a terminal."""
        return f"# {escape_control_chars(self.line)}"

    @property
    def html(self) -> str:
        """A block of its own."""
        return f'<pre class="km-command"># {escape(self.line)}</pre>'


@dataclass(frozen=True)
class Output:
    """A program's output, verbatim, but long output is shortened and control characters are escaped.

    `label` is the block's name for screen readers ("output" if empty).
    """

    printed: str
    label: str = ""

    @property
    def text(self) -> str:
        """The output."""
        return escape_control_chars(shorten(self.printed)).rstrip("\n")

    @property
    def html(self) -> str:
        """A block that scrolls if it is long."""
        label = self.label or _("output")
        return block("km-output", label, escape(shorten(self.printed)).rstrip("\n")) if self.printed else ""


def block(kind: str, label: str, content: str) -> str:
    """A block of preformatted HTML, which can get the keyboard's focus, so that it can be scrolled without a mouse."""
    return f'<pre class="km-block {kind}" tabindex="0" role="region" aria-label="{escape(label)}">{content}</pre>'


@dataclass(frozen=True)
class Excerpt:
    """`line` (counted from 1) of a source, with `context` lines on each side; empty if the source has no such line."""

    source: str
    line: int
    column: int | None = None
    context: int = 0

    @property
    def text(self) -> str:
        """The lines with their numbers, `>` before the marked one."""
        return "\n".join(escape_control_chars(str(row)) for row in self._rows())

    @property
    def html(self) -> str:
        """A block, with the marked line and the caret set off."""
        rows = self._rows()
        return block("km-source", _("source"), "\n".join(_row_html(row) for row in rows)) if rows else ""

    def _rows(self) -> list[ExcerptRow]:
        return make_excerpt(self.source, self.line, self.column or None, context=self.context)


def _row_html(row: ExcerptRow) -> str:
    if not row.number:
        return f'{row.margin}<span class="km-caret">{row.text}</span>'
    line = row.margin + escape(row.text)
    return f'<span class="km-hit">{line}</span>' if row.is_hit else line


@dataclass(frozen=True)
class Details:
    """Parts behind a title that opens and closes.

    As text, the parts are shown if open. If closed, they are left out, and so is the title if its level is NOTE.
    """

    title: Message
    parts: Sequence[Part]
    is_open: bool

    @property
    def text(self) -> str:
        """The title, and the parts if they are open."""
        if self.is_open:
            return join_texts([self.title, *self.parts])
        return "" if self.title.level is Level.NOTE else self.title.text

    @property
    def html(self) -> str:
        """A `details` element, which the keyboard can open."""
        inner = "".join(part.html for part in self.parts)
        is_open = " open" if self.is_open else ""
        title = self.title
        return f'<details class="km-{title.level}"{is_open}><summary>{title.inline}</summary>{inner}</details>'


def join_texts(parts: Sequence[Part]) -> str:
    """The texts of parts, one below the other."""
    return "\n".join(text for text in (part.text for part in parts) if text)


@dataclass(frozen=True)
class LineMark:
    """A line of a cell that a part is about, which an editor may mark.

    `file` is empty for the cell that has the output; otherwise it is the file name in another cell's magic. `line`
    counts from 1, the magic. `text` is the line's text, so that a line that has changed is not marked. `severity` is
    "error", "warning" or "note". `at` is the number of characters before the place in the line, None for all of it.
    """

    file: str
    line: int
    text: str
    severity: str
    message: str
    hint: str = ""
    at: int | None = None


def make_marks(
    source: str | None,
    file: str,
    line: int | None,
    severity: str,
    message: str,
    hint: str = "",
    column: int | None = None,
) -> tuple[LineMark, ...]:
    """The mark for a line of a source; empty if the source has no such line."""
    lines = source.split("\n") if source is not None else []
    if line is None or not 0 < line <= len(lines):
        return ()
    text = lines[line - 1]
    at = position(text, column) if column else None
    return (LineMark(file, line, text, severity, escape_control_chars(message), hint, at),)


@dataclass(frozen=True)
class Card:
    """One output of a cell, always in two forms, text/plain and text/html.

    `metadata` is the output's metadata: the marks of all parts, which our JupyterLab extension shows in the editor.
    """

    parts: Sequence[Part]

    @property
    def metadata(self) -> dict[str, Any] | None:
        """The output's metadata; None if no part has a mark."""
        marks = [asdict(mark) for part in self.parts for mark in getattr(part, "marks", ())]
        return {"kmodlab": {"marks": marks}} if marks else None

    def __repr__(self) -> str:
        """The text form, which a terminal shows."""
        return join_texts(self.parts)

    def _repr_mimebundle_(self, **_options: Any) -> dict[str, str]:
        inner = "".join(part.html for part in self.parts)
        return {"text/plain": repr(self), "text/html": f'<div class="kmodlab">{STYLE}{inner}</div>'}
