"""Finds the module's line that a crash or a hang is about, and the call that freed or allocated the memory used."""

from __future__ import annotations

from dataclasses import dataclass

from kmodlab.crash.guilty import find_guilty_line
from kmodlab.crash.report import Report
from kmodlab.crash.source_location import SourceLine
from kmodlab.i18n import _, ngettext
from kmodlab.tracer.call_log import Call
from kmodlab.tracer.call_sites import Code
from kmodlab.tracer.leaks import section_and_offset
from kmodlab.tracer.trace_records import Records
from kmodlab.tracer.wire_format import Flag, Frees, RecordKind

_BY_ADDRESS = {Frees.MEMORY, Frees.CACHED, Frees.RCU}
_PAGE = 4096
_DIRECT_RECLAIM = 0x400  # include/linux/gfp_types.h
_LARGEST_GUARDED = 16 * _PAGE  # LARGEST_FENCED of the tracer
_LARGEST_ACCESS = 1 << 14  # bytes after the beginning of freed memory of unknown size that count as a part of it


@dataclass(frozen=True)
class CrashLines:
    """Finds lines from a module's code, its records and its calls."""

    code: Code
    records: Records
    calls: tuple[Call, ...]

    # ---- crashes ----

    def crash_line(self, report: Report) -> SourceLine | None:
        """The line that a crash is about; None if unknown."""
        guilty = find_guilty_line(report, {self.code.name: self.code.source})
        if guilty and not guilty.doubt:
            return guilty.line
        freed = self._free_around(report.address)
        return (
            (freed.line if freed else None)
            or self.unreturned_line()
            or self._tail_jump_line(report)
            or self._last_call_line(report)
            or (guilty.line if guilty else None)
        )

    def crash_sentence(self, report: Report) -> str:
        """A sentence about a crash, with what is known about the memory at its address."""
        if report.cause:
            return _("{cause} ({crash})").format(cause=report.cause, crash=report.sentence)
        freed = self._free_around(report.address)
        if freed and freed.line:
            words = (
                _("use after free: the memory was freed on line {line} ({crash})")
                if self._is_inside(freed, report.address)
                else _("perhaps a use after free: line {line} freed memory near this address ({crash})")
            )
            return words.format(line=freed.line.line, crash=report.sentence)
        call = self._allocation_before(report.address)
        if call is None or call.function.size is None:
            return report.sentence
        size = call.record.arguments[call.function.size]
        if call.line and not _is_guarded(call):
            words = _("perhaps an access beyond the end of the memory that line {line} allocated ({crash})")
            return words.format(line=call.line.line, crash=report.sentence)
        if call.line is None:
            return ngettext(
                "an access beyond the end of the {size} byte ({crash})",
                "an access beyond the end of the {size} bytes ({crash})",
                size,
            ).format(size=size, crash=report.sentence)
        return ngettext(
            "an access beyond the end of the {size} byte that line {line} allocated ({crash})",
            "an access beyond the end of the {size} bytes that line {line} allocated ({crash})",
            size,
        ).format(size=size, line=call.line.line, crash=report.sentence)

    def _tail_jump_line(self, report: Report) -> SourceLine | None:
        """The line where init or exit ends with a jump through a pointer, which leaves no trace on the stack."""
        place = self.code.exit_place if self.records.first(RecordKind.EXIT) else self.code.init_place
        if report.place or place is None:
            return None
        return next((line for jump in self.code.tail_jumps(*place) if (line := self.code.line(*jump))), None)

    def _last_call_line(self, report: Report) -> SourceLine | None:
        """The line of the crashing process's last call; a tail call leaves no trace on the stack."""
        time_s = report.time_s
        before = [call for call in self.calls if time_s is not None and call.record.time_s <= time_s]
        return next((call.line for call in reversed(before) if call.record.pid == report.pid), None)

    def _free_around(self, address: int | None) -> Call | None:
        """The last call that freed memory of the module's that contains an address; None if no call did."""
        if not address:
            return None
        for call in reversed(self.calls):
            start = call.record.arguments[call.function.frees_argument]
            if call.function.frees in _BY_ADDRESS and start <= address < start + _LARGEST_ACCESS:
                return call
        return None

    def _is_inside(self, freed: Call, address: int | None) -> bool:
        """Whether an address is inside the memory that a call freed; an estimate if its size is unknown."""
        start = freed.record.arguments[freed.function.frees_argument]
        sizes = [
            call.record.arguments[call.function.size]
            for call in self.calls
            if call.record.result == start and call.function.size is not None
        ]
        return bool(sizes) and address is not None and start <= address < start + sizes[-1]

    def _allocation_before(self, address: int | None) -> Call | None:
        """The last call that allocated memory that ends just before an address; None if no call did."""
        if not address:
            return None
        for call in reversed(self.calls):
            start, size = call.record.result, call.function.size
            if call.function.fence and size is not None and call.returned:
                end = start + call.record.arguments[size]
                if end <= address < -(-end // _PAGE) * _PAGE + _PAGE:
                    return call
        return None

    # ---- hangs ----

    def hang_line(self, counters: tuple[int, ...]) -> SourceLine | None:
        """The line that a hanging processor runs, from its program counters, or else the line of an unreturned call."""
        for address in counters:
            place = section_and_offset(self.code, self.records, address)
            line = self.code.line(*place) if place else None
            if line:
                return line
        return self.unreturned_line()

    def waiting_line(self) -> SourceLine | None:
        """The line where init or exit waits: that of an unreturned call, or of the last call (in a loop that polls)."""
        own = [call for call in self.calls if call.record.flags & Flag.OWN_TASK and call.line]
        last = max(own, key=lambda call: call.record.time_s, default=None)
        return self.unreturned_line() or (last.line if last else None)

    def unreturned_line(self) -> SourceLine | None:
        """The line of the last call that never returned, preferably a call in init or exit itself; None if unknown."""
        unreturned = [call for call in self.calls if not call.returned and call.line]
        own = [call for call in unreturned if call.record.flags & Flag.OWN_TASK]
        last = max(own or unreturned, key=lambda call: call.record.time_s, default=None)
        return last.line if last else None


def _is_guarded(call: Call) -> bool:
    """Whether the tracer leaves the page after an allocation unmapped, according to is_fenceable() in guards.c."""
    arguments, function = call.record.arguments, call.function
    flags = 0 if function.gfp is None else arguments[function.gfp]
    size = 0 if function.size is None else arguments[function.size]
    return bool(flags & _DIRECT_RECLAIM) and not call.never_fails and 0 < size <= _LARGEST_GUARDED
