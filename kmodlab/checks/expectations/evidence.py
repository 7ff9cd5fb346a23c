"""Words that need the tracer: what is left behind, what happens when a call in init fails, many loads in a row.

Each of them runs in guests of its own, so they are met by the module alone, whatever else the check does.
"""

from __future__ import annotations

from kmodlab.checks.check import Expectation
from kmodlab.checks.context import CheckContext
from kmodlab.checks.random_values import Value
from kmodlab.checks.result import Failure
from kmodlab.tracer.fault_injection import FaultOptions, SiteResult, try_faults
from kmodlab.tracer.leaks import level_after_cycles
from kmodlab.tracer.observe import RunTask
from kmodlab.tracer.verdict import Finding, Verdict, find_verdict

_RUN_S = 15.0
_FINE = (Verdict.CLEAN, Verdict.NOT_INJECTED)


def leaves_nothing(name: str, *, script: str = "", **parameters: Value) -> Expectation:
    """The module is loaded, used by the shell commands in `script`, unloaded; nothing of it is left in the kernel.

    Also where its init fails: then nothing may be left after that.
    """

    def examine(context: CheckContext) -> Failure | None:
        return _observed(
            context, name, RunTask(settle=True, script=script, timeout_s=_RUN_S * context.patience), parameters
        )

    return Expectation(examine)


def survives_rounds(name: str, rounds: int = 20) -> Expectation:
    """The module is loaded and unloaded so many times in a row, and nothing comes together."""

    def examine(context: CheckContext) -> Failure | None:
        return _observed(context, name, RunTask(settle=True, cycles=rounds, timeout_s=_RUN_S * context.patience), {})

    return Expectation(examine)


def survives_faults(name: str, *, at_least: int = 1, **parameters: Value) -> Expectation:
    """Each call in init that can fail is made to fail once: init returns the error, and leaves nothing behind.

    At least so many calls must there be, or nothing was shown.
    """

    def examine(context: CheckContext) -> Failure | None:
        subject = context.subject(name, _words(context, parameters))
        if isinstance(subject, Failure):
            return subject

        def go_on(_what: str, _done: int, _total: int) -> None:
            if context.left_s <= 0:
                raise _TooLongError

        options = FaultOptions(cycles=0, timeout_s=_RUN_S * context.patience)
        try:
            with context.runs() as runs:
                faults = try_faults(runs, subject, options, go_on)
        except _TooLongError:
            return Failure("It took too long to let each call in init fail once.", by_time=True)
        if faults.plain.verdict is not Verdict.CLEAN:
            context.last_words = faults.plain.observation.kernel_log
            return _miss(context, faults.plain)
        bad = next((site for site in faults.sites if site.verdict not in _FINE), None)
        if bad:
            return _miss_at(context, bad)
        injected = sum(site.verdict is Verdict.CLEAN for site in faults.sites)
        return Failure("Init makes too few calls that can fail.") if injected < at_least else None

    return Expectation(examine)


class _TooLongError(Exception):
    """The check's time is over."""


def _words(context: CheckContext, parameters: dict[str, Value]) -> tuple[str, ...]:
    return tuple(f"{key}={value}" for key, value in context.drawn.draw(**parameters).items())


def _observed(context: CheckContext, name: str, task: RunTask, parameters: dict[str, Value]) -> Failure | None:
    subject = context.subject(name, _words(context, parameters))
    if isinstance(subject, Failure):
        return subject
    with context.runs() as runs:
        observation = runs.observe(subject, task, another=True)  # the next check's guest comes up meanwhile
    finding = find_verdict(subject, runs.functions, observation)
    context.last_words = observation.kernel_log
    if finding.verdict is not Verdict.CLEAN:
        return _miss(context, finding)
    done = observation.cycles_done
    if task.cycles and done != task.cycles:
        return Failure(f"`{name}` could not be loaded and unloaded {task.cycles} times in a row.", by_time=True)
    level = level_after_cycles(observation)
    return Failure(f"After {task.cycles} rounds there is more in the kernel than before.") if level is False else None


def _miss(context: CheckContext, finding: Finding) -> Failure:
    crashed = bool(finding.troubles and finding.troubles[0].report)
    words = f"The kernel reported: {finding.sentence}." if crashed else _sentence(finding.sentence)
    return Failure(words, context.source_line(finding.line), by_time=finding.verdict is Verdict.HANGS)


def _miss_at(context: CheckContext, site: SiteResult) -> Failure:
    line = (site.finding.line if site.finding else None) or site.line
    if site.finding:
        context.last_words = site.finding.observation.kernel_log
    again = f" (call {site.nth})" if site.nth > 1 else ""
    words = f"When {site.function}{again} fails: {site.reason}."
    return Failure(words, context.source_line(line), by_time=site.verdict is Verdict.HANGS)


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:].rstrip('.')}."
