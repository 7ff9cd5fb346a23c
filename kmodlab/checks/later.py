"""Finds what goes wrong after the last command: timers, work and threads that modules of a check have started.

Only modules that call a function which starts a timer, work or a thread are examined. The clock of the check's own
guest is advanced by `JUMP_MS` (`CheckContext.finish`). A module that was unloaded is loaded twice more, under the
tracer, which finds callbacks that are pending after an unload, whenever they are due.
"""

from __future__ import annotations

from kmodlab.checks.check_result import Failure
from kmodlab.checks.context import CheckContext
from kmodlab.i18n import _
from kmodlab.tracer.leaks import Leak
from kmodlab.tracer.leftovers import as_leftover, may_call, may_run_later
from kmodlab.tracer.observe import Subject
from kmodlab.tracer.run import JUMP_MS, STOP_FIRST
from kmodlab.tracer.troubles import Trouble


def find_later_failure(context: CheckContext) -> Failure | None:
    """The failure of a module that the check has unloaded; None if all is well.

    The caller has given the check's guest back before.
    """
    for name, parameters in context.unloaded:
        subject = context.subject(name, parameters)
        if isinstance(subject, Failure) or not may_call(subject.code, may_run_later):
            continue
        result = context.runner.run_once_more(subject, context.patience)
        if result.crash or result.running:
            context.final_log, context.is_broken = result.log, True
        if result.running:
            return _describe_leak(context, subject, result.running)
        if result.crash:
            return _describe_crash(context, subject, result.crash)
    return None


def _describe_crash(context: CheckContext, subject: Subject, crash: Trouble) -> Failure:
    message = _("Within {seconds} seconds after it is loaded, `{name}` crashes. The kernel reported: {report}.")
    reason = message.format(name=subject.code.name, seconds=JUMP_MS // 1000, report=crash.sentence.rstrip("."))
    return Failure(reason, context.builds.line_at(crash.line))


def _describe_leak(context: CheckContext, subject: Subject, leak: Leak) -> Failure:
    reason = f"{as_leftover(subject, leak).sentence} {_(STOP_FIRST)}"
    return Failure(reason, context.builds.line_at(leak.line))
