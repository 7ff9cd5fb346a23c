"""Grades in all forms: right, and harmless whatever learners call themselves and write."""

from __future__ import annotations

import csv
import json
import math
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from nbgrader.api import Gradebook

from kmodlab.checks.check_result import CheckResult, Line, Status
from kmodlab.cli.autograder import passed
from kmodlab.grading.formats import (
    feedback,
    gradebook,
    gradescope,
    junit,
    nbgrader,
    overview,
    prairielearn,
    results,
)
from kmodlab.grading.formats.file_names import file_name, file_names
from kmodlab.grading.formats.results import FORMATS
from kmodlab.grading.models import Grade, GradeState, from_dict

SECRET = "the hidden reason"
SECRET_HINT = "the hidden hint"
SECRET_LOG = "[    1.000000] the hidden log"
CELL = "%%kmod hello\n#include <linux/module.h>\n\nstatic int hello_init(void)\n{\n\tprintf(1);\n\treturn 0;\n}\n"
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "=cmd|' /C calc'!A0",
    "../../etc/passwd",
    "a\x1b[31mb\u202ec\x00d\r\ne",
    "\ud800",
    "con",
    "x" * 500,
    "{{ 7 * 7 }}{% raw %}",
    "]]>&amp;<!--",
]


def a_result(title: str, points: float | None, of: float, **more: Any) -> CheckResult:
    status = Status.ERRORED if points is None else Status.PASSED if points == of else Status.FAILED
    return CheckResult(title, status, points, of, **more)


def a_check(
    name: str, points: float | None, of: float = 2, *, hidden: bool = False, log: str = "", **more: Any
) -> CheckResult:
    title = f"Check {name}"
    return a_result(title, points, of, log=log, id=name, hidden=hidden, seconds=0.25, **more)


def a_grade(learner: str = "ada", *checks: CheckResult, **more: Any) -> Grade:
    about = {
        "state": GradeState.GRADED,
        "exercise": "01-hello",
        "title": "Hello",
        "source": f"{learner}/hello.ipynb",
        "digest": "0" * 64,
    }
    return Grade(learner=learner, checks=checks, kernel="6.1.0", **about | more)


RIGHT = a_grade("ada", a_check("builds", 2), a_check("in-time", 1, 1, hidden=True))
WRONG = a_grade(
    "bob",
    a_check("builds", 2),
    a_check(
        "greets",
        0,
        reason="`hello init` was not logged.",
        line=Line("hello.c", 6, "printf(1);"),
        hints=("Look at `printk()`.", "It is printk."),
        log="[    2.000000] hello: <b>bold</b>\n",
    ),
    a_check(
        "in-time", 0, 1, hidden=True, reason=SECRET, hints=(SECRET_HINT,), log=SECRET_LOG, line=Line("a.c", 1, "x")
    ),
    answers={"hello": CELL},
    remarks=("The cell `greets` was changed; the master's was used.",),
)
ERRORED = a_grade(
    "eve",
    a_check("builds", 2),
    a_check("greets", None, reason="3 guests in a row failed."),
    state=GradeState.ERRORED,
    reason="3 guests in a row failed.",
)
REJECTED = a_grade("dan", state=GradeState.REJECTED, reason="It is not a notebook: there are no cells in it.")
LOST = a_grade("fay", state=GradeState.ERRORED, reason="The worker was lost twice.")
UNBUILT = a_grade(
    "cyd",
    *(
        a_check(name, 0, reason="hello.c does not compile.", line=Line("hello.c", 6, "x"))
        for name in ("builds", "greets")
    ),
    a_check("in-time", 0, 1, hidden=True, reason="hello.c does not compile.", line=Line("hello.c", 6, "x")),
)
ALL = [RIGHT, WRONG, ERRORED, REJECTED, LOST, UNBUILT]


def hostile_grades() -> list[Grade]:
    return [
        a_grade(
            text,
            replace(WRONG.checks[1], title=text[:200] or "x", reason=text),
            title=text,
            source=text,
            remarks=(text,),
            answers={"hello": text, text: CELL},
        )
        for text in HOSTILE
    ]


