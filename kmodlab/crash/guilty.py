"""Chooses the frame that a report is about, the innermost one in a module, and its line of source code.

A crash may happen far from its cause, in the kernel's own code. The learner sees the last executed line of the module,
because that is where to begin the search.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from kmodlab.crash.meanings import gone_module
from kmodlab.crash.report import Frame, Report
from kmodlab.crash.source_location import CodePlace, ModuleSource, SourceLine
from kmodlab.i18n import N_, _
from kmodlab.kbuild.sources import kmod_name

_DELETE_MODULE = "delete_module"  # kernel/module/main.c: the system call, with any prefix and suffix
# Functions that print a trace, and therefore are in it: lib/dump_stack.c, kernel/panic.c, arch/*/kernel/dumpstack.c and
# arch/*/kernel/stacktrace.c. Compilers may append suffixes.
_PRINTERS = {
    *("dump_stack", "dump_stack_lvl", "__dump_stack", "show_stack", "show_trace", "show_trace_log_lvl", "show_regs"),
    *("dump_backtrace", "unwind_backtrace", "__warn", "__warn_printk", "warn_slowpath_common", "warn_slowpath_fmt"),
    *("warn_slowpath_null", "report_bug", "panic", "vpanic"),
}


def find_guilty(report: Report, modules: Collection[str] | None = None) -> Frame | None:
    """The innermost frame in one of `modules`; None there means in any module.

    If no frame is in a module, or an unloaded module is the cause, the kernel's innermost frame; None without frames.
    """
    in_module = None if gone_module(report) else next(module_frames(report, modules), None)
    return in_module or next((frame for frame in report.frames if not _prints_traces(frame)), None)


def module_frames(report: Report, modules: Collection[str] | None = None) -> Iterator[Frame]:
    """The frames in `modules`, or in any module if None, the most reliable first.

    Frames of the call trace come before addresses that the kernel only found on the stack; further traces come last.
    """
    unreliable = (frame for frame in report.trace if not frame.reliable)
    others = (frame for stack in report.stacks for frame in stack.frames)
    for frame in (*report.frames, *unreliable, *others):
        if frame.module and (modules is None or frame.module in modules):
            yield frame


def find_doubt(report: Report) -> str:
    """A reason why the frame of `find_guilty` may be the wrong one; empty if there is none."""
    frame = find_guilty(report)
    is_unreliable = frame is not None and frame.module is not None and not frame.reliable
    return "; ".join(doubt for doubt in (report.doubt, _only_on_stack() if is_unreliable else "") if doubt)


def _only_on_stack() -> str:
    return _("the kernel merely found the module's function on the stack")


def _prints_traces(frame: Frame) -> bool:
    return frame.function.partition(".")[0] in _PRINTERS


# A lock's name: "forks", "lock#5" if several are called so, "&dev->mutex/1" (lockdep.c, __print_lock_name).
_LOCK = r"(?P<lock>.+?)(?:#\d+)?(?:/\d+)?"
# Titles of a report's further traces, and their meanings: mm/kasan/report.c, describe_object_stacks; mm/slub.c,
# print_track; kernel/locking/lockdep.c: print_circular_bug_entry, lockdep_print_held_locks.
_RELATED = (
    (re.compile(r"Allocated (?:by|in) "), N_("the memory was allocated here")),
    (re.compile(r"Freed (?:by|in) "), N_("the memory was freed here")),
    (re.compile(rf"-> #[1-9]\d* \({_LOCK}\)\{{"), N_("`{lock}` was taken here before, in another order")),
    (re.compile(rf"#\d+: .*\({_LOCK}\)\{{"), N_("`{lock}` was taken here, and is held")),
)


@dataclass(frozen=True)
class RelatedLine:
    """Another line in a report; `words` say what happened there, without a full stop."""

    words: str
    line: SourceLine


@dataclass(frozen=True)
class GuiltyLine:
    """A line that a report is about.

    `note` says which part of the line is meant, if that is not obvious; `doubt` says why it may be the wrong line.
    `related` are other lines that belong to the mistake, such as the line that freed the memory.
    """

    line: SourceLine
    note: str = ""
    doubt: str = ""
    related: tuple[RelatedLine, ...] = ()


def find_guilty_line(report: Report, modules: Mapping[str, bytes | ModuleSource]) -> GuiltyLine | None:
    """The line that a report is about; None if it is in none of `modules`, which maps names to .ko files."""
    if gone_module(report):
        return None
    sources = {kmod_name(name): _source(ko) for name, ko in modules.items()}
    reliable = [frame for frame in report.frames if frame.module in sources]
    for frame in reliable:
        if line := _own_line(sources, frame):
            return GuiltyLine(line, related=_related_lines(report, sources, line))
    if not reliable and (last_call := _last_call(report, sources)):
        return replace(last_call, related=_related_lines(report, sources, last_call.line))
    for frame in module_frames(report, sources):
        if frame not in reliable and (line := _own_line(sources, frame)):
            doubt = _("the trace itself does not show the module") if frame.reliable else _only_on_stack()
            return GuiltyLine(line, doubt=doubt)
    return None


def _source(ko: bytes | ModuleSource) -> ModuleSource:
    return ko if isinstance(ko, ModuleSource) else ModuleSource.read(ko)


def _own_line(sources: Mapping[str, ModuleSource], frame: Frame) -> SourceLine | None:
    return sources[frame.module or ""].own_line(frame)


def _related_lines(report: Report, sources: Mapping[str, ModuleSource], guilty: SourceLine) -> tuple[RelatedLine, ...]:
    lines: dict[tuple[str, int], RelatedLine] = {}
    for stack in report.stacks:
        own = (line for frame in stack.frames if frame.module in sources and (line := _own_line(sources, frame)))
        words = _words_on(stack.title)
        line = next(own, None) if words else None
        if line and (line.file, line.line) != (guilty.file, guilty.line):
            lines.setdefault((line.file, line.line), RelatedLine(words, line))
    return tuple(lines.values())


def _words_on(title: str) -> str:
    """The meaning of a further trace with this title; empty if unknown."""
    matches = ((words, pattern.match(title)) for pattern, words in _RELATED)
    return next((_(words).format(**match.groupdict()) for words, match in matches if match), "")


def _last_call(report: Report, sources: Mapping[str, ModuleSource]) -> GuiltyLine | None:
    """The last call in exit: the compiler makes it a jump (a tail call), so exit is not in the trace."""
    frames = report.frames
    depth = next((number for number, frame in enumerate(frames) if _DELETE_MODULE in frame.function), 0)
    if not depth:
        return None
    callee = frames[depth - 1].function.partition(".")[0]
    for source in sources.values():
        calls = source.last_calls()
        if callee in calls and (line := _line_at(source, calls, callee)):
            return GuiltyLine(line, _("{function}(), the last call of exit").format(function=callee))
    for source in sources.values():
        calls = source.last_calls()
        # The function that exit jumped to may itself end with a jump.
        if len(calls) == 1 and (line := _line_at(source, calls, name := next(iter(calls)))):
            note = _("{function}(), the last call of exit").format(function=name)
            return GuiltyLine(line, note, _("the trace does not show it"))
    return None


def _line_at(source: ModuleSource, calls: Mapping[str, CodePlace], name: str) -> SourceLine | None:
    jump = calls[name]
    return next((line for line in source.lines_at([jump])[jump] if line.own), None)
