"""`kmodlab grade` on a small class, with real builds and guests: right, wrong and hostile, however it is run."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dask
import psutil
import pytest
from distributed import LocalCluster
from filelock import FileLock
from nbformat.v4 import new_code_cell, new_notebook, writes
from process_helpers import is_grading_worker, wait_until_gone

from kmodlab.course.exercise import read_master
from kmodlab.course.release import release
from kmodlab.errors import SetupError
from kmodlab.grading import dask_pool

pytestmark = pytest.mark.xdist_group("grade")  # Each run uses both processors already.

ROOT = Path(__file__).parents[2]
HELLO = ROOT / "exercises" / "01-hello"
WAIT_S = 240
HANGS = "It hangs."

# ---- a class -------------------------------------------------------------------------------------------------------

TINY = """%%kmod tiny
#include <linux/module.h>
#include <linux/reboot.h>
MODULE_LICENSE("GPL");
/* BEGIN SOLUTION */
static int __init tiny_init(void)
{
    pr_info("tiny is here\\n");
    return 0;
}
module_init(tiny_init);
/* END SOLUTION */
"""
SOLUTION = TINY.replace("/* BEGIN SOLUTION */\n", "").replace("/* END SOLUTION */\n", "")


def write_tiny(folder: Path) -> None:
    """A small exercise, so that what hangs costs its seconds once."""
    cells = [
        new_code_cell('exercise("90-tiny")', id="begin"),
        new_code_cell(TINY, id="tiny"),
        new_code_cell('check("It can be built", builds("tiny"))', id="builds"),
        new_code_cell('check("It says so", loads("tiny"), logs("tiny is here"), points=2)', id="says"),
    ]
    about = {"kmodlab": {"exercise": "90-tiny", "title": "Tiny"}}
    folder.mkdir()
    (folder / "master.ipynb").write_text(writes(new_notebook(cells=cells, metadata=about)))


def hand_in(exercise: Path, into: Path, answer: str | None = None, change: Callable[[Any], None] | None = None) -> None:
    master = read_master(exercise / "master.ipynb")
    data = json.loads(release(master))
    (name,) = master.answers
    if answer is not None:
        next(cell for cell in data["cells"] if cell["id"] == name)["source"] = answer
    if change:
        change(data)
    into.mkdir(parents=True, exist_ok=True)
    (into / master.notebook.name).write_text(json.dumps(data))


def forge(data: Any) -> None:
    """Checks that say that they passed, points that are worth more, and a cell that would end a Jupyter kernel."""
    for cell in data["cells"]:
        if "points" in cell["metadata"]["nbgrader"]:
            cell["metadata"]["nbgrader"]["points"] = 1000
            cell["source"], cell["execution_count"] = "1000.0", 1
            cell["outputs"] = [{"output_type": "execute_result", "data": {"text/plain": "1000.0"}, "metadata": {}}]
    data["cells"].insert(0, {"cell_type": "code", "source": "import os; os._exit(0)", "metadata": {}, "id": "evil"})


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Masters, and what eight learners handed in."""
    folder = tmp_path_factory.mktemp("course")
    exercises, given = folder / "exercises", folder / "given"
    exercises.mkdir()
    shutil.copytree(HELLO, exercises / "01-hello")
    write_tiny(exercises / "90-tiny")
    hello, tiny = exercises / "01-hello", exercises / "90-tiny"
    right = next(iter(read_master(hello / "master.ipynb").answers.values())).source
    hand_in(hello, given / "ada", right)
    hand_in(hello, given / "bob", right.replace("hello exit", "goodbye"))
    hand_in(hello, given / "eve", change=forge)
    hand_in(tiny, given / "ada", SOLUTION)
    hand_in(tiny, given / "carol", SOLUTION)  # the same to the byte
    endless = "local_irq_disable();\n    for (;;)\n        ;\n    return 0;"
    hand_in(tiny, given / "dan", SOLUTION.replace("return 0;", endless))
    hand_in(tiny, given / "frank", SOLUTION.replace("return 0;", "emergency_restart();\n    return 0;"))
    hand_in(tiny, given / "mallory", SOLUTION.replace("    return", '    panic("now");\n    return'))
    (given / "oscar").mkdir()
    (given / "oscar" / "tiny.ipynb").write_bytes(b'{"cells": [')
    (given / "trudy.ipynb").symlink_to("/etc/passwd")
    (given / "ada" / "notes.txt").write_text("mine")
    return folder


POINTS = {
    ("ada", "01-hello"): 8,
    ("bob", "01-hello"): 5,
    ("eve", "01-hello"): 0,
    ("ada", "90-tiny"): 3,
    ("carol", "90-tiny"): 3,
    ("dan", "90-tiny"): 1,
    ("frank", "90-tiny"): 1,
    ("mallory", "90-tiny"): 1,
    ("oscar", "90-tiny"): 0,
}

