"""The page that sets the deck beside today is true: run again, it says the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from deck_changes import PAGE, Case, find_verdict, make_page, typed

from kmodlab.guest.lab import Lab

SANITIZERS = Path(__file__).parents[2] / "notebooks" / "nbval_sanitize.cfg"


def sanitized(text: str) -> str:
    """A text without times, addresses and versions, as the notebooks are compared."""
    rules = re.findall(r"^regex: (.*)\nreplace: (.*)$", SANITIZERS.read_text(), re.M)
    assert len(rules) >= 4
    for regex, replacement in rules:
        text = re.sub(regex, replacement, text)
    return text


@pytest.mark.long
def test_the_page_run_again_says_the_same(lab: Lab) -> None:
    assert sanitized(make_page(lab)) == sanitized(PAGE.read_text(encoding="utf-8"))


def test_a_difference_that_nobody_explains_is_no_page() -> None:
    with pytest.raises(AssertionError, match="nothing says why"):
        find_verdict(Case("echo", "$ echo one\none\n", typed("echo one")), "# echo one\ntwo\n")


def test_an_explanation_of_what_is_the_same_is_no_page() -> None:
    with pytest.raises(AssertionError, match="yet it is explained"):
        find_verdict(Case("echo", "$ echo one\none\n", typed("echo one"), "Because."), "# echo one\none\n")


def test_the_same_is_the_same_wherever_it_was_typed() -> None:
    then = "$ make -C /path/to/kernel/tree\n"
    assert find_verdict(Case("make", then, typed("make")), "# make -C /usr/src/linux-headers-6.1.0-56-amd64\n")
