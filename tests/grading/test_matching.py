"""Only the text of the answers is taken from a notebook; everything else that differs is a remark."""

from __future__ import annotations

from typing import Any

import pytest
from submission_factory import Change, cell, hello, notebook

from kmodlab.grading.answers import match
from kmodlab.grading.models import HandedIn
from kmodlab.grading.notebooks import read_notebook
from kmodlab.submission.cells import LONGEST


def matched(change: Change | None = None) -> HandedIn:
    return match(HandedIn(("hello.ipynb",), notebook=read_notebook(notebook(change))), hello())


def source_of(change: Change) -> str:
    return matched(change).answers["hello"]


def put(text: Any) -> Change:
    def change(data: dict[str, Any]) -> None:
        cell(data, "hello")["source"] = text

    return change


def test_a_notebook_as_it_was_given_out_has_no_remarks() -> None:
    submission = matched()
    assert submission.remarks == ()
    assert submission.answers == hello().starter
    assert not submission.problem


@pytest.mark.parametrize(
    "text", ["%%kmod hello\nint x;\n", ["%%kmod hello\n", "int x;\n"], "\n\n%%kmod hello\nint x;\n"]
)
def test_an_answer_is_taken_as_text(text: Any) -> None:
    assert source_of(put(text)) == "%%kmod hello\nint x;\n"


def test_line_ends_of_other_systems_are_made_ours() -> None:
    assert source_of(put("%%kmod hello\r\nint x;\r\n")) == "%%kmod hello\nint x;\n"


def test_a_check_that_was_put_back_has_another_id_and_no_remark() -> None:
    def put_back(data: dict[str, Any]) -> None:
        check = cell(data, "greets")
        check["id"] = "7f3a"
        check["metadata"] = {}

    def copy(data: dict[str, Any]) -> None:
        data["cells"].append({**cell(data, "greets"), "id": "7f3a", "metadata": {}})

    assert matched(put_back).remarks == ()
    assert matched(copy).remarks == ("1 cell is not part of the exercise.",)


@pytest.mark.parametrize("line", ["%%bash", "%%kmod other -f x.c", "%%kmod hello -f /etc/passwd", "%%python"])
def test_the_first_line_is_the_masters(line: str) -> None:
    submission = matched(put(f"{line}\nint x;"))
    assert submission.answers == {"hello": "%%kmod hello\nint x;"}
    assert submission.remarks == (f"The answer cell `hello` begins with `{line}`; `%%kmod hello` counts.",)


def test_an_answer_without_its_first_line_keeps_all_of_its_text() -> None:
    submission = matched(put("int x;\nint y;"))
    assert submission.answers == {"hello": "%%kmod hello\nint x;\nint y;"}
    assert submission.remarks == ("The answer cell `hello` has lost its first line; `%%kmod hello` counts.",)


@pytest.mark.parametrize("kind", ["markdown", "raw", "strange", 7])
def test_an_answer_of_another_type_is_taken_and_reported(kind: Any) -> None:
    def change(data: dict[str, Any]) -> None:
        cell(data, "hello")["cell_type"] = kind

    submission = matched(change)
    assert submission.answers == hello().starter
    assert any("is of the type" in remark for remark in submission.remarks)


def forget(name: str) -> Change:
    """Lose the ids and metadata of a cell, as cells have that are typed anew or copied as text."""

    def change(data: dict[str, Any]) -> None:
        lost = cell(data, name)
        lost["id"], lost["metadata"] = "mine", {}

    return change


def add(source: str, *, at: int, **fields: Any) -> Change:
    def change(data: dict[str, Any]) -> None:
        data["cells"].insert(at, {"cell_type": "code", "metadata": {}, "source": source, "outputs": [], **fields})

    return change


def in_turn(*changes: Change) -> Change:
    def change(data: dict[str, Any]) -> None:
        for each in changes:
            each(data)

    return change


def rename(data: dict[str, Any]) -> None:
    cell(data, "hello")["source"] = "%%kmod other\nint x;"


def test_a_missing_answer_is_reported_and_nothing_else_is_taken_for_it() -> None:
    submission = matched(in_turn(rename, forget("hello")))
    assert submission.answers == {}
    assert submission.problem == "None of the exercise's answer cells is in it."
    assert submission.remarks == ("The answer cell `hello` is missing.", "1 cell is not part of the exercise.")


def test_a_cell_without_ids_is_known_by_its_first_line() -> None:
    submission = matched(in_turn(put("%%kmod hello -v\nint x;"), forget("hello")))
    assert submission.answers == {"hello": "%%kmod hello\nint x;"}
    assert submission.remarks == (
        "The answer cell `hello` is missing; cell 3 counts, as it begins with `%%kmod hello`.",
        "The answer cell `hello` begins with `%%kmod hello -v`; `%%kmod hello` counts.",
    )


def test_a_notebook_without_any_ids_has_its_answers() -> None:
    def lose_all(data: dict[str, Any]) -> None:
        for each in data["cells"]:
            each.pop("id", None)
            each["metadata"] = {"id": "x7", "colab": {}}

    submission = matched(in_turn(put("%%kmod hello\nint x;"), lose_all))
    assert submission.answers == {"hello": "%%kmod hello\nint x;"}


@pytest.mark.parametrize("fields", [{"id": "new"}, {"id": "new", "metadata": {"nbgrader": {"grade_id": "hello"}}}])
def test_other_cells_count_for_an_answer_that_is_as_it_was_given(fields: dict[str, Any]) -> None:
    cells = [add(f"%%kmod hello\n{text};", at=at, **fields) for text, at in (("int y", 6), ("int x", 1))]
    submission = matched(in_turn(*cells))
    assert submission.answers == {"hello": "%%kmod hello\nint y;"}
    remark = "The answer cell `hello` is as it was given; cell 8, which is for the same answer, counts."
    assert submission.remarks[0] == remark