@pytest.fixture(scope="module")
def empty_gradebook(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One of nbgrader's, which takes it seconds to make."""
    (path,) = nbgrader.write([], tmp_path_factory.mktemp("course"))
    return path


@pytest.fixture
def folder(empty_gradebook: Path, tmp_path: Path) -> Path:
    """Where to write to."""
    (tmp_path / "out").mkdir()
    shutil.copy(empty_gradebook, tmp_path / "out")
    return tmp_path / "out"


# ---- all of them ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("grades", [[], ALL, hostile_grades()], ids=["none", "all", "hostile"])
def test_a_form_takes_any_grades_and_writes_files_below_the_folder_only(
    name: str, grades: list[Grade], folder: Path
) -> None:
    written = FORMATS[name](grades, folder)
    assert {path for path in folder.parent.rglob("*") if path.is_file()} == {*written, folder / "gradebook.db"}
    assert all(path.is_relative_to(folder) for path in written)


@pytest.mark.parametrize("name", FORMATS)
def test_writing_once_more_replaces_what_was_written(name: str, folder: Path) -> None:
    FORMATS[name]([ERRORED], folder)
    written = FORMATS[name]([replace(RIGHT, learner="eve")], folder)
    assert {path for path in folder.rglob("*") if path.is_file()} == {*written, folder / "gradebook.db"}


@pytest.mark.parametrize("name", ["feedback", "gradescope", "prairielearn", "junit"])
def test_what_learners_get_tells_of_a_hidden_check_its_title_only(name: str, tmp_path: Path) -> None:
    text = "".join(path.read_text() for path in FORMATS[name]([WRONG], tmp_path))
    assert "Check in-time" in text
    assert "was not logged" in text
    for secret in (SECRET, SECRET_HINT, "the hidden log", "a.c"):
        assert secret not in text


@pytest.mark.parametrize("name", ["feedback", "gradescope", "prairielearn", "junit"])
def test_learners_are_not_told_what_went_wrong_on_our_side(name: str, tmp_path: Path) -> None:
    text = "".join(path.read_text() for path in FORMATS[name]([ERRORED], tmp_path))
    assert "guests in a row" not in text
    assert "no fault of yours" in text


# ---- files ---------------------------------------------------------------------------------------------------------


@given(st.text(), st.text())
def test_names_of_files_are_plain_and_tell_learners_apart(first: str, second: str) -> None:
    assert re.fullmatch(r"[a-z0-9]+([._-]+[a-z0-9]+)*", file_name(first))
    assert len(file_name(first)) <= 70
    assert (file_name(first) == file_name(second)) == (first == second)


def test_a_plain_name_stays_as_it_is_and_a_doubled_one_gets_a_number() -> None:
    assert file_names(["ada", "ada", "b.c-d_e", "Ada"]) == ["ada", "ada.2", "b.c-d_e", file_name("Ada")]
    assert file_name("con") != "con"
    assert file_name("Ada").startswith("ada-")


# ---- JSON ----------------------------------------------------------------------------------------------------------


SCHEMA = Path(results.__file__).with_name("result.schema.json")


def test_the_published_schema_is_one_and_describes_every_result(tmp_path: Path) -> None:
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    check = jsonschema.Draft202012Validator(schema)
    grades = [*ALL, *hostile_grades(), replace(WRONG, sandboxed=False)]
    for path in results.write(grades, tmp_path):
        check.validate(json.loads(path.read_text()))


def test_the_schema_refuses_a_zero_for_what_errored(tmp_path: Path) -> None:
    (path,) = results.write([ERRORED], tmp_path)
    data = json.loads(path.read_text())
    data["checks"][1]["points"] = 0
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, json.loads(SCHEMA.read_text()))


@pytest.mark.parametrize("grade", [RIGHT, WRONG, ERRORED, REJECTED, LOST])
def test_a_result_is_read_back_as_it_was(grade: Grade, tmp_path: Path) -> None:
    (path,) = results.write([grade], tmp_path)
    assert from_dict(json.loads(path.read_text())) == replace(grade, answers=grade.answers or {})


