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
from kmodlab.notebook.views.quiz import guess, predict, seal

QUESTION = "What will `rmmod` say?"
OPTIONS = ["nothing", "Module hello is in use", "No such file"]
LIVE = "application/vnd.jupyter.widget-view+json"


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


def state_of(widget: Any) -> list[dict[str, Any]]:
    """What a saved notebook would keep of a widget and its parts, without the random names of its models."""
    states = [{key: value for key, value in widget.get_state().items() if key not in ("children", "layout", "style")}]
    return [*states, *(state for child in getattr(widget, "children", ()) for state in state_of(child))]


def test_not_even_the_widgets_state_tells_the_answer() -> None:
    views = [predict(QUESTION, OPTIONS, right=number, because="the reason") for number in (1, 2, 3)]
    states = [state_of(view.widget()) for view in views if view.widget]
    assert len(states) == 3
    assert len(states[0]) == 6
    assert states[0] == states[1] == states[2]
    assert "the reason" not in str(states)


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
    asked = predict(QUESTION, OPTIONS, right=2)
    assert asked.widget is not None
    box = asked.widget()
    heading, first, second, third, answer = box.children
    assert QUESTION.partition("`")[0] in heading.value
    assert first.description == "1. nothing"
    second.click()
    assert "You say: Module hello is in use" in answer.value
    assert (first.disabled, second.disabled, third.disabled) == (True, False, True)
    second.click()
    assert run(shell, "pass") == "✓ You predicted it: Module hello is in use."
    assert run(shell, "pass") == ""


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
