"""The verdict on a check: passed, failed, errored or skipped.

A check fails because of the learner's work, which includes whatever a module does to its guest; before a failure is
reported, the lab's files are verified. Infrastructure failures are retried in a fresh guest, up to three attempts; then
the check is errored, which gives no points and takes none. Any other exception makes the check errored too, so nothing
passes by accident. If something did not end in time on a crowded machine, the check is repeated with longer timeouts. A
check that needs a kernel of our own is skipped if that has not been built.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from kmodlab.checks.check import Check
from kmodlab.checks.check_result import CheckResult, Failure, Status
from kmodlab.checks.context import CheckContext
from kmodlab.checks.later import find_later_failure
from kmodlab.checks.runner import CheckRunner
from kmodlab.errors import GuestError, KmodlabError
from kmodlab.guest.own_lab import how_to_build
from kmodlab.i18n import _
from kmodlab.kernel.own import get_variant
from kmodlab.submission.learner_sources import LearnerSources

TRIES = 3
_PATIENCE = 2.5  # factor for all timeouts on a crowded machine
_CROWDED = 1.5  # runnable processes for each processor
Progress = Callable[[str, int, int], None]  # the check's title, expectations done, expectations in total
_LOG_LENGTH, _LOG_LINES = 10_000, 80  # characters and lines that are kept of the kernel's log


def evaluate(
    check: Check,
    work: LearnerSources,
    runner: CheckRunner,
    progress: Progress = lambda _title, _done, _total: None,
) -> CheckResult:
    """Run a check on a learner's work. Every Exception becomes an errored result; only KeyboardInterrupt is raised."""
    last_error: Exception = GuestError("")
    attempts, patience = 0, 1.0
    while attempts < TRIES:
        try:
            own_runner = runner.on(check.kernel) if check.kernel else runner
            if own_runner is None:
                return _skipped(check)
            result, by_time = _evaluate_once(check, work, own_runner, patience, progress)
        except GuestError as error:
            last_error, attempts = error, attempts + 1
        except Exception as error:  # fail closed: no exception is a verdict on the learner's work
            last_error, attempts = error, TRIES
        else:
            if not by_time or patience > 1 or not _is_crowded():
                return result
            patience = _PATIENCE
    return _errored(check, last_error)


def _is_crowded() -> bool:
    """Whether so many processes run on this machine, or ran in the last minute, that a timeout may be its fault."""
    running = int(Path("/proc/loadavg").read_text().split()[3].partition("/")[0])  # proc(5)
    return max(running, os.getloadavg()[0]) > _CROWDED * (os.cpu_count() or 1)


def _evaluate_once(
    check: Check, work: LearnerSources, runner: CheckRunner, patience: float, progress: Progress
) -> tuple[CheckResult, bool]:
    """The result of one attempt, and whether a failure is about something that did not end in time."""
    context = CheckContext(work, runner, patience)
    try:
        failures = _find_failures(check, context, progress)
    finally:
        context.close()
    if not failures or context.is_late:
        later = find_later_failure(context)
        failures = [later] if later else failures
    if not failures:
        return CheckResult(check.title, Status.PASSED, float(check.points), check.points), False
    if context.used_guest:
        runner.lab.verify()
    share = 0.0
    if check.partial and not context.is_broken:  # a crash earns nothing
        share = 1 - len(failures) / len(check.expectations)
    first = failures[0]
    hints = (*([first.hint] if first.hint else []), *check.hints)
    points = round(check.points * share, 2)
    log = "\n".join(context.log[-_LOG_LENGTH:].split("\n")[-_LOG_LINES:])
    result = CheckResult(check.title, Status.FAILED, points, check.points, first.reason, first.line, hints, log)
    return result, any(failure.by_time for failure in failures)


def _find_failures(check: Check, context: CheckContext, progress: Progress) -> list[Failure]:
    """The failure of the first expectation that is not met; with partial points, the failures of all."""
    failures: list[Failure] = []
    try:
        for number, expectation in enumerate(check.expectations):
            progress(check.title, number, len(check.expectations))
            failure = expectation.examine(context)
            failures += [failure] if failure else []
            if failures and (not check.partial or context.is_broken):
                return failures
        context.is_late = not failures
        late = context.finish()
    except GuestError as error:
        late = context.explain_loss(error)
        if late is None:
            raise
    return [late, *failures] if late else failures


def _skipped(check: Check) -> CheckResult:
    sentence = _("This check needs the {kernel} kernel, which is not built here. It gives no points and takes none.")
    reason = sentence.format(kernel=check.kernel)
    hint = how_to_build(get_variant(check.kernel))
    return CheckResult(check.title, Status.SKIPPED, 0.0, 0.0, reason, None, (hint,))


def _errored(check: Check, error: Exception) -> CheckResult:
    if isinstance(error, GuestError):
        cause = _("{number} guests in a row failed, and not because of your work.").format(number=TRIES)
        hint = _("Run the check again. `kmodlab doctor` shows what may be wrong with the machine.")
    else:
        cause = str(error) if isinstance(error, KmodlabError) else f"{type(error).__name__}: {error}"
        hint = error.hint if isinstance(error, KmodlabError) else ""
    reason = _("This could not be checked: {cause}").format(cause=cause)
    return CheckResult(check.title, Status.ERRORED, None, check.points, reason, None, (hint,) if hint else ())