def test_a_command_tells_by_its_status_whether_checks_passed(tmp_path: Path) -> None:
    for grade in (RIGHT, WRONG, ERRORED):
        results.write([grade], tmp_path / grade.learner)

    def status(learner: str, *checks: str) -> int:
        done = CliRunner().invoke(passed, [str(tmp_path / learner), *checks], standalone_mode=False)
        assert not done.exception
        return int(done.return_value)

    assert status("ada", "builds", "in-time") == 0
    assert status("bob", "builds") == 0
    assert status("bob", "builds", "greets") == 1
    assert status("bob", "no-such-check") == 1
    assert status("eve", "greets") == 4


def test_a_number_that_is_none_is_written_as_null(folder: Path) -> None:
    odd = a_grade("ada", CheckResult("A", Status.ERRORED, math.nan, 1, id="a", seconds=math.inf))
    (path,) = results.write([odd], folder)
    data = json.loads(path.read_text(), parse_constant=pytest.fail)
    assert data["points"] is None
    assert data["checks"][0]["points"] is None
    for write in FORMATS.values():
        write([odd], folder)


# ---- CSV -----------------------------------------------------------------------------------------------------------


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_gradebook_has_a_row_for_each_submission_and_no_zero_for_what_errored(tmp_path: Path) -> None:
    book, learners, checks = gradebook.write(ALL, tmp_path)
    points = {row["learner"]: (row["points"], row["max_points"], row["state"]) for row in rows(book)}
    assert points == {
        "ada": ("3", "3", "graded"),
        "bob": ("2", "5", "graded"),
        "cyd": ("0", "5", "graded"),
        "dan": ("0", "0", "rejected"),
        "eve": ("", "4", "errored"),
        "fay": ("", "0", "errored"),
    }
    again = {row["learner"]: (row["01-hello"], row["total"], row["to run again"]) for row in rows(learners)}
    assert again["bob"] == ("2", "2", "")
    assert again["eve"] == ("", "", "01-hello")
    assert [row["points"] for row in rows(checks) if row["learner"] == "eve"] == ["2", ""]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@A1", "\t=1", "\r=1", " =1", "\uff1d1", "\n=1"])
def test_no_cell_is_a_formula(text: str, tmp_path: Path) -> None:
    for path in gradebook.write([a_grade(text, title=text, source=text, remarks=(text,))], tmp_path):
        for row in rows(path):
            assert not [cell for cell in row.values() if re.match(r"\s*[=+\-@\uff1d]", cell or "")]
            assert "\t" not in "".join(row) and "\r" not in "".join(row)


@settings(max_examples=50)
@given(st.text())
def test_any_name_comes_back_from_the_gradebook_as_one_cell(text: str) -> None:
    lines = list(csv.reader(gradebook.as_csv([[text, 1.5, None, True]]).splitlines(keepends=True)))
    assert len(lines) == 1
    assert lines[0][1:] == ["1.5", "", "yes"]


# ---- JUnit ---------------------------------------------------------------------------------------------------------


def test_junit_counts_failures_and_errors_apart(tmp_path: Path) -> None:
    root = ElementTree.parse(junit.write(ALL, tmp_path)[0]).getroot()
    counts = {suite.get("name"): (suite.get("tests"), suite.get("failures"), suite.get("errors")) for suite in root}
    assert counts == {
        "01-hello/ada": ("2", "0", "0"),
        "01-hello/bob": ("3", "2", "0"),
        "01-hello/cyd": ("3", "3", "0"),
        "01-hello/dan": ("1", "1", "0"),
        "01-hello/eve": ("2", "0", "1"),
        "01-hello/fay": ("1", "0", "1"),
    }
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("12", "6", "2")
    failure = root.find("./testsuite[@name='01-hello/bob']/testcase/failure")
    assert failure is not None
    assert "hello.c, line 6: printf(1);" in (failure.text or "")


@settings(max_examples=50)
@given(st.text())
def test_junit_is_xml_whatever_a_learner_writes(text: str) -> None:
    grade = replace(hostile_grades()[0], learner=text, remarks=(text,), title=text)
    assert len(ElementTree.fromstring(junit.as_xml([grade]))) == 1


# ---- Gradescope and PrairieLearn -----------------------------------------------------------------------------------


