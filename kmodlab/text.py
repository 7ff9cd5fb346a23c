"""Prepares text for output: makes control characters visible, and aligns columns.

Text from guests, builds and learners may contain characters that a terminal or a browser interprets: they move the
cursor, set a terminal's title or change the direction of text. HTML's own characters (`<`, `&`) are escaped by the code
that writes HTML.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from math import nan

from kmodlab.errors import UsageError
from kmodlab.i18n import _

_DAY_S = 86400

# C0 except tab and newline, DEL, C1; zero-width characters, direction marks (Unicode TR 36, 2.5); surrogates; tags.
_OBEYED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f]"
)


def escape_control_chars(text: str) -> str:
    """The text with visible escapes for all characters that a terminal might interpret, except tabs and newlines."""
    return _OBEYED.sub(_escape, text.replace("\r\n", "\n"))


def _escape(match: re.Match[str]) -> str:
    number = ord(match[0])
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"


def parse_seconds(text: str) -> float:
    """Parse a user's time in seconds.

    Raises:
        UsageError: It is not a number above 0 and up to a day.
    """
    try:
        seconds = float(text)
    except ValueError:
        seconds = nan
    if not 0 < seconds <= _DAY_S:
        sentence = _("{text!r} is not a time in seconds: a number above 0, and {most} at most.")
        raise UsageError(sentence.format(text=text[:40], most=_DAY_S))
    return seconds


def parse_count(text: str) -> int:
    """Parse a user's number of repetitions.

    Raises:
        UsageError: It is not a whole number from 0 on, or is too large.
    """
    if not re.fullmatch(r"[0-9]{1,5}", text):
        raise UsageError(_("{text!r} is not a number from 0 to 99999.").format(text=text[:40]))
    return int(text)


def align_columns(
    rows: Sequence[Sequence[str]], *, right: Collection[int] = (), widest: int | None = None
) -> list[str]:
    """A line of text for each row, with its columns aligned and two spaces apart.

    `right` are the columns (from 0) that are aligned to the right. `widest` is the maximal width of a column in
    characters, None for no limit; a longer cell shifts the rest of its row.
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
