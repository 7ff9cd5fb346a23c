"""What a report is about: the innermost frame in a module, and the line of its source.

A crash may show itself far from its cause, in the kernel's own code. The learner is shown the last line of his that
was being executed, since that is where he can look further.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from kmodlab.crash.report import Frame, Report
from kmodlab.crash.source_location import CodePlace, ModuleSource, SourceLine
from kmodlab.kbuild.sources import kmod_name

GUESSED = "the kernel merely found the module's function on the stack"
ELSEWHERE = "the trace itself does not show the module"
_REMOVES = "delete_module"  # kernel/module/main.c: the system call, under whatever prefix and suffix
# Those that print a trace, so that they are in it: lib/dump_stack.c, kernel/panic.c, arch/*/kernel/dumpstack.c and
# arch/*/kernel/stacktrace.c. Compilers add suffixes.
_PRINTERS = {
    *("dump_stack", "dump_stack_lvl", "__dump_stack", "show_stack", "show_trace", "show_trace_log_lvl", "show_regs"),
    *("dump_backtrace", "unwind_backtrace", "__warn", "__warn_printk", "warn_slowpath_common", "warn_slowpath_fmt"),
    *("warn_slowpath_null", "report_bug", "panic", "vpanic"),
}


def find_guilty(report: Report, modules: Collection[str] | None = None) -> Frame | None:
    """The innermost frame in one of the modules, or in any; else the function that the report is about, if it tells."""
    return next(module_frames(report, modules), None) or next(
        (frame for frame in report.frames if not _prints_traces(frame)), None
    )


def module_frames(report: Report, modules: Collection[str] | None = None) -> Iterator[Frame]:
    """The frames in some modules, or in any, the most telling first.

    Certain ones come before those that were merely found on the stack; those of the report's further traces last.
    """
    guesses = (frame for frame in report.trace if not frame.reliable)
    others = (frame for stack in report.stacks for frame in stack.frames)
    for frame in (*report.frames, *guesses, *others):
        if frame.module and (modules is None or frame.module in modules):
            yield frame


def find_doubt(report: Report) -> str:
    """Why what is said of a report may be wrong; empty where nothing speaks against it."""
    guilty = find_guilty(report)
    guessed = guilty is not None and guilty.module is not None and not guilty.reliable
    return "; ".join(doubt for doubt in (report.doubt, GUESSED if guessed else "") if doubt)


def _prints_traces(frame: Frame) -> bool:
    return frame.function.partition(".")[0] in _PRINTERS


@dataclass(frozen=True)
class GuiltyLine:
    """A line that a report is about.

    `note` says what stands there, where that is not plain; `doubt` why it may not be the one.
    """

    line: SourceLine
    note: str = ""
    doubt: str = ""


def find_guilty_line(report: Report, modules: Mapping[str, bytes | ModuleSource]) -> GuiltyLine | None:
    """The line that a report is about; `modules` maps names to .ko files. None where it is not in any of them."""
    sources = {kmod_name(name): _source(ko) for name, ko in modules.items()}
    certain = [frame for frame in report.frames if frame.module in sources]
    for frame in certain:
        if line := _own_line(sources, frame):
            return GuiltyLine(line)
    if not certain and (last := _last_call(report, sources)):
        return last
    for frame in module_frames(report, sources):
        if frame not in certain and (line := _own_line(sources, frame)):
            return GuiltyLine(line, doubt=ELSEWHERE if frame.reliable else GUESSED)
    return None


def _source(ko: bytes | ModuleSource) -> ModuleSource:
    return ko if isinstance(ko, ModuleSource) else ModuleSource.read(ko)


def _own_line(sources: Mapping[str, ModuleSource], frame: Frame) -> SourceLine | None:
    return sources[frame.module or ""].own_line(frame)


def _last_call(report: Report, sources: Mapping[str, ModuleSource]) -> GuiltyLine | None:
    """The last call of exit, which the compiler makes a jump: then exit is not in the trace any more."""
    frames = report.frames
    removing = next((number for number, frame in enumerate(frames) if _REMOVES in frame.function), 0)
    if not removing:
        return None
    inside = frames[removing - 1].function.partition(".")[0]
    for source in sources.values():
        calls = source.last_calls()
        if inside in calls and (line := _line_at(source, calls, inside)):
            return GuiltyLine(line, f"{inside}(), the last call of exit")
    for source in sources.values():
        calls = source.last_calls()
        # What exit jumped to may itself have jumped on.
        if len(calls) == 1 and (line := _line_at(source, calls, name := next(iter(calls)))):
            return GuiltyLine(line, f"{name}(), the last call of exit", "the trace does not show it")
    return None


def _line_at(source: ModuleSource, calls: Mapping[str, CodePlace], name: str) -> SourceLine | None:
    place = calls[name]
    return next((line for line in source.lines_at([place])[place] if line.own), None)
