"""The kernel's log in a notebook: each record with its level, and those marked that no console shows by default."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kmodlab.crash.records import LogRecord
from kmodlab.notebook.render.harmless import escape, prose
from kmodlab.notebook.render.parts import block
from kmodlab.text import escape_control_chars

MEANWHILE = "The kernel's log:"
EARLIER = "The kernel's log, since the last command:"
_LEGEND = "* in the log (`dmesg`), but not on a console with the default log level"
_HEAD, _TAIL = 100, 200
_FACILITIES = {1: "user", 3: "daemon"}  # as in syslog(3): a program wrote to /dev/kmsg


@dataclass(frozen=True)
class Log:
    """Records of the kernel's log, below a title. Nothing when there are none."""

    records: Sequence[LogRecord]
    title: str = MEANWHILE

    @property
    def text(self) -> str:
        """A line for each record: time, level, text."""
        if not self.records:
            return ""
        shown, gap = _without_middle(self.records)
        lines = [line for record in shown for line in _lines(record)]
        if gap:
            lines.insert(_HEAD, _gap_line(len(self.records)))
        legend = [f"  {_LEGEND}"] if _has_silent(shown) else []
        return "\n".join([escape_control_chars(self.title), *(f"  {line}" for line in lines), *legend])

    @property
    def html(self) -> str:
        """The same, with the levels that matter in colour."""
        if not self.records:
            return ""
        shown, gap = _without_middle(self.records)
        rows = [_row(record) for record in shown]
        if gap:
            rows.insert(_HEAD, _gap_line(len(self.records)))
        legend = f'<p class="km-legend">{prose(_LEGEND)}</p>' if _has_silent(shown) else ""
        return f'<p class="km-label">{escape(self.title)}</p>{block("km-log", self.title, chr(10).join(rows))}{legend}'


def _without_middle(records: Sequence[LogRecord]) -> tuple[Sequence[LogRecord], bool]:
    if len(records) <= _HEAD + _TAIL:
        return records, False
    return [*records[:_HEAD], *records[-_TAIL:]], True


def _gap_line(count: int) -> str:
    return f"… {count - _HEAD - _TAIL} records are left out here …"


def _has_silent(records: Sequence[LogRecord]) -> bool:
    return any(not record.on_console for record in records)


def _level(record: LogRecord) -> str:
    """The level, with a star where no console shows the record, and who wrote it where it was not the kernel."""
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
