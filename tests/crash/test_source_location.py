"""Frames of a module back to lines of C; the module is tests/data/crash/lines/lines.ko, made as lines.c says."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kmodlab.crash.report import Frame
from kmodlab.crash.source_location import ModuleSource
from kmodlab.errors import UsageError

FOLDER = Path(__file__).parent.parent / "data" / "crash" / "lines"
KO = FOLDER / "lines.ko"
IMAGE = KO.read_bytes()


def line_of(marker: str, file: str) -> int:
    """The number of the one line of the source that contains the marker."""
    numbers = [number for number, line in enumerate((FOLDER / file).read_text().split("\n"), 1) if marker in line]
    assert len(numbers) == 1
    return numbers[0]


def chain(function: str, offset: int, *, exact: bool = True) -> list[tuple[str, str, int, bool]]:
    lines = ModuleSource.read(KO).lines(Frame(function, offset, None, "lines", exact=exact))
    return [(line.function, line.file, line.line, line.inlined) for line in lines]


def test_code_inlined_two_deep_into_init_names_all_callers() -> None:
    assert chain("lines_init", 0x20) == [
        ("queue_sum", "queue.h", line_of("sum += q->items[i]", "queue.h"), True),
        ("twice", "lines.c", line_of("return 2 * queue_sum(q)", "lines.c"), True),
        ("lines_init", "lines.c", line_of("int sum = twice(queue)", "lines.c"), False),
    ]


def test_sections_that_all_start_at_zero_are_kept_apart() -> None:
    assert chain("lines_exit", 0x17) == [("lines_exit", "lines.c", line_of("queue->length = 0", "lines.c"), False)]
    assert chain("lines_timer", 0x4) == [("lines_timer", "lines.c", line_of("q->length -= 1", "lines.c"), False)]


def test_the_second_file_of_a_module_is_found() -> None:
    assert chain("queue_check", 0x0) == [("queue_check", "queue.c", line_of("if (!q)", "queue.c"), False)]


def test_a_return_address_belongs_to_the_call_before_it() -> None:
    call, after = line_of("return queue_check(q) + 1", "lines.c"), line_of("q->length -= 1", "lines.c") + 2
    assert chain("lines_timer", 0xC, exact=False) == [("lines_timer", "lines.c", call, False)]
    assert chain("lines_timer", 0xC, exact=True) == [("lines_timer", "lines.c", after, False)]


def test_a_line_knows_the_modules_own_files() -> None:
    line = ModuleSource.read(KO).lines(Frame("lines_timer", 0x4, None, "lines", exact=True))[0]
    assert line.own
    assert (line.file, line.path) == ("lines.c", "/lab/lines.c")


def test_the_module_knows_its_name() -> None:
    assert ModuleSource.read(KO).name == "lines"
    assert ModuleSource.read(b"no ELF").name is None


@pytest.mark.parametrize(
    "frame",
    [
        Frame("nobody", 0x4),
        Frame("lines_init"),
        Frame("lines_init", 0x4000, exact=True),
        Frame("lines_init", 0x0),  # no call comes before a function's first instruction
    ],
)
def test_a_frame_that_the_module_does_not_have_is_unresolved(frame: Frame) -> None:
    assert ModuleSource.read(IMAGE).lines(frame) == ()


def test_the_kernels_idea_of_a_functions_size_may_be_larger() -> None:
    assert ModuleSource.read(KO).lines(Frame("lines_init", 0x20, 0x1000, "lines", exact=True))


def test_a_file_without_debugging_information_is_unresolved() -> None:
    assert ModuleSource.read(b"\x7fELF").lines(Frame("lines_init", 0x4)) == ()
    assert ModuleSource.read(b"").lines(Frame("lines_init", 0x4)) == ()


def test_a_path_that_cannot_be_read_is_a_sentence(tmp_path: Path) -> None:
    for name in ("none.ko", "."):
        with pytest.raises(UsageError, match=r"cannot be read|not a regular file"):
            ModuleSource.read(tmp_path / name)


@given(st.lists(st.tuples(st.integers(0, len(IMAGE) - 1), st.integers(0, 255)), min_size=1, max_size=20))
@settings(max_examples=60, deadline=None)
def test_damage_never_raises(changes: list[tuple[int, int]]) -> None:
    image = bytearray(IMAGE)
    for place, value in changes:
        image[place] = value
    for frame in (Frame("lines_init", 0x20, exact=True), Frame("queue_check", 0x30)):
        ModuleSource.read(bytes(image)).lines(frame)


@given(st.integers(0, len(IMAGE)))
@settings(max_examples=40, deadline=None)
def test_a_cut_off_file_never_raises(length: int) -> None:
    ModuleSource.read(IMAGE[:length]).lines(Frame("lines_init", 0x20, exact=True))
