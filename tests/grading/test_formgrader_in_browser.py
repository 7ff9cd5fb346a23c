"""nbgrader's formgrader and feedback, with our results in them, in a real Chromium."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from attacks import as_notebook
from browser_fixtures import jupyterlab
from cases import CASES, read_case
from nbgrader.api import Gradebook
from pages import Server, Visit
from playwright.sync_api import Browser

from kmodlab.course.exercise import Exercise, read_master
from kmodlab.guest.lab import Lab
from kmodlab.submission.cells import split_magic

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("nbgrader")]

ROOT = Path(__file__).parents[2]
NAME = "01-hello"
EXERCISE = read_master(ROOT / "exercises" / NAME / "master.ipynb")
MARKUP = "\n/* <script>window.planted = 1</script><img src=x onerror='window.planted = 1'> */\n"
SCORED = "input.score[placeholder]:not([placeholder=''])"  # filled in by a script
LEARNERS = ("right", "starter", "wrong", "markup")


def solution(exercise: Exercise) -> Mapping[str, str]:
    return {cell_id: cell.source for cell_id, cell in exercise.answers.items()}


def answers_of(learner: str) -> Mapping[str, str]:
    right = solution(EXERCISE)
    if learner == "wrong":
        bodies = read_case(CASES / NAME / "wrong_no_author.c", EXERCISE).answers
        return {cell_id: split_magic(right[cell_id])[0] + body for cell_id, body in bodies.items()}
    if learner == "markup":  # in a message of the compiler, too
        return {
            cell_id: text + MARKUP + "#error <script>window.planted = 1</script>\n" for cell_id, text in right.items()
        }
    return right if learner == "right" else {}


@dataclass(frozen=True)
class Formgrader:
    """A course that is autograded, and the server that shows it."""

    course: Path
    server: Server

    def nbgrader(self, *argv: str) -> None:
        run_nbgrader(self.course, *argv)

    def address(self, page: str) -> str:
        return f"{self.server.url}{page}"

    def submission(self, learner: str) -> str:
        with Gradebook(f"sqlite:///{self.course}/gradebook.db", "kmodlab") as book:
            found = book.find_submission_notebook(EXERCISE.notebook.stem, NAME, learner)
            return f"formgrader/submissions/{found.id}/"

    def feedback(self, learner: str) -> Path:
        return (self.course / "feedback" / learner / NAME / EXERCISE.notebook.name).with_suffix(".html")


def run_nbgrader(course: Path, *argv: str) -> None:
    line = [sys.executable, "-m", "nbgrader", *argv]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"  # it calls alembic by its name
    done = subprocess.run(line, cwd=course, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def formgrader(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Formgrader]:
    folder = tmp_path_factory.mktemp("formgrader")
    course = folder / "course"
    line = [sys.executable, "-m", "kmodlab", "release", "--nbgrader", str(course), str(EXERCISE.path.parent)]
    subprocess.run(line, check=True, capture_output=True, timeout=600)
    run_nbgrader(course, "generate_assignment", NAME)
    for learner in LEARNERS:
        path = course / "submitted" / learner / NAME / EXERCISE.notebook.name
        path.parent.mkdir(parents=True)
        path.write_bytes(as_notebook(EXERCISE, answers_of(learner)))
    run_nbgrader(course, "autograde", NAME)
    run_nbgrader(course, "generate_feedback", NAME)
    with jupyterlab(folder / "jupyter", course) as server:
        yield Formgrader(course, server)


@pytest.fixture
def visit(formgrader: Formgrader, browser: Browser) -> Iterator[Visit]:
    visit = Visit(browser.new_page(viewport={"width": 1280, "height": 1600}))
    # Only a log-in leaves a cookie, which the page's own requests need.
    visit.page.goto(formgrader.address("login?token=secret&next=%2Fapi"))
    yield visit
    visit.page.close()


def text_of(visit: Visit) -> str:
    return " ".join(visit.page.inner_text("body").split())


def keep_picture(visit: Visit, name: str) -> None:
    """Keep a picture for who wants to look, in the folder that KMODLAB_PICTURES names."""
    if folder := os.environ.get("KMODLAB_PICTURES"):
        visit.page.screenshot(path=Path(folder, f"{name}.png"), full_page=True)


def test_the_list_of_submissions_has_our_points(formgrader: Formgrader, visit: Visit) -> None:
    visit.page.goto(formgrader.address(f"formgrader/manage_submissions/{NAME}"))
    visit.page.wait_for_selector("td:text-is('right')")
    keep_picture(visit, "submissions")
    rows = [" ".join(row.inner_text().split()) for row in visit.page.query_selector_all("tbody tr")]
    assert len(rows) == len(LEARNERS)
    (right,) = [row for row in rows if "right" in row]
    (starter,) = [row for row in rows if "starter" in row]
    assert f"{EXERCISE.points:g} / {EXERCISE.points:g}" in right
    assert f"0 / {EXERCISE.points:g}" in starter
    assert not visit.complaints


def test_a_submissions_page_has_each_check_with_its_reason(formgrader: Formgrader, visit: Visit) -> None:
    visit.page.goto(formgrader.address(formgrader.submission("wrong")))
    visit.page.wait_for_selector(SCORED)
    keep_picture(visit, "submission")
    text = text_of(visit)
    wrong = read_case(CASES / NAME / "wrong_no_author.c", EXERCISE)
    scores = {box.get_attribute("id"): box for box in visit.page.query_selector_all("input.score")}
    assert len(scores) == len(EXERCISE.checks)
    shown = [box.get_attribute("placeholder") for box in scores.values()]
    full = [check.points for check in EXERCISE.checks.values()]
    missed = list(EXERCISE.checks).index(wrong.caught_by[0])
    assert [float(points or -1) for points in shown] == [*full[:missed], 0, *full[missed + 1 :]]
    assert wrong.because in text
    assert "Traceback" not in text


def test_what_a_learner_wrote_is_text(formgrader: Formgrader, visit: Visit) -> None:
    for address in (formgrader.address(formgrader.submission("markup")), formgrader.feedback("markup").as_uri()):
        visit.page.goto(address)
        visit.page.wait_for_load_state("load")
        assert "window.planted" in text_of(visit)
        assert visit.page.evaluate("window.planted") is None
    keep_picture(visit, "markup")


def test_why_it_does_not_compile_is_said_once(formgrader: Formgrader, visit: Visit) -> None:
    visit.page.goto(formgrader.feedback("markup").as_uri())
    text = text_of(visit)
    assert text.count("does not compile") == 1
    hidden = sum("BEGIN HIDDEN TESTS" in cell.source for cell in EXERCISE.cells)
    assert text.count("For the same reason as “It can be built”.") == len(EXERCISE.checks) - hidden - 1


def test_a_persons_points_and_comment_are_in_the_feedback_and_stay(formgrader: Formgrader, visit: Visit) -> None:
    visit.page.goto(formgrader.address(formgrader.submission("starter")))
    visit.page.wait_for_selector(SCORED)
    visit.page.fill("input.score >> nth=0", "0.5")
    visit.page.keyboard.press("Tab")
    visit.page.fill("textarea.comment >> nth=0", "We talked about it.")
    with visit.page.expect_response(lambda response: "/api/comment/" in response.url):
        visit.page.keyboard.press("Tab")
    formgrader.nbgrader("autograde", NAME, "--student=starter", "--force")
    formgrader.nbgrader("generate_feedback", NAME, "--student=starter", "--force")
    visit.page.goto(formgrader.feedback("starter").as_uri())
    keep_picture(visit, "feedback")
    text = text_of(visit)
    assert f"0.5 / {EXERCISE.points:g}" in text
    assert "We talked about it." in text


def test_feedback_has_each_check_but_the_hidden_ones_and_can_be_read(formgrader: Formgrader, visit: Visit) -> None:
    visit.page.goto(formgrader.feedback("wrong").as_uri())
    keep_picture(visit, "feedback-wrong")
    text = text_of(visit)
    hidden = [cell for cell in EXERCISE.cells if "BEGIN HIDDEN TESTS" in cell.source]
    assert hidden
    secrets = [line for cell in hidden for line in cell.source.splitlines() if len(line) > 20 and "###" not in line]
    assert not [line for line in secrets if line in text]
    assert json.dumps([check.title for check in EXERCISE.checks.values() if check.title not in text]) == "[]"
    assert visit.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
