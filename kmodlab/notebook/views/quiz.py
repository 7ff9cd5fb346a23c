"""Predict, then run: a question before a cell, which the cell itself answers.

    predict("What will rmmod say?", ["nothing", "Module hello is in use", "No such file"], right=2)

A learner presses one of the buttons, or types `guess(2)` in a front end without buttons, and runs the next cell. Below
its output, a verdict says whether the prediction was right. The stored output does not contain the answer; a notebook
that is run without choosing shows only the question.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from IPython.core.getipython import get_ipython

from kmodlab.errors import UsageError
from kmodlab.i18n import N_, _
from kmodlab.notebook.magic import show
from kmodlab.notebook.render.parts import Level, Message, prose
from kmodlab.notebook.views.buttons import Buttons, Pressed
from kmodlab.notebook.views.view import View
from kmodlab.text import escape_control_chars

_SEAL_LETTERS = 8
_TO_DO = N_("Decide, then run the next cell. Without buttons: `guess(1)` for the first answer, and so on.")


@dataclass(frozen=True)
class Question:
    """A question with its possible answers. `right` is the number of the right one, from 1."""

    sentence: str
    options: tuple[str, ...]
    right: int
    because: str

    @property
    def text(self) -> str:
        """The question, a line for each answer, and what to do."""
        lines = [f"  {number}  {_plain(option)}" for number, option in enumerate(self.options, 1)]
        return "\n".join([_plain(self._title), *lines, f"→ {_plain(_(_TO_DO))}"])

    @property
    def html(self) -> str:
        """The question, a list of the answers, and what to do."""
        items = "".join(f"<li>{prose(option)}</li>" for option in self.options)
        title = f'<p class="km-question">{prose(self._title)}</p>'
        return f'{title}<ol class="km-options">{items}</ol>{Message(_(_TO_DO)).html}'

    @property
    def _title(self) -> str:
        return _("Predict: {question}").format(question=self.sentence)

    def verdict(self, number: int) -> Message:
        """The message about an answer, for after the next cell has run."""
        right = self.answer(self.right)
        if number == self.right:
            sentence, level = _("You predicted it: {right}.").format(right=right), Level.GOOD
        else:
            sentence = _("You predicted: {chosen}. What came is: {right}.")
            sentence, level = sentence.format(chosen=self.answer(number), right=right), Level.BAD
        return Message(f"{sentence} {self.because}" if self.because else sentence, level)

    def answer(self, number: int) -> str:
        """An answer as a part of a sentence: without a full stop."""
        return self.options[number - 1].rstrip(".")


def predict(question: str, options: Sequence[str], right: int | str, because: str = "") -> View:
    """Ask what the next cell will do.

    `right` is the number of the right answer, from 1, or its `seal`. `because` is shown with the verdict.

    Raises:
        UsageError: There are fewer than two different answers, or `right` is not one of them.
    """
    asked = Question(question, tuple(options), _number(question, options, right), because)
    _memory.question = asked
    return View([asked], buttons=_buttons(asked))


def guess(number: int) -> View:
    """Choose an answer of the last question by its number, from 1; then run the next cell.

    Raises:
        UsageError: No question was asked, or it has no such answer.
    """
    question = _memory.question
    if question is None:
        raise UsageError(_("No question was asked yet."), hint=_("Run a cell with `predict(...)` first."))
    if not 1 <= number <= len(question.options):
        sentence = _("There is no answer {number}.").format(number=number)
        raise UsageError(sentence, hint=_("Choose from 1 to {last}.").format(last=len(question.options)))
    _await_run(question, number, skip=1)  # the cell of the guess itself ends first
    return View([_confirmation(question, number)])


def seal(question: str, options: Sequence[str], right: int) -> str:
    """A text to write as `right` instead of the number, so that nobody reads the answer in the cell by accident."""
    return _seal(question, options[right - 1])


def _seal(question: str, option: str) -> str:
    return hashlib.sha256(f"{question}\n{option}".encode()).hexdigest()[:_SEAL_LETTERS]


def _number(question: str, options: Sequence[str], right: int | str) -> int:
    if len(options) < 2 or len(set(options)) < len(options):
        raise UsageError(_("A prediction needs at least two answers, all different."))
    seals = [_seal(question, option) for option in options]
    number = right if isinstance(right, int) else seals.index(right) + 1 if right in seals else 0
    if not 1 <= number <= len(options):
        sentence = _("{right!r} is none of the {number} answers, nor the seal of one.")
        raise UsageError(sentence.format(right=right, number=len(options)))
    return number


def _plain(text: str) -> str:
    return escape_control_chars(text).replace("`", "")


# ---- choosing ------------------------------------------------------------------------------------------------------


@dataclass
class _Memory:
    """The notebook's last question, and the function that waits for its next cell."""

    question: Question | None = None
    waiting: Callable[[object], None] | None = None


_memory = _Memory()


def _buttons(question: Question) -> Buttons:
    def choose(index: int) -> Pressed:
        _await_run(question, index + 1, skip=0)
        return Pressed(View([_confirmation(question, index + 1)]).html)

    return Buttons([_plain(option) for option in question.options], choose)


def _confirmation(question: Question, number: int) -> Message:
    return Message(_("You say: {answer}. Now run the next cell.").format(answer=question.answer(number)))


def _await_run(question: Question, number: int, *, skip: int) -> None:
    """Show the verdict below the next cell that succeeds, but skip the first `skip` cells."""
    shell = get_ipython()
    if shell is None:
        return
    to_skip = [skip]

    def after_cell(result: object) -> None:
        if to_skip[0]:
            to_skip[0] -= 1
            return
        # A cell that failed or was interrupted has not shown the answer.
        if not getattr(result, "success", True):
            return
        shell.events.unregister("post_run_cell", after_cell)
        _memory.waiting = None
        show(question.verdict(number))

    if _memory.waiting is not None:
        shell.events.unregister("post_run_cell", _memory.waiting)
    _memory.waiting = after_cell
    shell.events.register("post_run_cell", after_cell)
