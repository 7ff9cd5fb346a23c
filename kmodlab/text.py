"""Text for showing: control characters become visible, and rows become lines with aligned columns.

Text from guests, builds and learners may hold characters that a terminal or a browser obeys: they move the cursor, set
a terminal's title or change the direction of text. HTML's own characters (`<`, `&`) are escaped where HTML is written.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

# C0 but tab and newline, DEL, C1; marks without a width, direction marks (Unicode TR 36, 2.5); surrogates; tags.
_OBEYED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f]"
)


def escape_control_chars(text: str) -> str:
    """Text in which everything that a terminal or a browser might obey is visible; tabs and newlines stay."""
    return _OBEYED.sub(_escape, text.replace("\r\n", "\n"))


def _escape(match: re.Match[str]) -> str:
    number = ord(match[0])
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"


def align_columns(
    rows: Sequence[Sequence[str]], *, right: Collection[int] = (), widest: int | None = None
) -> list[str]:
    """A line of text for each row, with its columns aligned and two spaces apart.

    `right` are the columns (from 0) that are aligned to the right. `widest` is how many characters a column may take; a
    longer cell pushes the others of its row aside. None means as many as its longest cell.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    if widest is not None:
        widths = [min(width, widest) for width in widths]
    return ["  ".join(_pad(row, widths, right)).rstrip() for row in rows]


def _pad(row: Sequence[str], widths: Sequence[int], right: Collection[int]) -> list[str]:
    return [
        cell.rjust(width) if number in right else cell.ljust(width)
        for number, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
