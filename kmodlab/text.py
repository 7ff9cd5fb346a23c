"""Text from guests, builds and learners, made fit for showing: nothing in it is obeyed by a terminal or a browser.

Control characters (of which some move the cursor or set a terminal's title) and those that change the direction of
text become visible escapes. HTML's own characters are the business of who writes HTML.
"""

from __future__ import annotations

import re

# C0 but tab and newline, DEL, C1; marks without a width, direction marks (Unicode TR 36, 2.5); surrogates; tags.
_OBEYED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f]"
)


def escape_control_chars(text: str) -> str:
    """Text with everything that a terminal or a browser might obey made visible; tabs and newlines stay."""
    return _OBEYED.sub(_escape, text.replace("\r\n", "\n"))


def _escape(match: re.Match[str]) -> str:
    number = ord(match[0])
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"
