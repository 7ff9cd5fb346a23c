"""What stands before the kernel's own words in each line of a log: times, levels, host names, quotation marks.

The kernel prints `<level>[seconds][caller]` (kernel/printk/printk.c, `print_prefix` of `info_print_prefix`); dmesg,
journald, syslog daemons and mail readers add their own, times in words of any language among them. All of them are
taken off, whatever their number and order.
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
_LATE = re.compile(r".{1,200}?(?=\[\s*\d{1,9}\.\d{6}\]\s)")  # a prompt, a test's mark: what others print on the console
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line's number, counted from 1, its time in seconds since the boot if it has one, and the kernel's own words.

    `stamped` tells whether a time or the like stood before them.
    """

    number: int
    time_s: float | None
    text: str
    stamped: bool


def clean_line(number: int, line: str) -> LogLine:
    """A line of a log without what stands before the kernel's words, and without terminal control characters."""
    line = _ESCAPES.sub("", line[:MAX_LINE])
    time_s, at, stamped = None, 0, False
    # Nested quotes apart, four kinds may come together: a daemon's, a host's, the kernel's, the caller's.
    for _ in range(8):
        start = at
        while start < len(line) and line[start] in " \t":
            start += 1
        found = _PREFIXES.match(line, start)
        found = found or (None if stamped else _LATE.match(line, start))
        if not found:
            break
        seconds = _SECONDS.fullmatch(found[0])
        time_s = float(seconds[1]) if seconds else time_s
        at, stamped = found.end(), stamped or found[0] != ">"
    # One space belongs to what stood before; more are the kernel's own indentation.
    text = line[at + 1 :] if at and line[at : at + 1] == " " else line[at:]
    return LogLine(number, time_s, text.rstrip(), stamped)
