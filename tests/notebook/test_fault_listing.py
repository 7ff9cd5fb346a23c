"""The source beside the table of injected faults: the files that lines belong to, and one true mark on a line."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape

from trace_factory import observed

from kmodlab.crash.source_location import SourceLine
from kmodlab.notebook.render.fault_listing import FaultListing
from kmodlab.notebook.render.faults import FaultTable
from kmodlab.tracer.fault_injection import Faults, SiteResult
from kmodlab.tracer.troubles import Trouble, Verdict
from kmodlab.tracer.verdict import Finding, verdict_of

SOURCES = {
    "Makefile": "obj-m += two.o\n",
    "two.c": "\nint two_init(void)\n{\n\tget();\n\treturn part();\n}\n",
    "part.c": "int part(void)\n{\n\treturn ask();\n}\n",
    "unused.h": "int unused;\n",
}
GET = SourceLine("two.c", 4, "two_init", inlined=False, own=True, path="two.c")
ASK = SourceLine("part.c", 3, "part", inlined=False, own=True, path="part.c")
LEAK = Trouble(Verdict.LEAKS, "left behind: a box", GET)
CRASH = Trouble(Verdict.CRASHES, "BUG: a crash", ASK)
IN_EXIT = replace(CRASH, in_exit=True)


def found(*troubles: Trouble, returned: int = 0) -> Finding:
    return Finding(verdict_of(troubles), returned, (), troubles, False, True, observed(()))


def site(function: str, line: SourceLine, *troubles: Trouble, nth: int = 1) -> SiteResult:
    finding = found(*troubles, returned=-12)
    return SiteResult(function, function, line, nth, "NULL", finding.verdict, finding.sentence, finding)


def faults(*sites: SiteResult, plain: Finding | None = None) -> Faults:
    return Faults("two", "6.1", plain or found(), sites, None, None)


def listing(result: Faults) -> str:
    """The text of a listing, without the summary of one that is folded."""
    html = re.sub(r"<summary>.*?</summary>", "", FaultListing(result, SOURCES, "two.c").html)
    return unescape(re.sub(r"<[^>]*>", "", html))


def marks(result: Faults) -> list[str]:
    return [f"{number} {mark}" for number, mark in re.findall(r"(\d+)  .*?  ← (.*)", listing(result))]


def test_a_line_has_one_mark_that_says_when_it_is_so() -> None:
    result = faults(site("get", GET), site("ask", ASK, LEAK))
    assert marks(result) == ["4 ✗ leaks when ask() fails", "3 ✗ leaks (see two.c:4)"]


def test_the_other_line_may_be_in_the_same_file() -> None:
    other = replace(GET, line=5)
    assert marks(faults(site("get", GET, replace(LEAK, line=other)))) == [
        "4 ✗ leaks (see line 5)",
        "5 ✗ leaks when get() fails",
    ]


def test_the_mark_of_a_call_that_fails_well_is_its_own() -> None:
    assert marks(faults(site("get", GET), site("ask", ASK))) == ["4 ✓ clean", "3 ✓ clean"]


def test_several_calls_share_a_mark() -> None:
    result = faults(site("get", GET), site("ask", ASK, LEAK), site("ask", ASK, LEAK, nth=2))
    assert marks(result)[0] == "4 ✗ leaks when ask() or another call fails"


def test_what_is_so_without_a_fault_needs_no_condition() -> None:
    result = faults(site("get", GET), site("ask", ASK, LEAK), plain=found(LEAK))
    assert marks(result)[0] == "4 ✗ leaks"


def test_only_files_with_marks_are_shown_and_the_cell_comes_first() -> None:
    text = listing(faults(site("ask", ASK), site("get", GET)))
    assert text.startswith("two.c\n") and text.index("part.c") > text.index("two_init")
    assert "unused" not in text and "obj-m" not in text
    text = listing(faults(site("ask", ASK)))
    assert text.startswith("part.c\n") and "two_init" not in text
    assert listing(faults()).startswith("   2  int two_init(void)")


def test_a_listing_is_folded_if_it_shows_no_problem() -> None:
    clean, leaks = faults(site("get", GET)), faults(site("get", GET, LEAK))
    assert "<details>" in FaultListing(clean, SOURCES, "two.c").html
    assert "<details>" not in FaultListing(leaks, SOURCES, "two.c").html


def test_the_table_says_in_which_file_a_line_is() -> None:
    result = faults(site("get", GET), site("ask", ASK, LEAK), plain=found(IN_EXIT))
    text = FaultTable(result, SOURCES, "two.c").text
    assert "line 4  get() fails with NULL: clean" in text
    assert "part.c:3  ask() fails with NULL: leaks" in text
    assert "left behind: a box (line 4)" in text and "BUG: a crash (part.c:3)" in text


def test_a_crash_in_exit_has_a_row_of_its_own() -> None:
    result = faults(site("get", GET), plain=found(IN_EXIT))
    text = FaultTable(result, SOURCES, "two.c").text
    assert text.startswith("without a fault: clean up to exit, init returned 0\nexit: crashes\n")
    assert text.count("BUG: a crash") == 1
    page = FaultTable(result, SOURCES, "two.c").html
    assert page.count("<tr><td") == 3 and "<td>exit</td>" in page and not result.passed


def test_a_crash_in_the_exit_of_a_second_load_is_told_once() -> None:
    later = replace(found(returned=-12), later=(IN_EXIT, CRASH))
    sites = tuple(replace(site(name, GET), finding=later) for name in ("get", "take"))
    result = faults(*sites)
    assert result.exit_troubles == (IN_EXIT,) and not result.passed
    assert marks(result) == ["4 ✓ clean", "3 ✗ crashes"]
