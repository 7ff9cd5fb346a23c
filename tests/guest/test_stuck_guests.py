"""Guests that are stuck, and guests that are only slow: what counts is the processor time that they had."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from kmodlab.checks.check_result import Status
from kmodlab.checks.evaluate import evaluate
from kmodlab.checks.registry import read_check
from kmodlab.checks.runner import CheckRunner
from kmodlab.crash.report import Kind
from kmodlab.errors import EndKind
from kmodlab.guest.lab import Lab
from kmodlab.guest.processor_time import ProcessorTime
from kmodlab.guest.session import Session
from kmodlab.kbuild.build import build
from kmodlab.kbuild.result import Outcome
from kmodlab.kbuild.sources import Sources
from kmodlab.submission.learner_sources import LearnerSources
from kmodlab.tracer.run import run_build

_SPINNER = """\
#include <linux/delay.h>
#include <linux/interrupt.h>
#include <linux/module.h>
static void spin(struct tasklet_struct *unused)
{
	SPIN;
	pr_info("done\\n");
}
static DECLARE_TASKLET(tasklet, spin);
static int __init spinner_init(void)
{
	tasklet_schedule(&tasklet);
	return 0;
}
static void __exit spinner_exit(void)
{
	tasklet_kill(&tasklet);
}
module_init(spinner_init);
module_exit(spinner_exit);
MODULE_LICENSE("GPL");
"""
_FIVE_SECONDS = _SPINNER.replace("SPIN", "mdelay(5000)")
_FOR_EVER = {
    "in a tasklet": _SPINNER.replace("SPIN", "for (;;) cpu_relax()"),
    "without interrupts": _SPINNER.replace("SPIN", "local_irq_disable(); for (;;) cpu_relax()"),
}


@contextmanager
def busy_loops(number: int) -> Iterator[None]:
    """Processes that use as much processor time as they get."""
    argv = [sys.executable, "-c", "while True: pass"]
    processes = [subprocess.Popen(argv) for _ in range(number)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def test_processor_time_counts_what_is_used_and_not_what_is_slept() -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as sleeper, busy_loops(1):
        try:
            own, sleepers = ProcessorTime(os.getpid()), ProcessorTime(sleeper.pid)
            before = own.seconds
            while own.seconds < before + 0.2:
                pass
            assert sleepers.seconds < own.seconds
        finally:
            sleeper.kill()


def test_processor_time_of_a_process_that_has_ended_is_none() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    assert ProcessorTime(process.pid).seconds == 0


@pytest.mark.long
def test_a_module_that_spins_for_five_seconds_passes_on_a_crowded_machine(lab: Lab) -> None:
    work = LearnerSources.of([f"%%kmod spinner\n{_FIVE_SECONDS}"])
    checks = ['loads("spinner"), logs("done", within=8), unloads("spinner")', 'leaves_nothing("spinner")']
    with CheckRunner(lab) as runner:
        built = build(lab.tree, Sources.of("spinner", {"spinner.c": _FIVE_SECONDS}))
        with busy_loops(4), Session(lab) as session:
            run = run_build(session, built)
            assert run.outcome is Outcome.PASSED, run.reason
            for words in checks:
                result = evaluate(read_check(f'check("c", {words})'), work, runner)
                assert result.status is Status.PASSED, result.reason


@pytest.mark.long
@pytest.mark.parametrize("name", _FOR_EVER)
def test_a_loop_without_an_end_is_found_with_its_line(lab: Lab, name: str) -> None:
    built = build(lab.tree, Sources.of("spinner", {"spinner.c": _FOR_EVER[name]}))
    with Session(lab) as session:
        run = run_build(session, built)
    step = next(step for step in run.steps if step.end)
    assert step.end is not None and step.end.kind is EndKind.HANG
    report = step.crashes[0]
    assert report.kind is Kind.NMI
    assert any(frame.function == "spin" and frame.module == "spinner" for frame in report.frames)
    assert "hangs" in run.reason
