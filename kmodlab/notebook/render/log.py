"""Renders the kernel's log: each record with its level, and a star if consoles do not show it by default."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kmodlab.crash.records import LogRecord
from kmodlab.i18n import _, ngettext
from kmodlab.notebook.render.parts import block, escape, prose
from kmodlab.text import escape_control_chars

_HEAD, _TAIL = 100, 200
_FACILITIES = {1: "user", 3: "daemon"}  # as in syslog(3): a program wrote to /dev/kmsg


@dataclass(frozen=True)
class Log:
    """Records of the kernel's log, below a title ("The kernel's log:" if empty). Nothing is shown without records."""

    records: Sequence[LogRecord]
    title: str = ""

    @property
    def text(self) -> str:
        """A line for each record: time, level, text."""
        if not self.records:
            return ""
        shown, left_out = _without_middle(self.records)
        lines = [line for record in shown for line in _lines(record)]
        if left_out:
            lines.insert(_HEAD, _gap_line(left_out))
        legend = [f"  {_legend()}"] if _has_silent(shown) else []
        return "\n".join([escape_control_chars(self._title), *(f"  {line}" for line in lines), *legend])

    @property
    def html(self) -> str:
        """The same lines, with errors and warnings in colour."""
        if not self.records:
            return ""
        shown, left_out = _without_middle(self.records)
        rows = [_row(record) for record in shown]
        if left_out:
            rows.insert(_HEAD, escape(_gap_line(left_out)))
        legend = f'<p class="km-legend">{prose(_legend())}</p>' if _has_silent(shown) else ""
        return (
            f'<p class="km-label">{escape(self._title)}</p>{block("km-log", self._title, chr(10).join(rows))}{legend}'
        )

    @property
    def _title(self) -> str:
        return self.title or _("The kernel's log:")


def _legend() -> str:
    return _("* in the log (`dmesg`), but not on a console with the default log level")


def _without_middle(records: Sequence[LogRecord]) -> tuple[Sequence[LogRecord], int]:
    """The first and the last records, and how many were left out between them."""
    if len(records) <= _HEAD + _TAIL:
        return records, 0
    return [*records[:_HEAD], *records[-_TAIL:]], len(records) - _HEAD - _TAIL


def _gap_line(number: int) -> str:
    return ngettext("… {number} record is left out here …", "… {number} records are left out here …", number).format(
        number=number
    )


def _has_silent(records: Sequence[LogRecord]) -> bool:
    return any(not record.on_console for record in records)


def _level(record: LogRecord) -> str:
    """The level, with a star if consoles do not show the record, and with the facility if a program wrote it."""
    level = record.level_name.lower() + ("" if record.on_console else "*")
    return level if record.is_kernels else f"{_FACILITIES.get(record.facility, record.facility)}.{level}"


def _lines(record: LogRecord) -> list[str]:
    """A record's lines; those after the first are indented below its text."""
    first, *others = escape_control_chars(record.text).split("\n")
    return [f"{_stamp(record)} {_level(record):<8} {first}", *(f"{'':24}{line}" for line in others)]


def _stamp(record: LogRecord) -> str:
    return f"[{record.time_s:12.6f}]"


def _row(record: LogRecord) -> str:
    kind = "urgent" if record.level <= 3 else "warning" if record.level == 4 else "quiet"
    text = escape(record.text).replace("\n", f"\n{'':24}")
    return (
        f'<span class="km-{kind}"><span class="km-time">{_stamp(record)}</span> '
        f'<span class="km-level">{_level(record):<8}</span> {text}</span>'
    )
