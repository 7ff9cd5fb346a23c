"""Predict, then run: nothing tells the answer before the next cell has run."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from kmodlab.errors import UsageError
from kmodlab.notebook.views import quiz
from kmodlab.notebook.views.buttons import press
from kmodlab.notebook.views.quiz import guess, predict, seal

QUESTION = "What will `rmmod` say?"
OPTIONS = ["nothing", "Module hello is in use", "No such file"]
LIVE = "application/vnd.kmodlab.buttons+json"


@pytest.fixture(scope="module")
def shell() -> Iterator[InteractiveShell]:
    """A shell as in a notebook; the history stays in memory."""
    InteractiveShell.clear_instance()
    made = InteractiveShell.instance()
    assert made.history_manager is not None
    made.history_manager.enabled = False
    yield made
    InteractiveShell.clear_instance()


@pytest.fixture(autouse=True)
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quiz, "_memory", quiz._Memory())


def run(shell: InteractiveShell, cell: str) -> str:
    with capture_output() as captured:
        result = shell.run_cell(cell, store_history=False)
    assert result.success, captured.stderr
    return captured.stdout + "".join(output.data["text/plain"] for output in captured.outputs)


def bundle(**options: Any) -> dict[str, Any]:
    return predict(QUESTION, OPTIONS, **options)._repr_mimebundle_()


def test_the_question_shows_all_answers_and_what_to_do() -> None:
    assert bundle(right=2)["text/plain"].split("\n") == [
        "Predict: What will rmmod say?",
        "  1  nothing",
        "  2  Module hello is in use",
        "  3  No such file",
        "→ Decide, then run the next cell. Without buttons: guess(1) for the first answer, and so on.",
    ]


def test_the_output_is_the_same_whichever_answer_is_right() -> None:
    outputs = [bundle(right=number, because=f"reason {number}") for number in (1, 2, 3)]
    assert len({output["text/plain"] for output in outputs}) == 1
    assert len({output["text/html"] for output in outputs}) == 1


def test_not_even_the_buttons_tell_the_answer() -> None:
    outputs = [bundle(right=number, because="the reason") for number in (1, 2, 3)]
    assert outputs[0][LIVE] == outputs[1][LIVE] == outputs[2][LIVE]
    assert "the reason" not in str(outputs)


def test_every_output_has_the_same_three_forms() -> None:
    assert set(bundle(right=1)) == {"text/plain", "text/html", LIVE}


def test_a_guess_is_answered_below_the_next_cell(shell: InteractiveShell) -> None:
    shell.user_ns.update(predict=predict, guess=guess, options=OPTIONS)
    assert "Predict" in run(shell, "predict('What?', options, right=2, because='It is used.')")
    assert "You say: No such file. Now run the next cell." in run(shell, "guess(3)")
    shown = run(shell, "print('ERROR: Module hello is in use')")
    assert shown.startswith("ERROR: Module hello is in use\n")
    assert "✗ You predicted: No such file. What came is: Module hello is in use. It is used." in shown
    assert run(shell, "print(2)") == "2\n"


def test_a_right_guess_is_praised(shell: InteractiveShell) -> None:
    shell.user_ns.update(predict=predict, guess=guess, options=OPTIONS)
    run(shell, "predict('What?', options, right=2)")
    run(shell, "guess(1)")
    run(shell, "guess(2)")  # on second thoughts
    assert run(shell, "pass") == "✓ You predicted it: Module hello is in use."


def test_a_cell_that_fails_reveals_nothing(shell: InteractiveShell) -> None:
    shell.user_ns.update(predict=predict, guess=guess)
    run(shell, "predict('What?', ['It goes.', 'It stays.'], right=1)")
    run(shell, "guess(1)")
    with capture_output() as captured:
        assert not shell.run_cell("1 / 0", store_history=False).success
    assert "predicted" not in captured.stdout
    assert run(shell, "pass") == "✓ You predicted it: It goes."


def test_without_a_guess_the_next_cell_is_as_it_is(shell: InteractiveShell) -> None:
    shell.user_ns.update(predict=predict, options=OPTIONS)
    run(shell, "predict('What?', options, right=2)")
    assert run(shell, "print('hello')") == "hello\n"


def test_a_button_counts_as_a_guess(shell: InteractiveShell) -> None:
    shown = bundle(right=2)[LIVE]
    assert shown["labels"] == ["nothing", "Module hello is in use", "No such file"]
    answer = press({"key": shown["key"], "number": 1})
    assert "You say: Module hello is in use" in answer["html"] and answer["enabled"] == []
    assert run(shell, "pass") == "✓ You predicted it: Module hello is in use."
    assert run(shell, "pass") == ""


@pytest.mark.parametrize("number", [-1, 3])
def test_buttons_that_this_kernel_has_not_shown_say_what_to_do(number: int) -> None:
    shown = bundle(right=2)[LIVE]
    for message in ({"key": "0123456789abcdef", "number": 0}, {"key": shown["key"], "number": number}):
        answer = press(message)
        assert "Run the cell first" in answer["html"] and answer["enabled"] is None


@pytest.mark.parametrize("message", [None, {}, [], {"key": 1, "number": 1}, {"key": "k", "number": "1"}])
def test_what_is_no_message_of_ours_gets_no_answer(message: object) -> None:
    assert press(message) == {}


def test_a_seal_stands_for_the_answer() -> None:
    sealed = seal(QUESTION, OPTIONS, 2)
    assert sealed == hashlib.sha256(f"{QUESTION}\n{OPTIONS[1]}".encode()).hexdigest()[:8]
    assert bundle(right=sealed)["text/html"] == bundle(right=1)["text/html"]
    part = predict(QUESTION, OPTIONS, right=sealed).parts[0]
    assert isinstance(part, quiz.Question)
    assert part.right == 2


@pytest.mark.parametrize("right", [0, 4, "nonsense", base64.b64encode(b"2").decode()])
def test_an_answer_that_there_is_not_is_refused(right: int | str) -> None:
    with pytest.raises(UsageError, match="none of the 3 answers"):
        predict(QUESTION, OPTIONS, right=right)


@pytest.mark.parametrize("options", [[], ["one"], ["same", "same"]])
def test_a_question_without_a_choice_is_refused(options: list[str]) -> None:
    with pytest.raises(UsageError, match="at least two answers"):
        predict(QUESTION, options, right=1)


def test_a_guess_needs_a_question_and_one_of_its_answers() -> None:
    with pytest.raises(UsageError, match="No question"):
        guess(1)
    predict(QUESTION, OPTIONS, right=1)
    with pytest.raises(UsageError, match="no answer 4"):
        guess(4)
