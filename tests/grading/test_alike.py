"""Answers that are alike are found, whatever was done to hide it, and those that only look so are not."""

from __future__ import annotations

import re
import time

import pytest
from learners import EXERCISES

from kmodlab.grading.alike import AlikeAnswers, find_alike
from kmodlab.grading.models import Grade, GradeState

NAME = "02-parameters"
SOURCE = next(iter(EXERCISES[NAME].answers.values())).source
OTHER = next(iter(EXERCISES["04-unwind"].answers.values())).source


def a_grade(learner: str, source: str, *, untouched: bool = False, exercise: str = NAME) -> Grade:
    answers = {"answer": source}
    return Grade(learner, exercise, "", "", "", GradeState.GRADED, answers=answers, untouched=untouched)


def alike_to(source: str) -> list[AlikeAnswers]:
    return find_alike([a_grade("ada", SOURCE), a_grade("bob", source), a_grade("eve", OTHER)])


@pytest.mark.parametrize(
    "source",
    [
        SOURCE,
        re.sub(r"\bwho\b", "whom", SOURCE),
        SOURCE.replace(";\n", ";  // as I do\n") + "\n/* mine */",
        SOURCE.replace("    ", "\t").replace("{\n", "{\n\n\n"),
        re.sub(r'"[^"\n]*"', '"other words"', SOURCE),
    ],
    ids=["the same", "another name", "comments", "layout", "other texts"],
)
def test_equal_answers_are_found(source: str) -> None:
    assert alike_to(source) == [AlikeAnswers(NAME, ("ada", "bob"), 100.0)]


def test_nearly_equal_answers_are_found() -> None:
    (alike,) = alike_to(SOURCE.replace("return 0;", "if (0)\n        return 1;\n    return 0;", 1))
    assert alike.learners == ("ada", "bob")
    assert 95 <= alike.percent < 100


def test_what_was_given_and_what_is_short_is_not_alike() -> None:
    assert not find_alike([a_grade(name, SOURCE, untouched=True) for name in ("ada", "bob")])
    assert not find_alike([a_grade(name, "%%makefile x\nobj-m += x.o\n") for name in ("ada", "bob")])
    assert not find_alike([a_grade("ada", SOURCE), a_grade("bob", SOURCE, exercise="03-errno")])


MILLION = 1_000_000
SLOW = {
    "spaces": "int a" + " " * MILLION + "!",
    "quotes": '"' * MILLION,
    "comments that do not end": "/*" * (MILLION // 2),
    "stars": "/" + "*" * MILLION,
    "backslashes": '"' + "\\" * MILLION,
    "brackets": "(" * MILLION,
    "one name": "x" * MILLION,
    "letters of all scripts": "".join(map(chr, range(0x3000, 0xD800))) * 20,
}


@pytest.mark.parametrize("line", ["%%kmod x", "%%makefile x", "%%kscript x"])
def test_no_text_takes_long(line: str) -> None:
    grades = [a_grade(name, f"{line}\n{text}{name}") for name, text in SLOW.items()]
    begun = time.process_time()
    find_alike(grades)
    assert time.process_time() - begun < 10  # all of them take a second; a pattern that tries again takes hours


def test_words_without_number_are_no_fault() -> None:
    texts = (" ".join(f"w{learner}_{word}" for word in range(4900)) for learner in range(14))
    assert not find_alike([a_grade(str(number), f"%%kscript x\n{text}") for number, text in enumerate(texts)])