# ---- running it ----------------------------------------------------------------------------------------------------


def argv_of(course: Path, out: Path, *options: str) -> list[str]:
    words = [sys.executable, "-m", "kmodlab", "grade", "--out", str(out), "--format", "json,csv", *options]
    return [*words, "--exercises", str(course / "exercises"), str(course / "given")]


def grade(course: Path, out: Path, *options: str, environment: dict[str, str] | None = None) -> tuple[int, str]:
    done = subprocess.run(
        argv_of(course, out, *options),
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        env={**os.environ, **(environment or {})},
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def results_in(out: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """All results but for their times, and for what the kernel said, which has times in it.

    What hangs is told as just that: on a crowded machine there is more patience, and the kernel finds it out first.
    """
    results = {}
    for path in out.glob("results/*/*.json"):
        result = json.loads(path.read_text())
        for part in (result, *result["checks"]):
            del part["seconds"]
            part.pop("log", None)
            if any(words in part["reason"] for words in ("in time", "lockup", "hangs")):
                part |= {"reason": HANGS, "line": None, "hints": []}
        results[result["learner"], result["exercise"]] = result
    return results


@contextmanager
def grading(course: Path, out: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """A grader under way."""
    argv = argv_of(course, out, *options)
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as grader:
        try:
            yield grader
        finally:
            grader.kill()


def wait_for_results(grader: subprocess.Popen[str], count: int) -> None:
    assert grader.stderr is not None
    for _ in range(count):
        line = grader.stderr.readline()
        assert "points" in line, line + grader.stderr.read()


def family_of(grader: subprocess.Popen[str]) -> list[psutil.Process]:
    return psutil.Process(grader.pid).children(recursive=True)


@pytest.fixture(scope="module")
def graded(course: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of one run with one process."""
    out = tmp_path_factory.mktemp("graded")
    status, output = grade(course, out)
    assert status == 0, output
    return out


# ---- what comes of it ----------------------------------------------------------------------------------------------


def test_everybody_gets_the_points_earned(graded: Path) -> None:
    results = results_in(graded)
    assert {key: result["points"] for key, result in results.items()} == POINTS
    assert {key[0] for key, result in results.items() if result["state"] != "graded"} == {"oscar"}
    assert all(result["sandboxed"] and result["kernel"] for result in results.values())


def test_what_failed_has_a_reason_and_the_right_one_to_blame(graded: Path) -> None:
    results = results_in(graded)
    reasons = {learner: results[learner, "90-tiny"]["checks"][1]["reason"] for learner in ("dan", "frank", "mallory")}
    assert reasons["dan"] == HANGS
    assert "rebooted" in reasons["frank"]
    assert "anic" in reasons["mallory"]
    assert results["oscar", "90-tiny"]["reason"] == "It is not JSON, or was cut off."


def test_forged_checks_and_points_are_reported_and_worth_nothing(graded: Path) -> None:
    eve = results_in(graded)["eve", "01-hello"]
    assert (eve["points"], eve["max_points"]) == (0, 8)
    remarks = "\n".join(eve["remarks"])
    for output in ("The check `greets` was changed.", "said to be worth 1000", "1 cell is not part of the exercise."):
        assert output in remarks


def test_what_is_no_submission_has_a_row_or_is_listed(graded: Path) -> None:
    with (graded / "gradebook.csv").open(newline="") as file:
        (trudy,) = (row for row in csv.DictReader(file) if row["learner"] == "trudy")
    assert (trudy["exercise"], trudy["state"], trudy["points"]) == ("", "rejected", "0")
    assert trudy["remarks"] == "It is a link or a device."
    assert (graded / "left-out.txt").read_text() == "given/ada/notes.txt: It is not a notebook.\n"


def test_a_second_run_is_answered_from_the_journal(course: Path, graded: Path) -> None:
    before = results_in(graded)
    status, output = grade(course, graded)
    assert status == 0, output
    assert "0 checks made" in output
    assert "8 of them were answered from the journal" in output
    assert results_in(graded) == before
    again = [sys.executable, "-m", "kmodlab", "grade", "--out", str(graded)]  # what is not said is as before
    done = subprocess.run(again, capture_output=True, text=True, timeout=WAIT_S, cwd=graded, check=False)
    assert done.returncode == 0, done.stderr
    assert "8 of them were answered from the journal" in done.stdout + done.stderr
    assert results_in(graded) == before


# ---- however it is run ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "endings",
    [
        pytest.param([signal.SIGKILL], id="once"),
        pytest.param([signal.SIGKILL, signal.SIGINT, signal.SIGKILL], id="again and again", marks=pytest.mark.long),
    ],
)
def test_a_run_that_is_killed_goes_on_and_leaves_nothing(
    course: Path, graded: Path, tmp_path: Path, endings: list[signal.Signals]
) -> None:
    for number, ending in enumerate(endings):
        with grading(course, tmp_path, "--jobs", "2", *(["--resume"] if number else [])) as grader:
            wait_for_results(grader, 3 + number)  # two are rejected without a worker
            family = family_of(grader)
            workers = [process for process in family if is_grading_worker(process)]
            if number == 0:
                workers[0].kill()  # and nobody notices
                wait_for_results(grader, 1)
            grader.send_signal(ending)
            assert grader.wait(WAIT_S) in (-signal.SIGKILL, 130)
        wait_until_gone(family)
    assert grade(course, tmp_path)[0] == 2, "without --resume"
    status, output = grade(course, tmp_path, "--resume", "--jobs", "2")
    assert status == 0, output
    assert results_in(tmp_path) == results_in(graded)


@pytest.mark.long
def test_a_dask_cluster_that_loses_a_worker_comes_to_the_same_results(
    course: Path, graded: Path, tmp_path: Path
) -> None:
    size: dict[str, Any] = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with dask.config.set({"temporary-directory": str(tmp_path / "dask")}), LocalCluster(**size) as cluster:
        pids = [nanny.pid for nanny in cluster.workers.values()]
        with grading(course, tmp_path / "out", "--scheduler", cluster.scheduler_address) as grader:
            wait_for_results(grader, 3)
            os.kill(pids[0], signal.SIGKILL)
            assert grader.stderr is not None
            output = grader.stderr.read()
            assert grader.wait(WAIT_S) == 0, output
        family = [
            process
            for pid in pids
            if psutil.pid_exists(pid)
            for process in psutil.Process(pid).children(recursive=True)
        ]
        wait_until_gone([process for process in family if is_grading_worker(process)])
    assert results_in(tmp_path / "out") == results_in(graded)


# ---- when it cannot be done ----------------------------------------------------------------------------------------


def keep_only(course: Path, folder: Path, learner: str) -> Path:
    shutil.copytree(course / "exercises", folder / "exercises")
    shutil.copytree(course / "given" / learner, folder / "given" / learner)
    return folder


def test_what_had_too_little_time_is_errored_and_no_zero_and_graded_the_next_time(course: Path, tmp_path: Path) -> None:
    small, out = keep_only(course, tmp_path / "small", "carol"), tmp_path / "out"
    status, output = grade(small, out, "--deadline", "0.05")
    assert status == 4
    assert "1 errored" in output
    (result,) = results_in(out).values()
    assert (result["state"], result["points"]) == ("errored", None)
    assert grade(small, out)[0] == 0
    (result,) = results_in(out).values()
    assert (result["state"], result["points"]) == ("graded", 3)


def test_without_a_sandbox_it_refuses_unless_told_and_then_says_so(course: Path, tmp_path: Path) -> None:
    small, out = keep_only(course, tmp_path / "small", "carol"), tmp_path / "out"
    off = {"KMODLAB_SANDBOX": "off"}
    status, output = grade(small, out, environment=off)
    assert status == 4
    assert "Nothing is graded without one" in output
    assert not results_in(out)
    status, output = grade(small, out, "--without-sandbox", environment=off)
    assert status == 0, output
    assert "There was no sandbox." in output
    (result,) = results_in(out).values()
    assert (result["sandboxed"], result["points"]) == (False, 3)


@pytest.mark.parametrize(
    ("options", "status", "sentence"),
    [
        (["--exercise", "99-none"], 2, "There is no exercise '99-none'."),
        (["--format", "json,paper"], 2, "There is no format 'paper'."),
        pytest.param(["--scheduler", "tcp://127.0.0.1:1"], 4, "There is no Dask scheduler", marks=pytest.mark.long),
    ],
)
def test_a_wrong_call_is_one_sentence(
    course: Path, tmp_path: Path, options: list[str], status: int, sentence: str
) -> None:
    got, output = grade(course, tmp_path, *options)
    assert (got, sentence in output) == (status, True), output


def test_a_dask_scheduler_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_pool, "CONNECT_S", 0.5)
    with pytest.raises(SetupError, match="There is no Dask scheduler at tcp:"):
        dask_pool.DaskPool("tcp://127.0.0.1:1", deadline_s=1)


def test_a_broken_exercise_is_named(course: Path, tmp_path: Path) -> None:
    small = keep_only(course, tmp_path / "small", "carol")
    master = small / "exercises" / "90-tiny" / "master.ipynb"
    master.write_text(master.read_text().replace('builds(\\"tiny\\")', "nothing()"))
    status, output = grade(small, tmp_path / "out")
    assert status == 3
    assert "90-tiny" in output


def test_two_graders_do_not_write_into_one_folder(course: Path, tmp_path: Path) -> None:
    with FileLock(tmp_path / ".lock"):  # as another one holds it
        status, output = grade(course, tmp_path)
    assert status == 2
    assert "Another `kmodlab grade` writes to" in output
