"""Removes the prefixes of each line of a log: times, levels, host names, quotation marks.

The kernel prints `<level>[seconds][caller]` (kernel/printk/printk.c, `info_print_prefix`). dmesg, journald, syslog
daemons and mail readers add their own prefixes, in any number and order, with dates in any language.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_LINE = 4096  # characters; printk's own limit is 1024 (LOG_LINE_MAX), frames resolved to lines of C may be longer

_SECONDS = re.compile(r"\[\s*(\d{1,9}\.\d{3,9})(?:,\d+)?\]")
_PREFIXES = re.compile(
    r"""
    <\d{1,3}>
    | \[\s*\d{1,9}\.\d{3,9}(?:,\d+)?\]           # the kernel's own
    | \[\s*(?:\d+\.\d+\s*)?[+<]?\s*\d+\.\d+>?\]       # dmesg -d and -H: since the line before
    | \d+,\d+,\d+,[^;]{0,60};                      # /dev/kmsg, netconsole
    | \d\d-\d\d\s\d\d:\d\d:\d\d\.\d+\s+\d+\s+\d+\s[A-Z]\s[^:]{0,20}:   # logcat
    | \[\s*[TC]\d+\]                              # who called, CONFIG_PRINTK_CALLER
    | \[\d:\s*\w[^\[\]]{0,30}:\s*\d+\]             # the same on phones: [1:   insmod:  123], (1)[123:insmod]
    | \(\d\)\[\d+:[^\[\]]{0,30}\]
    | \[[^\[\]+]{0,40}\d{1,2}:\d\d[^\[\]]{0,20}\]   # a time in words, of any language
    | \d{4}-\d\d-\d\d[T\ ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|\s?[+-]\d\d:?\d\d)?
    | (?:kern|user|daemon)\s*:(?:emerg|alert|crit|err|warn|notice|info|debug)\s*:   # dmesg -x
    | (?:kern|user|daemon)\.(?:emerg|alert|crit|err|error|warn|warning|notice|info|debug)(?:\s+kernel:)?
    | [^\[\]\s<>][^\[\]<>]{0,80}?\d:\d\d(?::\d\d)?[^\[\]<>]{0,60}?\bkernel(?:\[\d+\])?:   # syslog, journalctl
    | [^\W\d]{2,9}\.?\s{1,2}\d{1,2}\s\d\d:\d\d:\d\d(?:\.\d+)?\s[\w.-]+(?=\s+(?:\[\s*\d+\.\d+\]|<\d+>))   # no "kernel:"
    | \d\d:\d\d:\d\d(?:[.,]\d+)?(?=\s) | \d{9,10}\.\d{3,9}(?=\s)
    | (?:[\w.-]+\ )?kernel(?:\[\d+\])?:?(?=\s+\[) | (?:[\w.-]+\ )?kernel(?:\[\d+\])?:(?=\s)
    | >(?=[\s>])                                  # quoted in a mail
    """,
    re.VERBOSE,
)
_LATE = re.compile(r".{1,200}?(?=\[\s*\d{1,9}\.\d{6}\]\s)")  # output of programs on the console, such as a prompt
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line without its prefixes: its number from 1, its time in seconds since the boot or None, and its text.

    `stamped` tells whether the line has a prefix other than a quotation mark.
    """

    number: int
    time_s: float | None
    text: str
    stamped: bool


def clean_line(number: int, line: str) -> LogLine:
    """Remove the prefixes of a log's line, and terminal control characters."""
    line = _ESCAPES.sub("", line[:MAX_LINE])
    time_s, end, stamped = None, 0, False
    # Besides nested quotation marks, a line may have four prefixes: a daemon's, a host's, the kernel's, the caller's.
    for _ in range(8):
        start = len(line) - len(line[end:].lstrip(" \t"))
        prefix = _PREFIXES.match(line, start) or (None if stamped else _LATE.match(line, start))
        if not prefix:
            break
        seconds = _SECONDS.fullmatch(prefix[0])
        time_s = float(seconds[1]) if seconds else time_s
        end, stamped = prefix.end(), stamped or prefix[0] != ">"
    # One space belongs to the prefix; more are the kernel's own indentation.
    text = line[end + 1 :] if end and line[end : end + 1] == " " else line[end:]
    return LogLine(number, time_s, text.rstrip(), stamped)
