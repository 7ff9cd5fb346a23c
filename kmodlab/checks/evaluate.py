"""The verdict on a check: passed, failed, or errored.

Failed is the learner's doing, whatever a module does to its guest included. What is ours is tried in fresh guests,
three times in all, and is errored then: no points are given, and none taken. Whatever else goes wrong here is errored
too, so nothing passes by accident. What did not end in time on a crowded machine is tried again with more patience.
"""

from __future__ import annotations

import os

from kmodlab.checks.check import Check
from kmodlab.checks.context import CheckContext
from kmodlab.checks.result import CheckResult, Failure, Status
from kmodlab.checks.runner import CheckRunner
from kmodlab.errors import GuestError, KmodlabError
from kmodlab.submission.learner_sources import LearnerSources

TRIES = 3
_PATIENCE = 2.5  # times the usual, once, where the machine is crowded
_CROWDED = 1.5  # processes for each processor that want to run
_LOG, _LOG_LINES = 10_000, 80  # characters and lines that are kept of what the kernel said


def evaluate(check: Check, work: LearnerSources, runner: CheckRunner) -> CheckResult:
    """Judge one check. Never raises but for an interrupt."""
    trouble: Exception = GuestError("no guest was tried")
    failures, patience = 0, 1.0
    while failures < TRIES:
        try:
            result, by_time = _judge_once(check, work, runner, patience)
        except GuestError as error:
            trouble, failures = error, failures + 1
        except Exception as error:  # fail closed: whatever it is, it is no verdict on the learner's work
            trouble, failures = error, TRIES
        else:
            if not by_time or patience > 1 or not _is_crowded():
                return result
            patience = _PATIENCE
    return _errored(check, trouble)


def _is_crowded() -> bool:
    """Whether so much runs on this machine that something may be slow without being stuck."""
    return os.getloadavg()[0] > _CROWDED * (os.cpu_count() or 1)


def _judge_once(check: Check, work: LearnerSources, runner: CheckRunner, patience: float) -> tuple[CheckResult, bool]:
    """The verdict, and whether it is about something that did not end in time."""
    context = CheckContext(work, runner, patience)
    try:
        misses = _misses(check, context)
    finally:
        context.close()
    if not misses:
        return CheckResult(check.title, Status.PASSED, float(check.points), check.points), False
    share = 0.0
    if check.partial and not context.is_broken:  # a crash is never half right
        share = 1 - len(misses) / len(check.expectations)
    first = misses[0]
    hints = (*([first.hint] if first.hint else []), *check.hints)
    points = round(check.points * share, 2)
    log = _end_of(context.log)
    result = CheckResult(check.title, Status.FAILED, points, check.points, first.reason, first.line, hints, log)
    return result, any(miss.by_time for miss in misses)


def _end_of(log: str) -> str:
    return "\n".join(log[-_LOG:].split("\n")[-_LOG_LINES:])


def _misses(check: Check, context: CheckContext) -> list[Failure]:
    """What is not met: the first such thing, or all of them where each counts by itself."""
    misses: list[Failure] = []
    try:
        for expectation in check.expectations:
            miss = expectation.examine(context)
            misses += [miss] if miss else []
            if misses and (not check.partial or context.is_broken):
                return misses
        late = context.finish()
    except GuestError as error:
        late = context.lost(error)
        if late is None:
            raise
    return [late, *misses] if late else misses


def _errored(check: Check, trouble: Exception) -> CheckResult:
    if isinstance(trouble, GuestError):
        why = f"{TRIES} guests in a row failed, and not because of your work."
        hint = "Run it again; `kmodlab doctor` says what may be wrong with the machine."
    else:
        why = str(trouble) if isinstance(trouble, KmodlabError) else f"{type(trouble).__name__}: {trouble}"
        hint = trouble.hint if isinstance(trouble, KmodlabError) else ""
    reason = f"This could not be checked: {why}"
    return CheckResult(check.title, Status.ERRORED, None, check.points, reason, None, (hint,) if hint else ())
