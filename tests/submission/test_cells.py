"""What learners wrote, as data: cells, work, regions, values that are drawn."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kmodlab.checks.random_values import RandomValues, a_number, a_word
from kmodlab.course.regions import RegionError, read_regions, starter_of
from kmodlab.errors import UsageError
from kmodlab.submission.cells import LONGEST, CellKind, read_cell, split_magic
from kmodlab.submission.learner_sources import LearnerSources

# ---- cells ---------------------------------------------------------------------------------------------------------


def test_a_cell_is_a_magic_a_name_and_a_text() -> None:
    cell = read_cell("%%kmod hello -f parts.c --file=parts.h -p whom=you -u\nint x;\n")
    assert cell
    assert (cell.kind, cell.name, cell.body) == (CellKind.KMOD, "hello", "int x;\n")
    assert cell.files == ("parts.c", "parts.h")


def test_empty_lines_above_a_magic_do_not_matter() -> None:
    cell = read_cell("\n  \n%%kmod hello\nint x;")
    assert cell is not None and (cell.name, cell.body) == ("hello", "int x;")


@pytest.mark.parametrize(
    "source",
    [
        "",
        "print(1)",
        "# %%kmod hello\nint x;",
        "%%bash hello\nrm -rf /",
        "%%kmod\nint x;",
        "%%kmod 'hello\nint x;",
        " %%kmod hello\nint x;",
        "%%kmod hello -f\nint x;",
        "%%kmod hello\n" + "x" * LONGEST,
    ],
)
def test_what_is_no_cell_of_a_learners_is_passed_over(source: str) -> None:
    assert read_cell(source) is None


def test_values_of_options_are_not_taken_for_the_name() -> None:
    for options in ("--after mii", "-a mii", "--param count=3", "-t 5"):
        cell = read_cell(f"%%kmod {options} phy -f parts.c\nint x;")
        assert cell and (cell.name, cell.files) == ("phy", ("parts.c",))


def test_options_that_nobody_knows_do_no_harm() -> None:
    cell = read_cell("%%kmod hello --nosuch=1 -z\nint x;")
    assert cell
    assert cell.name == "hello"


@given(st.text(max_size=200))
def test_no_text_makes_the_reader_fail(text: str) -> None:
    for source in (text, f"%%kmod {text}\nbody", f"%%{text}"):
        read_cell(source)
        split_magic(source)


# ---- work ----------------------------------------------------------------------------------------------------------


def test_line_numbers_are_those_of_the_cell() -> None:
    work = LearnerSources.of(["%%kmod hello\nfirst();\nsecond();"])
    lines = work.sources("hello", {}).files["hello.c"].decode().split("\n")
    assert lines[2 - 1] == "first();"


def test_the_later_of_two_cells_counts() -> None:
    work = LearnerSources.of(["%%answer q\none", "%%answer q\ntwo", "%%kmod a\nx", "%%kmod a\ny"])
    assert work.answers["q"].strip() == "two"
    assert work.modules["a"].body == "y"


def test_a_build_gets_its_files_and_its_makefile() -> None:
    work = LearnerSources.of(
        ["%%kmod a -f b.h\nx", "%%kfile b.h\n#define B", "%%makefile a\nobj-m += a.o", "%%kfile other.c\ny"]
    )
    sources = work.sources("a", {})
    assert set(sources.files) == {"a.c", "b.h", "Makefile"}
    assert sources.makefile == "\nobj-m += a.o"


def test_a_makefile_without_a_module_cell_gets_all_files() -> None:
    work = LearnerSources.of(["%%makefile pair\nobj-m += one.o", "%%kfile one.c\nx", "%%kfile one.h\ny"])
    assert work.units == ("pair",)
    assert set(work.sources("pair", {}).files) == {"one.c", "one.h", "Makefile"}


def test_another_modules_symbols_are_named_as_a_file() -> None:
    work = LearnerSources.of(["%%kmod user -f giver.symvers\nx", "%%kmod giver\ny"])
    assert work.needs("user") == ("giver",)
    assert work.needs("giver") == ()
    sources = work.sources("user", {"giver": b"0x1\tsymbol\tgiver\tEXPORT_SYMBOL\t\n"})
    assert "KBUILD_EXTRA_SYMBOLS := $(src)/giver.symvers" in sources.makefile


def test_what_cannot_be_built_says_so_in_a_sentence() -> None:
    header = "%%kfile b.h\n"
    for cells in (
        ["%%kmod a\n "],
        ["%%kmod a -f nosuch.h\nx"],
        ["%%kmod ../a\nx"],
        ["%%kmod a -f a.symvers\nx"],
        ["%%kmod a -f a.c\nx", "%%kfile a.c\ny"],
        ["%%kmod a -f b.h -f b.h\nx", header],
    ):
        work = LearnerSources.of(cells)
        with pytest.raises(UsageError):
            work.sources(work.units[0], {})


def test_a_name_that_is_taken_cannot_be_built() -> None:
    with pytest.raises(UsageError, match="is taken"):
        LearnerSources.of(["%%kmod a-b\nx"]).sources("a-b", {}, reserved={"a_b"})


# ---- regions -------------------------------------------------------------------------------------------------------


def test_a_solution_becomes_a_stub_in_the_cells_language() -> None:
    assert starter_of("%%kmod a\n{\n    /* BEGIN SOLUTION */\n    x();\n    /* END SOLUTION */\n}") == (
        "%%kmod a\n{\n    /* YOUR CODE HERE */\n}"
    )
    assert (
        starter_of("%%makefile a\n# BEGIN SOLUTION\nobj-m += a.o\n# END SOLUTION") == "%%makefile a\n# YOUR CODE HERE"
    )
    assert starter_of("%%answer a\n# BEGIN SOLUTION\nyes\n# END SOLUTION") == "%%answer a\n# YOUR ANSWER HERE"
    assert "/* YOUR" in starter_of("%%kfile a.h\n// BEGIN SOLUTION\nx\n// END SOLUTION")


def test_a_starter_stands_in_the_solutions_place() -> None:
    starter = "/* BEGIN STARTER\nold();\n  // why?\nEND STARTER */"
    source = f"%%kmod a\n/* BEGIN SOLUTION */\n{starter}\nnew();\n/* END SOLUTION */\nz"
    assert starter_of(source) == "%%kmod a\nold();\n  // why?\nz"
    assert read_regions(source)[0].solution == ("new();",)
    script = "%%kscript a\n# BEGIN SOLUTION\n#| echo one\n#|   echo two\nright\n# END SOLUTION"
    assert starter_of(script) == "%%kscript a\necho one\n  echo two"


def test_several_regions_are_all_replaced() -> None:
    one = "/* BEGIN SOLUTION */\nx\n/* END SOLUTION */"
    assert starter_of(f"%%kmod a\n{one}\nkeep\n{one}").count("YOUR CODE HERE") == 2


@pytest.mark.parametrize(
    "body",
    [
        "/* BEGIN SOLUTION */\nx",
        "x\n/* END SOLUTION */",
        "/* END SOLUTION */\nx\n/* BEGIN SOLUTION */",
        "/* BEGIN SOLUTION */\n/* BEGIN SOLUTION */\nx\n/* END SOLUTION */",
        "/* BEGIN SOLUTION */\n\n/* END SOLUTION */",
        "/* BEGIN SOLUTION */\n/* BEGIN STARTER\nx\n/* END SOLUTION */",
    ],
)
def test_marks_that_do_not_fit_together_are_refused(body: str) -> None:
    with pytest.raises(RegionError):
        read_regions(f"%%kmod a\n{body}")


# ---- drawn values --------------------------------------------------------------------------------------------------


def test_drawn_values_differ_and_stand_for_their_names() -> None:
    drawn = RandomValues()
    assert len({drawn.draw(n=a_number(1, 1000))["n"] for _ in range(20)}) > 1
    word = drawn.draw(word=a_word(12), fixed=3)["word"]
    assert drawn.fill("{word} {fixed} {other} ${x}") == f"{word} 3 {{other}} ${{x}}"


def test_a_number_is_within_its_bounds() -> None:
    assert {RandomValues().draw(n=a_number(2, 3))["n"] for _ in range(60)} == {"2", "3"}
