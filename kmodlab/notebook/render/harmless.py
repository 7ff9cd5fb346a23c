"""Text from guests and builds, made fit for showing: nothing in it is obeyed, by a terminal or by a browser.

Control characters (of which some move the cursor or set a terminal's title) and those that change the direction of
text become visible escapes; HTML's own characters are escaped. `Stream` does the same for output that comes in pieces.
"""

from __future__ import annotations

import codecs
import html
import re

# C0 but tab and newline, DEL, C1; marks without a width, direction marks (Unicode TR 36, 2.5); surrogates; tags.
_OBEYED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f]"
)
_CODE = re.compile("`([^`\n]+)`")


def harmless(text: str) -> str:
    """Text with everything that a terminal or a browser might obey made visible; tabs and newlines stay."""
    return _OBEYED.sub(_escape, text.replace("\r\n", "\n"))


def _escape(match: re.Match[str]) -> str:
    number = ord(match[0])
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"


def escape(text: str) -> str:
    """Text for HTML, between tags or in quotes."""
    return html.escape(harmless(text))


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
        return harmless(text[: len(text) - len(self._held)])
