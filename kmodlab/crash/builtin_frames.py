"""Frames of drivers that are built in: a log names the module of a frame only for modules that were loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from kmodlab.crash.report import Frame, Report, Stack
from kmodlab.crash.source_location import ModuleSource


def with_drivers(report: Report, drivers: Mapping[str, ModuleSource]) -> Report:
    """A report whose frames in built-in drivers name these, as those of modules do.

    `drivers` maps names to the object files that were linked into the kernel.
    """

    def named(frame: Frame) -> Frame:
        if frame.module is not None:
            return frame
        name = next((name for name, source in drivers.items() if source.code_place(frame)), None)
        return replace(frame, module=name)

    return replace(
        report,
        place=named(report.place) if report.place else None,
        trace=tuple(map(named, report.trace)),
        stacks=tuple(Stack(stack.title, tuple(map(named, stack.frames))) for stack in report.stacks),
    )
