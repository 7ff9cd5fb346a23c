"""The parts that a card is made of: our own sentences, a command, what a program printed, something folded away.

Two voices are kept apart everywhere. What a real tool or the kernel said is shown verbatim, in a typewriter's letters;
what we say about it is prose with a mark before it. A mark is never the only bearer of its meaning.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from kmodlab.notebook.render.harmless import escape, prose, shorten
from kmodlab.notebook.render.style import STYLE
from kmodlab.text import escape_control_chars


class Part(Protocol):
    """Something that can be shown as text and as HTML. Nothing to show: both are empty."""

    @property
    def text(self) -> str:
        """Lines for a terminal, without a newline at the end."""

    @property
    def html(self) -> str:
        """An HTML fragment."""


class Level(StrEnum):
    """How a sentence of ours is meant."""

    GOOD = "good"
    BAD = "bad"
    NOTE = "note"


_MARKS = {Level.GOOD: "✓", Level.BAD: "✗", Level.NOTE: "→"}


@dataclass(frozen=True)
class Message:
    """A sentence of ours."""

    sentence: str
    mood: Level = Level.NOTE

    @property
    def text(self) -> str:
        """The sentence behind its mark."""
        return f"{_MARKS[self.mood]} {escape_control_chars(self.sentence)}"

    @property
    def html(self) -> str:
        """A paragraph."""
        return f'<p class="km-say km-{self.mood}">{self.inline}</p>'

    @property
    def inline(self) -> str:
        """The same within a line."""
        return f'<span class="km-mark" aria-hidden="true">{_MARKS[self.mood]}</span> {prose(self.sentence)}'


@dataclass(frozen=True)
class Command:
    """A command that we ran in the guest, with the prompt of its superuser."""

    line: str

    @property
    def text(self) -> str:
        """The line as it would stand in a terminal."""
        return f"# {escape_control_chars(self.line)}"

    @property
    def html(self) -> str:
        """The same."""
        return f'<pre class="km-command"># {escape(self.line)}</pre>'


@dataclass(frozen=True)
class Output:
    """What a program printed, verbatim but for its length and what a terminal would obey."""

    printed: str
    label: str = "output"

    @property
    def text(self) -> str:
        """The output."""
        return escape_control_chars(shorten(self.printed)).rstrip("\n")

    @property
    def html(self) -> str:
        """A block that scrolls where it is long."""
        return block("km-output", self.label, escape(shorten(self.printed)).rstrip("\n")) if self.printed else ""


def block(kind: str, label: str, content: str) -> str:
    """A block of preformatted HTML; reachable by keyboard, so that a long one can be scrolled without a mouse."""
    return f'<pre class="km-block {kind}" tabindex="0" role="region" aria-label="{escape(label)}">{content}</pre>'


@dataclass(frozen=True)
class Details:
    """Parts behind a title that opens and closes.

    As text they are shown when open, and left out when not, with their title where that is a mere note.
    """

    title: Message
    parts: Sequence[Part]
    is_open: bool

    @property
    def text(self) -> str:
        """The title, and what is behind it when it is open."""
        if self.is_open:
            return join_texts([self.title, *self.parts])
        return "" if self.title.mood is Level.NOTE else self.title.text

    @property
    def html(self) -> str:
        """A `details` element, which the keyboard can open."""
        inner = "".join(part.html for part in self.parts)
        is_open = " open" if self.is_open else ""
        return f'<details class="km-{self.title.mood}"{is_open}><summary>{self.title.inline}</summary>{inner}</details>'


def join_texts(parts: Sequence[Part]) -> str:
    """The texts of parts, one below the other."""
    return "\n".join(text for text in (part.text for part in parts) if text)


@dataclass(frozen=True)
class Card:
    """One output of a cell. It always has the same two forms, text/plain and text/html."""

    parts: Sequence[Part]

    def __repr__(self) -> str:
        """What a terminal shows."""
        return join_texts(self.parts)

    def _repr_mimebundle_(self, **_options: Any) -> dict[str, str]:
        inner = "".join(part.html for part in self.parts)
        return {"text/plain": repr(self), "text/html": f'<div class="kmodlab">{STYLE}{inner}</div>'}