def test_other_cells_do_not_count_for_an_answer_that_was_changed() -> None:
    submission = matched(in_turn(put("%%kmod hello\nint x;"), add("%%kmod hello\nint y;", at=6, id="new")))
    assert submission.answers == {"hello": "%%kmod hello\nint x;"}
    assert "Cell 7 is for the same answer as the cell `hello`, and does not count." in submission.remarks


def test_of_two_answers_the_original_counts_and_else_the_first() -> None:
    def copy(data: dict[str, Any]) -> None:
        answer = cell(data, "hello")
        data["cells"].insert(1, {**answer, "id": "abc", "source": "%%kmod hello\ncopy"})

    submission = matched(in_turn(put("%%kmod hello\nint x;"), copy))
    assert submission.answers == {"hello": "%%kmod hello\nint x;"}
    assert "Cell 2 is for the same answer as the cell `hello`, and does not count." in submission.remarks

    def twice(data: dict[str, Any]) -> None:
        data["cells"].insert(0, {**cell(data, "hello"), "source": "%%kmod hello\nfirst"})

    submission = matched(in_turn(put("%%kmod hello\nint x;"), twice))
    assert submission.answers == {"hello": "%%kmod hello\nfirst"}
    assert "There are 2 cells `hello` (cells 1, 4); cell 1 counts." in submission.remarks


def test_merged_cells_are_named() -> None:
    submission = matched(put('%%kmod hello\nint x;\ncheck("It greets")'))
    assert submission.remarks == (
        'In the answer cell `hello`, another cell begins with `check("It greets")`: were two cells merged?',
    )

    def into_the_cell_above(data: dict[str, Any]) -> None:
        answer = data["cells"].pop(2)
        data["cells"][1]["source"] += "\n\n" + "".join(answer["source"])

    submission = matched(into_the_cell_above)
    assert submission.remarks[:2] == (
        "The answer cell `hello` is missing.",
        "Its first line stands inside cell 2: were two cells merged?",
    )


def test_an_answer_that_is_too_long_is_empty() -> None:
    submission = matched(put("x" * (LONGEST + 1)))
    assert submission.answers == {"hello": ""}
    assert submission.remarks == (f"The answer cell `hello` is longer than {LONGEST} characters, and is not read.",)


def test_text_that_is_no_unicode_can_be_handled_all_the_same() -> None:
    assert source_of(put("%%kmod hello\n\ud800")) == "%%kmod hello\n?"


def set_points(data: dict[str, Any]) -> None:
    cell(data, "greets")["metadata"]["nbgrader"]["points"] = 1000


def set_huge_points(data: dict[str, Any]) -> None:
    cell(data, "greets")["metadata"]["nbgrader"]["points"] = 10**400


def change_check(data: dict[str, Any]) -> None:
    cell(data, "greets")["source"] = "1000.0"


def drop_check(data: dict[str, Any]) -> None:
    data["cells"].remove(cell(data, "greets"))


def double_check(data: dict[str, Any]) -> None:
    data["cells"].append(cell(data, "greets"))


def retype_check(data: dict[str, Any]) -> None:
    cell(data, "greets")["cell_type"] = "markdown"


def change_order(data: dict[str, Any]) -> None:
    data["cells"].reverse()


def add_cells(data: dict[str, Any]) -> None:
    data["cells"] += [{"cell_type": "code", "source": "import os; os._exit(0)", "metadata": {}}] * 2


def plant_output(data: dict[str, Any]) -> None:
    cell(data, "greets")["outputs"] = [{"output_type": "execute_result", "data": {"text/plain": "2.0"}}]


def add_tags(data: dict[str, Any]) -> None:
    cell(data, "greets")["metadata"]["tags"] = ["raises-exception", 7, "nbval-\x1bskip"]


def change_kernel(data: dict[str, Any]) -> None:
    data["metadata"]["kernelspec"]["name"] = "bash"


def change_setup(data: dict[str, Any]) -> None:
    cell(data, "begin")["source"] += "\nimport sys; sys.modules['kmodlab'] = None"


@pytest.mark.parametrize(
    ("change", "remark"),
    [
        (set_huge_points, "The check `greets` is said to be worth inf; it is worth 2."),
        (set_points, "The check `greets` is said to be worth 1000; it is worth 2."),
        (change_check, "The check `greets` was changed."),
        (drop_check, "The check `greets` is missing."),
        (double_check, "There are 2 cells with the check's id `greets`."),
        (retype_check, "The check `greets` is not a code cell any more."),
        (change_order, "The cells are in another order."),
        (add_cells, "2 cells are not part of the exercise."),
        (plant_output, "Outputs are stored in cells that were not run: 5."),
        (add_tags, "Cells have tags: `nbval-\\x1bskip`, `raises-exception`."),
        (change_kernel, "The notebook asks for another Jupyter kernel, `bash`."),
        (change_setup, "The cell `begin` was changed."),
    ],
)
def test_what_is_strange_is_reported_and_changes_nothing(change: Change, remark: str) -> None:
    submission = matched(change)
    assert submission.remarks == (remark,)
    assert submission.answers == hello().starter


def test_remarks_are_bounded() -> None:
    def change(data: dict[str, Any]) -> None:
        for each in data["cells"]:
            each["cell_type"], each["source"] = "raw", "%%x"
            each["metadata"].get("nbgrader", {})["points"] = 99
        data["cells"] += data["cells"] * 3

    assert len(matched(change).remarks) == 21
