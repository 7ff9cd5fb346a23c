"""Text from guests and builds as HTML, cut where it is long; `Stream` is for output that comes in pieces."""

from __future__ import annotations

import codecs
import html
import re

from kmodlab.text import escape_control_chars

_CODE = re.compile("`([^`\n]+)`")


def escape(text: str) -> str:
    """Text for HTML, between tags or in quotes."""
    return html.escape(escape_control_chars(text))


def prose(sentence: str) -> str:
    """A sentence for HTML; what stands in `backquotes` is set as code."""
    return _CODE.sub(r"<code>\1</code>", escape(sentence))


def shorten(text: str, *, head: int = 150, tail: int = 250, width: int = 500) -> str:
    """Long text without its middle: the first and the last lines, each of at most `width` characters."""
    lines = text.split("\n")
    if len(lines) > head + tail:
        left_out = len(lines) - head - tail
        lines = [*lines[:head], f"… {left_out} lines are left out here …", *lines[-tail:]]
    return "\n".join(line if len(line) <= width else f"{line[:width]}…" for line in lines)


class Stream:
    """Bytes as they come, made harmless text; a character that is split between two pieces waits for its rest."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""

    def feed(self, data: bytes, *, final: bool = False) -> str:
        """What can be shown by now."""
        text = self._held + self._decoder.decode(data, final)
        # A carriage return says nothing before it is known whether a newline follows.
        self._held = "\r" if text.endswith("\r") and not final else ""
        return escape_control_chars(text[: len(text) - len(self._held)])
