"""Check words that need the tracer: leaks, faults in the calls of init, many loads in a row.

Each of them runs in guests of its own, so that the other expectations of the check have no effect on it.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence

from kmodlab.checks.check import Expectation
from kmodlab.checks.check_result import Failure
from kmodlab.checks.context import CheckContext
from kmodlab.checks.random_values import Value
from kmodlab.errors import KmodlabError, UsageError
from kmodlab.guest.devices import get_device
from kmodlab.i18n import N_, _, ngettext
from kmodlab.tracer.call_log import calls_made
from kmodlab.tracer.fault_injection import FaultOptions, SiteResult, try_faults
from kmodlab.tracer.kernel_api import Functions
from kmodlab.tracer.leaks import freed_early, left_after_cycles, level_after_cycles, unwaited_timers
from kmodlab.tracer.observe import RunTask, Subject
from kmodlab.tracer.releases import largest_allocation, unreleased
from kmodlab.tracer.resources import KINDS, resource_title
from kmodlab.tracer.run import load_argv
from kmodlab.tracer.trace_records import Records
from kmodlab.tracer.troubles import Trouble, Verdict
from kmodlab.tracer.unseen import describe_unseen, unseen_calls
from kmodlab.tracer.verdict import Finding, find_verdict

_RUN_S = 15.0
_REVIEW = N_("It costs no points; a person must look at it.")
_FINE = (Verdict.CLEAN, Verdict.NOT_INJECTED)


def leaves_nothing(name: str, *, script: str = "", devices: Sequence[str] = (), **parameters: Value) -> Expectation:
    """The module leaves nothing behind after it was loaded, used by the shell commands in `script`, and unloaded.

    If init fails, the module must not leave anything behind either. `devices` are plugged in before it is loaded.
    """
    plugged = tuple(get_device(device).name for device in devices)

    def examine(context: CheckContext) -> Failure | None:
        task = RunTask(settle=True, script=script, devices=plugged, timeout_s=_RUN_S * context.patience)
        return _observe(context, name, task, parameters)

    return Expectation(examine)


def survives_rounds(name: str, rounds: int = 20) -> Expectation:
    """The module is loaded and unloaded `rounds` times in a row, and the use of resources does not grow."""

    def examine(context: CheckContext) -> Failure | None:
        return _observe(context, name, RunTask(settle=True, cycles=rounds, timeout_s=_RUN_S * context.patience), {})

    return Expectation(examine)


def exits_in_order(name: str, *files: str, **parameters: Value) -> Expectation:
    """Exit releases a resource only after it has stopped everything that uses it.

    Before each call in exit, timers expire, work runs, and these files are read. For each timer, exit must make a call
    that waits until the timer's function has returned. Exit must not free memory before the first such call, or before
    it removes a file in /proc.
    """

    def examine(context: CheckContext) -> Failure | None:
        task = RunTask(settle=True, interludes=files, timeout_s=_RUN_S * context.patience)
        return _observe(context, name, task, parameters, _find_disorder)

    return Expectation(examine)


def _find_disorder(context: CheckContext, subject: Subject, functions: Functions, records: Records) -> Failure | None:
    calls = list(calls_made(subject.code, functions, records.first_load))
    call = next(iter(unwaited_timers(calls).values()), None)
    if call:
        message = _("Nothing waits until the function of the timer has ended that `{function}` starts.")
        return Failure(message.format(function=call.name), context.builds.line_at(call.line))
    early = freed_early(calls)
    if early is None:
        return None
    message = _("`{free}` frees memory while other code can still use it: only after that, exit calls `{function}`.")
    reason = message.format(free=early[0].name, function=early[1].name)
    return Failure(reason, context.builds.line_at(early[0].line))


def acquires(name: str, *kinds: str, memory: int = 0, **parameters: Value) -> Expectation:
    """While it is loaded, the module holds a resource of each kind, and `memory` bytes of memory, acquired in init.

    The kinds are those of tracer/kernel_api.txt: "class", "misc", "workqueue", ...

    Raises: UsageError for an unknown kind.
    """
    unknown = next((kind for kind in kinds if kind not in KINDS), None)
    if unknown:
        raise UsageError(_("There is no resource {kind!r}.").format(kind=unknown))

    def examine(context: CheckContext) -> Failure | None:
        subject = context.subject(name, _words(context, parameters))
        if isinstance(subject, Failure):
            return subject
        with context.run_pool() as pool:
            observation = pool.observe(subject, RunTask(load_only=True, timeout_s=_RUN_S * context.patience))
            calls = [call for call in calls_made(subject.code, pool.functions, observation.records) if call.in_init]
        finding = find_verdict(subject, pool.functions, observation)
        if finding.init_returned != 0:
            return _describe_unloaded(context, finding, subject)
        held = {acquired.kind for acquired in unreleased(calls)}
        missing = next((kind for kind in kinds if kind not in held), None)
        is_small = largest_allocation(calls) < memory
        if missing or is_small:
            _require_seen(subject, pool.functions, observation.records)
        if missing:
            message = _("While it is loaded, `{name}` does not hold {resource}.")
            return Failure(message.format(name=name, resource=resource_title(missing)))
        if not is_small:
            return None
        message = ngettext(
            "While it is loaded, `{name}` does not hold {number} byte of memory.",
            "While it is loaded, `{name}` does not hold {number} bytes of memory.",
            memory,
        )
        return Failure(message.format(name=name, number=memory))

    return Expectation(examine)


def survives_faults(name: str, *, at_least: int = 1, **parameters: Value) -> Expectation:
    """Each call in init that can fail is made to fail once: init returns its error and leaves nothing behind.

    A call that returns an errno fails with a rare errno, so a constant in init's return statement is wrong. There must
    be at least `at_least` calls that can fail.
    """

    def examine(context: CheckContext) -> Failure | None:
        subject = context.subject(name, _words(context, parameters))
        if isinstance(subject, Failure):
            return subject

        def check_time(_what: str, _done: int, _total: int) -> None:
            if context.left_s <= 0:
                raise _TooLongError

        options = FaultOptions(cycles=0, timeout_s=_RUN_S * context.patience, rare_errnos=True)
        try:
            with context.run_pool() as pool:
                faults = try_faults(pool, subject, options, check_time)
        except _TooLongError:
            return Failure(_("Making each call in init fail once took too long."), by_time=True)
        if faults.plain.verdict is not Verdict.CLEAN:
            return _describe(context, faults.plain, subject)
        bad = [site for site in faults.sites if site.verdict not in _FINE]
        certain = next((site for site in bad if site.verdict is not Verdict.UNSEEN), None)
        if certain:
            return _describe_site(context, certain, subject)
        if faults.exit_troubles:
            return _describe_exit(context, faults.exit_troubles[0], subject)
        if bad:
            raise _UnseenError(f"{bad[0].reason}.", hint=_(_REVIEW))
        ignored = next((site for site in faults.sites if _is_ignored(site, pool.functions)), None)
        if ignored:
            return _describe_ignored(context, ignored)
        injected = sum(site.verdict is Verdict.CLEAN for site in faults.sites)
        return Failure(_("Init makes too few calls that can fail.")) if injected < at_least else None

    return Expectation(examine)


def _require_seen(subject: Subject, functions: Functions, records: Records) -> None:
    unseen = unseen_calls(subject.code, functions, records)
    if unseen:
        raise _UnseenError(f"{describe_unseen(subject.code, unseen[0])}.", hint=_(_REVIEW))


class _UnseenError(KmodlabError):
    """The tracer saw no problem, but it could not observe everything, so the check is errored."""


def _is_ignored(site: SiteResult, functions: Functions) -> bool:
    """Whether init succeeded although the call had failed, for instance by a second attempt."""
    known = functions.find(site.symbol)
    optional = known is not None and known.optional
    return site.finding is not None and site.finding.init_returned == 0 and not optional


def _describe_ignored(context: CheckContext, site: SiteResult) -> Failure:
    reason = _("When {function} fails: init returns 0, and not the error.").format(function=site.function)
    return Failure(reason, context.builds.line_at(site.line))


class _TooLongError(Exception):
    """The time limit of the check was reached."""


def _words(context: CheckContext, parameters: dict[str, Value]) -> tuple[str, ...]:
    return tuple(f"{key}={value}" for key, value in context.random_values.draw(**parameters).items())


_Further = Callable[[CheckContext, Subject, Functions, Records], Failure | None]


def _observe(
    context: CheckContext, name: str, task: RunTask, parameters: dict[str, Value], further: _Further | None = None
) -> Failure | None:
    subject = context.subject(name, _words(context, parameters))
    if isinstance(subject, Failure):
        return subject
    with context.run_pool() as pool:
        observation = pool.observe(subject, task, another=True)  # the next check's guest boots at the same time
    finding = find_verdict(subject, pool.functions, observation)
    context.final_log = observation.kernel_log
    if finding.verdict is not Verdict.CLEAN:
        return _describe(context, finding, subject)
    if task.cycles and observation.cycles_done != task.cycles:
        message = _("`{name}` could not be loaded and unloaded {number} times in a row.")
        return Failure(message.format(name=name, number=task.cycles), by_time=True)
    if level_after_cycles(observation) is False:
        left = left_after_cycles(subject.code, pool.functions, observation)
        message = (
            _("After {number} loads and unloads, more kernel resources are in use than before: {left}.")
            if left
            else _("After {number} loads and unloads, more kernel resources are in use than before.")
        )
        return Failure(message.format(number=task.cycles, left=left))
    return further(context, subject, pool.functions, observation.records) if further else None


def _describe(context: CheckContext, finding: Finding, subject: Subject) -> Failure:
    context.final_log = finding.observation.kernel_log
    if finding.verdict is Verdict.UNSEEN:
        raise _UnseenError(f"{finding.sentence}.", hint=_(_REVIEW))
    is_reported = bool(finding.troubles and finding.troubles[0].report)
    reason = (
        _("The kernel reported: {report}.").format(report=finding.sentence)
        if is_reported
        else f"{finding.sentence[:1].upper()}{finding.sentence[1:].rstrip('.')}."
    )
    reason = _with_command(reason, subject)
    return Failure(reason, context.builds.line_at(finding.line), by_time=finding.verdict is Verdict.HANGS)


def _describe_exit(context: CheckContext, trouble: Trouble, subject: Subject) -> Failure:
    reason = _("In exit: {consequence}.").format(consequence=trouble.sentence.rstrip("."))
    line = context.builds.line_at(trouble.line)
    return Failure(_with_command(reason, subject), line, by_time=trouble.verdict is Verdict.HANGS)


def _describe_unloaded(context: CheckContext, finding: Finding, subject: Subject) -> Failure:
    if finding.verdict is not Verdict.UNSEEN:
        return _describe(context, finding, subject)
    return Failure(_with_command(_("It is not loaded: {words}.").format(words=finding.init_text), subject))


def _with_command(reason: str, subject: Subject) -> str:
    """A reason, followed by the insmod command if it had parameters, so that learners can repeat it."""
    if not subject.parameters:
        return reason
    command = shlex.join(load_argv(subject.name, subject.parameters))
    return " ".join([reason, _("It was loaded with `{command}`.").format(command=command)])


def _describe_site(context: CheckContext, site: SiteResult, subject: Subject) -> Failure:
    line = (site.finding.line if site.finding else None) or site.line
    if site.finding:
        context.final_log = site.finding.observation.kernel_log
    message = (
        _("When call {number} of {function} fails: {consequence}.")
        if site.nth > 1
        else _("When {function} fails: {consequence}.")
    )
    reason = message.format(function=site.function, number=site.nth, consequence=site.reason)
    reason = _with_command(reason, subject)
    return Failure(reason, context.builds.line_at(line), by_time=site.verdict is Verdict.HANGS)
