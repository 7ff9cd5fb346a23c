"""Checks as data, and verdicts that need no guest; a broken master is named with its cell."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest

from kmodlab.checks.check import Check, Expectation, check
from kmodlab.checks.check_result import Failure
from kmodlab.checks.evaluate import evaluate
from kmodlab.checks.expectations.answers import seal, seal_all
from kmodlab.checks.registry import CheckTextError, read_check
from kmodlab.course.exercise import ExerciseError, read_master
from kmodlab.course.release import find_leaks, release
from kmodlab.course.scaffold import scaffold
from kmodlab.errors import UsageError
from kmodlab.submission.learner_sources import LearnerSources


class NoRunner:
    """A runner for checks that build nothing and load nothing."""

    def give_back(self) -> None:
        raise AssertionError


def judged(posed: Check, *cells: str) -> Any:
    return evaluate(posed, LearnerSources.of(cells), NoRunner())  # type: ignore[arg-type]


def met() -> Expectation:
    return Expectation(lambda _context: None)


def missed(hint: str = "") -> Expectation:
    return Expectation(lambda _context: Failure("It is missed.", hint=hint))


def broken() -> Expectation:
    def examine(_context: object) -> Failure | None:
        raise RuntimeError("a fault of ours")

    return Expectation(examine)


# ---- what a check may say ------------------------------------------------------------------------------------------


def test_a_check_is_read_from_its_cells_text() -> None:
    posed = read_check('# comment\ncheck("Title", loads("a", n=a_number(1, 9)), logs("x"), points=2.5, hints=["h"])\n')
    assert (posed.title, posed.points, posed.hints, len(posed.expectations)) == ("Title", 2.5, ("h",), 2)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('check("T", lods("a"))', "lods"),
        ('check("T")', "expects nothing"),
        ('check("T", "loads")', "not an expectation"),
        ('check("", loads("a"))', "title"),
        ('check("T", loads("a"), points=0)', "points=0"),
        ('check("T", loads("a"), points=-1)', "points=-1"),
        ('check("T", loads("a"), points=True)', "points=True"),
        ('check("T", loads("a"), hints="one")', "hints"),
        ('check("T", loads("a"), pionts=1)', "pionts"),
        ('check("T", refuses("a", "EWRONG"))', "EWRONG"),
        ('check("T", plugs("toaster"))', "toaster"),
        ('loads("a")', "not one call"),
        ("x = 1", "not one call"),
        ('check("T", loads("a"))\ncheck("U", loads("a"))', "not one call"),
        ("__import__('os').system('true')", "__import__"),
        ("open('/etc/passwd')", "open"),
        ('check("T", loads.__globals__)', "loads.__globals__"),
        ('check("T", loads("a").examine)', "examine"),
        ('check("T", loads("a" * 10**9))', "only words of checks"),
        ('check("T", loads("a"), points=().__class__)', "__class__"),
        ('check("T", *[loads("a")])', "only words of checks"),
        ('check("T", loads("a", **{"n": 1}))', r"\*\*"),
        ('check("T", (lambda: 1)())', "unknown word"),
        (f"check({'(' * 5000}", "not one call"),
    ],
)
def test_what_is_no_check_is_refused_in_words(text: str, why: str) -> None:
    with pytest.raises(CheckTextError, match=why):
        read_check(text)


def test_a_word_that_is_called_wrongly_is_refused_when_it_is_said() -> None:
    with pytest.raises(UsageError):
        check("Two\nlines", met())


# ---- verdicts ------------------------------------------------------------------------------------------------------


def test_all_or_nothing_and_shares() -> None:
    assert judged(check("a", met(), met(), points=2)).points == 2.0
    assert judged(check("a", met(), missed(), points=2)).points == 0.0
    assert judged(check("a", met(), missed(), met(), missed(), points=2, partial=True)).points == 1.0


def test_the_first_miss_is_the_reason_and_its_hint_the_first_hint() -> None:
    result = judged(check("a", met(), missed("look there"), hints=["one", "two"]))
    assert (result.status, result.reason, result.hints) == ("failed", "It is missed.", ("look there", "one", "two"))


def test_a_fault_of_ours_is_errored_and_costs_no_points() -> None:
    result = judged(check("a", broken(), met()))
    assert (result.status, result.points) == ("errored", None)
    assert "a fault of ours" in result.reason
    assert judged(check("a", missed(), broken(), partial=True)).status == "errored"


def test_answers_in_words_are_compared_without_what_does_not_matter() -> None:
    posed = read_check(f'check("b", answers("q", "{seal("usb core")}"))')
    for said in (
        "usb core",
        "USB  Core.",
        "`usb` core",
        "# YOUR ANSWER HERE\nusb\ncore\n",
        "(usb -> *core*)",
        "- usb() core)",
        "1. usb\n2. core",
        "Answer: usb core",
    ):
        assert judged(posed, f"%%answer q\n{said}").points == 1.0, said
    wrong = ("core usb", "usb", "usb core and all others", "usb and core", "usb\n2. core", "usb-core", "", "# usb core")
    for said in (*wrong, seal("usb core")):
        assert judged(posed, f"%%answer q\n{said}").points == 0.0, said


def test_answers_in_any_order() -> None:
    posed = read_check(f'check("b", answers("q", "{seal("a, b", ordered=False)}", ordered=False))')
    assert judged(posed, "%%answer q\nb a").points == 1.0
    assert judged(posed, "%%answer q\na and b").points == 1.0
    assert judged(posed, "%%answer q\na").points == 0.0


def test_a_seal_holds_several_right_answers_and_is_salted_and_slow() -> None:
    sealed = seal("c", "line 3")
    assert sealed != seal("c", "line 3")
    assert len(set(re.findall("[0-9a-f]{24}", sealed + seal("c")))) == 3  # equal answers do not look alike
    posed = read_check(f'check("b", answers("q", "{sealed}"))')
    assert [judged(posed, f"%%answer q\n{said}").points for said in ("c)", "Line 3.", "b")] == [1.0, 1.0, 0.0]
    began = time.process_time()
    seal("c")
    assert time.process_time() - began > 0.01  # a plain digest takes a microsecond


def test_answers_that_are_sealed_together_do_not_tell_which_one_is_wrong() -> None:
    posed = read_check(f'check("b", answers_all("p", "q", right="{seal_all("a", "c")}"))')
    assert judged(posed, "%%answer p\nA)", "%%answer q\n`c`").points == 1.0
    reasons = {judged(posed, f"%%answer p\n{p}", f"%%answer q\n{q}").reason for p, q in ("ab", "bc", "bb", "ca")}
    assert reasons == {"At least one of the 2 answers is wrong. The check does not say which."}
    assert judged(posed, "%%answer p\na c", "%%answer q\n").reason == "There is no answer yet."
    assert judged(posed, "%%answer p\n").reason == "2 answers are missing: `p`, `q`."


def test_what_is_no_seal_is_refused() -> None:
    with pytest.raises(CheckTextError, match="sealed:2e7d2c03a9507ae2 is not a sealed answer"):
        read_check('check("b", answers("q", "sealed:2e7d2c03a9507ae2"))')
    with pytest.raises(CheckTextError, match="is not a sealed answer"):
        read_check('check("b", answers_all("q", right="c"))')


def test_without_an_answer_the_way_to_one_is_shown() -> None:
    result = judged(read_check('check("b", answers("q", "x"))'))
    assert "no answer yet" in result.reason
    assert "%%answer q" in result.hints[0]


# ---- masters -------------------------------------------------------------------------------------------------------


@pytest.fixture
def master(tmp_path: Path) -> Path:
    path = tmp_path / "exercises/19-timer/master.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text(scaffold("19-timer")["exercises/19-timer/master.ipynb"])
    return path


def change(path: Path, cell: str, edit: Callable[[Any], None]) -> None:
    notebook = nbformat.read(path, as_version=4)
    edit(notebook if not cell else next(one for one in notebook.cells if one.id == cell))
    path.write_text(json.dumps(notebook))


def test_a_new_exercise_is_whole_and_releases_without_leaks(master: Path) -> None:
    exercise = read_master(master)
    assert exercise.points == 3
    assert exercise.notebook.name == "timer.ipynb"
    assert not find_leaks(exercise, release(exercise))


def test_what_an_exercise_teaches_is_for_authors_only(master: Path) -> None:
    exercise = read_master(master)
    assert exercise.teaches
    assert exercise.teaches not in release(exercise)
    assert any(exercise.teaches in leak for leak in find_leaks(exercise, master.read_text()))


def test_the_release_has_the_magic_the_stub_and_valid_metadata(master: Path) -> None:
    notebook = json.loads(release(read_master(master)))
    by_id = {cell["id"]: cell for cell in notebook["cells"]}
    answer = "".join(by_id["module"]["source"])
    assert answer.startswith("%%kmod timer\n")
    assert "/* YOUR CODE HERE */" in answer
    assert "timer is here" not in answer
    assert "".join(by_id["tidy"]["source"]).startswith("# A further check")
    assert "leaves_nothing" not in json.dumps(notebook)
    for name, cell in by_id.items():
        meta = cell["metadata"]["nbgrader"]
        assert meta["grade_id"] == name
        assert meta["schema_version"] == 3
        assert ("points" in meta) == meta["grade"] == (name in ("works", "tidy"))
        assert meta["solution"] == (name == "module") == (not meta["locked"])


def replace(old: str, new: str) -> Callable[[Any], None]:
    def edit(cell: Any) -> None:
        assert old in cell.source
        cell.source = cell.source.replace(old, new)

    return edit


def with_metadata(**fields: Any) -> Callable[[Any], None]:
    def edit(cell: Any) -> None:
        base = {"schema_version": 3, "grade_id": cell.id, "grade": False, "solution": False, "locked": True}
        cell.metadata["nbgrader"] = base | fields

    return edit


def double_id(notebook: Any) -> None:
    notebook.cells[-1].id = notebook.cells[-2].id


def drop_metadata(notebook: Any) -> None:
    notebook.metadata.pop("kmodlab")


@pytest.mark.parametrize(
    ("cell", "edit", "why"),
    [
        ("works", replace("points=2", "points=0"), "works.*points=0"),
        ("works", replace("loads", "lods"), "works.*lods"),
        ("works", with_metadata(grade=True, points=3), "works.*points=2.*metadata say 3"),
        ("works", with_metadata(solution=True, locked=False), "works.*answer|answer.*works|cell works"),
        ("works", replace("It is loaded and says so", "It works, and leaves nothing behind"), "two checks"),
        ("works", with_metadata(grade=True, points=2, grade_id="not good"), "letters, digits"),
        ("works", with_metadata(grade=True, points=2, grade_id="tidy"), "two cells have the id tidy"),
        ("module", replace("/* END SOLUTION */", ""), "module.*pairs"),
        ("module", replace('pr_info("timer is here\\n");', ""), "module.*no solution"),
        ("module", replace("%%kmod timer", "%%kmod"), "module.*must begin with"),
        ("module", replace("SOLUTION", "SOLUTOIN"), "needs an answer cell"),
        ("module", with_metadata(grade=True, points=1), "module.*metadata"),
        ("tidy", replace("### END HIDDEN TESTS", ""), "tidy.*hidden"),
        ("begin", replace("19-timer", "18-timer"), "no cell calls"),
        ("", drop_metadata, "metadata"),
        ("", double_id, "two cells have the id"),
    ],
)
def test_a_broken_exercise_is_named_with_file_and_cell(
    master: Path, cell: str, edit: Callable[[Any], None], why: str
) -> None:
    change(master, cell, edit)
    with pytest.raises(ExerciseError, match=why) as raised:
        read_master(master)
    assert str(master) in str(raised.value)
    assert raised.value.exit_status == 3


def test_what_is_no_notebook_and_what_is_no_exercise_are_refused(master: Path, tmp_path: Path) -> None:
    master.write_text("{")
    with pytest.raises(ExerciseError, match="not a notebook"):
        read_master(master)
    with pytest.raises(ExerciseError, match="a name such as"):
        read_master(tmp_path / "master.ipynb")
    with pytest.raises(ExerciseError, match="cannot be read"):
        read_master(tmp_path / "20-none" / "master.ipynb")


def test_a_learners_first_line_is_never_taken(master: Path) -> None:
    exercise = read_master(master)
    work = exercise.work({"module": "%%kmod evil -f /etc/passwd\nint x;"})
    assert work.units == ("timer",)
    assert work.modules["timer"].body == "int x;"
    assert exercise.work({}).modules["timer"].body == ""