def test_gradescope_gets_scores_that_add_up(tmp_path: Path) -> None:
    (path,) = gradescope.write([WRONG, replace(RIGHT, learner="bob", exercise="02-more")], tmp_path)
    data = json.loads(path.read_text())
    assert data["score"] == sum(test["score"] for test in data["tests"]) == 5
    assert [test["number"] for test in data["tests"]] == ["1.1", "1.2", "1.3", "2.1", "2.2"]
    assert {test["status"] for test in data["tests"]} == {"passed", "failed"}
    assert all(test["visibility"] == "visible" and test["output_format"] == "text" for test in data["tests"])
    assert data["stdout_visibility"] == "hidden"
    assert isinstance(data["execution_time"], int)


@pytest.mark.parametrize("grade", [ERRORED, LOST])
def test_gradescope_gets_no_results_where_something_errored(grade: Grade, tmp_path: Path) -> None:
    (path,) = gradescope.write([grade, replace(RIGHT, learner=grade.learner, exercise="02-more")], tmp_path)
    assert path.name == "not-graded.json"
    assert '"score"' not in path.read_text()


def test_prairielearn_gets_a_share_of_the_points(tmp_path: Path) -> None:
    data = json.loads(prairielearn.write([WRONG], tmp_path)[0].read_text())
    assert data["gradable"] is True
    assert data["score"] == pytest.approx(2 / 5)
    assert [(test["points"], test["max_points"]) for test in data["tests"]] == [(2, 2), (0, 2), (0, 1)]


@pytest.mark.parametrize("grade", [ERRORED, REJECTED, LOST, UNBUILT], ids=lambda grade: grade.learner)
def test_what_cannot_be_judged_is_not_gradable_in_prairielearn(grade: Grade) -> None:
    data = prairielearn.as_results(grade)
    assert data["gradable"] is False
    assert data["format_errors"] and all(data["format_errors"])
    assert "score" not in data


def test_a_crash_in_every_check_is_gradable_in_prairielearn() -> None:
    crashed = replace(UNBUILT, checks=tuple(replace(check, log="Oops") for check in UNBUILT.checks))
    assert prairielearn.as_results(crashed)["score"] == 0


def test_prairielearns_file_stays_below_its_limit(tmp_path: Path) -> None:
    long = a_check("long", 0, reason="\u2028" * 300_000, log="x" * 3_000_000)
    (path,) = prairielearn.write([a_grade("ada", *(replace(long, id=str(number)) for number in range(60)))], tmp_path)
    assert path.stat().st_size < 1_000_000
    assert len(json.loads(path.read_text())["tests"]) == 60


# ---- nbgrader ------------------------------------------------------------------------------------------------------


def scores(path: Path) -> dict[str, dict[str, tuple[float | None, bool]]]:
    with Gradebook(f"sqlite:///{path}", "kmodlab") as book:
        return {
            submission.student.id: {
                grade.name: (grade.auto_score, grade.needs_manual_grade)
                for notebook in submission.notebooks
                for grade in notebook.grades
            }
            for submission in book.assignment_submissions("01-hello")
        }


def test_nbgraders_gradebook_has_our_points_and_waits_where_something_errored(folder: Path) -> None:
    points = scores(nbgrader.write(ALL, folder)[0])
    assert points["bob"] == {"builds": (2.0, False), "greets": (0.0, False), "in-time": (0.0, False)}
    assert points["ada"]["builds"] == (2.0, False)
    assert points["eve"]["greets"] == (None, True)
    assert set(points["fay"].values()) == {(None, True)}
    assert set(points["dan"].values()) == {(0.0, False)}


def test_marks_that_a_person_gave_stay_in_nbgraders_gradebook(folder: Path) -> None:
    (path,) = nbgrader.write([ERRORED], folder)
    with Gradebook(f"sqlite:///{path}", "kmodlab") as book:
        # To mypy these are columns of a table, not a row's values.
        grade: Any = book.find_grade("greets", "hello", "01-hello", "eve")
        grade.manual_score = 1.5
        book.db.commit()
    nbgrader.write([replace(WRONG, learner="eve")], folder)
    with Gradebook(f"sqlite:///{path}", "kmodlab") as book:
        grade = book.find_grade("greets", "hello", "01-hello", "eve")
        assert (grade.auto_score, grade.manual_score, grade.score) == (0.0, 1.5, 1.5)
        assert [course.id for course in book.db.query(type(book.check_course("kmodlab")))] == ["kmodlab"]


