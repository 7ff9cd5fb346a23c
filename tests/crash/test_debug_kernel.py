"""What the debug kernel finds by itself, each on the learner's line, and that it finds nothing in correct modules."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from cells import Run
from crashes import DEBUG, DEBUG_MODULES, MARK
from defects import FOLDER, read_cases

from kmodlab.guest.own_lab import OwnLab
from kmodlab.guest.session import Session
from kmodlab.kbuild.build import build
from kmodlab.kbuild.sources import Sources
from kmodlab.tracer.run import run_build

pytestmark = pytest.mark.long
CORRECT = {case.name: case for case in read_cases(FOLDER / "correct")}
# The lines that belong to a mistake besides the one that it is put on: a text of each, in order.
RELATED = {
    "usedinexit": ["kzalloc(", "kfree(box)"],
    "outofbounds": ["kmalloc(length"],
    "freedtwice": ["kmalloc(100", "kfree(buffer);"],
    "crosswise": ["mutex_lock(&knives);", "mutex_lock(&knives);"],
    "sleepslocked": ["spin_lock(&lock);"],
}


def run(name: str) -> dict[str, Any]:
    argv = [sys.executable, "-m", "kmodlab", "run", "--kernel", "debug", "--json", str(DEBUG_MODULES / f"{name}.c")]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize("name", DEBUG)
@pytest.mark.usefixtures("debug_lab")
def test_a_mistake_is_found_and_put_on_its_line(name: str) -> None:
    expected, source = DEBUG[name], (DEBUG_MODULES / f"{name}.c").read_text().splitlines()
    result = run(name)
    report = next(crash for step in result["steps"] for crash in step["crashes"])
    assert report["kind"] in map(str, expected.kinds)
    assert re.match(expected.sentence, report["title"])
    assert (report["function"], report["module"], report["file"]) == (expected.functions[0], name, f"{name}.c")
    assert source[report["line"] - 1].endswith(MARK)
    related = [source[other["line"] - 1] for other in report["related"]]
    wanted = RELATED.get(name, [])
    assert len(related) == len(wanted) and all(text in line for text, line in zip(wanted, related, strict=True))


@pytest.fixture(scope="module")
def debug_session(debug_lab: OwnLab) -> Iterator[Session]:
    with Session(debug_lab) as session:
        yield session


@pytest.mark.parametrize("name", sorted(CORRECT)[::2])  # each is looked through for lost memory, which takes a while
def test_nothing_is_found_in_a_correct_module(debug_lab: OwnLab, debug_session: Session, name: str) -> None:
    debug_session.reset()
    built = build(debug_lab.tree, Sources.of(name, {f"{name}.c": CORRECT[name].text}))
    assert built.passed, built.transcript
    done = run_build(debug_session, built)
    assert [crash.raw for step in done.steps for crash in step.crashes] == []
    assert done.reason == ""


def test_a_notebook_tells_of_lost_memory_when_its_module_is_unloaded(debug_lab: OwnLab, run: Run) -> None:
    cell = run("%use_kernel debug")
    assert debug_lab.file.release in cell.text
    source = (DEBUG_MODULES / "neverfreed.c").read_text()
    assert "unreferenced object" not in run(f"%%kmod neverfreed\n{source}").text
    text = run("%rmmod neverfreed").text
    assert "The kernel warns, and goes on: unreferenced object 0x" in text
    assert "No pointer to this memory is left" in text and MARK in text
    run(f"%%kmod neverfreed\n{source}")
    assert run("%rmmod neverfreed").text.count("unreferenced object") == text.count("unreferenced object")
