"""Answers of several learners that are equal, or nearly.

Two answers are compared as a compiler reads them: without comments and layout, with all names, numbers and strings
alike. Pygments takes them apart; rapidfuzz measures how much of one is in the other. What is short is alike by itself
and says nothing, so answers count from some tokens on. Whoever handed in what was given is left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from pygments.lexer import Lexer
from pygments.lexers.c_cpp import CLexer
from pygments.lexers.make import MakefileLexer
from pygments.lexers.shell import BashLexer
from pygments.token import Comment, Name, Number, String, _TokenType, is_token_subtype
from rapidfuzz.fuzz import ratio

from kmodlab.grading.models import Grade

NEARLY = 95.0  # percent of two answers' tokens that are the same
_SHORTEST = 80  # tokens
_LONGEST = 5000  # tokens that are compared
_LEXERS: Mapping[str, type[Lexer]] = {"%%makefile": MakefileLexer, "%%kscript": BashLexer}
_ALIKE = {Name: "n", Number: "0", String: "s"}


@dataclass(frozen=True)
class AlikeAnswers:
    """Learners whose answers to an exercise are alike; 100 percent if they are equal but for names and layout."""

    exercise: str
    learners: tuple[str, ...]
    percent: float


def find_alike(grades: Sequence[Grade]) -> list[AlikeAnswers]:
    """The answers to each exercise that are alike: groups of equal ones, and pairs of groups that are nearly equal."""
    by_exercise: dict[str, list[Grade]] = defaultdict(list)
    for grade in grades:
        if grade.answers and not grade.untouched:
            by_exercise[grade.exercise].append(grade)
    return [alike for exercise, same in sorted(by_exercise.items()) for alike in _find_in(exercise, same)]


def _find_in(exercise: str, grades: Sequence[Grade]) -> Iterator[AlikeAnswers]:
    codes: dict[str, str] = {}
    groups: dict[str, list[str]] = defaultdict(list)
    for grade in grades:
        shape = "".join(_tokens(line, source, codes) for line, source in _cells(grade))
        if len(shape) >= _SHORTEST:
            groups[shape[:_LONGEST]].append(grade.learner)
    for learners in groups.values():
        if len(learners) > 1:
            yield AlikeAnswers(exercise, tuple(learners), 100.0)
    near = []
    for one, other in combinations(groups, 2):
        percent = ratio(one, other, score_cutoff=NEARLY)
        if percent:
            near.append(AlikeAnswers(exercise, (*groups[one], *groups[other]), round(percent, 1)))
    yield from sorted(near, key=lambda alike: -alike.percent)


def _cells(grade: Grade) -> Iterator[tuple[str, str]]:
    for _name, source in sorted((grade.answers or {}).items()):
        line, _newline, body = source.partition("\n")
        yield line, body


def _tokens(line: str, source: str, codes: dict[str, str]) -> str:
    """A character for each token that a compiler sees; `codes` has the characters, and gets those that are new."""
    lexer = _LEXERS.get(line.split(" ")[0], CLexer)()
    shape: list[str] = []
    for kind, text in lexer.get_tokens(source):
        word = text.strip()
        if word and not is_token_subtype(kind, Comment):
            code = codes.setdefault(_alike(kind, word), chr(0x100 + len(codes)))
            if code != codes.get("s") or shape[-1:] != [code]:  # a string is several tokens
                shape.append(code)
        if len(shape) > _LONGEST:
            break
    return "".join(shape)


def _alike(kind: _TokenType, word: str) -> str:
    return next((code for general, code in _ALIKE.items() if is_token_subtype(kind, general)), word)
