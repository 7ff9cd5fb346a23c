"""nbgrader's exchange under a JupyterHub: an instructor and two learners, one of whom wants the other's marks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from attacks import as_notebook
from hub import COURSE, INSTRUCTOR, LEARNERS, Hub, jupyterhub

from kmodlab.course.exercise import read_master
from kmodlab.guest.lab import Lab

pytestmark = [pytest.mark.long, pytest.mark.xdist_group("nbgrader")]

NAME = "01-hello"
EXERCISE = read_master(Path(__file__).parents[2] / "exercises" / NAME / "master.ipynb")
FILE = EXERCISE.notebook.name
ADA, BOB = LEARNERS
LATER = "2099-01-01 10:00:00.000000 UTC"
INBOUND = f"/srv/exchange/{COURSE}/inbound"
# What Bob does in a terminal: work in Ada's name, which would replace hers; later a link to what only Iris may read.
FORGE = f"""
cd {INBOUND}
mkdir '{ADA}+{NAME}+{LATER}+x'
echo '{{}}' >'{ADA}+{NAME}+{LATER}+x/{FILE}'
echo '{LATER}' >'{ADA}+{NAME}+{LATER}+x/timestamp.txt'
chmod -R a+rX '{ADA}+{NAME}+{LATER}+x'
ls /home/{ADA} /home/{INSTRUCTOR} . 2>&1 || :
"""
LINK = f"""
cd {INBOUND}
mkdir '{BOB}+{NAME}+{LATER}+x'
ln -s /home/{INSTRUCTOR}/course/source/{NAME}/{FILE} '{BOB}+{NAME}+{LATER}+x/{FILE}'
echo later >'{BOB}+{NAME}+{LATER}+x/notes.txt'
"""


@dataclass(frozen=True)
class Week:
    """What came of an assignment that was released, fetched, handed in, collected, graded and given back."""

    hub: Hub
    listed: Mapping[str, list[dict[str, Any]]]
    collected: str
    seen_by_bob: str
    scores: Mapping[str, float]
    feedback: Mapping[str, str]


def hand_in(hub: Hub, learner: str, answers: Mapping[str, str]) -> None:
    hub.assignments(learner, "fetch", assignment_id=NAME)
    # What JupyterLab does when a notebook is saved.
    content = {"type": "notebook", "format": "json", "content": json.loads(as_notebook(EXERCISE, answers))}
    hub.call("PUT", f"user/{learner}/api/contents/{COURSE}/{NAME}/{FILE}", json=content)
    hub.assignments(learner, "submit", assignment_id=NAME)


def collect(hub: Hub) -> str:
    """Collect in a terminal, where nbgrader says more than in the formgrader."""
    return hub.run_as(INSTRUCTOR, "sh", "-c", f"cd ~/course && nbgrader collect {NAME}")


@pytest.fixture(scope="module")
def week(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Week]:
    with jupyterhub(tmp_path_factory.mktemp("hub"), lab.folder) as hub:
        exercise = str(EXERCISE.path.parent)
        hub.run_as(INSTRUCTOR, "kmodlab", "release", "--nbgrader", f"/home/{INSTRUCTOR}/course", exercise)
        hub.formgrader(f"assignment/{NAME}/assign")
        hub.formgrader(f"assignment/{NAME}/release")
        listed = {learner: hub.assignments(learner) for learner in LEARNERS}
        hand_in(hub, ADA, {cell_id: cell.source for cell_id, cell in EXERCISE.answers.items()})
        hand_in(hub, BOB, {})
        seen_by_bob = hub.run_as(BOB, "sh", "-c", FORGE)
        collected = collect(hub)
        for learner in LEARNERS:
            hub.formgrader(f"submission/{NAME}/{learner}/autograde")
        found = hub.call("GET", f"user/{INSTRUCTOR}/formgrader/api/submissions/{NAME}")
        hub.formgrader(f"assignment/{NAME}/generate_feedback")
        hub.formgrader(f"assignment/{NAME}/release_feedback")
        feedback = {}
        for learner in LEARNERS:
            hub.assignments(learner, "fetch_feedback", assignment_id=NAME)
            pages = hub.home(learner).glob(f"{COURSE}/{NAME}/feedback/*/*.html")
            feedback[learner] = "\n".join(page.read_text() for page in pages)
        hub.run_as(BOB, "sh", "-c", LINK)
        hub.formgrader(f"assignment/{NAME}/collect")
        yield Week(hub, listed, collected, seen_by_bob, {one["student"]: one["score"] for one in found}, feedback)


def test_learners_find_the_assignment_in_their_list(week: Week) -> None:
    for learner in LEARNERS:
        assert [(one["assignment_id"], one["status"]) for one in week.listed[learner]] == [(NAME, "released")]


def test_each_gets_the_marks_of_his_own_work(week: Week) -> None:
    assert week.scores == {ADA: EXERCISE.points, BOB: 0}


def test_what_bob_handed_in_for_ada_is_named_and_not_collected(week: Week) -> None:
    assert f"says that it is {ADA}'s, but {BOB} handed it in" in week.collected
    source = week.hub.home(INSTRUCTOR) / "course" / "submitted" / ADA / NAME / FILE
    assert source.read_text() != "{}\n"


def test_a_link_to_the_solution_is_left_out_and_the_rest_is_collected_after_autograding(week: Week) -> None:
    collected = week.hub.home(INSTRUCTOR) / "course" / "submitted" / BOB / NAME
    assert (collected / "notes.txt").read_text() == "later\n"
    assert not (collected / FILE).exists()


def test_bob_can_neither_list_nor_enter_what_is_others(week: Week) -> None:
    denied = [line for line in week.seen_by_bob.splitlines() if "Permission denied" in line]
    assert len(denied) == 3, week.seen_by_bob


def test_feedback_comes_back_to_whom_it_is_for_without_hidden_checks(week: Week) -> None:
    hidden = [cell for cell in EXERCISE.cells if "BEGIN HIDDEN TESTS" in cell.source]
    assert hidden
    assert f"{EXERCISE.points:g}.0 / {EXERCISE.points:g}.0" in week.feedback[ADA]
    secrets = [line for cell in hidden for line in cell.source.splitlines() if len(line) > 20 and "###" not in line]
    for page in week.feedback.values():
        assert not [line for line in secrets if line in page]
    assert f"{EXERCISE.points:g}.0 / {EXERCISE.points:g}.0" not in week.feedback[BOB]
