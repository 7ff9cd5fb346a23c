"""A crash of the kernel as a card: its name, the learner's own line, how it came there, what becomes of the guest."""

from __future__ import annotations

from dataclasses import dataclass

from kmodlab.crash.guilty import find_doubt, find_guilty
from kmodlab.crash.report import Report, ReportSeverity
from kmodlab.notebook.render.excerpt import Excerpt
from kmodlab.notebook.render.parts import Details, Level, Message, Output, Part, join_texts

_STYLES = {
    ReportSeverity.FATAL: ("error", "crash"),
    ReportSeverity.WARNING: ("warning", "warning"),
    ReportSeverity.TRACE: ("note", "call trace"),
    ReportSeverity.REFUSED: ("warning", "refusal"),
}
FRESH_GUEST = "This guest is thrown away, with all that was loaded in it. The next cell gets a fresh one."


@dataclass(frozen=True)
class CellLine:
    """The line of a learner's source that a report is about, in `function`. `file` is empty for the cell itself.

    `note` says what stands there, where that is not plain; `doubt` why it may not be the one.
    """

    file: str
    line: int
    source: str
    function: str
    note: str = ""
    doubt: str = ""

    @property
    def place(self) -> str:
        """Where it is, in words."""
        return f"{self.file}, line {self.line}" if self.file else f"line {self.line} of the cell"


@dataclass(frozen=True)
class CrashCard:
    """One crash, a warning or a trace of the kernel's. `guilty` is None where the learner's line is not known."""

    report: Report
    guilty: CellLine | None = None

    @property
    def text(self) -> str:
        """The headline, and the source with the guilty line marked; the kernel's own report is left out."""
        return join_texts(self._parts)

    @property
    def html(self) -> str:
        """The same, with the kernel's own report to unfold."""
        inner = "".join(part.html for part in self._parts)
        style, label = _STYLES[self.report.severity]
        return f'<div class="km-complaint km-{style}" role="group" aria-label="{label}">{inner}</div>'

    @property
    def _parts(self) -> list[Part]:
        parts: list[Part] = [self._headline, Message(self._where)]
        if self.guilty:
            parts.append(Excerpt(self.guilty.source, self.guilty.line, context=2))
        doubt = (self.guilty.doubt if self.guilty else "") or find_doubt(self.report)
        if doubt:
            parts.append(Message(f"This is in doubt: {doubt}."))
        if self.report.raw:
            parts.append(Details(Message("the kernel's own report"), [Output(self.report.raw)], is_open=False))
        return parts

    @property
    def _headline(self) -> Message:
        if self.report.severity is ReportSeverity.TRACE:
            return Message("The kernel printed a call trace: how it came to where it was.")
        did = "crashed" if self.report.is_fatal else "warns, and goes on"
        return Message(f"The kernel {did}: {self.report.sentence}", Level.BAD)

    @property
    def _where(self) -> str:
        if self.guilty:
            where = f"in {self.guilty.place}" + (f": {self.guilty.note}" if self.guilty.note else "")
            return f"It happened in `{self.guilty.function}()`, {where}:"
        frame = find_guilty(self.report)
        if frame is None:
            return "The report names no function."
        owner = f"of the module `{frame.module}`" if frame.module else "of the kernel itself"
        return f"It happened in `{frame.function}()` {owner}."
