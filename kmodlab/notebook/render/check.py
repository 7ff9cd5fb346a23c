"""What came of a check as a card: green, red or grey, and in words; the learner's line; how many hints there are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from kmodlab.checks.result import CheckResult, Status
from kmodlab.notebook.render.excerpt import Excerpt
from kmodlab.notebook.render.harmless import prose
from kmodlab.notebook.render.parts import Level, Message, Part, join_texts

_SHEET = """
.kmodlab .km-check { margin: .3em 0; padding: .2em .9em; border-left: 5px solid var(--km-check);
  background: color-mix(in srgb, var(--km-check) 9%, transparent); }
.kmodlab .km-check-passed { --km-check: var(--km-good); }
.kmodlab .km-check-failed { --km-check: var(--km-bad); }
.kmodlab .km-check-errored { --km-check: #888; }
.kmodlab .km-check > p { margin: .25em 0; }
.kmodlab .km-check > p.km-check-title { font-weight: bold; }
"""
_STYLE = f"<style>{re.sub(chr(92) + 's+', ' ', _SHEET).strip()}</style>"
_MARKS = {Status.PASSED: "✓", Status.FAILED: "✗", Status.ERRORED: "?"}


@dataclass(frozen=True)
class CheckCard:
    """The verdict. `source` is the text of the file that the line is in, None where it is not known."""

    result: CheckResult
    source: str | None = None

    @property
    def text(self) -> str:
        """The title with the points, the reason, the line."""
        return join_texts([_Plain(f"{self._mark} {self._title}"), *self._parts])

    @property
    def html(self) -> str:
        """The same, in a box."""
        title = f'<span class="km-mark" aria-hidden="true">{self._mark}</span> {prose(self._title)}'
        inner = f'<p class="km-check-title">{title}</p>{"".join(part.html for part in self._parts)}'
        label = f'role="group" aria-label="check {self.result.status}"'
        return f'{_STYLE}<div class="km-check km-check-{self.result.status}" {label}>{inner}</div>'

    @property
    def _mark(self) -> str:
        return _MARKS[self.result.status]

    @property
    def _title(self) -> str:
        result = self.result
        if result.points is None:
            return f"{result.title}: not checked"
        return f"{result.title}: {result.points:g} of {points_words(result.max_points)}"

    @property
    def _parts(self) -> list[Part]:
        result = self.result
        parts: list[Part] = [_Plain(result.reason)] if result.reason else []
        if result.line and self.source is not None:
            parts.append(_Plain(f"It is about line {result.line.number} of `{result.line.file}`:"))
            parts.append(Excerpt(self.source, result.line.number, context=1))
        if result.status is Status.ERRORED:
            parts.append(_Plain("This is not your fault, and costs no points."))
            parts += [Message(hint) for hint in result.hints]
        elif result.hints:
            parts.append(Message(f"{_count(len(result.hints))}: `hint()` shows the first."))
        return parts


def hint_parts(title: str, hints: Sequence[str], number: int) -> list[Part]:
    """The hint of that number, from 1."""
    more = f" `hint()` shows the next of {len(hints)}." if number < len(hints) else " It is the last one."
    return [Message(f"Hint {number} for “{title}”: {hints[number - 1]}"), _Plain(more.strip())]


def points_words(points: float) -> str:
    """So many points."""
    return f"{points:g} point{'' if points == 1 else 's'}"


def _count(hints: int) -> str:
    return "There is a hint" if hints == 1 else f"There are {hints} hints"


@dataclass(frozen=True)
class _Plain:
    """A sentence without a mark of its own."""

    sentence: str

    @property
    def text(self) -> str:
        return Message(self.sentence).text.removeprefix(Message("", Level.NOTE).text)

    @property
    def html(self) -> str:
        return f"<p>{prose(self.sentence)}</p>"
