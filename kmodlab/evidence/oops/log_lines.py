"""Lines of a kernel log without what consoles and loggers put in front of them.

The same message arrives as `[   12.345678] text`, `[   12.345678][  T123] text`, `<4>[...] text`, a line of syslog, of
`dmesg -T` or a record of /dev/kmsg. Whoever reads the text afterwards wants none of that, but does want to know which
task or processor spoke, because several speak at once. Formats: `print_prefix` in the kernel's kernel/printk/printk.c.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

# A record of the kernel is at most 1 KiB of text; what is longer did not come from it in one piece.
MAX_WIDTH = 1024
# Enough for 60 MB of what kernels say; a flood of empty lines ends here.
MAX_LINES = 1_000_000

_STAMP = re.compile(r"(?:<\d+>)?\[ *\d+\.\d+\](\[ *[CT]\d+\])? ?")
_CALENDAR = re.compile(r"(?:<\d+>)?\[[A-Z][a-z]{2} [A-Z][a-z]{2} +\d+ [\d:]{8} \d{4}\] ")
_SYSLOG = re.compile(r"[A-Z][a-z]{2} [ \d]\d [\d:]{8} \S+ kernel: ")
_KMSG = re.compile(r"\d+,\d+,\d+,[^;]{0,200};")
_LEVEL = re.compile(r"<\d+>")
_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
# A kept case begins with what is expected of it, as `title: ...` and more such lines; none of them was ever logged.
_EXPECTED = re.compile(r"(?:#[^\n]*\n)*(?i:title): [^\n]*\n(?:[A-Za-z]+: [^\n]*\n)*\n")
_UNSURE_SUFFIX = " (unreliable)"  # powerpc


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line: its number from 1, as it was, its text without prefixes, and who spoke.

    `speaker` is "" where the line has no time stamp at all, "console" where the stamp names nobody, else the kernel's
    own word for the task or processor (`[  T123]`, `[    C1]`). `unsure` marks a stack entry that the kernel itself
    does not trust.
    """

    number: int
    raw: str
    text: str
    speaker: str
    unsure: bool


def _split_prefix(raw: str) -> tuple[str, str]:
    stamp = _STAMP.search(raw)
    if stamp:
        return raw[stamp.end() :], stamp.group(1) or "console"
    for pattern in (_CALENDAR, _SYSLOG, _KMSG):
        other = pattern.match(raw)
        if other:
            return raw[other.end() :], "console"
    level = _LEVEL.match(raw)
    return (raw[level.end() :] if level else raw), ""


def _read_line(number: int, raw: str) -> LogLine:
    if "\x1b" in raw:
        raw = _ESCAPE.sub("", raw)
    raw = raw[:MAX_WIDTH].strip("\r")
    text, speaker = _split_prefix(raw)
    unsure = False
    if speaker and "<EOI>" not in text:
        if " ? " in text:
            unsure = True
        elif text.endswith(_UNSURE_SUFFIX):
            text, unsure = text[: -len(_UNSURE_SUFFIX)], True
    return LogLine(number, raw, text, speaker, unsure)


def read_lines(log: str) -> list[LogLine]:
    """The lines of a log, at most a million, prefixes understood and taken off; never raises, whatever the text."""
    expected = _EXPECTED.match(log)
    if expected:
        log = "\n" * expected.group().count("\n") + log[expected.end() :]
    return [_read_line(number, raw) for number, raw in enumerate(log.split("\n", MAX_LINES), start=1)]
