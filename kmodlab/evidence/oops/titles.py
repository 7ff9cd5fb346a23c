"""A crash's title out of its lines: the first rule that holds, its template filled in, tidied for comparison.

Two crashes by the same mistake must get the same title, so whatever differs from run to run (addresses, numbers)
is replaced by a word. The sentences and templates themselves are in `rules`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from kmodlab.evidence.oops import frames
from kmodlab.evidence.oops.culprit import NOBODY, Search
from kmodlab.evidence.oops.rules import OWN_WORDS, Family, Rule, known_rules
from kmodlab.evidence.oops.types import Kind

MAX_TITLE = 120
_MAX_VERBATIM = 300

# All eight groups, or some and `::` for the rest; a digit tells it from the `::` of a path in Rust.
_IPV6 = re.compile(r"(?<![\w:])(?=[A-Fa-f:]*\d)(?=(?:[\dA-Fa-f]{1,4}:){7}|[\dA-Fa-f:]*::)[\dA-Fa-f:]{3,39}(?![\w:])")
_CHANCE = (
    (re.compile(r"syz-executor\.?\d+(?:[/:]\d+)?"), "syz-executor"),
    (re.compile(r"syzkaller\d+(?:[/:]\d+)?"), "syzkaller"),
    (_IPV6, "IPV6ADDR"),
    (re.compile(r"([^A-Za-z0-9])(?:0x)?[0-9a-f]{6,}"), r"\1ADDR"),
    (re.compile(r"\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}"), "IP"),
    (re.compile(r"(\.\w+)(?::\d+)+"), r"\1:LINE"),
    (re.compile(r"([A-Za-z][\w.]+)\+0x[0-9a-z]+/0x[0-9a-z]+"), r"\1"),
    (re.compile(r"CPU#\d+"), "CPU"),
    (re.compile(r"(\W)\d+(?=\W|$)"), r"\1NUM"),
    (re.compile(r"\d{7,}"), "NUM"),
)
_FUNCTION = re.compile(r".* in ((?:<[\w: ]+>|[A-Za-z_])[\w:]*)(?: / \S+|/usb_submit_urb)?$")
_STAMP = re.compile(r"\[ *\d+\.\d+\]")
MERGED = "two lines of the log ran into each other"


@dataclass(frozen=True)
class Heading:
    """What a crash is called: title, kind, guilty function, the rule that said so (None for a sentence none knows).

    `doubt` says why the title may be wrong, None where nothing speaks against it. `place` counts lines from 0 to
    the sentence itself.
    """

    title: str
    kind: Kind
    function: str | None
    rule: Rule | None
    doubt: str | None
    place: int


def tidy(title: str, *, verbatim: bool = False) -> str:
    """The title without control characters and runs of blanks.

    Unless `verbatim`, what differs from run to run (addresses, numbers) becomes a word, and 120 characters are enough.
    """
    title = title[:1000]
    for chance, word in () if verbatim else _CHANCE:
        title = chance.sub(word, title)
    title = title[: _MAX_VERBATIM if verbatim else MAX_TITLE].replace("\t", " ")
    return re.sub(" +", " ", "".join(character for character in title if " " <= character <= "~")).strip()


def _following(rule: Rule, lines: Sequence[str]) -> list[str] | None:
    """The groups of the lines that the rule wants to see after the sentence, or None if one is missing."""
    groups: list[str] = []
    rest = iter(lines)
    for wanted in rule.then:
        found = next((match for match in map(wanted.search, rest) if match), None)
        if found is None:
            return None
        groups += [group or "" for group in found.groups()]
    return groups


def _guilty(search: Search, lines: Sequence[str]) -> tuple[list[str], bool]:
    """Who is to blame; where the search finds nobody, the innermost function that lies in a module."""
    guilty, whole = search.run(lines)
    if whole or guilty[0] != NOBODY:
        return guilty, whole
    in_module = next((frame for frame in map(frames.parse_any_frame, lines) if frame and frame.module), None)
    return ([frames.bare_name(in_module.function), *guilty[1:]], True) if in_module else (guilty, whole)


def _apply(rule: Rule, lines: Sequence[str], place: int) -> Heading | None:
    sentence = rule.sentence.search(lines[place])
    if sentence is None:
        return None
    following = _following(rule, lines[place + 1 :])
    if following is None:
        return None
    words = [group or "" for group in sentence.groups()] + following
    guilty, whole = _guilty(rule.search, lines[place:]) if rule.search else ([], True)
    told = rule.title.format(*words, *guilty)
    title = tidy(told, verbatim=rule.verbatim)
    function = named_function(title) or next((name for name in guilty if name != NOBODY), None)
    doubt = None
    if _STAMP.search(told):
        doubt = MERGED
    elif not whole:
        doubt = "no usable stack frame names the culprit"
    elif rule.damaged:
        doubt = "the start of the report is missing"
    return Heading(title, rule.kind, function, rule, doubt, place)


def named_function(title: str) -> str | None:
    """The function that a title ends with, or None where it names none."""
    found = _FUNCTION.match(title)
    return found.group(1) if found and found.group(1) != NOBODY else None


def _unknown(family: Family, told: str, place: int, *, whole: bool) -> Heading:
    """The heading of a sentence that no rule knows, or whose rule misses the lines that should follow."""
    doubt = None if whole else "the lines that should follow the headline are missing"
    title = tidy(told)
    return Heading(title, family.kind, named_function(title), None, MERGED if _STAMP.search(told) else doubt, place)


def find_heading(family: Family, lines: Sequence[str]) -> Heading | None:
    """What the report in `lines` is called, or None where they report nothing."""
    fallback: Heading | None = None
    for place, text in enumerate(lines):
        word = family.word.search(text)
        if word is None:
            continue
        known = known_rules(family, text)
        headings = (_apply(rule, lines, place) for rule in known)
        heading = next((heading for heading in headings if heading), None)
        if heading:
            return heading
        fallback = fallback or _unknown(family, text[word.start() :], place, whole=not known)
        if known:
            return fallback
    if fallback is None or OWN_WORDS.match(lines[fallback.place]) or any(map(frames.starts_trace, lines)):
        return fallback
    return None
