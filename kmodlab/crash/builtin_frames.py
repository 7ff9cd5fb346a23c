"""Finds the frames of built-in drivers in a report. A log has a frame's module only for loaded modules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from kmodlab.crash.report import Frame, Report, Stack
from kmodlab.crash.source_location import ModuleSource


def with_drivers(report: Report, drivers: Mapping[str, ModuleSource]) -> Report:
    """A copy of a report in which frames of built-in drivers have the driver's name as their module.

    `drivers` maps names of drivers to the object files that were linked into the kernel.
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
