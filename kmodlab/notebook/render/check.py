"""Renders the result of a check as a card: the verdict in colour and in words, the learner's line, the hints."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from kmodlab.checks.check_result import CheckResult, Status
from kmodlab.i18n import N_, _, ngettext, plural_number
from kmodlab.notebook.render.parts import Excerpt, Message, Part, escape, join_texts, prose
from kmodlab.text import escape_control_chars

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
_MARKS = {Status.PASSED: "✓", Status.FAILED: "✗", Status.ERRORED: "?", Status.SKIPPED: "-"}
_LABELS = {
    Status.PASSED: N_("check passed"),
    Status.FAILED: N_("check failed"),
    Status.ERRORED: N_("check errored"),
    Status.SKIPPED: N_("check skipped"),
}


@dataclass(frozen=True)
class CheckCard:
    """The verdict on a check. `source` is the text of the file with the result's line; None if unknown."""

    result: CheckResult
    source: str | None = None

    @property
    def text(self) -> str:
        """The title with the points, the reason, the line."""
        return join_texts([_Plain(f"{self._mark} {self._title}"), *self._parts])

    @property
    def html(self) -> str:
        """A box in the colour of the verdict."""
        title = f'<span class="km-mark" aria-hidden="true">{self._mark}</span> {prose(self._title)}'
        inner = f'<p class="km-check-title">{title}</p>{"".join(part.html for part in self._parts)}'
        label = f'role="group" aria-label="{escape(_(_LABELS[self.result.status]))}"'
        return f'{_STYLE}<div class="km-check km-check-{self.result.status}" {label}>{inner}</div>'

    @property
    def _mark(self) -> str:
        return _MARKS[self.result.status]

    @property
    def _title(self) -> str:
        result = self.result
        if not result.status.is_verdict or result.points is None:
            return _("{title}: not checked").format(title=result.title)
        return ngettext(
            "{title}: {points} of {max_points} point",
            "{title}: {points} of {max_points} points",
            plural_number(result.max_points),
        ).format(title=result.title, points=f"{result.points:g}", max_points=f"{result.max_points:g}")

    @property
    def _parts(self) -> list[Part]:
        result = self.result
        parts: list[Part] = [_Plain(result.reason)] if result.reason else []
        if result.line and self.source is not None:
            where = _("It is about line {line} of `{file}`:").format(line=result.line.number, file=result.line.file)
            parts += [_Plain(where), Excerpt(self.source, result.line.number, context=1)]
        if result.status is Status.ERRORED:
            parts.append(_Plain(_("This is not your fault, and costs no points.")))
            parts += [Message(hint) for hint in result.hints]
        elif result.status is Status.SKIPPED:
            parts += [Message(hint) for hint in result.hints]
        elif result.hints:
            number = len(result.hints)
            hints = ngettext(
                "There is a hint: `hint()` shows the first.",
                "There are {number} hints: `hint()` shows the first.",
                number,
            )
            parts.append(Message(hints.format(number=number)))
        return parts


def hint_parts(title: str, hints: Sequence[str], number: int) -> list[Part]:
    """The hint of that number, counted from 1."""
    sentence = _("Hint {number} for “{title}”: {hint}").format(number=number, title=title, hint=hints[number - 1])
    if number < len(hints):
        more = _("`hint()` shows the next of {total}.").format(total=len(hints))
    else:
        more = _("It is the last one.")
    return [Message(sentence), _Plain(more)]


@dataclass(frozen=True)
class _Plain:
    """A sentence without a mark before it."""

    sentence: str

    @property
    def text(self) -> str:
        return escape_control_chars(self.sentence)

    @property
    def html(self) -> str:
        return f"<p>{prose(self.sentence)}</p>"
