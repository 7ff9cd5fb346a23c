"""What cards say, as text and as HTML: verbatim where it is another's word, harmless whatever it is."""

from __future__ import annotations

import gettext
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kmodlab.crash.records import LogRecord
from kmodlab.crash.report import Frame, Kind, Report
from kmodlab.errors import EndKind, GuestEnd
from kmodlab.guest.agent.client import Result
from kmodlab.kbuild.diagnostics import Diagnostic, Severity, Tool
from kmodlab.notebook.guest import Stream
from kmodlab.notebook.render.action import action_parts
from kmodlab.notebook.render.build import DiagnosticPart, count
from kmodlab.notebook.render.crash import CellLine, CrashCard
from kmodlab.notebook.render.log import Log
from kmodlab.notebook.render.parts import (
    Card,
    Command,
    Details,
    Excerpt,
    Level,
    Message,
    Output,
    Part,
    block,
    prose,
    shorten,
)
from kmodlab.notebook.state import Action
from kmodlab.text import escape_control_chars
from kmodlab.tracer.run import Step

HOSTILE = '<script>alert(1)</script> <img src=x onerror="a()"> & \x1b]0;title\x07 \x1b[31m \u202e \x00 \x85'
VOID = {"br", "hr", "img", "meta"}


class Checker(HTMLParser):
    """Collects the tags of a fragment, and whether they are balanced."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def record(text: str, level: int = 6, *, facility: int = 0, sequence: int = 1) -> LogRecord:
    return LogRecord(sequence, 12.345678, level, facility, text)


def every_part(text: str) -> list[Part]:
    diagnostic = Diagnostic(Tool.GCC, Severity.ERROR, text, "hello.c", 1, 3, hint=text)
    report = Report(Kind.NULL_DEREFERENCE, text, Frame(text, module=text), doubt=text, raw=text)
    return [
        Message(text),
        Command(text),
        Output(text, text),
        Details(Message(text), [Output(text)], is_open=True),
        Details(Message(text, Level.GOOD), [Output(text)], is_open=False),
        Log([record(text), record(text, 7), record(text, 3, facility=1)], text),
        Excerpt(text, 1, 2, context=1),
        DiagnosticPart(diagnostic, {"hello.c": text}, "hello.c"),
        CrashCard(report),
        CrashCard(report, CellLine(text, 1, text, text, text, text)),
    ]


def bundle(*parts: Part) -> dict[str, str]:
    return Card(parts)._repr_mimebundle_()


# ---- harmless ------------------------------------------------------------------------------------------------------


def test_nothing_in_a_text_is_obeyed_by_a_terminal() -> None:
    assert escape_control_chars("a\x1b[2Jb\x07\r\nc\td\x9b") == "a\\x1b[2Jb\\x07\nc\td\\x9b"
    assert escape_control_chars("ab\u202ecd\u2066") == "ab\\u202ecd\\u2066"


@given(st.text())
def test_every_part_is_harmless_and_well_formed_whatever_its_text(text: str) -> None:
    for part in every_part(text):
        checker = Checker(part.html)
        assert not checker.open
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", part.text + part.html)


def test_hostile_text_brings_no_tags_and_no_attributes() -> None:
    html = bundle(*every_part(HOSTILE))["text/html"]
    checker = Checker(html)
    assert checker.tags <= {"div", "style", "p", "pre", "span", "code", "details", "summary", "strong"}
    assert checker.attributes <= {"class", "open", "tabindex", "role", "aria-label", "aria-hidden"}
    assert "<script" not in html


class Catalogue(gettext.NullTranslations):
    """Marks what it translates, and remembers it."""

    messages: list[str]

    def gettext(self, message: str) -> str:
        self.messages.append(message)
        return f"«{message}»"

    def ngettext(self, singular: str, plural: str, number: int) -> str:
        return self.gettext(singular if number == 1 else plural)


def test_messages_are_translated_before_data_is_put_in(monkeypatch: pytest.MonkeyPatch) -> None:
    catalogue = Catalogue()
    catalogue.messages = []
    monkeypatch.setattr("kmodlab.i18n.load_catalogue", lambda: catalogue)
    html = bundle(*every_part("DATA"))["text/html"]
    assert not [message for message in catalogue.messages if "DATA" in message]
    assert "«It happened in <code>DATA()</code>, in DATA, line 1: DATA:»" in html
    assert "«<strong>«error»</strong> in line 1: DATA»" in html
    assert not Checker(html).open


def test_a_card_needs_nothing_from_elsewhere() -> None:
    html = bundle(*every_part("hello"))["text/html"]
    assert not re.search(r"https?:|url\(|@import|src=|href=", html)


def test_every_card_has_the_same_two_forms() -> None:
    for part in every_part("hello"):
        assert list(bundle(part)) == ["text/plain", "text/html"]


def test_both_forms_of_a_part_say_the_same_words() -> None:
    part = Log([record("hello init", 7)])
    words = re.sub(r"<[^>]*>", "", part.html).replace("&#x27;", "'")
    assert "hello init" in part.text and "hello init" in words
    assert "debug*" in part.text and "debug*" in words


def test_backquotes_in_our_sentences_become_code_after_all_is_escaped() -> None:
    assert prose("use `a < b` & `c`") == "use <code>a &lt; b</code> &amp; <code>c</code>"


def test_long_output_keeps_its_beginning_and_its_end() -> None:
    short = shorten("\n".join(str(number) for number in range(10_000)))
    assert short.startswith("0\n1\n") and short.endswith("\n9999")
    assert "9600 lines are left out" in short
    assert len(shorten("x" * 1_000_000)) < 3000


def test_a_stream_joins_characters_and_line_ends_that_come_in_two_pieces() -> None:
    stream = Stream()
    data = "\u2018a\u2019\r\nb".encode()
    pieces = [stream.feed(data[number : number + 1]) for number in range(len(data))]
    assert "".join([*pieces, stream.feed(b"", final=True)]) == "\u2018a\u2019\nb"


def test_a_stream_shows_what_is_no_utf_8() -> None:
    stream = Stream()
    assert stream.feed(b"a\xff") + stream.feed(b"\xe2", final=True) == "a\ufffd\ufffd"


# ---- the kernel's log ----------------------------------------------------------------------------------------------


def test_each_record_has_its_level_and_debug_ones_are_marked() -> None:
    text = Log([record("one", 3), record("two", 7)]).text
    assert "[   12.345678] err      one" in text
    assert "[   12.345678] debug*   two" in text
    assert "not on a console" in text


def test_without_debug_records_there_is_no_legend() -> None:
    assert "console" not in Log([record("one")]).text


def test_further_lines_of_a_record_stand_below_its_text() -> None:
    first, second = Log([record("one\ntwo")]).text.splitlines()[1:]
    assert first.index("one") == second.index("two")


def test_a_record_that_a_program_wrote_is_told_from_the_kernels() -> None:
    assert "user.info" in Log([record("hello", facility=1)]).text


def test_a_flood_of_records_is_cut_in_the_middle() -> None:
    log = Log([record(f"line {number}") for number in range(100_000)])
    assert "99700 records are left out" in log.text and "99700 records are left out" in log.html
    assert "line 0\n" in log.text and "line 99999" in log.text
    assert len(log.html) < 100_000


def test_no_records_are_shown_as_nothing() -> None:
    assert (Log([]).text, Log([]).html) == ("", "")


# ---- diagnostics -----------------------------------------------------------------------------------------------------


def test_a_caret_stands_below_the_column_also_behind_tabs() -> None:
    # gcc counts a tab as the columns that it fills.
    lines = Excerpt("\treturn x;", 1, 16).text.splitlines()
    assert lines == [">    1 |         return x;", "       |                ^"]
    assert lines[0].index("x") == lines[1].index("^")


def test_the_line_in_question_is_marked_among_its_neighbours() -> None:
    lines = Excerpt("a\nb\nc\nd\ne", 3, context=1).text.splitlines()
    assert lines == ["     2 | b", ">    3 | c", "     4 | d"]


def test_a_line_that_is_not_there_is_not_shown() -> None:
    assert Excerpt("a", 7).text == Excerpt("a", 7).html == Excerpt("a", 0).html == ""


def test_a_diagnostic_names_the_line_of_the_cell_or_the_other_file() -> None:
    diagnostic = Diagnostic(Tool.GCC, Severity.ERROR, "no", "hello.c", 2, 1)
    assert DiagnosticPart(diagnostic, {"hello.c": "\nint x"}, "hello.c").text.startswith(
        "error in line 2: no\n>    2 | int x"
    )
    assert DiagnosticPart(diagnostic, {"hello.c": "\nint x"}, "other.c").text.startswith("error in hello.c, line 2: no")


def test_a_diagnostic_about_a_file_of_the_kernel_shows_no_source() -> None:
    diagnostic = Diagnostic(Tool.GCC, Severity.WARNING, "no", "/usr/src/x.h", 2, hint="do this")
    assert DiagnosticPart(diagnostic, {}, "hello.c").text == "warning in /usr/src/x.h, line 2: no\n→ do this"


def test_messages_that_follow_from_another_are_counted_and_folded() -> None:
    follow_ups = tuple(Diagnostic(Tool.GCC, Severity.WARNING, f"<{n}>", "hello.c", n) for n in (3, 4))
    part = DiagnosticPart(Diagnostic(Tool.GCC, Severity.ERROR, "no", follow_ups=follow_ups), {}, "hello.c")
    assert part.text == "error: no\n→ 2 more messages follow from this one."
    assert (
        "<details" in part.html and "hello.c:3: warning: &lt;3&gt;" in part.html and "hello.c:4: warning" in part.html
    )


def test_diagnostics_are_counted_in_words() -> None:
    error = Diagnostic(Tool.GCC, Severity.ERROR, "no")
    warning = Diagnostic(Tool.GCC, Severity.WARNING, "hm")
    assert count((error, warning, warning)) == "1 error, 2 warnings"
    assert count(()) == ""


# ---- actions -------------------------------------------------------------------------------------------------------


def show(action: Action, tool: str = "insmod", *, with_command: bool = False) -> str:
    return repr(Card(action_parts(action, tool, {}, with_command=with_command)))


def step(
    result: Result | None, *records: LogRecord, reports: tuple[Report, ...] = (), end: GuestEnd | None = None
) -> Step:
    return Step(("insmod", "hello.ko"), result, records, reports, end)


def test_a_tools_error_stands_verbatim_before_our_explanation() -> None:
    printed = "insmod: ERROR: could not insert module hello.ko: Device or resource busy\n"
    first, second = show(Action(step(Result(1, stderr=printed.encode())))).splitlines()
    assert first == printed.rstrip()
    assert second.startswith("✗ EBUSY (16): init returned -EBUSY")


def test_records_from_before_are_told_apart() -> None:
    text = show(Action(replace(step(Result(0), record("now")), earlier=(record("before"),))), with_command=True)
    assert text.index("since the last command") < text.index("before") < text.index("# insmod hello.ko")
    assert text.index("# insmod hello.ko") < text.index("now")


def test_a_report_is_shown_once_and_not_among_the_records() -> None:
    records = (record("here we go"), record("BUG: kernel NULL pointer dereference"))
    frame = Frame("f", module="hello")
    report = Report(Kind.NULL_DEREFERENCE, "BUG: it is broken", frame, raw=records[1].line)
    text = show(Action(step(Result(-9), *records, reports=(report,))))
    assert "here we go" in text and "kernel NULL" not in text
    assert "The kernel crashed: BUG: it is broken" in text
    assert "It happened in `f()` of the module `hello`." in text
    assert text.endswith("The next cell gets a fresh one.")


def test_a_warning_of_the_kernels_keeps_the_guest() -> None:
    action = Action(step(Result(0), reports=(Report(Kind.WARNING, "WARNING in f", Frame("f")),)))
    assert action.ok and not action.is_last
    assert "The kernel warns, and goes on: WARNING in f" in show(action)
    assert "fresh" not in show(action)


def test_a_trace_that_was_printed_on_purpose_is_shown_and_fails_nothing() -> None:
    action = Action(step(Result(0), reports=(Report(Kind.TRACE, "Call Trace:", trace=(Frame("f", module="hello"),)),)))
    text = show(action)
    assert action.ok and "printed a call trace" in text and "`f()` of the module `hello`" in text
    assert "crashed" not in text and "warns" not in text


def test_a_refused_module_is_no_crash() -> None:
    action = Action(step(Result(1), reports=(Report(Kind.UNKNOWN_SYMBOL, "hello: Unknown symbol nosuch"),)))
    assert not action.is_last and "crashed" not in show(action)


def test_a_lost_guest_is_told_with_the_consoles_last_lines() -> None:
    console = "\n".join(f"line {number}" for number in range(100)) + "\r\n"
    action = Action(step(None, end=GuestEnd(EndKind.PANIC, "The guest's kernel panicked.", console)))
    text = show(action)
    assert action.is_last and not action.ok
    assert "✗ The guest's kernel panicked." in text
    assert "line 99\n" in text and "line 59\n" not in text and "\\x0d" not in text


def test_a_crash_in_a_cell_shows_the_guilty_line() -> None:
    report = Report(Kind.NULL_DEREFERENCE, "BUG: it is broken", Frame("f"), raw="registers")
    crash = CrashCard(report, CellLine("", 3, "\n{\n    *p = 1;\n}\n", "g"))
    assert "It happened in `g()`, in line 3 of the cell:\n" in crash.text
    assert ">    3 |     *p = 1;" in crash.text
    assert "registers" in crash.html and "registers" not in crash.text


def test_a_long_block_can_be_scrolled_by_the_keyboard() -> None:
    assert 'tabindex="0"' in block("km-output", "output", "x")


def test_a_killed_command_is_told_apart_from_one_that_failed() -> None:
    assert "killed by signal 9" in show(Action(step(Result(-9))))
    assert "did not end in time" in show(Action(step(Result(-9, timed_out=True))))
    assert "more than can be shown" in show(Action(step(Result(-9, output_truncated=True))))
    assert "`insmod` ended with status 3." in show(Action(step(Result(3))))
    assert "The script ended with status 3." in show(Action(step(Result(3))), "")
