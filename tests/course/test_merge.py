"""A newer notebook merged into a learner's: what is given is replaced, what is the learner's stays."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kmodlab.course.merge import UnmergeableError, digests_of, merge


def code(name: str, source: str, **more: Any) -> dict[str, Any]:
    about: dict[str, Any] = {
        "id": name,
        "cell_type": "code",
        "source": source,
        "metadata": {},
        "outputs": [],
        "execution_count": None,
    }
    return about | more


def notebook(*cells: dict[str, Any]) -> str:
    return json.dumps({"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def sources(text: str) -> dict[str, str]:
    return {cell["id"]: cell["source"] for cell in json.loads(text)["cells"]}


OLD = notebook(code("a", "a"), code("b", "b"), code("c", "c"))
NEW = notebook(code("a", "a"), code("new", "new"), code("b", "newer b"), code("c", "newer c"))


def test_cells_as_given_are_replaced_and_new_ones_come_in_at_their_place() -> None:
    merged = merge(NEW, OLD, digests_of(OLD))
    assert sources(merged.text) == {"a": "a", "new": "new", "b": "newer b", "c": "newer c"}
    assert (merged.added, merged.updated, merged.yours) == (("new",), ("b", "c"), ())


def test_changed_and_own_cells_stay_in_their_place() -> None:
    theirs = notebook(code("a", "a"), code("mine", "mine"), code("b", "my b"), code("c", "c"))
    merged = merge(NEW, theirs, digests_of(OLD))
    assert sources(merged.text) == {"a": "a", "new": "new", "mine": "mine", "b": "my b", "c": "newer c"}
    assert merged.yours == ("mine", "b")


def test_a_cell_that_is_no_longer_given_goes_unless_it_was_changed() -> None:
    theirs = notebook(code("a", "a"), code("b", "my b"), code("c", "c"))
    merged = merge(notebook(code("a", "a")), theirs, digests_of(OLD))
    assert sources(merged.text) == {"a": "a", "b": "my b"}
    assert merged.removed == ("c",)


def test_a_deleted_cell_stays_deleted() -> None:
    merged = merge(NEW, notebook(code("a", "a"), code("c", "c")), digests_of(OLD))
    assert sources(merged.text) == {"a": "a", "new": "new", "c": "newer c"}


def test_without_knowledge_of_what_was_given_whatever_differs_stays() -> None:
    merged = merge(NEW, OLD, {})
    assert sources(merged.text) == {"a": "a", "new": "new", "b": "b", "c": "c"}


def test_a_learners_outputs_stay_if_the_cell_is_the_same_and_recorded_ones_do_not() -> None:
    def printed(text: str, **metadata: Any) -> list[dict[str, Any]]:
        return [{"output_type": "display_data", "data": {"text/plain": text}, "metadata": metadata}]

    given = notebook(code("a", "a", outputs=printed("new")), code("b", "b", outputs=printed("new")))
    ran = code("a", "a", outputs=printed("own"), execution_count=1)
    recorded = code("b", "b", outputs=printed("old", kmodlab="recorded"))
    cells = json.loads(merge(given, notebook(ran, recorded), digests_of(given)).text)["cells"]
    assert [cell["outputs"][0]["data"]["text/plain"] for cell in cells] == ["own", "new"]


@pytest.mark.parametrize(
    "damaged",
    ["", "{", "[]", '{"cells": 3}', '{"cells": [{}], "nbformat": 4}', notebook(code("a", "a"), code("a", "b"))],
    ids=["empty", "cut", "list", "number", "no-source", "twice"],
)
def test_a_damaged_notebook_is_not_merged(damaged: str) -> None:
    with pytest.raises(UnmergeableError):
        merge(NEW, damaged, {})
