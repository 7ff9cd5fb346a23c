"""Diagnostics of gcc, as, ld, modpost and make, from stored transcripts of real builds."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kmodlab.kbuild.diagnostics import MOST, Severity, Tool, parse_diagnostics

LOGS = sorted((Path(__file__).parents[1] / "data" / "build_logs").glob("*.txt"))
HELLO = {"hello.c": b"", "Makefile": b"obj-m += hello.o\n"}


def read_case(path: Path) -> tuple[dict[str, str], dict[str, bytes], str]:
    """The expected fields, the learner's files as far as they matter, and the transcript."""
    head, _, text = path.read_text().partition("\n\n")
    fields = dict(line.split(":", 1) for line in head.splitlines())
    files = dict.fromkeys(fields["sources"].split(), b"")
    for key, line in fields.items():
        if match := re.fullmatch(r"line (\d+) of (\S+)", key):
            # Code stands in a function's braces.
            files[match[2]] = b"{" * match[2].endswith(".c") + b"\n" * (int(match[1]) - 1) + line[1:].encode()
    return {key: value.strip() for key, value in fields.items()}, files, text


@pytest.mark.parametrize("path", LOGS, ids=lambda path: path.stem)
def test_a_stored_transcript_gives_what_it_says(path: Path) -> None:
    fields, files, text = read_case(path)
    diagnostics = parse_diagnostics(text, files)
    first = diagnostics[0]
    actual = {
        "diagnostics": len(diagnostics),
        "tool": first.tool,
        "severity": first.severity,
        "message": first.message,
        "file": first.file,
        "line": first.line or "",
        "column": first.column or "",
        "option": first.option,
        "function": first.function,
        "origin": first.origin.file,
        "included": len(first.included_from),
        "notes": len(first.notes),
        "excerpt": len(first.excerpt.splitlines()),
        "hint": first.hint_key,
    }
    assert {key: str(value) for key, value in actual.items()} == {key: fields[key] for key in actual}


@pytest.mark.parametrize("path", LOGS, ids=lambda path: path.stem)
def test_plain_quotes_make_no_difference(path: Path) -> None:
    _, files, text = read_case(path)
    plain = text.replace("\u2018", "'").replace("\u2019", "'")
    curly, straight = parse_diagnostics(text, files), parse_diagnostics(plain, files)
    assert [(each.place, each.hint) for each in curly] == [(each.place, each.hint) for each in straight]


def test_the_chain_of_notes_leads_from_the_kernels_macro_to_the_learners_line() -> None:
    _, files, text = read_case(next(path for path in LOGS if path.stem == "gcc-macro-chain"))
    (diagnostic,) = parse_diagnostics(text, files)
    assert diagnostic.notes[-1].message == "in expansion of macro ‘pr_info’"  # noqa: RUF001 (gcc's own quotes)
    assert diagnostic.notes[-1].place == diagnostic.place
    assert diagnostic.included_from[-1].file == "hello.c"
    assert diagnostic.excerpt.splitlines()[0].startswith("    5 | #define KERN_SOH")


def test_an_error_in_a_header_of_ones_own_stays_there() -> None:
    text = "In file included from /tmp/hello.c:3:\n/tmp/mine.h:2:1: error: unknown type name 'foo'\n"
    (diagnostic,) = parse_diagnostics(text, HELLO | {"mine.h": b""})
    assert (diagnostic.file, diagnostic.line, diagnostic.included_from[0].line) == ("mine.h", 2, 3)


def test_an_error_in_the_kernels_header_is_placed_at_the_include() -> None:
    text = (
        "In file included from /usr/src/a.h:1,\n                 from /tmp/hello.c:3:\n/usr/src/b.h:2:1: error: odd\n"
    )
    (diagnostic,) = parse_diagnostics(text, HELLO)
    assert (diagnostic.file, diagnostic.line, diagnostic.origin.file) == ("hello.c", 3, "/usr/src/b.h")


def test_paths_without_the_folder_are_understood() -> None:
    # Since Linux 6.13 kbuild works in the module's own folder.
    text = 'hello.c:6:5: error: odd\nERROR: modpost: "nosuch" [hello.ko] undefined!\n'
    text += "ERROR: modpost: missing MODULE_LICENSE() in hello.o\n"
    assert [diagnostic.file for diagnostic in parse_diagnostics(text, HELLO)] == ["hello.c"] * 3


def test_a_linker_that_names_itself_by_its_path_is_understood() -> None:
    text = "/usr/bin/ld: /tmp/a.o: in function `f':\n/tmp/a.c:5: multiple definition of `f'; "
    text += "/tmp/hello.o:/tmp/hello.c:2: first defined here\n"
    (diagnostic,) = parse_diagnostics(text, HELLO | {"a.c": b""})
    assert (diagnostic.tool, diagnostic.file, diagnostic.line) == (Tool.LD, "a.c", 5)
    assert (diagnostic.notes[0].place.file, diagnostic.notes[0].place.line) == ("hello.c", 2)


def test_warnings_of_ld_and_modpost_are_warnings() -> None:
    text = "ld: warning: odd\nWARNING: modpost: odd\n/tmp/Makefile:3: warning: overriding recipe for target 'x'\n"
    assert {diagnostic.severity for diagnostic in parse_diagnostics(text, HELLO)} == {Severity.WARNING}


def test_a_consequence_counts_only_where_nothing_else_was_said() -> None:
    end = "make[1]: *** [scripts/Makefile.build:255: /tmp/hello.o] Error 1\nmake: *** [Makefile:2065: /tmp] Error 2\n"
    (alone,) = parse_diagnostics(end, HELLO)
    assert (alone.tool, alone.message) == (Tool.MAKE, "[scripts/Makefile.build:255: /tmp/hello.o] Error 1")
    (diagnostic,) = parse_diagnostics(
        "/tmp/hello.c:1:1: error: odd\ncc1: some warnings being treated as errors\n" + end, HELLO
    )
    assert diagnostic.tool is Tool.GCC


def test_a_flood_of_complaints_is_cut() -> None:
    text = "/tmp/hello.c:1:1: warning: odd\n" * (10 * MOST)
    assert len(parse_diagnostics(text, HELLO)) <= MOST + 1


_PIECES = st.sampled_from(
    [
        "/tmp/hello.c:",
        "1:",
        "99999999999999999999:",
        " error: ",
        " note: in expansion of macro 'x'",
        "In file included from ",
        "ERROR: modpost: ",
        '"x" [/tmp/hello.ko] undefined!',
        "ld: ",
        "make: *** ",
        "No rule to make target 'x'",
        "\n",
        " | ",
        "[-W",
        "]",
        "{0}",
        'unterminated argument list invoking macro "x"',
        "'x' undeclared",
    ]
)


@given(st.lists(st.one_of(_PIECES, st.text(max_size=8)), max_size=30).map("".join))
def test_no_text_makes_the_parser_stumble(text: str) -> None:
    for diagnostic in parse_diagnostics(
        text, {"hello.c": text.encode("utf-8", "replace"), "Makefile": b"obj-m += x.o"}
    ):
        assert diagnostic.line is None or diagnostic.line >= 0


def test_the_compilers_own_files_have_no_name() -> None:
    lines = "/var/tmp/cc{0}.s: Assembler messages:\n/var/tmp/cc{0}.s:7: Error: no such instruction: `frobnicate'\n"
    (first,), (second,) = (parse_diagnostics(lines.format(name), HELLO) for name in ("4x1YZa", "Qr7opw"))
    assert first.place == second.place
    assert "frobnicate" in first.message
