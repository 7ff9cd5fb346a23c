"""Answers of several learners that are equal, or nearly.

Two answers are compared as sequences of tokens, without comments and layout; all names count as equal, and so do all
numbers and all strings. rapidfuzz measures the similarity. Short answers are always similar, so answers need a minimal
number of tokens. Unchanged starters are left out.

The tokenizer is our own and takes linear time: the patterns of a syntax highlighter can take hours for a hostile text.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from rapidfuzz.fuzz import ratio

from kmodlab.grading.models import Grade

NEARLY = 95.0  # similarity in percent from which two answers are reported
_SHORTEST = 80  # tokens that an answer must have
_LONGEST = 5000  # tokens that are compared
_MOST_CODES = 50_000  # characters for different words
# Possessive quantifiers, so that no text causes backtracking.
_IN_C = re.compile(
    r"""(?P<skipped>\s++|(?://|\#)[^\n]*+|/\*(?:[^*]|\*(?!/))*+(?:\*/)?+)|(?P<string>"(?:[^"\\\n]|\\.)*+"?|'(?:[^'\\\n]|\\.)*+'?)
    |(?P<name>[^\W\d]\w*+)|(?P<number>\d[\w.]*+)|(?P<other>.)""",
    re.DOTALL | re.VERBOSE,
)
_IN_SCRIPTS = re.compile(
    r"""(?P<skipped>\s++|\#[^\n]*+)|(?P<string>"(?:[^"\\]|\\.)*+"?|'[^']*+'?)|(?P<word>[\w./+-]++)|(?P<other>.)""",
    re.DOTALL | re.VERBOSE,
)
_SCRIPTS = ("%%makefile", "%%kscript")
_KEYWORDS = re.compile(
    "auto|break|case|char|const|continue|default|do|double|else|enum|extern|float|for|goto|if|inline|int|long|register|"
    "restrict|return|short|signed|sizeof|static|struct|switch|typedef|union|unsigned|void|volatile|while"
)


@dataclass(frozen=True)
class AlikeAnswers:
    """Learners whose answers to an exercise are alike; 100 percent if they differ only in names and layout."""

    exercise: str
    learners: tuple[str, ...]
    percent: float


def find_alike(grades: Sequence[Grade]) -> list[AlikeAnswers]:
    """The answers that are alike, for each exercise: groups of equal answers, and pairs of nearly equal groups."""
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
    for first, second in combinations(groups, 2):
        percent = ratio(first, second, score_cutoff=NEARLY)
        if percent:
            near.append(AlikeAnswers(exercise, (*groups[first], *groups[second]), round(percent, 1)))
    yield from sorted(near, key=lambda alike: -alike.percent)


def _cells(grade: Grade) -> Iterator[tuple[str, str]]:
    for _name, source in sorted((grade.answers or {}).items()):
        line, _newline, body = source.partition("\n")
        yield line, body


def _tokens(line: str, source: str, codes: dict[str, str]) -> str:
    """A source as a string with a character for each token. `codes` maps tokens to characters; new ones are added."""
    pattern = _IN_SCRIPTS if line.split(" ")[0] in _SCRIPTS else _IN_C
    shape: list[str] = []
    for token in pattern.finditer(source):
        kind, text = token.lastgroup, token[0]
        if kind == "skipped":
            continue
        is_itself = kind in ("word", "other") or _KEYWORDS.fullmatch(text)
        word = text if is_itself else str(kind)
        shape.append(codes.setdefault(word, chr(0x100 + len(codes) % _MOST_CODES)))
        if len(shape) > _LONGEST:
            break
    return "".join(shape)
