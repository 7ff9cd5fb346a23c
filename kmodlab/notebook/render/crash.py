"""Renders a crash of the kernel as a card: its headline, the learner's line, and the kernel's report, closed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from kmodlab.crash.guilty import find_doubt, find_guilty, find_guilty_line
from kmodlab.crash.report import Kind, Report, ReportSeverity
from kmodlab.crash.source_location import SourceLine
from kmodlab.i18n import N_, _
from kmodlab.notebook.render.parts import (
    Details,
    Excerpt,
    Level,
    LineMark,
    Message,
    Output,
    Part,
    escape,
    join_texts,
    make_marks,
)
from kmodlab.notebook.state import BuiltModule

# The style of a report of each severity, and its name for screen readers.
_STYLES = {
    ReportSeverity.FATAL: ("error", N_("crash")),
    ReportSeverity.WARNING: ("warning", N_("warning")),
    ReportSeverity.TRACE: ("note", N_("call trace")),
    ReportSeverity.REFUSED: ("warning", N_("refusal")),
}


@dataclass(frozen=True)
class CellLine:
    """The line of a learner's source that a report is about, in `function`. `file` is empty for the cell itself.

    `note` says which part of the line is meant, `doubt` why another line may be meant; both may be empty. `related` are
    further lines that belong to the mistake; the note of each says how.
    """

    file: str
    line: int
    source: str
    function: str
    note: str = ""
    doubt: str = ""
    related: tuple[CellLine, ...] = ()


def find_cell_line(report: Report, modules: Mapping[str, BuiltModule]) -> CellLine | None:
    """The learner's line that a report is about; None if it is not about a module that a cell of the notebook built.

    `modules` is keyed by the name that lsmod shows.
    """
    guilty = find_guilty_line(report, {kmod: ko for kmod, module in modules.items() if (ko := module.ko(kmod))})
    if guilty is None:
        return None
    guilty_line = _cell_line(guilty.line, modules)
    if guilty_line is None:
        return None
    others = [(other.words, _cell_line(other.line, modules)) for other in guilty.related]
    related = tuple(replace(line, note=words) for words, line in others if line)
    return replace(guilty_line, note=guilty.note, doubt=guilty.doubt, related=related)


def _cell_line(line: SourceLine, modules: Mapping[str, BuiltModule]) -> CellLine | None:
    for module in modules.values():
        source = module.sources.files.get(line.file)
        if source is not None:
            file = "" if line.file == module.cell else line.file
            return CellLine(file, line.line, source.decode("utf-8", "replace"), line.function)
    return None


@dataclass(frozen=True)
class CrashCard:
    """A crash, a warning or a trace of the kernel. `guilty` is None if the learner's line is unknown."""

    report: Report
    guilty: CellLine | None = None

    @property
    def text(self) -> str:
        """The headline, and the source with the guilty line marked; the kernel's own report is left out."""
        return join_texts(self._parts)

    @property
    def html(self) -> str:
        """The headline and the source, and the kernel's own report in a `details` element."""
        inner = "".join(part.html for part in self._parts)
        style, label = _STYLES[self.report.severity]
        return f'<div class="km-complaint km-{style}" role="group" aria-label="{escape(_(label))}">{inner}</div>'

    @property
    def marks(self) -> tuple[LineMark, ...]:
        """The learner's line."""
        if self.guilty is None:
            return ()
        severity = _STYLES[self.report.severity][0]
        return make_marks(self.guilty.source, self.guilty.file, self.guilty.line, severity, self._headline.sentence)

    @property
    def _parts(self) -> list[Part]:
        parts: list[Part] = [self._headline, Message(self._where)]
        if self.guilty:
            parts.append(Excerpt(self.guilty.source, self.guilty.line, context=2))
        for line in self.guilty.related if self.guilty else ():
            parts += [Message(self._where_related(line)), Excerpt(line.source, line.line)]
        if self.report.cause:
            parts.append(Message(self.report.explanation))
        doubt = (self.guilty.doubt if self.guilty else "") or find_doubt(self.report)
        if doubt:
            parts.append(Message(_("This is in doubt: {doubt}.").format(doubt=doubt)))
        if self.report.raw:
            parts.append(Details(Message(_("the kernel's own report")), [Output(self.report.raw)], is_open=False))
        return parts

    @property
    def _headline(self) -> Message:
        if self.report.severity is ReportSeverity.TRACE:
            return Message(_("The kernel printed a call trace: how it came to where it was."))
        if self.report.kind is Kind.NMI:  # sent by the host, to find out where the guest hangs
            return Message(_("The guest hangs. Its kernel shows where its processor is."), Level.BAD)
        headline = (
            _("The kernel crashed: {headline}")
            if self.report.is_fatal
            else _("The kernel warns, and goes on: {headline}")
        )
        return Message(headline.format(headline=self.report.sentence), Level.BAD)

    @property
    def _where(self) -> str:
        if self.guilty:
            return self._where_in_source(self.guilty)
        frame = find_guilty(self.report)
        if frame is None:
            return _("The report names no function.")
        if frame.module:
            where = _("It happened in `{function}()` of the module `{module}`.")
        else:
            where = _("It happened in `{function}()` of the kernel itself.")
        return where.format(function=frame.function, module=frame.module)

    @staticmethod
    def _where_related(line: CellLine) -> str:
        where = _("In {file}, line {line}: {note}:") if line.file else _("In line {line}: {note}:")
        return where.format(file=line.file, line=line.line, note=line.note)

    @staticmethod
    def _where_in_source(line: CellLine) -> str:
        if line.file and line.note:
            where = _("It happened in `{function}()`, in {file}, line {line}: {note}:")
        elif line.file:
            where = _("It happened in `{function}()`, in {file}, line {line}:")
        elif line.note:
            where = _("It happened in `{function}()`, in line {line} of the cell: {note}:")
        else:
            where = _("It happened in `{function}()`, in line {line} of the cell:")
        return where.format(function=line.function, file=line.file, line=line.line, note=line.note)
