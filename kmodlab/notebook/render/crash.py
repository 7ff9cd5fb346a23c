"""A crash of the kernel as a card: its name, the learner's own line, how it came there, what becomes of the guest."""

from __future__ import annotations

from dataclasses import dataclass

from kmodlab.evidence.oops.types import Oops
from kmodlab.notebook.render.excerpt import Excerpt
from kmodlab.notebook.render.parts import Folded, Mood, Output, Part, Say, join_texts
from kmodlab.notebook.workplace import breaks_kernel

FRESH_GUEST = "This guest is thrown away, with all that was loaded in it. The next cell gets a fresh one."


@dataclass(frozen=True)
class Blame:
    """The line of a learner's source that a crash is about, in `function`. `file` is empty for the cell itself."""

    file: str
    line: int
    source: str
    function: str

    @property
    def place(self) -> str:
        """Where it is, in words."""
        return f"{self.file}, line {self.line}" if self.file else f"line {self.line} of the cell"


@dataclass(frozen=True)
class Crash:
    """One crash, or a warning of the kernel's. `blame` is None where the learner's line is not known."""

    oops: Oops
    blame: Blame | None = None

    @property
    def text(self) -> str:
        """The headline, and the source with the guilty line marked; the kernel's own report is left out."""
        return join_texts(self._parts)

    @property
    def html(self) -> str:
        """The same, with the kernel's own report to unfold."""
        inner = "".join(part.html for part in self._parts)
        severity = "error" if breaks_kernel(self.oops) else "warning"
        return f'<div class="km-complaint km-{severity}" role="group" aria-label="crash">{inner}</div>'

    @property
    def _parts(self) -> list[Part]:
        did = "crashed" if breaks_kernel(self.oops) else "warns, and goes on"
        parts: list[Part] = [Say(f"The kernel {did}: {self.oops.title}", Mood.BAD), Say(self._where)]
        if self.blame:
            parts.append(Excerpt(self.blame.source, self.blame.line, context=2))
        if self.oops.corrupted:
            parts.append(Say(f"The kernel's report is not whole: {self.oops.reason}"))
        if self.oops.raw:
            parts.append(Folded(Say("the kernel's own report"), [Output(self.oops.raw)], is_open=False))
        return parts

    @property
    def _where(self) -> str:
        if self.blame:
            return f"It happened in `{self.blame.function}()`, in {self.blame.place}:"
        if self.oops.function is None:
            return "The report names no function."
        owner = f"of the module `{self.oops.module}`" if self.oops.module else "of the kernel itself"
        return f"It happened in `{self.oops.function}()` {owner}."