# ---- pages ---------------------------------------------------------------------------------------------------------


class Reader(HTMLParser):
    """Every tag with its attributes, as a browser reads them."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def tags(page: str) -> list[tuple[str, dict[str, str | None]]]:
    reader = Reader()
    reader.feed(page)
    return reader.tags


def pages() -> Iterator[str]:
    for grades in (ALL, hostile_grades()):
        yield overview.as_page(grades)
        yield from (feedback.as_page(grade.learner, [grade]) for grade in grades)


def test_pages_have_no_script_no_handler_and_nothing_that_is_fetched() -> None:
    for page in pages():
        for tag, attributes in tags(page):
            assert tag not in ("script", "img", "iframe", "object", "embed", "link", "form", "base")
            assert not [name for name in attributes if name.startswith("on") or name in ("src", "srcset", "action")]
            assert (attributes.get("href") or "#").startswith("#")
        assert "default-src 'none'" in page


def test_nothing_hostile_is_in_a_page_as_it_came() -> None:
    for page in pages():
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202e\ud800]", page)
        assert "<b>bold" not in page
        assert "{{" not in page.replace("{{ 7 * 7 }}", "")
    assert "{{ 7 * 7 }}" in feedback.as_page(HOSTILE[8], [hostile_grades()[8]])


def test_feedback_shows_the_learners_own_lines_with_the_one_in_question_marked() -> None:
    page = feedback.as_page("bob", [WRONG])
    assert '     5 | {\n<span class="hit">&gt;    6 |         printf(1);</span>\n     7 |         return 0;\n' in page
    assert "<code>hello init</code> was not logged." in page
    assert "Hint 1 of 2" in page and "Hint 2 of 2" in page
    assert "hello: &lt;b&gt;bold&lt;/b&gt;" in page
    assert "2 of 5 points" in page


def test_feedback_shows_the_line_alone_where_the_cells_say_something_else() -> None:
    page = feedback.as_page("bob", [replace(WRONG, answers={"hello": "%%kmod hello\nother\n"})])
    assert '<span class="hit">&gt;    6 | printf(1);</span>' in page
    assert "other" not in page


def test_feedback_gives_no_total_where_something_errored() -> None:
    page = feedback.as_page("eve", [ERRORED])
    assert "there is no total" in page
    assert " 0 of " not in page


def test_the_overview_lists_what_is_to_be_run_again_and_what_could_not_be_read() -> None:
    page = overview.as_page(ALL)
    again = page[page.index('id="again"') : page.index('id="rejected"')]
    assert "3 guests in a row failed." in again
    assert "The worker was lost twice." in again
    assert "dan" in page[page.index('id="rejected"') :]
    assert "hello.c does not compile." in page
    assert "Graded: 3. To be run again: 2. Nothing to grade: 1." in page


def test_checks_that_were_never_made_are_not_shown_as_failed() -> None:
    rejected = replace(WRONG, state=GradeState.REJECTED, reason="It is empty.", remarks=())
    assert "Check greets" not in feedback.as_page("bob", [rejected])
    assert "Check greets" not in overview.as_page([rejected])


def test_the_overview_says_so_where_there_was_no_sandbox() -> None:
    assert "without a sandbox" not in overview.as_page(ALL)
    assert "Submissions that were built and run without a sandbox: 1." in overview.as_page(
        [replace(RIGHT, sandboxed=False)]
    )


def test_every_region_that_scrolls_can_be_reached_with_the_keyboard() -> None:
    for page in pages():
        assert not [tag for tag, attributes in tags(page) if tag == "pre" and attributes.get("tabindex") != "0"]
        scrolls = [attributes for _, attributes in tags(page) if attributes.get("class") == "scroll"]
        assert all(
            region.get("tabindex") == "0" and (region.get("aria-label") or region.get("aria-labelledby"))
            for region in scrolls
        )
