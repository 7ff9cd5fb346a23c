"""Predict, then run: a question before a cell, an answer by the cell itself.

    predict("What will rmmod say?", ["nothing", "Module hello is in use", "No such file"], right=2)

A learner chooses with the buttons, or types `guess(2)` where there are none. Then the next cell runs, and below what
it shows stands whether that was predicted. Nothing else tells: neither the stored output nor the widget's state has
the answer in it, and a notebook that is run without choosing shows the question only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from IPython.core.getipython import get_ipython

from kmodlab.errors import UsageError
from kmodlab.notebook.magic import show
from kmodlab.notebook.render.parts import Level, Message, prose
from kmodlab.notebook.views.view import View
from kmodlab.text import escape_control_chars

_SEAL_LETTERS = 8


@dataclass(frozen=True)
class Question:
    """A question with its possible answers; the right one by its number, from 1."""

    sentence: str
    options: tuple[str, ...]
    right: int
    because: str

    @property
    def text(self) -> str:
        """The question, a line for each answer, and what to do."""
        lines = [f"  {number}  {_plain(option)}" for number, option in enumerate(self.options, 1)]
        return "\n".join([f"Predict: {_plain(self.sentence)}", *lines, f"→ {_TO_DO.replace('`', '')}"])

    @property
    def html(self) -> str:
        """The same."""
        items = "".join(f"<li>{prose(option)}</li>" for option in self.options)
        return f'{self.heading}<ol class="km-options">{items}</ol>{Message(_TO_DO).html}'

    @property
    def heading(self) -> str:
        """The question alone, as HTML."""
        return f'<p class="km-question">Predict: {prose(self.sentence)}</p>'

    def verdict(self, number: int) -> Message:
        """What is said about an answer, once the cell has run."""
        ending = f" {self.because}" if self.because else ""
        said, came = self.answer(number), self.answer(self.right)
        if number == self.right:
            return Message(f"You predicted it: {came}.{ending}", Level.GOOD)
        return Message(f"You predicted: {said}. What came is: {came}.{ending}", Level.BAD)

    def answer(self, number: int) -> str:
        """One of the answers, fit for the middle of a sentence."""
        return self.options[number - 1].rstrip(".")


_TO_DO = "Decide, then run the next cell. Without buttons: `guess(1)` for the first answer, and so on."


def predict(question: str, options: Sequence[str], right: int | str, because: str = "") -> View:
    """Ask what the next cell will do. `right` is the number of the right answer, from 1, or its `seal`.

    `because` is shown with the verdict. UsageError where the answers do not fit the question.
    """
    asked = Question(question, tuple(options), _number(question, options, right), because)
    _memory.asked = asked
    return View([asked], lambda: _widget(asked))


def guess(number: int) -> View:
    """Choose an answer of the last question, from 1, where there are no buttons; then run the next cell."""
    asked = _memory.asked
    if asked is None:
        raise UsageError("No question was asked yet.", hint="Run a cell with `predict(...)` first.")
    if not 1 <= number <= len(asked.options):
        raise UsageError(f"There is no answer {number}.", hint=f"Choose from 1 to {len(asked.options)}.")
    _await_run(asked, number, skip=1)  # the cell of the guess itself ends first
    return View([_noted(asked, number)])


def seal(question: str, options: Sequence[str], right: int) -> str:
    """What to write as `right`, so that nobody reads the answer in the cell by accident."""
    return _seal(question, options[right - 1])


def _seal(question: str, option: str) -> str:
    return hashlib.sha256(f"{question}\n{option}".encode()).hexdigest()[:_SEAL_LETTERS]


def _number(question: str, options: Sequence[str], right: int | str) -> int:
    if len(options) < 2 or len(set(options)) < len(options):
        raise UsageError("A prediction needs at least two answers, all different.")
    seals = [_seal(question, option) for option in options]
    number = right if isinstance(right, int) else seals.index(right) + 1 if right in seals else 0
    if not 1 <= number <= len(options):
        raise UsageError(f"{right!r} is none of the {len(options)} answers, nor the seal of one.")
    return number


def _plain(text: str) -> str:
    return escape_control_chars(text).replace("`", "")


# ---- choosing ------------------------------------------------------------------------------------------------------


@dataclass
class _Memory:
    """What one notebook was asked last, and what waits for its next cell."""

    asked: Question | None = None
    waiting: Callable[[object], None] | None = None


_memory = _Memory()


def _widget(asked: Question) -> Any:
    from kmodlab.notebook.views.widgets import question  # only a live notebook needs ipywidgets

    def choose(number: int) -> str:
        _await_run(asked, number + 1, skip=0)
        return f'<div class="kmodlab" role="status">{_noted(asked, number + 1).html}</div>'

    head = View([_Heading(asked)]).html
    return question(head, [_plain(option) for option in asked.options], choose)


@dataclass(frozen=True)
class _Heading:
    asked: Question

    @property
    def text(self) -> str:
        return ""

    @property
    def html(self) -> str:
        return self.asked.heading


def _noted(asked: Question, number: int) -> Message:
    return Message(f"You say: {asked.answer(number)}. Now run the next cell.")


def _await_run(asked: Question, number: int, *, skip: int) -> None:
    """Show the verdict below the next cell that runs to its end, after `skip` others."""
    shell = get_ipython()
    if shell is None:
        return
    left = [skip]

    def ran(result: object) -> None:
        if left[0]:
            left[0] -= 1
            return
        # A cell that was mistyped or interrupted has not shown anything yet.
        if not getattr(result, "success", True):
            return
        shell.events.unregister("post_run_cell", ran)
        _memory.waiting = None
        show(asked.verdict(number))

    if _memory.waiting is not None:
        shell.events.unregister("post_run_cell", _memory.waiting)
    _memory.waiting = ran
    shell.events.register("post_run_cell", ran)
