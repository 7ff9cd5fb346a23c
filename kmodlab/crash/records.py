"""The kernel's log as records: time, level, facility, text.

Format: Documentation/ABI/testing/dev-kmsg in the kernel's sources. `reader` finds crashes in them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

# include/linux/kern_levels.h
LEVELS = ("EMERG", "ALERT", "CRIT", "ERR", "WARNING", "NOTICE", "INFO", "DEBUG")
# A record is shown on the console when its level is below console_loglevel, 7 by default (kernel/printk/printk.c).
CONSOLE_LEVEL = 7
_RECORD = re.compile(r"(\d+),(\d+),(\d+),([^;]*);(.*)")
_TIME = re.compile(r"^\[ *\d+\.\d+\] ")
_ABOUT_THE_GUEST = re.compile(
    r"clocksource: Switched to clocksource hpet$|hrtimer: interrupt took \d+ ns"
    r"|CE: \S+ increased min_delta_ns to \d+ nsec"
)
_ESCAPES = re.compile(r"(?:\\x[0-9a-f]{2})+")


@dataclass(frozen=True)
class LogRecord:
    """One record of the kernel's log. `time_s` is seconds since the guest's boot, `level` 0 (EMERG) to 7 (DEBUG)."""

    sequence: int
    time_s: float
    level: int
    facility: int
    text: str

    @property
    def level_name(self) -> str:
        """The level's name in the kernel's sources, without KERN_."""
        return LEVELS[self.level]

    @property
    def on_console(self) -> bool:
        """Whether the console shows it as well, with the default console log level."""
        return self.level < CONSOLE_LEVEL

    @property
    def is_kernels(self) -> bool:
        """Whether the kernel itself logged it: programs that write to /dev/kmsg have other facilities (syslog(3))."""
        return self.facility == 0

    @property
    def line(self) -> str:
        """The record as `dmesg` prints it."""
        stamp = f"[{self.time_s:12.6f}] "
        return "\n".join(stamp + line for line in self.text.split("\n"))


def parse_kmsg(data: bytes) -> tuple[LogRecord, ...]:
    """The records of /dev/kmsg; other lines (` KEY=value`, damaged ones) are skipped."""
    matches = (_RECORD.fullmatch(line) for line in data.decode("utf-8", "replace").split("\n"))
    return tuple(_record(match) for match in matches if match)


def read_log(data: bytes) -> tuple[LogRecord, ...]:
    """The records of /dev/kmsg without those about the guest itself; see `is_about_the_guest`."""
    return tuple(record for record in parse_kmsg(data) if not is_about_the_guest(record))


def is_about_the_guest(record: LogRecord) -> bool:
    """Whether a record is about the guest instead of what runs in it.

    The agent's builtin `jump` uses another clock (kernel/time/timekeeping.c, timekeeping_notify), and on a busy host
    interrupts take long (kernel/time/hrtimer.c, hrtimer_interrupt) and timers come late (kernel/time/clockevents.c,
    clockevents_increase_min_delta).
    """
    return record.is_kernels and _ABOUT_THE_GUEST.match(record.text) is not None


def console_lines(console: str) -> list[str]:
    """The lines of a console's output, without empty ones and those about the guest itself."""
    lines = (line.rstrip() for line in console.replace("\r", "").split("\n"))
    return [line for line in lines if line and not _ABOUT_THE_GUEST.match(_TIME.sub("", line, count=1))]


def _record(match: re.Match[str]) -> LogRecord:
    priority = int(match[1])
    # The kernel writes a backslash, and each byte that is not printable ASCII, as \xNN. UTF-8 has several for a letter.
    text = _ESCAPES.sub(lambda bytes_: bytes.fromhex(bytes_[0].replace("\\x", "")).decode("utf-8", "replace"), match[5])
    return LogRecord(int(match[2]), int(match[3]) / 1e6, priority & 7, priority >> 3, text.rstrip("\n"))


def format_log(records: Iterable[LogRecord]) -> str:
    """The records as `dmesg` prints them, one on each line."""
    return "\n".join(record.line for record in records)
